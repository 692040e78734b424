package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// maxUsers is how many users of a mount are told of.
const maxUsers = 8

// usersOf returns the programs that stand in a mount or have files of it open, such as
// "find (123)", as far as /proc shows them and without asking the mount. Mapped files
// are not looked for: who reads a process's maps waits for the page that it waits for.
func usersOf(mountpoint string) (users []string) {
	for _, name := range namesIn("/proc") {
		pid, err := strconv.Atoi(name)
		if err != nil || pid == os.Getpid() || !uses(filepath.Join("/proc", name), mountpoint) {
			continue
		}
		if len(users) == maxUsers {
			return append(users, "others")
		}
		comm, _ := os.ReadFile(filepath.Join("/proc", name, "comm")) // it may have ended
		users = append(users, fmt.Sprintf("%s (%d)", oneLine(string(comm)), pid))
	}
	return users
}

// uses reports whether a process, given by its folder in /proc, uses a mount.
func uses(process, mountpoint string) bool {
	links := []string{"cwd", "root"}
	for _, fd := range namesIn(filepath.Join(process, "fd")) {
		links = append(links, filepath.Join("fd", fd))
	}
	for _, link := range links {
		target, err := os.Readlink(filepath.Join(process, link))
		if err == nil && (target == mountpoint || strings.HasPrefix(target, mountpoint+"/")) {
			return true
		}
	}
	return false
}

// namesIn lists a folder of /proc; none if it is gone or not ours to see.
func namesIn(dir string) []string {
	f, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	names, _ := f.Readdirnames(-1) // as far as they go
	return names
}

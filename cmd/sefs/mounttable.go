package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// lookLimit is how long a look at the file system may take. A mount whose server
// is gone or stuck can hold a plain stat for ever.
const lookLimit = 5 * time.Second

var errNoAnswer = errors.New("it does not answer")

// limited returns what look returns, or errNoAnswer if that takes too long. Then
// its goroutine stays behind, which is why only short-lived processes and the few
// looks before a mount go through here.
func limited[T any](look func() (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		v, err := look()
		done <- outcome{v, err}
	}()
	select {
	case o := <-done:
		return o.value, o.err
	case <-time.After(lookLimit):
		var none T
		return none, errNoAnswer
	}
}

// topMount returns the mount that is seen at path, or nil. It reads the kernel's
// table and does not touch the path.
func topMount(path string) (*mountinfo.Info, error) {
	all, err := mountinfo.GetMounts(func(m *mountinfo.Info) (skip, stop bool) {
		return m.Mountpoint != path, false
	})
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return all[len(all)-1], nil // later mounts cover earlier ones
}

// locate finds where path leads, and the mount there if there is one. The mount
// itself is never touched: links are followed one by one, with a look at the
// table before each step.
func locate(path string) (place string, top *mountinfo.Info, err error) {
	if path, err = resolved(path); err != nil {
		return path, nil, err
	}
	for range 40 { // as many links as the kernel follows
		if top, err = topMount(path); top != nil || err != nil {
			return path, top, err
		}
		dir, err := limited(func() (string, error) { return filepath.EvalSymlinks(filepath.Dir(path)) })
		if err != nil {
			return path, nil, err
		}
		if place := filepath.Join(dir, filepath.Base(path)); place != path {
			path = place
			continue
		}
		target, err := limited(func() (string, error) { return os.Readlink(path) })
		if err != nil {
			return path, nil, nil // no link: the end of the way, there or not
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(dir, target)
		}
		path = filepath.Clean(target)
	}
	return path, nil, unix.ELOOP
}

// alive asks the file system at path for a sign of life. It is statfs because the
// kernel never answers that from memory: a stat succeeds for a while on a mount
// whose server was killed.
func alive(path string) error {
	_, err := limited(func() (unix.Statfs_t, error) {
		var st unix.Statfs_t
		return st, unix.Statfs(path, &st)
	})
	return err
}

// isDead reports whether an error of alive says that the server is gone.
func isDead(err error) bool {
	return errors.Is(err, unix.ENOTCONN) || errors.Is(err, unix.ECONNABORTED)
}

// remoteOf is the REMOTE that a mount of ours shows.
func remoteOf(m *mountinfo.Info) string {
	_, remote, _ := strings.Cut(m.Source, ":")
	return remote
}

// resolved makes a path absolute as text. Only where it has a part "..", which leads
// elsewhere behind a link, what is before its last part is looked up.
func resolved(path string) (string, error) {
	dotdot := slices.Contains(strings.Split(path, "/"), "..")
	if !filepath.IsAbs(path) {
		// Not os.Getwd, which looks at the folder: that may be in a mount that hangs.
		dir, err := unix.Getwd()
		if err != nil {
			return "", err
		}
		path = dir + "/" + path
	}
	if !dotdot {
		return filepath.Clean(path), nil
	}
	path = strings.TrimRight(path, "/")
	dir, base := path[:strings.LastIndexByte(path, '/')+1], path[strings.LastIndexByte(path, '/')+1:]
	if base == ".." {
		dir, base = path, "."
	}
	dir, err := limited(func() (string, error) { return filepath.EvalSymlinks(dir) })
	return filepath.Join(dir, base), err
}

package fs

import (
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
)

// dirent is an entry as getdents64 gives it.
type dirent struct {
	ino  uint64
	off  int64 // of the entry behind it
	typ  byte
	name string
}

// getdents reads a folder from where the descriptor stands, with a buffer of the given
// size, at most that many times.
func getdents(fd, size, times int) (all []dirent, err error) {
	buf := make([]byte, size)
	for range times {
		n, err := syscall.Getdents(fd, buf)
		if err != nil {
			return all, err
		}
		if n == 0 {
			break
		}
		for at := 0; at < n; {
			length := int(binary.NativeEndian.Uint16(buf[at+16:]))
			name := buf[at+19 : at+length]
			all = append(all, dirent{
				ino:  binary.NativeEndian.Uint64(buf[at:]),
				off:  int64(binary.NativeEndian.Uint64(buf[at+8:])),
				typ:  buf[at+18],
				name: string(name[:slices.Index(name, 0)]),
			})
			at += length
		}
	}
	return all, nil
}

const untilEnd = 1 << 30

// seekDeed reads a folder whole, then from every offset on: with the same descriptor,
// with a fresh one, and after a rewind. All have to agree.
func seekDeed(args []string) int {
	dir := args[0]
	fd, err := syscall.Open(dir, syscall.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return fail(os.Stderr, "open: %v", err)
	}
	all, err := getdents(fd, 1000, untilEnd)
	if err != nil {
		return fail(os.Stderr, "read: %v", err)
	}
	for i := -1; i < len(all); i += max(1, len(all)/40) {
		from := int64(0)
		if i >= 0 {
			from = all[i].off
		}
		fresh, err := syscall.Open(dir, syscall.O_RDONLY|syscall.O_DIRECTORY, 0)
		if err != nil {
			return fail(os.Stderr, "open: %v", err)
		}
		for _, fd := range []int{fd, fresh} {
			if _, err := syscall.Seek(fd, from, 0); err != nil {
				return fail(os.Stderr, "seek to %d: %v", from, err)
			}
			rest, err := getdents(fd, 4096, untilEnd)
			if err != nil || !slices.Equal(rest, all[i+1:]) {
				return fail(os.Stderr, "from entry %d, offset %d: %d entries, want %d; error %v",
					i, from, len(rest), len(all)-i-1, err)
			}
		}
		_ = syscall.Close(fresh)
	}
	for _, e := range all {
		fmt.Printf("%c %d %s\x00", map[byte]rune{syscall.DT_DIR: 'd', syscall.DT_REG: 'f'}[e.typ], e.ino, e.name)
	}
	return 0
}

// statDeed prints what lstat shows of each path.
func statDeed(paths []string) int {
	for _, path := range paths {
		var st syscall.Stat_t
		if err := syscall.Lstat(path, &st); err != nil {
			return fail(os.Stderr, "lstat %s: %v", path, err)
		}
		fmt.Printf("ino %d mode %o nlink %d size %d uid %d times %d.%d %d.%d %d.%d\x00", st.Ino, st.Mode, st.Nlink, st.Size, st.Uid,
			st.Atim.Sec, st.Atim.Nsec, st.Mtim.Sec, st.Mtim.Nsec, st.Ctim.Sec, st.Ctim.Nsec)
	}
	return 0
}

func sorted(all []string) []string {
	slices.SortFunc(all, strings.Compare)
	return all
}

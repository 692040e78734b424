package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Permissions that others must not have on a file that readOwn reads.
const (
	writable  fs.FileMode = 0o022 // who writes it decides what we do
	reachable fs.FileMode = 0o077 // who reads it has the secret
)

// maxOwnFile bounds in bytes what is read of a file.
const maxOwnFile = 1 << 20

// readOwn reads a file that we do as it says: it must be of this process's user or of
// root, and others must have none of the permissions in forbidden. Links are followed, but
// owner and mode are asked of the open file, so that they are those of the bytes that
// are read. The error goes on from the file's name.
func readOwn(path string, forbidden fs.FileMode) ([]byte, error) {
	// Without O_NONBLOCK, opening a named pipe would wait for its writer.
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", bare(err))
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", bare(err))
	}
	mode := info.Mode().Perm()
	switch {
	case path == os.DevNull:
		return nil, nil // the usual way to have none
	case !info.Mode().IsRegular():
		// The process in the background reads it again, which a pipe does not allow.
		return nil, errors.New("is no regular file: give the path of one")
	case !isOwn(info):
		return nil, fmt.Errorf("belongs to another user, who can change it: run chown %d %s", os.Geteuid(), path)
	case mode&forbidden == 0:
	case forbidden == reachable:
		return nil, fmt.Errorf("is open to others (mode %04o): run chmod 600 %s", mode, path)
	default:
		return nil, fmt.Errorf("can be written by others (mode %04o): run chmod go-w %s", mode, path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxOwnFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot be read: %w", bare(err))
	case len(text) > maxOwnFile:
		return nil, fmt.Errorf("is larger than %d MiB: it cannot be the right one", maxOwnFile>>20)
	}
	return text, nil
}

// isOwn reports whether a file is of this process's user or of root.
func isOwn(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && (st.Uid == 0 || int(st.Uid) == os.Geteuid())
}

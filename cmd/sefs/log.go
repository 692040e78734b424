package main

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// newLog returns the log of a verb, which writes to w.
func newLog(w io.Writer, s *settings) *slog.Logger {
	options := &slog.HandlerOptions{Level: s.logLevel}
	if s.debug {
		options.Level = slog.LevelDebug // that is where the kernel's requests are
	}
	if s.logFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// verbLog returns the log of a verb, and what ends it.
func verbLog(p *process, s *settings) (*slog.Logger, func(), error) {
	if s.logFile == "" || p.starter != nil { // in the background stderr is the file
		return newLog(p.stderr, s), func() {}, nil
	}
	f, err := openLog(s.logFile, 0)
	if err != nil {
		return nil, nil, err
	}
	return newLog(f, s), func() { _ = f.Close() }, nil // each line was written by itself
}

// openLog opens a log file for appending.
func openLog(path string, flags int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|flags, 0o600)
	if err != nil {
		return nil, fail(exitFailed, "the log file %s cannot be opened (%v): name another with --log-file", path, bare(err))
	}
	return f, nil
}

// openDefaultLog opens the log of a mount in the background, in a folder that only
// its user can enter.
func openDefaultLog(p *process, remote, mountpoint string) (*os.File, error) {
	dir := "/var/log/sefs"
	if os.Getuid() != 0 {
		state := p.xdgFolder("XDG_STATE_HOME", filepath.Join(".local", "state"))
		if state == "" {
			return nil, fail(exitUsage, "there is no place for a log: set HOME or XDG_STATE_HOME, or give --log-file")
		}
		dir = filepath.Join(state, "sefs")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fail(exitFailed, "the log folder %s cannot be made (%v): name a file with --log-file", dir, bare(err))
	}
	if info, err := os.Lstat(dir); err != nil || !info.IsDir() || info.Mode()&writable != 0 || !isOwn(info) {
		return nil, fail(exitFailed, "the log folder %s could be changed by others: run chmod 700 %s, or name a file with --log-file", dir, dir)
	}
	// The name can be foreseen, so a link that others put there is not followed.
	return openLog(filepath.Join(dir, logName(remote, mountpoint)), unix.O_NOFOLLOW)
}

// logName makes a file name of what is mounted where. Two mounts may get the same
// one; they then share a file, to which both append.
func logName(remote, mountpoint string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '.', r == '_':
			return r
		}
		return '-'
	}, remote+"-on"+mountpoint)
	const longest = 200 // of the 255 bytes that a name may have
	return name[max(0, len(name)-longest):] + ".log"
}

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A file that says what to do is read only if nobody else could have written that; who
// owns it and who may, is asked of what a link leads to.
func TestReadOwn(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, mode os.FileMode, owner int) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("text"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(path, owner, -1); err != nil {
			if os.Getuid() != 0 {
				return ""
			}
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	link := func(name, target string) string {
		path := filepath.Join(dir, name)
		if err := os.Symlink(target, path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pipe := filepath.Join(dir, "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	const mine = -1
	for _, test := range []struct {
		name, path string
		forbidden  os.FileMode
		refused    string // part of the error
	}{
		{"for all to read", file("read", 0o644, mine), writable, ""},
		{"for the group to write", file("group", 0o664, mine), writable, "mode 0664): run chmod go-w"},
		{"for all to write", file("all", 0o602, mine), writable, "mode 0602"},
		{"behind a link", link("good", "read"), writable, ""},
		{"for all to write behind a link", link("bad", "all"), writable, "mode 0602"},
		{"a secret for the group", file("secret", 0o640, mine), reachable, "mode 0640): run chmod 600"},
		{"a secret", file("hidden", 0o600, mine), reachable, ""},
		{"of another user", file("other", 0o600, 65534), reachable, "belongs to another user"},
		{"of another user behind a link", link("others", "other"), writable, "belongs to another user"},
		{"a pipe", pipe, writable, "no regular file"},
		{"a folder", dir, writable, "no regular file"},
		{"nothing", filepath.Join(dir, "nothing"), writable, "no such file"},
		{"a link to nothing", link("nowhere", "nothing"), writable, "no such file"},
		{"another device", "/dev/zero", 0, "no regular file"},
	} {
		if test.path == "" {
			continue // only root can make it
		}
		text, err := readOwn(test.path, test.forbidden)
		switch {
		case test.refused == "" && (err != nil || string(text) != "text"):
			t.Errorf("%s: %q, %v", test.name, text, err)
		case test.refused != "" && (err == nil || !strings.Contains(err.Error(), test.refused)):
			t.Errorf("%s: %q, %v, want %s", test.name, text, err, test.refused)
		}
	}
	if text, err := readOwn(os.DevNull, reachable); err != nil || len(text) != 0 {
		t.Errorf("%s: %q, %v", os.DevNull, text, err)
	}
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, make([]byte, maxOwnFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readOwn(large, reachable); err == nil || !strings.Contains(err.Error(), "larger") {
		t.Errorf("a large file: %v", err)
	}
}

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// asOther runs a program as another user, to its end.
func (w *world) asOther(args ...string) (out string, err error) {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), args[0], args[1:]...)
	cmd.Env, cmd.Dir = []string{"LC_ALL=C", "PATH=" + os.Getenv("PATH")}, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	text, err := cmd.CombinedOutput()
	return string(text), err
}

// Other users see nothing of a mount unless they are let in, and then what modes let them see.
func TestOtherUsers(t *testing.T) {
	needFUSE(t)
	for _, test := range []struct {
		name  string
		flags []string
		in    bool
	}{
		{"by default", nil, false},
		{"let in", []string{"--allow-other"}, true},
		{"let in, but not into folders", []string{"--allow-other", "--dir-mode=0550"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.newService()
			w.letOthersIn()
			if out, err := w.asOther("ls", w.mountpoint); err != nil {
				t.Fatalf("before there is a mount: %v %s", err, out)
			}
			w.wantDone(w.sefs(append(append([]string{"mount"}, test.flags...), remote, w.mountpoint)...))
			w.wantNames(w.mountpoint, "film.mp4", "series") // also in the caches
			for _, args := range [][]string{
				{"ls", "-1", w.mountpoint},
				{"cat", filepath.Join(w.mountpoint, "film.mp4")},
				{"stat", filepath.Join(w.mountpoint, "series", "one.mp4")},
			} {
				out, err := w.asOther(args...)
				if in := err == nil; in != test.in || !in && !strings.Contains(out, "Permission denied") {
					t.Errorf("%s: %v, %.200q", args[0], err, out)
				}
			}
			w.wantDone(w.sefs("unmount", w.mountpoint))
		})
	}
}

// Nobody gains rights by what is stored, and programs are started from it unless told
// otherwise.
func TestMountFlags(t *testing.T) {
	needFUSE(t)
	for noexec, flags := range map[bool][]string{
		false: {"--file-mode=0555"},
		true:  {"--file-mode=0555", "--noexec"},
	} {
		t.Run(strings.Join(flags, " "), func(t *testing.T) {
			w := newWorld(t)
			w.newService()
			w.wantDone(w.sefs(append(append([]string{"mount"}, flags...), remote, w.mountpoint)...))
			for _, m := range w.mounts() {
				got := strings.Split(m.Options+","+m.VFSOptions, ",")
				for option, want := range map[string]bool{"ro": true, "nosuid": true, "nodev": true, "noexec": noexec, "allow_other": false} {
					if slices.Contains(got, option) != want {
						t.Errorf("options %q: %s is wrong", got, option)
					}
				}
			}
			if n := len(w.mounts()); n != 1 {
				t.Errorf("%d mounts", n)
			}
			w.wantDone(w.sefs("unmount", w.mountpoint))
		})
	}
}

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestUnmountRefused(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		code int
		want []string
	}{
		{"no argument", nil, exitUsage, []string{"MOUNTPOINT is missing"}},
		{"empty", []string{""}, exitUsage, []string{"MOUNTPOINT"}},
		{"not there", []string{"/nowhere/at/all"}, exitMountpoint, []string{"does not exist"}},
		{"no mount", []string{"MNT"}, exitMountpoint, []string{"not mounted", "findmnt"}},
		{"another mount", []string{"/proc"}, exitMountpoint, []string{"proc", "umount"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			args := []string{"unmount"}
			for _, a := range test.args {
				args = append(args, strings.ReplaceAll(a, "MNT", w.mountpoint))
			}
			w.wantFailure(w.sefs(args...), test.code, test.want...)
		})
	}
}

func TestUnmountInUse(t *testing.T) {
	needFUSE(t)
	w := newWorld(t)
	w.newService()
	w.wantDone(w.sefs("mount", remote, w.mountpoint))
	release := w.use(w.mountpoint)
	defer release()
	r := w.sefs("unmount", w.mountpoint)
	if r.code != exitFailed || strings.Count(r.stderr, "\n") != 1 || !strings.Contains(r.stderr, "EBUSY") || !strings.Contains(r.stderr, "--lazy") {
		t.Errorf("exit code %d, stderr %q", r.code, r.stderr)
	}
	w.wantNames(w.mountpoint, "film.mp4", "series") // still there
	w.wantDone(w.sefs("unmount", "--lazy", w.mountpoint))
	if left := w.mounts(); len(left) > 0 {
		t.Errorf("a mount is left: %v", left[0])
	}
}

// A dead mount is cleared, even while a process stands in it.
func TestUnmountDead(t *testing.T) {
	needFUSE(t)
	w := newWorld(t)
	w.newService()
	for _, used := range []bool{false, true} {
		w.wantDone(w.sefs("mount", remote, w.mountpoint))
		if used {
			pid := w.daemon()
			defer w.use(w.mountpoint)()
			if err := unix.Kill(pid, unix.SIGKILL); err != nil {
				t.Fatal(err)
			}
			w.waitFor("the mount to be dead", func() bool { return isDead(alive(w.mountpoint)) })
		} else {
			w.killDaemon()
		}
		w.wantDone(w.sefs("unmount", w.mountpoint))
		if left := w.mounts(); len(left) > 0 {
			t.Fatalf("a mount is left: %v", left[0])
		}
	}
}

// Who may not unmount asks the helper.
func TestUnmountByHelper(t *testing.T) {
	needFUSE(t)
	for _, test := range []struct {
		name, helper string
		code         int
		want         string
	}{
		{"done", `echo "$@" > $HOME/asked`, exitDone, ""},
		{"in use", `echo "fusermount3: failed to unmount $2: Device or resource busy" >&2; exit 1`, exitFailed, "EBUSY"},
		{"refused", `echo "fusermount3: $2 is not yours" >&2; exit 1`, exitFailed, "is not yours"},
		{"no helper", "", exitFailed, "no right to unmount"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.newService()
			w.wantDone(w.sefs("mount", remote, w.mountpoint))
			if test.helper != "" {
				w.write("bin/fusermount3", "#!/bin/sh\nHOME="+w.dir+"\n"+test.helper+"\n", 0o755)
			}
			r := w.inNamespace(`PATH=$HOME/bin exec `+tool(t, "setpriv")+` --bounding-set=-sys_admin $sefs unmount "$1"`, w.mountpoint)
			if r.code != test.code || !strings.Contains(r.stderr, test.want) {
				t.Errorf("exit code %d, stderr %q", r.code, r.stderr)
			}
			if test.code == exitDone {
				asked, err := os.ReadFile(filepath.Join(w.dir, "asked"))
				if want := "-u " + w.mountpoint + "\n"; err != nil || string(asked) != want {
					t.Errorf("the helper was asked %q, %v, want %q", asked, err, want)
				}
			}
			w.wantDone(w.sefs("unmount", w.mountpoint))
		})
	}
}

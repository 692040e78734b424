package main

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestDemoTour(t *testing.T) {
	needFUSE(t)
	w := newWorld(t)
	w.set("SEFS_TTL=nonsense") // an account's trouble is not the demo's
	r := w.sefs("demo")
	w.wantDone(r)
	if r.stderr != "" {
		t.Errorf("stderr is %q", r.stderr)
	}
	files, folders := demoTree().Len()
	if files < 200 || folders < 5 {
		t.Errorf("the demo's library has %d files and %d folders", files, folders)
	}
	for _, part := range []string{"no account", "mounted", "290 files", "0 calls", "read-only file system", "unmounted", "byte for byte"} {
		if !strings.Contains(r.stdout, part) {
			t.Errorf("stdout lacks %q:\n%s", part, r.stdout)
		}
	}
	if left := w.mounts(); len(left) > 0 {
		t.Errorf("a mount is left: %v", left[0])
	}
}

func TestDemoStays(t *testing.T) {
	needFUSE(t)
	for _, way := range []string{"interrupt", "unmount"} {
		t.Run(way, func(t *testing.T) {
			w := newWorld(t)
			r := w.start("demo", w.mountpoint)
			w.waitMounted(w.mountpoint)
			if found := w.run("find", filepath.Join(w.mountpoint, "radio"), "-name", "*.mp3"); strings.Count(found.stdout, "\n") != 250 {
				t.Errorf("find printed %d lines, want 250", strings.Count(found.stdout, "\n"))
			}
			if way == "interrupt" {
				r.signal(syscall.SIGINT)
			} else {
				w.wantDone(w.sefs("unmount", w.mountpoint))
			}
			end := r.end()
			w.wantDone(end)
			for _, part := range []string{w.mountpoint, "find ", "Ctrl-C", "sha256sum"} {
				if !strings.Contains(end.stdout, part) {
					t.Errorf("stdout lacks %q:\n%s", part, end.stdout)
				}
			}
		})
	}
}

func TestDemoFails(t *testing.T) {
	w := newWorld(t)
	w.wantFailure(w.sefs("demo", "/nowhere/at/all"), exitMountpoint, "mkdir -p")
	w.wantFailure(w.sefs("demo", w.mountpoint, "x"), exitUsage, `"x"`)
	w.wantFailure(w.sefs("demo", "--log-level=loud"), exitUsage, "--log-level")
	w.wantFailure(w.inNamespace("mount -t tmpfs none /dev; exec $sefs demo"), exitFUSE, "no /dev/fuse")
}

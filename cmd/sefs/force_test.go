package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sefs/fs"
)

// fusectl is mounted for the tests that need it, and unmounted after the last of them.
var fusectl struct {
	sync.Mutex
	users int
}

// needFusectl skips the test where fusectl cannot be mounted.
func (w *world) needFusectl() {
	w.t.Helper()
	fusectl.Lock()
	defer fusectl.Unlock()
	if names, err := os.ReadDir(connections); fusectl.users == 0 && (err != nil || len(names) > 0) {
		return // mounted by the machine
	}
	if fusectl.users == 0 {
		if err := unix.Mount("none", connections, "fusectl", 0, ""); err != nil {
			w.t.Skipf("fusectl cannot be mounted: %v", err)
		}
	}
	fusectl.users++
	w.t.Cleanup(func() {
		fusectl.Lock()
		defer fusectl.Unlock()
		if fusectl.users--; fusectl.users == 0 {
			if err := unix.Unmount(connections, unix.MNT_DETACH); err != nil {
				w.t.Errorf("fusectl cannot be unmounted: %v", err)
			}
		}
	})
}

// hung is a mount whose server is stopped, with an ls that waits for it.
type hung struct {
	w      *world
	server int
	ls     *running
}

// newHung makes one; what prepare does comes before. At the end of the test it is taken away
// and its server ended, whatever the test did.
func (w *world) newHung(prepare ...func()) *hung {
	w.t.Helper()
	w.wantDone(w.sefs("mount", remote, w.mountpoint))
	h := &hung{w: w, server: w.daemon()}
	for _, f := range prepare {
		f()
	}
	m := w.mounts()[0]
	if err := syscall.Kill(h.server, syscall.SIGSTOP); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if len(w.mounts()) > 0 {
			_ = forceUnmount(w.mountpoint, m)
		}
		_ = syscall.Kill(h.server, syscall.SIGKILL) // it may have ended
	})
	w.waitFor("the server to be stopped", func() bool { return w.state(h.server) == "T" })
	h.ls = w.begin("ls", w.mountpoint+"/series")
	w.waitFor("ls to wait for the mount", func() bool {
		where, err := os.ReadFile(fmt.Sprintf("/proc/%d/wchan", h.ls.cmd.Process.Pid))
		return err == nil && strings.Contains(string(where), "request_wait") || w.state(h.ls.cmd.Process.Pid) == "S"
	})
	return h
}

// state is the letter that the kernel has for what a process does.
func (w *world) state(pid int) string {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(stat), ") ")
	return rest[:min(1, len(rest))]
}

// wantEnded checks that the mount is gone and that nobody waits for it, while the server
// still hangs, and lets that end.
func (h *hung) wantEnded() {
	h.w.t.Helper()
	if left := h.w.mounts(); len(left) > 0 {
		h.w.t.Errorf("a mount is left: %v", left[0])
	}
	if r := h.ls.end(); r.code == 0 || r.stderr == "" {
		h.w.t.Errorf("ls ended with %d, %q", r.code, r.stderr)
	}
	if got := h.w.state(h.server); got != "T" {
		h.w.t.Errorf("the server's state is %q", got)
	}
	_ = syscall.Kill(h.server, syscall.SIGCONT)
	h.w.waitFor("the server to end by itself", func() bool { return len(h.w.processes()) == 0 })
}

// A mount that hangs is taken off in bounded time, and who waits for it gets an error.
func TestUnmountForce(t *testing.T) {
	needFUSE(t)
	for _, test := range []struct {
		name, script string
		fusectl      bool
	}{
		{"as root", `exec $sefs unmount --force "$1"`, false},
		// Without the capability the connection's abort file and the helper are left.
		{"by fusectl and the helper", `PATH=$HOME/bin exec ` + tool(t, "setpriv") + ` --bounding-set=-sys_admin $sefs unmount --force "$1"`, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.newService()
			if test.fusectl {
				w.needFusectl()
				w.write("bin/fusermount3", "#!/bin/sh\necho \"$@\" >"+w.dir+"/asked\n", 0o755)
			}
			h := w.newHung()
			began := time.Now()
			r := w.inNamespace(test.script, w.mountpoint)
			w.wantDone(r)
			if took := time.Since(began); took > 10*time.Second { // seconds are promised
				t.Errorf("it took %v", took)
			}
			if test.fusectl {
				if asked, err := os.ReadFile(filepath.Join(w.dir, "asked")); err != nil || string(asked) != "-uz "+w.mountpoint+"\n" {
					t.Errorf("the helper was asked %q, %v", asked, err)
				}
			}
			if left := w.mounts(); len(left) > 0 { // inNamespace has mounts of its own, and the helper did nothing
				if err := unix.Unmount(w.mountpoint, unix.MNT_DETACH); err != nil {
					t.Error(err)
				}
			}
			h.wantEnded()
		})
	}
}

// Other ways than --force end in bounded time as well, and say what is left to do.
func TestHungMount(t *testing.T) {
	needFUSE(t)
	w := newWorld(t)
	w.newService()
	// One stands in it: not even its own working folder may be looked at.
	var from *running
	h := w.newHung(func() {
		from = w.begin("sh", "-c", `cd "$1" && until test -e "$3"; do sleep 0.1; done; exec "$2" unmount --force .`,
			"sh", w.mountpoint, os.Getenv(programVariable), filepath.Join(w.dir, "now"))
		w.waitFor("somebody to stand in the mount", func() bool { return len(usersOf(w.mountpoint)) > 0 })
	})
	if r := w.sefs("mount", remote, w.mountpoint); r.code != exitMountpoint || !strings.Contains(r.stderr, "sefs unmount --force "+w.mountpoint) {
		t.Errorf("mount: exit code %d, %q", r.code, r.stderr)
	}
	if r := w.sefs("unmount", w.mountpoint); r.code != exitFailed || !strings.Contains(r.stderr, "EBUSY") || !strings.Contains(r.stderr, "--force") {
		t.Errorf("unmount: exit code %d, %q", r.code, r.stderr)
	}
	w.write("now", "", 0o600)
	w.wantDone(from.end())
	h.wantEnded()
}

// A mount that is well can be taken off so, too.
func TestUnmountForceOfALiveMount(t *testing.T) {
	needFUSE(t)
	w := newWorld(t)
	w.newService()
	w.wantDone(w.sefs("mount", remote, w.mountpoint))
	defer w.use(w.mountpoint)()
	w.wantDone(w.sefs("unmount", "-f", w.mountpoint))
	if left := w.mounts(); len(left) > 0 {
		t.Errorf("a mount is left: %v", left[0])
	}
}

// A dead mount of another kind is not ours to clear, and stays.
func TestDeadMountOfAnotherKindIsLeftAlone(t *testing.T) {
	needFUSE(t)
	w := newWorld(t)
	w.newService()
	device, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	err = unix.Mount("other", w.mountpoint, "fuse.other", unix.MS_NOSUID|unix.MS_NODEV,
		fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", device.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Unmount(w.mountpoint, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	}()
	if err := device.Close(); err != nil {
		t.Fatal(err)
	}
	w.waitFor("the mount to be dead", func() bool { return isDead(alive(w.mountpoint)) })
	for _, args := range [][]string{{"mount", remote, w.mountpoint}, {"unmount", "--force", w.mountpoint}} {
		if r := w.sefs(args...); r.code != exitMountpoint || !strings.Contains(r.stderr, "fuse.other") || strings.Contains(r.stderr, fs.FSType) {
			t.Errorf("%v: exit code %d, %q", args, r.code, r.stderr)
		}
	}
	if n := len(w.mounts()); n != 1 {
		t.Errorf("%d mounts", n)
	}
}

// A look at a mount that hangs ends, and so does who looks.
func TestProbeOfAHungMount(t *testing.T) {
	needFUSE(t)
	w := newWorld(t)
	w.newService()
	h := w.newHung()
	look := exec.Command(os.Getenv(programVariable))
	look.Env = append(w.environ, probeVariable+"="+w.mountpoint)
	began := time.Now()
	if err := look.Run(); err == nil || look.ProcessState.ExitCode() != probeUnclear {
		t.Errorf("the probe said %v", err)
	}
	if took := time.Since(began); took > 4*lookLimit {
		t.Errorf("it took %v", took)
	}
	w.wantDone(w.sefs("unmount", "--force", w.mountpoint))
	h.wantEnded()
}

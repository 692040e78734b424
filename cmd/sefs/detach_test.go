package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sefs/apiclient/apitest"
)

// Whoever uses the mount, a signal ends it in bounded time, says so, and leaves nobody
// waiting.
func TestSignalEndsAMountInUse(t *testing.T) {
	needFUSE(t)
	for _, test := range []struct {
		name, script string // $1 is the mount point
		silent       bool   // the download host sends nothing
		ends         bool   // the user ends by itself, once the mount is gone
	}{
		{"a working folder", `cd "$1/series" && echo here && exec sleep 60`, false, false},
		{"an open file", `exec 3<"$1/film.mp4" && echo here && exec sleep 60`, false, false},
		{"find", `cd "$1" && echo here; while find . >/dev/null 2>&1; do :; done`, false, true},
		{"a reader that waits", `echo here; exec cat "$1/film.mp4"`, true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			service := w.newService()
			w.set("SEFS_LOG_FILE=")
			if test.silent {
				service.SetAskFault(apitest.EveryAsk(apitest.AskReply{Reply: apitest.Hang()}, apitest.AskContent))
			}
			r := w.start("mount", "-f", remote, w.mountpoint)
			w.waitMounted(w.mountpoint)
			user := w.begin("sh", "-c", test.script, "sh", w.mountpoint)
			defer func() {
				_ = user.cmd.Process.Kill() // it may have ended
				_ = user.cmd.Wait()
			}()
			w.waitFor("somebody to use the mount", func() bool {
				return len(usersOf(w.mountpoint)) > 0 && (!test.silent || service.Calls().Content > 0)
			})
			began := time.Now()
			r.signal(syscall.SIGTERM)
			end := r.end()
			if took := time.Since(began); took > 20*time.Second { // 10 are promised
				t.Errorf("it took %v", took)
			}
			w.wantDone(end)
			if left := w.mounts(); len(left) > 0 {
				t.Errorf("a mount is left: %v", left[0])
			}
			who := fmt.Sprintf("(%d)", user.cmd.Process.Pid)
			for _, part := range []string{"in use, so detached lazily", who, "ended while in use"} {
				if !strings.Contains(end.stderr, part) {
					t.Errorf("stderr lacks %q: %s", part, end.stderr)
				}
			}
			if test.ends {
				user.end() // fails the test if it does not
			}
		})
	}
}

// Who leaves in time is not cut off: the mount is unmounted plainly.
func TestSignalWaitsForShortUsers(t *testing.T) {
	needFUSE(t)
	w := newWorld(t)
	w.newService()
	r := w.start("mount", "-f", remote, w.mountpoint)
	w.waitMounted(w.mountpoint)
	release := w.use(w.mountpoint)
	r.signal(syscall.SIGTERM)
	time.Sleep(300 * time.Millisecond) // it tries for three seconds
	release()
	end := r.end()
	w.wantDone(end)
	if want := "sefs: " + w.mountpoint + ": unmounted\n"; end.stderr != want {
		t.Errorf("stderr is %q, want %q", end.stderr, want)
	}
}

// Who stays a little longer is still served, and the process sees when they have left.
func TestDetachedMountServesUntilItsUsersLeave(t *testing.T) {
	needFUSE(t)
	w := newWorld(t)
	w.newService()
	w.set("SEFS_LOG_FILE=")
	r := w.start("mount", "-f", remote, w.mountpoint)
	w.waitMounted(w.mountpoint)
	user := w.begin("sh", "-c", `cd "$1/series" && exec 3<one.mp4 && while test -e /proc/self/cwd/../series && grep -q " $1 " /proc/self/mountinfo; do :; done; ls`, "sh", w.mountpoint)
	w.waitFor("somebody to use the mount", func() bool { return len(usersOf(w.mountpoint)) > 0 })
	r.signal(syscall.SIGTERM)
	end := r.end()
	w.wantDone(end)
	if got := user.end(); got.stdout != "one.mp4\ntwo.mp4\n" {
		t.Errorf("after it was detached, ls shows %q, %q", got.stdout, got.stderr)
	}
	if !strings.Contains(end.stderr, "all who used it have left") {
		t.Errorf("stderr: %s", end.stderr)
	}
}

// A second signal is for those who do not want to wait.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	needFUSE(t)
	w := newWorld(t)
	w.newService()
	w.set("SEFS_LOG_FILE=")
	r := w.start("mount", "-f", remote, w.mountpoint)
	w.waitMounted(w.mountpoint)
	defer w.use(w.mountpoint)()
	r.signal(syscall.SIGTERM)
	r.signal(syscall.SIGINT)
	end := r.end()
	w.wantDone(end)
	if !strings.Contains(end.stderr, "in use, so detached lazily") || !strings.Contains(end.stderr, "ended at once") {
		t.Errorf("stderr: %s", end.stderr)
	}
}

// A connection that was ended from outside leaves no dead mount behind.
func TestAbortFromOutside(t *testing.T) {
	needFUSE(t)
	w := newWorld(t)
	w.newService()
	w.wantDone(w.sefs("mount", remote, w.mountpoint))
	w.needFusectl()
	if err := abort(w.mounts()[0]); err != nil {
		t.Fatal(err)
	}
	w.waitFor("the process to end", func() bool { return len(w.processes()) == 0 })
	if left := w.mounts(); len(left) > 0 {
		t.Errorf("a mount is left: %v", left[0])
	}
	if log, err := os.ReadFile(filepath.Join(w.dir, "log")); err != nil || !strings.Contains(string(log), "disconnected from outside") {
		t.Errorf("the log is %q, %v", log, err)
	}
}

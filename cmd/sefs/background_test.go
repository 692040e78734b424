package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// daemon returns the process that serves in w.
func (w *world) daemon() int {
	w.t.Helper()
	pids := w.processes()
	if len(pids) != 1 {
		w.t.Fatalf("%d processes serve, want 1: %v", len(pids), pids)
	}
	return pids[0]
}

func TestBackground(t *testing.T) {
	needFUSE(t)
	w := newWorld(t)
	service := w.newService()
	r := w.sefs("mount", remote, w.mountpoint)
	w.wantDone(r)
	log := filepath.Join(w.dir, "log")
	if want := fmt.Sprintf("%s is mounted on %s; log: %s\n", remote, w.mountpoint, log); r.stdout != want || r.stderr != "" {
		t.Errorf("stdout %q, stderr %q, want %q", r.stdout, r.stderr, want)
	}
	if calls := service.Calls().Total; calls != 1 {
		t.Errorf("mounting took %d calls, want 1: two processes must not ask the same", calls)
	}
	w.wantNames(w.mountpoint, "film.mp4", "series")
	w.wantNames(filepath.Join(w.mountpoint, "series"), "one.mp4", "two.mp4")

	pid := w.daemon()
	for _, test := range []struct{ name, want string }{
		{"cwd", "/"}, {"fd/0", "/dev/null"}, {"fd/1", log}, {"fd/2", log},
	} {
		got, err := os.Readlink(fmt.Sprintf("/proc/%d/%s", pid, test.name))
		if err != nil || got != test.want {
			t.Errorf("%s of the process is %q, %v, want %q", test.name, got, err, test.want)
		}
	}
	if session, err := unix.Getsid(pid); err != nil || session != pid {
		t.Errorf("the process is in session %d, %v, not in one of its own", session, err)
	}
	if line := w.cmdline(pid); strings.Contains(line, service.Secret()) || !strings.Contains(line, "mount "+remote) {
		t.Errorf("its command line is %q", line)
	}
	if info, err := os.Stat(log); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the log: %v, %v, want mode 0600", info, err)
	}

	w.wantDone(w.sefs("unmount", w.mountpoint))
	w.waitFor("the process to end", func() bool { return len(w.processes()) == 0 })
	text, err := os.ReadFile(log)
	if err != nil || !strings.Contains(string(text), "unmounted from outside") || strings.Contains(string(text), service.Secret()) {
		t.Errorf("the log is %q, %v", text, err)
	}
}

func TestBackgroundEndsWithSIGTERM(t *testing.T) {
	needFUSE(t)
	w := newWorld(t)
	w.newService()
	w.wantDone(w.sefs("mount", remote, w.mountpoint))
	if err := syscall.Kill(w.daemon(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	w.waitFor("the mount to go", func() bool { return len(w.mounts()) == 0 })
}

// Relative paths are those of the caller, wherever the process in the background is.
func TestBackgroundResolvesPaths(t *testing.T) {
	needFUSE(t)
	w := newWorld(t)
	service := w.newService()
	w.set("SEFS_API_SECRET=", "SEFS_LOG_FILE=")
	w.write("secret", service.Secret()+"\n", 0o600)
	w.write("config.toml", "api-secret-file = \"secret\"\nttl = \"1h\"\n", 0o644)
	if err := os.Symlink("mnt", filepath.Join(w.dir, "link")); err != nil {
		t.Fatal(err)
	}
	r := w.sefs("mount", "--config=config.toml", "--log-file=here.log", "//sestore4//jb/", "link")
	w.wantDone(r)
	for _, part := range []string{remote, w.mountpoint, filepath.Join(w.dir, "here.log")} {
		if !strings.Contains(r.stdout, part) {
			t.Errorf("%q lacks %s", r.stdout, part)
		}
	}
	w.wantNames(w.mountpoint, "film.mp4", "series")
	w.wantDone(w.sefs("unmount", "link"))
}

// Without --log-file the log is in a folder for its user only.
func TestBackgroundDefaultLog(t *testing.T) {
	needFUSE(t)
	w := newWorld(t)
	w.newService()
	w.set("SEFS_LOG_FILE=")
	r := w.inNamespace(`mount -t tmpfs none /var/log; $sefs mount "$@"; stat -c '%a %n' /var/log/sefs /var/log/sefs/*; $sefs unmount "$2"`, remote, w.mountpoint)
	w.wantDone(r)
	want := "700 /var/log/sefs\n600 /var/log/sefs/sestore4-jb-on" + strings.ReplaceAll(w.mountpoint, "/", "-") + ".log\n"
	if !strings.HasSuffix(r.stdout, want) {
		t.Errorf("stdout is %q, want it to end in %q", r.stdout, want)
	}
}

// Names of files are not written where another user could read or change them.
func TestBackgroundLogFolderOfOthers(t *testing.T) {
	needFUSE(t)
	w := newWorld(t)
	w.newService()
	w.set("SEFS_LOG_FILE=")
	for _, spoil := range []string{"mkdir -m 777 sefs", "mkdir sefs; chown 65534 sefs", "ln -s /tmp sefs"} {
		r := w.inNamespace(`mount -t tmpfs none /var/log; cd /var/log; umask 0; `+spoil+`; cd /; exec $sefs mount "$@"`, remote, w.mountpoint)
		w.wantFailure(r, exitFailed, "/var/log/sefs", "changed by others", "--log-file")
	}
}

// A start that failed leaves no log behind, since its reason was told.
func TestBackgroundFailureLeavesNoLog(t *testing.T) {
	needFUSE(t)
	w := newWorld(t)
	w.newService()
	w.set("SEFS_LOG_FILE=", "SEFS_API_KEY=other")
	r := w.inNamespace(`mount -t tmpfs none /var/log; $sefs mount "$@" || echo "code $?"; ls -A /var/log`, remote, w.mountpoint)
	if r.stdout != "code 4\n" {
		t.Errorf("stdout is %q", r.stdout)
	}
}

func TestBackgroundLogCannotBeOpened(t *testing.T) {
	needFUSE(t)
	w := newWorld(t)
	w.newService()
	w.wantFailure(w.sefs("mount", "--log-file=nowhere/log", remote, w.mountpoint), exitFailed, "nowhere/log", "--log-file")
	w.wantFailure(w.sefs("mount", "--log-file=/dev/null/log", remote, w.mountpoint), exitFailed, "not a directory")
}

// A starter that is interrupted ends what it started.
func TestBackgroundStarterInterrupted(t *testing.T) {
	needFUSE(t)
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(s.String(), func(t *testing.T) {
			w := newWorld(t)
			asked := w.newSilence()
			r := w.start("mount", remote, w.mountpoint)
			w.wait("the service to be asked", asked)
			r.signal(s)
			w.wantFailure(r.end(), exitFailed, "interrupted", "nothing is mounted")
			if left := w.processes(); len(left) > 0 {
				t.Errorf("the process in the background outlived its starter: %v", left)
			}
		})
	}
}

// A mount that nobody waits for any more is taken away again.
func TestBackgroundStarterKilled(t *testing.T) {
	needFUSE(t)
	w := newWorld(t)
	asked, answer := make(chan struct{}), make(chan struct{})
	w.newHandler(heldBack(asked, answer))
	r := w.start("mount", remote, w.mountpoint)
	w.wait("the service to be asked", asked)
	r.signal(syscall.SIGKILL)
	_ = r.cmd.Wait()
	close(answer)
	w.waitFor("the process in the background to end", func() bool { return len(w.processes()) == 0 })
	if left := w.mounts(); len(left) > 0 {
		t.Errorf("a mount is left: %v", left[0])
	}
}

// A process in the background that dies without a word is reported with its log.
func TestBackgroundDies(t *testing.T) {
	needFUSE(t)
	w := newWorld(t)
	asked := w.newSilence()
	w.write("log", "an older line\n", 0o600)
	r := w.start("mount", remote, w.mountpoint)
	w.wait("the service to be asked", asked)
	var child int
	for _, pid := range w.processes() {
		if pid != r.cmd.Process.Pid {
			child = pid
		}
	}
	// SIGQUIT makes the Go runtime write its goroutines, which serve as last words.
	if err := syscall.Kill(child, syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	end := r.end()
	if end.code != exitFailed || !strings.Contains(end.stderr, "without a word (exit status 2)") || !strings.Contains(end.stderr, filepath.Join(w.dir, "log")) {
		t.Errorf("exit code %d, stderr %s", end.code, end.stderr)
	}
	if lines := strings.Count(end.stderr, "\n"); lines < 2 || lines > 11 || strings.Contains(end.stderr, "older") || strings.Contains(end.stderr, "hush") {
		t.Errorf("stderr does not end with the end of the log: %s", end.stderr)
	}
}

// What a killed process left mounted is cleared by the next mount.
func TestDeadMountIsCleared(t *testing.T) {
	needFUSE(t)
	w := newWorld(t)
	w.newService()
	w.wantDone(w.sefs("mount", remote, w.mountpoint))
	w.killDaemon()

	r := w.sefs("mount", remote, w.mountpoint)
	w.wantDone(r)
	if strings.Count(r.stderr, "\n") != 1 || !strings.Contains(r.stderr, "dead mount") || !strings.Contains(r.stderr, "cleared") {
		t.Errorf("stderr does not say so: %q", r.stderr)
	}
	w.wantNames(w.mountpoint, "film.mp4", "series")
	if n := len(w.mounts()); n != 1 {
		t.Errorf("%d mounts, want 1", n)
	}
	r = w.sefs("mount", remote, w.mountpoint)
	if r.code != exitMountpoint || !strings.Contains(r.stderr, "already a mount of sefs (sestore4/jb)") {
		t.Errorf("mounting twice: exit code %d, %s", r.code, r.stderr)
	}
	w.wantDone(w.sefs("unmount", w.mountpoint))
}

// killDaemon kills the process that serves, and waits until its mount is dead.
func (w *world) killDaemon() {
	w.t.Helper()
	if err := syscall.Kill(w.daemon(), syscall.SIGKILL); err != nil {
		w.t.Fatal(err)
	}
	w.waitFor("the mount to be dead", func() bool { return isDead(alive(w.mountpoint)) })
}

// A descriptor that the caller left open, such as a lock, is not held by the mount.
func TestBackgroundHoldsNothingOfTheCaller(t *testing.T) {
	needFUSE(t)
	w := newWorld(t)
	w.newService()
	r := w.run("sh", "-c", `exec 9>lock; exec "$@"`, "sh", os.Getenv(programVariable), "mount", remote, w.mountpoint)
	w.wantDone(r)
	fds, err := filepath.Glob("/proc/" + strconv.Itoa(w.daemon()) + "/fd/*")
	if err != nil || len(fds) == 0 {
		t.Fatal(fds, err)
	}
	for _, fd := range fds {
		if target, _ := os.Readlink(fd); strings.HasSuffix(target, "/lock") {
			t.Errorf("%s is %s", fd, target)
		}
	}
	w.wantDone(w.sefs("unmount", w.mountpoint))
}

func TestLogName(t *testing.T) {
	if got, want := logName("sestore4/jb/é", "/mnt/my media"), "sestore4-jb---on-mnt-my-media.log"; got != want {
		t.Errorf("logName = %q, want %q", got, want)
	}
	if got := logName("sestore4/jb", "/"+strings.Repeat("x", 300)); len(got) > 255 || got[0] == '.' {
		t.Errorf("logName of a long path has %d bytes", len(got))
	}
}

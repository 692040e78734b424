package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"sefs/fs"
)

// world is where one test lets the program run: folders of its own, an environment
// of its own, and a check at the end that nothing is left.
type world struct {
	t          *testing.T
	dir        string
	mountpoint string
	environ    []string
	secrets    []string // besides those of the account
}

// newWorld prepares a world, and lets the test run beside others that have one. When the
// test ends, a mount or a process left in it is taken away, and fails the test.
func newWorld(t *testing.T) *world {
	t.Helper()
	t.Parallel()
	dir := t.TempDir()
	w := &world{t: t, dir: dir, mountpoint: filepath.Join(dir, "mnt")}
	for _, name := range []string{"mnt", "tmp"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	w.environ = []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + dir,
		"TMPDIR=" + filepath.Join(dir, "tmp"),
		"SEFS_LOG_FILE=" + filepath.Join(dir, "log"),
		"GORACE=atexit_sleep_ms=0", // else each run takes a second longer under -race
		// Marks our processes, so that those left behind can be told from others.
		"_SEFS_TEST_WORLD=" + dir,
	}
	t.Cleanup(w.checkEmpty)
	return w
}

// checkEmpty fails the test for each mount, process and temporary folder left.
func (w *world) checkEmpty() {
	w.t.Helper()
	w.waitFor("all processes to end", func() bool { return len(w.processes()) == 0 })
	for _, pid := range w.processes() {
		w.t.Errorf("process %d is left behind: %s", pid, w.cmdline(pid))
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	for _, m := range w.mounts() {
		w.t.Errorf("a mount is left behind: %s on %s", m.Source, m.Mountpoint)
		if err := unix.Unmount(m.Mountpoint, unix.MNT_DETACH); err != nil {
			w.t.Errorf("it cannot be unmounted: %v", err)
		}
	}
	if log, err := os.ReadFile(filepath.Join(w.dir, "log")); err == nil && bytes.Contains(log, []byte("DATA RACE")) {
		w.t.Errorf("the process in the background raced:\n%s", log)
	}
	for _, path := range w.logs() {
		if log, err := os.ReadFile(path); err == nil {
			w.wantNoSecret(path+" says", log)
		}
	}
	left, err := os.ReadDir(filepath.Join(w.dir, "tmp"))
	if err != nil || len(left) > 0 {
		w.t.Errorf("temporary files are left behind: %v %v", left, err)
	}
}

// mounts are those of ours below the world's folder.
func (w *world) mounts() []*mountinfo.Info {
	w.t.Helper()
	all, err := mountinfo.GetMounts(mountinfo.PrefixFilter(w.dir))
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// processes are those that run in this world, wherever their parents are.
func (w *world) processes() (pids []int) {
	all, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range all {
		text, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(text, []byte("_SEFS_TEST_WORLD="+w.dir+"\x00")) {
			continue // ended, or not ours
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

func (w *world) cmdline(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return err.Error()
	}
	return strings.ReplaceAll(string(text), "\x00", " ")
}

// waitFor polls until done returns true, within patience.
func (w *world) waitFor(what string, done func() bool) {
	w.t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Errorf("waited in vain for %s", what)
			return
		}
	}
}

// set adds variables to the environment.
func (w *world) set(variables ...string) { w.environ = append(w.environ, variables...) }

// write makes a file in the world and returns its path.
func (w *world) write(name, text string, mode os.FileMode) string {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		w.t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask
		w.t.Fatal(err)
	}
	return path
}

// letOthersIn makes the world's folders such that other users can enter them.
func (w *world) letOthersIn() {
	w.t.Helper()
	for dir := w.dir; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			w.t.Fatal(err)
		}
	}
}

// waitMounted waits for a mount that answers on path.
func (w *world) waitMounted(path string) {
	w.t.Helper()
	w.waitFor("a mount on "+path, func() bool {
		top, err := topMount(path)
		return err == nil && top != nil && top.FSType == fs.FSType && alive(path) == nil
	})
}

// wantFailure checks that a run ended with code and with one line that has all
// the parts.
func (w *world) wantFailure(r result, code int, parts ...string) {
	w.t.Helper()
	if r.code != code {
		w.t.Errorf("exit code %d, want %d", r.code, code)
	}
	if r.stdout != "" {
		w.t.Errorf("stdout is not empty: %q", r.stdout)
	}
	if !strings.HasPrefix(r.stderr, "sefs: ") || strings.Count(r.stderr, "\n") != 1 || !strings.HasSuffix(r.stderr, "\n") {
		w.t.Errorf("stderr is not one line of sefs: %q", r.stderr)
	}
	for _, part := range parts {
		if !strings.Contains(r.stderr, part) {
			w.t.Errorf("stderr lacks %q: %s", part, r.stderr)
		}
	}
	if left := w.mounts(); len(left) > 0 {
		w.t.Errorf("something is mounted after a failure: %v", left[0])
	}
}

// wantDone checks that a run ended well.
func (w *world) wantDone(r result) {
	w.t.Helper()
	if r.code != exitDone {
		w.t.Fatalf("exit code %d; stderr: %s", r.code, r.stderr)
	}
}

// list returns the names in a folder. It is another process, so that a mount that
// hangs cannot hang the tests.
func (w *world) list(dir string) []string {
	w.t.Helper()
	r := w.run("ls", "-1A", dir)
	if r.code != 0 {
		w.t.Fatalf("ls %s: %s", dir, r.stderr)
	}
	return strings.Fields(r.stdout)
}

func (w *world) wantNames(dir string, want ...string) {
	w.t.Helper()
	if got := w.list(dir); !slices.Equal(got, want) {
		w.t.Errorf("%s shows %q, want %q", dir, got, want)
	}
}

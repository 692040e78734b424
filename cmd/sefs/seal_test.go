package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// What wantNoSecret looks for is found, in each form.
func TestLeaksAreFound(t *testing.T) {
	w := &world{environ: []string{"SEFS_CDN=12", "SEFS_API_SECRET=a/b+c"}}
	for _, text := range []string{"?secure=x", "&expires=5", "Authorization: x", `"MTI6YS9iK2M="`, "a/b+c", `a\/b+c`, "a%2Fb%2Bc",
		"signature=" + strings.Repeat("Az+/", 10) + "Az0=", "Basic dXNlcjpw"} {
		found := signed.MatchString(text)
		for _, secret := range w.accountSecrets() {
			found = found || strings.Contains(text, secret)
		}
		if !found {
			t.Errorf("%s is not found", text)
		}
	}
	if line := "time=2026-01-01T00:00:00Z level=INFO msg=mounted mountpoint=/tmp/TestBackground/001/mnt"; signed.MatchString(line) {
		t.Errorf("%s is no secret", line)
	}
}

// The log of everything, and of all goroutines of a process that is made to crash, holds
// no secret: newWorld's check reads it. There is no core of it either.
func TestNoSecretInDebugAndCrash(t *testing.T) {
	needFUSE(t)
	w := newWorld(t)
	w.newService()
	w.set("GOTRACEBACK=crash", "GODEBUG=http2debug=2")
	w.wantDone(w.sefs("mount", "--debug", "--log-level=debug", remote, w.mountpoint))
	w.wantNames(filepath.Join(w.mountpoint, "series"), "one.mp4", "two.mp4")
	w.wantDone(w.run("cat", filepath.Join(w.mountpoint, "series", "one.mp4")))
	pid := w.daemon()
	w.wantNoSecret("the command line has", []byte(w.cmdline(pid)))
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	if err != nil || !strings.Contains(string(limits), "Max core file size        0                    0 ") {
		t.Errorf("a core can be written: %s %v", limits, err)
	}
	if err := syscall.Kill(pid, syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	w.waitFor("the process to end", func() bool { return len(w.processes()) == 0 })
	text, err := os.ReadFile(filepath.Join(w.dir, "log"))
	for _, part := range []string{"LOOKUP", "READ", "SIGQUIT", "goroutine "} {
		if !strings.Contains(string(text), part) {
			t.Errorf("the log lacks %s, %v", part, err)
		}
	}
	w.wantDone(w.sefs("unmount", w.mountpoint))
}

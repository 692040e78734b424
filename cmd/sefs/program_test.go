package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// result is how a run of the program ended.
type result struct {
	code           int
	stdout, stderr string
}

// sefs runs the program to its end.
func (w *world) sefs(args ...string) result {
	w.t.Helper()
	return w.run(append([]string{os.Getenv(programVariable)}, args...)...)
}

// run runs any program to its end.
func (w *world) run(args ...string) result {
	w.t.Helper()
	return w.begin(args...).end()
}

// running is a program that was started.
type running struct {
	w              *world
	cmd            *exec.Cmd
	cancel         context.CancelFunc
	ctx            context.Context
	stdout, stderr bytes.Buffer
}

// start starts the program.
func (w *world) start(args ...string) *running {
	w.t.Helper()
	return w.begin(append([]string{os.Getenv(programVariable)}, args...)...)
}

func (w *world) begin(args ...string) *running {
	w.t.Helper()
	r := &running{w: w}
	r.ctx, r.cancel = context.WithTimeout(context.Background(), patience)
	w.t.Cleanup(r.cancel)
	r.cmd = exec.CommandContext(r.ctx, args[0], args[1:]...)
	r.cmd.Env = w.environ
	r.cmd.Dir = w.dir
	r.cmd.Stdout, r.cmd.Stderr = &r.stdout, &r.stderr
	// A process in the background that kept our pipes would be a bug; it shows as
	// an error of Wait instead of a hang.
	r.cmd.WaitDelay = 5 * time.Second
	if err := r.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (r *running) signal(s os.Signal) {
	r.w.t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		r.w.t.Fatal(err)
	}
}

func (r *running) end() result {
	r.w.t.Helper()
	err := r.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		r.w.t.Fatalf("%v: %v", r.cmd.Args, err)
	}
	if r.ctx.Err() != nil {
		r.w.t.Fatalf("%v did not end; stderr:\n%s", r.cmd.Args, &r.stderr)
	}
	r.w.wantNoSecret(r.cmd.Args[0]+" printed", r.stdout.Bytes())
	r.w.wantNoSecret(r.cmd.Args[0]+" printed", r.stderr.Bytes())
	return result{r.cmd.ProcessState.ExitCode(), r.stdout.String(), r.stderr.String()}
}

// use starts a process that stands in dir until the returned function is called.
func (w *world) use(dir string) (release func()) {
	w.t.Helper()
	r := w.begin("sh", "-c", `cd "$1" && echo here && exec sleep 60`, "sh", dir)
	w.waitFor("a process in "+dir, func() bool {
		there, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", r.cmd.Process.Pid))
		return err == nil && there == dir
	})
	return func() {
		r.signal(syscall.SIGKILL)
		_ = r.cmd.Wait()
	}
}

// tool returns a program's full path, or its name where it is not installed.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		return name
	}
	return path
}

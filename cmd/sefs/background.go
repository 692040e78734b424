package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"sefs/fs"
)

// endLimit is how long the process in the background gets to end when it is asked
// to, before it is killed.
const endLimit = 10 * time.Second

// background starts this program again, apart from the terminal, and returns once
// that mount answers. Only the new process speaks to the service and mounts; this
// one waits for its word.
func background(ctx context.Context, p *process, j job) error {
	log, err := openBackgroundLog(p, j)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	begin, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return fail(exitFailed, "the log file %s must be a regular file: %v", log.Name(), bare(err))
	}
	child, pipe, err := startChild(p, log)
	if err != nil {
		return fail(exitFailed, "the process in the background cannot be started: %v", err)
	}
	defer func() { _ = pipe.Close() }()

	type answer struct {
		report
		told bool
	}
	answers := make(chan answer, 1)
	go func() {
		r, told := listen(pipe)
		answers <- answer{r, told}
	}()
	select {
	case a := <-answers:
		if a.told && a.Ready {
			fmt.Fprintf(p.stdout, "%s is mounted on %s; log: %s\n", j.remote, j.mountpoint, log.Name())
			return child.Process.Release()
		}
		state := endChild(child, j.mountpoint, hurry(ctx))
		if a.told && begin == 0 && j.settings.logFile == "" {
			forget(log.Name()) // it was made for this mount, and the reason is told here
		}
		if !a.told {
			return &failure{
				code:   exitFailed,
				text:   fmt.Sprintf("the process in the background ended without a word (%s); see the end of its log %s", state, log.Name()),
				detail: tail(log.Name(), begin),
			}
		}
		return fail(a.Code, "%s", a.Text)
	case <-ctx.Done():
		endChild(child, j.mountpoint, hurry(ctx))
		if begin == 0 && j.settings.logFile == "" {
			forget(log.Name())
		}
		return fail(exitFailed, "%s", interrupted)
	}
}

// forget removes a log file, and its folder if that is empty then. What cannot be
// removed stays.
func forget(log string) {
	_ = os.Remove(log)
	_ = os.Remove(filepath.Dir(log))
}

func openBackgroundLog(p *process, j job) (*os.File, error) {
	if j.settings.logFile != "" {
		return openLog(j.settings.logFile, 0)
	}
	return openDefaultLog(p, j.remote, j.mountpoint)
}

// startChild starts this program with the same arguments in a session of its own,
// and returns it with the pipe on which it will report.
func startChild(p *process, log *os.File) (*exec.Cmd, *os.File, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	pipe, childEnd, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = childEnd.Close() }()
	// What a caller left open, such as a lock that its shell holds, must not stay
	// open as long as the mount. Old kernels cannot do this; nothing else depends on it.
	_ = unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
	child := exec.CommandContext(context.Background(), program, p.args...) // outlives ours on purpose
	child.Env = append(p.environ[:len(p.environ):len(p.environ)], readyVariable+"="+readyFD)
	child.Stdout, child.Stderr = log, log // stdin is /dev/null
	child.ExtraFiles = []*os.File{childEnd}
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := child.Start(); err != nil {
		return nil, nil, errors.Join(err, pipe.Close())
	}
	return child, pipe, nil
}

// endChild sees to it that the child has ended and left no mount behind, and
// returns how it ended. A child that is ending already is left to it.
func endChild(child *exec.Cmd, mountpoint string, hurry <-chan struct{}) string {
	_ = child.Process.Signal(syscall.SIGTERM) // it may have ended
	kill := time.AfterFunc(endLimit, func() { _ = child.Process.Kill() })
	ended := make(chan struct{})
	go func() {
		select {
		case <-hurry:
			_ = child.Process.Signal(syscall.SIGTERM) // is in a hurry too then
		case <-ended:
		}
	}()
	_ = child.Wait() // how it ended is in ProcessState
	close(ended)
	kill.Stop()
	// The mount point was checked to be none before, so what is there now is the
	// child's. A child that unmounted has left nothing.
	if top, err := topMount(mountpoint); err == nil && top != nil && top.FSType == fs.FSType && isDead(seemsAlive(mountpoint)) {
		_ = unmountPath(mountpoint, true)
	}
	return child.ProcessState.String()
}

// tail returns the last lines of what was written to a file from offset begin.
func tail(path string, begin int64) []string {
	const longest, lines = 4096, 10
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil
	}
	text, err := io.ReadAll(io.NewSectionReader(f, max(begin, size-longest), longest))
	if err != nil || len(text) == 0 {
		return nil
	}
	all := strings.Split(strings.TrimSpace(string(text)), "\n")
	return all[max(0, len(all)-lines):]
}

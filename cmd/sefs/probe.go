package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"
)

// probeVariable makes this program one that looks for a sign of life at the path that
// it names, and says with its exit code what it saw.
const probeVariable = "_SEFS_PROBE"

// What a probe saw.
const (
	probeAlive = iota
	probeDead
	probeUnclear
)

// probe looks for a sign of life of the file system at path.
func probe(path string) int {
	switch err := alive(path); {
	case err == nil:
		return probeAlive
	case isDead(err):
		return probeDead
	}
	return probeUnclear
}

// seemsAlive is alive for the mount of another process. It has a process of its own
// look: what a server has taken and does not answer cannot be interrupted, and a process
// does not end while one of its threads waits for that.
func seemsAlive(path string) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(context.Background(), program) // ended below
	cmd.Env = append(os.Environ(), probeVariable+"="+path)
	cmd.Dir = "/"
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended is in ProcessState
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(lookLimit + time.Second): // it gives up by itself, if it can
		_ = cmd.Process.Kill()
		return errNoAnswer
	}
	switch cmd.ProcessState.ExitCode() {
	case probeAlive:
		return nil
	case probeDead:
		return unix.ENOTCONN
	case probeUnclear:
		return errNoAnswer
	}
	return errors.New("it cannot be looked at: " + cmd.ProcessState.String())
}

package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// How long the ways out may take, together well below endLimit.
const (
	// busyLimit is how long an unmount is tried again while the mount is in use: whatever
	// is about to end, such as a find, shall end well.
	busyLimit = 3 * time.Second
	// leaveLimit is how long those are served who still use a mount that was detached.
	leaveLimit = 2 * time.Second
	// closeLimit is how long loads get to end.
	closeLimit = 2 * time.Second
)

// serve waits until the mount is unmounted from outside, or unmounts it when ctx
// ends: without taking its time, if hurry(ctx) says so.
func (a *attachment) serve(ctx context.Context) error {
	select {
	case <-a.gone:
		if a.onTop() {
			// Its connection was ended, by the kernel's abort file; nobody can use it now.
			a.log.Warn("disconnected from outside", "mountpoint", a.mountpoint)
			_ = unmountPath(a.mountpoint, true) // another may have done it
		}
		a.say(slog.LevelInfo, "unmounted from outside")
		a.close(nil)
		return nil
	case <-ctx.Done():
	}
	return a.detach(hurry(ctx))
}

// detach unmounts and ends what served the mount. The process has to end afterwards,
// for the sake of those who may still wait for the mount.
func (a *attachment) detach(hurry <-chan struct{}) error {
	err := a.unmount(hurry)
	a.close(hurry)
	return err
}

// unmount ends the mount: plainly as soon as nobody uses it, else lazily.
func (a *attachment) unmount(hurry <-chan struct{}) error {
	err := a.unmountUnused(hurry)
	var users []string
	switch {
	case err == nil:
		a.say(slog.LevelInfo, "unmounted")
		return nil
	case errors.Is(err, errNotOurs):
		return nil
	case errors.Is(err, unix.EBUSY):
		users = usersOf(a.mountpoint) // afterwards they are not to be found any more
	}
	if lazyErr := unmountPath(a.mountpoint, true); lazyErr != nil {
		return fail(exitFailed, "%s cannot be unmounted (%v, then %v): run umount -l %s as root", a.mountpoint, err, lazyErr, a.mountpoint)
	}
	if !errors.Is(err, unix.EBUSY) {
		a.say(slog.LevelWarn, "detached lazily: a plain unmount failed", "error", err)
		return nil
	}
	a.say(slog.LevelWarn, "in use, so detached lazily", "users", strings.Join(users, ", "))
	// A read that is under way may come to its end. Those who stay longer get errors once
	// this process has ended, which ends the kernel's connection to it.
	select {
	case <-a.gone:
		a.log.Info("all who used it have left", "mountpoint", a.mountpoint)
	case <-time.After(leaveLimit):
		a.log.Warn("ended while in use: programs that still use the mount get errors from now on", "mountpoint", a.mountpoint)
	case <-hurry:
		a.log.Warn("ended at once: programs that still use the mount get errors from now on", "mountpoint", a.mountpoint)
	}
	return nil
}

// errNotOurs says that the mount is not to be seen at its mount point any more.
var errNotOurs = errors.New("another has unmounted it")

// unmountUnused unmounts the mount. While it is in use it tries again, for busyLimit or
// until somebody is in a hurry.
func (a *attachment) unmountUnused(hurry <-chan struct{}) error {
	const first, longest = 10 * time.Millisecond, 200 * time.Millisecond
	for end, pause := time.Now().Add(busyLimit), first; ; pause = min(2*pause, longest) {
		if !a.onTop() {
			return errNotOurs
		}
		err := unmountPath(a.mountpoint, false)
		if !errors.Is(err, unix.EBUSY) || time.Now().After(end) {
			return err
		}
		select {
		case <-time.After(pause):
		case <-hurry:
			return err
		}
	}
}

// onTop reports whether the mount is what is seen at its mount point. It may have been
// unmounted by another just now, and what is mounted there since is not to be touched.
func (a *attachment) onTop() bool {
	top, err := topMount(a.mountpoint)
	return err == nil && top != nil && top.ID == a.id
}

// say logs what became of the mount, and tells it on stderr too if the log is not there.
func (a *attachment) say(level slog.Level, what string, more ...any) {
	a.log.Log(context.Background(), level, what, append([]any{"mountpoint", a.mountpoint}, more...)...)
	if a.notice != nil {
		a.notice("%s: %s", a.mountpoint, what)
	}
}

// close ends what serves the mount. A load that does not end by itself is not
// waited for long: the process ends next.
func (a *attachment) close(hurry <-chan struct{}) {
	done := make(chan struct{})
	go func() {
		a.files.close()
		close(done)
	}()
	select {
	case <-done:
	case <-hurry:
	case <-time.After(closeLimit):
		a.log.Warn("a load did not end")
	}
	if a.mount != nil && a.mount.Refused() > 0 {
		a.log.Warn("files whose size is not known were not opened", "times", a.mount.Refused())
	}
}

package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/moby/sys/mountinfo"

	"sefs/cache"
	"sefs/fs"
)

// job is what `mount` was asked to do, checked as far as it can be without the
// service.
type job struct {
	settings   *settings
	secret     string
	remote     string
	mountpoint string
	log        *slog.Logger
	// notice prints what becomes of the mount where its user sees it; nil if the log is
	// there, or nobody would see it.
	notice func(format string, args ...any)
}

// attachment is a mount that answers, with all that serves it.
type attachment struct {
	job
	files *remoteFiles
	mount *fs.Mount
	gone  chan struct{} // closed when the kernel has let go of the mount
	id    int           // of the mount in the kernel's table
}

// attach asks the service for REMOTE and mounts it. It returns once the mount
// answers; on an error nothing is mounted.
func attach(ctx context.Context, j job) (*attachment, error) {
	unlock, err := lockMountpoint(j.mountpoint)
	if err != nil {
		return nil, err
	}
	defer unlock()
	r, err := newRemote(j.settings, j.secret, j.remote, j.log)
	if err != nil {
		return nil, err
	}
	j.settings.logMemory(j.log)
	limitHeap(j.settings.memory)
	a := &attachment{job: j, files: r}
	if err := a.try(ctx); err != nil {
		a.close(hurry(ctx))
		return nil, explain(err, j.settings, j.remote)
	}
	return a, nil
}

// try lists REMOTE, mounts it and looks at it through the kernel.
func (a *attachment) try(ctx context.Context) error {
	if err := a.files.settle(ctx); err != nil {
		return err
	}
	// No deadline here: the cache ends a load that makes no progress for --timeout,
	// and a large folder whose pages keep coming may take longer.
	root, err := a.files.listings.Get(ctx, a.remote)
	if err == nil && root.Len() == 0 && !a.settings.allowEmpty {
		err = cache.ErrEmptyRoot
	}
	if errors.Is(err, cache.ErrEmptyRoot) || refusesPath(err) {
		err = a.elsewhere(ctx, err)
	}
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	a.mount, err = fs.New(a.mountpoint, a.files.options(a.remote))
	if err != nil {
		return fail(exitFUSE, "%s cannot be mounted: %v: check the right to mount, and the kernel's log (dmesg)", a.mountpoint, err)
	}
	a.gone = make(chan struct{})
	go func() {
		a.mount.Wait()
		close(a.gone)
	}()
	top, err := topMount(a.mountpoint)
	if err == nil && top == nil {
		err = errNotOurs
	}
	if err == nil {
		a.id = top.ID
		err = alive(a.mountpoint)
	}
	if err != nil {
		a.takeAway(top)
		return fail(exitFUSE, "the mount at %s gave no sign of life (%v): it was taken away again", a.mountpoint, err)
	}
	a.log.Info("mounted", "remote", a.remote, "mountpoint", a.mountpoint, "entries", root.Len())
	return nil
}

// takeAway ends a mount that does not answer to ourselves. Our look at it may still wait
// for its answer, and has to get an error: the process could not end before.
func (a *attachment) takeAway(top *mountinfo.Info) {
	err := unmountPath(a.mountpoint, true)
	if top != nil {
		err = forceUnmount(a.mountpoint, top)
	}
	if err != nil {
		a.log.Warn("the mount could not be taken away", "mountpoint", a.mountpoint, "error", err)
	}
}

// elsewhere adds to the error for an unknown REMOTE where the account's files are.
func (a *attachment) elsewhere(ctx context.Context, err error) error {
	ctx, cancel := context.WithTimeout(ctx, a.settings.timeout)
	defer cancel()
	if a.settings.lister == "v1" {
		return err // the command API is not to be asked
	}
	storages, listErr := a.files.client.Storages(ctx)
	if listErr != nil {
		a.log.Debug("the account's storages are not known", "error", listErr)
	}
	return &elsewhereError{err, storages}
}

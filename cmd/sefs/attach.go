package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"golang.org/x/sys/unix"

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
}

// attachment is a mount that answers, with all that serves it.
type attachment struct {
	job
	files *remoteFiles
	mount *fs.Mount
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
		a.close()
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
	if err := alive(a.mountpoint); err != nil {
		_ = a.unmount() // the mount's silence is what counts
		return fail(exitFUSE, "the mount at %s gave no sign of life (%v): it was taken away again", a.mountpoint, err)
	}
	a.log.Info("mounted", "remote", a.remote, "mountpoint", a.mountpoint, "entries", root.Len())
	return nil
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

// serve waits until the mount is unmounted from outside, or unmounts it when ctx
// ends.
func (a *attachment) serve(ctx context.Context) error {
	gone := make(chan struct{})
	go func() {
		a.mount.Wait()
		close(gone)
	}()
	select {
	case <-gone:
		a.log.Info("unmounted from outside", "mountpoint", a.mountpoint)
		a.close()
		return nil
	case <-ctx.Done():
	}
	return a.detach()
}

// detach unmounts and ends what served the mount.
func (a *attachment) detach() error {
	err := a.unmount()
	a.close()
	return err
}

// unmount ends the mount, lazily if it is in use.
func (a *attachment) unmount() error {
	// With its limit, since it also waits for requests that are being served.
	_, err := limited(func() (struct{}, error) { return struct{}{}, a.mount.Unmount() })
	if err != nil {
		// It may be gone: unmounted by another just now. A mount that is not ours, on
		// the same folder since, is not to be touched.
		if top, tableErr := topMount(a.mountpoint); tableErr == nil && (top == nil || top.FSType != fs.FSType) {
			return nil
		}
		err = unmountPath(a.mountpoint, false) // again, for a reason that can be told
	}
	if err == nil {
		a.log.Info("unmounted", "mountpoint", a.mountpoint)
		return nil
	}
	if lazyErr := unmountPath(a.mountpoint, true); lazyErr != nil {
		return fail(exitFailed, "%s cannot be unmounted (%v, then %v): run umount -l %s as root", a.mountpoint, err, lazyErr, a.mountpoint)
	}
	if errors.Is(err, unix.EBUSY) {
		a.log.Warn("in use, so detached lazily: programs that still use the mount get errors from now on", "mountpoint", a.mountpoint)
	} else {
		a.log.Warn("detached lazily: a plain unmount failed", "mountpoint", a.mountpoint, "error", err)
	}
	return nil
}

// close ends what serves the mount. A load that does not end by itself is not
// waited for long: the process ends next.
func (a *attachment) close() {
	done := make(chan struct{})
	go func() {
		a.files.close()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(lookLimit):
		a.log.Warn("a load did not end")
	}
	if a.mount != nil && a.mount.Refused() > 0 {
		a.log.Warn("files whose size is not known were not opened", "times", a.mount.Refused())
	}
}

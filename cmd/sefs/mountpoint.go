package main

import (
	"errors"
	"io"
	iofs "io/fs"
	"os"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"sefs/fs"
)

// prepareMountpoint checks that something can be mounted on path and returns where
// it really is. What a killed sefs left there is cleared.
func prepareMountpoint(p *process, path string) (string, error) {
	if path == "" {
		return "", fail(exitUsage, "MOUNTPOINT is empty: name a folder")
	}
	for {
		place, top, err := locate(path)
		switch {
		case errors.Is(err, iofs.ErrNotExist):
			return "", missing(path)
		case err != nil:
			return "", fail(exitMountpoint, "the mount point %s cannot be looked at: %v", path, bare(err))
		case top == nil:
			return place, checkFolder(place)
		case top.FSType == "autofs":
			// The automounter waits for us to mount on it. A look at it would wait for
			// that mount, which is us.
			return place, nil
		}
		if err := clearDead(p, place, top); err != nil {
			return "", err
		}
	}
}

// clearDead takes away a sefs mount whose server is gone. Any other mount is an
// error.
func clearDead(p *process, path string, top *mountinfo.Info) error {
	if top.FSType != fs.FSType {
		return fail(exitMountpoint, "%s is already a mount (%s): choose another folder, or unmount it", path, top.FSType)
	}
	err := seemsAlive(path)
	switch {
	case err == nil:
		return fail(exitMountpoint, "%s is already a mount of sefs (%s): choose another folder, or run sefs unmount %s", path, remoteOf(top), path)
	case !isDead(err):
		return fail(exitMountpoint, "%s is already a mount of sefs (%s), which gives no answer (%v): run sefs unmount --force %s", path, remoteOf(top), err, path)
	}
	if now, err := topMount(path); err != nil || now == nil || now.ID != top.ID {
		return err // another has cleared it, and may have mounted since
	}
	if err := unmountPath(path, true); err != nil {
		return fail(exitMountpoint, "%s is a dead mount of an earlier sefs and cannot be cleared: %v: run umount -l %s as root", path, err, path)
	}
	p.notice("%s was a dead mount of an earlier sefs: cleared", path)
	return nil
}

// checkFolder checks that path, which is no mount, is an empty folder.
func checkFolder(path string) error {
	info, err := limited(func() (os.FileInfo, error) { return os.Lstat(path) })
	switch {
	case errors.Is(err, iofs.ErrNotExist):
		return missing(path)
	case err != nil:
		return fail(exitMountpoint, "the mount point %s cannot be looked at: %v", path, bare(err))
	case !info.IsDir():
		return fail(exitMountpoint, "the mount point %s is no folder: name one", path)
	}
	_, err = limited(func() ([]string, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }()
		return f.Readdirnames(1)
	})
	switch {
	case err == nil:
		return fail(exitMountpoint, "the mount point %s is not empty: choose an empty folder, since a mount hides what is in it", path)
	case !errors.Is(err, io.EOF):
		return fail(exitMountpoint, "the mount point %s cannot be looked at: %v", path, bare(err))
	}
	if !mayMount() && unix.Access(path, unix.W_OK) != nil {
		return fail(exitMountpoint, "you may not write to %s, which mounting without root requires: choose a folder of your own", path)
	}
	return nil
}

func missing(path string) error {
	return fail(exitMountpoint, "the mount point %s does not exist: create it with mkdir -p %s", path, path)
}

// lockMountpoint sees to it that of several processes only one mounts on a folder, and
// that nothing was mounted there since it was checked. The lock is on the folder
// itself, below the mount, and goes with the process at the latest.
func lockMountpoint(path string) (unlock func(), err error) {
	if top, err := topMount(path); err != nil || top != nil && top.FSType == "autofs" {
		return func() {}, err // a look at the folder would wait for our own mount
	}
	f, err := limited(func() (*os.File, error) { return os.Open(path) })
	if err != nil {
		return nil, fail(exitMountpoint, "the mount point %s cannot be looked at: %v", path, bare(err))
	}
	unlock = func() { _ = f.Close() }
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		unlock()
		return nil, fail(exitMountpoint, "another sefs is about to mount on %s: wait for it, or choose another folder", path)
	}
	if err != nil {
		unlock()
		return nil, fail(exitMountpoint, "the mount point %s cannot be locked: %v", path, bare(err))
	}
	if top, err := topMount(path); err != nil || top != nil {
		unlock()
		return nil, errors.Join(err, fail(exitMountpoint, "%s has just become a mount: choose another folder", path))
	}
	return unlock, nil
}

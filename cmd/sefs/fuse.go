package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// checkFUSE finds out whether this process may mount, as far as that can be known
// without doing it.
func checkFUSE(s *settings) error {
	f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	switch {
	case errors.Is(err, os.ErrNotExist), errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO):
		return fail(exitFUSE, "there is no /dev/fuse: run modprobe fuse as root (a container needs --device /dev/fuse --cap-add SYS_ADMIN)")
	case err != nil:
		return fail(exitFUSE, "/dev/fuse cannot be opened (%v): run as root, or have its permissions set to 0666", bare(err))
	}
	if err := f.Close(); err != nil {
		return err
	}
	if mayMount() {
		return nil
	}
	if _, err := mountHelper(); err != nil {
		return fail(exitFUSE, "no right to mount: run as root, or install fuse3 for its fusermount3 (a container needs --cap-add SYS_ADMIN)")
	}
	if s.allowOther && !allowOtherPermitted() {
		return fail(exitFUSE, "no right to use --allow-other: have the line user_allow_other put into /etc/fuse.conf, or run as root")
	}
	return nil
}

// mayMount reports whether this process may call mount(2) itself. That is a
// capability, not user 0: root in a container often lacks it.
func mayMount() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData // version 3 fills two
	if err := unix.Capget(&header, &data[0]); err != nil {
		return false
	}
	return data[0].Effective&(1<<unix.CAP_SYS_ADMIN) != 0
}

// mountHelper finds the program that mounts and unmounts for other users.
func mountHelper() (string, error) {
	if path, err := exec.LookPath("fusermount3"); err == nil {
		return path, nil
	}
	return exec.LookPath("fusermount")
}

// allowOtherPermitted reports whether fuse.conf lets users share their mounts.
func allowOtherPermitted() bool {
	text, err := os.ReadFile("/etc/fuse.conf")
	return err == nil && slices.ContainsFunc(strings.Split(string(text), "\n"), func(line string) bool {
		return strings.TrimSpace(line) == "user_allow_other"
	})
}

// unmountPath takes the top mount off path; lazily means at once for new callers,
// and for those who still use it when they are done. The error of a mount in use
// is EBUSY.
func unmountPath(path string, lazily bool) error {
	flags, helperFlag := unix.UMOUNT_NOFOLLOW, "-u"
	if lazily {
		flags, helperFlag = flags|unix.MNT_DETACH, "-uz"
	}
	err := unix.Unmount(path, flags)
	if !errors.Is(err, unix.EPERM) {
		return err
	}
	helper, lookErr := mountHelper()
	if lookErr != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*lookLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, helper, helperFlag, path)
	cmd.Env = []string{"LC_ALL=C"} // its words are all that tells one failure from another
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		return nil
	case strings.Contains(string(out), "busy"):
		return unix.EBUSY
	case len(out) > 0:
		return errors.New(oneLine(string(out)))
	}
	return err
}

package main

import (
	"errors"
	iofs "io/fs"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"sefs/fs"
)

const unmountHelp = `Unmount a mount of sefs. The process behind it ends by itself.

Exit codes: 0 done, 1 failed (the mount is in use), 2 usage, 3 MOUNTPOINT is no mount of sefs.`

const unmountExamples = `  sefs unmount /mnt/media
  sefs unmount --lazy /mnt/media         also while programs use it`

func newUnmountCommand() *cobra.Command {
	var lazily bool
	c := &cobra.Command{
		Use:     "unmount [flags] MOUNTPOINT",
		Aliases: []string{"umount"},
		Short:   "Unmount what sefs mounted",
		Long:    unmountHelp,
		Example: unmountExamples,
		Args:    exactly("MOUNTPOINT"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(_ *cobra.Command, args []string) error { return unmount(args[0], lazily) },
	}
	c.Flags().BoolVarP(&lazily, "lazy", "l", false, "detach it even if it is in use; programs that use it get errors")
	return c
}

// unmount takes off the sefs mount at path, and a dead one too.
func unmount(path string, lazily bool) error {
	if path == "" {
		return fail(exitUsage, "MOUNTPOINT is empty: name a folder")
	}
	place, top, err := locate(path)
	switch {
	case errors.Is(err, iofs.ErrNotExist):
		return fail(exitMountpoint, "%s does not exist, so nothing is mounted there", path)
	case err != nil:
		return fail(exitMountpoint, "%s cannot be looked at: %v", path, bare(err))
	case top == nil:
		return fail(exitMountpoint, "%s is not mounted: findmnt -t %s lists the mounts of sefs", path, fs.FSType)
	case top.FSType != fs.FSType:
		return fail(exitMountpoint, "%s is a mount of another kind (%s): unmount it with umount", path, top.FSType)
	}
	err = unmountPath(place, lazily)
	if errors.Is(err, unix.EBUSY) && isDead(alive(place)) {
		// Nobody can use it any more, though somebody may stand in it.
		err = unmountPath(place, true)
	}
	switch {
	case errors.Is(err, unix.EBUSY):
		return fail(exitFailed, "%s is in use (EBUSY): end the programs that use it (fuser -vm %s lists them), or run sefs unmount --lazy %s", place, place, place)
	case errors.Is(err, unix.EPERM):
		return fail(exitFailed, "no right to unmount %s: run as root or as the user who mounted it, with fusermount3 installed", place)
	case err != nil:
		return fail(exitFailed, "%s cannot be unmounted: %v", place, err)
	}
	return nil
}

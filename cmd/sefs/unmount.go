package main

import (
	"errors"
	iofs "io/fs"
	"strings"

	"github.com/moby/sys/mountinfo"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"sefs/fs"
)

const unmountHelp = `Unmount a mount of sefs. The process behind it ends by itself.

While programs use the mount, that fails. --lazy takes it out of the tree of folders at
once, and leaves it to those who use it until they end. --force is for a mount that hangs:
whoever waits for it, or uses it afterwards, gets an error. It neither asks the mount
for anything nor ends any process.

Exit codes: 0 done, 1 failed (the mount is in use, or no right to unmount it), 2 usage,
3 MOUNTPOINT is no mount of sefs.`

const unmountExamples = `  sefs unmount /mnt/media
  sefs unmount --lazy /mnt/media         also while programs use it
  sefs unmount --force /mnt/media        also while it hangs`

// unmounting is how a mount is to be taken off.
type unmounting struct{ lazy, force bool }

func newUnmountCommand() *cobra.Command {
	var how unmounting
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
		RunE: func(_ *cobra.Command, args []string) error { return unmount(args[0], how) },
	}
	c.Flags().BoolVarP(&how.lazy, "lazy", "l", false, "detach it even if it is in use; programs go on using it until they end")
	c.Flags().BoolVarP(&how.force, "force", "f", false, "detach it even if it hangs; programs that use it get errors")
	return c
}

// unmount takes off the sefs mount at path, and a dead one too. The mount is asked for
// nothing.
func unmount(path string, how unmounting) error {
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
	switch err := takeOff(place, top, how); {
	case errors.Is(err, unix.EBUSY):
		return fail(exitFailed, "%s is in use%s (EBUSY): end the programs that use it, or run sefs unmount --lazy %s, or with --force if it hangs",
			place, byUsers(usersOf(place)), place)
	case errors.Is(err, errConnected):
		return fail(exitFailed, "%s is detached, but programs that wait for it go on doing so: end the sefs process behind it, or mount fusectl on %s before", place, connections)
	case errors.Is(err, unix.EPERM):
		return fail(exitFailed, "no right to unmount %s: run as root or as the user who mounted it, with fusermount3 installed", place)
	case err != nil:
		return fail(exitFailed, "%s cannot be unmounted: %v", place, err)
	}
	return nil
}

// takeOff unmounts a mount in one of the ways.
func takeOff(place string, m *mountinfo.Info, how unmounting) error {
	if how.force {
		return forceUnmount(place, m)
	}
	err := unmountPath(place, how.lazy)
	if errors.Is(err, unix.EBUSY) && isDead(seemsAlive(place)) {
		// Nobody can use it any more, though somebody may stand in it.
		err = unmountPath(place, true)
	}
	return err
}

// byUsers puts users into words, if any are known.
func byUsers(users []string) string {
	if len(users) == 0 {
		return ""
	}
	return " by " + strings.Join(users, ", ")
}

package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// connections is where the kernel shows the connections between FUSE mounts and their
// servers, if the file system fusectl is mounted there.
const connections = "/sys/fs/fuse/connections"

// errConnected says that a mount was detached, but that its connection goes on.
var errConnected = errors.New("detached, but its connection could not be ended")

// forceUnmount ends the connection between a mount and its server, so that all who wait
// for it get an error, and detaches the mount. Nothing of that asks the server, whatever it
// does; where it is well, it ends by itself afterwards.
func forceUnmount(place string, m *mountinfo.Info) error {
	aborted := abort(m) == nil
	_, err := limited(func() (struct{}, error) {
		return struct{}{}, unix.Unmount(place, unix.UMOUNT_NOFOLLOW|unix.MNT_FORCE|unix.MNT_DETACH)
	})
	if !errors.Is(err, unix.EPERM) {
		return err
	}
	// The helper does not force, so all depends on whether we could do that ourselves.
	if err := unmountPath(place, true); err != nil {
		return err
	}
	if !aborted {
		return errConnected
	}
	return nil
}

// abort ends the connection of a mount. Its user may do that too, not only root.
func abort(m *mountinfo.Info) error {
	// FUSE mounts have no device, so the number is the minor one.
	file, err := os.OpenFile(fmt.Sprintf("%s/%d/abort", connections, m.Minor), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString("1")
	return errors.Join(err, file.Close())
}

package fs

import (
	"context"
	"errors"
	"syscall"

	"sefs/apiclient"
)

// errno is the one place where an error becomes what the caller sees. A failure is
// never ENOENT: only a whole listing, or the service's own word, says that a name is
// missing.
func errno(err error) syscall.Errno {
	var (
		remote *apiclient.Error
		code   syscall.Errno
	)
	switch {
	case err == nil:
		return 0
	case apiclient.IsChanged(err):
		return syscall.ESTALE
	case apiclient.IsNotExist(err):
		return syscall.ENOENT // the service says so
	case apiclient.IsAuth(err):
		return syscall.EACCES
	case errors.Is(err, context.Canceled):
		return syscall.EINTR // by the caller; loads have a context of their own
	case errors.As(err, &remote): // whatever the network says: ECONNREFUSED, ENOENT …
		return syscall.EIO
	case errors.As(err, &code) && code != syscall.ENOSYS && code != syscall.ENOENT:
		return code
	}
	// ENOSYS too ends here: the kernel would not ask again for as long as the mount
	// lives, and after one from opendir show every folder empty.
	return syscall.EIO
}

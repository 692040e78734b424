package fs

import (
	"context"
	iofs "io/fs"
	"log/slog"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/time/rate"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"sefs/apiclient"
	"sefs/cache"
)

// tree is what all nodes of a mount share.
type tree struct {
	opts     Options
	listings *cache.Listings
	negative time.Duration // how long the kernel may remember that a name is missing
	identify func(folder, name string, mode uint32) fusefs.StableAttr
	failures *rate.Limiter // of log lines
	callers  *callers
	ahead    *filesAhead

	readAhead atomic.Int64 // of the kernel, in bytes

	nodes   atomic.Int64 // in use by the kernel; see held
	refused atomic.Int64 // opens of files whose size is not known
}

func newTree(o Options) *tree {
	t := &tree{
		opts:     o,
		listings: o.Listings,
		negative: min(time.Second, o.TTL/10),
		identify: identify,
		failures: rate.NewLimiter(rate.Every(time.Second), 20),
		callers:  newCallers(),
	}
	t.ahead = newFilesAhead(t)
	t.readAhead.Store(kernelReadAhead)
	return t
}

// root returns the node of the mount's root.
func (t *tree) root() *dirNode {
	d := &dirNode{tree: t, path: t.opts.Root}
	d.hold(t)
	return d
}

// report logs an operation that failed and returns its errno. What a caller did
// itself, by asking for a name that is not there or by going away, is no failure.
func (t *tree) report(op, path string, err error) syscall.Errno {
	code := errno(err)
	if code != 0 && code != syscall.ENOENT && code != syscall.EINTR && t.failures.Allow() {
		t.opts.Log.LogAttrs(context.Background(), slog.LevelWarn, "request failed",
			slog.String("op", op), slog.String("path", path),
			slog.String("errno", code.Error()), slog.Any("error", err))
	}
	return code
}

// find finds a remote path in the folder that it stands in. The error is io/fs's
// ErrNotExist if that does not have it.
func (t *tree) find(ctx context.Context, path string) (attr apiclient.Attr, isFolder bool, err error) {
	folder, name := split(path)
	listing, err := t.listings.Get(ctx, folder)
	if err != nil {
		return attr, false, err
	}
	i, ok := listing.Find(name)
	if !ok {
		return attr, false, iofs.ErrNotExist
	}
	if listing.IsDir(i) {
		return attr, true, nil
	}
	attr, _, err = t.listings.Attr(ctx, folder, listing, i)
	return attr, false, err
}

// split returns the folder and the name that a remote path is made of.
func split(path string) (folder, name string) {
	slash := strings.LastIndexByte(path, '/')
	return path[:slash], path[slash+1:]
}

// inode is the inode number that a mount shows for a remote path.
func (t *tree) inode(path string, mode uint32) uint64 {
	folder, name := split(path)
	return t.identify(folder, name, mode).Ino
}

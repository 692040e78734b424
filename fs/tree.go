package fs

import (
	"context"
	"log/slog"
	"syscall"
	"time"

	"golang.org/x/time/rate"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"sefs/cache"
)

// tree is what all nodes of a mount share.
type tree struct {
	opts     Options
	listings *cache.Listings
	negative time.Duration // how long the kernel may remember that a name is missing
	identify func(path string, mode uint32) fusefs.StableAttr
	failures *rate.Limiter // of log lines
}

func newTree(o Options) *tree {
	return &tree{
		opts:     o,
		listings: o.Listings,
		negative: min(time.Second, o.TTL/10),
		identify: identify,
		failures: rate.NewLimiter(rate.Every(time.Second), 20),
	}
}

func (t *tree) root() *dirNode { return &dirNode{tree: t, path: t.opts.Root} }

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

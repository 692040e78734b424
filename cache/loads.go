package cache

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"
)

var errClosed = errors.New("the mount is ending")

// loads runs loads: one at a time for each key, for all who want it, each under a
// context of its own that ends when there was no progress for a time, when the load as
// a whole takes too long, or with the cache. It is safe for concurrent use.
type loads struct {
	timeout time.Duration // without progress
	log     *slog.Logger
	group   singleflight.Group
	base    context.Context // of all loads; ended by close
	stop    context.CancelCauseFunc

	progress atomic.Int64 // when anything came last, for any load; see watchdog

	// mu protects closed, and running against an Add after the Wait of close.
	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

func newLoads(timeout time.Duration, log *slog.Logger) *loads {
	base, stop := context.WithCancelCause(context.Background())
	return &loads{timeout: timeout, log: log, base: base, stop: stop}
}

// close ends all loads and waits for them. Later ones fail.
func (l *loads) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.stop(errClosed)
	l.running.Wait()
}

// begin counts a load in, or refuses it. The caller has to call running.Done.
func (l *loads) begin() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return errClosed
	}
	l.running.Add(1)
	return nil
}

// share runs load for key, or waits for the one that runs, until ctx ends. A load that
// panics fails.
func (l *loads) share(ctx context.Context, key string, load func() (any, error)) (any, error) {
	done := l.group.DoChan(key, func() (v any, err error) {
		if err := l.begin(); err != nil {
			return nil, err
		}
		defer l.running.Done()
		// A panic would end the process: singleflight raises it on a goroutine of its own.
		defer l.rescue(key, &err)
		return load()
	})
	select {
	case r := <-done:
		return r.Val, r.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// rescue turns a panic into an error.
func (l *loads) rescue(what string, err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("load %q: panic: %v", what, p)
		l.log.Error("a load panicked", "load", what, "panic", p, "stack", string(debug.Stack()))
	}
}

// watch returns a context for a load, with the watchdog that ends it, and what stops both.
func (l *loads) watch(parent context.Context, limit time.Duration) (*watchdog, context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeoutCause(parent, limit,
		fmt.Errorf("the listing was not whole after %v (--load-timeout)", limit))
	w, ctx, stop := watch(ctx, l.timeout, &l.progress)
	return w, ctx, func() { stop(); cancel() }
}

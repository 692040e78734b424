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

	"sefs/apiclient"
)

var (
	errClosed   = errors.New("the mount is ending")
	errUnwanted = errors.New("nobody waits for it any more")
)

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

	// mu protects closed and flights, and running against an Add after the Wait of close.
	mu      sync.Mutex
	closed  bool
	flights map[string]*flight // one for each call of group
	running sync.WaitGroup
}

// flight is a load under way.
type flight struct {
	wanted chan struct{} // closed once a caller waits for it
	want   func()        // closes it
	ctx    context.Context
	cancel context.CancelCauseFunc
}

func newLoads(timeout time.Duration, log *slog.Logger) *loads {
	base, stop := context.WithCancelCause(context.Background())
	return &loads{timeout: timeout, log: log, base: base, stop: stop, flights: make(map[string]*flight)}
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

// request is what the loads that one caller waits for, one after another, share.
type request struct{ failed error }

type requestKey struct{}

// Request returns a context for one request of the kernel. Once a load that it waited for
// has failed for a passing reason, it waits for no other: each may take as long as the
// first did, and the service that did not answer one will hardly answer the next.
func Request(ctx context.Context) context.Context {
	return context.WithValue(ctx, requestKey{}, &request{})
}

// spend notes that a load which a request waited for has failed, if it may pass.
func spend(ctx context.Context, err error) {
	if r, ok := ctx.Value(requestKey{}).(*request); ok && apiclient.IsTemporary(err) {
		r.failed = err
	}
}

type flightKey struct{}

// waited returns a channel that is closed once somebody waits for what is done under
// ctx; nil if somebody does from the first: ctx is not that of a load.
func waited(ctx context.Context) <-chan struct{} {
	if f, ok := ctx.Value(flightKey{}).(*flight); ok {
		return f.wanted
	}
	return nil
}

// isWaited reports whether somebody waits; see waited.
func isWaited(wanted <-chan struct{}) bool {
	select {
	case <-wanted:
		return true
	default:
		return wanted == nil
	}
}

// share runs load for key, or waits for the one that runs, until ctx ends. A load that
// panics fails. The context that load gets is its own. Where the caller is a load that
// nobody waits for yet, nobody waits for this one until then either.
func (l *loads) share(ctx context.Context, key string, load func(context.Context) (any, error)) (any, error) {
	r, _ := ctx.Value(requestKey{}).(*request)
	if r != nil && r.failed != nil {
		return nil, r.failed
	}
	wanted := waited(ctx)
	for {
		v, err := l.wait(ctx, key, load, wanted)
		if apiclient.FailedAhead(err) && isWaited(wanted) {
			continue // it was begun before anybody wanted it
		}
		spend(ctx, err)
		return v, err
	}
}

// wait is share for once. The load is wanted from when that channel is closed.
func (l *loads) wait(ctx context.Context, key string, load func(context.Context) (any, error), wanted <-chan struct{}) (any, error) {
	waits := isWaited(wanted)
	done, f := l.join(key, load, waits, apiclient.CallerOf(ctx))
	if waits {
		wanted = nil
	}
	for {
		select {
		case <-wanted:
			f.want()
			wanted = nil
		case r := <-done:
			return r.Val, r.Err
		case <-ctx.Done():
			select {
			case r := <-done: // what is there is given, whoever was interrupted
				return r.Val, r.Err
			default:
			}
			return nil, ctx.Err()
		}
	}
}

// join is the load for key that runs, or else begins. A caller that waits for it is told
// of before it does.
func (l *loads) join(key string, load func(context.Context) (any, error), waits bool, caller int) (<-chan singleflight.Result, *flight) {
	l.mu.Lock()
	defer l.mu.Unlock()
	done, f := l.fly(key, load, caller)
	if waits {
		f.want()
	}
	return done, f
}

// ahead begins a load that nobody waits for yet, unless one for key is running already,
// and calls after with what came of it.
func (l *loads) ahead(key string, load func(context.Context) (any, error), after func(error)) (began bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.flights[key] != nil {
		return false
	}
	l.running.Add(1)
	done, _ := l.fly(key, load, 0)
	go func() {
		defer l.running.Done()
		r := <-done
		err := r.Err
		defer l.rescue(key, &err) // what goes on from there has nobody to tell
		after(err)
	}()
	return true
}

// drop ends a load that nobody waits for.
func (l *loads) drop(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.flights[key]
	if f == nil {
		return
	}
	select {
	case <-f.wanted:
	default:
		l.forget(key, f)
		f.cancel(errUnwanted)
	}
}

// forget ends a flight for those who come later: they begin one of their own. It is
// called with mu held.
func (l *loads) forget(key string, f *flight) {
	if l.flights[key] == f {
		delete(l.flights, key)
		l.group.Forget(key)
	}
}

// flying reports whether a load for key is under way.
func (l *loads) flying(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.flights[key] != nil
}

// fly is join for whoever holds mu, without wanting it. A load that begins is the caller's.
func (l *loads) fly(key string, load func(context.Context) (any, error), caller int) (<-chan singleflight.Result, *flight) {
	f := l.flights[key]
	if f == nil {
		wanted := make(chan struct{})
		f = &flight{wanted: wanted, want: sync.OnceFunc(func() { close(wanted) })}
		f.ctx, f.cancel = context.WithCancelCause(context.WithValue(apiclient.Ahead(apiclient.Caller(l.base, caller), wanted), flightKey{}, f))
		l.flights[key] = f
	}
	return l.group.DoChan(key, func() (v any, err error) {
		defer func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.forget(key, f)
			if context.Cause(f.ctx) == errUnwanted { //nolint:errorlint // it is never wrapped
				err = errUnwanted
			}
			f.cancel(nil)
		}()
		if err := l.begin(); err != nil {
			return nil, err
		}
		defer l.running.Done()
		// A panic would end the process: singleflight raises it on a goroutine of its own.
		defer l.rescue(key, &err)
		return load(f.ctx)
	}), f
}

// rescue turns a panic into an error.
func (l *loads) rescue(what string, err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("load %q: panic: %v", what, p)
		l.log.Error("a load panicked", "load", what, "panic", p, "stack", string(debug.Stack()))
	}
}

// watch returns a context for a load, with the watchdog that ends it, and what stops both.
func (l *loads) watch(parent context.Context) (*watchdog, context.Context, context.CancelFunc) {
	return watch(parent, l.timeout, &l.progress)
}

// watchFor is watch for a load that may take so long at all.
func (l *loads) watchFor(parent context.Context, limit time.Duration) (*watchdog, context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeoutCause(parent, limit,
		fmt.Errorf("not whole after %v (--load-timeout)", limit))
	w, ctx, stop := l.watch(ctx)
	return w, ctx, func() { stop(); cancel() }
}

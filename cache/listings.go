package cache

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"sefs/apiclient"
)

// ErrEmptyRoot is the error for the mounted folder when the service answers with
// success and tells nothing of it: it cannot be known whether it is empty or does
// not exist, and a backup that sees it empty would delete what it has.
var ErrEmptyRoot = errors.New("the service knows nothing of this folder: it does not exist, or is empty")

// Lister loads one folder, whole. It is what [apiclient.Client] does.
//
// With an error it may return a Cut folder, from which a later List can go on.
type Lister interface {
	List(ctx context.Context, r apiclient.ListRequest) (*apiclient.Folder, error)
}

// Options says what is loaded from where and for how long it counts.
type Options struct {
	Lister Lister
	// TTL is the age at which a listing is asked for again.
	TTL time.Duration
	// Stale is how much older a listing may be shown while the service fails.
	Stale time.Duration
	// Timeout is how long a load may go without a new page.
	Timeout time.Duration
	// LoadTimeout is how long a load may take at all.
	LoadTimeout time.Duration
	// Memory is the budget in bytes.
	Memory int64
	// Root is the path of the mounted folder; see ErrEmptyRoot.
	Root string
	// AllowEmpty takes an answer that tells nothing of Root for an empty folder.
	AllowEmpty bool
	// Log gets what happens to the cache as a whole; nil means nowhere.
	Log *slog.Logger
	// Now is the clock that ages are counted by; nil means time.Now.
	Now func() time.Time
}

// Listings is a cache of listings. It is safe for concurrent use.
type Listings struct {
	opts     Options
	store    *store
	group    singleflight.Group
	failures failures
	stop     context.CancelCauseFunc
	base     context.Context // of all loads; ended by Close
	counters counters

	// mu protects closed, and loads against an Add after the Wait of Close.
	mu     sync.Mutex
	closed bool
	loads  sync.WaitGroup

	progress atomic.Int64 // when a page came last, of any load; see watchdog

	failing atomic.Bool // whether old listings are being shown for a failing service
}

var errClosed = errors.New("the mount is ending")

// New returns an empty cache. Close ends its loads.
func New(o Options) *Listings {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	base, stop := context.WithCancelCause(context.Background())
	return &Listings{opts: o, store: newStore(o.Memory, o.Log), base: base, stop: stop}
}

// Close ends the loads that are running and waits for them. Calls that wait for
// them, and later ones for what is not known, fail.
func (l *Listings) Close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.stop(errClosed)
	l.loads.Wait()
}

// Get returns the listing of the folder at path: from memory while it is younger
// than the TTL, else loaded. If ctx ends first, its error is returned; what is in
// memory is returned even then.
func (l *Listings) Get(ctx context.Context, path string) (*Listing, error) {
	return l.GetFor(ctx, path, 0)
}

// GetFor is Get for a caller that needs a listing which counts for the given time
// at least; one that is in memory and expires sooner is loaded anew.
func (l *Listings) GetFor(ctx context.Context, path string, life time.Duration) (*Listing, error) {
	have := l.store.get(path).listing
	if have != nil && l.Life(have) > life {
		l.counters.hits.Add(1)
		return have, nil
	}
	if err := l.failures.recent(path, l.opts.Now()); err != nil {
		return l.orStale(path, err)
	}
	done := l.group.DoChan(path, func() (any, error) { return l.load(path, life) })
	select {
	case r := <-done:
		if r.Err != nil {
			return l.orStale(path, r.Err)
		}
		return r.Val.(*Listing), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Known returns the listing of path if it is in memory, expired or not, or nil.
func (l *Listings) Known(path string) *Listing { return l.store.peek(path).listing }

// Life is how long a listing still counts; zero or less if it has expired.
func (l *Listings) Life(v *Listing) time.Duration {
	return l.opts.TTL - l.opts.Now().Sub(v.asked)
}

// standsIn reports whether an older listing may be shown in place of an error.
func (l *Listings) standsIn(old *Listing, err error) bool {
	return old != nil && apiclient.IsTemporary(err) && l.Life(old)+l.opts.Stale > 0
}

// orStale returns the older listing of path in place of a passing error, if there
// is one that is not too old for it.
func (l *Listings) orStale(path string, err error) (*Listing, error) {
	old := l.store.peek(path).listing
	if !l.standsIn(old, err) {
		return nil, err
	}
	l.counters.stale.Add(1)
	if !l.failing.Swap(true) {
		l.opts.Log.Warn("the service fails; older listings are shown", "error", err, "for_up_to", l.opts.Stale)
	}
	return old, nil
}

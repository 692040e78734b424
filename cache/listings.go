package cache

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

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

// Sweeper makes one call about a folder, at an offset of our choice. It is what
// [apiclient.Client] does for one type; there is none for several, nor for v1.
type Sweeper interface {
	Page(ctx context.Context, r apiclient.PageRequest) (*apiclient.Folder, error)
}

// Describer tells the attributes of files. It is what [apiclient.Client] does.
type Describer interface {
	Files(ctx context.Context, r apiclient.FilesRequest) (*apiclient.Folder, error)
	File(ctx context.Context, path string, turn func()) (apiclient.Attr, error)
}

// Options says what is loaded from where and for how long it counts.
type Options struct {
	Lister Lister
	// Sweeper is asked for small folders, many at once; with none, each is asked for by
	// itself.
	Sweeper Sweeper
	// Describer is asked for attributes; with none, no file has a size.
	Describer Describer
	// TTL is the age at which a listing is asked for again.
	TTL time.Duration
	// Stale is how much older a listing may be shown while the service fails.
	Stale time.Duration
	// Timeout is how long a load may go without a new page.
	Timeout time.Duration
	// LoadTimeout is how long a load may take at all.
	LoadTimeout time.Duration
	// Memory is the budget that listings and attributes are kept in.
	Memory *Memory
	// Root is the path of the mounted folder; see ErrEmptyRoot.
	Root string
	// AllowEmpty takes an answer that tells nothing of Root for an empty folder.
	AllowEmpty bool
	// Ahead is how many loads may run that nobody waits for: of what a walker comes to
	// next, and of what is about to expire. 0 means none.
	Ahead int
	// Log gets what happens to the cache as a whole; nil means nowhere.
	Log *slog.Logger
	// Now is the clock that ages are counted by; nil means time.Now.
	Now func() time.Time
}

// Listings is a cache of listings, and of the attributes of the files in them. It is
// safe for concurrent use.
type Listings struct {
	opts     Options
	store    *store
	loads    *loads
	sweeps   sweeps
	failures failures
	counters counters
	walks    *walks
	renewing renewing

	outage outage
}

// New returns an empty cache. Close ends its loads.
func New(o Options) *Listings {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	l := &Listings{opts: o, store: newStore(o.Memory), loads: newLoads(o.Timeout, o.Log), outage: outage{log: o.Log}}
	l.walks = newWalks(l)
	return l
}

// Close ends the loads that are running and waits for them. Calls that wait for
// them, and later ones for what is not known, fail.
func (l *Listings) Close() { l.loads.close() }

// Get returns the listing of the folder at path: from memory while it is younger
// than the TTL, else loaded. If ctx ends first, its error is returned; what is in
// memory is returned even then.
func (l *Listings) Get(ctx context.Context, path string) (*Listing, error) {
	return l.get(ctx, path, 0, false)
}

// GetFor is Get for a caller that needs a listing which counts for the given time
// at least; one that is in memory and expires sooner is loaded anew.
func (l *Listings) GetFor(ctx context.Context, path string, life time.Duration) (*Listing, error) {
	return l.get(ctx, path, life, false)
}

// get is GetFor. What a walker uses is not renewed behind it.
func (l *Listings) get(ctx context.Context, path string, life time.Duration, walker bool) (*Listing, error) {
	if have := l.store.get(path).listing; have != nil {
		if left := l.Life(have); left > life {
			l.counters.hits.Add(1)
			if !walker {
				l.used(path, left)
			}
			return have, nil
		}
	}
	if err := l.recent(ctx, path); err != nil {
		return l.orStale(path, err)
	}
	var old time.Time
	if have := l.store.peek(path).listing; have != nil {
		old = have.asked
	}
	v, err := l.share(ctx, path, old, func(ctx context.Context) (any, error) { return l.load(ctx, path, life, walker) })
	switch {
	case err == nil:
		return v.(*Listing), nil
	case errors.Is(err, ctx.Err()): // the caller left
		return nil, err
	}
	return l.orStale(path, err)
}

// errNotYet is why something older is shown where a load goes on.
var errNotYet = errors.New("no answer yet, and the requests before it failed")

// share runs load for key, or waits for the one that runs. A caller for whom there is
// something older, of the time old, is not kept waiting while no load succeeds: the load
// goes on behind him, and what it brings counts at once.
func (l *Listings) share(ctx context.Context, key string, old time.Time, load func(context.Context) (any, error)) (any, error) {
	path, _, _ := strings.Cut(key, "\x00")
	failed := &apiclient.Error{Op: "load", Path: path, Err: errNotYet}
	if old.IsZero() || waited(ctx) != nil || !l.standsIn(old, failed) || !l.outage.hopeless(l.opts.Now()) {
		return l.loads.share(ctx, key, load)
	}
	brief, cancel := context.WithTimeoutCause(ctx, min(glance, l.opts.Timeout/4), errNotYet)
	defer cancel()
	v, err := l.loads.share(brief, key, load)
	if brief.Err() == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
		return v, err
	}
	l.failures.remember(key, failed, l.opts.Now(), maxRepeated)
	spend(ctx, failed)
	return nil, failed
}

// recent returns the error of a load that failed a short while ago, and lets the rest of
// the request wait for nothing.
func (l *Listings) recent(ctx context.Context, key string) error {
	err := l.failures.recent(key, l.opts.Now())
	spend(ctx, err)
	return err
}

// Known returns the listing of path if it is in memory, expired or not, or nil.
func (l *Listings) Known(path string) *Listing { return l.store.peek(path).listing }

// Life is how long a listing still counts; zero or less if it has expired.
func (l *Listings) Life(v *Listing) time.Duration { return l.life(v.asked) }

func (l *Listings) life(asked time.Time) time.Duration {
	return l.opts.TTL - l.opts.Now().Sub(asked)
}

// standsIn reports whether something older may be shown in place of an error.
func (l *Listings) standsIn(asked time.Time, err error) bool {
	return apiclient.IsTemporary(err) && l.life(asked)+l.opts.Stale > 0
}

// orStale returns the older listing of path in place of a passing error, if there
// is one that is not too old for it.
func (l *Listings) orStale(path string, err error) (*Listing, error) {
	old := l.store.peek(path).listing
	if old == nil || !l.standsIn(old.asked, err) {
		return nil, err
	}
	l.shownStale(path, err)
	return old, nil
}

// shownStale notes that something older was shown for a load that failed.
func (l *Listings) shownStale(key string, err error) {
	l.counters.stale.Add(1)
	l.outage.shown(key, err, l.opts.Now(), l.opts.Stale)
}

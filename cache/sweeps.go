package cache

import (
	"context"
	"strconv"
	"sync"
	"time"

	"sefs/apiclient"
)

const (
	// sweepFiles is how many files an answer names at most.
	sweepFiles = 100
	// maxSweeps is how many sweeps one folder waits for, one after another.
	maxSweeps = 5
	// maxSiblings bounds how far ahead of a sweep its parent's folders are looked at.
	maxSiblings = 10_000
	// maxSample is how many folders are looked at to tell how large the next will be.
	maxSample = 32
	// maxFailed is how many parents may fail, with no success between, until sweeping ends.
	maxFailed = 3
	// usualFiles is how many files a small folder has, for all that is known of it.
	usualFiles = 5
)

// sweeps is what sweeps are under way, and where they are of no use. A sweep is a call
// about a folder, the parent, at the offset of a sub-folder that is known: what it brings
// are the next ones. The zero value is ready to use.
type sweeps struct {
	// mu protects what follows. It is held while the store and the loads are looked at.
	mu      sync.Mutex
	parents map[string]*sweptParent
	prune   int // how many parents there may be until the old ones are dropped

	running int
	planned int  // so far
	proven  bool // whether any check ever passed
	failed  map[string]bool
	off     bool
	// What an offset counts first, files or folders, is taken from the order in which the
	// answers name them, or is the other if that fails.
	// It is settled once a check passed that depends on it, and tried once one failed.
	turned, settled, tried bool
	plain                  int     // calls from the start of a parent that brought nothing, in a row
	files                  float64 // of the folders that came last, on average; 0: none did yet
}

// sweptParent is what is remembered of a parent as long as one listing of it lasts.
type sweptParent struct {
	asked   time.Time // of that listing
	off     bool
	from    map[int]bool // the places that sweeps began at
	running []*sweep
	lanes   []lane
}

// lane is a folder that is asked for by itself, so that sweeps go on from it.
type lane struct {
	path       string
	place, end int // those between them are for the sweeps that go on from it
}

// sweep is one sweep.
type sweep struct {
	key     string // of its load
	path    string // of the parent
	listing *Listing
	offset  int64
	place   int      // of the folder that it begins at; -1: it is a plain call about the parent
	first   *Listing // of that folder
	files   bool     // whether the offset counts the parent's files first

	count int // how many folders it is expected to bring
	until int // the place behind them
	end   int // the place of the next folder that is known, or their number
	begun bool
}

// bySweep returns the listing of a folder that came by a sweep of its parent, joined or
// begun for it; nil if the folder is to be listed by itself. It is called by the load of
// the folder, for a walk: what is done for it is wanted when that load is. An error means
// that the service was silent for so long that the load shall fail too.
func (l *Listings) bySweep(ctx context.Context, path string) (*Listing, error) {
	if l.fresh(path) != nil {
		return nil, nil
	}
	for range maxSweeps {
		s := l.sweepFor(path)
		if s == nil {
			return nil, nil
		}
		began := l.opts.Now()
		_, err := l.loads.share(ctx, s.key, func(ctx context.Context) (any, error) { return nil, l.runSweep(ctx, s) })
		if have := l.fresh(path); have != nil {
			return have, nil
		}
		switch {
		case err == nil:
		case ctx.Err() != nil || apiclient.FailedAhead(err) || apiclient.IsTemporary(err) && l.opts.Now().Sub(began) >= l.opts.Timeout/2:
			return nil, err
		default:
			return nil, nil
		}
	}
	return nil, nil
}

// sweepPending reports whether a sweep under way will bring the folder at path, or others
// before it from which the next one can go on.
func (l *Listings) sweepPending(path string) bool {
	dir, name := upward(path)
	l.sweeps.mu.Lock()
	defer l.sweeps.mu.Unlock()
	p := l.sweeps.parents[dir]
	if p == nil {
		return false
	}
	for _, s := range p.running {
		if place, ok := s.listing.placeOf(name); ok && place > s.place && place < s.end {
			return true
		}
	}
	listing := l.fresh(dir)
	if listing == nil || !listing.asked.Equal(p.asked) {
		return false
	}
	place, ok := listing.placeOf(name)
	if !ok {
		return false
	}
	for _, lane := range p.lanes {
		if place > lane.place && place < lane.end && l.loads.flying(lane.path) {
			return true
		}
	}
	return l.sweeps.onTrial() && !l.sweeps.off && !p.off && siblings{l, dir, listing, p}.plan(place) != nil
}

// onTrial reports whether a sweep is under way that will show whether they are of any use:
// one is enough until then.
func (all *sweeps) onTrial() bool {
	return all.running > 0 && (!all.proven || len(all.failed) > 0)
}

// sweepLane returns a folder that is worth to be listed by itself while sweeps are under
// way: one in the middle of the most that they have to come to yet, so that others can go
// on from there at the same time.
func (l *Listings) sweepLane() (path string, ok bool) {
	l.sweeps.mu.Lock()
	defer l.sweeps.mu.Unlock()
	var (
		in       *sweptParent
		of       *sweep
		from, to = 0, new(int)
	)
	for _, p := range l.sweeps.parents {
		for _, s := range p.running {
			if !s.listing.asked.Equal(p.asked) {
				continue
			}
			longer := func(until int, end *int) {
				if n := *end - until; n >= 4*s.count && n > *to-from {
					in, of, from, to = p, s, until, end
				}
			}
			longer(s.until, &s.end)
			for i := range p.lanes {
				if lane := &p.lanes[i]; l.loads.flying(lane.path) {
					longer(lane.place, &lane.end)
				}
			}
		}
	}
	if in == nil {
		return "", false
	}
	middle, end := (from+*to)/2, *to
	*to = middle
	path = of.path + "/" + of.listing.folderAt(middle)
	in.lanes = append(in.lanes, lane{path, middle, end})
	return path, l.fresh(path) == nil && !l.loads.flying(path)
}

// sweepFor returns the sweep that the folder at path may come with, under way or planned
// for it; nil if there is none.
func (l *Listings) sweepFor(path string) *sweep {
	if l.opts.Sweeper == nil {
		return nil
	}
	dir, name := upward(path)
	all := &l.sweeps
	all.mu.Lock()
	defer all.mu.Unlock()
	listing := l.fresh(dir)
	if listing == nil {
		return nil
	}
	place, ok := listing.placeOf(name)
	if !ok {
		return nil
	}
	p := all.parents[dir]
	if p != nil {
		for _, s := range p.running {
			if at, ok := s.listing.placeOf(name); ok && at > s.place && at < s.end && at <= s.place+maxSweeps*s.count {
				return s
			}
		}
	}
	if all.off || all.onTrial() {
		return nil
	}
	if p == nil || !p.asked.Equal(listing.asked) {
		p = all.remember(l, dir, listing.asked, p)
	}
	if p.off {
		return nil
	}
	s := siblings{l, dir, listing, p}.plan(place)
	if s != nil {
		all.planned++
		s.key = dir + "\x00sweep" + strconv.Itoa(all.planned)
		p.running = append(p.running, s)
		all.running++
	}
	return s
}

// remember returns what is to be remembered of a parent under a new listing. What is
// under way goes on.
func (all *sweeps) remember(l *Listings, dir string, asked time.Time, old *sweptParent) *sweptParent {
	if len(all.parents) >= all.prune {
		for path, p := range all.parents {
			if len(p.running) == 0 && l.life(p.asked) <= 0 {
				delete(all.parents, path)
			}
		}
		all.prune = 64 + 2*len(all.parents)
	}
	if all.parents == nil {
		all.parents = make(map[string]*sweptParent)
	}
	p := &sweptParent{asked: asked, from: make(map[int]bool)}
	if old != nil {
		p.running = old.running
	}
	all.parents[dir] = p
	return p
}

// fresh returns the listing of the folder at path if it is in memory and counts.
func (l *Listings) fresh(path string) *Listing {
	if have := l.store.peek(path).listing; have != nil && l.Life(have) > 0 {
		return have
	}
	return nil
}

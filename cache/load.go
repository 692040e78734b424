package cache

import (
	"context"
	"time"

	"sefs/apiclient"
)

// load asks for one folder and keeps what comes. It runs once for all who want the
// folder, under a context of its own. For a walker, an answer may bring the folders that
// follow as well.
func (l *Listings) load(ctx context.Context, path string, life time.Duration, walker bool) (*Listing, error) {
	have := l.store.peek(path)
	if have.listing != nil && l.Life(have.listing) > life {
		// Another load has ended between our caller's look and this one.
		return have.listing, nil
	}
	if walker {
		if v, err := l.bySweep(ctx, path); v != nil || err != nil {
			return v, err
		}
		have = l.store.peek(path)
	}
	l.counters.loads.Add(1)
	began := l.opts.Now()
	from := l.takeStart(path, have)
	known := have.listing != nil && have.listing.Len() > 0 || from != nil && len(from.Entries) > 0
	folder, err := l.list(ctx, path, from, known)
	if path == l.opts.Root && apiclient.IsNotExist(err) {
		folder, err = &apiclient.Folder{State: apiclient.Whole, Asked: l.opts.Now()}, nil
	}
	if err == nil && !folder.Named && path == l.opts.Root && !l.opts.AllowEmpty {
		err = ErrEmptyRoot
	}
	if err != nil {
		if folder != nil && folder.State == apiclient.Cut {
			l.keepStart(path, folder) // the next try goes on from here
		}
		l.failed(path, err, began, have.listing != nil && l.standsIn(have.listing.asked, err), false)
		return nil, err
	}
	l.succeeded(path)
	asked := folder.Asked
	if from != nil && l.opts.Now().Sub(from.Asked) < l.opts.TTL {
		// The start is older than the pages that followed: count from it, so that no
		// part of what is shown is older than the TTL. A load that took longer than that
		// counts from its last page like any other.
		asked = from.Asked
	}
	l.harvest(path, folder)
	return l.keep(path, folder, asked, true), nil
}

// maxRepeated is for how long an error is repeated at most: a service that answers again
// shall show within ten seconds.
const maxRepeated = 5 * time.Second

// failed notes a load that failed. Its error is repeated for a second where it cost its
// callers a long wait, or always says so; and for as long as the load took, maxRepeated at
// most, where something older stands in: else each look at what is known would wait.
func (l *Listings) failed(key string, err error, began time.Time, standsIn, always bool) {
	if apiclient.FailedAhead(err) {
		return // who wants it tries anew
	}
	l.counters.failed.Add(1)
	if apiclient.IsMalformed(err) {
		l.counters.malformed.Add(1)
	}
	if apiclient.IsTemporary(err) {
		l.outage.missed()
	}
	now := l.opts.Now()
	during := time.Second
	if standsIn {
		during = min(max(now.Sub(began), during), maxRepeated)
	}
	if standsIn || always || now.Sub(began) >= l.opts.Timeout/2 {
		l.failures.remember(key, err, now, during)
	}
}

// succeeded notes a load that the service answered: no failure before it counts any more.
func (l *Listings) succeeded(key string) {
	l.failures.forget(key)
	l.outage.succeeded(key, l.opts.Now())
}

// list runs the lister under the load's own deadlines.
func (l *Listings) list(ctx context.Context, path string, from *apiclient.Folder, doubt bool) (*apiclient.Folder, error) {
	w, ctx, stop := l.loads.watchFor(ctx, l.opts.LoadTimeout)
	defer stop()
	return l.opts.Lister.List(ctx, apiclient.ListRequest{
		Path: path, From: from, Doubt: doubt, Turn: w.turn, Progress: w.progress, Bytes: w.bytes,
	})
}

// takeStart takes what an earlier answer told of the beginning of the folder, if
// that still counts. It is gone afterwards: a load that fails because of it shall not
// be followed by another that does.
func (l *Listings) takeStart(path string, have slot) *apiclient.Folder {
	if have.start == nil {
		return nil
	}
	l.store.update(path, func(s slot) slot { s.start = nil; return s })
	if l.opts.Now().Sub(have.start.Asked) >= l.opts.TTL {
		return nil
	}
	return have.start
}

// harvest keeps what an answer told of the folders below path, and returns how many
// listings that made. They go in backwards, so that those a walk comes to first are the
// last to go.
func (l *Listings) harvest(path string, f *apiclient.Folder) (n int) {
	for i := len(f.Entries) - 1; i >= 0; i-- {
		e := f.Entries[i]
		if e.Folder == nil {
			continue
		}
		sub := path + "/" + e.Name
		n += l.harvest(sub, e.Folder)
		switch e.Folder.State {
		case apiclient.Whole:
			n++
			l.counters.harvested.Add(1)
			l.keep(sub, e.Folder, e.Folder.Asked, false)
		case apiclient.Cut:
			l.keepStart(sub, e.Folder)
		}
	}
	return n
}

// keep stores a whole folder as a listing, unless a younger one is there. own says
// whether the folder itself was asked for.
func (l *Listings) keep(path string, f *apiclient.Folder, asked time.Time, own bool) *Listing {
	listing, known := newListing(f, asked), false
	listing.own = own
	l.store.update(path, func(s slot) slot {
		known = s.listing != nil
		if known && s.listing.asked.After(asked) {
			return s
		}
		listing = listing.sharing(s.listing)
		if attrs := withListing(f, s.attrs, asked); attrs != nil {
			s.attrs = attrs.sharing(listing)
		}
		return slot{listing: listing, attrs: s.attrs}
	})
	if f.Hidden > 0 && !known {
		l.counters.hidden.Add(int64(f.Hidden))
		l.opts.Log.Warn("names that no file system may show are left out", "path", path, "names", f.Hidden)
	}
	return listing
}

// withListing returns the attributes that came with a listing, as those of v1 do; or
// those that are there already, if none came.
func withListing(f *apiclient.Folder, have *Attrs, asked time.Time) *Attrs {
	for _, e := range f.Entries {
		if e.Attr != nil {
			attrs := newAttrs(f, byItself)
			attrs.asked, attrs.below, attrs.listed = asked, true, true
			return attrs
		}
	}
	return have
}

// keepStart stores the beginning of a folder that the answer cut.
func (l *Listings) keepStart(path string, f *apiclient.Folder) {
	l.store.update(path, func(s slot) slot {
		if s.listing == nil || l.Life(s.listing) <= 0 {
			s.start = f
		}
		return s
	})
}

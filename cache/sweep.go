package cache

import (
	"context"
	"errors"
	"slices"

	"sefs/apiclient"
)

// outcome is what came of a sweep.
type outcome int

const (
	untold   outcome = iota // nothing; it may be tried again
	missed                  // nothing, for a reason that may pass
	refuted                 // an answer that is not believed
	garbled                 // the same, for no reason that has to do with the offset
	believed                // an answer whose folders were kept
)

// runSweep is the load of a sweep: it makes the call and keeps what the answer brings.
func (l *Listings) runSweep(ctx context.Context, s *sweep) error {
	if !l.sweeps.begin(s) {
		return nil // it has ended between our caller's look and this one
	}
	o, told := untold, &apiclient.Folder{}
	defer func() { l.endSweep(s, o, told) }()
	l.counters.sweeps.Add(1)
	f, err := l.page(ctx, s)
	switch {
	case err != nil:
		o = l.failure(err)
		return err
	case s.place < 0:
		o = garbled
	default:
		o = refuted
	}
	rest, ok := s.check(f)
	if !ok {
		return nil
	}
	o = believed
	l.outage.succeeded("", l.opts.Now())
	// What comes after a folder that is cut is not told; a page has no room for it.
	last := len(rest)
	for last > 0 && rest[last-1].Folder.State == apiclient.Skipped {
		last--
	}
	for i, e := range rest[:last] {
		if e.Folder.State == apiclient.Whole || e.Folder.State == apiclient.Cut && i == last-1 {
			told.Entries = append(told.Entries, e)
		}
	}
	l.counters.swept.Add(int64(l.harvest(s.path, told)))
	return nil
}

// page makes the call of a sweep under the load's own deadlines.
func (l *Listings) page(ctx context.Context, s *sweep) (*apiclient.Folder, error) {
	w, ctx, stop := l.loads.watchFor(ctx, l.opts.LoadTimeout)
	defer stop()
	return l.opts.Sweeper.Page(ctx, apiclient.PageRequest{
		Path: s.path, Offset: s.offset, Turn: w.turn, Progress: w.progress, Bytes: w.bytes,
	})
}

// failure returns what came of a sweep whose call failed.
func (l *Listings) failure(err error) outcome {
	var e *apiclient.Error
	switch {
	case apiclient.FailedAhead(err) || !errors.As(err, &e) || errors.Is(err, context.Canceled) || errors.Is(err, errClosed):
		return untold
	case e.Malformed && e.Status < 400:
		return garbled
	case apiclient.IsTemporary(err):
		return missed
	}
	return refuted
}

// check returns what the answer of a sweep tells of the folders behind the one that it
// began at. It is believed only if that one comes first, whole and as it is known, and
// the others in the order in which they are known to follow.
func (s *sweep) check(f *apiclient.Folder) (rest []apiclient.Entry, ok bool) {
	if f.Hidden > 0 {
		return nil, false
	}
	for _, e := range f.Entries {
		if e.Folder != nil {
			rest = append(rest, e)
			continue
		}
		// A file of the parent comes only where files come behind the folders.
		if i, ok := s.listing.Find(e.Name); s.files || !ok || s.listing.IsDir(i) {
			return nil, false
		}
	}
	if s.place < 0 {
		return rest, s.follow(0, rest)
	}
	// Those before it may be named, if nothing else is said of them.
	if s.place > 0 && len(rest) > s.place && rest[0].Name == s.listing.folderAt(0) {
		before := rest[:s.place]
		told := func(e apiclient.Entry) bool { return e.Folder.State != apiclient.Skipped || len(e.Folder.Entries) > 0 }
		if !s.follow(0, before) || slices.ContainsFunc(before, told) {
			return nil, false
		}
		rest = rest[s.place:]
	}
	if len(rest) == 0 || !s.follow(s.place, rest) || rest[0].Folder.State != apiclient.Whole {
		return nil, false
	}
	first := newListing(rest[0].Folder, s.first.asked)
	// What is below the first may have come in part, where an offset counts that too.
	return rest[1:], first.version == s.first.version && first.names == s.first.names
}

// follow reports whether entries are the parent's sub-folders from a place on.
func (s *sweep) follow(place int, entries []apiclient.Entry) bool {
	if len(entries) > s.listing.Folders()-place {
		return false
	}
	for i, e := range entries {
		if e.Name != s.listing.folderAt(place+i) {
			return false
		}
	}
	return true
}

// begin reports whether a sweep is still to be made, and counts it as begun.
func (all *sweeps) begin(s *sweep) bool {
	all.mu.Lock()
	defer all.mu.Unlock()
	first := !s.begun
	s.begun = true
	return first
}

// endSweep takes a sweep off those under way, and remembers what came of it.
func (l *Listings) endSweep(s *sweep, o outcome, told *apiclient.Folder) {
	all := &l.sweeps
	all.mu.Lock()
	defer all.mu.Unlock()
	all.running--
	p := all.parents[s.path]
	p.running = slices.DeleteFunc(p.running, func(r *sweep) bool { return r == s })
	current := p.asked.Equal(s.listing.asked)
	if current && o != untold {
		p.from[s.place] = true
	}
	if o == refuted || o == garbled {
		l.counters.sweepsFailed.Add(1)
	}
	switch {
	case o == believed:
		all.passed(s, told)
	case o == refuted && all.refute(s):
		delete(p.from, s.place) // with what the offset counts turned, once
	case o == refuted || o == garbled:
		p.off = p.off || current
	}
}

// passed notes an answer that was believed, and what it told.
func (all *sweeps) passed(s *sweep, told *apiclient.Folder) {
	files, whole := 0, 0
	for _, e := range told.Entries {
		if e.Folder.State == apiclient.Whole {
			files += filesOf(e.Folder)
			whole++
		}
	}
	if whole > 0 {
		all.files = max(float64(files)/float64(whole), 1./maxSample)
	}
	if s.place < 0 {
		if all.plain++; whole > 1 {
			all.plain = 0
		}
		return
	}
	all.proven, all.failed = true, nil
	if s.listing.files() > 0 {
		all.settled = true
	}
}

// refute notes a check that failed, and reports whether the parent may be tried again:
// the first time that it depends on what an offset counts first.
func (all *sweeps) refute(s *sweep) (again bool) {
	if all.failed == nil {
		all.failed = make(map[string]bool)
	}
	all.failed[s.path] = true
	if s.listing.files() > 0 && !all.settled {
		again = !all.tried
		all.turned, all.tried = !all.turned, true
	}
	all.off = all.off || len(all.failed) >= maxFailed
	return again && !all.off
}

// filesOf counts the files that an answer told of a folder and all below it.
func filesOf(f *apiclient.Folder) (n int) {
	for _, e := range f.Entries {
		if e.Folder == nil {
			n++
		} else {
			n += filesOf(e.Folder)
		}
	}
	return n
}

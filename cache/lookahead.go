package cache

import (
	"context"
	"errors"
	"math"
	"strings"
	"time"
)

const (
	// lead is how many folders loaded ahead may wait for their walker, for each load that
	// may run at a time.
	lead = 8
	// maxScan is how many folders that are known already are looked at for one that is not.
	maxScan = 3000
	// maxFailures is how many loads ahead may fail in a row before there are none for
	// afterFailures.
	maxFailures   = 3
	afterFailures = 5 * time.Second
)

// lookAhead begins loads of what a walker comes to next, in its order, as long as there
// are idle calls. It is called with mu held.
func (w *walks) lookAhead(t *trail) {
	now := w.listings.opts.Now()
	if t.quiet > 0 {
		t.quiet--
		return
	}
	if !t.active(now) || now.Before(w.broken) || w.full(t) {
		return
	}
	known, begun := 0, false
	w.following(t, func(path string) bool {
		if w.begin(t, path) {
			begun = true
			return !w.full(t)
		}
		known++
		return known < maxScan
	})
	for !w.full(t) {
		path, ok := w.listings.sweepLane()
		if !ok || !w.beginList(t, path) {
			break
		}
		begun = true
	}
	if !begun {
		t.quiet = known / 2 // so much is known ahead, or on its way
	}
}

// full reports whether no load may begin ahead of a walker: enough run, or wait for it, or
// it could lose what waits for it to what came later.
func (w *walks) full(t *trail) bool {
	most := lead * w.limit
	if t.any {
		most *= lead
	}
	if w.running >= w.limit || len(t.unseen) >= most {
		return true
	}
	oldest := int64(math.MaxInt64)
	for _, grown := range t.unseen {
		oldest = min(oldest, grown)
	}
	return len(t.unseen) > 0 && w.listings.store.grown()-oldest > w.listings.opts.Memory.Budget()/4
}

// begin begins a load of what is not known of a folder, and reports whether it did.
func (w *walks) begin(t *trail, path string) bool {
	l := w.listings
	switch {
	case l.fresh(path) == nil:
		if l.sweepPending(path) {
			return false
		}
		if s := l.sweepFor(path); s != nil {
			return w.beginLoad(t, path, s.key, func(ctx context.Context) (any, error) { return nil, l.runSweep(ctx, s) })
		}
		return w.beginList(t, path)
	case t.attributes >= attributesUsed:
		key, load := l.attrsAhead(path)
		return load != nil && w.beginLoad(t, path, key, load)
	}
	return false
}

// beginList begins a load of a folder's listing.
func (w *walks) beginList(t *trail, path string) bool {
	return w.beginLoad(t, path, path, func(ctx context.Context) (any, error) {
		return w.listings.load(ctx, path, 0, false)
	})
}

// beginLoad begins a load for the sake of a folder, unless it runs.
func (w *walks) beginLoad(t *trail, path, key string, load func(context.Context) (any, error)) bool {
	l := w.listings
	if t.failed[path] {
		return false
	}
	grown := l.store.grown()
	var late *time.Timer
	if !l.loads.ahead(key, load, func(err error) { w.ended(t, path, &late, err) }) {
		return false
	}
	late = w.giveUp(t, key)
	w.running++
	l.counters.ahead.Add(1)
	if t.unseen == nil {
		t.unseen = make(map[string]int64)
	}
	if t.any || after(path, t.last) {
		t.unseen[path] = grown
	}
	return true
}

// giveUp ends a load ahead once the walk is over, if nobody waits for it then. It returns
// what has to be stopped when the load has ended.
func (w *walks) giveUp(t *trail, key string) *time.Timer {
	var late *time.Timer
	late = time.AfterFunc(2*stillWalking, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if t.active(w.listings.opts.Now()) {
			late.Reset(2 * stillWalking)
		} else {
			w.listings.loads.drop(key)
		}
	})
	return late
}

// ended notes that a load ahead has ended, and goes on.
func (w *walks) ended(t *trail, path string, late **time.Timer, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	(*late).Stop()
	w.running--
	t.quiet = 0
	switch {
	case err == nil:
		w.failures = 0
	case errors.Is(err, errUnwanted):
		delete(t.unseen, path)
	default:
		delete(t.unseen, path)
		if t.failed == nil {
			t.failed = make(map[string]bool)
		}
		t.failed[path] = true // the walker may find out why
		if w.failures++; w.failures >= maxFailures {
			w.failures, w.broken = 0, w.listings.opts.Now().Add(afterFailures)
		}
	}
	w.lookAhead(t)
}

// following yields the folders that a walk comes to after the one that it opened last, as
// far as they are known, until yield returns false.
func (w *walks) following(t *trail, yield func(path string) bool) {
	if t.last == "" || !w.under(t, t.last, 0, math.MaxInt, yield) {
		return
	}
	for at := t.last; at != w.listings.opts.Root; {
		parent, name := upward(at)
		// Marked as used: without it there is no way on from here.
		in := w.listings.store.get(parent).listing
		if in == nil {
			return
		}
		from := 0
		if !t.any {
			i, ok := in.Find(name)
			if from = i; ok {
				from++
			}
		}
		// In an order that is not known, what is nearest comes first.
		if t.any && !w.under(t, parent, from, 1, yield) || !w.under(t, parent, from, math.MaxInt, yield) {
			return
		}
		at = parent
	}
}

// under yields the sub-folders of a folder from entry i on, and what is in them, so many
// levels down and no deeper than the walk goes.
func (w *walks) under(t *trail, path string, i, levels int, yield func(path string) bool) (more bool) {
	in := w.listings.Known(path)
	if in == nil || levels <= 0 || t.floor > 0 && strings.Count(path, "/") >= t.floor {
		return true
	}
	first, next := in.nextDir(i), func(i int) int { return in.nextDir(i + 1) }
	if t.backward() {
		first, next = in.prevDir(in.Len()-1), func(i int) int { return in.prevDir(i - 1) }
	}
	for i := first; i >= 0 && i < in.Len(); i = next(i) {
		sub := path + "/" + in.Name(i)
		if !yield(sub) || !w.under(t, sub, 0, levels-1, yield) {
			return false
		}
	}
	return true
}

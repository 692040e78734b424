package apiclient

import (
	"container/list"
	"context"
	"sync"
	"time"
)

const (
	// cutPause is how long after the limit of slots was halved it may be again: those in
	// flight then tell of the same overload.
	cutPause = time.Second
	// growAfter is how many successes let the limit grow by one.
	growAfter = 4
)

// slots are the places for calls in flight. Those that are tried again go first, and those
// of callers, among them those of whoever has the fewest, in order of arrival; then come calls that nobody waits
// for, those that renew what is known last; see [Ahead], [Caller] and [Renewal]. How many
// there are is halved when the service is overloaded, and grows again with what succeeds.
// They are safe for concurrent use.
type slots struct {
	most int // there are never more

	// mu protects what follows.
	mu      sync.Mutex
	limit   int         // how many there are now; at least one
	used    int         // may be more than the limit for a while
	held    map[int]int // how many of them each caller has
	waiters list.List   // of *waiter, in order of arrival; none while a slot is free
	since   int         // successes since the limit changed
	cut     time.Time   // when it was halved last
}

// waiter is a call that waits for a slot. It is in the queue until granted is closed.
type waiter struct {
	granted chan struct{}
	caller  int
	class   class
	place   *list.Element
}

func newSlots(n int) *slots { return &slots{most: n, limit: n, held: make(map[int]int)} }

// acquire waits for a slot, until ctx ends; the error is its cause. release has to be
// called once. again says whether the call had a slot before: then it comes first.
func (s *slots) acquire(ctx context.Context, again bool) (release func(), err error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	wanted, alone := unwanted(ctx)
	w := &waiter{granted: make(chan struct{}), caller: CallerOf(ctx), class: classOf(ctx, alone, again)}
	s.enter(w)
	for {
		select {
		case <-w.granted:
			return func() { s.release(w) }, nil
		case <-wanted:
			wanted = nil
			s.join(w)
		case <-ctx.Done():
			s.leave(w)
			return nil, context.Cause(ctx)
		}
	}
}

// enter takes a slot if one is free, and a place in the queue if not.
func (s *slots) enter(w *waiter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.place = s.waiters.PushBack(w)
	s.grant()
}

// join lets a call ahead wait with those that somebody waits for.
func (s *slots) join(w *waiter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !isClosed(w.granted) && w.class > forCaller {
		w.class = forCaller
		s.waiters.MoveToBack(w.place)
	}
}

// leave gives up a place, and the slot if it was granted meanwhile.
func (s *slots) leave(w *waiter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if isClosed(w.granted) {
		s.free(w)
		return
	}
	s.waiters.Remove(w.place)
}

// release gives a slot back.
func (s *slots) release(w *waiter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free(w)
}

// free is release for whoever holds mu.
func (s *slots) free(w *waiter) {
	s.used--
	if s.held[w.caller]--; s.held[w.caller] <= 0 {
		delete(s.held, w.caller)
	}
	s.grant()
}

// grant gives the slots that are free to whose turn it is. It is for whoever holds mu.
func (s *slots) grant() {
	for s.used < s.limit && s.waiters.Len() > 0 {
		w := s.next()
		s.waiters.Remove(w.place)
		s.used++
		s.held[w.caller]++
		close(w.granted)
	}
}

// next is who is to have the next slot. It is for whoever holds mu.
func (s *slots) next() *waiter {
	var best *waiter
	for place := s.waiters.Front(); place != nil; place = place.Next() {
		w := place.Value.(*waiter)
		if best == nil || w.class < best.class ||
			w.class == forCaller && best.class == forCaller && s.has(w) < s.has(best) {
			best = w
		}
		if best.class == forRetry {
			break
		}
	}
	return best
}

// has is how many slots a waiter's caller has. Who is not known counts by itself.
func (s *slots) has(w *waiter) int {
	if w.caller == 0 {
		return 0
	}
	return s.held[w.caller]
}

// overloaded halves the slots, unless they were halved a moment ago.
func (s *slots) overloaded() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); now.Sub(s.cut) >= cutPause {
		s.limit, s.since, s.cut = max(s.limit/2, 1), 0, now
	}
}

// succeeded counts a success, and adds a slot after some.
func (s *slots) succeeded() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.limit == s.most {
		return
	}
	if s.since++; s.since >= growAfter {
		s.since = 0
		s.limit++
		s.grant()
	}
}

// restart begins anew with one slot.
func (s *slots) restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit, s.since = 1, 0
}

// now is how many slots there are now.
func (s *slots) now() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.limit
}

func isClosed(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

package apiclient

import (
	"container/list"
	"context"
	"sync"
)

// slots are the places for calls in flight. Those who wait for one get it in order of
// arrival, but calls that nobody waits for come after all others; see [Ahead]. They are
// safe for concurrent use.
type slots struct {
	// mu protects what follows. A waiter is the channel that is closed when it has its
	// slot; it is in one of the queues until then.
	mu    sync.Mutex
	free  int       // 0 while anybody waits
	calls list.List // waiters whose call somebody waits for
	ahead list.List // all others
}

func newSlots(n int) *slots { return &slots{free: n} }

// acquire waits for a slot, until ctx ends; the error is its cause.
func (s *slots) acquire(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	wanted, alone := unwanted(ctx)
	granted, place := s.enter(alone)
	for {
		select {
		case <-granted:
			return nil
		case <-wanted:
			wanted = nil
			place = s.join(granted, place)
		case <-ctx.Done():
			s.leave(granted, place)
			return context.Cause(ctx)
		}
	}
}

// enter takes a slot if one is free, and a place in a queue if not.
func (s *slots) enter(alone bool) (granted chan struct{}, place *list.Element) {
	granted = make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.free > 0:
		s.free--
		close(granted)
		return granted, nil
	case alone:
		return granted, s.ahead.PushBack(granted)
	}
	return granted, s.calls.PushBack(granted)
}

// join lets a call ahead wait with those that somebody waits for.
func (s *slots) join(granted chan struct{}, place *list.Element) *list.Element {
	s.mu.Lock()
	defer s.mu.Unlock()
	if isClosed(granted) {
		return place
	}
	s.ahead.Remove(place)
	return s.calls.PushBack(granted)
}

// leave gives up a place, and the slot if it was granted meanwhile.
func (s *slots) leave(granted chan struct{}, place *list.Element) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if isClosed(granted) {
		s.pass()
		return
	}
	s.calls.Remove(place) // only the queue that it is in does so
	s.ahead.Remove(place)
}

// release gives a slot back.
func (s *slots) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pass()
}

// pass gives a slot to whose turn it is. It is for whoever holds mu.
func (s *slots) pass() {
	for _, queue := range []*list.List{&s.calls, &s.ahead} {
		if first := queue.Front(); first != nil {
			close(queue.Remove(first).(chan struct{}))
			return
		}
	}
	s.free++
}

func isClosed(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

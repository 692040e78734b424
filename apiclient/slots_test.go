package apiclient

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// waiter is a call of the model: it waits for a slot, or has one.
type waiter struct {
	wanted chan struct{} // nil for one that somebody waits for from the beginning
	cancel context.CancelFunc
	got    chan error
}

// modelOfSlots says who has a slot and who waits, in which order.
type modelOfSlots struct {
	free         int
	calls, ahead []*waiter
	holders      []*waiter
}

func (m *modelOfSlots) pass() {
	for _, queue := range []*[]*waiter{&m.calls, &m.ahead} {
		if len(*queue) > 0 {
			m.holders = append(m.holders, (*queue)[0])
			*queue = (*queue)[1:]
			return
		}
	}
	m.free++
}

// inBubble is a test in a synctest bubble, which cannot be asked for its deadline.
type inBubble struct{ *testing.T }

func (inBubble) Deadline() (time.Time, bool) { return time.Time{}, false }

// Whatever is done in whatever order, slots go to whom they are due and none is lost.
func TestSlotsGoToCallersFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(inBubble{t}, func(t *rapid.T) {
			n := rapid.IntRange(1, 3).Draw(t, "slots")
			s, m := newSlots(n), &modelOfSlots{free: n}
			var all []*waiter
			defer func() {
				for _, w := range all {
					w.cancel()
				}
				synctest.Wait()
			}()
			enter := func(wanted chan struct{}) {
				w := &waiter{wanted: wanted, got: make(chan error, 1)}
				ctx, cancel := context.WithCancel(context.Background())
				w.cancel, all = cancel, append(all, w)
				queue := &m.calls
				if wanted != nil {
					ctx, queue = Ahead(ctx, wanted), &m.ahead
				}
				go func() { w.got <- s.acquire(ctx) }()
				if *queue = append(*queue, w); m.free > 0 {
					m.free--
					m.pass()
				}
			}
			pick := func(t *rapid.T, from []*waiter) int {
				if len(from) == 0 {
					t.Skip("there is none")
				}
				return rapid.IntRange(0, len(from)-1).Draw(t, "which")
			}
			t.Repeat(map[string]func(*rapid.T){
				"a caller":     func(*rapid.T) { enter(nil) },
				"a call ahead": func(*rapid.T) { enter(make(chan struct{})) },
				"is wanted": func(t *rapid.T) {
					i := pick(t, m.ahead)
					w := m.ahead[i]
					close(w.wanted)
					m.ahead, m.calls = slices.Delete(m.ahead, i, i+1), append(m.calls, w)
				},
				"gives up": func(t *rapid.T) {
					all := append(slices.Clone(m.calls), m.ahead...)
					w := all[pick(t, all)]
					w.cancel()
					same := func(v *waiter) bool { return v == w }
					m.calls, m.ahead = slices.DeleteFunc(m.calls, same), slices.DeleteFunc(m.ahead, same)
					if err := <-w.got; err == nil {
						t.Error("got a slot that it was not due")
					}
				},
				"is done": func(t *rapid.T) {
					i := pick(t, m.holders)
					m.holders = slices.Delete(m.holders, i, i+1)
					s.release()
					m.pass()
				},
				"": func(t *rapid.T) {
					synctest.Wait()
					for _, w := range append(slices.Clone(m.calls), m.ahead...) {
						if len(w.got) > 0 {
							t.Fatal("got a slot before those that were due")
						}
					}
					for _, w := range m.holders {
						if w.got == nil {
							continue // looked at before
						}
						if len(w.got) == 0 {
							t.Fatal("did not get the slot that it was due")
						}
						if err := <-w.got; err != nil {
							t.Fatal(err)
						}
						w.cancel()
						w.got = nil
					}
					if s.free != m.free {
						t.Fatalf("%d slots free, want %d", s.free, m.free)
					}
				},
			})
		})
	})
}

// The same without a model, all at once.
func TestSlotsAreNotLost(t *testing.T) {
	const n = 3
	s := newSlots(n)
	var held atomic.Int64
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			for range 100 {
				ctx, cancel := context.WithCancel(t.Context())
				wanted := make(chan struct{})
				if rand.IntN(2) == 0 {
					ctx = Ahead(ctx, wanted)
				}
				var others sync.WaitGroup
				others.Go(func() { close(wanted) })
				others.Go(func() {
					if rand.IntN(2) == 0 {
						time.Sleep(time.Duration(rand.IntN(20)) * time.Microsecond)
						cancel()
					}
				})
				if s.acquire(ctx) == nil {
					if held.Add(1) > n {
						t.Error("more slots than there are")
					}
					held.Add(-1)
					s.release()
				}
				others.Wait()
				cancel()
			}
		})
	}
	wg.Wait()
	if s.free != n || s.calls.Len()+s.ahead.Len() != 0 {
		t.Errorf("%d slots free, %d and %d wait", s.free, s.calls.Len(), s.ahead.Len())
	}
}

func TestSlotsTellWhyAContextEnded(t *testing.T) {
	s := newSlots(1)
	why := context.DeadlineExceeded
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if err := s.acquire(ctx); err != why { //nolint:errorlint // the very same
		t.Errorf("error %v", err)
	}
	if s.free != 1 {
		t.Error("it took a slot")
	}
}

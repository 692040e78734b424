package apiclient

import (
	"cmp"
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

// asker is a call of the model: it waits for a slot, or has one.
type asker struct {
	wanted  chan struct{} // nil for one that somebody waits for from the beginning
	caller  int
	class   class
	cancel  context.CancelFunc
	got     chan error
	release func()
}

// modelOfSlots says who has a slot and who waits, in order of arrival.
type modelOfSlots struct {
	limit, most   int
	wait, holders []*asker
	successes     int
	cut           time.Time
}

// has is how many slots the caller of w has.
func (m *modelOfSlots) has(w *asker) (n int) {
	for _, h := range m.holders {
		if w.caller != 0 && h.caller == w.caller {
			n++
		}
	}
	return n
}

func (m *modelOfSlots) grant() {
	for len(m.holders) < m.limit && len(m.wait) > 0 {
		sorted := slices.Clone(m.wait)
		slices.SortStableFunc(sorted, func(a, b *asker) int {
			if c := cmp.Compare(a.class, b.class); c != 0 || a.class != forCaller {
				return c
			}
			return cmp.Compare(m.has(a), m.has(b))
		})
		m.holders = append(m.holders, sorted[0])
		m.wait = slices.DeleteFunc(m.wait, func(w *asker) bool { return w == sorted[0] })
	}
}

// inBubble is a test in a synctest bubble, which cannot be asked for its deadline.
type inBubble struct{ *testing.T }

func (inBubble) Deadline() (time.Time, bool) { return time.Time{}, false }

// Whatever is done in whatever order, slots go to whom they are due and none is lost.
func TestSlotsGoToCallersFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(inBubble{t}, func(t *rapid.T) {
			n := rapid.IntRange(1, 5).Draw(t, "slots")
			s, m := newSlots(n), &modelOfSlots{limit: n, most: n}
			var all []*asker
			defer func() {
				for _, w := range all {
					w.cancel()
				}
				synctest.Wait()
			}()
			enter := func(w *asker) {
				w.got = make(chan error, 1)
				ctx, cancel := context.WithCancel(Caller(context.Background(), w.caller))
				w.cancel, all = cancel, append(all, w)
				switch w.class {
				case forRenewal:
					ctx = Ahead(Renewal(ctx), w.wanted)
				case forPrefetch:
					ctx = Ahead(ctx, w.wanted)
				}
				go func() {
					var err error
					w.release, err = s.acquire(ctx, w.class == forRetry)
					w.got <- err
				}()
				synctest.Wait()
				m.wait = append(m.wait, w)
				m.grant()
			}
			pick := func(t *rapid.T, from []*asker) *asker {
				if len(from) == 0 {
					t.Skip("there is none")
				}
				return rapid.SampledFrom(from).Draw(t, "which")
			}
			t.Repeat(map[string]func(*rapid.T){
				"a caller":  func(t *rapid.T) { enter(&asker{class: forCaller, caller: rapid.IntRange(0, 2).Draw(t, "who")}) },
				"one again": func(*rapid.T) { enter(&asker{class: forRetry}) },
				"a prefetch": func(*rapid.T) {
					enter(&asker{caller: rapid.IntRange(0, 2).Draw(t, "who"), class: forPrefetch, wanted: make(chan struct{})})
				},
				"a renewal": func(*rapid.T) { enter(&asker{class: forRenewal, wanted: make(chan struct{})}) },
				"is wanted": func(t *rapid.T) {
					w := pick(t, slices.DeleteFunc(slices.Clone(m.wait), func(w *asker) bool { return w.class <= forCaller }))
					close(w.wanted)
					w.class = forCaller
					m.wait = append(slices.DeleteFunc(m.wait, func(v *asker) bool { return v == w }), w)
				},
				"gives up": func(t *rapid.T) {
					w := pick(t, m.wait)
					w.cancel()
					m.wait = slices.DeleteFunc(m.wait, func(v *asker) bool { return v == w })
					if err := <-w.got; err == nil {
						t.Error("got a slot that it was not due")
					}
				},
				"is done": func(t *rapid.T) {
					w := pick(t, m.holders)
					m.holders = slices.DeleteFunc(m.holders, func(v *asker) bool { return v == w })
					w.release()
					m.grant()
				},
				"is overloaded": func(*rapid.T) {
					s.overloaded()
					if now := time.Now(); now.Sub(m.cut) >= cutPause {
						m.limit, m.successes, m.cut = max(m.limit/2, 1), 0, now
					}
				},
				"succeeds": func(*rapid.T) {
					s.succeeded()
					if m.limit < m.most {
						m.successes++
					}
					if m.successes == growAfter {
						m.successes = 0
						m.limit++
						m.grant()
					}
				},
				"time passes": func(*rapid.T) { time.Sleep(cutPause / 2) },
				"": func(t *rapid.T) {
					synctest.Wait()
					for _, w := range m.wait {
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
						w.got = nil
					}
					if s.limit != m.limit || s.used != len(m.holders) {
						t.Fatalf("%d of %d slots used, want %d of %d", s.used, s.limit, len(m.holders), m.limit)
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
				if release, err := s.acquire(Caller(ctx, rand.IntN(3)), rand.IntN(5) == 0); err == nil {
					if held.Add(1) > n {
						t.Error("more slots than there are")
					}
					held.Add(-1)
					release()
				}
				others.Wait()
				cancel()
			}
		})
	}
	wg.Wait()
	if s.used != 0 || s.waiters.Len() != 0 || len(s.held) != 0 {
		t.Errorf("%d slots used, by %v, %d wait", s.used, s.held, s.waiters.Len())
	}
}

func TestSlotsTellWhyAContextEnded(t *testing.T) {
	s := newSlots(1)
	why := context.DeadlineExceeded
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if _, err := s.acquire(ctx, false); err != why { //nolint:errorlint // the very same
		t.Errorf("error %v", err)
	}
	if s.used != 0 {
		t.Error("it took a slot")
	}
}

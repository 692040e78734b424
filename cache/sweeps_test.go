package cache

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sefs/apiclient"
)

func TestSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := newSwept(t, 30)
		for place := range 20 {
			s.get(t, c, parent(0), place)
		}
		s.made(t, 2, 0)
		if s.pages[0].Offset != 1 || s.pages[1].Offset != 10 || s.pages[0].Path != parent(0) {
			t.Errorf("sweeps %+v", s.pages)
		}
		s.get(t, c, parent(0), 29) // behind the next sweep, and the only one that is left
		s.made(t, 3, 1)
		if stats := c.Stats(); stats.Sweeps != 3 || stats.Swept != 27 || stats.SweepsFailed != 0 {
			t.Errorf("stats %+v", stats)
		}
		// What is not wanted by a walk is asked for by itself.
		want(t, c, parent(1)+"/"+dir(5), names(newListing(tenFiles(5), time.Time{})))
		s.made(t, 3, 2)
	})
}

// The age of what a sweep brings counts from the sweep.
func TestSweptAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := newSwept(t, 10)
		time.Sleep(30 * time.Minute)
		s.get(t, c, parent(0), 5)
		if life := c.Life(c.Known(parent(0) + "/" + dir(5))); life != time.Hour {
			t.Errorf("%v left of an hour", life)
		}
		if life := c.Life(c.Known(parent(0) + "/" + dir(1))); life > time.Hour/2 {
			t.Errorf("the folder that it began at has %v left", life)
		}
	})
}

func TestSweepsEndAfterThreeFailures(t *testing.T) {
	for _, passing := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c, s := newSwept(t, 20)
			refused := &apiclient.Error{Op: "files.list", Code: "0006"}
			s.change = func(r apiclient.PageRequest, _ *apiclient.Folder) error {
				if passing && r.Path == parent(2) {
					return nil
				}
				return refused
			}
			for i := range 4 {
				s.get(t, c, parent(i), 2)
			}
			s.change = nil
			s.get(t, c, parent(4), 2)
			if passing { // the third brought what was wanted
				s.made(t, 5, 3)
			} else {
				s.made(t, 3, 5)
			}
		})
	}
}

// A failure that may pass is none of the sweep's: the folder is asked for by itself.
func TestSweepThatDoesNotCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := newSwept(t, 20)
		s.change = func(apiclient.PageRequest, *apiclient.Folder) error { return errPassing }
		for i := range 5 {
			s.get(t, c, parent(i), 3)
		}
		s.made(t, 5, 5)
		s.get(t, c, parent(0), 2) // not from there again
		s.made(t, 5, 6)
		s.change = nil
		s.get(t, c, parent(0), 5) // but from what was listed since
		s.made(t, 6, 6)
		if stats := c.Stats(); stats.SweepsFailed != 0 {
			t.Errorf("stats %+v", stats)
		}
	})
}

// A service that is silent is not waited for twice.
func TestSilentSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := newSwept(t, 20)
		s.change = func(apiclient.PageRequest, *apiclient.Folder) error {
			time.Sleep(c.opts.Timeout)
			return errPassing
		}
		if _, err := bySweepOrItself(t.Context(), c, parent(0)+"/"+dir(3)); !errors.Is(err, errPassing) {
			t.Errorf("error %v", err)
		}
		s.made(t, 1, 0)
	})
}

// A sweep is made only where it is expected to save a call.
func TestSweepsThatAreNotWorthIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := newSwept(t, 21)
		// The first of all has no offset of its own, one that has no file proves nothing.
		large := folder()
		for i := range 40 {
			large.Entries = append(large.Entries, apiclient.Entry{Name: fmt.Sprint(i)})
		}
		for i, first := range []*apiclient.Folder{folder(), folder("sub/"), large, folder("f", "unknown/")} {
			c.keep(parent(i)+"/"+dir(0), first, time.Now(), false)
			c.keep(parent(i)+"/"+dir(1), first, time.Now(), false)
			s.get(t, c, parent(i), 2)
		}
		c.store.update(parent(5)+"/"+dir(1), func(slot) slot { return slot{} })
		s.get(t, c, parent(5), 1)
		s.made(t, 0, 5)
		// The only one that is unknown.
		for place := range 20 {
			s.get(t, c, parent(6), place)
		}
		s.made(t, 2, 5)
		s.get(t, c, parent(6), 20)
		s.made(t, 2, 6)
		// One behind a folder that is begun, and one too far away.
		c.keepStart(parent(7)+"/"+dir(3), &apiclient.Folder{State: apiclient.Cut, Offset: 1, Asked: time.Now()})
		s.get(t, c, parent(7), 4)
		s.made(t, 2, 7)
	})
}

// The offset is the folder's place, and the parent's files come before or behind it.
func TestSweepsOfAParentWithFiles(t *testing.T) {
	for _, before := range []int{0, 3} {
		synctest.Test(t, func(t *testing.T) {
			c, s := newSwept(t, 30, "a", "b", "c")
			s.change = func(r apiclient.PageRequest, f *apiclient.Folder) error {
				*f = *s.told(max(int(r.Offset)-before, 0), 10)
				if before == 0 {
					f.Entries = append(f.Entries, folder("c", "b", "a").Entries...)
				}
				return nil
			}
			for i := range 3 {
				for place := range 10 {
					s.get(t, c, parent(i), place)
				}
			}
			failed := int64(0)
			if before > 0 { // the answers name the folders first
				failed = 1
			}
			s.made(t, 3+int(failed), 0)
			if stats := c.Stats(); stats.SweepsFailed != failed {
				t.Errorf("stats %+v", stats)
			}
		})
	}
}

// Whoever wants a folder that a sweep is to bring waits for it.
func TestSweepsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := newSwept(t, 20)
		var all sync.WaitGroup
		for place := range 20 {
			for range 3 {
				all.Go(func() { s.get(t, c, parent(0), place) })
			}
		}
		synctest.Wait()
		for place, want := range map[int]bool{1: false, 2: true, 11: true, 19: true} {
			if c.sweepPending(parent(0)+"/"+dir(place)) != want {
				t.Errorf("place %d: pending %v", place, !want)
			}
		}
		if c.sweepPending(parent(1) + "/" + dir(2)) {
			t.Error("another parent's folder is pending")
		}
		all.Wait()
		s.made(t, 2, 0)
		if c.sweepPending(parent(0) + "/" + dir(19)) {
			t.Error("pending after all")
		}
	})
}

// A sweep for a load that nobody waits for is wanted when the load is.
func TestSweepAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := newSwept(t, 20)
		wanted := make(chan (<-chan struct{}), 1)
		c.opts.Sweeper = sweeperFunc(func(ctx context.Context, r apiclient.PageRequest) (*apiclient.Folder, error) {
			wanted <- waited(ctx)
			return s.Page(ctx, r)
		})
		path := parent(0) + "/" + dir(5)
		ended := make(chan error, 1)
		c.loads.ahead(path, func(ctx context.Context) (any, error) { return c.bySweep(ctx, path) }, func(err error) { ended <- err })
		w := <-wanted
		synctest.Wait()
		if isWaited(w) {
			t.Error("the sweep is wanted, and nobody waits")
		}
		go s.get(t, c, parent(0), 5)
		synctest.Wait()
		if !isWaited(w) {
			t.Error("the sweep is not wanted, and somebody waits")
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		s.made(t, 1, 0)
	})
}

type sweeperFunc func(context.Context, apiclient.PageRequest) (*apiclient.Folder, error)

func (f sweeperFunc) Page(ctx context.Context, r apiclient.PageRequest) (*apiclient.Folder, error) {
	return f(ctx, r)
}

// A second chain of sweeps begins in the middle of what the first has still to come to.
func TestSweepLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := newSwept(t, 100)
		if path, ok := c.sweepLane(); ok {
			t.Errorf("%s, and nothing is swept", path)
		}
		go s.get(t, c, parent(0), 2)
		synctest.Wait()
		path, ok := c.sweepLane() // 2 to 10 are to come, and 11 to 99 after them
		if want := parent(0) + "/" + dir(55); !ok || path != want {
			t.Fatalf("%s, %v, want %s", path, ok, want)
		}
		go s.get(t, c, parent(0), 55)
		synctest.Wait()
		for place, want := range map[int]bool{54: true, 55: false, 56: true, 99: true} {
			if c.sweepPending(parent(0)+"/"+dir(place)) != want {
				t.Errorf("place %d: pending %v", place, !want)
			}
		}
		time.Sleep(2 * time.Second)
		s.made(t, 1, 1)
		var all sync.WaitGroup
		for place := range 100 {
			all.Go(func() { s.get(t, c, parent(0), place) })
		}
		all.Wait()
		if n := len(s.pages) + len(s.asked); n > 2+5+5 {
			t.Errorf("%d sweeps and %d calls for single folders", len(s.pages), len(s.asked))
		}
	})
}

// What a folder's own answer has not brought, because another folder's told of it, is
// asked for from the start.
func TestSweepFromTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := newSwept(t, 20)
		for i := range 3 {
			p := fmt.Sprint(root, "/harvested", i)
			c.keep(p, s.told(0, 0), time.Now(), false)
			if i > 0 {
				s.change = func(_ apiclient.PageRequest, f *apiclient.Folder) error { *f = *s.told(0, 0); return nil }
			}
			s.get(t, c, p, 1)
		}
		s.made(t, 3, 2)
		p := root + "/harvested3"
		c.keep(p, s.told(0, 0), time.Now(), false)
		s.get(t, c, p, 1) // it brought nothing twice
		s.made(t, 3, 3)
	})
}

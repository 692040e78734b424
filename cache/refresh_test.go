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

// newRenewed returns a cache that renews behind readers, for a folder of a file that is
// called after the load, and of others. A load takes a second.
func newRenewed(t *testing.T, change ...func(*Options)) (*Listings, *describer) {
	d := &describer{}
	d.list = func(context.Context, apiclient.ListRequest) (*apiclient.Folder, error) {
		f := folder("a", fmt.Sprint("load", d.lister.calls.Load()))
		time.Sleep(time.Second)
		return f, nil
	}
	d.files = func(context.Context, apiclient.FilesRequest) (*apiclient.Folder, error) {
		f := told("a", "load1", "load2", "load3")
		time.Sleep(time.Second)
		return f, nil
	}
	return newListings(t, &d.lister, append([]func(*Options){func(o *Options) { o.Describer, o.Ahead = d, 2 }}, change...)...), d
}

// at goes to a moment of the bubble's time.
func at(begun time.Time, d time.Duration) {
	time.Sleep(time.Until(begun.Add(d)))
	synctest.Wait()
}

// at once fails the test if what do does takes any time.
func atOnce(t *testing.T, do func()) {
	t.Helper()
	begun := time.Now()
	if do(); time.Since(begun) != 0 {
		t.Errorf("somebody waited for %v", time.Since(begun))
	}
}

func (d *describer) loads(t *testing.T, lists, files int64) {
	t.Helper()
	synctest.Wait()
	if d.lister.calls.Load() != lists || d.calls.Load() != files {
		t.Errorf("%d listings and %d folders' attributes were asked for, want %d and %d", d.lister.calls.Load(), d.calls.Load(), lists, files)
	}
}

// What is used when little of the TTL is left is renewed while its readers go on.
func TestRenewalBehindTheReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, d := newRenewed(t)
		begun := time.Now()
		want(t, c, root, "a load1")
		at(begun, 45*time.Second-1)
		atOnce(t, func() { want(t, c, root, "a load1") })
		d.loads(t, 1, 0)
		at(begun, 45*time.Second)
		atOnce(t, func() {
			for range 10 {
				want(t, c, root, "a load1")
			}
		})
		d.loads(t, 2, 0)
		at(begun, 46*time.Second)
		atOnce(t, func() { want(t, c, root, "a load2") })
		at(begun, 90*time.Second-1) // three quarters of its own TTL
		atOnce(t, func() { want(t, c, root, "a load2") })
		d.loads(t, 2, 0)
		at(begun, 91*time.Second)
		atOnce(t, func() { want(t, c, root, "a load2") })
		d.loads(t, 3, 0)
		// Nobody uses it from now on.
		at(begun, time.Hour)
		d.loads(t, 3, 0)
		if s := c.Stats(); s.Loads != 3 || s.Renewals != 2 || s.Failed != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestRenewalIsOffWithoutAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, d := newRenewed(t, func(o *Options) { o.Ahead = 0 })
		attr(t, c, root, "a", 1)
		time.Sleep(50 * time.Second)
		attr(t, c, root, "a", 1)
		d.loads(t, 1, 1)
	})
}

// A walk renews nothing, neither by what it asks for nor by what the kernel asks for it.
func TestWalkRenewsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, d := newRenewed(t)
		attr(t, c, root, "a", 1)
		time.Sleep(50 * time.Second)
		if _, err := c.get(t.Context(), root, 0, true); err != nil {
			t.Error(err)
		}
		d.loads(t, 1, 1)
		passed := &trail{when: time.Now()}
		c.walks.passed.Add(root, passed)
		attr(t, c, root, "a", 1)
		c.KnownAttr(root, c.Known(root), 0)
		d.loads(t, 1, 1)
		passed.when = passed.when.Add(-time.Hour)
		attr(t, c, root, "a", 1)
		d.loads(t, 2, 2)
	})
}

// A caller who comes when the TTL is over waits for the renewal that is under way.
func TestRenewalIsJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, d := newRenewed(t)
		begun := time.Now()
		attr(t, c, root, "a", 1)
		at(begun, 59500*time.Millisecond)
		atOnce(t, func() { want(t, c, root, "a load1") })
		var all sync.WaitGroup
		at(begun, 60*time.Second)
		for range 5 {
			all.Go(func() { want(t, c, root, "a load2") })
		}
		all.Wait()
		if time.Since(begun) != 60500*time.Millisecond {
			t.Errorf("they waited until %v", time.Since(begun))
		}
		atOnce(t, func() { attr(t, c, root, "a", 1) }) // and attributes alike
		at(begun, 61*time.Second)
		attr(t, c, root, "a", 1)
		d.loads(t, 2, 2)
		if time.Since(begun) != 61500*time.Millisecond {
			t.Errorf("it waited until %v", time.Since(begun))
		}
	})
}

// A renewal that fails shows nowhere before the TTL is over, and is tried a few times only.
func TestRenewalFails(t *testing.T) {
	for name, err := range map[string]error{"passing": errPassing, "refused": &apiclient.Error{Status: 403}, "panic": nil} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, d := newRenewed(t, func(o *Options) { o.Stale = 0 })
				begun := time.Now()
				attr(t, c, root, "a", 1)
				end := func() {
					time.Sleep(900 * time.Millisecond)
					if err == nil {
						panic("oh")
					}
				}
				list, files := d.list, d.files
				d.list = func(context.Context, apiclient.ListRequest) (*apiclient.Folder, error) { end(); return nil, err }
				d.files = func(context.Context, apiclient.FilesRequest) (*apiclient.Folder, error) { end(); return nil, err }
				for at(begun, 45*time.Second); time.Since(begun) < 60*time.Second; time.Sleep(100 * time.Millisecond) {
					atOnce(t, func() { attr(t, c, root, "a", 1) })
				}
				d.loads(t, 1+5, 1+5) // each three seconds
				time.Sleep(time.Second)
				if s := c.Stats(); s.Stale != 0 || s.Renewals != 10 {
					t.Errorf("stats %+v", s)
				}
				if _, got := c.Get(t.Context(), root); got == nil || err != nil && !errors.Is(got, err) {
					t.Errorf("after the TTL: error %v", got)
				}
				d.loads(t, 1+5+1, 1+5)
				d.list, d.files = list, files
				time.Sleep(time.Second)
				want(t, c, root, "a load8")
			})
		})
	}
}

// Attributes are renewed where they are used, by themselves.
func TestRenewalOfAttributes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, d := newRenewed(t)
		begun := time.Now()
		attr(t, c, root, "a", 1) // the listing at 0 s, the attributes at 1 s
		at(begun, 45*time.Second)
		atOnce(t, func() { want(t, c, root, "a load1") })
		d.loads(t, 2, 1)
		at(begun, 46*time.Second)
		l := c.Known(root)
		atOnce(t, func() {
			for range 10 {
				if _, _, ok := c.KnownAttr(root, l, 0); !ok {
					t.Error("not known")
				}
			}
		})
		d.loads(t, 2, 2)
		at(begun, 48*time.Second)
		if _, life, _ := c.KnownAttr(root, l, 0); life != 57*time.Second { // as long as both
			t.Errorf("they count for %v", life)
		}
		d.loads(t, 2, 2)
		if d.levels[1] != 0 {
			t.Errorf("levels %v", d.levels)
		}
	})
}

// Attributes that come with the listing are renewed with it.
func TestRenewalByV1(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, d := newRenewed(t)
		d.list = func(context.Context, apiclient.ListRequest) (*apiclient.Folder, error) { return told("a"), nil }
		attr(t, c, root, "a", 1)
		time.Sleep(50 * time.Second)
		c.KnownAttr(root, c.Known(root), 0)
		d.loads(t, 2, 0)
		attr(t, c, root, "a", 1)
		d.loads(t, 2, 0)
	})
}

// However many folders are used, few loads renew at a time.
func TestRenewalsAreFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, d := newRenewed(t)
		d.list = func(context.Context, apiclient.ListRequest) (*apiclient.Folder, error) {
			f := folder("a")
			time.Sleep(time.Second)
			return f, nil
		}
		use := func() {
			for i := range 10 {
				want(t, c, fmt.Sprint(root, "/", i), "a")
			}
		}
		var all sync.WaitGroup
		for i := range 10 {
			all.Go(func() { want(t, c, fmt.Sprint(root, "/", i), "a") })
		}
		all.Wait()
		time.Sleep(44 * time.Second)
		for k := range 7 {
			atOnce(t, use)
			d.loads(t, int64(10+min(10, 2*(k+1))), 0)
			time.Sleep(time.Second)
			synctest.Wait()
		}
	})
}

// A renewal that finds no change keeps what the kernel and we have.
func TestUnchangedRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, d := newRenewed(t)
		d.list = func(context.Context, apiclient.ListRequest) (*apiclient.Folder, error) { return folder("a"), nil }
		want(t, c, root, "a")
		old := c.Known(root)
		time.Sleep(50 * time.Second)
		want(t, c, root, "a")
		d.loads(t, 2, 0)
		if now := c.Known(root); now.contents != old.contents || c.Life(now) != time.Minute {
			t.Errorf("it is another listing, or counts for %v", c.Life(now))
		}
	})
}

// Close ends renewals.
func TestCloseEndsRenewals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, d := newRenewed(t)
		want(t, c, root, "a load1")
		d.list = func(ctx context.Context, _ apiclient.ListRequest) (*apiclient.Folder, error) {
			<-ctx.Done()
			return nil, context.Cause(ctx)
		}
		time.Sleep(50 * time.Second)
		want(t, c, root, "a load1")
		d.loads(t, 2, 0)
		atOnce(t, c.Close)
		want(t, c, root, "a load1")
		d.loads(t, 2, 0)
	})
}

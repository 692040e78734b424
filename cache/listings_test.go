package cache

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"sefs/apiclient"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lister answers from a function and counts the calls.
type lister struct {
	calls atomic.Int64
	list  func(ctx context.Context, r apiclient.ListRequest) (*apiclient.Folder, error)
}

func (l *lister) List(ctx context.Context, r apiclient.ListRequest) (*apiclient.Folder, error) {
	l.calls.Add(1)
	return l.list(ctx, r)
}

// folder makes a whole folder of files and, for names with a slash, skipped folders.
func folder(names ...string) *apiclient.Folder {
	f := &apiclient.Folder{State: apiclient.Whole, Asked: time.Now(), Named: true}
	for _, name := range names {
		e := apiclient.Entry{Name: strings.TrimSuffix(name, "/")}
		if e.Name != name {
			e.Folder = &apiclient.Folder{}
		}
		f.Entries = append(f.Entries, e)
	}
	return f
}

func names(l *Listing) string {
	var all []string
	for i := range l.Len() {
		name := l.Name(i)
		if l.IsDir(i) {
			name += "/"
		}
		all = append(all, name)
	}
	return strings.Join(all, " ")
}

const root = "sestore4/r"

var errPassing = &apiclient.Error{Op: "files.list", Code: "1000"}

// newListings returns a cache with everything set, in a bubble of virtual time.
func newListings(t *testing.T, l *lister, change ...func(*Options)) *Listings {
	t.Helper()
	o := Options{Lister: l, TTL: time.Minute, Stale: time.Hour, Timeout: 10 * time.Second,
		LoadTimeout: 10 * time.Minute, Memory: NewMemory(1<<20, nil), Root: root}
	for _, f := range change {
		f(&o)
	}
	c := New(o)
	t.Cleanup(c.Close)
	return c
}

// want asks for a listing and compares it.
func want(t *testing.T, c *Listings, path, expected string) {
	t.Helper()
	l, err := c.Get(t.Context(), path)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if got := names(l); got != expected {
		t.Errorf("%s: %q, want %q", path, got, expected)
	}
}

func TestGetLoadsOnceWithinTheTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lister{}
		l.list = func(context.Context, apiclient.ListRequest) (*apiclient.Folder, error) {
			return folder(fmt.Sprint("load", l.calls.Load()), "b/"), nil
		}
		c := newListings(t, l)
		want(t, c, root, "b/ load1")
		time.Sleep(time.Minute - time.Nanosecond)
		want(t, c, root, "b/ load1")
		time.Sleep(time.Nanosecond)
		want(t, c, root, "b/ load2")
		if s := c.Stats(); s.Loads != 2 || s.Hits != 1 || s.Entries != 2 || s.Folders != 1 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestGetSharesOneLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lister{list: func(context.Context, apiclient.ListRequest) (*apiclient.Folder, error) {
			time.Sleep(time.Second)
			return folder("a"), nil
		}}
		c := newListings(t, l)
		var all sync.WaitGroup
		for range 64 {
			all.Go(func() { want(t, c, root, "a") })
		}
		all.Wait()
		if l.calls.Load() != 1 {
			t.Errorf("%d loads", l.calls.Load())
		}
	})
}

// A caller that leaves takes nothing from the others, and the load goes on even if
// all of them leave.
func TestGetCallerMayLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lister{list: func(ctx context.Context, _ apiclient.ListRequest) (*apiclient.Folder, error) {
			select {
			case <-time.After(5 * time.Second):
				return folder("a"), nil
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		}}
		c := newListings(t, l)
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan error)
		go func() { _, err := c.Get(ctx, root); left <- err }()
		stayed := make(chan error)
		go func() { _, err := c.Get(t.Context(), root); stayed <- err }()
		synctest.Wait()
		cancel()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("the caller who left got %v", err)
		}
		if err := <-stayed; err != nil {
			t.Errorf("the caller who stayed got %v", err)
		}
		// What is known is answered whatever became of the caller.
		if _, err := c.Get(ctx, root); err != nil {
			t.Error(err)
		}

		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := c.Get(gone, "sestore4/r/f"); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		time.Sleep(6 * time.Second)
		if c.Known("sestore4/r/f") == nil || l.calls.Load() != 2 {
			t.Errorf("the load that was left alone did not end; %d loads", l.calls.Load())
		}
	})
}

func TestGetTurnsPanicsIntoErrors(t *testing.T) {
	l := &lister{list: func(context.Context, apiclient.ListRequest) (*apiclient.Folder, error) { panic("oh") }}
	c := newListings(t, l)
	if _, err := c.Get(t.Context(), root); err == nil || !strings.Contains(err.Error(), "panic: oh") {
		t.Errorf("error %v", err)
	}
}

func TestErrorsAreNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lister{}
		l.list = func(context.Context, apiclient.ListRequest) (*apiclient.Folder, error) {
			if l.calls.Load() == 1 {
				return nil, errPassing
			}
			return folder("a"), nil
		}
		c := newListings(t, l)
		if _, err := c.Get(t.Context(), root); !errors.Is(err, errPassing) {
			t.Errorf("error %v", err)
		}
		want(t, c, root, "a")
	})
}

// Callers in a queue do not each wait for the same timeout.
func TestTimeoutIsRepeatedForASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lister{list: func(ctx context.Context, _ apiclient.ListRequest) (*apiclient.Folder, error) {
			<-ctx.Done()
			return nil, &apiclient.Error{Err: context.Cause(ctx)}
		}}
		c := newListings(t, l)
		for range 5 {
			if _, err := c.Get(t.Context(), root); err == nil || !strings.Contains(err.Error(), "no answer within 10s") {
				t.Errorf("error %v", err)
			}
		}
		if l.calls.Load() != 1 {
			t.Errorf("%d loads within a second", l.calls.Load())
		}
		time.Sleep(time.Second)
		_, _ = c.Get(t.Context(), root)
		if l.calls.Load() != 2 {
			t.Errorf("%d loads after it", l.calls.Load())
		}
	})
}

func TestDeadlines(t *testing.T) {
	for name, c := range map[string]struct {
		pages int           // that arrive
		every time.Duration // apart
		took  time.Duration // until the answer
		want  string        // in the error
	}{
		"no page":                        {0, 0, 10 * time.Second, "no answer within 10s"},
		"pages stop":                     {5, 9 * time.Second, 55 * time.Second, "no answer within 10s"},
		"pages arrive for a long time":   {60, 9 * time.Second, 540 * time.Second, ""},
		"pages arrive for too long":      {600, 9 * time.Second, 600 * time.Second, "not whole after 10m0s"},
		"a page just within the timeout": {1, 10*time.Second - 1, 20*time.Second - 1, "no answer within 10s"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &lister{list: func(ctx context.Context, r apiclient.ListRequest) (*apiclient.Folder, error) {
					for range c.pages {
						select {
						case <-time.After(c.every):
							r.Progress()
						case <-ctx.Done():
							return nil, &apiclient.Error{Err: context.Cause(ctx)}
						}
					}
					if c.want == "" {
						return folder("a"), nil
					}
					<-ctx.Done()
					return nil, &apiclient.Error{Err: context.Cause(ctx)}
				}}
				listings := newListings(t, l)
				began := time.Now()
				_, err := listings.Get(t.Context(), root)
				if took := time.Since(began); took != c.took {
					t.Errorf("answered after %v, want %v", took, c.took)
				}
				if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
					t.Errorf("error %v, want %q", err, c.want)
				}
			})
		})
	}
}

// A load that waits for its turn is not ended while others make progress, and from its
// turn on it has the whole timeout.
func TestDeadlineOfALoadThatWaits(t *testing.T) {
	for name, c := range map[string]struct {
		others bool // whether another load makes progress meanwhile
		turn   time.Duration
		want   time.Duration // until the answer
	}{
		"others are at work":           {true, 35 * time.Second, 45 * time.Second},
		"others are silent":            {false, 35 * time.Second, 10 * time.Second},
		"others stop when it has come": {true, 5 * time.Second, 15 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &lister{list: func(ctx context.Context, r apiclient.ListRequest) (*apiclient.Folder, error) {
					if r.Path == "busy" {
						for begun := time.Now(); c.others && time.Since(begun) < c.turn; r.Progress() {
							time.Sleep(time.Second)
						}
						return folder("a"), nil
					}
					select {
					case <-time.After(c.turn):
						r.Turn()
						time.Sleep(time.Second)
						r.Turn() // tried again
						<-ctx.Done()
					case <-ctx.Done():
					}
					return nil, &apiclient.Error{Err: context.Cause(ctx)}
				}}
				listings := newListings(t, l)
				go func() { _, _ = listings.Get(t.Context(), "busy") }()
				began := time.Now()
				_, err := listings.Get(t.Context(), root)
				if took := time.Since(began); err == nil || took != c.want {
					t.Errorf("error %v after %v, want one after %v", err, took, c.want)
				}
			})
		})
	}
}

// Age counts from when the last page was asked for; who waited gets what came.
func TestAgeCountsFromTheLastPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lister{list: func(context.Context, apiclient.ListRequest) (*apiclient.Folder, error) {
			time.Sleep(5 * time.Minute)
			f := folder("a") // the last page is asked for now
			time.Sleep(2 * time.Second)
			return f, nil
		}}
		c := newListings(t, l, func(o *Options) { o.Timeout = time.Hour })
		want(t, c, root, "a")
		if life := c.Life(c.Known(root)); life != 58*time.Second {
			t.Errorf("%v left of a minute", life)
		}
	})
}

func TestGetForWantsALongerLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lister{list: func(context.Context, apiclient.ListRequest) (*apiclient.Folder, error) { return folder("a"), nil }}
		c := newListings(t, l)
		want(t, c, root, "a")
		time.Sleep(50 * time.Second)
		for _, life := range []time.Duration{5 * time.Second, 20 * time.Second, 20 * time.Second} {
			if got, err := c.GetFor(t.Context(), root, life); err != nil || c.Life(got) < life {
				t.Errorf("%v, error %v", got, err)
			}
		}
		if l.calls.Load() != 2 {
			t.Errorf("%d loads, want 2", l.calls.Load())
		}
	})
}

func TestStaleWhileTheServiceFails(t *testing.T) {
	for _, c := range []struct {
		err   error
		stale bool
	}{
		{errPassing, true},
		{&apiclient.Error{Code: "0004"}, true},
		{&apiclient.Error{Status: 503}, true},
		{&apiclient.Error{Status: 429}, true},
		{&apiclient.Error{Malformed: true}, true},
		{&apiclient.Error{Err: errors.New("connection refused")}, true},
		{&apiclient.Error{Code: "0001"}, false},
		{&apiclient.Error{Code: "0003"}, false},
		{&apiclient.Error{Code: "0005"}, false},
		{&apiclient.Error{Status: 401}, false},
		{&apiclient.Error{Status: 403}, false},
	} {
		t.Run(c.err.Error(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				failing := false
				l := &lister{}
				l.list = func(context.Context, apiclient.ListRequest) (*apiclient.Folder, error) {
					if failing {
						return nil, c.err
					}
					return folder(fmt.Sprint(l.calls.Load())), nil
				}
				listings := newListings(t, l)
				want(t, listings, root, "1")
				failing = true
				time.Sleep(61*time.Minute - time.Nanosecond) // TTL and --stale, less a blink
				if !c.stale {
					if _, err := listings.Get(t.Context(), root); !errors.Is(err, c.err) {
						t.Errorf("error %v", err)
					}
					return
				}
				want(t, listings, root, "1")
				want(t, listings, root, "1") // at once: the failure is a moment old
				if s := listings.Stats(); s.Stale != 2 || s.Failed != 1 {
					t.Errorf("stats %+v", s)
				}
				time.Sleep(time.Second)
				if _, err := listings.Get(t.Context(), root); !errors.Is(err, c.err) {
					t.Errorf("older than --stale allows: error %v", err)
				}
				failing = false
				time.Sleep(time.Second)
				want(t, listings, root, "4")
			})
		})
	}
}

func TestCloseEndsLoads(t *testing.T) {
	begun := make(chan struct{})
	l := &lister{list: func(ctx context.Context, _ apiclient.ListRequest) (*apiclient.Folder, error) {
		close(begun)
		<-ctx.Done()
		return nil, &apiclient.Error{Err: context.Cause(ctx)}
	}}
	c := newListings(t, l)
	failed := make(chan error)
	go func() { _, err := c.Get(context.Background(), root); failed <- err }()
	<-begun
	c.Close()
	if err := <-failed; !errors.Is(err, errClosed) {
		t.Errorf("error %v", err)
	}
	if _, err := c.Get(t.Context(), "sestore4/r/f"); !errors.Is(err, errClosed) {
		t.Errorf("error %v", err)
	}
}

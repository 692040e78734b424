package cache

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sefs/apiclient"
)

// lines collects what is logged.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, text, _ := strings.Cut(string(p), "msg=")
	text, _, _ = strings.Cut(strings.TrimPrefix(text, `"`), `"`)
	l.all = append(l.all, text)
	return len(p), nil
}

// failing is a service some of whose folders fail.
type failing struct {
	*Listings
	log lines

	mu   sync.Mutex
	dead map[string]bool // folders that fail; "" means all
	hang bool            // whether they do so by silence
	n    int             // loads so far
}

// newFailing has a TTL of a minute, a timeout of thirty seconds, and shows what is up to a
// day old.
func newFailing(t *testing.T) *failing {
	f := &failing{dead: map[string]bool{}}
	l := &lister{list: func(ctx context.Context, r apiclient.ListRequest) (*apiclient.Folder, error) {
		f.mu.Lock()
		f.n++
		name, dead, hang := fmt.Sprint(f.n), f.dead[""] || f.dead[r.Path], f.hang
		f.mu.Unlock()
		switch {
		case dead && hang:
			<-ctx.Done()
			return nil, &apiclient.Error{Err: context.Cause(ctx)}
		case dead:
			return nil, errPassing
		}
		return folder(name), nil
	}}
	f.Listings = newListings(t, l, func(o *Options) {
		o.TTL, o.Stale, o.Timeout = time.Minute, 24*time.Hour, 30*time.Second
		o.Log = slog.New(slog.NewTextHandler(&f.log, nil))
	})
	return f
}

func (f *failing) set(hang bool, dead ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.dead)
	for _, path := range dead {
		f.dead[path] = true
	}
	f.hang = hang
}

// look gets a folder, which has to be there, and says how long that took.
func (f *failing) look(t *testing.T, path string) time.Duration {
	t.Helper()
	began := time.Now()
	if _, err := f.Get(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	return time.Since(began)
}

// logged fails unless just these lines were logged since the start.
func (f *failing) logged(t *testing.T, want ...string) {
	t.Helper()
	f.log.mu.Lock()
	defer f.log.mu.Unlock()
	if strings.Join(f.log.all, "\n") != strings.Join(want, "\n") {
		t.Fatalf("logged %q, want %q", f.log.all, want)
	}
}

const (
	begins = "the service fails; older listings are shown"
	ends   = "the service answers again"
)

// An outage is told of once when it begins and once when it ends, and counted.
func TestOutageIsToldOfOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFailing(t)
		all := []string{root, root + "/a", root + "/b"}
		visit := func() {
			for _, path := range all {
				f.look(t, path)
			}
		}
		visit()
		f.set(false, "")
		for range 10 {
			time.Sleep(2 * time.Minute)
			visit()
		}
		f.logged(t, begins)
		if s := f.Stats(); !s.Failing || s.Outages != 1 || s.Stale != 30 {
			t.Errorf("%+v", s)
		}
		f.set(false)
		time.Sleep(10 * time.Second)
		for range 10 {
			visit()
			time.Sleep(2 * time.Minute)
		}
		f.logged(t, begins, ends)
		if s := f.Stats(); s.Failing || s.Outages != 1 || s.Stale != 30 {
			t.Errorf("%+v", s)
		}
	})
}

// One folder that always fails beside others that do not is one outage, which ends when it
// does.
func TestOneFolderThatAlwaysFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFailing(t)
		f.look(t, root+"/a")
		f.set(false, root+"/a")
		time.Sleep(2 * time.Minute)
		for range 100 {
			f.look(t, root+"/a")
			f.look(t, root+"/b")
			time.Sleep(20 * time.Second)
		}
		f.logged(t, begins)
		f.set(false)
		f.look(t, root+"/b")
		f.look(t, root+"/a")
		f.logged(t, begins, ends)
	})
}

// It ends as well where nobody comes to what failed any more.
func TestOutageEndsWhereNobodyLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFailing(t)
		f.look(t, root+"/a")
		f.set(false, root+"/a")
		time.Sleep(2 * time.Minute)
		f.look(t, root+"/a")
		f.set(false)
		f.look(t, root+"/b")
		f.logged(t, begins)
		time.Sleep(2 * time.Minute)
		f.look(t, root+"/b")
		f.logged(t, begins, ends)
	})
}

// While a service is silent, what is known is shown without each look waiting for it; and
// when it answers again, what is new shows within ten seconds.
func TestSilentServiceDoesNotHoldUpWhatIsKnown(t *testing.T) {
	for _, hang := range []bool{true, false} {
		t.Run(fmt.Sprint("silent: ", hang), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFailing(t)
				all := []string{root}
				for i := range 200 {
					all = append(all, fmt.Sprintf("%s/%d", root, i))
				}
				for _, path := range all {
					f.look(t, path)
				}
				f.set(hang, "")
				time.Sleep(2 * time.Minute)
				var waited time.Duration
				for i, path := range all {
					took := f.look(t, path)
					if i >= maxMisses && took > glance {
						t.Errorf("%s took %v", path, took)
					}
					waited += took + f.look(t, path) // the second at once
				}
				if limit := maxMisses*30*time.Second + time.Duration(len(all))*glance; waited > limit {
					t.Errorf("waited %v altogether, more than %v", waited, limit)
				}
				f.set(false)
				f.mu.Lock()
				n := f.n
				f.mu.Unlock()
				time.Sleep(5 * time.Second)
				v, err := f.Get(t.Context(), root+"/0")
				if err != nil {
					t.Fatal(err)
				}
				var name int
				if _, err := fmt.Sscan(v.Name(0), &name); err != nil || !hang && name <= n {
					t.Errorf("load %d shows after the service answers again; there were %d before", name, n)
				}
			})
		})
	}
}

// A service that answers shows what is new, however it failed before: an error is not
// repeated beyond a success.
func TestSuccessEndsTheRepetitionOfErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFailing(t)
		f.look(t, root)
		f.set(true, "")
		time.Sleep(2 * time.Minute)
		f.look(t, root) // waits for the timeout; its error is repeated from here on
		f.set(false)
		if _, err := f.GetFor(t.Context(), root, 0); err != nil {
			t.Fatal(err)
		}
		time.Sleep(maxRepeated)
		for range 3 {
			n := f.Stats().Stale
			f.look(t, root)
			if f.Stats().Stale != n {
				t.Error("something old is shown while the service answers")
			}
			time.Sleep(61 * time.Second)
		}
	})
}

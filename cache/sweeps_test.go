package cache

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"sefs/apiclient"
)

// sweeper is a service of parents with sub-folders of ten files each, of which the first
// two come with their parent. Its order is not that of the names.
type sweeper struct {
	lister
	folders int
	files   []string // of each parent
	mu      sync.Mutex
	pages   []apiclient.PageRequest
	asked   []string // by themselves
	change  func(r apiclient.PageRequest, f *apiclient.Folder) error
}

// dir is the name of the sub-folder at a place.
func dir(place int) string { return fmt.Sprintf("%c%03d", 'z'-place%7, place) }

func tenFiles(place int) *apiclient.Folder {
	return folder(strings.Fields(strings.ReplaceAll("f0- f1- f2- f3- f4- f5- f6- f7- f8- f9-", "-", fmt.Sprint("-", place)))...)
}

func (s *sweeper) told(from, whole int) *apiclient.Folder {
	f := folder()
	for place := from; place < s.folders; place++ {
		e := apiclient.Entry{Name: dir(place), Folder: &apiclient.Folder{}}
		if place < from+whole {
			e.Folder = tenFiles(place)
		}
		f.Entries = append(f.Entries, e)
	}
	return f
}

func (s *sweeper) Page(_ context.Context, r apiclient.PageRequest) (*apiclient.Folder, error) {
	s.mu.Lock()
	s.pages = append(s.pages, r)
	s.mu.Unlock()
	time.Sleep(time.Second)
	f := s.told(int(r.Offset), 10)
	if s.change != nil {
		if err := s.change(r, f); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// newSwept returns a cache in which the parents root/p0 to root/p9 are known.
func newSwept(t *testing.T, folders int, files ...string) (*Listings, *sweeper) {
	s := &sweeper{folders: folders, files: files}
	s.list = func(_ context.Context, r apiclient.ListRequest) (*apiclient.Folder, error) {
		if strings.Count(r.Path, "/") == 2 {
			f := s.told(0, 2)
			f.Entries = append(f.Entries, folder(s.files...).Entries...)
			return f, nil
		}
		s.mu.Lock()
		s.asked = append(s.asked, r.Path)
		s.mu.Unlock()
		time.Sleep(time.Second)
		for place := range s.folders {
			if strings.HasSuffix(r.Path, "/"+dir(place)) {
				return tenFiles(place), nil
			}
		}
		return nil, errors.New("no such folder")
	}
	c := newListings(t, &s.lister, func(o *Options) { o.Sweeper = s; o.TTL = time.Hour })
	for i := range 10 {
		if _, err := c.Get(t.Context(), parent(i)); err != nil {
			t.Fatal(err)
		}
	}
	return c, s
}

func parent(i int) string { return fmt.Sprint(root, "/p", i) }

// get wants the sub-folder at a place, as a walk does, and compares it.
func (s *sweeper) get(t *testing.T, c *Listings, parent string, place int) {
	t.Helper()
	l, err := bySweepOrItself(t.Context(), c, parent+"/"+dir(place))
	if err != nil {
		t.Error(err)
		return
	}
	if got, want := names(l), names(newListing(tenFiles(place), time.Time{})); got != want {
		t.Errorf("%s/%s: %q, want %q", parent, dir(place), got, want)
	}
}

// made compares how many sweeps and how many calls for single folders there were.
func (s *sweeper) made(t *testing.T, pages, asked int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pages) != pages || len(s.asked) != asked {
		t.Errorf("%d sweeps and %d calls for single folders, want %d and %d; %v %v", len(s.pages), len(s.asked), pages, asked, s.pages, s.asked)
	}
}

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

// Nothing is taken from an answer that does not begin with the known folder, as it is
// known, or goes on with others than are known to follow.
func TestSweepsThatAreNotBelieved(t *testing.T) {
	for name, change := range map[string]func(f *apiclient.Folder){
		"the first has changed":      func(f *apiclient.Folder) { f.Entries[0].Folder.Entries[3].Name = "new" },
		"the first has another kind": func(f *apiclient.Folder) { f.Entries[0].Folder.Entries[3].Folder = &apiclient.Folder{} },
		"the first is a part":        func(f *apiclient.Folder) { f.Entries[0].Folder.Entries = f.Entries[0].Folder.Entries[1:] },
		"the first has one more": func(f *apiclient.Folder) {
			f.Entries[0].Folder.Entries = append(f.Entries[0].Folder.Entries, apiclient.Entry{Name: "x"})
		},
		"the first is cut":     func(f *apiclient.Folder) { f.Entries[0].Folder.State = apiclient.Cut },
		"the first is skipped": func(f *apiclient.Folder) { f.Entries[0].Folder = &apiclient.Folder{} },
		"the first is renamed": func(f *apiclient.Folder) { f.Entries[0].Name = "new" },
		"the first is missing": func(f *apiclient.Folder) { f.Entries = f.Entries[1:] },
		"the next is renamed":  func(f *apiclient.Folder) { f.Entries[1].Name = "new" },
		"the next is missing":  func(f *apiclient.Folder) { f.Entries = append(f.Entries[:1:1], f.Entries[2:]...) },
		"the last is renamed":  func(f *apiclient.Folder) { f.Entries[len(f.Entries)-1].Name = "new" },
		"one more": func(f *apiclient.Folder) {
			f.Entries = append(f.Entries, apiclient.Entry{Name: "new", Folder: tenFiles(99)})
		},
		"one before": func(f *apiclient.Folder) {
			f.Entries = append([]apiclient.Entry{{Name: "new", Folder: &apiclient.Folder{}}}, f.Entries...)
		},
		"a whole one before": func(f *apiclient.Folder) {
			f.Entries = append([]apiclient.Entry{{Name: dir(0), Folder: tenFiles(0)}}, f.Entries...)
		},
		"something of one before": func(f *apiclient.Folder) {
			f.Entries = append([]apiclient.Entry{{Name: dir(0), Folder: &apiclient.Folder{Entries: tenFiles(0).Entries}}}, f.Entries...)
		},
		"a file":        func(f *apiclient.Folder) { f.Entries = append(f.Entries, apiclient.Entry{Name: "new"}) },
		"a name hidden": func(f *apiclient.Folder) { f.Hidden = 1 },
		"nothing":       func(f *apiclient.Folder) { *f = apiclient.Folder{} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, s := newSwept(t, 20)
				s.change = func(_ apiclient.PageRequest, f *apiclient.Folder) error { change(f); return nil }
				known := c.Known(parent(0) + "/" + dir(1))
				s.get(t, c, parent(0), 2)
				s.get(t, c, parent(0), 4) // not swept any more
				s.made(t, 1, 2)
				if c.Known(parent(0)+"/"+dir(3)) != nil || c.Known(parent(0)+"/"+dir(1)) != known || c.Stats().SweepsFailed != 1 {
					t.Errorf("something was kept; stats %+v", c.Stats())
				}
				// The parent is swept again once it is listed again.
				s.change = nil
				c.store.update(parent(0), func(slot) slot { return slot{} })
				time.Sleep(time.Second)
				if _, err := c.Get(t.Context(), parent(0)); err != nil {
					t.Fatal(err)
				}
				s.get(t, c, parent(0), 5)
				s.made(t, 2, 2)
			})
		})
	}
}

// The folders before the first may be named, all of them and in order.
func TestSweepsThatNameThoseBefore(t *testing.T) {
	for _, swapped := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c, s := newSwept(t, 20)
			s.change = func(r apiclient.PageRequest, f *apiclient.Folder) error {
				before := s.told(0, 0).Entries[:r.Offset]
				if swapped && len(before) > 3 {
					before[2], before[3] = before[3], before[2]
				}
				f.Entries = append(before[:r.Offset:r.Offset], f.Entries...)
				return nil
			}
			s.get(t, c, parent(0), 2)
			s.get(t, c, parent(0), 12)
			if swapped {
				s.made(t, 2, 1)
			} else {
				s.made(t, 2, 0)
			}
		})
	}
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

// A folder that is cut is gone on with if it is the last, and what is below the first
// is not used.
func TestSweepKeepsWhatIsWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := newSwept(t, 12)
		s.change = func(_ apiclient.PageRequest, f *apiclient.Folder) error {
			for _, i := range []int{2, 5} {
				f.Entries[i].Folder.State, f.Entries[i].Folder.Offset = apiclient.Cut, 10
			}
			for i := range f.Entries[6:] {
				f.Entries[6+i].Folder = &apiclient.Folder{}
			}
			with(f.Entries[4].Folder, map[string]*apiclient.Folder{"below": tenFiles(99)})
			return nil
		}
		if _, err := bySweepOrItself(t.Context(), c, parent(0)+"/"+dir(2)); err != nil {
			t.Fatal(err)
		}
		for place, want := range []string{2: "listing", 3: "", 4: "listing", 5: "listing", 6: "start", 7: ""} {
			have, got := c.store.peek(parent(0)+"/"+dir(place)), ""
			switch {
			case place < 2:
				continue
			case have.listing != nil:
				got = "listing"
			case have.start != nil:
				got = "start"
			}
			if got != want {
				t.Errorf("place %d: %q is kept, want %q", place, got, want)
			}
		}
		if c.Known(parent(0)+"/"+dir(5)+"/below") == nil || c.Stats().Swept != 4 {
			t.Errorf("stats %+v", c.Stats())
		}
		s.get(t, c, parent(0), 6) // goes on from its start
		s.made(t, 1, 1)
	})
}

// What is below the folder that a sweep begins at may have come in part.
func TestSweepUsesNothingBelowTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := newSwept(t, 12)
		first := parent(0) + "/" + dir(1)
		within := func(n int) *apiclient.Folder {
			below := tenFiles(99)
			below.Entries = below.Entries[:n]
			return with(tenFiles(1), map[string]*apiclient.Folder{"below": below})
		}
		c.harvest(first, within(10))
		c.keep(first, within(10), time.Now(), false)
		s.change = func(_ apiclient.PageRequest, f *apiclient.Folder) error { f.Entries[0].Folder = within(3); return nil }
		time.Sleep(time.Second)
		s.get(t, c, parent(0), 2)
		s.made(t, 1, 0)
		if l := c.Known(first + "/below"); l.Len() != 10 {
			t.Errorf("%q is known", names(l))
		}
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
		c.loads.ahead(path, func(ctx context.Context) (any, error) { return c.bySweep(ctx, path) }, func(_ any, err error) { ended <- err })
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

func TestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfNDistinct(rapid.StringN(1, 5, 20), 0, 200, rapid.ID[string]).Draw(t, "names")
		f, told := &apiclient.Folder{}, []string(nil)
		for _, name := range all {
			e := apiclient.Entry{Name: name}
			if rapid.Bool().Draw(t, "dir") {
				e.Folder, told = &apiclient.Folder{}, append(told, name)
			}
			f.Entries = append(f.Entries, e)
		}
		l := newListing(f, time.Time{})
		for place, name := range told {
			got, ok := l.placeOf(name)
			if len(told) < 2 && ok || len(told) > 1 && (!ok || got != place || l.folderAt(place) != name) {
				t.Fatalf("%q is at place %d, %v, want %d", name, got, ok, place)
			}
		}
		for _, e := range f.Entries {
			if _, ok := l.placeOf(e.Name); ok && e.Folder == nil {
				t.Fatalf("the file %q has a place", e.Name)
			}
		}
	})
}

// A refresh that finds the same names in another order has that order.
func TestOrderOfARefresh(t *testing.T) {
	a, b := newListing(folder("a/", "f", "b/"), time.Now()), newListing(folder("b/", "f", "a/"), time.Now())
	same := newListing(folder("a/", "f", "b/"), time.Now())
	if got := b.sharing(a); got.contents != a.contents || got.folderAt(0) != "b" {
		t.Errorf("%q comes first", got.folderAt(0))
	}
	if same.sharing(a).order != a.order {
		t.Error("the same order is kept twice")
	}
	if hidden := folder("a/", "b/"); newListing(hidden, time.Now()).order == nil {
		t.Error("no order")
	} else if hidden.Hidden = 1; newListing(hidden, time.Now()).order != nil {
		t.Error("an order of which something is not known")
	}
}

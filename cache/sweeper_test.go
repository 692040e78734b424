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

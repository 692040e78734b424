package cache

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"sefs/apiclient"
)

// with adds sub-folders to a folder.
func with(f *apiclient.Folder, subs map[string]*apiclient.Folder) *apiclient.Folder {
	for name, sub := range subs {
		f.Entries = append(f.Entries, apiclient.Entry{Name: name, Folder: sub})
	}
	return f
}

func TestHarvest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := map[string]*apiclient.Folder{}
		l := &lister{list: func(_ context.Context, r apiclient.ListRequest) (*apiclient.Folder, error) {
			asked[r.Path] = r.From
			if r.Path != root {
				return folder("own"), nil
			}
			cut := folder("first")
			cut.State, cut.Offset = apiclient.Cut, 1
			within := with(&apiclient.Folder{}, map[string]*apiclient.Folder{"deep": folder("d")})
			return with(folder("a"), map[string]*apiclient.Folder{
				"whole":   with(folder("w"), map[string]*apiclient.Folder{"below": folder("b")}),
				"cut":     cut,
				"skipped": within,
			}), nil
		}}
		c := newListings(t, l)
		want(t, c, root, "a cut/ skipped/ whole/")
		want(t, c, root+"/whole", "below/ w")
		want(t, c, root+"/whole/below", "b")
		want(t, c, root+"/skipped/deep", "d")
		if l.calls.Load() != 1 || c.Stats().Harvested != 3 {
			t.Errorf("%d loads, stats %+v", l.calls.Load(), c.Stats())
		}
		want(t, c, root+"/skipped", "own")
		want(t, c, root+"/cut", "own")
		if asked[root+"/skipped"] != nil {
			t.Error("a skipped folder was gone on with")
		}
		if from := asked[root+"/cut"]; from == nil || from.Offset != 1 {
			t.Errorf("a cut folder was asked for from %+v", from)
		}
	})
}

// A listing that goes on from a start is as old as the start.
func TestStartCountsForTheAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var from []bool
		l := &lister{list: func(_ context.Context, r apiclient.ListRequest) (*apiclient.Folder, error) {
			if r.Path == root {
				cut := folder("x")
				cut.State, cut.Offset = apiclient.Cut, 1
				return with(folder(), map[string]*apiclient.Folder{"f": cut}), nil
			}
			from = append(from, r.From != nil)
			return folder("x", "y"), nil
		}}
		c := newListings(t, l)
		want(t, c, root, "f/")
		time.Sleep(40 * time.Second)
		want(t, c, root+"/f", "x y")
		if life := c.Life(c.Known(root + "/f")); life != 20*time.Second {
			t.Errorf("%v left of a minute", life)
		}
		time.Sleep(20 * time.Second)
		want(t, c, root+"/f", "x y")

		want(t, c, root, "f/")
		time.Sleep(2 * time.Minute) // the start is older than the TTL now
		want(t, c, root+"/f", "x y")
		if fmt.Sprint(from) != "[true false false]" {
			t.Errorf("loads that went on from a start: %v", from)
		}
	})
}

// A load that goes on from a start and takes longer than the TTL is kept like any other.
func TestStartOfALongLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lister{list: func(_ context.Context, r apiclient.ListRequest) (*apiclient.Folder, error) {
			if r.Path == root {
				cut := folder("x")
				cut.State, cut.Offset = apiclient.Cut, 1
				return with(folder(), map[string]*apiclient.Folder{"f": cut}), nil
			}
			for range 20 {
				time.Sleep(5 * time.Second)
				r.Progress()
			}
			return folder("x", "y"), nil
		}}
		c := newListings(t, l)
		want(t, c, root, "f/")
		want(t, c, root+"/f", "x y")
		if life := c.Life(c.Known(root + "/f")); life != time.Minute {
			t.Errorf("%v left of a minute", life)
		}
	})
}

// A load that breaks off for a passing reason is gone on with by the next.
func TestNextLoadGoesOnWhereTheLastBrokeOff(t *testing.T) {
	var from []*apiclient.Folder
	l := &lister{}
	l.list = func(_ context.Context, r apiclient.ListRequest) (*apiclient.Folder, error) {
		from = append(from, r.From)
		if l.calls.Load() == 1 {
			cut := folder("a", "b")
			cut.State, cut.Offset = apiclient.Cut, 2
			return cut, errPassing
		}
		return folder("a", "b", "c"), nil
	}
	c := newListings(t, l)
	if _, err := c.Get(t.Context(), root); !errors.Is(err, errPassing) {
		t.Errorf("error %v", err)
	}
	want(t, c, root, "a b c")
	if from[0] != nil || from[1] == nil || from[1].Offset != 2 {
		t.Errorf("loads went on from %v", from)
	}
}

// What an older answer told does not replace what a younger one did.
func TestHarvestDoesNotGoBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lister{list: func(_ context.Context, r apiclient.ListRequest) (*apiclient.Folder, error) {
			if r.Path != root {
				return folder("new"), nil
			}
			f := with(folder(), map[string]*apiclient.Folder{"f": folder("old")})
			time.Sleep(5 * time.Second)
			return f, nil
		}}
		c := newListings(t, l)
		done := make(chan struct{})
		go func() { defer close(done); want(t, c, root, "f/") }()
		time.Sleep(time.Second)
		want(t, c, root+"/f", "new")
		<-done
		want(t, c, root+"/f", "new")
	})
}

func TestDoubtIsForFoldersThatWereNotEmpty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var doubts []bool
		answers := []*apiclient.Folder{{}, folder("a"), {}, {}}
		l := &lister{}
		l.list = func(_ context.Context, r apiclient.ListRequest) (*apiclient.Folder, error) {
			doubts = append(doubts, r.Doubt)
			f := *answers[l.calls.Load()-1]
			f.Asked = time.Now()
			return &f, nil
		}
		c := newListings(t, l)
		for _, expected := range []string{"", "a", "", ""} {
			want(t, c, "sestore4/r/f", expected)
			time.Sleep(time.Minute)
		}
		if fmt.Sprint(doubts) != "[false false true false]" {
			t.Errorf("doubts %v", doubts)
		}
	})
}

// The mounted folder is not shown empty because the service knows nothing of it.
func TestUnknownRoot(t *testing.T) {
	for _, allow := range []bool{false, true} {
		l := &lister{list: func(context.Context, apiclient.ListRequest) (*apiclient.Folder, error) {
			return &apiclient.Folder{State: apiclient.Whole, Asked: time.Now()}, nil
		}}
		c := newListings(t, l, func(o *Options) { o.AllowEmpty = allow })
		if _, err := c.Get(t.Context(), root); errors.Is(err, ErrEmptyRoot) == allow {
			t.Errorf("with AllowEmpty %v: error %v", allow, err)
		}
		want(t, c, root+"/f", "")
	}
}

func TestMemoryIsBounded(t *testing.T) {
	l := &lister{list: func(_ context.Context, r apiclient.ListRequest) (*apiclient.Folder, error) {
		var all []string
		for i := range 100 {
			all = append(all, fmt.Sprintf("%s-file-%03d", strings.ReplaceAll(r.Path, "/", "_"), i))
		}
		return folder(all...), nil
	}}
	const budget = 64 << 10
	c := newListings(t, l, func(o *Options) { o.Memory = NewMemory(budget, nil) })
	for i := range 100 {
		if _, err := c.Get(t.Context(), fmt.Sprint(root, "/", i)); err != nil {
			t.Fatal(err)
		}
		if s := c.Stats(); s.Bytes > budget || s.Folders == 0 || s.Entries != int64(s.Folders)*100 {
			t.Fatalf("stats %+v", s)
		}
	}
	if c.Known(root+"/99") == nil || c.Known(root+"/0") != nil {
		t.Error("what was used last is gone, or what was used first is not")
	}
}

func TestListingLargerThanTheBudgetStaysAlone(t *testing.T) {
	l := &lister{list: func(_ context.Context, r apiclient.ListRequest) (*apiclient.Folder, error) {
		if strings.HasSuffix(r.Path, "large") {
			return folder(strings.Fields(strings.Repeat("x ", 10_000))...), nil
		}
		return folder("a"), nil
	}}
	c := newListings(t, l, func(o *Options) { o.Memory = NewMemory(10_000, o.Log) })
	for _, path := range []string{"small", "large"} {
		if _, err := c.Get(t.Context(), path); err != nil {
			t.Fatal(err)
		}
	}
	if c.Known("large") == nil || c.Known("small") != nil || c.Stats().Folders != 1 {
		t.Errorf("stats %+v", c.Stats())
	}
	if _, err := c.Get(t.Context(), "small"); err != nil || c.Known("large") != nil {
		t.Errorf("the large listing stays beside another; error %v", err)
	}
}

// A refresh that finds no change shares the memory of the listing before it.
func TestVersion(t *testing.T) {
	a, b := newListing(folder("a", "b/"), time.Now()), newListing(folder("b/", "a"), time.Now().Add(1))
	if a.Version() != b.Version() || b.sharing(a).contents != a.contents || !b.sharing(a).Asked().Equal(b.Asked()) {
		t.Error("the same entries make different listings")
	}
	for _, other := range []*apiclient.Folder{folder("a", "b"), folder("a"), folder("ab/"), folder(), folder("a/", "b/")} {
		if l := newListing(other, time.Now()); l.Version() == a.Version() || l.sharing(a) != l {
			t.Errorf("%q has the version of %q", names(l), names(a))
		}
	}
}

func TestListingFindsWhatIsThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfDistinct(rapid.StringN(1, 20, 255), rapid.ID[string]).Draw(t, "names")
		dirs := map[string]bool{}
		f := &apiclient.Folder{}
		for _, name := range all {
			e := apiclient.Entry{Name: name}
			if dirs[name] = rapid.Bool().Draw(t, "dir"); dirs[name] {
				e.Folder = &apiclient.Folder{}
			}
			f.Entries = append(f.Entries, e)
		}
		l := newListing(f, time.Time{})
		if l.Len() != len(all) {
			t.Fatalf("%d entries, want %d", l.Len(), len(all))
		}
		for i := range l.Len() {
			if i > 0 && l.Name(i-1) >= l.Name(i) {
				t.Fatalf("%q before %q", l.Name(i-1), l.Name(i))
			}
		}
		for name, dir := range dirs {
			if i, ok := l.Find(name); !ok || l.Name(i) != name || l.IsDir(i) != dir {
				t.Fatalf("%q: entry %d, found %v", name, i, ok)
			}
		}
		if other := rapid.String().Draw(t, "other"); !dirs[other] {
			if _, ok := dirs[other]; !ok {
				if _, found := l.Find(other); found {
					t.Fatalf("%q found", other)
				}
			}
		}
	})
}

// numbered is a whole folder of n files with names of 20 bytes.
func numbered(n int) *apiclient.Folder {
	f := &apiclient.Folder{State: apiclient.Whole, Entries: make([]apiclient.Entry, n)}
	for i := range f.Entries {
		f.Entries[i].Name = fmt.Sprintf("episode-%08d.mp4", i)
	}
	return f
}

// BenchmarkListingHeap reports the heap that a listing of 100,000 entries takes, and
// what the budget counts for it.
func BenchmarkListingHeap(b *testing.B) {
	const n = 100_000
	f := numbered(n)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var l *Listing
	for b.Loop() {
		l = newListing(f, time.Time{})
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "heap-B/entry")
	b.ReportMetric(float64(l.bytes())/n, "counted-B/entry")
	runtime.KeepAlive(f)
}

func BenchmarkGetKnown(b *testing.B) {
	l := &lister{list: func(context.Context, apiclient.ListRequest) (*apiclient.Folder, error) { return folder("a"), nil }}
	c := New(Options{Lister: l, TTL: time.Hour, Timeout: time.Minute, LoadTimeout: time.Minute, Memory: NewMemory(1<<20, nil)})
	defer c.Close()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := c.Get(context.Background(), root); err != nil {
				b.Fatal(err)
			}
		}
	})
}

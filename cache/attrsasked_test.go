package cache

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sefs/apiclient"
)

// folders is a service's tree: the names in each folder, by path.
type folders map[string][]string

// add makes a folder of so many sub-folders and files, and each of the sub-folders one
// of the next two numbers, and so on.
func (f folders) add(path string, numbers ...int) folders {
	f[path] = append(many("s", numbers[0], "/"), many("file", numbers[1])...)
	for _, sub := range many("s", numbers[0]) {
		if len(numbers) > 2 {
			f.add(path+"/"+sub, numbers[2:]...)
		}
	}
	return f
}

// told is a folder and so many levels below it as v1 tells of them.
func (f folders) told(path string, levels int) *apiclient.Folder {
	all := told(f[path]...)
	for i, e := range all.Entries {
		if e.Folder != nil && levels > 0 {
			all.Entries[i].Folder = f.told(path+"/"+e.Name, levels-1)
		}
	}
	return all
}

// start returns a cache of the tree, whose listings come one by one.
func (f folders) start(t *testing.T, change ...func(*Options)) (*Listings, *describer) {
	d := &describer{}
	d.list = func(_ context.Context, r apiclient.ListRequest) (*apiclient.Folder, error) {
		return folder(f[r.Path]...), nil
	}
	d.files = func(_ context.Context, r apiclient.FilesRequest) (*apiclient.Folder, error) {
		return f.told(r.Path, r.Levels), nil
	}
	plenty := func(o *Options) { o.Describer, o.Memory = d, NewMemory(64<<20, nil) }
	return newListings(t, &d.lister, append([]func(*Options){plenty}, change...)...), d
}

// sizes looks at all files below path in the order of ls -lR.
func (f folders) sizes(t *testing.T, c *Listings, path string) {
	t.Helper()
	l, err := c.Get(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range l.Len() {
		if l.IsDir(i) {
			continue
		}
		if a, _, err := c.Attr(t.Context(), path, l, i); err != nil || a.Size != int64(len(l.Name(i))) {
			t.Fatalf("%s/%s: %+v, error %v", path, l.Name(i), a, err)
		}
	}
	for i := range l.Len() {
		if l.IsDir(i) {
			f.sizes(t, c, path+"/"+l.Name(i))
		}
	}
}

// Few calls bring the sizes of many folders, and no answer is huge.
func TestCallsForSizesOfAWalk(t *testing.T) {
	for _, tt := range []struct {
		name    string
		numbers []int // see folders.add
		calls   int64
	}{
		{"1,110 nested folders", []int{10, 3, 10, 3, 10, 3, 0, 3}, 1 + 10 + 100},
		{"1,110 nested folders, files at the end", []int{10, 0, 10, 0, 10, 0, 0, 3}, 100},
		{"20 parents of 100", []int{20, 1, 100, 1, 0, 5}, 1 + 20},
		{"20 parents of 100, files at the end", []int{20, 0, 100, 0, 0, 5}, 20},
		{"2,000 folders", []int{2000, 1, 0, 5}, 2},
		{"2,000 folders, no file beside them", []int{2000, 0, 0, 5}, 2},
		{"100 large folders", []int{100, 1, 0, 300}, 101},
		{"10 large folders beside a small file", []int{10, 1, 0, 3000}, 1},
		{"10 large folders", []int{10, 0, 0, 3000}, 10},
		{"a chain", []int{1, 1, 1, 1, 1, 1, 0, 1}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := folders{}.add(root, tt.numbers...)
			c, d := f.start(t)
			f.sizes(t, c, root)
			d.asked(t, tt.calls, 0)
			f.sizes(t, c, root)
			d.asked(t, tt.calls, 0)
			if s := c.Stats(); s.AttrLoads != tt.calls || s.Loads != int64(len(f)) {
				t.Errorf("stats %+v", s)
			}
		})
	}
}

// What is not known of sub-folders counts as much as what is, or as a guess.
func TestLevels(t *testing.T) {
	const most = (maxBelow - 1) / (1 + guessedEntries)
	for _, tt := range []struct {
		folders, files int // in how many sub-folders how many files are
		known          bool
		levels         int
	}{
		{0, 0, false, 1}, {most, 1, false, 1}, {most + 1, 1, false, 0}, {most + 1, 1, true, 1},
		{99, 200, true, 1}, {100, 200, true, 0}, {maxBelow, 0, true, 0},
	} {
		f := folders{}.add(root, tt.folders, 1, 0, tt.files)
		c, d := f.start(t)
		if tt.known {
			want(t, c, root+"/s0", strings.Join(slices.Sorted(slices.Values(f[root+"/s0"])), " "))
		}
		attr(t, c, root, "file0", 5)
		if !slices.Equal(d.levels, []int{tt.levels}) {
			t.Errorf("%+v: levels %v", tt, d.levels)
		}
	}
}

// Who looks at one folder of a large tree does not wait for the sizes in all of them.
func TestOneFolderOfALargeTree(t *testing.T) {
	f := folders{}.add(root, 100, 0, 0, 100)
	c, d := f.start(t)
	want(t, c, root, strings.Join(slices.Sorted(slices.Values(f[root])), " "))
	var asked []string
	d.files = func(_ context.Context, r apiclient.FilesRequest) (*apiclient.Folder, error) {
		asked = append(asked, fmt.Sprint(strings.TrimPrefix(r.Path, root), " ", r.Levels))
		return f.told(r.Path, r.Levels), nil
	}
	for i := range 3 {
		attr(t, c, fmt.Sprint(root, "/s", i), "file0", 5)
	}
	if want := []string{"/s0 1", " 1"}; !slices.Equal(asked, want) {
		t.Errorf("asked for %q, want %q", asked, want)
	}
}

// Where an answer about many folders does not come, or cannot be taken, each is asked for
// by itself, and the many not again.
func TestAnswerAboutManyFails(t *testing.T) {
	for name, tt := range map[string]struct {
		err   error
		wait  time.Duration
		first bool // whether the first caller gets what it wants all the same
		calls int64
	}{
		"refused":    {&apiclient.Error{Status: 403}, 0, true, 1 + 5},
		"malformed":  {&apiclient.Error{Malformed: true}, 0, false, 1 + 5},
		"too large":  {&apiclient.Error{TooLarge: true}, 0, true, 2 + 5},
		"times out":  {errPassing, 9 * time.Second, false, 1 + 5},
		"not cut":    {nil, 0, true, 1},
		"round, cut": {errRound, 0, true, 1 + 5},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := folders{}.add(root, 5, 0, 0, 5)
				c, d := f.start(t)
				d.files = func(_ context.Context, r apiclient.FilesRequest) (*apiclient.Folder, error) {
					all := f.told(r.Path, r.Levels)
					if r.Path == root && r.Levels > 0 {
						time.Sleep(tt.wait)
						if !errors.Is(tt.err, errRound) {
							return all, tt.err
						}
						all = f.told(r.Path, 0)
						all.Suspect = true
					}
					return all, nil
				}
				want(t, c, root, "s0/ s1/ s2/ s3/ s4/")
				ctx := Request(t.Context())
				l, err := c.Get(ctx, root+"/s0")
				if err != nil {
					t.Fatal(err)
				}
				if _, _, err := c.Attr(ctx, root+"/s0", l, 0); (err == nil) != tt.first {
					t.Errorf("error %v", err)
				}
				time.Sleep(time.Second)
				for i := range 5 {
					attr(t, c, fmt.Sprint(root, "/s", i), "file1", 5)
				}
				d.asked(t, tt.calls, 0)
			})
		})
	}
}

var errRound = &apiclient.Error{Message: "no error, but an answer that may be cut"}

// beginAttrs begins a load of attributes that nobody waits for.
func beginAttrs(c *Listings, path string, ended *atomic.Int64) bool {
	key, load := c.attrsAhead(path)
	return load != nil && c.loads.ahead(key, load, func(error) { ended.Add(1) })
}

// What is loaded ahead is what a stat would ask for, and the stat takes it.
func TestAttrsAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := folders{}.add(root, 10, 0, 3, 3, 0, 2)
		c, d := f.start(t)
		d.files = func(_ context.Context, r apiclient.FilesRequest) (*apiclient.Folder, error) {
			time.Sleep(time.Second)
			return f.told(r.Path, r.Levels), nil
		}
		var ended atomic.Int64
		ahead := func(path string, begins bool) {
			t.Helper()
			if beginAttrs(c, path, &ended) != begins {
				t.Errorf("%s: begun %v, want %v", path, !begins, begins)
			}
		}
		ahead(root+"/s0", false) // not known
		if _, err := c.Get(t.Context(), root); err != nil {
			t.Fatal(err)
		}
		ahead(root, false) // no files
		for _, sub := range []string{"/s0", "/s1", "/s0/s1"} {
			if _, err := c.Get(t.Context(), root+sub); err != nil {
				t.Fatal(err)
			}
		}
		ahead(root+"/s0", true)
		ahead(root+"/s0", false) // running
		ahead(root+"/s1", false) // the same call
		var both sync.WaitGroup
		both.Go(func() { attr(t, c, root+"/s1", "file0", 5) })
		both.Go(func() { attr(t, c, root+"/s0", "file0", 5) })
		both.Wait()
		d.asked(t, 1, 0)
		if !c.attrsKnown(root+"/s1") || c.attrsKnown(root+"/s0/s1") {
			t.Error("other attributes are known")
		}
		ahead(root+"/s1", false) // known
		ahead(root+"/s0/s1", true)
		time.Sleep(2 * time.Second)
		attr(t, c, root+"/s0/s1", "file1", 5)
		d.asked(t, 2, 0)
		if ended.Load() != 2 {
			t.Errorf("%d loads were said to have ended", ended.Load())
		}
		time.Sleep(time.Minute)
		ahead(root+"/s0", false) // the listing is to be loaded first
	})
}

// A load ahead that fails is not begun again at once.
func TestAttrsAheadFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, d := newDescribed(t, "a")
		whole := d.files
		d.files = func(context.Context, apiclient.FilesRequest) (*apiclient.Folder, error) { return nil, errPassing }
		want(t, c, root, "a")
		var ended atomic.Int64
		for range 3 {
			beginAttrs(c, root, &ended)
			synctest.Wait()
		}
		d.asked(t, 1, 0)
		d.files = whole
		time.Sleep(time.Second)
		attr(t, c, root, "a", 1)
		d.asked(t, 2, 0)
		if ended.Load() != 1 {
			t.Errorf("%d loads were said to have ended", ended.Load())
		}
	})
}

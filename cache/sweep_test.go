package cache

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"sefs/apiclient"
	"sefs/apiclient/apitest"
)

// startSweeps starts a service whose folders are listed by sweeps where they can be.
func startSweeps(t *testing.T, o apitest.Options, change ...func(*Options)) (*apitest.Server, *Listings) {
	t.Helper()
	server, err := apitest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	client, err := apiclient.New(apiclient.Options{
		URL: server.URL(), Key: server.APIKey(), Secret: server.Secret(), CDN: server.CDN(), Types: []string{"includeinvalid"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	options := Options{Lister: client, Sweeper: client, TTL: time.Minute, Timeout: 10 * time.Second, LoadTimeout: time.Minute,
		Memory: NewMemory(64<<20, nil), Root: server.Tree().Root(), AllowEmpty: true}
	for _, f := range change {
		f(&options)
	}
	c := New(options)
	t.Cleanup(c.Close)
	return server, c
}

// bySweepOrItself is what a walk does to have a folder.
func bySweepOrItself(ctx context.Context, c *Listings, path string) (*Listing, error) {
	if have := c.fresh(path); have != nil {
		return have, nil
	}
	v, err := c.loads.share(ctx, path, func(ctx context.Context) (any, error) {
		return c.load(ctx, path, 0, true)
	})
	if err != nil {
		return nil, err
	}
	return v.(*Listing), nil
}

// walk walks a tree depth first, in the order of the names or of the service, and
// returns what was shown of each folder. Folders that fail twice are left out. before, if
// set, is called before each folder.
func walkTree(t *testing.T, c *Listings, path string, told bool, before func()) map[string]string {
	t.Helper()
	shown := map[string]string{}
	var visit func(path string)
	visit = func(path string) {
		if before != nil {
			before()
		}
		l, err := bySweepOrItself(t.Context(), c, path)
		if err != nil {
			l, err = bySweepOrItself(t.Context(), c, path) // a page that does not come may have been the first's
		}
		if err != nil {
			return
		}
		shown[path] = names(l)
		var subs []string
		for i := range l.Len() {
			if l.IsDir(i) {
				subs = append(subs, path+"/"+l.Name(i))
			}
		}
		if told && l.order != nil {
			for place := range subs {
				subs[place] = path + "/" + l.folderAt(place)
			}
		}
		for _, sub := range subs {
			visit(sub)
		}
	}
	visit(path)
	return shown
}

// truth is what walk returns of a tree that does not change.
func truth(tree *apitest.Tree) map[string]string {
	files, dirs := tree.Paths()
	within := map[string][]string{tree.Root(): nil}
	for _, dir := range dirs {
		within[tree.Full(dir)] = nil
	}
	add := func(path, mark string) {
		dir, name := upward(tree.Full(path))
		within[dir] = append(within[dir], name+mark)
	}
	for _, file := range files {
		add(file, "")
	}
	for _, dir := range dirs {
		add(dir, "/")
	}
	all := map[string]string{}
	for dir, names := range within {
		slices.SortFunc(names, func(a, b string) int { return strings.Compare(strings.TrimSuffix(a, "/"), strings.TrimSuffix(b, "/")) })
		all[dir] = strings.Join(names, " ")
	}
	return all
}

// walked walks a whole tree, compares it with the truth and returns how many calls it
// took. Not all has to be shown where the service cannot be asked for all.
func walked(t *testing.T, s *apitest.Server, c *Listings, told, all bool) int {
	t.Helper()
	s.ResetCalls()
	shown, want := walkTree(t, c, s.Tree().Root(), told, nil), truth(s.Tree())
	for path, names := range shown {
		if names != want[path] {
			t.Errorf("%s: %q, want %q", path, names, want[path])
		}
	}
	if all && len(shown) != len(want) {
		t.Errorf("%d folders, want %d", len(shown), len(want))
	}
	return s.Calls().Total
}

// parents is a tree of so many folders with so many sub-folders with so many files each.
// The order of the service is not that of the names.
func parents(parents, folders, files int) *apitest.Tree {
	tree := apitest.NewTree(root)
	for p := range parents {
		for i := range folders {
			for f := range files {
				tree.AddFile(fmt.Sprintf("p%02d/d%03d/f%03d.mp4", p, i*37%folders, f))
			}
		}
	}
	return tree
}

// withFiles adds files to a folder of a tree.
func withFiles(tree *apitest.Tree, rel string, n int) *apitest.Tree {
	for i := range n {
		tree.AddFile(strings.TrimPrefix(fmt.Sprintf("%s/own%03d.mp4", rel, i), "/"))
	}
	return tree
}

// Calls of walks on servers whose offset counts entries. A folder of 20 files has four
// more in its page, one of 5 has 19; each sweep repeats one that is known.
func TestSweptWalks(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		o     apitest.Options
		calls int
	}{
		{"100 folders of 5", apitest.Options{Tree: parents(1, 100, 5)}, 6},
		{"10 folders of 20", apitest.Options{Tree: parents(1, 10, 20)}, 3},
		{"4 parents", apitest.Options{Tree: parents(4, 100, 5)}, 24},
		{"4 parents, breadth first", apitest.Options{Tree: parents(4, 100, 5), Order: apitest.BreadthFirst}, 24},
		{"nested", apitest.Options{Tree: apitest.Nested(root, 10, 2, 20)}, 33},
		{"nested, breadth first", apitest.Options{Tree: apitest.Nested(root, 10, 2, 20), Order: apitest.BreadthFirst}, 33},
		{"files in the parent", apitest.Options{Tree: withFiles(parents(1, 100, 5), "p00", 30)}, 8},
		{"files in the parent, told first", apitest.Options{Tree: withFiles(parents(1, 100, 5), "p00", 30),
			Shape: apitest.Shape{Members: apitest.FilesFoldersMarks}}, 7},
		{"files in the parent, folders first", apitest.Options{Tree: withFiles(parents(1, 100, 5), "p00", 30), FoldersFirst: true}, 7},
		{"a parent of several pages", apitest.Options{Tree: withFiles(parents(1, 100, 5), "p00", 150)}, 8},
		{"skipped ones hidden", apitest.Options{Tree: parents(1, 150, 5), HideSkipped: true}, 9},
		{"skipped ones hidden, folders first", apitest.Options{Tree: withFiles(parents(1, 150, 5), "p00", 30), HideSkipped: true, FoldersFirst: true}, 10},
		{"those before named", apitest.Options{Tree: parents(1, 100, 5), FollowUp: apitest.FollowUpAll}, 6},
	} {
		for _, told := range []bool{false, true} {
			t.Run(fmt.Sprint(test.name, ", as told ", told), func(t *testing.T) {
				t.Parallel()
				s, c := startSweeps(t, test.o)
				if n := walked(t, s, c, told, true); n > test.calls {
					t.Errorf("%d calls, want %d at most; %+v", n, test.calls, c.Stats())
				}
				// A page that was asked for in vain may be counted late.
				if n := walked(t, s, c, told, true); n != 0 && walked(t, s, c, told, true) != 0 {
					t.Errorf("%d calls for what is known", n)
				}
			})
		}
	}
}

// Whatever an offset means, a walk shows the truth.
func TestSweptWalksShowTheTruth(t *testing.T) {
	t.Parallel()
	n := 0
	every(func(o apitest.Options) {
		n++
		o.Tree = uneven(5 * (n / 2 % 2))
		t.Run(o.OffsetMeans.String(), func(t *testing.T) {
			t.Parallel()
			s, c := startSweeps(t, o)
			walked(t, s, c, false, o.OffsetMeans != apitest.OffsetIgnored && o.OffsetMeans != apitest.OffsetRefused)
			if t.Failed() {
				t.Logf("%v, %v, folders first %v, hidden %v", o.Order, o.FollowUp, o.FoldersFirst, o.HideSkipped)
			}
		})
	})
}

// every calls f with all kinds of servers that differ in what they answer.
func every(f func(apitest.Options)) {
	for _, means := range apitest.OffsetMeanings() {
		for _, order := range apitest.Orders() {
			for _, follow := range apitest.FollowUps() {
				for i := range 4 {
					o := apitest.Options{OffsetMeans: means, Order: order, FollowUp: follow, FoldersFirst: i&1 > 0, HideSkipped: i&2 > 0}
					if o.HideSkipped && (follow == apitest.FollowUpNone || means == apitest.OffsetFiles || means == apitest.OffsetRecursive) {
						continue // apitest refuses those
					}
					if o.FoldersFirst && (order == apitest.BreadthFirst || means == apitest.OffsetFiles) ||
						follow != apitest.FollowUpRest && (means == apitest.OffsetIgnored || means == apitest.OffsetRefused) {
						continue // that is the same as another
					}
					f(o)
				}
			}
		}
	}
}

// uneven is a tree of a parent with so many files of its own, whose folders are of
// different sizes, some of them empty and some with folders of their own.
func uneven(own int) *apitest.Tree {
	tree := apitest.NewTree(root)
	for i := range 20 {
		dir := fmt.Sprintf("p/d%02d", i*7%20)
		tree.AddDir(dir)
		for f := range []int{1, 7, 12, 0, 20}[i%5] {
			tree.AddFile(fmt.Sprintf("%s/f%02d.mp4", dir, f))
		}
		for f := range []int{0, 0, 3}[i%3] {
			tree.AddFile(fmt.Sprintf("%s/s/f%02d.mp4", dir, f))
			tree.AddFile(fmt.Sprintf("%s/t/f%02d.mp4", dir, f))
		}
	}
	return withFiles(tree, "p", own)
}

// Where the offset does not count entries, sweeping costs little.
func TestSweepingInVain(t *testing.T) {
	t.Parallel()
	// How many calls it takes folder by folder: four of a parent's seven come with it.
	without := []int{8 * 4, 1 + 8*7 - 4, 1 + 8*8}
	for _, means := range apitest.OffsetMeanings() {
		for _, order := range apitest.Orders() {
			t.Run(fmt.Sprint(means, order), func(t *testing.T) {
				t.Parallel()
				s, c := startSweeps(t, apitest.Options{OffsetMeans: means, Order: order, Tree: parents(8, 7, 25)})
				if n := walked(t, s, c, false, true); n > without[order]+5 {
					t.Errorf("%d calls with sweeping, %d without", n, without[order])
				}
			})
		}
	}
}

// A tree that changes while it is walked is shown in states that its folders had.
func TestSweptWalksOfAChangingTree(t *testing.T) {
	t.Parallel()
	for _, means := range apitest.OffsetMeanings() {
		for _, order := range apitest.Orders()[:2] {
			t.Run(fmt.Sprint(means, order), func(t *testing.T) {
				t.Parallel()
				random := rand.New(rand.NewPCG(uint64(means), uint64(order)))
				tree := uneven(5 * int(order))
				gone := starts{from: map[string]bool{}}
				_, c := startSweeps(t, apitest.Options{Tree: tree, OffsetMeans: means, Order: order},
					func(o *Options) { gone.Lister, o.Lister = o.Lister, &gone })
				states := map[string][]string{}
				note := func() {
					now := truth(tree)
					for path := range states {
						if _, ok := now[path]; !ok {
							now[path] = "" // the service says nothing of a folder that is gone
						}
					}
					for path, names := range now {
						if all := states[path]; len(all) == 0 || all[len(all)-1] != names {
							states[path] = append(all, names)
						}
					}
				}
				note()
				shown := walkTree(t, c, root, false, func() {
					if random.IntN(2) == 0 {
						alter(tree, random)
						note()
					}
				})
				for path, names := range shown {
					// One that was gone on with is of two moments, as it always is.
					if !slices.Contains(states[path], names) && !gone.from[path] {
						t.Errorf("%s: %q, it was %q", path, names, states[path])
					}
				}
			})
		}
	}
}

// starts is a lister that notes which folders it went on with.
type starts struct {
	Lister
	from map[string]bool
}

func (s *starts) List(ctx context.Context, r apiclient.ListRequest) (*apiclient.Folder, error) {
	s.from[r.Path] = s.from[r.Path] || r.From != nil
	return s.Lister.List(ctx, r)
}

// alter makes one change to a tree.
func alter(tree *apitest.Tree, random *rand.Rand) {
	files, dirs := tree.Paths()
	file, dir := files[random.IntN(len(files))], dirs[random.IntN(len(dirs))]
	switch random.IntN(6) {
	case 0, 1:
		tree.AddFile(fmt.Sprintf("%s/new%d.mp4", dir, random.IntN(100)))
	case 2, 3:
		tree.Remove(file)
	case 4:
		tree.AddFile(fmt.Sprintf("%s/new%d/f.mp4", dir, random.IntN(100)))
	case 5:
		if strings.Count(dir, "/") > 0 {
			tree.Remove(dir)
		}
	}
}

package cache

import (
	"context"
	"fmt"
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
		if have, err := c.bySweep(ctx, path); have != nil || err != nil {
			return have, err
		}
		return c.load(ctx, path, 0)
	})
	if err != nil {
		return nil, err
	}
	return v.(*Listing), nil
}

// walk walks a tree depth first, in the order of the names or of the service, and
// returns the paths of all files and folders, as the tree does. before, if set, is called
// before each folder.
func walk(t *testing.T, c *Listings, path string, told bool, before func(path string)) (files, dirs []string) {
	t.Helper()
	if before != nil {
		before(path)
	}
	l, err := bySweepOrItself(t.Context(), c, path)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	var subs []string
	for i := range l.Len() {
		if l.IsDir(i) {
			subs = append(subs, path+"/"+l.Name(i))
		} else {
			files = append(files, path+"/"+l.Name(i))
		}
	}
	if told && l.order != nil {
		for place := range subs {
			subs[place] = path + "/" + l.folderAt(place)
		}
	}
	for _, sub := range subs {
		f, d := walk(t, c, sub, told, before)
		files, dirs = append(files, f...), append(append(dirs, sub), d...)
	}
	slices.Sort(files)
	slices.Sort(dirs)
	return files, dirs
}

// truth is what walk returns of a tree that does not change.
func truth(tree *apitest.Tree) (files, dirs []string) {
	files, dirs = tree.Paths()
	for _, all := range [][]string{files, dirs} {
		for i := range all {
			all[i] = tree.Full(all[i])
		}
		slices.Sort(all)
	}
	return files, dirs
}

// walked walks a whole tree, compares it with the truth and returns how many calls it took.
func walked(t *testing.T, s *apitest.Server, c *Listings, told bool) int {
	t.Helper()
	s.ResetCalls()
	files, dirs := walk(t, c, s.Tree().Root(), told, nil)
	wantFiles, wantDirs := truth(s.Tree())
	if !slices.Equal(files, wantFiles) || !slices.Equal(dirs, wantDirs) {
		t.Errorf("%d files and %d folders, want %d and %d", len(files), len(dirs), len(wantFiles), len(wantDirs))
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

// with adds files to a folder of a tree.
func withFiles(tree *apitest.Tree, rel string, n int) *apitest.Tree {
	for i := range n {
		tree.AddFile(strings.TrimPrefix(fmt.Sprintf("%s/own%03d.mp4", rel, i), "/"))
	}
	return tree
}

func TestSweptWalks(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		o     apitest.Options
		calls int
	}{
		{"100 folders of 5", apitest.Options{Tree: parents(1, 100, 5)}, 6},
		{"10 folders of 20", apitest.Options{Tree: parents(1, 10, 20)}, 3},
		{"20 parents of 100 folders of 5", apitest.Options{Tree: parents(20, 100, 5)}, 130},
		{"20 parents, breadth first", apitest.Options{Tree: parents(20, 100, 5), Order: apitest.BreadthFirst}, 150},
		{"nested", apitest.Options{Tree: apitest.Nested(root, 10, 3, 20)}, 320},
		{"nested, breadth first", apitest.Options{Tree: apitest.Nested(root, 10, 3, 20), Order: apitest.BreadthFirst}, 420},
		{"files in the parent", apitest.Options{Tree: withFiles(parents(1, 100, 5), "p00", 30)}, 8},
		{"files in the parent, folders first", apitest.Options{Tree: withFiles(parents(1, 100, 5), "p00", 30), FoldersFirst: true}, 8},
		{"a parent of several pages", apitest.Options{Tree: withFiles(parents(1, 100, 5), "p00", 150)}, 9},
		{"skipped ones hidden", apitest.Options{Tree: parents(1, 150, 5), HideSkipped: true}, 9},
		{"skipped ones hidden, folders first", apitest.Options{Tree: withFiles(parents(1, 150, 5), "p00", 30), HideSkipped: true, FoldersFirst: true}, 10},
		{"those before named", apitest.Options{Tree: parents(1, 100, 5), FollowUp: apitest.FollowUpAll}, 6},
	} {
		for _, told := range []bool{false, true} {
			t.Run(fmt.Sprint(test.name, ", as told ", told), func(t *testing.T) {
				t.Parallel()
				s, c := startSweeps(t, test.o)
				n := walked(t, s, c, told)
				t.Logf("%d calls, %+v", n, c.Stats())
				if n > test.calls {
					t.Errorf("%d calls, want %d at most", n, test.calls)
				}
			})
		}
	}
}

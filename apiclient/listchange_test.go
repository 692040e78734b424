package apiclient_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"sefs/apiclient"
	"sefs/apiclient/apitest"
)

// missing returns the files that the tree has and the listing does not.
func missing(tree *apitest.Tree, f *apiclient.Folder) (names []string) {
	came := map[string]bool{}
	for _, e := range f.Entries {
		came[e.Name] = true
	}
	files, _ := tree.Paths()
	for _, name := range files {
		if !came[name] {
			names = append(names, name)
		}
	}
	return names
}

// A name that is removed, or several, between any two pages takes no other out of the
// listing, be its pages asked for one by one or ahead.
func TestRemovalBetweenPages(t *testing.T) {
	for _, concurrency := range []int{1, 4} {
		for page := 1; page < 10; page++ {
			for _, many := range []int{1, 3, 10} {
				t.Run(fmt.Sprintf("%d/%d/%d", concurrency, page, many), func(t *testing.T) {
					t.Parallel()
					tree := apitest.Flat(root, 95)
					files, _ := tree.Paths()
					s, c := startHuge(t, concurrency, apitest.Options{Tree: tree})
					var once sync.Once
					s.SetFault(func(call apitest.Call, _ int) apitest.Reply {
						if call.Offset == 10*page {
							once.Do(func() {
								for _, name := range files[:many] {
									tree.Remove(name)
								}
							})
						}
						return apitest.Reply{}
					})
					f, _, err := listHuge(t, c)
					if err != nil {
						t.Fatal(err)
					}
					if lost := missing(tree, f); len(lost) > 0 {
						t.Errorf("%d files are missing: %v", len(lost), lost)
					}
					if len(f.Entries) != 95-many {
						t.Errorf("%d entries, want %d", len(f.Entries), 95-many)
					}
				})
			}
		}
	}
}

// A folder that names come to all the time is listed nevertheless: a listing that tells
// all that the one before told lost nothing.
func TestFolderThatGrowsAllTheTime(t *testing.T) {
	tree := apitest.Flat(root, 95)
	s, c := startHuge(t, 1, apitest.Options{Tree: tree})
	n := 0
	s.SetFault(func(apitest.Call, int) apitest.Reply {
		n++
		tree.AddFile(fmt.Sprintf("zz%04d", n))
		return apitest.Reply{}
	})
	f, _, err := listHuge(t, c)
	if err != nil || len(f.Entries) < 95 {
		t.Fatalf("%+v, error %v", f, err)
	}
	for _, name := range missing(tree, f) {
		if !strings.HasPrefix(name, "zz") {
			t.Errorf("%s is missing", name)
		}
	}
}

// A folder that names go from each time that it is listed is an error after three times,
// and right when that ends.
func TestFolderThatShrinksAllTheTime(t *testing.T) {
	tree := apitest.Flat(root, 95)
	files, _ := tree.Paths()
	s, c := startHuge(t, 1, apitest.Options{Tree: tree})
	var removed int
	s.SetFault(func(call apitest.Call, _ int) apitest.Reply {
		if call.Offset == 50 {
			tree.Remove(files[removed])
			removed++
		}
		return apitest.Reply{}
	})
	_, pages, err := listHuge(t, c)
	if err == nil || !strings.Contains(err.Error(), "changes while its pages come") || !apiclient.IsTemporary(err) || !apiclient.IsMalformed(err) {
		t.Errorf("error %v", err)
	}
	if pages > 30 || removed != 3 {
		t.Errorf("%d pages, %d names were removed", pages, removed)
	}
	s.SetFault(nil)
	f, _, err := listHuge(t, c)
	if err != nil || len(f.Entries) != 92 || len(missing(tree, f)) > 0 {
		t.Errorf("afterwards: error %v", err)
	}
}

// A sub-folder that was told in two parts counts only if they come to what was counted.
func TestPartsOfASubFolderThatChanged(t *testing.T) {
	tree := apitest.NewTree(root)
	for i := range 8 {
		tree.AddFile(fmt.Sprintf("a/%d", i))
	}
	for i := range 8 {
		tree.AddFile(fmt.Sprintf("b/%d", i))
	}
	tree.AddFile("c")
	s, c := startHuge(t, 1, apitest.Options{Tree: tree, OffsetMeans: apitest.OffsetRecursive, FoldersFirst: true})
	for _, change := range []bool{true, false} {
		s.SetFault(func(call apitest.Call, _ int) apitest.Reply {
			if change && call.Path == root && call.Offset > 0 {
				tree.Remove("a/0")
			}
			return apitest.Reply{}
		})
		f, _, err := listHuge(t, c)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range f.Entries {
			if e.Name != "b" {
				continue
			}
			if whole := e.Folder.State == apiclient.Whole; whole == change || whole && len(e.Folder.Entries) != 8 {
				t.Errorf("changed %v: state %v, %d entries", change, e.Folder.State, len(e.Folder.Entries))
			}
		}
	}
}

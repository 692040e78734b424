package cache

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"sefs/apiclient"
	"sefs/apiclient/apitest"
)

// startV1 starts a service whose folders are listed by v1.
func startV1(t *testing.T, tree *apitest.Tree, change ...func(*Options)) (*service, *Listings) {
	t.Helper()
	s := startBlocks(t, apitest.Options{Tree: tree, V1: apitest.V1Options{Time: apitest.TimeUnix}})
	o := Options{Lister: apiclient.FilesLister{Client: s.client}, Describer: s.client, TTL: time.Minute, Timeout: 10 * time.Second,
		LoadTimeout: time.Minute, Memory: s.memory, Root: tree.Root()}
	for _, f := range change {
		f(&o)
	}
	c := New(o)
	t.Cleanup(c.Close)
	return s, c
}

// One call of v1 fills the listing and the attributes, also of the folders below.
func TestV1ListsAndDescribes(t *testing.T) {
	tree := apitest.NewTree(root)
	for i := range 10 {
		tree.AddFile(fmt.Sprint("file", i))
		tree.AddFile(fmt.Sprint("s/file", i))
	}
	s, c := startV1(t, tree)
	for _, sub := range []string{"", "s/"} {
		path := root + "/" + sub
		path = path[:len(path)-1]
		l, err := c.Get(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		for i := range l.Len() {
			if l.IsDir(i) {
				continue
			}
			known, _, ok := c.KnownAttr(path, l, i)
			a, _, err := c.Attr(t.Context(), path, l, i)
			f, _ := tree.File(sub + l.Name(i))
			if err != nil || !ok || a != known || a.Size != f.Size || !a.Modified.Equal(f.Time) {
				t.Errorf("%s%s: %+v, error %v; known %v, %+v; want %+v", sub, l.Name(i), a, err, ok, known, f)
			}
		}
	}
	if n := s.Calls().FilesTotal(); n != 1 {
		t.Errorf("%d calls", n)
	}
	if c.store.peek(root).attrs.contents != c.Known(root).contents {
		t.Error("the names are kept twice")
	}
	if stats := c.Stats(); stats.AttrLoads != 0 || stats.Singles != 0 || stats.Bytes != s.memory.Used() {
		t.Errorf("stats %+v, %d bytes in use", stats, s.memory.Used())
	}
}

// A mounted folder that v1 does not know is not shown empty, unless that is asked for.
func TestV1UnknownRoot(t *testing.T) {
	for _, allow := range []bool{false, true} {
		tree := apitest.NewTree(root)
		tree.AddFile("a")
		_, c := startV1(t, tree, func(o *Options) { o.Root, o.AllowEmpty = root+"/none", allow })
		l, err := c.Get(t.Context(), root+"/none")
		if errors.Is(err, ErrEmptyRoot) == allow || allow && (err != nil || l.Len() != 0) {
			t.Errorf("with AllowEmpty %v: error %v", allow, err)
		}
		if _, err := c.Get(t.Context(), root+"/other"); !apiclient.IsNotExist(err) {
			t.Errorf("another folder: error %v", err)
		}
	}
}

// Real attributes of v1, with files that it tells in parts.
func TestV1Attributes(t *testing.T) {
	tree := apitest.NewTree(root)
	views := map[string]apitest.V1View{"listed": apitest.V1Listed, "alone": apitest.V1Alone, "absent": apitest.V1Absent, "nosize": apitest.V1NoSize}
	var names []string
	for name, view := range views {
		tree.Add(name, apitest.File{Size: 7, V1: view, Time: time.Unix(1546300800, 0)})
		names = append(names, name)
	}
	s, c := startV1(t, tree)
	l := newListing(folder(names...), time.Now().Add(-time.Second))
	for range 2 {
		for name, view := range views {
			i, _ := l.Find(name)
			a, _, err := c.Attr(t.Context(), root, l, i)
			want := int64(7)
			if view == apitest.V1Absent || view == apitest.V1NoSize {
				want = apiclient.UnknownSize
			}
			if err != nil || a.Size != want {
				t.Errorf("%s: %+v, error %v", name, a, err)
			}
		}
	}
	if stats := c.Stats(); s.Calls().FilesTotal() != 4 || stats.Singles != 3 || stats.Unknown != 2 {
		t.Errorf("%d calls, stats %+v", s.Calls().FilesTotal(), stats)
	}
}

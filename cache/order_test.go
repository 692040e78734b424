package cache

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"sefs/apiclient"
)

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

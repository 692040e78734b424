package apiclient

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// A folder finds what was added, and adds each name once.
func TestFolderFindsItsNames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringOfN(rapid.RuneFrom([]rune("abc")), 0, 4, -1)
		var f Folder
		places := map[string]int{}
		for _, n := range rapid.SliceOfN(name, 0, 100).Draw(t, "names") {
			if at, ok := f.find(n); ok != (places[n] > 0) || ok && at != places[n]-1 {
				t.Fatalf("%q found at %d (%v), want %d", n, at, ok, places[n]-1)
			}
			f.add(Entry{Name: n})
			if places[n] == 0 {
				places[n] = len(f.Entries)
			}
		}
		if len(f.Entries) != len(places) {
			t.Fatalf("%d entries of %d names", len(f.Entries), len(places))
		}
		for n, at := range places {
			if got, ok := f.find(n); !ok || got != at-1 {
				t.Fatalf("%q found at %d (%v), want %d", n, got, ok, at-1)
			}
		}
	})
}

// What it takes to find names is a small part of what they take.
func TestIndexIsSmall(t *testing.T) {
	var f Folder
	for i := range 10_000 {
		f.add(Entry{Name: fmt.Sprintf("%07d", i)})
		if n := len(f.Entries); n > fewEntries && 4*len(f.index.table) > 16*n {
			t.Fatalf("%d bytes for %d names", 4*len(f.index.table), n)
		}
	}
	if _, ok := f.find("0009999"); !ok || len(f.Entries) != 10_000 {
		t.Error("a name is lost")
	}
}

package cache

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sefs/apiclient"
)

// shelf is a tree of listings.
type shelf map[string]*Listing

func (s shelf) listing(path string) *Listing { return s[path] }

// grow makes a tree with so many sub-folders in each folder of so many levels, and a file
// in each.
func (s shelf) grow(path string, folders, levels int) {
	f := &apiclient.Folder{State: apiclient.Whole, Entries: []apiclient.Entry{{Name: "a file"}}}
	if levels > 0 {
		for i := range folders {
			name := fmt.Sprintf("f%d", i)
			f.Entries = append(f.Entries, apiclient.Entry{Name: name, Folder: &apiclient.Folder{}})
			s.grow(path+"/"+name, folders, levels-1)
		}
	}
	s[path] = newListing(f, time.Time{})
}

// follow opens folders one after another, so far apart, and reports whether the last made
// the caller a walker.
func follow(s shelf, apart time.Duration, paths ...string) (t trail, walker bool) {
	now := time.Unix(1000, 0)
	for _, path := range paths {
		now = now.Add(apart)
		walker = t.open(path, now, s.listing)
		t.answered(now)
	}
	return t, walker
}

func TestWhoWalks(t *testing.T) {
	s := shelf{}
	s.grow("r", 6, 3)
	const second = time.Second
	for _, c := range []struct {
		name  string
		apart time.Duration
		paths string
		want  bool
	}{
		{"down", 0, "r r/f0 r/f0/f0", true},
		{"beside", 0, "r/f1 r/f2 r/f3", true},
		{"up and beside", 0, "r/f0/f4 r/f0/f5 r/f1", true},
		{"far up", 0, "r/f0/f5/f4 r/f0/f5/f5 r/f1", true},
		{"one", 0, "r", false},
		{"one, again and again", 0, "r/f1 r/f1 r/f1 r/f1 r/f1", false},
		{"a path", 0, "r r/f3 r/f3/f2", false},
		{"two folders", 0, "r r/f0", false},
		{"somebody who looks around", 0, "r r/f3 r r/f2 r/f2/f1 r/f2", false},
		{"somebody who completes names", 2 * second, "r r/f0 r/f0/f0", false},
		{"by number", 0, "r r/f3 r/f5 r/f1 r/f0", true},
		{"by number, in depth", 0, "r/f3 r/f3/f4 r/f3/f1 r/f3/f5 r/f3/f0", true},
		{"by number, slowly", 5 * second, "r r/f3 r/f5 r/f1 r/f0", true},
		{"two of many", 0, "r r/f3 r/f1", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, walker := follow(s, c.apart, strings.Fields(c.paths)...); walker != c.want {
				t.Errorf("a walker: %v", walker)
			}
		})
	}
}

func TestWalkThatGoesNoDeeper(t *testing.T) {
	s := shelf{}
	s.grow("r", 6, 3)
	trail, _ := follow(s, 0, "r", "r/f0", "r/f1", "r/f2", "r/f3")
	if trail.floor != 1 {
		t.Errorf("it goes down to level %d", trail.floor)
	}
	trail, _ = follow(s, 0, "r", "r/f0", "r/f1", "r/f2", "r/f2/f0")
	if trail.floor != 0 {
		t.Errorf("it goes down to level %d only, though it went further", trail.floor)
	}
}

// TestAfter compares with the order in which paths stand when they are taken apart.
func TestAfter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		path := rapid.StringMatching(`[ab.!0]{1,2}(/[ab.!0]{1,2}){0,3}`)
		a, b := path.Draw(t, "a"), path.Draw(t, "b")
		want := slices.Compare(strings.Split(a, "/"), strings.Split(b, "/")) > 0
		if got := after(a, b); got != want {
			t.Fatalf("after(%q, %q) = %v", a, b, got)
		}
	})
}

// Some programs keep what they have to visit on a stack.
func TestBackwardWalk(t *testing.T) {
	s := shelf{}
	s.grow("r", 6, 3)
	if trail, walker := follow(s, 0, strings.Fields("r r/f5 r/f5/f5 r/f5/f4 r/f5/f3 r/f5/f2")...); !walker || !trail.backward() {
		t.Errorf("a walker: %v, backward: %v", walker, trail.backward())
	}
	if trail, _ := follow(s, 0, strings.Fields("r r/f1 r/f0 r/f3 r/f4 r/f5")...); trail.backward() {
		t.Error("it goes backward")
	}
}

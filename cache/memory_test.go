package cache

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"sefs/apiclient"
)

// Whatever is put in which order: the budget holds, but for one folder alone and for
// what is being loaded, and no byte is counted that is not kept.
func TestMemoryHolds(t *testing.T) {
	listings := map[int]*Listing{}
	attributes := map[int]*Attrs{}
	for _, n := range []int{0, 30, 1000, 8000} {
		listings[n] = newListing(folder(many("f", n)...), time.Now())
		attributes[n] = newAttrs(told(many("f", n)...), byItself)
	}
	entries, bytes := rapid.SampledFrom([]int{0, 30, 30, 1000, 1000, 8000}), make([]byte, BlockSize)
	rapid.Check(t, func(t *rapid.T) {
		budget := rapid.Int64Range(1, 40*BlockSize).Draw(t, "budget")
		m := NewMemory(budget, nil)
		s := newStore(m)
		b := NewBlocks(BlocksOptions{Memory: m, TTL: time.Minute, Timeout: time.Minute, Downloads: 4})
		defer b.Close()
		r := &run{wanted: 1, cancel: func() {}}
		path := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"})
		t.Repeat(map[string]func(*rapid.T){
			"listing": func(t *rapid.T) {
				l := *listings[entries.Draw(t, "entries")]
				s.update(path.Draw(t, "path"), func(v slot) slot {
					v.listing = (&l).sharing(v.listing)
					if v.attrs != nil {
						v.attrs = v.attrs.sharing(v.listing)
					}
					return v
				})
			},
			"attributes": func(t *rapid.T) {
				a := attributes[entries.Draw(t, "entries")]
				s.update(path.Draw(t, "path"), func(v slot) slot {
					v.attrs = a.sharing(v.listing)
					return v
				})
			},
			"single": func(t *rapid.T) {
				name := path.Draw(t, "name")
				s.update(path.Draw(t, "path"), func(v slot) slot {
					if v.attrs != nil {
						v.attrs = v.attrs.with(name, apiclient.Attr{Size: 5})
					}
					return v
				})
			},
			"start": func(t *rapid.T) {
				f := numbered(rapid.IntRange(0, 100).Draw(t, "entries"))
				s.update(path.Draw(t, "path"), func(v slot) slot { v.start = f; return v })
			},
			"forget": func(t *rapid.T) {
				s.update(path.Draw(t, "path"), func(slot) slot { return slot{} })
			},
			"use": func(t *rapid.T) { s.get(path.Draw(t, "path")) },
			"block": func(t *rapid.T) {
				v := Version{Path: path.Draw(t, "path"), Size: 100 * BlockSize}
				key := blockKey{v, 0, rapid.Int64Range(0, 20).Draw(t, "index")}
				b.put(key, &block{data: bytes[:rapid.Int64Range(1, BlockSize).Draw(t, "bytes")]})
			},
			"claim": func(t *rapid.T) {
				key := blockKey{Version{Path: path.Draw(t, "path"), Size: 100 * BlockSize}, 0, rapid.Int64Range(0, 20).Draw(t, "index")}
				m.mu.Lock()
				defer m.mu.Unlock()
				if b.claims[key] == nil {
					b.claim(key, r)
					m.fit()
				}
			},
			"settle": func(t *rapid.T) {
				b.leave(r)
				r.wanted = 1
				m.mu.Lock()
				defer m.mu.Unlock()
				m.fit()
			},
			"": func(t *rapid.T) {
				m.mu.Lock()
				defer m.mu.Unlock()
				balance(t, s, b)
				loading := b.coming
				folders := int64(0)
				if s.slots.Len() == 1 {
					folders = s.bytes
				}
				if s.bytes <= budget/2 {
					folders = s.bytes // what is being loaded takes nothing from them
				}
				if used := s.bytes + b.bytes; used > budget && used > loading+folders {
					t.Errorf("%d bytes are in use of %d", used, budget)
				}
			},
		})
		m.mu.Lock()
		defer m.mu.Unlock()
		for key, c := range b.claims {
			b.settle(key, c)
		}
		for b.dropOldest() {
		}
		for _, path := range s.slots.Keys() {
			v, _ := s.slots.Peek(path)
			s.slots.Remove(path)
			s.count(path, v, -1)
		}
		if s.bytes != 0 || s.entries != 0 || s.content != 0 || b.bytes != 0 {
			t.Errorf("nothing is kept, and %d, %d, %d, %d are counted", s.bytes, s.entries, s.content, b.bytes)
		}
	})
}

// balance compares what is counted with what is kept, with the memory's mutex held.
func balance(t *rapid.T, s *store, b *Blocks) {
	var bytes, entries, content int64
	for _, path := range s.slots.Keys() {
		v, _ := s.slots.Peek(path)
		bytes += v.bytes(path)
		if v.listing != nil {
			entries += int64(v.listing.Len())
		}
		if v.attrs != nil {
			content += v.attrs.total
		}
	}
	if s.bytes != bytes || s.entries != entries || s.content != content {
		t.Errorf("%d, %d, %d are counted, and %d, %d, %d kept", s.bytes, s.entries, s.content, bytes, entries, content)
	}
	bytes = 0
	for _, c := range b.claims {
		bytes += c.bytes
	}
	if b.coming != bytes {
		t.Errorf("%d bytes are counted as coming, of %d", b.coming, bytes)
	}
	for _, key := range b.kept.Keys() {
		v, _ := b.kept.Peek(key)
		bytes += v.bytes(key)
	}
	if b.bytes != bytes {
		t.Errorf("%d bytes of blocks are counted, and %d kept", b.bytes, bytes)
	}
}

// Where both want more than there is, each keeps half; either has all while the other
// wants none.
func TestMemoryIsShared(t *testing.T) {
	const budget = 20 * (place + BlockSize)
	m := NewMemory(budget, nil)
	s := newStore(m)
	b := NewBlocks(BlocksOptions{Memory: m, TTL: time.Minute, Timeout: time.Minute, Downloads: 4})
	defer b.Close()
	listing := newListing(numbered(2000), time.Now()) // about 50 kB
	folders := func(n int) {
		for i := range n {
			s.update(fmt.Sprint(i), func(v slot) slot { v.listing = listing; return v })
		}
	}
	blocks := func(n int) {
		for i := range n {
			b.put(blockKey{Version{Path: "f"}, 0, int64(i)}, &block{data: make([]byte, BlockSize)})
		}
	}
	const slack = place + BlockSize + 60_000 // one of each
	for i, step := range []struct {
		put             func()
		folders, blocks int64
	}{
		{func() { folders(100) }, budget, 0},
		{func() { blocks(40) }, budget / 2, budget / 2},
		{func() { folders(100); blocks(40); folders(100) }, budget / 2, budget / 2},
		{func() { folders(2) }, budget / 2, budget / 2},
	} {
		step.put()
		if s.bytes < step.folders-slack || b.bytes < step.blocks-slack || m.Used() > budget || m.Used() < budget-slack {
			t.Errorf("step %d: folders have %d, blocks %d of %d", i, s.bytes, b.bytes, budget)
		}
	}
	if m.Budget() != budget {
		t.Errorf("budget %d", m.Budget())
	}
}

// Attributes are counted, go with the budget, and share names with the listing.
func TestMemoryOfAttrs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := many("a-file-with-a-name-that-is-quite-long-", 1000)
		c, _ := newDescribed(t, all...)
		l, err := c.Get(t.Context(), root)
		if err != nil {
			t.Fatal(err)
		}
		before := c.Stats().Bytes
		attr(t, c, root, all[0], int64(len(all[0])))
		more := c.Stats().Bytes - before
		if more < 16*1000 || more > 16*1000+500 {
			t.Errorf("attributes of 1000 files take %d bytes", more)
		}
		if c.store.peek(root).attrs.contents != l.contents {
			t.Error("the names are kept twice")
		}
		// They also share with a listing that comes later, and with the next of both.
		for range 3 {
			time.Sleep(time.Minute)
			attr(t, c, root, all[0], int64(len(all[0])))
			if now := c.Stats().Bytes; now != before+more || c.store.peek(root).attrs.contents != c.Known(root).contents {
				t.Errorf("%d bytes after a refresh, %d before", now, before+more)
			}
		}
		for i := range 100 {
			attr(t, c, fmt.Sprint("other/", i), all[0], int64(len(all[0])))
		}
		if s := c.Stats(); s.Bytes > 1<<20 || c.store.peek(root).attrs != nil || s.Content != int64(s.Folders)*c.store.peek("other/99").attrs.total {
			t.Errorf("stats %+v", s)
		}
	})
}

// The log says what to do where one listing takes more than half, once.
func TestLargeListingIsLogged(t *testing.T) {
	var log strings.Builder
	m := NewMemory(100_000, slog.New(slog.NewTextHandler(&log, nil)))
	l := &lister{list: func(context.Context, apiclient.ListRequest) (*apiclient.Folder, error) {
		f := numbered(3000)
		f.Named, f.Asked = true, time.Now()
		return f, nil
	}}
	c := newListings(t, l, func(o *Options) { o.Memory = m })
	if _, err := c.Get(t.Context(), root); err != nil {
		t.Fatal(err)
	}
	c.DoubtAttrs(root, 0)
	if n := strings.Count(log.String(), "raise --memory"); n != 1 {
		t.Errorf("%d lines:\n%s", n, &log)
	}
}

// What goes when memory is short is a subtree that nobody uses, its far end first: a
// folder never goes before what is in it.
func TestColdSubtreesGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lister{list: func(_ context.Context, r apiclient.ListRequest) (*apiclient.Folder, error) {
			return folder("x/", "y/"), nil
		}}
		c := newListings(t, l, func(o *Options) { o.Memory = NewMemory(4000, nil) })
		get := func(path string) {
			t.Helper()
			if _, err := c.Get(t.Context(), path); err != nil {
				t.Fatal(err)
			}
		}
		for _, path := range []string{root, root + "/x", root + "/x/x", root + "/y"} {
			get(path)
		}
		known := func(path string) bool { return c.Known(path) != nil }
		for i := 0; known(root + "/y"); i++ {
			get(root + "/x/x")
			get(fmt.Sprint(root, "/x/x/", i))
			for _, path := range []string{root, root + "/x", root + "/x/x"} {
				if !known(path) {
					t.Fatalf("%s is gone, though what is in it is used", path)
				}
			}
			if i > 100 {
				t.Fatal("nothing goes")
			}
		}
	})
}

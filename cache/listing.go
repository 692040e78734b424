package cache

import (
	"math/bits"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"sefs/apiclient"
)

// Listing is the contents of a folder at one moment: its names, sorted by their
// bytes, and which of them are folders. It never changes, and is safe for
// concurrent use.
type Listing struct {
	*contents
	order *order // nil if it is not known, or there is nothing to order
	asked time.Time
	own   bool // whether the folder was asked for, not told of in another's answer
}

// contents is the part of a listing that does not depend on when it was asked for.
// All names stand in one block: an entry costs its name, four bytes and a bit.
type contents struct {
	names   string
	ends    []uint32 // where name i ends in names
	dirs    []uint64 // bit i is set if name i is a folder
	version uint64
	folders int
}

// newListing makes a listing of what the service told.
func newListing(f *apiclient.Folder, asked time.Time) *Listing {
	entries := slices.Clone(f.Entries)
	slices.SortFunc(entries, func(a, b apiclient.Entry) int { return strings.Compare(a.Name, b.Name) })
	size := 0
	for _, e := range entries {
		size += len(e.Name)
	}
	var names strings.Builder
	names.Grow(size)
	c := &contents{ends: make([]uint32, len(entries)), dirs: make([]uint64, (len(entries)+63)/64)}
	digest := xxhash.New()
	for i, e := range entries {
		names.WriteString(e.Name)
		c.ends[i] = uint32(names.Len())
		kind := []byte{0, 'f'} // NUL ends the name: none contains it
		if e.Folder != nil {
			c.dirs[i/64] |= 1 << (i % 64)
			kind[1] = 'd'
			c.folders++
		}
		_, _ = digest.WriteString(e.Name) // a Digest does not fail
		_, _ = digest.Write(kind)
	}
	c.names = names.String()
	c.version = digest.Sum64()
	return &Listing{contents: c, order: newOrder(f, c), asked: asked}
}

// Len is the number of entries.
func (c *contents) Len() int { return len(c.ends) }

// Name is the name of entry i, of 0 to Len-1.
func (c *contents) Name(i int) string {
	from := uint32(0)
	if i > 0 {
		from = c.ends[i-1]
	}
	return c.names[from:c.ends[i]]
}

// IsDir reports whether entry i is a folder.
func (c *contents) IsDir(i int) bool { return c.dirs[i/64]&(1<<(i%64)) != 0 }

// nextDir returns the first entry from i on that is a folder; Len if there is none.
func (c *contents) nextDir(i int) int {
	for word := i / 64; word < len(c.dirs); word++ {
		set := c.dirs[word]
		if word == i/64 {
			set &= ^uint64(0) << (i % 64)
		}
		if set != 0 {
			return word*64 + bits.TrailingZeros64(set)
		}
	}
	return c.Len()
}

// prevDir returns the last entry up to i that is a folder; -1 if there is none.
func (c *contents) prevDir(i int) int {
	for i >= 0 && !c.IsDir(i) {
		i--
	}
	return i
}

// Folders is the number of entries that are folders.
func (c *contents) Folders() int { return c.folders }

// Find returns the entry called name.
func (c *contents) Find(name string) (i int, ok bool) {
	i = sort.Search(c.Len(), func(i int) bool { return c.Name(i) >= name })
	return i, i < c.Len() && c.Name(i) == name
}

// Version is a hash of names and kinds: two listings with the same version show the
// same, whenever they were asked for.
func (c *contents) Version() uint64 { return c.version }

// Asked is when the last page of the listing was asked for; its age counts from then.
func (l *Listing) Asked() time.Time { return l.asked }

// bytes is what the listing takes in memory, about.
func (l *Listing) bytes() int64 {
	const headers = 200 // the structs, the slice headers, rounding of the allocator
	return headers + int64(len(l.names)) + 4*int64(len(l.ends)) + 8*int64(len(l.dirs)) + l.order.bytes()
}

// sharing returns l, with the memory of old where both show the same.
func (l *Listing) sharing(old *Listing) *Listing {
	if old == nil || old.version != l.version || old.names != l.names {
		return l
	}
	shared := *l
	if shared.contents = old.contents; l.order.same(old.order) {
		shared.order = old.order // else the same names came in another order
	}
	return &shared
}

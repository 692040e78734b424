package cache

import (
	"maps"
	"math"
	"sync"
	"time"

	"sefs/apiclient"
)

// Attrs is what v1 said of the files of one folder at one moment. It never changes,
// and is safe for concurrent use.
type Attrs struct {
	*contents         // the names told, of sub-folders as well
	sizes     []int64 // of entry i; UnknownSize for a folder
	times     []int64 // Unix nanoseconds; noTime if not told. nil: none was told
	total     int64   // bytes of all files
	unknown   int     // files told without a size
	asked     time.Time
	asking    asking
	below     bool // whether those of the folders below were asked for as well
	listed    bool // whether they came with the listing
	// alone holds what calls for single files said.
	alone map[string]apiclient.Attr
	lost  *lost
}

// asking is how attributes were asked for: the more it is, the more an absent name says.
type asking int8

const (
	// withOthers: told in an answer about a folder above.
	withOthers asking = iota
	// perhapsCut: told in an answer about the folder that may have left names out.
	perhapsCut
	// byItself: told in an answer about the folder.
	byItself
)

// lost remembers how many files of a listing the attributes do not know.
type lost struct {
	mu    sync.Mutex
	of    *contents
	count int
}

// noTime stands for a time that the service did not tell.
const noTime = math.MinInt64

// newAttrs makes attributes of a folder as v1 told of it.
func newAttrs(f *apiclient.Folder, how asking) *Attrs {
	c := newListing(f, f.Asked).contents
	a := &Attrs{contents: c, asked: f.Asked, asking: how, lost: &lost{}, sizes: make([]int64, len(c.ends))}
	for i := range a.sizes {
		a.sizes[i] = apiclient.UnknownSize
	}
	for _, e := range f.Entries {
		if e.Attr == nil || e.Folder != nil {
			continue
		}
		i, _ := c.Find(e.Name)
		a.sizes[i] = e.Attr.Size
		if e.Attr.Size == apiclient.UnknownSize {
			a.unknown++
		}
		a.total += max(e.Attr.Size, 0)
		if e.Attr.Modified.IsZero() {
			continue
		}
		if a.times == nil {
			a.times = make([]int64, len(c.ends))
			for i := range a.times {
				a.times[i] = noTime
			}
		}
		a.times[i] = e.Attr.Modified.UnixNano()
	}
	return a
}

// at is what was told of entry i.
func (a *Attrs) at(i int) apiclient.Attr {
	attr := apiclient.Attr{Size: a.sizes[i]}
	if a.times != nil && a.times[i] != noTime {
		attr.Modified = time.Unix(0, a.times[i]).UTC()
	}
	return attr
}

// Lookup returns what was told of the file called name. One that was told without a size
// may be told with one by itself, so it counts as not told, unless many are.
func (a *Attrs) Lookup(name string) (attr apiclient.Attr, ok bool) {
	if attr, ok = a.alone[name]; ok {
		return attr, true
	}
	if i, ok := a.Find(name); ok && !a.IsDir(i) && (a.sizes[i] != apiclient.UnknownSize || a.unknown > maxSingles) {
		return a.at(i), true
	}
	return attr, false
}

// missing counts the files of a listing that v1 did not tell of with the folder.
func (a *Attrs) missing(l *Listing) int {
	a.lost.mu.Lock()
	defer a.lost.mu.Unlock()
	if a.lost.of == l.contents {
		return a.lost.count
	}
	n := 0
	for i := range l.Len() {
		if _, ok := a.Find(l.Name(i)); !ok && !l.IsDir(i) {
			n++
		}
	}
	a.lost.of, a.lost.count = l.contents, n
	return n
}

// with returns a copy that knows one more file.
func (a *Attrs) with(name string, attr apiclient.Attr) *Attrs {
	b := *a
	b.alone = maps.Clone(a.alone)
	if b.alone == nil {
		b.alone = make(map[string]apiclient.Attr)
	}
	b.alone[name] = attr
	return &b
}

// sharing returns a, with the memory for names of l where both have the same.
func (a *Attrs) sharing(l *Listing) *Attrs {
	if l == nil || a.contents == l.contents || a.version != l.version || a.names != l.names {
		return a
	}
	b := *a
	b.contents = l.contents
	return &b
}

// bytes is what the attributes take in memory, about, beside a listing whose names
// they share.
func (a *Attrs) bytes(l *Listing) int64 {
	const headers, single = 150, 120
	size := headers + 8*int64(len(a.sizes)+len(a.times)) + single*int64(len(a.alone))
	if l == nil || l.contents != a.contents {
		size += (&Listing{contents: a.contents}).bytes()
	}
	return size
}

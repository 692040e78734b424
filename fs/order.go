package fs

import (
	"cmp"
	"slices"
	"strings"
	"syscall"

	"sefs/cache"
)

// order is a folder in the order in which a row reads its files: by their names, as
// listed, or by their inode numbers. It never changes.
type order struct {
	tree    *tree
	path    string
	listing *cache.Listing
	numbers []numbered // in their order; nil if it is that of the names
}

// numbered is an entry with its inode number.
type numbered struct {
	ino   uint64
	entry int32
}

// newOrder returns the order of a folder's names; nil if its listing is not in memory, or
// has expired.
func newOrder(t *tree, path string) *order {
	listing := t.listings.Known(path)
	if listing == nil || t.listings.Life(listing) <= 0 {
		return nil
	}
	return &order{tree: t, path: path, listing: listing}
}

// byNumber returns the order of the folder's inode numbers.
func (o *order) byNumber() *order {
	by := *o
	by.numbers = make([]numbered, o.listing.Len())
	for i := range by.numbers {
		by.numbers[i] = numbered{o.tree.identify(o.path, o.listing.Name(i), syscall.S_IFREG).Ino, int32(i)}
	}
	slices.SortFunc(by.numbers, func(a, b numbered) int { return cmp.Compare(a.ino, b.ino) })
	return &by
}

// entry is the entry of the listing at a place in the order.
func (o *order) entry(at int) int {
	if o.numbers == nil {
		return at
	}
	return int(o.numbers[at].entry)
}

// place is where a file stands in the order.
func (o *order) place(f reading) (at int, ok bool) {
	if o.numbers == nil {
		return o.listing.Find(f.name)
	}
	at = o.number(f.ino)
	return at, at < len(o.numbers) && o.numbers[at].ino == f.ino
}

// folder is where a sub-folder stands in the order.
func (o *order) folder(name string) (at int, ok bool) {
	return o.place(reading{name: name, ino: o.tree.identify(o.path, name, syscall.S_IFDIR).Ino})
}

// number is the place of an inode number, or where it would be.
func (o *order) number(ino uint64) int {
	at, _ := slices.BinarySearchFunc(o.numbers, ino, func(n numbered, ino uint64) int { return cmp.Compare(n.ino, ino) })
	return at
}

// files counts files before a place, up to few more than rowGap.
func (o *order) files(at int) (n int) {
	for i := 0; i < at && n <= rowGap; i++ {
		if !o.listing.IsDir(o.entry(i)) {
			n++
		}
	}
	return n
}

// under is the name that leads from a folder above to this one; "" if that is not above.
func (o *order) under(above *order) (sub string) {
	rest, ok := strings.CutPrefix(o.path, above.path+"/")
	if !ok {
		return ""
	}
	sub, _, _ = strings.Cut(rest, "/")
	return sub
}

// filesBetween reports whether there are files behind a sub-folder, and none between a
// place and it: who goes on there now reads the entries of a folder as they come.
func (o *order) filesBetween(at int, sub string) bool {
	to, ok := o.folder(sub)
	if !ok || to < at {
		return false
	}
	for i := at + 1; i < to; i++ {
		if !o.listing.IsDir(o.entry(i)) {
			return false
		}
	}
	for i := to + 1; i < min(to+maxSteps, o.listing.Len()); i++ {
		if !o.listing.IsDir(o.entry(i)) {
			return true
		}
	}
	return false
}

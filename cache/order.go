package cache

import (
	"math/bits"
	"slices"

	"sefs/apiclient"
)

// order is the order in which the service told the sub-folders of a listing. A place is
// a number in it, from 0. It never changes.
type order struct {
	folders []uint32 // entries of the listing, by place
	places  []uint32 // places of the folders, in the order of the listing
	// filesFirst is set if the files were told before the folders. It says little of what
	// an offset counts first: the answer names a folder's files together, wherever they are.
	filesFirst bool
}

// newOrder returns the order of a folder whose listing is c, nil where it is of no use.
func newOrder(f *apiclient.Folder, c *contents) *order {
	if c.folders < 2 || f.Hidden > 0 { // names that are left out would count in an offset
		return nil
	}
	o := &order{
		folders:    make([]uint32, 0, c.folders),
		places:     make([]uint32, c.folders),
		filesFirst: f.Entries[0].Folder == nil,
	}
	for _, e := range f.Entries {
		if e.Folder != nil {
			i, _ := c.Find(e.Name)
			o.places[c.foldersBefore(i)] = uint32(len(o.folders))
			o.folders = append(o.folders, uint32(i))
		}
	}
	return o
}

// same reports whether two orders of the same names are the same.
func (o *order) same(p *order) bool {
	if o == nil || p == nil {
		return o == p
	}
	return o.filesFirst == p.filesFirst && slices.Equal(o.folders, p.folders)
}

func (o *order) bytes() int64 {
	if o == nil {
		return 0
	}
	const headers = 56 // the slice headers, the flag
	return headers + 4*int64(len(o.folders)+len(o.places))
}

// foldersBefore is how many folders come before entry i.
func (c *contents) foldersBefore(i int) (n int) {
	for _, word := range c.dirs[:i/64] {
		n += bits.OnesCount64(word)
	}
	return n + bits.OnesCount64(c.dirs[i/64]&(1<<(i%64)-1))
}

// files is the number of entries that are files.
func (c *contents) files() int { return c.Len() - c.folders }

// placeOf returns the place of the sub-folder called name, if the order is known.
func (l *Listing) placeOf(name string) (place int, ok bool) {
	i, ok := l.Find(name)
	if !ok || !l.IsDir(i) || l.order == nil {
		return 0, false
	}
	return int(l.order.places[l.foldersBefore(i)]), true
}

// folderAt returns the name of the sub-folder at a place.
func (l *Listing) folderAt(place int) string { return l.Name(int(l.order.folders[place])) }

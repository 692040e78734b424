package apiclient

import (
	"hash/maphash"
	"math/bits"
)

// fewEntries is how many entries are looked through one by one.
const fewEntries = 8

// index finds names in a folder's entries. It holds places only, 8 to 16 bytes a name: a
// map of the names took 60, and 300 while it grew.
type index struct {
	seed  maphash.Seed
	table []uint32 // places from 1 on, by hash and in the next free place; 0: free
	n     int      // how many entries are in it
}

// find returns where a name stands in Entries.
func (f *Folder) find(name string) (i int, ok bool) {
	if len(f.Entries) > fewEntries {
		return f.index.find(f.Entries, name)
	}
	for i, e := range f.Entries {
		if e.Name == name {
			return i, true
		}
	}
	return 0, false
}

func (x *index) find(entries []Entry, name string) (i int, ok bool) {
	x.cover(entries)
	at := x.home(name)
	for x.table[at] != 0 {
		if i := int(x.table[at] - 1); entries[i].Name == name {
			return i, true
		}
		at = x.after(at)
	}
	return 0, false
}

// cover takes in the entries that were added since. At least half of the table stays free.
func (x *index) cover(entries []Entry) {
	if 2*len(entries) > len(x.table) {
		x.seed, x.n = maphash.MakeSeed(), 0
		x.table = make([]uint32, 2<<bits.Len(uint(len(entries)-1)))
	}
	for ; x.n < len(entries); x.n++ {
		at := x.home(entries[x.n].Name)
		for x.table[at] != 0 {
			at = x.after(at)
		}
		x.table[at] = uint32(x.n + 1)
	}
}

// home is where a name belongs, and after where it goes if that is taken.
func (x *index) home(name string) int {
	return int(maphash.String(x.seed, name) & uint64(len(x.table)-1))
}

func (x *index) after(at int) int { return (at + 1) & (len(x.table) - 1) }

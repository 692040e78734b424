package apiclient

import "time"

// State says how much of a folder the answers told (files.list page, __is_loaded).
type State int8

const (
	// Skipped: what is known of the folder is no listing of it (__is_loaded 0).
	Skipped State = iota
	// Cut: known up to Offset, from where the next call goes on (__is_loaded -1).
	Cut
	// Whole: every file and sub-folder is known (__is_loaded 1).
	Whole
)

// Folder is what one or more answers said of a folder. It is built by [Client.List]
// and not changed afterwards, but for a List that goes on from it.
type Folder struct {
	// State is Whole for what List returns; for folders below it, it is what the
	// answers said, and Skipped where they left it open.
	State State
	// Offset is where to go on in a Cut folder. What it counts is the service's
	// business (unknown); it is never computed here.
	Offset int64
	// Count is how many entries the service says a Cut folder has, those of other types
	// perhaps among them (__file_count); 0 if it did not say.
	Count int64
	// Entries are the folder's files and sub-folders in the service's order, each
	// name once. A name that is both is a folder.
	Entries []Entry
	// Asked is when the last page that told of the folder was asked for.
	Asked time.Time
	// Named is false if the service answered with success and said nothing of the
	// folder at all: it is empty, or there is none (unknown which).
	Named bool
	// Suspect is set if an answer of v1 told of a round number of entries, those below
	// included: it may have been cut.
	Suspect bool
	// Hidden counts the names left out because no file system may show them.
	Hidden int

	index index
}

// Entry is a name in a folder.
type Entry struct {
	Name string
	// Folder is what is known of a sub-folder; nil for a file.
	Folder *Folder
	// Attr is what v1 said of a file; nil in listings of files.list.
	Attr *Attr
}

// Attr is what the service says of a file besides its name.
type Attr struct {
	Size     int64     // bytes; UnknownSize if it did not say
	Modified time.Time // zero if it did not say
}

// UnknownSize is the size of a file of which v1 says none.
const UnknownSize = -1

// add puts a name into the folder, or joins it with the entry that is there.
func (f *Folder) add(e Entry) {
	if i, ok := f.find(e.Name); ok {
		switch have := &f.Entries[i]; {
		case e.Folder == nil: // known already
		case have.Folder == nil:
			have.Folder, have.Attr = e.Folder, nil
		default:
			have.Folder.merge(e.Folder)
		}
		return
	}
	f.Entries = append(f.Entries, e)
}

// merge adds what another answer said of the same folder, later. One that tells all
// of it replaces what an earlier one told, all of it too. Otherwise names are united,
// and what is told in parts is as old as the oldest.
func (f *Folder) merge(g *Folder) {
	if f.State == Whole && g.State == Whole {
		*f = *g
		return
	}
	asked, count := f.Asked, f.Count
	if f.State == Skipped {
		asked = g.Asked
	}
	f.absorb(g)
	f.Asked = asked
	// Parts that do not come to what was counted are of different moments.
	if f.State == Cut && count > 0 && (g.State == Whole && count != int64(len(f.Entries)+f.Hidden) ||
		g.State == Cut && g.Count > 0 && g.Count != count) {
		f.State, f.Offset, f.Count = Skipped, 0, 0
		return
	}
	if g.State > f.State || g.State == Cut && g.Offset > f.Offset {
		f.State, f.Offset, f.Count = g.State, g.Offset, g.Count
	}
}

// absorb adds the names that another answer told. They are united: a service may
// send only what is new, or all of it again (unknown).
func (f *Folder) absorb(g *Folder) {
	for _, e := range g.Entries {
		f.add(e)
	}
	f.Hidden += g.Hidden
	f.Named = f.Named || g.Named
	f.Asked = g.Asked
}

// files counts the entries that are files.
func (f *Folder) files() (n int) {
	for _, e := range f.Entries {
		if e.Folder == nil {
			n++
		}
	}
	return n
}

// clone copies a folder, so that a load which goes on from it leaves it as it is.
func (f *Folder) clone() *Folder {
	g := &Folder{State: f.State, Offset: f.Offset, Count: f.Count, Asked: f.Asked, Named: f.Named, Hidden: f.Hidden}
	for _, e := range f.Entries {
		if e.Folder != nil {
			e.Folder = e.Folder.clone()
		}
		g.add(e)
	}
	return g
}

// uniteTypes merges the listings of one folder under several files.list types. A
// sub-folder is whole only if it is whole under each of them.
func uniteTypes(byType []*Folder) *Folder {
	all := byType[0]
	for _, f := range byType[1:] {
		all.unite(f)
	}
	return all
}

func (f *Folder) unite(g *Folder) {
	f.State = min(f.State, g.State)
	if f.State == Cut { // the offset holds for one type only
		f.State = Skipped
	}
	f.Named = f.Named || g.Named
	f.Hidden += g.Hidden
	if g.Asked.Before(f.Asked) {
		f.Asked = g.Asked
	}
	for i := range f.Entries {
		if at, ok := g.find(f.Entries[i].Name); f.Entries[i].Folder != nil && (!ok || g.Entries[at].Folder == nil) {
			f.Entries[i].Folder = &Folder{} // the other type told nothing of what is in it
		}
	}
	for _, e := range g.Entries {
		i, ok := f.find(e.Name)
		if ok && e.Folder != nil && f.Entries[i].Folder != nil {
			f.Entries[i].Folder.unite(e.Folder)
			continue
		}
		if e.Folder != nil {
			e.Folder = &Folder{}
		}
		f.add(e)
	}
}

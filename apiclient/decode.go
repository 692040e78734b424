package apiclient

import (
	"strconv"
	"strings"
	"time"
)

// The keys of a folder in an answer that are no sub-folders (files.list page). A
// real folder named __files cannot be told from the first of them.
const (
	keyFiles  = "__files"
	keyLoaded = "__is_loaded"
	keyOffset = "__offset"
	keyCount  = "__file_count"
)

// page is one answer of files.list, read.
type page struct {
	folder *Folder // the asked folder, with all below it that the answer tells
	found  bool    // the answer has a place for the folder, however little it says there
	told   bool    // it says something of the folder there
	marked bool    // it says how much of the folder it tells
	files  int     // files named in the whole answer
	open   bool    // some folder in it is marked, or has to be taken, as not whole
}

// decoder reads one answer.
type decoder struct {
	page
	asked time.Time
	looks int // at values, to tell the wrappers of folders from folders
}

// maxLooks bounds decoder.looks. Lists in lists are looked at on each level, so there are
// answers that would take minutes.
const maxLooks = 10 * maxValues

// decode reads the payload of a files.list answer to a call about path. Nothing is
// made up: what cannot be read of a sub-folder leaves it Skipped, what cannot be
// read of the asked folder is an error.
func decode(data value, path string, asked time.Time) (page, error) {
	d := decoder{asked: asked, page: page{folder: &Folder{Asked: asked}}}
	node, found, err := locate(data, path)
	if err != nil || !found {
		return d.page, err
	}
	d.found = true
	n, ok := d.node(node, path)
	if d.looks > maxLooks {
		d.folder = &Folder{Asked: asked}
		return d.page, malformed("lists in lists that are no listing")
	}
	if !ok {
		return d.page, malformed("the folder is told in a form that is not understood (%s)", node.describe())
	}
	if !n.told && node.kind != kindList && node.kind != kindObject {
		return d.page, malformed("%s instead of the folder's contents", node.describe())
	}
	d.folder, d.told, d.marked = n.Folder, n.told, n.marked
	d.folder.Named = true
	return d.page, nil
}

// node is a folder as one answer shows it.
type node struct {
	*Folder
	told, marked bool
	bad          bool // its marks contradict each other or are not understood
}

// node reads a folder's value. ok is false if nothing could be read of it.
func (d *decoder) node(v value, path string) (n node, ok bool) {
	n = node{Folder: &Folder{Asked: d.asked}}
	switch {
	case v.empty():
		return n, true // nothing is known; see page.told
	case v.kind == kindObject:
		return n, d.object(&n, v, path)
	case v.kind == kindList && d.isChildren(v):
		d.children(&n, v, path)
		return n, true
	case v.kind == kindList:
		for _, item := range v.items {
			switch {
			case item.empty():
			case item.kind == kindObject:
				if !d.object(&n, item, path) {
					return n, false
				}
			case item.kind == kindList && len(v.items) == 1:
				return d.node(item, path)
			case item.kind == kindList && d.isChildren(item):
				d.children(&n, item, path)
			default:
				return n, false
			}
		}
		return n, true
	}
	return n, false
}

// children reads sub-folders named 0, 1, …, which are a list to PHP.
func (d *decoder) children(n *node, v value, path string) {
	for i, item := range v.items {
		d.child(n, itoa(i), item, path)
	}
	n.told = true
}

// isChildren reports whether a list holds sub-folders named by their position,
// rather than being the wrapper that the documented form has around each folder.
func (d *decoder) isChildren(v value) bool {
	if d.isWrapper(v) {
		return false
	}
	lists := 0
	for _, item := range v.items {
		switch {
		case item.kind == kindObject && !numeric(item.keys) && len(item.keys) > 0:
			return false // a folder's own contents
		case item.kind == kindObject || item.kind == kindList:
			if len(item.items) > 0 {
				lists++
			}
		default:
			return false
		}
	}
	return lists > 0
}

// isWrapper reports whether v is the documented one-item list around a folder: the
// item is its object, or a list of sub-folders each of which is wrapped as well.
func (d *decoder) isWrapper(v value) bool {
	if d.looks++; d.looks > maxLooks || !isOneList(v) {
		return false
	}
	item := v.items[0]
	if item.kind == kindObject {
		return true
	}
	for _, sub := range item.items {
		if !d.isWrapper(sub) {
			return false
		}
	}
	return item.kind == kindList && len(item.items) > 0
}

// object reads one object of a folder into n.
func (d *decoder) object(n *node, v value, path string) (ok bool) {
	for i, key := range v.keys {
		item := v.items[i]
		switch key {
		case keyFiles:
			names, ok := fileNames(item, path)
			if !ok {
				return false
			}
			for _, name := range names {
				d.files++
				d.entry(n, Entry{Name: ownName(name, path)})
			}
			n.told = true
		case keyLoaded:
			n.mark(item)
		case keyOffset:
			if offset, ok := item.integer(); ok && offset >= 0 {
				n.Offset = offset
			}
		case keyCount:
			if count, ok := item.integer(); ok && count >= 0 {
				n.Count = count
			}
		default:
			if strings.HasPrefix(key, "__") && item.scalar() {
				continue // a meta key that is not known yet
			}
			d.child(n, ownName(key, path), item, path)
			n.told = true
		}
	}
	return !n.bad
}

// mark takes over __is_loaded: 1, 0 or -1, as a number, string or boolean.
func (n *node) mark(v value) {
	state, ok := Skipped, true
	switch number, isInt := v.integer(); {
	case v.kind == kindNull:
		return
	case v.kind == kindBool && v.truth, isInt && number == 1:
		state = Whole
	case v.kind == kindBool, isInt && number == 0:
	case isInt && number == -1:
		state = Cut
	default:
		ok = false
	}
	if !ok || n.marked && n.State != state {
		n.bad = true
		return
	}
	n.State, n.marked, n.told = state, true, true
}

// child reads a sub-folder and adds it to n.
func (d *decoder) child(n *node, name string, v value, path string) {
	sub, ok := d.node(v, path+"/"+name)
	if !ok {
		sub = node{Folder: &Folder{}, marked: true} // its own call may say more
	}
	// Only an explicit mark makes a sub-folder's contents count; a cut one needs
	// an offset to go on from.
	if !sub.marked || sub.State == Cut && sub.Offset == 0 {
		sub.State = Skipped
	}
	if sub.marked && sub.State != Whole {
		d.open = true
	}
	sub.Named = true
	d.entry(n, Entry{Name: name, Folder: sub.Folder})
}

// entry adds a name to n, unless no file system may show it.
func (d *decoder) entry(n *node, e Entry) {
	if !showable(e.Name) {
		n.Hidden++
		return
	}
	n.add(e)
}

func itoa(i int) string { return strconv.Itoa(i) }

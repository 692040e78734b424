package cache

import (
	"strings"
	"time"
)

const (
	// walkSteps is how many folders in a row, each the next of a walk, make their caller a
	// walker.
	walkSteps = 2
	// walkChildren is how many sub-folders of one folder do, in whatever order: some
	// programs sort by inode number, and some open several at once.
	walkChildren = 4
	// sureSteps is how many steps show that the order of such a caller is the usual one.
	sureSteps = 16
	// maxCounted is of how many folders sub-folders are counted.
	maxCounted = 32
	// pause is how long a walker may take between two folders and still be seen as one by
	// the second: somebody who completes names in a shell takes longer.
	pause = time.Second
	// walkOver is after how long a walker that opens another folder counts as a new caller.
	walkOver = time.Minute
	// maxUseless is how many folders may have been loaded ahead and then passed by.
	maxUseless = 16
)

// trail is what one caller, a process, opened. Its methods are called one at a time.
type trail struct {
	last    string    // the folder that it opened last
	when    time.Time // when that was answered
	waiting int       // opens that are not answered yet
	steps   int       // in a row, each from a folder to the next of a walk

	children map[string]map[string]struct{} // sub-folders opened, by folder, of a caller that is no walker

	walker bool // whether it walks
	any    bool // in an order of its own
	ups    int  // how much more often it went on to a later name than to an earlier one
	floor  int  // how many levels below the root it goes; 0 if that is not known

	statted    string           // the last folder whose files' attributes it used
	attributes int              // how many there were
	unseen     map[string]int64 // loaded ahead and not opened yet: store.grown before that
	failed     map[string]bool  // loaded ahead without success, and not passed yet
	useless    int              // passed by unseen, and not made up for by ones that were not
	quiet      int              // folders that may be opened before looking ahead again
}

// open notes that the caller opens a folder, and reports whether it is a walker by that.
// listing tells the listing of a folder, of any age, or nil.
func (t *trail) open(path string, now time.Time, listing func(string) *Listing) bool {
	t.waiting++
	if path == t.last {
		return t.walker
	}
	if t.walker && t.waiting == 1 && now.Sub(t.when) > walkOver {
		*t = trail{waiting: 1} // whatever it does now, that walk is over
	}
	quick := t.waiting > 1 || now.Sub(t.when) < pause
	switch next, down := t.step(path, listing); {
	case t.last == "":
	case next && quick:
		if t.steps++; !down {
			t.depth(listing)
		}
	case !next && !after(path, t.last):
		t.steps = 0
	}
	if parent, _ := upward(path); strings.HasPrefix(t.last, parent+"/") {
		if t.ups++; !after(path, t.last) {
			t.ups -= 2
		}
	}
	t.last = path
	if strings.Count(path, "/") > t.floor {
		t.floor = 0
	}
	t.pass(path)
	switch {
	case t.walker:
		t.any = t.any && t.steps < sureSteps
	case t.steps >= walkSteps:
		t.walker = true
	case t.count(path):
		t.walker, t.any = true, true
	}
	if t.walker {
		t.children = nil
	}
	return t.walker
}

// answered notes that an open was answered.
func (t *trail) answered(now time.Time) {
	t.waiting--
	t.when = now
}

// active reports whether the caller is still at it.
func (t *trail) active(now time.Time) bool {
	return t.walker && t.useless < maxUseless && (t.waiting > 0 || now.Sub(t.when) < stillWalking)
}

// backward reports whether the caller takes names from the last to the first, as one does
// that keeps them on a stack.
func (t *trail) backward() bool { return t.any && t.ups < 0 }

// step reports whether path is what a walk comes to next, and whether it goes down to it.
func (t *trail) step(path string, listing func(string) *Listing) (next, down bool) {
	parent, name := upward(path)
	in := listing(parent)
	if in == nil {
		return false, false
	}
	if parent == t.last {
		i := in.nextDir(0)
		return i < in.Len() && in.Name(i) == name, true
	}
	below, ok := strings.CutPrefix(t.last, parent+"/")
	if !ok {
		return false, false
	}
	below, _, _ = strings.Cut(below, "/")
	i, ok := in.Find(below)
	if !ok {
		return false, false
	}
	i = in.nextDir(i + 1)
	return i < in.Len() && in.Name(i) == name, false
}

// depth notes how deep the walk goes. One that goes on beside a folder whose sub-folders it
// knows, but did not go into, stays above them.
func (t *trail) depth(listing func(string) *Listing) {
	if in := listing(t.last); in != nil && in.Folders() > 0 && !t.any {
		t.floor = strings.Count(t.last, "/")
	}
}

// count notes that a sub-folder was opened, and reports whether so many of its folder were
// that the caller walks.
func (t *trail) count(path string) bool {
	parent, name := upward(path)
	if t.children[parent] == nil {
		if len(t.children) >= maxCounted || t.children == nil {
			t.children = make(map[string]map[string]struct{})
		}
		t.children[parent] = make(map[string]struct{}, walkChildren)
	}
	t.children[parent][name] = struct{}{}
	return len(t.children[parent]) >= walkChildren
}

// pass notes that the walk has come to path: it has seen that, and does not come back to
// what lies before it.
func (t *trail) pass(path string) {
	if _, ok := t.unseen[path]; ok {
		delete(t.unseen, path)
		t.useless = max(t.useless-1, 0)
	}
	if t.any {
		return
	}
	for ahead := range t.unseen {
		if !after(ahead, path) {
			delete(t.unseen, ahead)
			t.useless++
		}
	}
	for ahead := range t.failed {
		if !after(ahead, path) {
			delete(t.failed, ahead)
		}
	}
}

// after reports whether a walk, folders in the order of their names and each before what
// is in it, comes to a after b.
func after(a, b string) bool {
	for i := range min(len(a), len(b)) {
		switch {
		case a[i] == b[i]:
		case a[i] == '/' || b[i] == '/':
			return b[i] == '/'
		default:
			return a[i] > b[i]
		}
	}
	return len(a) > len(b)
}

// upward returns the folder that a path is in, and its name there.
func upward(path string) (parent, name string) {
	i := strings.LastIndexByte(path, '/')
	return path[:max(i, 0)], path[i+1:]
}

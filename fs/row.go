package fs

import (
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"sefs/cache"
)

const (
	// rowLength is how many files have to be read in order for a row.
	rowLength = 3
	// rowGap is how far apart, in the folder's order, files of a row may be: a backup leaves
	// out what did not change.
	rowGap = 16
	// disorder is how far behind the furthest file others of the row may come: of parallel
	// readers, each is at another.
	disorder = 16
	// firstWindow is how many files are expected when a row is recognised, fewestAhead where
	// most of those expected are left out.
	firstWindow, fewestAhead = 4, 2
)

// reading is a file that a caller begins to read; the zero value says that it has gone.
type reading struct {
	folder, name string
	ino          uint64
}

// row is what one caller reads, file after file. Its methods are safe for concurrent use;
// all but tell run in one goroutine at a time.
type row struct {
	tree *tree
	idle time.Duration

	// mu protects what follows.
	mu    sync.Mutex
	queue []reading // not looked at yet
	busy  bool      // whether a goroutine is looking

	// Only that goroutine touches what follows.
	over    *time.Timer // ends the row
	order   *order      // of the folder that is read from
	at      int         // the furthest file's place in it
	length  int         // how many files were read in order; rowLength at most
	left    [4]string   // folders that were read from before
	late    int         // how many files in a row were of those
	sorted  int         // how often it was looked whether the folder is read by inode numbers
	numbers [4]uint64   // inode numbers of the last files, the last one last
	course  course
	window  int // how many files to expect
	pending []pending
}

// pending is a file that is expected to be read next.
type pending struct {
	order  *order // of its folder
	name   string
	file   *cache.Expected
	passed int // how many were read that come later
}

// maxQueue bounds how many files may wait to be looked at. More are read only if they
// are in memory.
const maxQueue = 256

func newRow(t *tree, idle time.Duration) *row { return &row{tree: t, idle: idle} }

// tell notes what is read. It does not wait.
func (r *row) tell(f reading) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) >= maxQueue {
		return
	}
	r.queue = append(r.queue, f)
	if !r.busy {
		r.busy = true
		go r.look()
	}
}

// look looks at what was read.
func (r *row) look() {
	defer r.rescue()
	for {
		r.mu.Lock()
		queue := r.queue
		r.queue = nil
		r.busy = len(queue) > 0
		r.mu.Unlock()
		if len(queue) == 0 {
			return
		}
		for _, f := range queue {
			r.next(f)
		}
		if r.length >= rowLength {
			r.expect()
		}
	}
}

// rescue ends the row, and not the process, if looking panicked: nothing is expected of it
// any more, and what it is told from then on only fills its queue.
func (r *row) rescue() {
	if p := recover(); p != nil {
		r.tree.opts.Log.Error("a row of files panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		r.withdraw(len(r.pending))
	}
}

// next takes a file that is read into the row.
func (r *row) next(f reading) {
	if f == (reading{}) {
		r.end()
		return
	}
	if r.over == nil {
		r.over = time.AfterFunc(r.idle, func() { r.tell(reading{}) })
	} else {
		r.over.Reset(r.idle)
	}
	copy(r.numbers[:], r.numbers[1:])
	r.numbers[len(r.numbers)-1] = f.ino
	if !r.came(f) {
		r.follows(f)
	}
}

// end ends the row: nothing of it is expected any more.
func (r *row) end() {
	r.withdraw(len(r.pending))
	r.order, r.length, r.left, r.numbers = nil, 0, [4]string{}, [4]uint64{}
}

// withdraw gives up the first n files that are pending.
func (r *row) withdraw(n int) {
	for _, p := range r.pending[:n] {
		p.file.Withdraw()
	}
	r.pending = append([]pending(nil), r.pending[n:]...)
}

// came takes a file that was expected, and reports whether it was.
func (r *row) came(f reading) bool {
	for i, p := range r.pending {
		if p.name != f.name || p.order.path != f.folder {
			continue
		}
		p.file.Arrived()
		r.pending = append(r.pending[:i], r.pending[i+1:]...)
		r.window = min(2*r.window, r.tree.opts.Blocks.MaxExpected())
		r.pass(i)
		if r.order.path != f.folder {
			r.enter(p.order)
		}
		if at, ok := r.order.place(f); ok {
			r.at = max(r.at, at)
		}
		return true
	}
	return false
}

// pass notes that the first n pending files were left out, and gives up those that were
// for long: the row expects fewer then.
func (r *row) pass(n int) {
	kept := r.pending[:0]
	for i, p := range r.pending {
		if i < n {
			p.passed++
		}
		if p.passed <= disorder {
			kept = append(kept, p)
			continue
		}
		p.file.Withdraw()
		r.window = max(r.window/2, fewestAhead)
	}
	clear(r.pending[len(kept):])
	r.pending = kept
}

// follows takes a file that was not expected: the row goes on with it, or begins.
func (r *row) follows(f reading) {
	if r.order == nil || r.order.path != f.folder {
		r.moves(f)
		return
	}
	at, ok := r.order.place(f)
	switch step := at - r.at; {
	case !ok || step <= 0 && step >= -disorder:
		return // of a listing that is gone, or late
	case step > 0 && step <= rowGap:
		r.at = at
		r.length = min(r.length+1, rowLength)
		r.pass(len(r.pending))
	default:
		r.restart(at)
	}
	if r.length < rowLength {
		r.numbered(f)
	}
}

// restart begins a row anew, at a place in the folder.
func (r *row) restart(at int) {
	r.withdraw(len(r.pending))
	r.at, r.length, r.window = at, 1, firstWindow
	r.course = course{mixed: r.course.mixed}
}

// moves takes a file of another folder. A row goes on there if it begins at the folder's
// beginning; else another one may begin.
func (r *row) moves(f reading) {
	if slices.Contains(r.left[:], f.folder) && r.length >= rowLength && !r.course.mixed && r.late < disorder {
		r.late++ // one of parallel readers
		return
	}
	order := r.ordered(f.folder)
	if order == nil {
		return
	}
	at, ok := order.place(f)
	if !ok {
		return
	}
	if r.length >= rowLength && order.files(at) <= rowGap {
		if sub := order.under(r.order); sub != "" && r.order.filesBetween(r.at, sub) {
			r.course.mixed = true
		}
		r.pass(len(r.pending))
		r.enter(order)
		r.at = at
		r.course.set(order, at+1)
		return
	}
	r.enter(order)
	r.restart(at)
	r.numbers = [4]uint64{len(r.numbers) - 1: f.ino}
}

// enter goes on to another folder.
func (r *row) enter(o *order) {
	if r.order != nil {
		copy(r.left[:], r.left[1:])
		r.left[len(r.left)-1] = r.order.path
	}
	r.order, r.at, r.late, r.sorted = o, -1, 0, 0
}

// ordered returns the order of a folder's files as far as it is known: by their numbers
// where the row goes by those.
func (r *row) ordered(path string) *order {
	o := newOrder(r.tree, path)
	if o != nil && r.order != nil && r.order.numbers != nil && r.length >= rowLength {
		o = o.byNumber()
	}
	return o
}

// numbered looks whether the files are read in the order of their inode numbers.
func (r *row) numbered(f reading) {
	const tries = 3 // it costs a sort
	if r.order.numbers != nil || r.numbers[0] == 0 || r.sorted >= tries {
		return
	}
	for i, n := range r.numbers[1:] {
		if n <= r.numbers[i] {
			return
		}
	}
	r.sorted++
	o := r.order.byNumber()
	first, last := o.number(r.numbers[0]), o.number(f.ino)
	if last-first > rowGap*(len(r.numbers)-1) {
		return
	}
	r.order = o
	r.restart(last)
	r.length = rowLength
}

// expect asks for the files that come next.
func (r *row) expect() {
	r.course.pass(r.order, r.at)
	for steps := 0; len(r.pending) < r.window && steps < maxSteps; steps++ {
		o, i, ok := r.course.file(r.tree)
		if !ok {
			return
		}
		attr, _, known := r.tree.listings.KnownAttr(o.path, o.listing, i)
		if !known {
			return
		}
		name := o.listing.Name(i)
		if attr.Size > 0 {
			v := cache.NewVersion(o.path+"/"+name, attr)
			file, ok := r.tree.opts.Blocks.Expect(v, attr.Size <= smallFile)
			if !ok {
				return // no room
			}
			if file != nil {
				r.pending = append(r.pending, pending{order: o, name: name, file: file})
			}
		}
		r.course.next++
	}
}

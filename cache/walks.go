package cache

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

const (
	// maxTrails is how many callers are followed, and maxPassed how many folders it is
	// remembered of that a walker passed them.
	maxTrails, maxPassed = 64, 1024
	// stillWalking is how long after its last folder a walker is still loaded ahead for.
	stillWalking = 2 * time.Second
	// attributesUsed is after how many folders whose attributes it used a walker gets
	// those of the next ones ahead.
	attributesUsed = 2
)

// walks finds out which callers walk the tree, and loads ahead of them. It is safe for
// concurrent use.
type walks struct {
	listings *Listings
	limit    int // loads ahead at a time; 0 switches all of it off

	// mu protects what follows. It may be taken with no other mutex held.
	mu       sync.Mutex
	trails   *simplelru.LRU[int, *trail]
	passed   *simplelru.LRU[string, *trail] // folders that walkers opened
	running  int                            // loads ahead
	failures int                            // of them, in a row
	broken   time.Time                      // nothing is loaded ahead before
}

func newWalks(l *Listings) *walks {
	trails, err := simplelru.NewLRU[int, *trail](maxTrails, nil)
	if err != nil {
		panic(err) // only a size below one is refused
	}
	passed, err := simplelru.NewLRU[string, *trail](maxPassed, nil)
	if err != nil {
		panic(err)
	}
	return &walks{listings: l, limit: l.opts.Ahead, trails: trails, passed: passed}
}

// Open is Get for a caller that goes through folders, such as a process that opens them:
// where it walks, what it will come to is loaded ahead. 0 is a caller that is not known.
func (l *Listings) Open(ctx context.Context, path string, caller int) (*Listing, error) {
	t := l.walks.open(path, caller)
	if t == nil {
		return l.get(ctx, path, 0, false)
	}
	v, err := l.get(ctx, path, 0, l.walks.began(t, path))
	l.walks.answered(t)
	return v, err
}

// open notes that a caller opens a folder.
func (w *walks) open(path string, caller int) *trail {
	if w.limit == 0 || caller == 0 {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	t, ok := w.trails.Get(caller)
	if !ok {
		t = &trail{}
		w.trails.Add(caller, t)
	}
	if t.open(path, w.listings.opts.Now(), w.listings.Known) {
		w.passed.Add(path, t)
	}
	return t
}

// began reports whether the caller walks, and loads ahead if it does: it may have to wait.
func (w *walks) began(t *trail, path string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.listings.fresh(path) == nil {
		t.quiet = 0
		w.lookAhead(t)
	}
	return t.walker
}

// answered notes that an open was answered, and loads ahead.
func (w *walks) answered(t *trail) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t.answered(w.listings.opts.Now())
	w.lookAhead(t)
}

// stat notes that attributes of a folder's files were asked for.
func (w *walks) stat(path string) {
	if w.limit == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	t, ok := w.passed.Peek(path)
	if !ok || t.statted == path {
		return
	}
	t.statted = path
	t.attributes++
	if t.attributes == attributesUsed {
		t.quiet = 0
	}
	w.lookAhead(t)
}

// by reports whether a walker came by the folder at path a short while ago.
func (w *walks) by(path string) bool {
	if w.limit == 0 {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	t, ok := w.passed.Peek(path)
	return ok && w.listings.opts.Now().Sub(t.when) < walkOver
}

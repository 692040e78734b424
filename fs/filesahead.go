package fs

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

const (
	// maxRows is how many callers are watched at once.
	maxRows = 32
	// rowIdle is how long a caller may read nothing new before its row ends. A player that
	// goes from one file to the next takes longer, a backup of small files does not.
	rowIdle = 5 * time.Second
)

// filesAhead watches which files callers read. Where one reads the files of a folder one
// after another, as backups do, the next ones are asked for before they are opened. It is
// safe for concurrent use.
type filesAhead struct {
	tree *tree
	idle time.Duration

	// mu protects rows.
	mu   sync.Mutex
	rows *simplelru.LRU[int, *row] // by caller
}

func newFilesAhead(t *tree) *filesAhead {
	rows, err := simplelru.NewLRU(maxRows, func(_ int, r *row) { r.tell(reading{}) })
	if err != nil {
		panic(err) // only a size below one is refused
	}
	return &filesAhead{tree: t, idle: rowIdle, rows: rows}
}

// reads notes that a caller begins to read a file that the kernel has no pages of. It
// waits for nothing.
func (a *filesAhead) reads(caller int, path string, ino uint64) {
	if caller == 0 || !a.tree.opts.Prefetch {
		return
	}
	a.mu.Lock()
	r, ok := a.rows.Get(caller)
	if !ok {
		r = newRow(a.tree, a.idle)
		a.rows.Add(caller, r)
	}
	a.mu.Unlock()
	folder, name := split(path)
	r.tell(reading{folder, name, ino})
}

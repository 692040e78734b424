package cache

import (
	"log/slog"
	"sync"
)

// Memory is the one budget in bytes for all that is kept: what is known of folders, and
// blocks of contents. Either may use all of it while the other does not want it; when
// both do, each keeps half. It is safe for concurrent use.
type Memory struct {
	budget int64
	log    *slog.Logger

	// mu protects what follows, and all that the two keep.
	mu      sync.Mutex
	folders hoard
	blocks  hoard
}

// hoard is a part of what is kept, in order of use. Its methods are called with the
// mutex of the memory held.
type hoard interface {
	size() int64      // in bytes
	dropOldest() bool // false if there is nothing that may go
}

// NewMemory returns a budget of so many bytes. log gets what a user may want to change;
// nil means nowhere.
func NewMemory(budget int64, log *slog.Logger) *Memory {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Memory{budget: budget, log: log, folders: nothing{}, blocks: nothing{}}
}

// fit drops what was used longest ago, of that which takes more than half, until the
// budget holds. It is called with mu held. What is being loaded cannot go: those who load
// see to it that it is not much.
func (m *Memory) fit() {
	for m.folders.size()+m.blocks.size() > m.budget {
		half := m.budget / 2
		switch {
		case m.blocks.size() > half && m.blocks.dropOldest():
		case m.folders.size() > half && m.folders.dropOldest():
		case m.folders.size() > half && m.blocks.dropOldest(): // one listing is that large
		default:
			return
		}
	}
}

// Budget is the budget in bytes.
func (m *Memory) Budget() int64 { return m.budget }

// Used is how many bytes of the budget are in use.
func (m *Memory) Used() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.folders.size() + m.blocks.size()
}

// nothing is a hoard that keeps nothing.
type nothing struct{}

func (nothing) size() int64      { return 0 }
func (nothing) dropOldest() bool { return false }

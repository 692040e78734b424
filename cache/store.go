package cache

import (
	"log/slog"
	"math"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"sefs/apiclient"
)

// store keeps what is known of folders, by their paths, within a budget in bytes.
// It is safe for concurrent use.
type store struct {
	budget int64
	log    *slog.Logger

	// mu protects what follows.
	mu      sync.Mutex
	slots   *simplelru.LRU[string, slot] // bounded by bytes, not by its own count
	bytes   int64
	entries int64
}

// slot is what is kept of one folder: its listing, fresh or not, or what an answer
// about another folder told of the beginning of it, or both.
type slot struct {
	listing *Listing
	start   *apiclient.Folder
}

func newStore(budget int64, log *slog.Logger) *store {
	slots, err := simplelru.NewLRU[string, slot](math.MaxInt, nil)
	if err != nil {
		panic(err) // only a size below one is refused
	}
	return &store{budget: budget, log: log, slots: slots}
}

// get returns what is kept of the folder at path, and marks it as used.
func (s *store) get(path string) slot {
	s.mu.Lock()
	defer s.mu.Unlock()
	have, _ := s.slots.Get(path)
	return have
}

// peek is get without marking.
func (s *store) peek(path string) slot {
	s.mu.Lock()
	defer s.mu.Unlock()
	have, _ := s.slots.Peek(path)
	return have
}

// update replaces what is kept of path by what change makes of it. What was used
// longest ago goes until the budget holds; a slot that is larger than the whole
// budget stays alone until another comes.
func (s *store) update(path string, change func(slot) slot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, _ := s.slots.Peek(path)
	s.count(path, old, -1)
	now := change(old)
	if now == (slot{}) {
		s.slots.Remove(path)
		return
	}
	s.slots.Add(path, now)
	s.count(path, now, 1)
	if size := now.bytes(path); size > s.budget/2 && now.listing != old.listing {
		s.log.Warn("a listing takes more than half of the memory budget; raise --memory",
			"path", path, "bytes", size, "budget", s.budget)
	}
	for s.bytes > s.budget && s.slots.Len() > 1 {
		path, oldest, _ := s.slots.RemoveOldest()
		s.count(path, oldest, -1)
	}
}

// count adds (sign 1) or removes (-1) a slot's share of the totals.
func (s *store) count(path string, v slot, sign int64) {
	s.bytes += sign * v.bytes(path)
	if v.listing != nil {
		s.entries += sign * int64(v.listing.Len())
	}
}

func (s *store) totals() (folders int, entries, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.slots.Len(), s.entries, s.bytes
}

// bytes is what a slot takes in memory, about, its path and its place in the LRU
// included; nothing for the empty slot.
func (v slot) bytes(path string) int64 {
	const place = 250 // list element, map entry
	if v == (slot{}) {
		return 0
	}
	size := place + int64(len(path))
	if v.listing != nil {
		size += v.listing.bytes()
	}
	return size + startBytes(v.start)
}

func startBytes(f *apiclient.Folder) int64 {
	const folder, entry = 160, 90 // structs, map and slice places
	if f == nil {
		return 0
	}
	size := int64(folder)
	for _, e := range f.Entries {
		size += entry + int64(len(e.Name)) + startBytes(e.Folder)
	}
	return size
}

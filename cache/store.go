package cache

import (
	"math"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"sefs/apiclient"
)

// store keeps what is known of folders, by their paths, in its part of the memory. It
// is safe for concurrent use.
type store struct {
	memory *Memory

	// memory.mu protects what follows.
	slots   *simplelru.LRU[string, slot] // bounded by bytes, not by its own count
	bytes   int64
	entries int64
	content int64 // bytes of all files whose sizes are known
	came    int64 // bytes that were added at all
}

// slot is what is kept of one folder: its listing, fresh or not, what an answer about
// another folder told of the beginning of it, and the attributes of its files.
type slot struct {
	listing *Listing
	start   *apiclient.Folder
	attrs   *Attrs
}

func newStore(memory *Memory) *store {
	slots, err := simplelru.NewLRU[string, slot](math.MaxInt, nil)
	if err != nil {
		panic(err) // only a size below one is refused
	}
	s := &store{memory: memory, slots: slots}
	memory.mu.Lock()
	defer memory.mu.Unlock()
	memory.folders = s
	return s
}

// get returns what is kept of the folder at path, and marks it as used, and the folders
// above it as used later: so what goes is a subtree that nobody uses, from its far end.
func (s *store) get(path string) slot {
	s.memory.mu.Lock()
	defer s.memory.mu.Unlock()
	have, _ := s.slots.Get(path)
	for above, _ := upward(path); above != ""; above, _ = upward(above) {
		s.slots.Get(above)
	}
	return have
}

// peek is get without marking.
func (s *store) peek(path string) slot {
	s.memory.mu.Lock()
	defer s.memory.mu.Unlock()
	have, _ := s.slots.Peek(path)
	return have
}

// update replaces what is kept of path by what change makes of it. What was used
// longest ago goes until the budget holds; a slot that is larger than the whole
// budget stays alone until another comes.
func (s *store) update(path string, change func(slot) slot) {
	m := s.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	old, _ := s.slots.Peek(path)
	before := s.bytes
	s.count(path, old, -1)
	now := change(old)
	if now == (slot{}) {
		s.slots.Remove(path)
		return
	}
	s.slots.Add(path, now)
	s.count(path, now, 1)
	s.came += max(s.bytes-before, 0)
	if size := now.bytes(path); size > m.budget/2 && now.listing != old.listing {
		m.log.Warn("a listing takes more than half of the memory budget; raise --memory",
			"path", path, "bytes", size, "budget", m.budget)
	}
	m.fit()
}

// grown is how many bytes were added to the store since it was made.
func (s *store) grown() int64 {
	s.memory.mu.Lock()
	defer s.memory.mu.Unlock()
	return s.came
}

// size and dropOldest make the store a hoard.
func (s *store) size() int64 { return s.bytes }

func (s *store) dropOldest() bool {
	if s.slots.Len() <= 1 {
		return false
	}
	path, oldest, _ := s.slots.RemoveOldest()
	s.count(path, oldest, -1)
	return true
}

// count adds (sign 1) or removes (-1) a slot's share of the totals.
func (s *store) count(path string, v slot, sign int64) {
	s.bytes += sign * v.bytes(path)
	if v.listing != nil {
		s.entries += sign * int64(v.listing.Len())
	}
	if v.attrs != nil {
		s.content += sign * v.attrs.total
	}
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
	if v.attrs != nil {
		size += v.attrs.bytes(v.listing)
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

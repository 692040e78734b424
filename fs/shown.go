package fs

// shown knows which versions of a folder's listing the kernel may have in its cache.
//
// The kernel fills that cache from what handles read from the beginning on, in the order
// in which the replies arrive, which is not known here. So as long as a handle is open
// that began with another version than the last one to begin, the cache may hold either.
// The zero value is a folder that was never read.
type shown struct {
	filled bool           // whether anything was read from its beginning
	last   uint64         // the version that the last handle began with
	mixed  bool           // whether the cache may hold another version than last
	open   map[uint64]int // handles that have begun, by version
}

// opened reports, for an open that finds the folder's listing to be of a version,
// whether the kernel's cache has to be dropped.
func (s *shown) opened(version uint64) (drop bool) {
	drop = s.mixed || s.filled && s.last != version
	if drop {
		// A handle with another version may still be filling it, after the drop.
		s.mixed = s.others(version)
		s.filled = s.mixed
	}
	return drop
}

// begun notes that a handle begins to show a version.
func (s *shown) begun(version uint64) {
	if s.open == nil {
		s.open = make(map[uint64]int)
	}
	s.mixed = s.mixed || s.filled && s.last != version || s.others(version)
	s.open[version]++
	s.filled, s.last = true, version
}

// left notes that a handle shows a version no more.
func (s *shown) left(version uint64) {
	if s.open[version]--; s.open[version] <= 0 {
		delete(s.open, version)
	}
}

// others reports whether a handle is open that began with another version.
func (s *shown) others(version uint64) bool {
	return len(s.open) > 1 || len(s.open) == 1 && s.open[version] == 0
}

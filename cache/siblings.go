package cache

// siblings are the sub-folders of a folder whose listing counts, by their places. They
// are looked at with sweeps.mu held.
type siblings struct {
	*Listings
	path    string // of the parent
	listing *Listing
	parent  *sweptParent
}

// sibling is how much is known of a sub-folder.
type sibling int

const (
	unknownSibling sibling = iota
	emptySibling           // it is known that there is no file in it nor below it
	knownSibling           // its listing is, or the beginning of it, or it is asked for by itself
)

func (b siblings) child(place int) string { return b.path + "/" + b.listing.folderAt(place) }

// at returns how much is known of the sub-folder at a place, and its listing if there is
// one.
func (b siblings) at(place int) (sibling, *Listing) {
	have := b.store.peek(b.child(place))
	switch {
	case have.listing != nil && b.Life(have.listing) > 0:
		if b.size(b.child(place), have.listing, 1) == 0 {
			return emptySibling, have.listing
		}
		return knownSibling, have.listing
	case have.start != nil && b.life(have.start.Asked) > 0:
		return knownSibling, nil
	}
	for _, lane := range b.parent.lanes {
		if lane.place == place && b.loads.flying(lane.path) {
			return knownSibling, nil
		}
	}
	return unknownSibling, nil
}

// size returns how many files an answer names for a folder and all below it, up to a
// limit. What is not known of it may be very many.
func (b siblings) size(path string, listing *Listing, limit int) int {
	n := listing.files()
	for i := 0; i < listing.Len() && n < limit; i++ {
		if !listing.IsDir(i) {
			continue
		}
		sub := path + "/" + listing.Name(i)
		below := b.fresh(sub)
		if below == nil {
			return limit
		}
		n += b.size(sub, below, limit-n)
	}
	return min(n, limit)
}

// plan returns a sweep that brings the sub-folder at a place, or from which others go on
// until one does; nil if the sub-folder is to be listed by itself.
func (b siblings) plan(place int) *sweep {
	// The folder to begin at is the last that is known before. Those without any file come
	// again for nothing.
	var first *Listing
	from := place - 1
	for ; from >= max(0, place-maxSweeps*sweepFiles); from-- {
		if have, listing := b.at(from); have == knownSibling {
			if first = listing; first == nil || first.files() == 0 {
				return nil
			}
			break
		}
	}
	s := &sweep{path: b.path, listing: b.listing, place: from, first: first}
	switch {
	case from < 0:
		if b.listing.own || b.listing.files() > sweepFiles/2 || b.sweeps.plain >= 2 {
			return nil // it would bring nothing, or did not elsewhere
		}
		s.count = int(float64(sweepFiles-b.listing.files()) / b.usual())
	case first == nil:
		return nil
	default:
		s.files = b.listing.order.filesFirst != b.sweeps.turned
		if s.offset = int64(from); s.files {
			s.offset += int64(b.listing.files())
		}
		room := sweepFiles - b.size(b.child(from), first, sweepFiles)
		s.count = int(float64(room) / b.average(from))
	}
	if s.count = min(s.count, sweepFiles); s.count < 2 || b.parent.from[from] || from >= 0 && s.offset == 0 {
		return nil // an offset of 0 proves nothing
	}
	b.reach(s)
	if place >= s.end || place > s.place+maxSweeps*s.count {
		return nil
	}
	return s
}

// usual is how many files the folders have that came last.
func (b siblings) usual() float64 {
	if b.sweeps.files == 0 {
		return usualFiles
	}
	return b.sweeps.files
}

// average returns how many files the sub-folders have that are known, of those up to a
// place.
func (b siblings) average(from int) float64 {
	files, folders := 0, 0
	for at := from; at >= 0 && at > from-maxSiblings && folders < maxSample; at-- {
		if listing := b.fresh(b.child(at)); listing != nil {
			files += b.size(b.child(at), listing, sweepFiles)
			folders++
		}
	}
	return max(float64(files)/float64(folders), 1./maxSample)
}

// reach sets until and end of a sweep. One that cannot bring two folders reaches nothing.
func (b siblings) reach(s *sweep) {
	places, left := b.listing.Folders(), 0
	s.end = min(places, s.place+1+maxSiblings)
	s.until = s.end
	for at := s.place + 1; at < s.end; at++ {
		switch have, _ := b.at(at); have {
		case knownSibling:
			s.end = at
		case unknownSibling:
			if left++; left == s.count {
				s.until = at + 1
			}
		}
	}
	if s.until = min(s.until, s.end); left < 2 {
		s.until, s.end = s.place, s.place
	}
}

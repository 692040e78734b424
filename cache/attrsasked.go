package cache

import (
	"context"

	"sefs/apiclient"
)

const (
	// maxBelow is how many entries an answer about a folder and those in it is expected to
	// tell of at most. Each is a few hundred bytes, and the caller waits for all of them.
	maxBelow = 20_000
	// maxUnasked is the same where nothing shows that the folders beside are of interest.
	maxUnasked = 2_000
	// guessedEntries is what a sub-folder counts for while no listing of one beside it is
	// known: much, as asking for the folder by itself first costs one call at most.
	guessedEntries = 300
)

// levels is how many levels of sub-folders are asked for with a folder's own files.
func (l *Listings) levels(path string, listing *Listing) int {
	if entries, _ := l.below(path, listing); entries > maxBelow || l.failedForAll(path) {
		return 0
	}
	return 1
}

// beside returns the folder above path, if asking for the files of all that are in it
// will do for path and is worth it. A walk that comes down asks so. It is asked for once,
// whatever comes of it.
func (l *Listings) beside(path string) (parent string, ok bool) {
	if path == l.opts.Root {
		return "", false
	}
	parent, _ = upward(path)
	above := l.store.peek(parent)
	known := above.attrs != nil && l.life(above.attrs.asked) > 0
	if known && above.attrs.below || above.listing == nil || above.listing.Folders() < 2 || l.failedForAll(parent) {
		return "", false
	}
	entries, asked := l.below(parent, above.listing)
	return parent, entries <= maxUnasked || entries <= maxBelow && (known || asked)
}

// below is how many entries a folder and its sub-folders have, about; more than maxBelow
// if they are surely too many. asked is whether attributes in any of them are known.
// Sub-folders that are not known count as much as those that are do on average.
func (l *Listings) below(path string, listing *Listing) (entries int, asked bool) {
	if entries = listing.Len(); entries > maxBelow || listing.Folders() == 0 {
		return entries, false
	}
	known, inside := 0, 0
	for i := range listing.Len() {
		if !listing.IsDir(i) {
			continue
		}
		sub := l.store.peek(path + "/" + listing.Name(i))
		asked = asked || sub.attrs != nil && l.life(sub.attrs.asked) > 0
		if sub.listing == nil {
			continue
		}
		known++
		if inside += sub.listing.Len(); entries+inside > maxBelow {
			return entries + inside, asked
		}
	}
	if known == 0 {
		return entries + guessedEntries*listing.Folders(), asked
	}
	return entries + inside*listing.Folders()/known, asked
}

// failedBelow notes that a load of attributes failed that was about sub-folders too: that
// may be the reason. Until the TTL is over, each folder is asked for by itself then.
func (l *Listings) failedBelow(path string, err error) {
	if !apiclient.FailedAhead(err) {
		l.failures.remember(belowKey(path), err, l.opts.Now(), l.opts.TTL)
	}
}

func (l *Listings) failedForAll(path string) bool {
	return l.failures.recent(belowKey(path), l.opts.Now()) != nil
}

func belowKey(path string) string { return path + "\x00below" }

// attrsKnown reports whether attributes of the files in the folder at path are in memory
// and count.
func (l *Listings) attrsKnown(path string) bool {
	attrs := l.store.peek(path).attrs
	return attrs != nil && l.life(attrs.asked) > 0
}

// attrsAhead returns the load, and its key, that a stat of a file in the folder at path
// would wait for; none where nothing is to be asked: the listing is not known, it has no
// files, their attributes are known, or the load failed a short while ago. What it brings
// may be of other folders only.
func (l *Listings) attrsAhead(path string) (key string, load func(context.Context) (any, error)) {
	listing := l.store.peek(path).listing
	if l.opts.Describer == nil || listing == nil || l.Life(listing) <= 0 || listing.Folders() == listing.Len() || l.attrsKnown(path) {
		return "", nil
	}
	of, levels := path, 1
	if parent, ok := l.beside(path); ok {
		of = parent
	} else {
		levels = l.levels(path, listing)
	}
	key = attrsKey(of)
	if l.failures.recent(key, l.opts.Now()) != nil {
		return "", nil
	}
	return key, l.attrsLoad(of, levels, func(a *Attrs) bool { return of == path || a.below })
}

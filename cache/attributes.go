package cache

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sefs/apiclient"
)

// maxSingles is how many files of a folder may be missing from v1's answer and be
// asked for one by one; if more are, the answer is taken as cut.
const maxSingles = 100

// Attr returns what v1 says of file i of the listing of the folder at path, and for
// how long that counts. It makes one call for all files of a folder that are asked
// about within the TTL, and one for each file that the folder's answer does not tell of.
// A file that v1 does not know has the size UnknownSize.
func (l *Listings) Attr(ctx context.Context, path string, listing *Listing, i int) (apiclient.Attr, time.Duration, error) {
	if l.opts.Describer == nil {
		return apiclient.Attr{Size: apiclient.UnknownSize}, l.Life(listing), nil
	}
	l.walks.stat(path)
	name := listing.Name(i)
	attrs, err := l.attrsOf(ctx, path, listing)
	if err != nil {
		return apiclient.Attr{}, 0, err
	}
	attr, ok := attrs.Lookup(name)
	if !ok && (attrs.asking != byItself || attrs.asked.Before(listing.asked)) {
		// Told with another folder's, perhaps in part, or older than the name itself.
		asked := listing.asked
		attrs, err = l.attrs(ctx, path, 0, func(a *Attrs) bool { return a.asking == byItself && !a.asked.Before(asked) })
		if err != nil {
			return apiclient.Attr{}, 0, err
		}
		attr, ok = attrs.Lookup(name)
	}
	if !ok {
		if n := attrs.missing(listing); n > maxSingles {
			return apiclient.Attr{}, 0, fmt.Errorf("v1 files %q: the answer does not tell of %d files, so it is taken as cut", path, n)
		}
		attr, err = l.single(ctx, path, name)
	}
	return attr, min(l.life(attrs.asked), l.Life(listing)), err
}

// KnownAttr is Attr of what is in memory and counts, without a call.
func (l *Listings) KnownAttr(path string, listing *Listing, i int) (apiclient.Attr, time.Duration, bool) {
	attrs := l.store.peek(path).attrs
	if attrs == nil {
		return apiclient.Attr{}, 0, false
	}
	left := l.life(attrs.asked)
	if left <= 0 {
		return apiclient.Attr{}, 0, false
	}
	attr, ok := attrs.Lookup(listing.Name(i))
	if ok {
		l.usedAttrs(path, attrs, left)
	}
	return attr, min(left, l.Life(listing)), ok
}

// attrsOf returns the attributes of a folder's files, loaded with those of the folders
// beside it or below it where that costs no more calls.
func (l *Listings) attrsOf(ctx context.Context, path string, listing *Listing) (*Attrs, error) {
	if have := l.store.get(path).attrs; have != nil {
		if left := l.life(have.asked); left > 0 {
			l.usedAttrs(path, have, left)
			return have, nil
		}
	}
	if parent, ok := l.beside(path); ok {
		// What comes of it shows in memory. What fails is tried by the folder itself, or has
		// failed for this caller.
		_, _ = l.freshAttrs(ctx, parent, 1, l.store.peek(path).attrs, func(a *Attrs) bool { return a.below })
	}
	return l.attrs(ctx, path, l.levels(path, listing), func(*Attrs) bool { return true })
}

// attrs returns the attributes of a folder's files that will do: those in memory while
// they are younger than the TTL, else loaded; or older ones in place of a passing error,
// if they are not too old for it.
func (l *Listings) attrs(ctx context.Context, path string, levels int, do func(*Attrs) bool) (*Attrs, error) {
	attrs, err := l.freshAttrs(ctx, path, levels, l.store.peek(path).attrs, do)
	if err == nil || errors.Is(err, ctx.Err()) { // or the caller left
		return attrs, err
	}
	if old := l.store.peek(path).attrs; old != nil && l.standsIn(old.asked, err) {
		l.shownStale(attrsKey(path), err)
		return old, nil
	}
	return nil, err
}

// freshAttrs is attrs without older ones. If the caller has some, it may be told to take them
// before the load ends; see share.
func (l *Listings) freshAttrs(ctx context.Context, path string, levels int, older *Attrs, do func(*Attrs) bool) (*Attrs, error) {
	if have := l.store.get(path).attrs; have != nil && l.life(have.asked) > 0 && do(have) {
		return have, nil
	}
	key, load := attrsKey(path), l.attrsLoad(path, levels, do)
	var old time.Time
	if older != nil {
		old = older.asked
	}
	for {
		if err := l.recent(ctx, key); err != nil {
			return nil, err
		}
		joined := true
		v, err := l.share(ctx, key, old, func(ctx context.Context) (any, error) {
			joined = false
			return load(ctx)
		})
		if err != nil {
			return nil, err
		}
		// Who waited for it gets it, whatever its age by now, unless it was on its way before
		// and asked for less.
		if attrs := v.(*Attrs); !joined || do(attrs) {
			return attrs, nil
		}
	}
}

// attrsKey is what the load of a folder's attributes is known by.
func attrsKey(path string) string { return path + "\x00attributes" }

// attrsLoad is a load of the attributes of a folder's files, for who finds none in memory
// that will do.
func (l *Listings) attrsLoad(path string, levels int, do func(*Attrs) bool) func(context.Context) (any, error) {
	return func(ctx context.Context) (any, error) {
		if have := l.store.peek(path).attrs; have != nil && l.life(have.asked) > 0 && do(have) {
			return have, nil // it came between the caller's look and this one
		}
		return l.loadAttrs(ctx, path, levels)
	}
}

// loadAttrs asks v1 for the files of a folder, and for those of so many levels of
// sub-folders.
func (l *Listings) loadAttrs(ctx context.Context, path string, levels int) (*Attrs, error) {
	l.counters.attrLoads.Add(1)
	began := l.opts.Now()
	w, ctx, stop := l.loads.watchFor(ctx, l.opts.LoadTimeout)
	defer stop()
	req := apiclient.FilesRequest{Path: path, Levels: levels, Turn: w.turn, Bytes: w.bytes, Answer: w.progress}
	folder, err := l.opts.Describer.Files(ctx, req)
	if apiclient.IsTooLarge(err) && levels > 0 {
		req.Levels = 0 // the folder by itself may be small enough
		folder, err = l.opts.Describer.Files(ctx, req)
	}
	if apiclient.IsNotExist(err) {
		// v1 says that it has no such folder: it knows none of the files.
		folder, err = &apiclient.Folder{State: apiclient.Whole, Asked: began}, nil
	}
	if err != nil {
		// Not at once again: a lookup of each name in the folder would ask.
		old := l.store.peek(path).attrs
		l.failed(attrsKey(path), err, began, old != nil && l.standsIn(old.asked, err), true)
		if levels > 0 {
			l.failedBelow(path, err)
		}
		return nil, err
	}
	l.succeeded(attrsKey(path))
	l.harvestAttrs(path, folder)
	how := byItself
	if folder.Suspect && req.Levels > 0 {
		how = perhapsCut // and not, perhaps, where it tells of less
	}
	attrs := l.keepAttrs(path, folder, how, levels > 0) // asked in vain counts as asked
	if attrs.unknown > maxSingles {
		l.counters.unknown.Add(int64(attrs.unknown))
	}
	return attrs, nil
}

// harvestAttrs keeps what an answer told of the files in folders below path.
func (l *Listings) harvestAttrs(path string, f *apiclient.Folder) {
	for i := len(f.Entries) - 1; i >= 0; i-- {
		e := f.Entries[i]
		if e.Folder == nil {
			continue
		}
		sub := path + "/" + e.Name
		l.harvestAttrs(sub, e.Folder)
		if e.Folder.State == apiclient.Whole {
			l.keepAttrs(sub, e.Folder, withOthers, false)
		}
	}
}

// keepAttrs stores attributes, unless younger ones are there, or such as say more.
// below says that those of the folders below were asked for as well.
func (l *Listings) keepAttrs(path string, f *apiclient.Folder, how asking, below bool) *Attrs {
	attrs := newAttrs(f, how)
	attrs.below = below
	l.store.update(path, func(s slot) slot {
		have := s.attrs
		if have != nil && (have.asked.After(attrs.asked) || how == withOthers && have.asking > how && l.life(have.asked) > 0) {
			return s
		}
		attrs = attrs.sharing(s.listing)
		s.attrs = attrs
		return s
	})
	return attrs
}

// single asks v1 for one file and keeps what it says with the folder's attributes.
func (l *Listings) single(ctx context.Context, path, name string) (apiclient.Attr, error) {
	key := path + "/" + name + "\x00file"
	if err := l.recent(ctx, key); err != nil {
		return apiclient.Attr{}, err
	}
	v, err := l.loads.share(ctx, key, func(ctx context.Context) (any, error) {
		if have := l.store.peek(path).attrs; have != nil {
			if attr, ok := have.Lookup(name); ok && l.life(have.asked) > 0 {
				return attr, nil
			}
		}
		l.counters.singles.Add(1)
		began := l.opts.Now()
		w, ctx, stop := l.loads.watchFor(ctx, l.opts.LoadTimeout)
		defer stop()
		attr, err := l.opts.Describer.File(ctx, path+"/"+name, w.turn)
		if err != nil && !apiclient.IsNotExist(err) {
			l.failed(key, err, began, false, true)
			return apiclient.Attr{}, err
		}
		if attr.Size == apiclient.UnknownSize {
			l.counters.unknown.Add(1)
		}
		l.store.update(path, func(s slot) slot {
			if s.attrs != nil {
				s.attrs = s.attrs.with(name, attr)
			}
			return s
		})
		return attr, nil
	})
	if err != nil {
		return apiclient.Attr{}, err
	}
	return v.(apiclient.Attr), nil
}

// DoubtAttrs makes the attributes of a folder's files count as expired if they are older
// than age: what was read of one did not agree with them.
func (l *Listings) DoubtAttrs(path string, age time.Duration) {
	l.store.update(path, func(s slot) slot {
		if s.attrs != nil && l.opts.Now().Sub(s.attrs.asked) >= age && l.life(s.attrs.asked) > 0 {
			doubted := *s.attrs
			doubted.asked = l.opts.Now().Add(-l.opts.TTL)
			s.attrs = &doubted
		}
		return s
	})
}

package apiclient

import (
	"context"
	"strings"
	"unicode/utf8"
)

const (
	// pageFiles is how many files an answer names at most (files.list page).
	pageFiles = 100
	// maxPages bounds one folder: ten million files.
	maxPages = 100_000
	// maxIdlePages bounds a run of pages that bring nothing new. Offsets may count
	// entries of other types (inferred), so such pages are no error in themselves.
	maxIdlePages = 1000
	// maxAnew is how often a folder that changed between its pages is listed anew.
	maxAnew = 2
)

// ListRequest asks for one folder.
type ListRequest struct {
	// Path is the folder's whole path, such as sestore4/jb/folder1.
	Path string
	// From, if set, is the folder as an earlier answer left it, Cut: the listing goes
	// on from there. It is not changed.
	From *Folder
	// Doubt makes an answer that says nothing of the folder count only after a second
	// call says so too. Set it for a folder that was not empty before.
	Doubt bool
	// Turn, if set, is called when a call gets its turn, having waited for others; again
	// for each time that it is tried again.
	Turn func()
	// Progress, if set, is called after each page, and Bytes for each MiB of one.
	Progress, Bytes func()
}

// List returns the folder at r.Path, whole, with what the answers told of the
// folders below it. It makes one call a page and type, those of a large folder several at
// a time (see pagesAhead), and fails rather than return part of a folder. The errors are *Error; with one that may pass after some pages, a
// Cut folder is returned from which another List can go on. The context bounds all
// calls together.
func (c *Client) List(ctx context.Context, r ListRequest) (*Folder, error) {
	if err := checkPath(r.Path); err != nil {
		return nil, err
	}
	if r.From != nil && len(c.opts.Types) > 1 {
		r.From = nil // its offset belongs to one of the types
	}
	var byType []*Folder
	for _, typ := range c.opts.Types {
		f, err := c.listType(ctx, r, typ)
		if err != nil && len(c.opts.Types) > 1 {
			return nil, err // what came belongs to one of the types
		}
		if err != nil {
			return f, err
		}
		byType = append(byType, f)
	}
	f := uniteTypes(byType)
	f.State, f.Offset = Whole, 0
	return f, nil
}

func checkPath(path string) error {
	if path == "" || tidy(path) != path || !utf8.ValidString(path) || strings.ContainsRune(path, 0) {
		return &Error{Op: "files.list", Path: path, Message: "the service can not be asked for such a path"}
	}
	return nil
}

// listType lists the folder for one type. Where it may have changed between its pages it
// is listed anew: a name that went away moves those behind it to other offsets, and one of
// them out of every page. A listing counts if nothing speaks of a change, or if it tells
// all that the one before it told.
func (c *Client) listType(ctx context.Context, r ListRequest, typ string) (*Folder, error) {
	var before *listing
	for range 1 + maxAnew {
		l := &listing{ListRequest: r, client: c, typ: typ, all: &Folder{}}
		if r.From != nil {
			l.all = r.From.clone()
			l.offset, l.count = r.From.Offset, r.From.Count
		}
		part, err := l.run(ctx)
		if err != nil {
			return part, err
		}
		if !l.doubtful() {
			return l.all, nil
		}
		if before != nil && l.tellsAll(before) {
			if !l.other && l.count > l.known() {
				c.countsMore.Store(true) // twice for nothing is enough
			}
			return l.all, nil
		}
		before, r.From = l, nil
	}
	return nil, before.fail("the folder changes while its pages come: %d names, and the service counts %d", before.known(), before.count)
}

// run pages through the folder. With an error it returns what came, if the rest may come
// later.
func (l *listing) run(ctx context.Context) (*Folder, error) {
	ahead := newPagesAhead(ctx, l)
	defer ahead.stop()
	for range maxPages {
		p, err := ahead.next()
		if err != nil {
			return l.soFar(err), err
		}
		if l.Progress != nil {
			l.Progress()
		}
		whole, err := l.accept(ctx, p)
		if err != nil {
			return nil, err
		}
		if whole {
			return l.all, nil
		}
	}
	return nil, l.fail("more than %d pages", maxPages)
}

package apiclient

import (
	"context"
	"errors"
	"fmt"
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
	// Progress, if set, is called after each page.
	Progress func()
}

// List returns the folder at r.Path, whole, with what the answers told of the
// folders below it. It makes one call a page and type, and fails rather than return
// part of a folder. The errors are *Error; with one that may pass after some pages, a
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

// listType pages through the folder for one type.
func (c *Client) listType(ctx context.Context, r ListRequest, typ string) (*Folder, error) {
	l := listing{ListRequest: r, client: c, typ: typ, all: &Folder{}}
	if r.From != nil {
		l.all = r.From.clone()
		l.offset, l.count = r.From.Offset, r.From.Count
	}
	for range maxPages {
		p, err := l.page(ctx, l.offset)
		if err != nil {
			return l.soFar(err), err
		}
		if r.Progress != nil {
			r.Progress()
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

// listing is a folder being put together from pages.
type listing struct {
	ListRequest
	client *Client
	typ    string
	all    *Folder // all pages so far
	offset int64   // of the page being read; 0: the first
	count  int64   // how many entries the service says there are; 0 if it did not
	idle   int     // pages in a row that brought nothing new
	sure   bool    // whether a second call may be believed
}

// soFar returns what came before an error, if the pages that follow may come later.
func (l *listing) soFar(err error) *Folder {
	var e *Error
	if l.offset == 0 || !errors.As(err, &e) || e.Malformed || !IsTemporary(err) {
		return nil
	}
	l.all.State, l.all.Offset, l.all.Count = Cut, l.offset, l.count
	return l.all
}

// page makes one call.
func (l *listing) page(ctx context.Context, offset int64) (page, error) {
	req := request{command: "files.list", path: l.Path, turn: l.Turn, fields: []field{
		textField("path", l.Path), textField("type", l.typ),
	}}
	if offset > 0 {
		req.fields = append(req.fields, numField("offset", offset))
	}
	var p page
	err := l.client.call(ctx, req, func(answer envelope) (err error) {
		p, err = decode(answer.data, l.Path, answer.asked)
		return err
	})
	return p, err
}

// accept takes over a page and reports whether the folder is whole by it. If not,
// l.offset is where the next page begins.
func (l *listing) accept(ctx context.Context, p page) (whole bool, err error) {
	first := l.offset == 0
	news := l.take(p)
	switch {
	case !p.found && first:
		return l.nothing(ctx)
	case !p.told && first:
		return false, l.fail("the answer says nothing of the folder but its name")
	case !p.told || !p.marked && !first && news == 0:
		return l.end(ctx, p)
	case !p.marked:
		if p.files < pageFiles && !p.open {
			return true, nil
		}
		return l.probe(ctx, p, news)
	case p.folder.State == Whole:
		return true, nil
	case p.folder.State == Skipped:
		return false, l.fail("the service skipped the very folder it was asked for")
	}
	next := p.folder.Offset
	if next <= l.offset {
		if count := p.folder.Count; !first && news == 0 && count > 0 && next >= count && int64(len(l.all.Entries)) >= count {
			// The documented example: still marked as cut though all that there is,
			// by the service's own count, has come.
			return true, nil
		}
		return false, l.fail("the service goes on at offset %d after %d", next, l.offset)
	}
	if l.idle > maxIdlePages {
		return false, l.fail("%d pages without a new name", l.idle)
	}
	l.offset, l.count = next, p.folder.Count
	return false, nil
}

// end is reached when a later page brings nothing and says nothing either. That is the
// end of the folder where the service's count agrees; where it gave none, a second call
// has to say the same.
func (l *listing) end(ctx context.Context, p page) (whole bool, err error) {
	switch {
	case l.count > l.offset || p.files >= pageFiles:
		return false, l.fail("nothing new comes at offset %d of %d", l.offset, l.count)
	case l.count > 0 || l.sure:
		return true, nil
	}
	l.sure = true
	p, err = l.page(ctx, l.offset)
	if err != nil {
		return false, err
	}
	return l.accept(ctx, p)
}

// take merges a page into the listing and returns how many names were new.
func (l *listing) take(p page) (news int) {
	before := len(l.all.Entries)
	l.all.absorb(p.folder)
	if news = len(l.all.Entries) - before; news > 0 {
		l.idle = 0
	} else {
		l.idle++
	}
	return news
}

// nothing is reached when the service answered with success and told nothing of the
// folder. A second call has to agree where the folder was not empty before.
func (l *listing) nothing(ctx context.Context) (whole bool, err error) {
	if !l.Doubt || l.sure {
		return true, nil
	}
	l.sure = true
	p, err := l.page(ctx, 0)
	if err != nil {
		return false, err
	}
	return l.accept(ctx, p)
}

// probe settles whether a folder is whole of which the answer does not say it, by
// asking behind all that is known: only if no new name comes is it whole. What an
// offset counts is not known, so it asks behind the files and behind all entries.
// Where the service cuts a folder without saying where to go on, no client could, so
// anything else is an error.
func (l *listing) probe(ctx context.Context, p page, news int) (whole bool, err error) {
	files := l.offset + int64(p.folder.files())
	for _, behind := range []int64{max(files, l.offset+1), max(files+1, l.offset+int64(news))} {
		beyond, err := l.page(ctx, behind)
		if refused(err) && p.open && p.files < pageFiles {
			// It takes no offset but its own, and it marks what is not whole: it did so
			// with others in the same answer, and that answer had room for more.
			return true, nil
		}
		if err != nil {
			return false, err
		}
		if l.take(beyond) > 0 || beyond.marked && beyond.folder.State != Whole {
			return false, l.fail("the service cut the folder without saying where to go on")
		}
		if int64(news) <= int64(p.folder.files()) {
			break // no sub-folders: both offsets are the same
		}
	}
	return true, nil
}

// refused reports whether the service answered, and said no to this very request.
func refused(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Err == nil && !e.Malformed && !IsTemporary(err) && !IsAuth(err) && !IsClock(err)
}

// fail is the error for answers that contradict each other. It is one for an answer
// that is no listing: the same call may find the service in order again.
func (l *listing) fail(format string, args ...any) *Error {
	return &Error{Op: "files.list", Path: l.Path, Malformed: true, Message: fmt.Sprintf(format, args...)}
}

package apiclient

import (
	"context"
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
	// Progress, if set, is called after each page.
	Progress func()
}

// List returns the folder at r.Path, whole, with what the answers told of the
// folders below it. It makes one call a page and type, and fails rather than return
// part of a folder. The errors are *Error. The context bounds all calls together.
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
		if err != nil {
			return nil, err
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
		l.offset = r.From.Offset
	}
	for range maxPages {
		p, err := l.page(ctx, l.offset)
		if err != nil {
			return nil, err
		}
		if r.Progress != nil {
			r.Progress()
		}
		whole, err := l.accept(ctx, p)
		if err != nil || whole {
			return l.all, err
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
	idle   int     // pages in a row that brought nothing new
}

// page makes one call.
func (l *listing) page(ctx context.Context, offset int64) (page, error) {
	req := request{command: "files.list", path: l.Path, fields: []field{
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
	case !p.told: // nothing more at this offset
		return true, nil
	case !p.marked:
		if p.files < pageFiles && !p.open || !first && news == 0 {
			return true, nil
		}
		return l.probe(ctx, news)
	case p.folder.State == Whole:
		return true, nil
	case p.folder.State == Skipped:
		return false, l.fail("the service skipped the very folder it was asked for")
	}
	next := p.folder.Offset
	if next <= l.offset {
		if !first && news == 0 && p.count >= 0 && next >= p.count && int64(len(l.all.Entries)) >= p.count {
			// The documented example: still marked as cut though all that there is,
			// by the service's own count, has come.
			return true, nil
		}
		return false, l.fail("the service goes on at offset %d after %d", next, l.offset)
	}
	if l.idle > maxIdlePages {
		return false, l.fail("%d pages without a new name", l.idle)
	}
	l.offset = next
	return false, nil
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
	if !l.Doubt {
		return true, nil
	}
	l.Doubt = false
	p, err := l.page(ctx, 0)
	if err != nil {
		return false, err
	}
	return l.accept(ctx, p)
}

// probe settles whether a folder is whole of which the answer does not say it, by
// one call at the offset behind all that is known: only an answer without a new name
// makes it whole. Where the service cuts a folder without saying where to go on, no
// client could, so anything else is an error.
func (l *listing) probe(ctx context.Context, news int) (whole bool, err error) {
	behind := max(int64(len(l.all.Entries)), l.offset+int64(news))
	if behind == l.offset {
		behind++
	}
	p, err := l.page(ctx, behind)
	if err != nil {
		return false, err
	}
	if l.take(p) > 0 || p.marked && p.folder.State != Whole {
		return false, l.fail("the service cut the folder without saying where to go on")
	}
	return true, nil
}

// fail is the error for answers that contradict each other. It is one for an answer
// that is no listing: the same call may find the service in order again.
func (l *listing) fail(format string, args ...any) *Error {
	return &Error{Op: "files.list", Path: l.Path, Malformed: true, Message: fmt.Sprintf(format, args...)}
}

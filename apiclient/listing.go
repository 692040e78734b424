package apiclient

import (
	"context"
	"errors"
	"fmt"
)

// listing is a folder being put together from pages.
type listing struct {
	ListRequest
	client *Client
	typ    string
	all    *Folder // all pages so far
	offset int64   // of the page being read; 0: the first
	count  int64   // how many entries the service says there are; 0 if it did not
	taken  int     // how many pages came
	idle   int     // pages in a row that brought nothing new
	sure   bool    // whether a second call may be believed

	other, fewer bool // whether the service's count was another on a later page, or fell
}

// soFar returns what came before an error, if the pages that follow may come later.
func (l *listing) soFar(err error) *Folder {
	var e *Error
	if l.offset == 0 || !errors.As(err, &e) || e.Malformed && e.Status < 400 || !IsTemporary(err) {
		return nil
	}
	l.all.State, l.all.Offset, l.all.Count = Cut, l.offset, l.count
	return l.all
}

// page makes one call.
func (l *listing) page(ctx context.Context, offset int64) (page, error) {
	return l.ask(ctx, offset, l.Turn)
}

// ask is page with a turn of its own. It may be called from any goroutine.
func (l *listing) ask(ctx context.Context, offset int64, turn func()) (page, error) {
	req := request{command: "files.list", path: l.Path, turn: turn, fields: []field{
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
	l.offset = next
	l.counted(p.folder.Count)
	return false, nil
}

// counted takes over how many entries there are by the newest page.
func (l *listing) counted(count int64) {
	if l.count > 0 && count > 0 && count != l.count {
		l.other, l.fewer = true, l.fewer || count < l.count
	}
	l.count = count
}

// doubtful reports whether the folder may have changed while its pages came. Where the
// service tells no count, nothing shows that; nor does a count of more than was named where
// it was found to count entries of other types as well.
func (l *listing) doubtful() bool {
	return l.other || l.count > 0 && l.count < l.known() || l.count > l.known() && !l.client.countsMore.Load()
}

// tellsAll reports whether l, begun after before was whole, tells all names that before
// does. Then a count that does not agree means other entries, or names that were added.
func (l *listing) tellsAll(before *listing) bool {
	if l.fewer {
		return false
	}
	for _, e := range before.all.Entries {
		if i, ok := l.all.find(e.Name); !ok || (l.all.Entries[i].Folder == nil) != (e.Folder == nil) {
			return false
		}
	}
	return true
}

// end is reached when a later page brings nothing and says nothing either. That is the
// end of the folder where the service's count agrees; where it gave none, a second call
// has to say the same.
func (l *listing) end(ctx context.Context, p page) (whole bool, err error) {
	known := l.known()
	switch {
	case l.count > max(l.offset, known) || l.count == 0 && p.files >= pageFiles:
		return false, l.fail("nothing new comes at offset %d of %d, and %d names are known", l.offset, l.count, known)
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

// known returns how many names came. Sub-folders may be named ahead.
func (l *listing) known() int64 { return int64(len(l.all.Entries) + l.all.Hidden) }

// take merges a page into the listing and returns how many names were new.
func (l *listing) take(p page) (news int) {
	l.taken++
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

package apiclient

import (
	"context"
	"errors"
	"strconv"
)

// maxLevels is the deepest recursion that v1 takes (files page).
const maxLevels = 8

// FilesRequest asks v1 for the files of one folder.
type FilesRequest struct {
	// Path is the folder's whole remote path, such as sestore4/jb/folder1.
	Path string
	// Levels is how many levels of sub-folders are asked for as well, 0 to 8. What the
	// number means to the service is not known, so fewer may come.
	Levels int
	// Turn, if set, is called when a call gets its turn; again for each time that it is
	// tried again.
	Turn func()
	// Bytes, if set, is called for each MiB of an answer, and Answer when all of one has
	// come: another call has to wait for its turn.
	Bytes, Answer func()
}

// Files returns what v1 says of the folder at r.Path: its files with their attributes,
// and its sub-folders. State is Whole for the folder, and for those below it whose
// contents the answer told. It makes one call, or two where the service takes level 0
// for the folder's name only. The errors are *Error; see [IsNotExist].
func (c *Client) Files(ctx context.Context, r FilesRequest) (*Folder, error) {
	levels := min(max(r.Levels, 0), maxLevels)
	f, self, err := c.files(ctx, r, levels)
	if err == nil && levels == 0 && (self || len(f.Entries) == 0) {
		// Level 0 may be the folder's own name (unknown): its contents are level 1 then.
		f, self, err = c.files(ctx, r, 1)
	}
	if err == nil && self {
		return nil, &Error{Op: "v1 files", Path: r.Path, Malformed: true, Message: "the answer tells of the folder's name only"}
	}
	return f, err
}

// files makes one call. self is set if the answer told of the folder itself and
// nothing of what is in it.
func (c *Client) files(ctx context.Context, r FilesRequest, levels int) (f *Folder, self bool, err error) {
	req := v1Request{endpoint: "files", path: r.Path, query: "option:recursive=" + strconv.Itoa(levels), turn: r.Turn, bytes: r.Bytes}
	if levels > 0 {
		req.limit = maxDeepFiles
	}
	err = c.get(ctx, req, func(body []byte, head v1Head) error {
		d, err := decodeFiles(body, relative(r.Path), head.asked)
		if err != nil {
			return err
		}
		f, self = d.folder, d.self
		f.Suspect = round(d.objects)
		return nil
	})
	if err == nil && r.Answer != nil {
		r.Answer()
	}
	return f, self, err
}

// File returns what v1 says of one file. A path that v1 knows as something else than
// a file, or with no size, has the size UnknownSize; of one that it does not know at
// all the error says so, see [IsNotExist].
func (c *Client) File(ctx context.Context, path string, turn func()) (Attr, error) {
	attr := Attr{Size: UnknownSize}
	req := v1Request{endpoint: "files", path: path, query: "option:recursive=0", limit: maxSmall, turn: turn, alone: true}
	err := c.get(ctx, req, func(body []byte, _ v1Head) (err error) {
		attr, err = decodeFile(body, relative(path))
		return err
	})
	var e *Error
	if errors.As(err, &e) {
		return Attr{Size: UnknownSize}, e
	}
	return attr, err
}

// round reports whether n is a number at which people like to end answers: 100, 250,
// 5000. No paging of v1 is documented, and no limit either (unknown).
func round(n int) bool {
	if n < 100 {
		return false
	}
	for n%10 == 0 {
		n /= 10
	}
	return n == 1 || n == 2 || n == 5 || n == 25
}

// FilesLister lists folders by v1 instead of files.list, for accounts whose command
// API is switched off.
type FilesLister struct{ *Client }

// List returns the folder at r.Path with the attributes of its files. It makes one call,
// and another where the answer tells of nothing and r.Doubt is set: both have to agree.
// A folder that v1 does not know is an error, see [IsNotExist].
func (l FilesLister) List(ctx context.Context, r ListRequest) (*Folder, error) {
	f, err := l.list(ctx, r)
	if err == nil && len(f.Entries) == 0 && r.Doubt {
		f, err = l.list(ctx, r)
	}
	return f, err
}

func (l FilesLister) list(ctx context.Context, r ListRequest) (*Folder, error) {
	req := FilesRequest{Path: r.Path, Levels: 1, Turn: r.Turn, Bytes: r.Bytes, Answer: r.Progress}
	f, err := l.Files(ctx, req)
	if IsTooLarge(err) || err == nil && f.Suspect {
		// The folder by itself may be small enough, for us or for a limit of the service.
		req.Levels = 0
		f, err = l.Files(ctx, req)
	}
	if err != nil {
		return nil, err
	}
	f.Named = len(f.Entries)+f.Hidden > 0
	if f.Suspect {
		l.log.Warn("v1 answered with a round number of entries, so it may have left some out", "path", r.Path)
	}
	return f, nil
}

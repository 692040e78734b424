package apiclient

import "context"

// PageRequest asks for one answer about a folder, from an offset of the caller's choice.
// What an offset counts is not known: what comes has to be checked against what is.
type PageRequest struct {
	// Path is the folder's whole path.
	Path string
	// Offset is sent as it is.
	Offset int64
	// Turn, Progress and Bytes are as in [ListRequest].
	Turn, Progress, Bytes func()
}

// Page makes one call and returns what its answer told of the folder, which may be any
// part of it. A client for several types has no such page. The errors are *Error.
func (c *Client) Page(ctx context.Context, r PageRequest) (*Folder, error) {
	if err := checkPath(r.Path); err != nil {
		return nil, err
	}
	if len(c.opts.Types) != 1 {
		return nil, &Error{Op: "files.list", Path: r.Path, Message: "the pages of several types are none of one folder"}
	}
	l := listing{client: c, typ: c.opts.Types[0], ListRequest: ListRequest{Path: r.Path, Turn: r.Turn, Bytes: r.Bytes}}
	p, err := l.page(ctx, r.Offset)
	if err != nil {
		return nil, err
	}
	if r.Progress != nil {
		r.Progress()
	}
	return p.folder, nil
}

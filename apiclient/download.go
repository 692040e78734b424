package apiclient

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// opDownload names requests for contents in errors.
const opDownload = "read"

// Range asks for a piece of a file.
type Range struct {
	// Path is the file's whole remote path.
	Path string
	// Offset and Length say which bytes; both lie within Size.
	Offset, Length int64
	// Size is the file's size in bytes. UnknownSize means that all of the file is asked
	// for, however much it is.
	Size int64
	// Validator is what earlier bytes of the file came with; those of another version
	// are refused.
	Validator Validator
	// Whole asks for the whole file in one piece, of a server that knows no ranges.
	Whole bool
	// Turn, if set, is called when a request gets its turn, Bytes whenever bytes have
	// come, and Answer when a link has: the request for bytes has to wait for its turn.
	// Sent is called when that is on its way.
	Turn, Bytes, Answer, Sent func()
}

// Open asks for a piece of a file and returns once the first answer is there that can
// be read. The errors are *Error; see [IsChanged], [IsNotExist] and [IsAuth]. ctx ends
// the body as well.
func (c *Client) Open(ctx context.Context, r Range) (*Body, error) {
	if !r.Whole && r.Size != UnknownSize && (r.Offset < 0 || r.Length <= 0 || r.Length > r.Size-r.Offset) {
		return nil, &Error{Op: opDownload, Path: r.Path, Message: "no such part of the file can be asked for"}
	}
	b := &Body{client: c, r: r, at: r.Offset, end: r.Offset + r.Length}
	if r.Whole || r.Size == UnknownSize {
		b.whole, b.at, b.end = true, 0, r.Size
	}
	b.alive, b.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	b.Attach(ctx)
	if err := b.open(); err != nil {
		b.Close()
		return nil, err
	}
	b.opened = true
	return b, nil
}

// open asks for what is still to come, with its retries. A link that is refused is
// renewed once: it may have ended before its time.
func (b *Body) open() error {
	for renewed := false; ; renewed = true {
		l, asked, err := b.client.link(b.ctx, b.r.Path, b.r.Turn)
		if err != nil {
			return err
		}
		if asked && b.r.Answer != nil {
			b.r.Answer()
		}
		err = b.client.retrying(b.ctx, b.client.contents, opDownload, b.r.Path, func(t *trial) error { return b.attempt(t, l) })
		var e *Error
		if !errors.As(err, &e) {
			return nil
		}
		if leadsNowhere(b.ctx, e) {
			b.client.links.drop(b.r.Path, l) // who asks next gets a new one
		}
		if !refusesLink(e.Status) {
			return err
		}
		b.client.links.drop(b.r.Path, l)
		if renewed {
			return err
		}
	}
}

// attempt sends one request.
func (b *Body) attempt(t *trial, l link) error {
	resp, err := b.send(t, l)
	if err == nil {
		if err = b.take(resp); err != nil {
			_ = resp.Body.Close()
			b.resp = nil
			b.free()
		} else {
			t.keep, b.drop = true, t.cancel
		}
	}
	var e *Error
	if errors.As(err, &e) {
		e.Op, e.Path = opDownload, b.r.Path
	}
	return err
}

// refusesLink reports whether a status may be about the link rather than the file.
func refusesLink(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusGone:
		return true
	}
	return false
}

// leadsNowhere reports whether a failure may mean that the link is wrong: nobody answered at
// its address, or somebody else did.
func leadsNowhere(ctx context.Context, e *Error) bool {
	return e.Malformed || e.Status == 0 && e.Err != nil && ctx.Err() == nil
}

// send sends one request, once there is a free place for it.
func (b *Body) send(t *trial, l link) (*http.Response, error) {
	req, err := http.NewRequestWithContext(t.ctx, http.MethodGet, l.url, nil)
	if err != nil {
		return nil, malformed("a link that is no address")
	}
	req.Header.Set("User-Agent", "sefs")
	req.Header.Set("Accept-Encoding", "identity")
	if !b.whole {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", b.at, b.end-1))
		if v := b.r.Validator.ifRange(); v != "" {
			req.Header.Set("If-Range", v)
		}
	}
	if b.release, err = t.acquire(b.ctx); err != nil {
		return nil, err
	}
	if b.r.Turn != nil {
		b.r.Turn()
	}
	if b.r.Sent != nil {
		b.r.Sent()
	}
	resp, err := b.client.downloads.Do(req)
	if err != nil {
		b.free()
		return nil, transportError(t.ctx, err)
	}
	return resp, nil
}

// take accepts an answer as the body, or says what is wrong with it.
func (b *Body) take(resp *http.Response) error {
	v := validatorOf(resp.Header)
	total, err := b.check(resp)
	switch {
	case err != nil:
		return err
	case b.r.Size != UnknownSize && total >= 0 && total != b.r.Size:
		return &Error{Changed: true, Message: fmt.Sprintf("the file has %d bytes now, not %d", total, b.r.Size)}
	case b.opened && b.r.Size == UnknownSize && b.end != UnknownSize && total >= 0 && total != b.end:
		return &Error{Changed: true, Message: fmt.Sprintf("the file has %d bytes now, not %d", total, b.end)}
	case v.Differs(b.r.Validator):
		return &Error{Changed: true, Message: "the file is another version now"}
	}
	if !b.r.Validator.Known() {
		b.r.Validator = v
	}
	b.resp = resp
	if resp.StatusCode == http.StatusOK {
		return b.takeWhole(total)
	}
	if !b.opened && b.r.Size == UnknownSize {
		return malformed("a part of a file that was asked for as a whole")
	}
	return nil
}

// check checks an answer's status and headers, and returns the file's size by them, or
// -1 if they do not say.
func (b *Body) check(resp *http.Response) (total int64, err error) {
	switch coding := resp.Header.Get("Content-Encoding"); {
	case resp.StatusCode/100 == 2 && coding != "" && coding != "identity":
		return 0, malformed("bytes that are encoded (%s)", clean(coding))
	case resp.StatusCode == http.StatusPartialContent && !b.whole:
		first, last, total, ok := parseContentRange(resp.Header.Get("Content-Range"))
		switch {
		case !ok:
			return 0, malformed("a part of the file without a Content-Range that can be read")
		case b.r.Size != UnknownSize && total != b.r.Size:
			return total, nil // it changed
		case first != b.at || last != b.end-1:
			return 0, malformed("the bytes %d to %d instead of %d to %d", first, last, b.at, b.end-1)
		case resp.ContentLength >= 0 && resp.ContentLength != last-first+1:
			return 0, malformed("a part of %d bytes whose range has %d", resp.ContentLength, last-first+1)
		}
		return total, nil
	case resp.StatusCode == http.StatusOK:
		if resp.ContentLength != b.r.Size && b.r.Size != UnknownSize && isPage(resp, b.r.Path) {
			return 0, malformed("an HTML page instead of the file") // as of a login to some network
		}
		return resp.ContentLength, nil
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable, resp.StatusCode == http.StatusPreconditionFailed:
		return 0, &Error{Status: resp.StatusCode, Changed: true, Message: "the file is another version now"}
	}
	failed := &Error{Status: resp.StatusCode}
	date, _ := http.ParseTime(resp.Header.Get("Date"))
	failed.RetryAfter = retryAfter(resp.Header.Get("Retry-After"), date)
	switch {
	case resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusGone:
		failed.NotExist = true // also with a new link
	case resp.StatusCode/100 == 3:
		failed.Malformed, failed.Message = true, "redirected to "+hostOf(resp.Header.Get("Location"))+", which is not followed"
	case resp.StatusCode/100 == 2:
		failed.Malformed, failed.Message = true, "an answer that is no part of the file"
	}
	return 0, failed
}

// isPage reports whether an answer is an HTML page though the file is none.
func isPage(resp *http.Response, path string) bool {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	path = strings.ToLower(path)
	return kind == "text/html" && !strings.HasSuffix(path, ".html") && !strings.HasSuffix(path, ".htm")
}

// parseContentRange reads a header such as "bytes 0-99/1000". A total that is not told
// is none that could be compared, so it is not accepted.
func parseContentRange(header string) (first, last, total int64, ok bool) {
	unit, rest, found := strings.Cut(strings.TrimSpace(header), " ")
	if !found || !strings.EqualFold(unit, "bytes") {
		return 0, 0, 0, false
	}
	part, all, found := strings.Cut(strings.TrimSpace(rest), "/")
	from, to, dash := strings.Cut(part, "-")
	if !found || !dash {
		return 0, 0, 0, false
	}
	for i, text := range []string{from, to, all} {
		if text == "" || strings.Trim(text, "0123456789") != "" {
			return 0, 0, 0, false
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return 0, 0, 0, false
		}
		*[]*int64{&first, &last, &total}[i] = n
	}
	return first, last, total, first <= last && last < total
}

// pause waits before another try.
func pause(ctx context.Context, delay time.Duration) error {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

package apiclient

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// Body is a piece of a file as it arrives. A transfer that breaks off is gone on with
// where it broke; so Read ends with io.EOF only when all bytes were read, and never
// early. Methods are to be called from one goroutine at a time; Close has to be called.
type Body struct {
	client *Client
	r      Range
	ctx    context.Context // of the requests; outlives the caller's, see Attach
	alive  context.Context // what ctx is made of; ends with the body
	cancel context.CancelCauseFunc
	detach func() bool

	resp  *http.Response
	whole bool  // whether the server sends all of the file, from its beginning
	at    int64 // where the next byte read belongs
	end   int64 // where the piece ends; UnknownSize for a whole file of unknown size

	release func()                  // gives back the place for a request; nil if none is held
	drop    context.CancelCauseFunc // ends the request of resp

	opened bool // whether the caller has the body, and knows where its bytes belong

	failures int       // in a row, without a byte
	stuck    time.Time // when the first of them was met
	breaks   int64     // in all
	came     int64     // bytes in all
}

// maxBreaks is how often one transfer may break off, and once more for each such many bytes
// that came: a server that sends a byte at a time is not followed for ever.
const (
	maxBreaks     = 20
	bytesPerBreak = 4 << 10
)

// Alive reports whether the body was not ended by the context that it is attached to.
func (b *Body) Alive() bool { return b.alive.Err() == nil }

// Attach makes ctx end the body's requests, instead of the context that did so before,
// and say whether anybody waits for them; see [Ahead]. A body that is kept for later lives
// on when the work that opened it is done.
func (b *Body) Attach(ctx context.Context) {
	b.Detach()
	b.ctx = waitedForAs(b.alive, ctx)
	b.detach = context.AfterFunc(ctx, func() { b.cancel(context.Cause(ctx)) })
}

// Detach makes the body independent of the context that it was attached to.
func (b *Body) Detach() {
	if b.detach != nil {
		b.detach()
		b.detach = nil
	}
}

// Whole reports whether the server sends all of the file from its beginning, since it
// knows no ranges, whatever piece was asked for.
func (b *Body) Whole() bool { return b.whole }

// Validator is what the bytes came with.
func (b *Body) Validator() Validator { return b.r.Validator }

// Offset is where in the file the next byte belongs.
func (b *Body) Offset() int64 { return b.at }

// takeWhole settles on a server that sends all of the file. It keeps no place for a
// request, as it may be paused for long.
func (b *Body) takeWhole(total int64) error {
	b.free()
	if !b.whole && !b.opened {
		b.whole, b.at, b.end = true, 0, b.r.Size
	}
	if b.end == UnknownSize && total >= 0 {
		b.end = total
	}
	// Gone on with: what was read already comes again. (It does as well where a server
	// sent a part at first and knows no ranges now.)
	for left := b.at; left > 0; {
		n, err := io.CopyN(io.Discard, b.resp.Body, min(left, 1<<20))
		if err != nil {
			return transportError(b.ctx, err)
		}
		left -= n
		b.progress()
	}
	return nil
}

// chunked reports whether the answer says by itself where it ends, though not how long
// it is.
func (b *Body) chunked() bool {
	return b.resp.ProtoMajor > 1 || len(b.resp.TransferEncoding) > 0
}

// progress tells that bytes have come.
func (b *Body) progress() {
	if b.r.Bytes != nil {
		b.r.Bytes()
	}
}

// Read fills p with what comes next. The errors are io.EOF and *Error.
func (b *Body) Read(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		if b.end != UnknownSize && b.at >= b.end {
			return 0, b.finish()
		}
		if b.resp == nil {
			if err := b.open(); err != nil {
				return 0, err
			}
		}
		limit := p
		if b.end != UnknownSize {
			limit = p[:min(int64(len(p)), b.end-b.at)]
		}
		n, err := b.resp.Body.Read(limit)
		if n > 0 {
			b.at += int64(n)
			b.came += int64(n)
			b.failures = 0
			b.progress()
			return n, nil // an error with it comes again
		}
		switch {
		case err == nil:
			continue
		case errors.Is(err, io.EOF) && !b.chunked():
			err = io.ErrUnexpectedEOF // the connection ended, which says nothing
		case errors.Is(err, io.EOF) && b.end == UnknownSize:
			b.end = b.at
			return 0, io.EOF
		case errors.Is(err, io.EOF):
			b.hangUp()
			return 0, &Error{Op: opDownload, Path: b.r.Path, Changed: true, Message: "the file is shorter than it was"}
		}
		failed := transportError(b.ctx, err)
		failed.Op, failed.Path, failed.Message = opDownload, b.r.Path, "the transfer broke off"
		b.hangUp()
		b.breaks++
		often := b.breaks > maxBreaks+b.came/bytesPerBreak
		if often || !IsTemporary(failed) || b.ctx.Err() != nil || giveUp(b.ctx, failed) || !b.again() {
			return 0, failed
		}
	}
}

// again waits before a transfer that broke off is gone on with, and reports whether it is
// to be: as often and as long as a call is tried again, at once where bytes have come.
func (b *Body) again() bool {
	now := time.Now()
	if b.failures++; b.failures == 1 {
		b.stuck = now
		return true
	}
	delay := backoff(firstDelay, maxDelay, b.failures-2)
	if b.failures >= maxAttempts || now.Add(delay).Sub(b.stuck) > b.client.opts.Timeout {
		return false
	}
	return pause(b.ctx, delay) == nil
}

// finish ends a piece of which all bytes were read. A whole file whose length was not
// told may go on: it is longer than it was said to be.
func (b *Body) finish() error {
	if b.whole && b.resp != nil && b.r.Size != UnknownSize {
		n, _ := b.resp.Body.Read(make([]byte, 1))
		b.hangUp()
		if n > 0 {
			return &Error{Op: opDownload, Path: b.r.Path, Changed: true, Message: "the file is longer than it was"}
		}
	}
	return io.EOF
}

// Close ends the transfer.
func (b *Body) Close() {
	b.Detach()
	if b.resp != nil {
		b.hangUp()
	}
	b.cancel(context.Canceled)
	b.free()
}

// hangUp ends an answer. Its connection serves again only if all of it was read: to
// wait for the rest could take for ever.
func (b *Body) hangUp() {
	_ = b.resp.Body.Close()
	b.resp = nil
	b.drop(nil)
	b.free()
}

// free gives the place for a request back.
func (b *Body) free() {
	if b.release != nil {
		b.release()
		b.release = nil
	}
}

package cache

import (
	"context"
	"io"
	"sync/atomic"

	"sefs/apiclient"
)

// Unsized is a file of unknown size as one reader gets it: from its beginning to its
// end, which only the transfer tells. Nothing of it is kept. It is safe for concurrent
// use, but reads wait for each other.
type Unsized struct {
	blocks *Blocks
	path   string
	turn   chan struct{} // holds a token while nobody reads
	closed atomic.Bool

	// Whoever has the token may touch what follows.
	body      *apiclient.Body
	validator apiclient.Validator // what all bytes have to come with
}

// Unsized opens the file at path, without a call.
func (b *Blocks) Unsized(path string) *Unsized {
	u := &Unsized{blocks: b, path: path, turn: make(chan struct{}, 1)}
	u.turn <- struct{}{}
	return u
}

// Close ends the transfer.
func (u *Unsized) Close() {
	u.closed.Store(true)
	<-u.turn
	u.end()
	u.turn <- struct{}{}
}

func (u *Unsized) end() {
	if u.body != nil {
		u.body.Close()
		u.body = nil
	}
}

// ReadAt fills p with what stands at offset; fewer bytes come only before the end of the
// file. What lies before the last read is read from the beginning again.
func (u *Unsized) ReadAt(ctx context.Context, p []byte, offset int64) (int, error) {
	select {
	case <-u.turn:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	defer func() { u.turn <- struct{}{} }()
	if u.closed.Load() {
		return 0, errClosed
	}
	if err := u.blocks.loads.begin(); err != nil {
		return 0, err
	}
	defer u.blocks.loads.running.Done()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(u.blocks.loads.base, func() { cancel(errClosed) })()
	w, ctx, stop := u.blocks.loads.watch(ctx)
	defer stop()
	n, err := u.read(ctx, w, p, offset)
	switch {
	case err != nil:
		u.end()
	case u.body != nil:
		if u.body.Detach(); !u.body.Alive() {
			u.end()
		}
	}
	return n, err
}

func (u *Unsized) read(ctx context.Context, w *watchdog, p []byte, offset int64) (int, error) {
	if u.body != nil && u.body.Offset() > offset {
		u.end()
	}
	if u.body == nil {
		body, err := u.blocks.opts.Opener.Open(ctx, apiclient.Range{Path: u.path, Size: apiclient.UnknownSize,
			Validator: u.validator, Whole: true, Turn: w.turn, Bytes: w.bytes, Answer: w.progress})
		if err != nil {
			return 0, err
		}
		u.body, u.validator = body, body.Validator()
	}
	u.body.Attach(ctx)
	w.turn() // it has its place already
	if _, err := io.CopyN(io.Discard, u.body, offset-u.body.Offset()); ended(err) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	n, err := io.ReadFull(u.body, p)
	if ended(err) {
		return n, nil
	}
	return n, err
}

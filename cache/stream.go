package cache

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"sefs/apiclient"
)

// stream is a file as one reader gets it from a server that knows no ranges: one
// request for all of it, read forward, and begun again only for what lies behind. What
// it comes past is kept like any block.
type stream struct {
	turn chan struct{} // holds a token while nobody reads

	used chan struct{} // closed when the server is known to have no ranges
	once *sync.Once    // closes it

	// Whoever has the token may touch what follows.
	body   *apiclient.Body
	asked  time.Time // when the body was asked for
	closed bool      // whether the body is to end with the load that uses it
}

func newStream() stream {
	s := stream{turn: make(chan struct{}, 1), used: make(chan struct{}), once: new(sync.Once)}
	s.turn <- struct{}{}
	return s
}

// use notes that the server knows no ranges.
func (s *stream) use() { s.once.Do(func() { close(s.used) }) }

// inUse reports whether the server was found to know no ranges.
func (s *stream) inUse() bool {
	select {
	case <-s.used:
		return true
	default:
		return false
	}
}

// adopt takes over an answer with the whole file, unless there is one.
func (s *stream) adopt(body *apiclient.Body, asked time.Time) {
	switch {
	case body == nil:
	case s.body != nil:
		body.Close()
	default:
		s.body, s.asked = body, asked
	}
}

// close ends the transfer, or lets it end with the loads that others still wait for.
func (s *stream) close() {
	<-s.turn
	s.closed = true
	s.end()
	s.turn <- struct{}{}
}

func (s *stream) end() {
	if s.body != nil {
		s.body.Close()
		s.body = nil
	}
}

// finish ends a transfer whose last byte was read: nothing may come behind it.
func (s *stream) finish() error {
	_, err := s.body.Read(make([]byte, 1))
	s.end()
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// load reads forward until the blocks of a run are there. body, if any, is an answer with
// the whole file that was asked for before; it is the stream's from now on.
func (s *stream) load(ctx context.Context, o *Opened, r start, w *watchdog, body *apiclient.Body, asked time.Time) error {
	select {
	case <-s.turn:
	case <-ctx.Done():
		if body != nil {
			body.Close()
		}
		return context.Cause(ctx)
	}
	defer func() {
		if s.closed {
			s.end()
		}
		s.turn <- struct{}{}
	}()
	s.adopt(body, asked)
	for i := r.first; i < r.first+r.n; {
		if o.settled(r.run, i) {
			i++ // another run came past it
			continue
		}
		if err := s.reach(ctx, o, i, w); err != nil {
			return err
		}
		next := s.body.Offset() / BlockSize
		var check func() error
		if (next+1)*BlockSize >= o.content.version.Size {
			check = s.finish
		}
		if err := o.take(s.body, next, s.asked, check); err != nil {
			o.doubt(err, 0, next) // all that the body came past
			s.end()
			return err
		}
		if next == i {
			i++
		}
	}
	if s.body != nil {
		if s.body.Detach(); !s.body.Alive() {
			s.end()
		}
	}
	return nil
}

// reach sees to it that the body stands at block i or before it.
func (s *stream) reach(ctx context.Context, o *Opened, i int64, w *watchdog) error {
	if s.body != nil && s.body.Offset() <= i*BlockSize {
		s.body.Attach(ctx)
		w.turn() // it has its place already
		return nil
	}
	s.end()
	s.asked = o.blocks.opts.Now()
	expected, err := o.content.expects(ctx)
	if err != nil {
		return err
	}
	v := o.content.version
	s.body, err = o.blocks.opts.Opener.Open(ctx, apiclient.Range{
		Path: v.Path, Length: v.Size, Size: v.Size, Whole: true,
		Validator: expected, Turn: w.turn, Bytes: w.bytes, Answer: w.progress,
	})
	if err != nil {
		return o.content.noteChange(err)
	}
	return nil
}

// settled reports whether a run need not bring a block any more.
func (o *Opened) settled(r *run, i int64) bool {
	m := o.blocks.opts.Memory
	m.mu.Lock()
	defer m.mu.Unlock()
	c := o.blocks.claims[o.key(i)]
	return c == nil || c.run != r
}

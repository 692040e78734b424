package cache

import (
	"context"
	"errors"
	"io"
	"time"

	"sefs/apiclient"
)

// run is one load of blocks that follow each other. It goes on while anybody wants it:
// the reader that began it, or a caller that waits for one of its blocks.
type run struct {
	cancel context.CancelFunc
	wanted int // how many want it; memory.mu protects it
	// joined is closed when a reader wants a run that began before the file was opened. It
	// is nil for other runs.
	joined chan struct{}
}

// join notes that a reader wants a run. It is called with the memory's mutex held.
func (r *run) join() {
	r.wanted++
	if r.forNobody() {
		close(r.joined)
	}
}

// forNobody reports whether no reader has wanted the run yet.
func (r *run) forNobody() bool {
	if r.joined == nil {
		return false
	}
	select {
	case <-r.joined:
		return false
	default:
		return true
	}
}

// start is a run that is to begin.
type start struct {
	run      *run
	first, n int64
}

// start begins a run. after is called when it has ended.
func (o *Opened) start(s start, after func()) {
	b := o.blocks
	ctx, cancel := context.WithCancel(apiclient.Caller(b.loads.base, o.Caller))
	if s.run.joined != nil {
		ctx = apiclient.Ahead(ctx, s.run.joined)
	}
	b.opts.Memory.mu.Lock()
	s.run.cancel = cancel
	b.opts.Memory.mu.Unlock()
	o.mu.Lock()
	closed := o.closed
	if !closed {
		o.runs[s.run] = struct{}{}
	}
	o.mu.Unlock()
	err := b.loads.begin()
	if err != nil {
		o.end(s, err)
	}
	if closed || err != nil {
		b.leave(s.run)
	}
	if err != nil {
		cancel()
		if after != nil {
			after()
		}
		return
	}
	go func() {
		defer b.loads.running.Done()
		defer cancel()
		if after != nil {
			defer after()
		}
		err := o.load(ctx, s)
		o.end(s, err)
		o.mu.Lock()
		_, mine := o.runs[s.run]
		delete(o.runs, s.run)
		o.mu.Unlock()
		if mine {
			b.leave(s.run)
		}
	}()
}

// end settles what a run leaves behind.
func (o *Opened) end(s start, err error) {
	if err == nil {
		err = io.ErrUnexpectedEOF // for blocks that did not come; none, if all is well
	}
	m := o.blocks.opts.Memory
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := s.first; i < s.first+s.n; i++ {
		key := o.key(i)
		if c := o.blocks.claims[key]; c != nil && c.run == s.run {
			c.err = err
			o.blocks.settle(key, c)
		}
	}
}

// load loads the blocks of a run.
func (o *Opened) load(ctx context.Context, s start) (err error) {
	defer o.blocks.loads.rescue(o.content.version.Path, &err)
	b, path, began := o.blocks, o.content.version.Path, o.blocks.opts.Now()
	if err := b.failures.recent(path, began); err != nil {
		return err
	}
	defer func() {
		if apiclient.IsMalformed(err) {
			b.counters.malformed.Add(1)
		}
		// The kernel asks again for what it did not get, a page at a time.
		now := b.opts.Now()
		if apiclient.IsTemporary(err) && now.Sub(began) >= b.opts.Timeout/2 && !s.run.forNobody() {
			b.failures.remember(path, err, now, time.Second)
		}
	}()
	w, ctx, stop := o.blocks.loads.watch(ctx)
	defer stop()
	r := &race{o: o, start: s, w: w}
	return r.run(ctx)
}

// transfer asks for the blocks of a run and takes them.
func (o *Opened) transfer(ctx context.Context, s start, w *watchdog, r *race) error {
	body, asked, err := o.ask(ctx, s, w, r)
	if err != nil {
		return o.content.noteChange(err)
	}
	if body == nil || body.Whole() {
		r.alone()
		return o.stream.load(ctx, o, s, w, body, asked)
	}
	defer body.Close()
	r.answered()
	return o.takeAll(body, s, asked)
}

// takeAll takes the blocks of a run off a body.
func (o *Opened) takeAll(body *apiclient.Body, s start, asked time.Time) error {
	for i := s.first; i < s.first+s.n; i++ {
		if err := o.take(body, i, asked, nil); err != nil {
			o.doubt(err, s.first, i)
			return err
		}
	}
	return nil
}

// ask opens the piece of the file that a run is for. There is no body where the server
// is known to have no ranges. Until it proved to have them, only one piece is asked for
// at a time: the answer may be all of the file.
func (o *Opened) ask(ctx context.Context, s start, w *watchdog, r *race) (*apiclient.Body, time.Time, error) {
	asked := o.blocks.opts.Now()
	if !o.blocks.ranged.Load() {
		select {
		case <-o.first:
		case <-ctx.Done():
			return nil, asked, context.Cause(ctx)
		}
		defer func() { o.first <- struct{}{} }()
	}
	if o.stream.inUse() {
		return nil, asked, nil
	}
	expected, err := o.content.expects(ctx)
	if err != nil {
		return nil, asked, err
	}
	piece := o.piece(s)
	piece.Validator, piece.Turn, piece.Answer = expected, w.turn, w.progress
	piece.Sent, piece.Bytes = r.asked, func() { r.came(0) }
	body, err := o.blocks.opts.Opener.Open(ctx, piece)
	switch {
	case err != nil:
	case body.Whole():
		o.stream.use()
	default:
		o.blocks.ranged.Store(true)
	}
	return body, asked, err
}

// piece is the piece of the file that a run is for.
func (o *Opened) piece(s start) apiclient.Range {
	v, from := o.content.version, s.first*BlockSize
	return apiclient.Range{Path: v.Path, Offset: from, Length: min((s.first+s.n)*BlockSize, v.Size) - from, Size: v.Size}
}

// doubt forgets the blocks first to end-1 of a transfer that broke off, if the file
// proved to be another one then: it may have changed while they were sent.
func (o *Opened) doubt(err error, first, end int64) {
	if !apiclient.IsChanged(err) {
		return
	}
	var keys []blockKey
	for i := first; i < end; i++ {
		keys = append(keys, o.key(i))
	}
	o.blocks.drop(keys)
}

// take reads block i off a body and keeps it, if check, where there is one, finds no
// fault afterwards.
func (o *Opened) take(body *apiclient.Body, i int64, asked time.Time, check func() error) error {
	data := make([]byte, o.content.version.length(i))
	if _, err := io.ReadFull(body, data); err != nil {
		if ended(err) {
			err = &apiclient.Error{Op: "read", Path: o.content.version.Path, Changed: true, Message: "the file is shorter than it was"}
		}
		return o.content.noteChange(err)
	}
	validator := body.Validator()
	if err := o.content.accept(validator, asked); err != nil {
		return err
	}
	if check != nil {
		if err := check(); err != nil {
			return o.content.noteChange(err)
		}
	}
	o.blocks.counters.loaded.Add(int64(len(data)))
	o.blocks.put(o.key(i), &block{data: data, validator: validator, asked: asked})
	return nil
}

// ended reports whether a body came to its end, rather than broke off: what breaks off
// is an error of apiclient.
func ended(err error) bool {
	var broken *apiclient.Error
	return err != nil && !errors.As(err, &broken)
}

// leave notes that somebody wants a run no more.
func (b *Blocks) leave(r *run) {
	b.opts.Memory.mu.Lock()
	defer b.opts.Memory.mu.Unlock()
	b.left(r)
}

// left is leave with the memory's mutex held. The last to leave ends the run; its claims
// go at once, so that nobody waits for what will not come.
func (b *Blocks) left(r *run) {
	if r.wanted--; r.wanted > 0 {
		return
	}
	r.cancel()
	for key, c := range b.claims {
		if c.run == r {
			c.err = context.Canceled
			b.settle(key, c)
		}
	}
}

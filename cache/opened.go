package cache

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"sefs/apiclient"
)

// Opened is a content that one reader has open. What it began to load ahead ends with
// it, unless others wait for that. It is safe for concurrent use.
type Opened struct {
	content *Content
	blocks  *Blocks
	stream  stream        // for a server that knows no ranges
	first   chan struct{} // holds a token while nobody finds out whether it does

	// mu protects what follows.
	mu     sync.Mutex
	runs   map[*run]struct{} // begun here, not ended yet
	closed bool
}

// Open opens the content. It makes no call.
func (c *Content) Open() *Opened {
	c.blocks.open.Add(1)
	o := &Opened{content: c, blocks: c.blocks, stream: newStream(), first: make(chan struct{}, 1), runs: make(map[*run]struct{})}
	o.first <- struct{}{}
	return o
}

// Close ends what only this reader wanted.
func (o *Opened) Close() {
	o.mu.Lock()
	o.closed = true
	runs := o.runs
	o.runs = nil
	o.mu.Unlock()
	o.blocks.open.Add(-1)
	for r := range runs {
		o.blocks.leave(r)
	}
	o.stream.close()
}

// Window is how many bytes one of the readers that are open may load ahead: together
// they take a quarter of the memory.
func (o *Opened) Window() int64 {
	return o.blocks.opts.Memory.Budget() / 4 / max(1, o.blocks.open.Load())
}

// Read returns the blocks first to last, loaded if they are not there. A load that has
// to begin goes on for up to extra blocks more. It waits until ctx ends.
func (o *Opened) Read(ctx context.Context, first, last, extra int64) ([][]byte, error) {
	found := make([]*block, last-first+1)
	for {
		waits, starts := o.claim(first, last, extra, found)
		for _, s := range starts {
			o.start(s, nil)
		}
		err := o.wait(ctx, waits, found, first)
		if apiclient.IsChanged(err) && !o.content.Replaced() {
			continue // it was a load for another reader, which saw another version
		}
		if err != nil {
			return nil, err
		}
		break
	}
	data := make([][]byte, len(found))
	for i, v := range found {
		data[i] = v.data
	}
	return data, nil
}

// Ahead begins to load blocks from first on, n at most, that are not there or on their
// way. It returns for how many that is settled now, 0 if there is no room for a load.
func (o *Opened) Ahead(first, n int64) (settled int64) {
	if !o.blocks.ahead.TryAcquire(1) {
		return 0
	}
	release := sync.OnceFunc(func() { o.blocks.ahead.Release(1) })
	m := o.blocks.opts.Memory
	m.mu.Lock()
	var s start
	i := first
	for ; i < first+n; i++ {
		if o.has(i) {
			if s.n > 0 {
				break
			}
			continue
		}
		if s.n == 0 {
			s = start{run: &run{wanted: 1}, first: i}
		}
		o.blocks.claim(o.key(i), s.run)
		s.n++
	}
	m.fit()
	m.mu.Unlock()
	if s.n == 0 {
		release()
	} else {
		o.start(s, release)
	}
	return i - first
}

// waiting is a claim that is waited for.
type waiting struct {
	claim *claim
	index int64
}

// start is a run that is to begin.
type start struct {
	run      *run
	first, n int64
}

func (o *Opened) key(i int64) blockKey { return blockKey{o.content.version, o.content.edition, i} }

// has reports whether a block is there or on its way. Called with the memory's mutex held.
func (o *Opened) has(i int64) bool {
	key := o.key(i)
	if v, ok := o.blocks.kept.Peek(key); ok && o.content.usable(v) {
		return true
	}
	return o.blocks.claims[key] != nil
}

// claim finds the blocks that are there, joins the loads of those on their way, and
// claims the others for runs that the caller has to start.
func (o *Opened) claim(first, last, extra int64, found []*block) (waits []waiting, starts []start) {
	m := o.blocks.opts.Memory
	m.mu.Lock()
	defer m.mu.Unlock()
	end := (o.content.version.Size + BlockSize - 1) / BlockSize
	for i := first; i <= last; i++ {
		key := o.key(i)
		if v, ok := o.blocks.kept.Get(key); ok && o.content.usable(v) {
			found[i-first] = v
			o.blocks.counters.hits.Add(1)
			continue
		}
		c := o.blocks.claims[key]
		if c == nil {
			if k := len(starts) - 1; k < 0 || starts[k].first+starts[k].n != i {
				starts = append(starts, start{run: &run{wanted: 1}, first: i})
			}
			s := &starts[len(starts)-1]
			s.n++
			c = o.blocks.claim(key, s.run)
		}
		c.run.wanted++
		waits = append(waits, waiting{c, i})
	}
	if k := len(starts) - 1; k >= 0 && starts[k].first+starts[k].n == last+1 {
		for i := last + 1; i < min(last+1+extra, end) && !o.has(i); i++ {
			o.blocks.claim(o.key(i), starts[k].run)
			starts[k].n++
		}
	}
	m.fit()
	return waits, starts
}

// wait waits for claims and puts their blocks where they belong.
func (o *Opened) wait(ctx context.Context, waits []waiting, found []*block, first int64) (err error) {
	for k, w := range waits {
		if err == nil {
			select {
			case <-w.claim.done:
			case <-ctx.Done():
				err = ctx.Err()
			}
		}
		if err == nil && w.claim.err != nil {
			err = w.claim.err
		}
		if err == nil && !o.content.agrees(w.claim.block) {
			err = ErrChanged
		}
		if err == nil {
			found[w.index-first] = w.claim.block
		}
		o.blocks.leave(waits[k].claim.run)
	}
	return err
}

// start begins a run. after is called when it has ended.
func (o *Opened) start(s start, after func()) {
	b := o.blocks
	ctx, cancel := context.WithCancel(b.loads.base)
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
		// The kernel asks again for what it did not get, a page at a time.
		if now := b.opts.Now(); apiclient.IsTemporary(err) && now.Sub(began) >= b.opts.Timeout/2 {
			b.failures.remember(path, err, now)
		}
	}()
	w, ctx, stop := o.blocks.loads.watch(ctx)
	defer stop()
	body, asked, err := o.ask(ctx, s, w)
	if err != nil {
		return o.content.noteChange(err)
	}
	if body == nil || body.Whole() {
		return o.stream.load(ctx, o, s, w, body, asked)
	}
	defer body.Close()
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
func (o *Opened) ask(ctx context.Context, s start, w *watchdog) (*apiclient.Body, time.Time, error) {
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
	v := o.content.version
	from := s.first * BlockSize
	body, err := o.blocks.opts.Opener.Open(ctx, apiclient.Range{
		Path: v.Path, Offset: from, Length: min((s.first+s.n)*BlockSize, v.Size) - from, Size: v.Size,
		Validator: expected, Turn: w.turn, Bytes: w.bytes, Answer: w.progress,
	})
	switch {
	case err != nil:
	case body.Whole():
		o.stream.use()
	default:
		o.blocks.ranged.Store(true)
	}
	return body, asked, err
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

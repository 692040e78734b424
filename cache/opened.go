package cache

import (
	"context"
	"sync"
	"time"

	"sefs/apiclient"
)

// Opened is a content that one reader has open. What it began to load ahead ends with
// it, unless others wait for that. It is safe for concurrent use.
type Opened struct {
	// Caller is for whom the calls are made; see [apiclient.Caller]. It is set before use.
	Caller  int
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
	c.blocks.arrived(c.version)
	return c.opened()
}

// opened is Open for a reader that is not counted.
func (c *Content) opened() *Opened {
	o := &Opened{content: c, blocks: c.blocks, stream: newStream(), first: make(chan struct{}, 1), runs: make(map[*run]struct{})}
	o.first <- struct{}{}
	return o
}

// Close ends what only this reader wanted.
func (o *Opened) Close() {
	o.blocks.open.Add(-1)
	o.leave()
	o.stream.close()
}

// leave ends the runs that nobody else wants.
func (o *Opened) leave() {
	o.mu.Lock()
	o.closed = true
	runs := o.runs
	o.runs = nil
	o.mu.Unlock()
	for r := range runs {
		o.blocks.leave(r)
	}
}

// Window is how many bytes one of the readers that are open may load ahead: together
// they take a quarter of the memory.
func (o *Opened) Window() int64 {
	return o.blocks.opts.Memory.Budget() / 4 / max(1, o.blocks.open.Load())
}

// Read returns the blocks first to last, loaded if they are not there. A load that has
// to begin goes on for up to extra blocks more. It waits until ctx ends.
func (o *Opened) Read(ctx context.Context, first, last, extra int64) ([][]byte, error) {
	found, began := make([]*block, last-first+1), time.Now()
	for {
		waits, starts := o.claim(first, last, extra, found)
		for _, s := range starts {
			o.start(s, nil)
		}
		early, err := o.wait(ctx, waits, found, first)
		if apiclient.IsChanged(err) && !o.content.Replaced() {
			continue // it was a load for another reader, which saw another version
		}
		if early && (!apiclient.IsTemporary(err) || apiclient.FailedAhead(err) || time.Since(began) < patience) {
			continue // it was a load for nobody
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
		c.run.join()
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

// patience is for how long a reader may have waited for a load that began before the file
// was opened, and still begin it anew when it failed.
const patience = time.Second

// wait waits for claims and puts their blocks where they belong. early tells of an error
// that it is of a load that began before the file was opened.
func (o *Opened) wait(ctx context.Context, waits []waiting, found []*block, first int64) (early bool, err error) {
	for k, w := range waits {
		if err == nil {
			select {
			case <-w.claim.done:
			case <-ctx.Done():
				select {
				case <-w.claim.done: // what is there is given, whoever was interrupted
				default:
					err = ctx.Err()
				}
			}
		}
		if err == nil && w.claim.err != nil {
			err, early = w.claim.err, w.claim.run.joined != nil
		}
		if err == nil && !o.content.agrees(w.claim.block) {
			err = ErrChanged
		}
		if err == nil {
			found[w.index-first] = w.claim.block
		}
		o.blocks.leave(waits[k].claim.run)
	}
	return early, err
}

package cache

import (
	"context"

	"sefs/apiclient"
)

// expected is what is asked for of files before they are opened: a backup of small files
// would wait two round trips for each else. It is little, so that others keep what they
// use. The memory's mutex protects it.
type expected struct {
	files         map[Version]*Expected
	bytes         int64 // of their blocks, there or to come
	begun, opened int64
}

// expectedShare is the part of the memory's budget that files may take which are expected.
const expectedShare = 8

// Expected is a file that is expected to be opened. Nothing waits for it, and what fails
// of it is tried anew by the reader that comes.
type Expected struct {
	blocks *Blocks
	opened *Opened // what loads its blocks; nil if only its link is asked for
	bytes  int64
	file   Version

	// stop ends the call for the link, and wanted, closed, says that somebody waits for it.
	stop   context.CancelFunc
	wanted chan struct{}
}

// MaxExpected is how many files may be expected at once.
func (b *Blocks) MaxExpected() int { return 2 * max(b.opts.Downloads, 1) }

// Expect begins to load a file that is likely to be opened soon: all of it, which has to be
// little; or no more than the link to it. It returns nil if there is nothing to be done for it, and
// false if there is no room for another file now. It makes no call by itself, and never waits.
func (b *Blocks) Expect(v Version, whole bool) (e *Expected, ok bool) {
	if whole {
		return b.expectBlocks(v)
	}
	preparer, ok := b.opts.Opener.(Preparer)
	if !ok {
		return nil, true
	}
	m := b.opts.Memory
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case b.expected.files[v] != nil:
		return nil, true
	case len(b.expected.files) >= b.MaxExpected():
		return nil, false
	case b.loads.begin() != nil:
		return nil, true
	}
	ctx, cancel := context.WithCancel(b.loads.base)
	e = &Expected{blocks: b, file: v, stop: cancel, wanted: make(chan struct{})}
	b.expect(e)
	go func() {
		defer b.loads.running.Done()
		defer cancel()
		var err error
		defer b.loads.rescue(v.Path, &err)
		w, ctx, stop := b.loads.watch(apiclient.Ahead(ctx, e.wanted))
		defer stop()
		err = preparer.Prepare(ctx, v.Path, w.turn) // a reader tries it itself
	}()
	return e, true
}

// expectBlocks is Expect for all of a file.
func (b *Blocks) expectBlocks(v Version) (*Expected, bool) {
	o := b.Content(v).opened()
	m := b.opts.Memory
	m.mu.Lock()
	s, bytes := o.gap()
	if s.n == 0 || b.expected.files[v] != nil {
		m.mu.Unlock()
		return nil, true
	}
	if len(b.expected.files) >= b.MaxExpected() || !b.roomFor(bytes) {
		m.mu.Unlock()
		return nil, false
	}
	s.run = &run{wanted: 1, joined: make(chan struct{})}
	for i := s.first; i < s.first+s.n; i++ {
		b.claim(o.key(i), s.run)
	}
	e := &Expected{blocks: b, file: v, opened: o, bytes: bytes}
	b.expect(e)
	m.fit()
	m.mu.Unlock()
	o.start(s, o.stream.close)
	return e, true
}

// expect counts a file in. It is called with the memory's mutex held.
func (b *Blocks) expect(e *Expected) {
	b.expected.files[e.file] = e
	b.expected.bytes += e.bytes
	b.expected.begun++
}

// gap returns the first blocks in a row that are not there or on their way, and what they
// will take in memory. It is called with the memory's mutex held.
func (o *Opened) gap() (s start, bytes int64) {
	for i := int64(0); i*BlockSize < o.content.version.Size; i++ {
		if o.has(i) {
			if s.n > 0 {
				break
			}
			continue
		}
		if s.n == 0 {
			s.first = i
		}
		s.n++
		bytes += o.content.version.bytes(i)
	}
	return s, bytes
}

// roomFor reports whether so many bytes may be loaded for a file that is expected: all
// such files take a part of the budget, and what goes for them are blocks, never listings.
// It is called with the memory's mutex held.
func (b *Blocks) roomFor(bytes int64) bool {
	m := b.opts.Memory
	if b.expected.bytes+bytes > m.budget/expectedShare {
		return false
	}
	blocks, others := b.bytes, m.folders.size()
	return others+blocks+bytes <= m.budget ||
		blocks+bytes > m.budget/2 && blocks-b.coming >= others+blocks+bytes-m.budget
}

// arrived notes that a file was opened.
func (b *Blocks) arrived(v Version) {
	m := b.opts.Memory
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := b.expected.files[v]; e != nil {
		e.arrived()
	}
}

// Arrived notes that the file was opened before it came to be expected, or is another
// version by now.
func (e *Expected) Arrived() {
	m := e.blocks.opts.Memory
	m.mu.Lock()
	defer m.mu.Unlock()
	e.arrived()
}

// arrived is Arrived with the memory's mutex held.
func (e *Expected) arrived() {
	if !e.gone() {
		return
	}
	e.blocks.expected.opened++
	if e.wanted != nil {
		close(e.wanted)
	}
}

// gone takes a file out of those that are expected, and reports whether it was among them.
// It is called with the memory's mutex held.
func (e *Expected) gone() bool {
	x := &e.blocks.expected
	if x.files[e.file] != e {
		return false
	}
	delete(x.files, e.file)
	x.bytes -= e.bytes
	return true
}

// Withdraw gives up a file that was not opened: what is still to be loaded of it is not,
// unless a reader waits for it.
func (e *Expected) Withdraw() {
	m := e.blocks.opts.Memory
	m.mu.Lock()
	was := e.gone()
	m.mu.Unlock()
	switch {
	case !was: // it was opened, or withdrawn before
	case e.opened != nil:
		e.opened.leave()
	default:
		e.stop()
	}
}

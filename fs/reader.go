package fs

import (
	"context"
	"sync"

	"sefs/cache"
)

const (
	// maxWindow is the most that is loaded ahead of a reader: what comes in 150 ms at
	// 200 MB/s.
	maxWindow = 32 << 20
	// maxRange is the most that is asked for at once ahead of a reader.
	maxRange = 4 << 20
	// smallFile is the size up to which a file that is read from its beginning is asked
	// for as a whole.
	smallFile = 512 << 10
	// slack is how far from the expected place a read still belongs to the same
	// sequence: the kernel has several in flight, and they arrive out of order.
	slack = 1 << 20
)

// reader reads a file for one handle, and ahead of it when the reads follow each other.
// The window ahead is as large as what was read in a row, so it doubles as reading goes
// on; a seek ends it. It is safe for concurrent use.
type reader struct {
	opened *cache.Opened
	size   int64
	// streak is how many bytes in a row make the reader sequential. It is more than what
	// the kernel reads around a fault in a mapped file, or a media probe at each place.
	streak int64

	// mu protects what follows. It is held for arithmetic and for claiming blocks, never
	// while waiting for any.
	mu    sync.Mutex
	first int64 // where the reads in a row began
	next  int64 // where they have come to
	ahead int64 // up to where loads were begun
}

// read returns the n bytes at offset, in pieces; fewer only at the end of the file.
func (r *reader) read(ctx context.Context, offset int64, n int) ([][]byte, error) {
	end := min(offset+int64(n), r.size)
	if offset >= end {
		return nil, nil
	}
	extra := r.plan(offset, end)
	pieces, err := r.opened.Read(ctx, offset/cache.BlockSize, (end-1)/cache.BlockSize, extra)
	if err != nil {
		return nil, err
	}
	last := len(pieces) - 1
	pieces[last] = pieces[last][:end-blockStart(end-1)]
	pieces[0] = pieces[0][offset-blockStart(offset):]
	return pieces, nil
}

// blockStart is where the block begins that a byte lies in.
func blockStart(at int64) int64 { return at / cache.BlockSize * cache.BlockSize }

// plan takes note of a read and begins loads ahead of it. It returns how many blocks
// the read should load beyond its own, where it has to load at all.
func (r *reader) plan(offset, end int64) (extra int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if offset < r.next-slack || offset > r.next+slack || offset < r.first {
		r.first, r.next, r.ahead = offset, offset, 0
	}
	if offset == r.next || offset < r.next && end > r.next {
		r.next = end
	} else if offset > r.next {
		r.first += offset - r.next // what was left out does not count
		r.next = end
	}
	if r.size <= smallFile && offset == 0 {
		return blocks(r.size)
	}
	streak := r.next - r.first
	if streak < r.streak {
		return 0
	}
	window := min(streak, maxWindow, r.opened.Window())
	step := blocks(min(max(window/4, cache.BlockSize), maxRange))
	return r.loadAhead(min(end+window, r.size), end, step)
}

// loadAhead begins loads of step blocks each from the end of a read up to a target. It
// returns what the read has to do by itself if there is no room for them.
func (r *reader) loadAhead(target, end, step int64) (extra int64) {
	if r.ahead < end {
		r.ahead = blocks(end) * cache.BlockSize
	}
	for r.ahead < target {
		if target < r.size && target-r.ahead < step*cache.BlockSize {
			break // not worth a request yet
		}
		n := r.opened.Ahead(r.ahead/cache.BlockSize, min(step, blocks(r.size-r.ahead)))
		if n == 0 {
			return step
		}
		r.ahead += n * cache.BlockSize
	}
	return 0
}

// blocks is how many blocks hold so many bytes.
func blocks(bytes int64) int64 { return (bytes + cache.BlockSize - 1) / cache.BlockSize }

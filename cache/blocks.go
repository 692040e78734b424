package cache

import (
	"context"
	"log/slog"
	"math"
	"sync/atomic"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/sync/semaphore"

	"sefs/apiclient"
)

// BlockSize is the unit in bytes in which contents are kept. A read of 64 KiB at any
// place touches two at most.
const BlockSize = 128 << 10

// Opener opens pieces of files. It is what [apiclient.Client] does.
type Opener interface {
	Open(ctx context.Context, r apiclient.Range) (*apiclient.Body, error)
}

// Preparer gets links to files ahead of their first use. It is what [apiclient.Client]
// does; an Opener may be one.
type Preparer interface {
	Prepare(ctx context.Context, path string, turn func()) error
}

// BlocksOptions says where contents come from and how they are kept.
type BlocksOptions struct {
	Opener Opener
	// Memory is the budget that blocks are kept in.
	Memory *Memory
	// TTL is for how long bytes count that nothing tells the version of.
	TTL time.Duration
	// Timeout is how long a transfer may go without a byte.
	Timeout time.Duration
	// Stall is for how long a transfer may bring nothing before its bytes are asked for once
	// more; 0 means two seconds, or three times what is usual, a third of Timeout at most.
	Stall time.Duration
	// Downloads is how many requests may be in flight.
	Downloads int
	// Log gets what happens to transfers as a whole; nil means nowhere.
	Log *slog.Logger
	// Now is the clock that ages are counted by; nil means time.Now.
	Now func() time.Time
}

// Blocks keeps pieces of files, and sees to it that each is loaded once, however many
// readers want it. It is safe for concurrent use.
type Blocks struct {
	opts  BlocksOptions
	loads *loads
	ahead *semaphore.Weighted // loads that nobody waits for yet
	open  atomic.Int64        // readers

	failures failures // of transfers that cost a long wait

	ranged  atomic.Bool // whether a server was seen that knows ranges
	changed atomic.Bool // whether any version was found replaced

	pace     pace
	counters struct{ loaded, hits, malformed, hedged, hedgeWon atomic.Int64 }

	// opts.Memory.mu protects what follows.
	kept     *simplelru.LRU[blockKey, *block] // bounded by bytes, not by its own count
	claims   map[blockKey]*claim              // blocks that are being loaded
	editions *simplelru.LRU[Version, uint64]  // how often a version was found replaced
	bytes    int64                            // kept, or to come for a claim
	coming   int64                            // of these, to come for a claim
	expected expected
}

// blockKey names a block of one version of a file.
type blockKey struct {
	Version
	edition uint64 // see Content
	index   int64
}

// block is a piece of a file. It never changes.
type block struct {
	data      []byte
	validator apiclient.Validator // what the bytes came with
	asked     time.Time           // when they were known to be the file's
}

// claim is a block that a run is loading.
type claim struct {
	run   *run
	bytes int64         // that it counts for
	done  chan struct{} // closed when block or err is set
	block *block
	err   error
}

// maxEditions bounds for how many files it is known that they changed and look the same.
const maxEditions = 10_000

// place is what a block takes in memory beside its bytes: list element, map entry, key.
const place = 400

// NewBlocks returns an empty cache. Close ends its loads.
func NewBlocks(o BlocksOptions) *Blocks {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	kept, err := simplelru.NewLRU[blockKey, *block](math.MaxInt, nil)
	if err != nil {
		panic(err) // only a size below one is refused
	}
	editions, err := simplelru.NewLRU[Version, uint64](maxEditions, nil)
	if err != nil {
		panic(err)
	}
	b := &Blocks{
		opts:     o,
		editions: editions,
		loads:    newLoads(o.Timeout, o.Log),
		ahead:    semaphore.NewWeighted(int64(max(o.Downloads-2, 1))),
		kept:     kept,
		claims:   make(map[blockKey]*claim),
		expected: expected{files: make(map[Version]*Expected)},
	}
	o.Memory.mu.Lock()
	defer o.Memory.mu.Unlock()
	o.Memory.blocks = b
	return b
}

// Close ends the loads that are running and waits for them. Reads that wait for them,
// and later ones of what is not kept, fail.
func (b *Blocks) Close() { b.loads.close() }

// size and dropOldest make Blocks a hoard. What is being loaded cannot go.
func (b *Blocks) size() int64 { return b.bytes }

func (b *Blocks) dropOldest() bool {
	key, oldest, ok := b.kept.RemoveOldest()
	if ok {
		b.bytes -= oldest.bytes(key)
	}
	return ok
}

func (v *block) bytes(key blockKey) int64 { return place + int64(len(key.Path)+len(v.data)) }

// bytes is what block i takes in memory, about.
func (v Version) bytes(i int64) int64 { return place + int64(len(v.Path)) + v.length(i) }

// put keeps a block and gives it to those who wait for it.
func (b *Blocks) put(key blockKey, v *block) {
	b.opts.Memory.mu.Lock()
	defer b.opts.Memory.mu.Unlock()
	if old, ok := b.kept.Peek(key); ok {
		b.bytes -= old.bytes(key)
	}
	b.kept.Add(key, v)
	b.bytes += v.bytes(key)
	if c := b.claims[key]; c != nil {
		c.block = v
		b.settle(key, c)
	}
	b.opts.Memory.fit()
}

// settle ends a claim. It is called with the memory's mutex held.
func (b *Blocks) settle(key blockKey, c *claim) {
	delete(b.claims, key)
	b.bytes -= c.bytes
	b.coming -= c.bytes
	close(c.done)
}

// claim makes a claim of a block for a run. It is called with the memory's mutex held.
func (b *Blocks) claim(key blockKey, r *run) *claim {
	c := &claim{run: r, bytes: key.bytes(key.index), done: make(chan struct{})}
	b.claims[key] = c
	b.bytes += c.bytes
	b.coming += c.bytes
	return c
}

// drop forgets blocks that turned out to be nobody's.
func (b *Blocks) drop(keys []blockKey) {
	b.opts.Memory.mu.Lock()
	defer b.opts.Memory.mu.Unlock()
	for _, key := range keys {
		if old, ok := b.kept.Peek(key); ok {
			b.kept.Remove(key)
			b.bytes -= old.bytes(key)
		}
	}
}

// BlockStats is what a cache of blocks holds and has done.
type BlockStats struct {
	Bytes     int64 // of the budget in use, with what is being loaded
	Loaded    int64 // bytes that came from the service
	Hits      int64 // blocks that were there when a reader came to them
	Malformed int64 // loads that failed because an answer was none

	Hedged   int64 // transfers that stalled and were asked for once more
	HedgeWon int64 // of those, those where the second request brought bytes first

	Expected int64 // files asked for before they were opened
	Opened   int64 // of those, opened later
	Pending  int64 // of those, still expected; the rest was asked for in vain
}

// Stats returns a snapshot. It does not touch the network.
func (b *Blocks) Stats() BlockStats {
	m := b.opts.Memory
	m.mu.Lock()
	defer m.mu.Unlock()
	return BlockStats{
		Bytes: b.bytes, Loaded: b.counters.loaded.Load(), Hits: b.counters.hits.Load(), Malformed: b.counters.malformed.Load(),
		Hedged: b.counters.hedged.Load(), HedgeWon: b.counters.hedgeWon.Load(),
		Expected: b.expected.begun, Opened: b.expected.opened, Pending: int64(len(b.expected.files)),
	}
}

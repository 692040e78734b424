package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"sefs/apiclient"
	"sefs/apiclient/apitest"
)

// Many readers of several files, each at random places: all get the right bytes, and
// no byte is loaded twice.
func TestRandomReads(t *testing.T) {
	for _, noRange := range []bool{false, true} {
		t.Run(fmt.Sprint("no ranges: ", noRange), func(t *testing.T) {
			tree := apitest.NewTree(root)
			sizes := []int64{1, BlockSize, BlockSize + 1, 21*BlockSize - 7}
			for i, size := range sizes {
				tree.Add(fmt.Sprint(i), apitest.File{Size: size, Time: time.Unix(1546300800, 0)})
			}
			s := startBlocks(t, apitest.Options{Tree: tree, Content: apitest.ContentOptions{NoRange: noRange}})
			var all sync.WaitGroup
			var total int64
			for i, size := range sizes {
				name := fmt.Sprint(i)
				data, content := tree.Bytes(name), s.blocks.Content(s.timed(name))
				total += size
				for k := range 4 {
					if k == 2 { // a second content of the same version
						content = s.blocks.Content(s.timed(name))
					}
					o := content.Open()
					t.Cleanup(o.Close)
					for j := range 2 {
						random := rand.New(rand.NewPCG(uint64(i), uint64(10*k+j)))
						all.Go(func() {
							n := (size + BlockSize - 1) / BlockSize
							for range 40 {
								first := random.Int64N(n)
								last := first + random.Int64N(min(n-first, 3))
								if random.IntN(3) == 0 {
									o.Ahead(first, last-first+1)
								}
								got, err := get(t.Context(), o, first, last, random.Int64N(4))
								if err != nil || !bytes.Equal(got, part(data, first, last)) {
									t.Errorf("%s: blocks %d to %d: %d bytes, error %v", name, first, last, len(got), err)
								}
							}
						})
					}
				}
			}
			all.Wait()
			s.settled(t)
			if n := s.Calls().ContentBytes; !noRange && n != total {
				t.Errorf("%d bytes were sent, %d are there", n, total)
			}
			if got := s.blocks.Stats(); got.Hits == 0 || !noRange && got.Loaded != total {
				t.Errorf("stats %+v", got)
			}
		})
	}
}

// The same with a memory that holds next to nothing.
func TestRandomReadsInLittleMemory(t *testing.T) {
	const budget = 5 * (place + BlockSize)
	tree := oneFile(40*BlockSize + 9)
	s := startBlocks(t, apitest.Options{Tree: tree}, func(o *BlocksOptions) { o.Memory = NewMemory(budget, nil) })
	data := tree.Bytes("f")
	var all sync.WaitGroup
	for k := range 6 {
		o, random := s.open(t, s.timed("f")), rand.New(rand.NewPCG(1, uint64(k)))
		all.Go(func() {
			for range 40 {
				first := random.Int64N(40)
				o.Ahead(random.Int64N(40), 1)
				same(t, o, data, first, first+random.Int64N(2))
			}
		})
	}
	all.Wait()
	s.settled(t)
	if n := s.memory.Used(); n > budget {
		t.Errorf("%d bytes are in use of %d", n, budget)
	}
	if n := s.open(t, s.timed("f")).Window(); n > budget/4 {
		t.Errorf("%d bytes may be loaded ahead", n)
	}
}

func TestEachByteIsLoadedOnce(t *testing.T) {
	const size = 40*BlockSize + 5
	tree := oneFile(size)
	s := startBlocks(t, apitest.Options{Tree: tree, Content: apitest.ContentOptions{FirstByte: 5 * time.Millisecond}})
	data := tree.Bytes("f")
	var all sync.WaitGroup
	for k := range int64(12) {
		o := s.open(t, s.timed("f"))
		all.Go(func() {
			for i := range int64(41) {
				at := (i + 5*(k%4)) % 41
				o.Ahead(at, min(8, 41-at))
				same(t, o, data, at, min(at+1, 40))
			}
		})
	}
	all.Wait()
	calls := s.Calls()
	if calls.ContentBytes != size || s.blocks.Stats().Loaded != size {
		t.Errorf("%d bytes were sent of %d; stats %+v", calls.ContentBytes, size, s.blocks.Stats())
	}
	if calls.MaxDownloads > 8 || calls.Rejected != 0 || calls.Leaks != 0 {
		t.Errorf("calls %+v", calls)
	}
	s.settled(t)
}

// A load that has to begin goes on for some blocks more, but not past the end.
func TestReadGoesOn(t *testing.T) {
	tree := oneFile(10*BlockSize - 1)
	s := startBlocks(t, apitest.Options{Tree: tree})
	o, data := s.open(t, s.timed("f")), tree.Bytes("f")
	if got, err := get(t.Context(), o, 1, 1, 3); err != nil || !bytes.Equal(got, part(data, 1, 1)) {
		t.Fatalf("%d bytes, error %v", len(got), err)
	}
	s.settled(t)
	for range 2 {
		if _, err := get(t.Context(), o, 8, 8, 100); err != nil {
			t.Fatal(err)
		}
		s.settled(t)
	}
	same(t, o, data, 1, 4)
	same(t, o, data, 8, 9)
	if n := s.contents(); n != 2 {
		t.Errorf("%d requests", n)
	}
	same(t, o, data, 0, 9) // two gaps, two loads
	if calls := s.Calls(); calls.Content != 4 || calls.ContentBytes != int64(len(data)) {
		t.Errorf("%d requests, %d bytes", calls.Content, calls.ContentBytes)
	}
}

// Close ends what was begun ahead, but for what somebody else waits for.
func TestCloseEndsWhatNobodyWaitsFor(t *testing.T) {
	for _, waited := range []bool{false, true} {
		t.Run(fmt.Sprint("waited for: ", waited), func(t *testing.T) {
			tree := oneFile(16 * BlockSize)
			s := startBlocks(t, apitest.Options{Tree: tree})
			release := make(chan struct{})
			s.SetAskFault(apitest.EveryAsk(apitest.AskReply{Reply: apitest.Reply{Wait: release}}, apitest.AskContent))
			version := s.timed("f")
			o := s.blocks.Content(version).Open()
			if o.Ahead(0, 8) == 0 {
				t.Fatal("no room")
			}
			eventually(t, "nothing was asked for", func() bool { return s.contents() == 1 })
			var all sync.WaitGroup
			if waited {
				other := s.open(t, version)
				all.Go(func() { same(t, other, tree.Bytes("f"), 3, 3) })
				eventually(t, "nobody waits", func() bool { return s.wanted(version, 3) == 2 })
			}
			o.Close()
			if waited {
				if s.wanted(version, 3) != 1 {
					t.Errorf("%d want the load that is waited for", s.wanted(version, 3))
				}
			} else {
				s.settled(t) // without an answer
				if n := s.blocks.Stats().Bytes; n != 0 {
					t.Errorf("%d bytes are left", n)
				}
			}
			close(release)
			all.Wait()
			s.settled(t)
			if n := s.contents(); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// The loads that are begun ahead take all places but two.
func TestAheadLeavesRoom(t *testing.T) {
	tree := oneFile(64 * BlockSize)
	s := startBlocks(t, apitest.Options{Tree: tree})
	release := make(chan struct{})
	s.SetAskFault(func(a apitest.Ask, _ int) apitest.AskReply {
		if a.Kind == apitest.AskContent && a.Offset < 32*BlockSize {
			return apitest.AskReply{Reply: apitest.Reply{Wait: release}}
		}
		return apitest.AskReply{}
	})
	s.blocks.ranged.Store(true) // so that nobody waits to find out
	o := s.open(t, s.timed("f"))
	for i := range int64(8) {
		if ok := o.Ahead(4*i, 4) > 0; ok != (i < 6) {
			t.Errorf("load %d ahead: room %v", i, ok)
		}
	}
	same(t, o, tree.Bytes("f"), 60, 63) // does not wait behind them
	close(release)
	s.settled(t)
	for range 100 { // what is there takes no place
		if o.Ahead(0, 24) == 0 {
			t.Fatal("no room")
		}
	}
	s.settled(t)
	if n := s.contents(); n != 7 {
		t.Errorf("%d requests", n)
	}
}

// A caller that leaves fails nobody else, and what it began goes on.
func TestReaderMayLeave(t *testing.T) {
	tree := oneFile(8 * BlockSize)
	s := startBlocks(t, apitest.Options{Tree: tree})
	release := make(chan struct{})
	s.SetAskFault(apitest.EveryAsk(apitest.AskReply{Reply: apitest.Reply{Wait: release}}, apitest.AskContent))
	o, other := s.open(t, s.timed("f")), s.open(t, s.timed("f"))
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() { _, err := o.Read(ctx, 0, 3, 2); left <- err }()
	s.claimed(t, s.timed("f"), 5)
	var all sync.WaitGroup
	all.Go(func() { same(t, other, tree.Bytes("f"), 1, 2) })
	eventually(t, "nobody waits", func() bool { return s.wanted(s.timed("f"), 1) == 7 })
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("the caller who left got %v", err)
	}
	close(release)
	all.Wait()
	s.settled(t)
	same(t, o, tree.Bytes("f"), 0, 5)
	if n := s.contents(); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestCloseOfBlocksEndsReads(t *testing.T) {
	tree := oneFile(8 * BlockSize)
	s := startBlocks(t, apitest.Options{Tree: tree})
	s.SetAskFault(apitest.EveryAsk(apitest.AskReply{Reply: apitest.Hang()}, apitest.AskContent))
	s.blocks.ranged.Store(true) // so that nobody waits to find out
	o := s.open(t, s.timed("f"))
	o.Ahead(4, 2)
	failed := make(chan error)
	go func() { _, err := o.Read(context.Background(), 0, 0, 2); failed <- err }()
	eventually(t, "nothing was asked for", func() bool { return s.contents() == 2 })
	s.blocks.Close()
	if err := <-failed; !errors.Is(err, errClosed) {
		t.Errorf("error %v", err)
	}
	s.settled(t)
	if _, err := o.Read(t.Context(), 0, 0, 0); !errors.Is(err, errClosed) {
		t.Errorf("after Close: error %v", err)
	}
	for range 20 {
		if o.Ahead(0, 2) == 0 {
			t.Fatal("loads that are refused take room")
		}
	}
	s.settled(t)
	if n := s.blocks.Stats().Bytes; n != 0 {
		t.Errorf("%d bytes are left", n)
	}
}

// opener opens pieces by a function.
type opener func(ctx context.Context, r apiclient.Range) (*apiclient.Body, error)

func (o opener) Open(ctx context.Context, r apiclient.Range) (*apiclient.Body, error) {
	return o(ctx, r)
}

func TestReadTurnsPanicsIntoErrors(t *testing.T) {
	b := NewBlocks(BlocksOptions{Memory: NewMemory(1<<20, nil), TTL: time.Minute, Timeout: time.Second, Downloads: 2,
		Opener: opener(func(context.Context, apiclient.Range) (*apiclient.Body, error) { panic("oh") })})
	defer b.Close()
	o := b.Content(Version{Path: root + "/f", Size: 1 << 20}).Open()
	defer o.Close()
	for range 3 {
		if _, err := o.Read(t.Context(), 0, 1, 1); err == nil || !strings.Contains(err.Error(), "panic: oh") {
			t.Errorf("error %v", err)
		}
	}
	if n := b.Stats().Bytes; n != 0 {
		t.Errorf("%d bytes are left", n)
	}
}

func TestReadErrorsAreNotKept(t *testing.T) {
	for name, fault := range map[string]apitest.AskReply{
		"refused":       {Reply: apitest.Status(400)},
		"other bytes":   apitest.OtherStart(1),
		"no range said": apitest.NoContentRange(),
		"encoded":       apitest.Gzipped(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := oneFile(3 * BlockSize)
			s := startBlocks(t, apitest.Options{Tree: tree})
			s.SetAskFault(apitest.EveryAsk(fault, apitest.AskContent))
			o := s.open(t, s.timed("f"))
			if _, err := o.Read(t.Context(), 0, 1, 0); err == nil || apiclient.IsChanged(err) {
				t.Errorf("error %v", err)
			}
			s.settled(t)
			s.SetAskFault(nil)
			same(t, o, tree.Bytes("f"), 0, 2)
		})
	}
}

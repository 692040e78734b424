package cache

import (
	"io"
	"sync/atomic"
	"testing"
	"time"

	"sefs/apiclient"
	"sefs/apiclient/apitest"
)

// plenty bounds what is waited for; it is no measurement.
const plenty = 30 * time.Second

// stalls lets transfers stall after a second, in which some bytes come even to a slow
// machine, and never fail for silence within the test.
func stalls(o *BlocksOptions) { o.Stall, o.Timeout = time.Second, 2*plenty }

// sticky is a content that sticks once, from some place on.
type sticky struct {
	io.ReaderAt
	from  int64
	stuck *atomic.Bool
	ends  <-chan struct{}
}

func (c sticky) ReadAt(p []byte, at int64) (int, error) {
	if at+int64(len(p)) > c.from && !c.stuck.Swap(true) {
		<-c.ends
	}
	return c.ReaderAt.ReadAt(p, at)
}

// stickyFile is a tree with a file f of 8 blocks whose first transfer sticks at block 3 until
// release, and the bytes that it has.
func stickyFile() (tree *apitest.Tree, want []byte, release func()) {
	plain := oneFile(8 * BlockSize)
	want = plain.Bytes("f")
	ends := make(chan struct{})
	var once atomic.Bool
	release = func() {
		if !once.Swap(true) {
			close(ends)
		}
	}
	tree = oneFile(8 * BlockSize)
	tree.Change("f", func(f *apitest.File) {
		f.Content = sticky{bytesAt(want), 3 * BlockSize, new(atomic.Bool), ends}
	})
	return tree, want, release
}

// bytesAt is a content in memory.
type bytesAt []byte

func (b bytesAt) ReadAt(p []byte, at int64) (int, error) {
	n := copy(p, b[at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// hedged checks the counts of second requests.
func (s *service) hedged(t *testing.T, hedged, won int64) {
	t.Helper()
	if got := s.blocks.Stats(); got.Hedged != hedged || got.HedgeWon != won {
		t.Errorf("%d transfers were asked for once more, %d in vain; want %d and %d",
			got.Hedged, got.Hedged-got.HedgeWon, hedged, hedged-won)
	}
}

// A transfer that brings nothing is asked for a second time, and its reader gets the bytes
// without waiting for the timeout.
func TestStalledTransferIsAskedForAgain(t *testing.T) {
	t.Parallel()
	tree := oneFile(8 * BlockSize)
	s := startBlocks(t, apitest.Options{Tree: tree}, stalls)
	s.SetAskFault(apitest.FirstAsks(1, apitest.AskContent, apitest.AskReply{Reply: apitest.Hang()}))
	same(t, s.open(t, s.timed("f")), tree.Bytes("f"), 0, 7)
	s.hedged(t, 1, 1)
	if n := s.contents(); n != 2 {
		t.Errorf("%d requests", n)
	}
	s.settled(t)
}

// One that stalls on its way is asked for what is missing.
func TestTransferThatStallsOnItsWay(t *testing.T) {
	t.Parallel()
	tree, want, release := stickyFile()
	s := startBlocks(t, apitest.Options{Tree: tree}, stalls)
	t.Cleanup(release)
	same(t, s.open(t, s.timed("f")), want, 0, 7)
	s.hedged(t, 1, 1)
	if r := s.Calls().Ranges; len(r) != 2 || r[1].Offset < BlockSize {
		t.Errorf("%+v were asked for", r)
	}
	s.settled(t)
}

// The first request goes on where it brings bytes before the second does.
func TestFirstRequestMayStillWin(t *testing.T) {
	t.Parallel()
	tree, want, release := stickyFile()
	s := startBlocks(t, apitest.Options{Tree: tree}, stalls)
	t.Cleanup(release)
	s.SetAskFault(func(a apitest.Ask, n int) apitest.AskReply {
		if a.Kind == apitest.AskContent && n == 2 {
			release()
			return apitest.AskReply{Reply: apitest.Hang()}
		}
		return apitest.AskReply{}
	})
	same(t, s.open(t, s.timed("f")), want, 0, 7)
	s.hedged(t, 1, 0)
	s.settled(t)
}

// A second request that fails takes nothing from the first.
func TestSecondRequestFails(t *testing.T) {
	t.Parallel()
	tree, want, release := stickyFile()
	s := startBlocks(t, apitest.Options{Tree: tree}, stalls)
	t.Cleanup(release)
	s.SetAskFault(func(a apitest.Ask, n int) apitest.AskReply {
		if a.Kind == apitest.AskContent && n > 1 {
			time.AfterFunc(300*time.Millisecond, release)
			return apitest.AskReply{Reply: apitest.HTML()}
		}
		return apitest.AskReply{}
	})
	same(t, s.open(t, s.timed("f")), want, 0, 7)
	s.hedged(t, 1, 0)
}

// A run is asked for a second time once at most; if that brings nothing either, the read ends
// with the timeout.
func TestOneSecondRequestForARun(t *testing.T) {
	t.Parallel()
	s := startBlocks(t, apitest.Options{Tree: oneFile(8 * BlockSize)}, func(o *BlocksOptions) {
		o.Stall, o.Timeout = 10*time.Millisecond, brief
	})
	s.SetAskFault(apitest.EveryAsk(apitest.AskReply{Reply: apitest.Hang()}, apitest.AskContent))
	o := s.open(t, s.timed("f"))
	silent(t, brief, func() error { _, err := o.Read(t.Context(), 0, 7, 0); return err })
	s.hedged(t, 1, 0)
	if n := s.contents(); n != 2 {
		t.Errorf("%d requests", n)
	}
	s.settled(t)
}

// Bytes of two versions are not mixed by it: a second request that meets another version is
// refused, and so is the rest of the first.
func TestSecondRequestMeetsAnotherVersion(t *testing.T) {
	t.Parallel()
	tree, want, release := stickyFile()
	s := startBlocks(t, apitest.Options{Tree: tree}, stalls)
	t.Cleanup(release)
	s.SetAskFault(func(a apitest.Ask, n int) apitest.AskReply {
		if a.Kind == apitest.AskContent && n == 1 {
			return apitest.AskReply{}
		}
		return apitest.OtherETag(`"another"`)
	})
	o := s.open(t, s.timed("f"))
	if _, err := o.Read(t.Context(), 0, 7, 0); !apiclient.IsChanged(err) {
		t.Errorf("error %v", err)
	}
	if !o.content.Replaced() {
		t.Error("the content is not known to be replaced")
	}
	same(t, o, want, 0, 0) // what came before
	s.settled(t)
}

// A server that knows no ranges is not asked for all of a file twice.
func TestNoSecondStream(t *testing.T) {
	t.Parallel()
	tree, want, release := stickyFile()
	s := startBlocks(t, apitest.Options{Tree: tree, Content: apitest.ContentOptions{NoRange: true}}, stalls)
	t.Cleanup(release)
	time.AfterFunc(1500*time.Millisecond, release)
	same(t, s.open(t, s.timed("f")), want, 0, 7)
	s.hedged(t, 0, 0)
}

func TestPace(t *testing.T) {
	var p pace
	if got := p.stall(time.Minute); got != 2*time.Second {
		t.Errorf("%v at first", got)
	}
	for range 100 {
		p.took(2 * time.Second)
	}
	if got := p.stall(time.Minute); got != 6*time.Second {
		t.Errorf("%v where two seconds are usual", got)
	}
	if got := p.stall(9 * time.Second); got != 3*time.Second {
		t.Errorf("%v with a timeout of nine seconds", got)
	}
}

package cache

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"sefs/apiclient"
	"sefs/apiclient/apitest"
)

// noRanges are the servers that send files as a whole only.
var noRanges = map[string]apitest.ContentOptions{
	"with a length": {NoRange: true},
	"no length":     {NoRange: true, NoLength: true},
}

// startStream starts a server without ranges, and opens a file of 32 blocks and a bit.
func startStream(t *testing.T, content apitest.ContentOptions, change ...func(*BlocksOptions)) (s *service, o *Opened, data []byte) {
	t.Helper()
	tree := oneFile(32*BlockSize + 5)
	s = startBlocks(t, apitest.Options{Tree: tree, Content: content}, change...)
	return s, s.open(t, s.timed("f")), tree.Bytes("f")
}

func TestStreamForward(t *testing.T) {
	for name, content := range noRanges {
		t.Run(name, func(t *testing.T) {
			s, o, data := startStream(t, content)
			for i := range int64(16) {
				same(t, o, data, 2*i, 2*i+1)
			}
			same(t, o, data, 31, 32)
			if calls := s.Calls(); calls.Content != 1 || calls.ContentBytes != int64(len(data)) {
				t.Errorf("%d requests, %d bytes", calls.Content, calls.ContentBytes)
			}
			same(t, o, data, 0, 32) // all of it is kept
			if n := s.contents(); n != 1 {
				t.Errorf("%d requests", n)
			}
			s.settled(t)
		})
	}
}

// A step forward reads on. A step back begins again, once, if that is not kept.
func TestStreamSteps(t *testing.T) {
	const budget = 6 * (BlockSize + 2*place)
	small := func(o *BlocksOptions) { o.Memory = NewMemory(budget, nil) }
	s, o, data := startStream(t, apitest.ContentOptions{NoRange: true}, small)
	for _, step := range []struct {
		first, last int64
		requests    int
	}{
		{0, 0, 1}, {10, 11, 1}, {20, 20, 1},
		{18, 19, 1}, // kept: it came past them
		{2, 3, 2},   // not kept any more
		{4, 4, 2}, {9, 9, 2}, {7, 8, 2},
		{32, 32, 2}, // the end
		{31, 31, 2},
		{0, 0, 3},
	} {
		same(t, o, data, step.first, step.last)
		if n := s.contents(); n != step.requests {
			t.Fatalf("%d requests after blocks %d to %d, want %d", n, step.first, step.last, step.requests)
		}
		if n := s.memory.Used(); n > budget {
			t.Fatalf("%d bytes are in use of %d", n, budget)
		}
	}
	s.settled(t)
}

// Loads of one reader that a single transfer serves are not begun again because memory
// holds less than it brings.
func TestStreamServesAllWhoWait(t *testing.T) {
	const budget = 6 * (BlockSize + 2*place)
	small := func(o *BlocksOptions) { o.Memory = NewMemory(budget, nil) }
	s, o, data := startStream(t, apitest.ContentOptions{NoRange: true}, small)
	same(t, o, data, 0, 0)
	<-o.stream.turn
	var all sync.WaitGroup
	for k, first := range []int64{20, 3} {
		all.Go(func() { same(t, o, data, first, first+1) })
		s.claimed(t, o.content.version, first)
		time.Sleep(time.Duration(20*(k+1)) * time.Millisecond) // it waits for its turn
	}
	o.stream.turn <- struct{}{}
	all.Wait()
	idle(t, o)
	if n := s.contents(); n != 1 {
		t.Errorf("%d requests", n)
	}
	s.settled(t)
}

// Each reader has a transfer of its own, that takes no place while nobody reads.
func TestStreamsOfManyReaders(t *testing.T) {
	s, _, data := startStream(t, apitest.ContentOptions{NoRange: true}, func(o *BlocksOptions) {
		o.Memory = NewMemory(4*(BlockSize+2*place), nil)
	})
	var opened []*Opened
	for range 12 { // more than may be in flight
		opened = append(opened, s.open(t, s.timed("f")))
	}
	for i := range int64(4) {
		for _, o := range opened {
			same(t, o, data, 8*i, 8*i)
			same(t, o, data, 8*i+7, 8*i+7)
		}
	}
	if n := s.contents(); n > len(opened) {
		t.Errorf("%d requests of %d readers", n, len(opened))
	}
	other := apiclient.Range{Path: root + "/f", Length: 10, Size: int64(len(data))}
	body, err := s.client.Open(t.Context(), other)
	if err != nil {
		t.Fatal(err)
	}
	body.Close()
	s.settled(t)
}

func TestStreamInAnyOrder(t *testing.T) {
	for name, content := range noRanges {
		t.Run(name, func(t *testing.T) {
			s, o, data := startStream(t, content)
			random := rand.New(rand.NewPCG(1, 2))
			var all sync.WaitGroup
			for _, i := range random.Perm(32) {
				all.Go(func() { same(t, o, data, int64(i), int64(i)+1) })
			}
			all.Wait()
			s.settled(t)
			same(t, o, data, 0, 32)
		})
	}
}

// A transfer that breaks off goes on; one that ends too soon, or not where it should, is
// another version.
func TestStreamBreaks(t *testing.T) {
	for name, content := range noRanges {
		t.Run(name, func(t *testing.T) {
			s, o, data := startStream(t, content)
			s.SetAskFault(apitest.FirstAsks(2, apitest.AskContent, apitest.CutAfter(5*BlockSize+3)))
			for i := range int64(33) {
				same(t, o, data, i, i)
			}
			if n := s.contents(); n != 3 && n != 2 {
				t.Errorf("%d requests", n)
			}
			s.settled(t)
		})
		for _, size := range []int64{-1, 1} {
			t.Run(fmt.Sprintf("%s, %+d bytes", name, size), func(t *testing.T) {
				s, o, _ := startStream(t, content)
				s.Tree().Change("f", func(f *apitest.File) { f.Size += size })
				if _, err := o.Read(t.Context(), 0, 32, 0); err == nil {
					t.Error("the file has another size, and no error")
				} else if !apiclient.IsChanged(err) && !content.NoLength {
					t.Errorf("error %v", err)
				}
				s.settled(t)
			})
		}
	}
}

// Close ends a reader's transfer; who waits for a block of it gets the block.
func TestStreamClose(t *testing.T) {
	for name, stage := range map[string]string{"before the answer": "answer", "while it reads": "read", "between": ""} {
		t.Run(name, func(t *testing.T) {
			s, _, data := startStream(t, apitest.ContentOptions{NoRange: true})
			release := make(chan struct{})
			version := s.timed("f")
			o, other := s.blocks.Content(version).Open(), s.open(t, version)
			switch stage {
			case "answer":
				s.SetAskFault(apitest.FirstAsks(1, apitest.AskContent, apitest.AskReply{Reply: apitest.Reply{Wait: release}}))
			case "read":
				s.SetAskFault(apitest.FirstAsks(1, apitest.AskContent, apitest.DripBytes(BlockSize/2, 10*time.Millisecond)))
			default:
				same(t, o, data, 0, 0)
			}
			o.Ahead(1, 20)
			var all sync.WaitGroup
			all.Go(func() { same(t, other, data, 4, 4) })
			if stage != "" {
				eventually(t, "nobody waits", func() bool { return s.wanted(version, 4) == 2 })
			}
			time.AfterFunc(20*time.Millisecond, func() { close(release) })
			o.Close()
			all.Wait()
			s.settled(t)
			same(t, other, data, 5, 32)
		})
	}
}

// A caller that leaves does not end the transfer.
func TestStreamReaderMayLeave(t *testing.T) {
	s, o, data := startStream(t, apitest.ContentOptions{NoRange: true})
	s.SetAskFault(apitest.EveryAsk(apitest.DripBytes(BlockSize, 5*time.Millisecond), apitest.AskContent))
	same(t, o, data, 0, 0)
	for i := range int64(5) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(2*time.Millisecond, cancel)
		if got, err := get(ctx, o, 5*i, 5*i+4, 0); err == nil && !bytes.Equal(got, part(data, 5*i, 5*i+4)) {
			t.Error("other bytes")
		}
		cancel()
	}
	same(t, o, data, 0, 32)
	if n := s.contents(); n != 1 {
		t.Errorf("%d requests", n)
	}
}

// A stream goes on with the version that it began with, for as long as it takes; that
// says nothing about what the file is by then.
func TestStreamIsAsOldAsItsRequest(t *testing.T) {
	tree := oneFile(32 * BlockSize)
	s := startBlocks(t, apitest.Options{Tree: tree, Content: apitest.ContentOptions{NoRange: true, Validators: apitest.ValidatorETag}})
	o, older := s.open(t, s.untimed("f")), tree.Bytes("f")
	same(t, o, older, 0, 3)
	change(tree, "f")
	s.wait(2 * time.Minute)
	same(t, o, older, 4, 7)
	if err := o.content.Check(t.Context()); !apiclient.IsChanged(err) {
		t.Errorf("error %v", err)
	}
	if !o.content.Replaced() {
		t.Error("the content does not know that it is replaced")
	}
}

// A transfer that begins when its reader has gone already is ended.
func TestStreamAdoptedAfterClose(t *testing.T) {
	tree := oneFile(32 * BlockSize)
	var o *Opened
	var client Opener
	s := startBlocks(t, apitest.Options{Tree: tree, Content: apitest.ContentOptions{NoRange: true}}, func(b *BlocksOptions) {
		client = b.Opener
		b.Opener = opener(func(ctx context.Context, r apiclient.Range) (*apiclient.Body, error) {
			body, err := client.Open(ctx, r)
			o.Close()
			return body, err
		})
	})
	for range 20 {
		o = s.blocks.Content(s.timed("f")).Open()
		o.Ahead(0, 4)
		eventually(t, "the load goes on", func() bool {
			if !s.blocks.ahead.TryAcquire(6) {
				return false
			}
			s.blocks.ahead.Release(6)
			return true
		})
		<-o.stream.turn
		if o.stream.body != nil {
			t.Error("the transfer goes on")
			o.stream.end()
		}
		o.stream.turn <- struct{}{}
	}
	s.settled(t)
}

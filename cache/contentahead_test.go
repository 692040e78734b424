package cache

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"sefs/apiclient"
	"sefs/apiclient/apitest"
)

// small is a tree of files of 10,000 bytes, called 0, 1, and so on.
func small(n int) *apitest.Tree {
	tree := apitest.NewTree(root)
	for i := range n {
		tree.Add(fmt.Sprint(i), apitest.File{Size: 10_000, Kind: apitest.Video, Time: time.Unix(1_600_000_000, 0)})
	}
	return tree
}

// counts checks what is said of files that are expected.
func counts(t testing.TB, b *Blocks, expected, opened, pending int64) {
	t.Helper()
	if s := b.Stats(); s.Expected != expected || s.Opened != opened || s.Pending != pending {
		t.Errorf("%d expected, %d opened, %d pending, want %d, %d, %d", s.Expected, s.Opened, s.Pending, expected, opened, pending)
	}
}

// A file that is expected is there when it is opened, by one request.
func TestExpect(t *testing.T) {
	tree := small(3)
	tree.Add("large", apitest.File{Size: 5*BlockSize - 1, Kind: apitest.Video})
	s := startBlocks(t, apitest.Options{Tree: tree})
	for i, name := range []string{"0", "large"} {
		v := s.timed(name)
		e, ok := s.blocks.Expect(v, true)
		if e == nil || !ok {
			t.Fatalf("%v, %v", e, ok)
		}
		if again, ok := s.blocks.Expect(v, true); again != nil || !ok {
			t.Errorf("once more: %v, %v", again, ok)
		}
		counts(t, s.blocks, int64(i)+1, int64(i), 1)
		s.settled(t)
		o := s.open(t, v)
		counts(t, s.blocks, int64(i)+1, int64(i)+1, 0)
		same(t, o, tree.Bytes(name), 0, (v.Size-1)/BlockSize)
		e.Withdraw() // too late, as is
		e.Arrived()
		if e, ok := s.blocks.Expect(v, true); e != nil || !ok {
			t.Errorf("what is there: %v, %v", e, ok)
		}
		counts(t, s.blocks, int64(i)+1, int64(i)+1, 0)
		if calls := s.Calls(); calls.Content != i+1 || calls.LinksTotal() != i+1 {
			t.Errorf("%d contents, %d links", calls.Content, calls.LinksTotal())
		}
	}
}

// blocking is an opener whose files never come, until their context ends.
type blocking struct{ begun, ended atomic.Int64 }

func (b *blocking) Open(ctx context.Context, _ apiclient.Range) (*apiclient.Body, error) {
	return nil, b.Prepare(ctx, "", nil)
}

func (b *blocking) Prepare(ctx context.Context, _ string, _ func()) error {
	b.begun.Add(1)
	<-ctx.Done()
	b.ended.Add(1)
	return context.Cause(ctx)
}

// Few files are expected at once, whether of their bytes or only of their links; those that
// are withdrawn make room for others.
func TestExpectIsBounded(t *testing.T) {
	for _, whole := range []bool{true, false} {
		t.Run(map[bool]string{true: "bytes", false: "links"}[whole], func(t *testing.T) {
			remote := &blocking{}
			s := startBlocks(t, apitest.Options{Tree: small(1)}, func(o *BlocksOptions) { o.Opener, o.Downloads = remote, 4 })
			file := func(i int) Version { return Version{Path: fmt.Sprintf("%s/%d", root, i), Size: 10_000} }
			var all []*Expected
			for i := range s.blocks.MaxExpected() {
				e, ok := s.blocks.Expect(file(i), whole)
				if e == nil || !ok {
					t.Fatalf("file %d: %v, %v", i, e, ok)
				}
				all = append(all, e)
			}
			if e, ok := s.blocks.Expect(file(100), whole); e != nil || ok {
				t.Errorf("one too many: %v, %v", e, ok)
			}
			eventually(t, "not all began", func() bool { return remote.begun.Load() == 8 })
			counts(t, s.blocks, 8, 0, 8)
			all[3].Withdraw()
			all[3].Withdraw()
			counts(t, s.blocks, 8, 0, 7)
			eventually(t, "what is withdrawn goes on", func() bool { return remote.ended.Load() == 1 })
			if e, ok := s.blocks.Expect(file(100), whole); e == nil || !ok {
				t.Errorf("after one was withdrawn: %v, %v", e, ok)
			}
			eventually(t, "it does not begin", func() bool { return remote.begun.Load() == 9 })
			s.blocks.Close()
			if begun, ended := remote.begun.Load(), remote.ended.Load(); begun != 9 || ended != 9 {
				t.Errorf("%d began, %d ended", begun, ended)
			}
			if e, ok := s.blocks.Expect(file(101), false); e != nil {
				t.Errorf("after the end: %v, %v", e, ok)
			}
		})
	}
}

// Without a client that gets links ahead none is asked for.
func TestExpectOfALinkNobodyGets(t *testing.T) {
	s := startBlocks(t, apitest.Options{Tree: small(1)}, func(o *BlocksOptions) {
		o.Opener = opener(func(context.Context, apiclient.Range) (*apiclient.Body, error) { return nil, errors.New("no") })
	})
	if e, ok := s.blocks.Expect(s.timed("0"), false); e != nil || !ok {
		t.Errorf("%v, %v", e, ok)
	}
	counts(t, s.blocks, 0, 0, 0)
}

// Files that are expected take an eighth of the memory, and nothing of the listings.
func TestExpectTakesLittle(t *testing.T) {
	const budget = 1 << 20
	s := startBlocks(t, apitest.Options{Tree: small(30)}, func(o *BlocksOptions) { o.Memory, o.Downloads = NewMemory(budget, nil), 100 })
	n := 0
	for i := range 30 {
		if e, _ := s.blocks.Expect(s.timed(fmt.Sprint(i)), true); e != nil {
			n++
		}
	}
	if want := budget / expectedShare / (10_000 + place + len(root+"/10")); n != want {
		t.Errorf("%d files of 10,000 bytes in %d bytes of memory, want %d", n, budget, want)
	}
	s.settled(t)

	s.memory.mu.Lock() // no room, and more of listings than of blocks
	s.memory.folders, s.memory.budget = sized(4*s.blocks.bytes), 5*s.blocks.bytes
	s.blocks.expected.bytes = 0
	s.memory.mu.Unlock()
	if e, ok := s.blocks.Expect(s.timed("29"), true); e != nil || ok {
		t.Errorf("a listing would go for it: %v, %v", e, ok)
	}
}

// sized is a hoard of so many bytes that gives nothing up.
type sized int64

func (s sized) size() int64    { return int64(s) }
func (sized) dropOldest() bool { return false }

// What fails of a file that is expected is not shown to the reader who comes, whether it
// waits for it or comes later.
func TestExpectFails(t *testing.T) {
	for _, status := range []int{400, 403, 404, 500} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			tree := small(2)
			fail, failed := make(chan struct{}), atomic.Int64{}
			s := startBlocks(t, apitest.Options{Tree: tree}, func(o *BlocksOptions) {
				client := o.Opener
				o.Opener = opener(func(ctx context.Context, r apiclient.Range) (*apiclient.Body, error) {
					if failed.Add(1) <= 2 {
						<-fail
						return nil, &apiclient.Error{Op: "read", Path: r.Path, Status: status, NotExist: status == 404}
					}
					return client.Open(ctx, r)
				})
			})
			for _, name := range []string{"0", "1"} {
				if e, _ := s.blocks.Expect(s.timed(name), true); e == nil {
					t.Fatal("it is not expected")
				}
			}
			waits := s.open(t, s.timed("0"))
			read := make(chan error)
			go func() {
				_, err := waits.Read(t.Context(), 0, 0, 0)
				read <- err
			}()
			eventually(t, "the reader does not wait", func() bool { return s.wanted(s.timed("0"), 0) == 2 })
			select {
			case <-s.on(s.timed("0"), 0).run.joined:
			default:
				t.Error("the load does not know that it is wanted")
			}
			close(fail)
			if err := <-read; err != nil {
				t.Errorf("who waited for it got: %v", err)
			}
			same(t, s.open(t, s.timed("1")), tree.Bytes("1"), 0, 0)
			s.settled(t)
		})
	}
}

// A reader keeps a load that is withdrawn while it waits for it.
func TestWithdrawnButWanted(t *testing.T) {
	tree := small(1)
	s := startBlocks(t, apitest.Options{Tree: tree, Content: apitest.ContentOptions{FirstByte: 20 * time.Millisecond}})
	v := s.timed("0")
	o := s.open(t, v) // before: it does not count as expected by opening
	e, _ := s.blocks.Expect(v, true)
	read := make(chan error)
	go func() {
		_, err := o.Read(t.Context(), 0, 0, 0)
		read <- err
	}()
	eventually(t, "the reader does not come", func() bool { return s.wanted(v, 0) == 2 || s.on(v, 0) == nil })
	e.Withdraw()
	if err := <-read; err != nil {
		t.Error(err)
	}
	if n := s.contents(); n != 1 {
		t.Errorf("%d requests", n)
	}
	counts(t, s.blocks, 1, 0, 0)
}

package cache

import (
	"bytes"
	"context"
	"sync/atomic"
	"testing"
	"time"

	"sefs/apiclient"
	"sefs/apiclient/apitest"
)

// service is a stand-in service with blocks that are loaded from it by a real client.
type service struct {
	*apitest.Server
	client *apiclient.Client
	memory *Memory
	blocks *Blocks
	later  atomic.Int64 // how far ahead the clock is that ages are counted by
}

// startBlocks starts a service. Reads time out after ten seconds, bytes count for a
// minute, and memory is plenty.
func startBlocks(t testing.TB, o apitest.Options, change ...func(*BlocksOptions)) *service {
	t.Helper()
	server, err := apitest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	s := &service{Server: server}
	s.client, err = apiclient.New(apiclient.Options{
		FilesURL: server.FilesURL(), Secret: server.Secret(), CDN: server.CDN(),
		Timeout: time.Second, // for what is tried again; reads are bounded by the cache
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.client.Close)
	b := BlocksOptions{Opener: s.client, Memory: NewMemory(64<<20, nil), TTL: time.Minute, Timeout: 10 * time.Second,
		Downloads: 8, Now: func() time.Time { return time.Now().Add(time.Duration(s.later.Load())) }}
	for _, f := range change {
		f(&b)
	}
	s.memory, s.blocks = b.Memory, NewBlocks(b)
	t.Cleanup(s.blocks.Close)
	return s
}

// wait makes time pass for the ages of bytes.
func (s *service) wait(d time.Duration) { s.later.Add(int64(d)) }

// timed is the version of a file with its time, untimed one as the service tells it
// that knows none.
func (s *service) timed(rel string) Version {
	f, _ := s.Tree().File(rel)
	return NewVersion(s.Tree().Full(rel), apiclient.Attr{Size: f.Size, Modified: f.Time})
}

func (s *service) untimed(rel string) Version {
	f, _ := s.Tree().File(rel)
	return NewVersion(s.Tree().Full(rel), apiclient.Attr{Size: f.Size})
}

// open opens a new content of a version for the length of the test.
func (s *service) open(t testing.TB, v Version) *Opened {
	o := s.blocks.Content(v).Open()
	t.Cleanup(o.Close)
	return o
}

// oneFile is a tree with a file f of so many bytes.
func oneFile(size int64) *apitest.Tree {
	tree := apitest.NewTree(root)
	tree.Add("f", apitest.File{Size: size, Time: time.Unix(1546300800, 0)})
	return tree
}

// change makes a file another version of the same size and time.
func change(tree *apitest.Tree, rel string) {
	tree.Change(rel, func(f *apitest.File) { f.Version++ })
}

// changeTime is change for servers that tell versions apart by their dates only.
func changeTime(tree *apitest.Tree, rel string) {
	tree.Change(rel, func(f *apitest.File) { f.Version++; f.Time = f.Time.Add(time.Hour) })
}

// part is what the blocks first to last of data hold.
func part(data []byte, first, last int64) []byte {
	return data[first*BlockSize : min((last+1)*BlockSize, int64(len(data)))]
}

// get reads blocks as one piece.
func get(ctx context.Context, o *Opened, first, last, extra int64) ([]byte, error) {
	pieces, err := o.Read(ctx, first, last, extra)
	return bytes.Join(pieces, nil), err
}

// same reads blocks and compares them with those of data.
func same(t testing.TB, o *Opened, data []byte, first, last int64) {
	t.Helper()
	got, err := get(t.Context(), o, first, last, 0)
	if err != nil {
		t.Errorf("blocks %d to %d: %v", first, last, err)
	} else if !bytes.Equal(got, part(data, first, last)) {
		t.Errorf("blocks %d to %d have other bytes", first, last)
	}
}

// refused reads blocks that may not come.
func refused(t testing.TB, o *Opened, first, last int64) {
	t.Helper()
	if _, err := o.Read(t.Context(), first, last, 0); !apiclient.IsChanged(err) && !apiclient.IsNotExist(err) {
		t.Errorf("blocks %d to %d of a version that is gone: error %v", first, last, err)
	}
}

// contents counts the requests for contents.
func (s *service) contents() int { return s.Calls().Content }

// settled fails unless nothing is being loaded, and the bytes counted are those kept.
func (s *service) settled(t testing.TB) {
	t.Helper()
	eventually(t, "loads go on", func() bool {
		s.memory.mu.Lock()
		defer s.memory.mu.Unlock()
		return len(s.blocks.claims) == 0
	})
	s.memory.mu.Lock()
	defer s.memory.mu.Unlock()
	var kept int64
	for _, key := range s.blocks.kept.Keys() {
		v, _ := s.blocks.kept.Peek(key)
		kept += v.bytes(key)
	}
	if s.blocks.bytes != kept {
		t.Errorf("%d bytes are counted, and %d kept", s.blocks.bytes, kept)
	}
}

// idle waits until the loads that a reader began have ended.
func idle(t testing.TB, o *Opened) {
	t.Helper()
	eventually(t, "loads go on", func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		return len(o.runs) == 0
	})
}

// eventually waits for something to become true.
func eventually(t testing.TB, otherwise string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(otherwise)
		}
	}
}

// on returns the claim of a block of the first content of a version, nil if there is none.
func (s *service) on(v Version, index int64) *claim {
	s.memory.mu.Lock()
	defer s.memory.mu.Unlock()
	return s.blocks.claims[blockKey{Version: v, index: index}]
}

// claimed waits until a block is on its way.
func (s *service) claimed(t testing.TB, v Version, index int64) {
	t.Helper()
	eventually(t, "nobody claims the block", func() bool { return s.on(v, index) != nil })
}

// wanted is how many want the run that loads a block.
func (s *service) wanted(v Version, index int64) int {
	c := s.on(v, index)
	if c == nil {
		return 0
	}
	s.memory.mu.Lock()
	defer s.memory.mu.Unlock()
	return c.run.wanted
}

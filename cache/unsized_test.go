package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"sefs/apiclient"
	"sefs/apiclient/apitest"
)

// unsizedServers are the ways in which a file of unknown size may come.
var unsizedServers = map[string]apitest.ContentOptions{
	"ranges": {}, "no ranges": {NoRange: true}, "no ranges, no length": {NoRange: true, NoLength: true},
}

func TestUnsized(t *testing.T) {
	for name, content := range unsizedServers {
		t.Run(name, func(t *testing.T) {
			tree := oneFile(3*BlockSize + 7)
			s := startBlocks(t, apitest.Options{Tree: tree, Content: content})
			u, data := s.blocks.Unsized(root+"/f"), tree.Bytes("f")
			defer u.Close()
			read := io.NewSectionReader(readerAt{t, u}, 0, 1<<40)
			if got, err := io.ReadAll(read); err != nil || !bytes.Equal(got, data) {
				t.Fatalf("%d bytes, error %v", len(got), err)
			}
			if calls := s.Calls(); calls.Content != 1 || calls.ContentBytes != int64(len(data)) {
				t.Errorf("%d requests, %d bytes", calls.Content, calls.ContentBytes)
			}
			p := make([]byte, 1000)
			for _, at := range []int{0, 100_000, 50_000, len(data) - 1000, len(data) - 10, len(data), len(data) + 1000, 5} {
				rest := data[min(at, len(data)):]
				n, err := u.ReadAt(t.Context(), p, int64(at))
				if err != nil || !bytes.Equal(p[:n], rest[:min(len(rest), len(p))]) {
					t.Errorf("at %d: %d bytes, error %v", at, n, err)
				}
			}
		})
	}
}

// readerAt is an Unsized as other packages know readers.
type readerAt struct {
	t *testing.T
	u *Unsized
}

func (r readerAt) ReadAt(p []byte, at int64) (int, error) {
	n, err := r.u.ReadAt(r.t.Context(), p, at)
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

func TestUnsizedEmpty(t *testing.T) {
	for name, content := range unsizedServers {
		s := startBlocks(t, apitest.Options{Tree: oneFile(0), Content: content})
		u := s.blocks.Unsized(root + "/f")
		if n, err := u.ReadAt(t.Context(), make([]byte, 10), 0); n != 0 || err != nil {
			t.Errorf("%s: %d bytes, error %v", name, n, err)
		}
		u.Close()
	}
}

// A transfer that breaks off goes on where it broke; if it can not, that is an error and
// not the end.
func TestUnsizedBreaks(t *testing.T) {
	for name, content := range unsizedServers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := oneFile(3*BlockSize + 7)
			s := startBlocks(t, apitest.Options{Tree: tree, Content: content})
			u, data := s.blocks.Unsized(root+"/f"), tree.Bytes("f")
			defer u.Close()
			s.SetAskFault(apitest.FirstAsks(1, apitest.AskContent, apitest.CutAfter(BlockSize)))
			p := make([]byte, len(data)+1)
			if n, err := u.ReadAt(t.Context(), p, 0); err != nil || !bytes.Equal(p[:n], data) {
				t.Errorf("%d bytes, error %v", n, err)
			}
			s.SetAskFault(apitest.EveryAsk(apitest.CutAfter(BlockSize), apitest.AskContent))
			u = s.blocks.Unsized(root + "/f")
			defer u.Close()
			if n, err := u.ReadAt(t.Context(), p, 0); err == nil {
				t.Errorf("%d bytes and no error", n)
			}
			s.SetAskFault(nil)
			if n, err := u.ReadAt(t.Context(), p, 10); err != nil || !bytes.Equal(p[:n], data[10:]) {
				t.Errorf("%d bytes, error %v", n, err)
			}
		})
	}
}

// What comes after a change is not joined to what came before.
func TestUnsizedChanges(t *testing.T) {
	for name, content := range unsizedServers {
		for _, broken := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", broken: ", broken), func(t *testing.T) {
				tree := oneFile(20 * BlockSize)
				s := startBlocks(t, apitest.Options{Tree: tree, Content: content})
				u, data := s.blocks.Unsized(root+"/f"), tree.Bytes("f")
				defer u.Close()
				p := make([]byte, BlockSize)
				if broken {
					s.SetAskFault(apitest.FirstAsks(1, apitest.AskContent, apitest.CutAfter(2*BlockSize)))
				}
				if n, err := u.ReadAt(t.Context(), p, BlockSize); err != nil || !bytes.Equal(p[:n], part(data, 1, 1)) {
					t.Errorf("%d bytes, error %v", n, err)
				}
				change(tree, "f")
				at := int64(0)
				if broken {
					at = 2
				}
				if n, err := u.ReadAt(t.Context(), p, at*BlockSize); !apiclient.IsChanged(err) {
					t.Errorf("%d bytes, error %v; of the new version: %v", n, err, bytes.Equal(p[:n], part(tree.Bytes("f"), at, at)))
				}
			})
		}
	}
}

func TestUnsizedReaderMayLeave(t *testing.T) {
	tree := oneFile(3 * BlockSize)
	s := startBlocks(t, apitest.Options{Tree: tree})
	s.SetAskFault(apitest.FirstAsks(1, apitest.AskContent, apitest.AskReply{Reply: apitest.Hang()}))
	u, p := s.blocks.Unsized(root+"/f"), make([]byte, 3*BlockSize)
	defer u.Close()
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() { _, err := u.ReadAt(ctx, p, 0); left <- err }()
	eventually(t, "nothing was asked for", func() bool { return s.contents() == 1 })
	waits, cancelWait := context.WithCancel(t.Context())
	time.AfterFunc(5*time.Millisecond, cancelWait)
	if _, err := u.ReadAt(waits, make([]byte, 10), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("who waited for another read and left got %v", err)
	}
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("the caller who left got %v", err)
	}
	if n, err := u.ReadAt(t.Context(), p, 0); err != nil || !bytes.Equal(p[:n], tree.Bytes("f")) {
		t.Errorf("%d bytes, error %v", n, err)
	}
	u.Close()
	if _, err := u.ReadAt(t.Context(), p, 0); !errors.Is(err, errClosed) {
		t.Errorf("after Close: error %v", err)
	}
}

// Close of the blocks ends these reads like all others.
func TestUnsizedEndsWithTheBlocks(t *testing.T) {
	s := startBlocks(t, apitest.Options{Tree: oneFile(3 * BlockSize)})
	s.SetAskFault(apitest.EveryAsk(apitest.AskReply{Reply: apitest.Hang()}, apitest.AskContent))
	u := s.blocks.Unsized(root + "/f")
	t.Cleanup(u.Close)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	failed := make(chan error, 1)
	go func() { _, err := u.ReadAt(ctx, make([]byte, 10), 0); failed <- err }()
	eventually(t, "nothing was asked for", func() bool { return s.contents() == 1 })
	s.blocks.Close()
	select {
	case err := <-failed:
		if !errors.Is(err, errClosed) {
			t.Errorf("error %v", err)
		}
	case <-time.After(2 * time.Second):
		t.Error("the read goes on")
	}
	cancel()
	s.SetAskFault(nil)
	if n, err := u.ReadAt(t.Context(), make([]byte, 10), 0); !errors.Is(err, errClosed) {
		t.Errorf("after Close: %d bytes, error %v", n, err)
	}
}

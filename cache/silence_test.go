package cache

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"sefs/apiclient/apitest"
)

// silent fails unless read ends with the error of the watchdog, a second after the
// timeout at the latest.
func silent(t *testing.T, timeout time.Duration, read func() error) {
	t.Helper()
	failed, begun := make(chan error, 1), time.Now()
	go func() { failed <- read() }()
	select {
	case err := <-failed:
		if err == nil || !strings.Contains(err.Error(), "no answer within") {
			t.Errorf("error %v", err)
		}
		if took := time.Since(begun); took > timeout+time.Second {
			t.Errorf("answered after %v", took)
		}
	case <-time.After(timeout + 2*time.Second):
		t.Errorf("no answer after %v", time.Since(begun))
	}
}

const brief = 300 * time.Millisecond

func briefly(o *BlocksOptions) { o.Timeout = brief }

// A server that falls silent ends a read, wherever it does so.
func TestSilence(t *testing.T) {
	hang := apitest.AskReply{Reply: apitest.Hang()}
	for name, fault := range map[string]apitest.AskFault{
		"for the link":          apitest.EveryAsk(hang, apitest.AskLink),
		"before the first":      apitest.EveryAsk(hang, apitest.AskContent),
		"after the headers":     apitest.EveryAsk(apitest.DripBytes(1, time.Hour), apitest.AskContent),
		"when it is asked on":   afterFirst(apitest.CutAfter(BlockSize), hang),
		"when it is asked anew": afterFirst(apitest.AskReply{Reply: apitest.Status(503)}, hang),
	} {
		for _, noRange := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", no ranges: ", noRange), func(t *testing.T) {
				t.Parallel()
				tree := oneFile(8 * BlockSize)
				s := startBlocks(t, apitest.Options{Tree: tree, Content: apitest.ContentOptions{NoRange: noRange}}, briefly)
				s.SetAskFault(fault)
				o := s.open(t, s.timed("f"))
				silent(t, brief, func() error { _, err := o.Read(t.Context(), 0, 7, 0); return err })
				s.settled(t)
			})
		}
	}
}

// afterFirst answers the first request for a content in one way and later ones in another.
func afterFirst(first, then apitest.AskReply) apitest.AskFault {
	return func(a apitest.Ask, n int) apitest.AskReply {
		switch {
		case a.Kind != apitest.AskContent:
			return apitest.AskReply{}
		case n == 1:
			return first
		}
		return then
	}
}

// stuck is a content that is not to be had from some place on.
type stuck struct {
	from int64
	ends <-chan struct{}
}

func (c stuck) ReadAt(p []byte, at int64) (int, error) {
	if at+int64(len(p)) > c.from {
		<-c.ends
		return 0, io.ErrUnexpectedEOF
	}
	clear(p)
	return len(p), nil
}

// Another transfer that goes well is no sign of life of one that does not.
func TestSilenceBesideOthers(t *testing.T) {
	for _, busy := range []bool{false, true} {
		for _, noRange := range []bool{false, true} {
			t.Run(fmt.Sprintf("busy: %v, no ranges: %v", busy, noRange), func(t *testing.T) {
				t.Parallel()
				ends := make(chan struct{})
				tree := apitest.NewTree(root)
				tree.Add("f", apitest.File{Size: 32 * BlockSize, Content: stuck{16 * BlockSize, ends}})
				tree.Add("busy", apitest.File{Size: 64 << 20})
				s := startBlocks(t, apitest.Options{Tree: tree, Content: apitest.ContentOptions{NoRange: noRange}}, briefly)
				defer close(ends)
				s.SetAskFault(apitest.AskAt(root+"/busy", apitest.DripBytes(1000, brief/10), apitest.AskContent))
				if busy {
					s.open(t, s.timed("busy")).Ahead(0, 8)
					time.Sleep(brief)
				}
				o, zeros := s.open(t, s.timed("f")), make([]byte, 32*BlockSize)
				same(t, o, zeros, 0, 3)
				silent(t, brief, func() error { _, err := o.Read(t.Context(), 4, 31, 0); return err })
				same(t, o, zeros, 4, 7)

				u, p := s.blocks.Unsized(root+"/f"), make([]byte, BlockSize)
				t.Cleanup(u.Close)
				if n, err := u.ReadAt(t.Context(), p, 0); n != len(p) || err != nil {
					t.Errorf("%d bytes, error %v", n, err)
				}
				silent(t, brief, func() error { _, err := u.ReadAt(t.Context(), p, 17*BlockSize); return err })
			})
		}
	}
}

// Nor is it one of a call for a link.
func TestSilenceOfTheLinkBesideOthers(t *testing.T) {
	t.Parallel()
	tree := oneFile(8 * BlockSize)
	tree.Add("busy", apitest.File{Size: 64 << 20})
	s := startBlocks(t, apitest.Options{Tree: tree}, briefly)
	s.SetAskFault(func(a apitest.Ask, _ int) apitest.AskReply {
		switch {
		case a.Path == root+"/busy" && a.Kind == apitest.AskContent:
			return apitest.DripBytes(1000, brief/10)
		case a.Path == root+"/f" && a.Kind == apitest.AskLink:
			return apitest.AskReply{Reply: apitest.Hang()}
		}
		return apitest.AskReply{}
	})
	s.open(t, s.timed("busy")).Ahead(0, 8)
	time.Sleep(brief)
	o := s.open(t, s.timed("f"))
	silent(t, brief, func() error { _, err := o.Read(t.Context(), 0, 7, 0); return err })
}

package apitest

import (
	"net/http"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestContentCalls(t *testing.T) {
	tree := NewTree("sestore4/jb")
	tree.Add("f", File{Size: 1000})
	tree.Add("g", File{Size: 10})
	s, f := startWithFetcher(t, Options{Tree: tree})
	links := []string{f.link("f"), f.link("g"), f.link("g")}
	f.get(links[0], "bytes=10-19")
	f.get(links[0], "bytes=990-")
	f.get(links[1], "")
	f.do(http.MethodHead, links[1])
	f.get(links[1]+"x", "")
	f.files("", "option:recursive=3")
	f.files("f", "option:recursive=0")
	ask := func(path string, offset, length int64) Ask {
		return Ask{Kind: AskContent, Path: path, Offset: offset, Length: length}
	}
	want := Calls{
		Command: map[string]int{}, List: map[Call]int{},
		V1: 5, MaxInFlight: 1, MaxDownloads: 1,
		Files: map[Ask]int{
			{Kind: AskFiles, Path: "sestore4/jb", Recursive: 3}:  1,
			{Kind: AskFiles, Path: "sestore4/jb/f", Alone: true}: 1,
		},
		Links:   map[string]int{"sestore4/jb/f": 1, "sestore4/jb/g": 2},
		Content: 5, ContentBytes: 30,
		ContentOf: map[string]int64{"sestore4/jb/f": 20, "sestore4/jb/g": 10},
		Ranges: []Ask{
			ask("sestore4/jb/f", 10, 10), ask("sestore4/jb/f", 990, -1), ask("sestore4/jb/g", 0, -1), ask("sestore4/jb/g", 0, 0),
		},
	}
	got := s.Calls()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.FilesTotal() != 2 || got.LinksTotal() != 3 {
		t.Errorf("totals: %d, %d", got.FilesTotal(), got.LinksTotal())
	}
	s.ResetCalls()
	if diff := cmp.Diff(Calls{Command: map[string]int{}, List: map[Call]int{}}, s.Calls()); diff != "" {
		t.Errorf("after ResetCalls: %s", diff)
	}
}

func TestRangesAreBounded(t *testing.T) {
	c := newCounter()
	for i := range 3*maxRanges + 1 {
		c.asked(Ask{Kind: AskContent, Offset: int64(i)})
	}
	got := c.snapshot().Ranges
	if len(got) != maxRanges || got[maxRanges-1].Offset != 3*maxRanges || got[0].Offset != 2*maxRanges+1 {
		t.Errorf("%d ranges from %v on", len(got), got[0])
	}
}

// A client that keeps to a limit is never counted as going beyond it, one that does not always is.
func TestMaxDownloads(t *testing.T) {
	tree := NewTree("sestore4/jb")
	tree.Add("f", File{Size: 2 << 20})
	s, f := startWithFetcher(t, Options{Tree: tree})
	link := f.link("f")
	read := func(n int) {
		var wg sync.WaitGroup
		for range n {
			wg.Go(func() {
				for range 20 {
					f.get(link, "bytes=0-99999")
				}
			})
		}
		wg.Wait()
	}
	read(1)
	if n := s.Calls().MaxDownloads; n != 1 {
		t.Errorf("one reader: %d downloads at one time", n)
	}
	read(3)
	if n := s.Calls().MaxDownloads; n > 3 {
		t.Errorf("three readers: %d downloads at one time", n)
	}
	arrived, release := make(chan struct{}, 3), make(chan struct{})
	s.ResetCalls()
	s.SetAskFault(func(Ask, int) AskReply {
		arrived <- struct{}{}
		return AskReply{Reply: Hold(release)}
	})
	go func() {
		for range 3 {
			<-arrived
		}
		close(release)
		for range 60 - 3 {
			<-arrived
		}
	}()
	read(3)
	if n := s.Calls().MaxDownloads; n != 3 {
		t.Errorf("three held readers: %d downloads at one time", n)
	}
}

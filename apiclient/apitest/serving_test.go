package apitest

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// Everything about v1 and contents may be changed and asked while requests are answered; the race
// detector watches, and no content is a mixture.
func TestChangesWhileDownloading(t *testing.T) {
	tree := Nested("sestore4/jb", 2, 2, 3)
	tree.Add("f", File{Size: 300_000})
	// The versions differ at every place that is looked at.
	versions := make([]string, 4)
	for i := range versions {
		tree.Change("f", func(f *File) { f.Version = i })
		versions[i] = string(tree.Bytes("f"))
	}
	s, f := startWithFetcher(t, Options{Tree: tree})
	link := f.link("f")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for k := range 25 {
				f.v1("files", "folder001", fmt.Sprintf("option:recursive=%d", k%9))
				got := f.get(link, fmt.Sprintf("bytes=%d-%d", k, k+250_000))
				if got.err != nil || got.status != 206 {
					t.Errorf("%d, %v", got.status, got.err)
					return
				}
				same := 0
				for _, v := range versions {
					if strings.HasPrefix(v[k:], got.body) {
						same++
					}
				}
				if same != 1 {
					t.Errorf("the content is that of %d versions", same)
				}
			}
		})
	}
	wg.Go(func() {
		for i, shape := range V1Shapes() {
			s.SetV1(shape.V1)
			s.SetLinks(LinkOptions{NoUnix: i%2 == 0})
			s.SetContent(ContentOptions{Validators: Validators(i % 5)})
			s.SetAskFault(EveryNth(3, AskReply{Reply: Reply{Delay: 1}}))
			tree.Change("f", func(f *File) { f.Version = i % 4 })
			tree.AddFile(fmt.Sprintf("folder001/new%d", i))
			f.v1("download", "f", "")
			s.Calls()
		}
	})
	wg.Wait()
	if calls := s.Calls(); calls.Rejected+calls.Leaks > 0 {
		t.Errorf("calls: %+v", calls)
	}
}

package fs

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"sefs/apiclient/apitest"
)

// The kinds of requests, each faulted for a part of the tree that is asked for by nothing else.
const (
	ofListing = "list sestore4/jb/dir "
	ofSizes   = "files sestore4/jb/deep"
	ofLink    = "link sestore4/jb/films/link.mp4"
	ofContent = "content sestore4/jb/films/film.mp4"
	page2     = "list sestore4/jb/dir 100" // the rest of a folder that is in two pages
)

// broken is a mount whose service, and whose way to it, may fail.
type broken struct {
	*fixture
	apis, downloads *proxy
	tree            *apitest.Tree

	mu     sync.Mutex // protects what follows
	asked  map[string]int
	struck map[string]int
}

// mountBroken mounts a tree that has a part for each kind of request, and asks for nothing of it
// but its root, films and known.
func mountBroken(t *testing.T, timeout time.Duration) *broken {
	t.Helper()
	needFUSE(t)
	tree := apitest.NewTree(root)
	for i := range 150 {
		tree.AddFile(fmt.Sprintf("dir/%03d", i))
	}
	for i := range 5 {
		for _, dir := range []string{"deep/sized", "known", "other"} {
			tree.Add(fmt.Sprintf("%s/%d.mp4", dir, i), apitest.File{Size: 1000 + int64(i), Kind: apitest.Video})
		}
	}
	for _, name := range []string{"film.mp4", "link.mp4"} {
		tree.Add("films/"+name, apitest.File{Size: 300_000, Kind: apitest.Video})
	}
	service, err := apitest.New(apitest.Options{Tree: tree, Order: apitest.FolderOnly})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(service.Close)
	b := &broken{apis: newProxy(t, service.URL()), downloads: newProxy(t, service.DownloadURL()), tree: tree}
	service.SetLinks(apitest.LinkOptions{Host: "http://" + b.downloads.addr})
	a := accountOf(service)
	a.URL, a.FilesURL = b.apis.through(a.URL), b.apis.through(a.FilesURL)
	b.fixture = &fixture{t: t, dir: t.TempDir(), service: service, account: a, requests: &requests{count: map[string]int{}}}
	b.mount(setup{timeout: timeout})
	for _, dir := range []string{"known", "films"} {
		b.seen(dir)
	}
	b.known()
	return b
}

// seen looks at a folder and its files until that is no failure: a timeout of a second may
// be short on a busy machine.
func (b *broken) seen(dir string) {
	eventually(b.t, dir+" is seen", func() bool {
		_, err := b.stats(dir)
		if err != nil && !isFailure(err) {
			b.t.Errorf("%s: %v", dir, err)
		}
		return err == nil
	})
}

// inject lets a fault strike, for each request the first so many times; times < 0 means
// always. With only, it strikes requests with such keys alone.
func (b *broken) inject(f fault, times int, only ...string) {
	b.mu.Lock()
	b.asked, b.struck = map[string]int{}, map[string]int{}
	b.mu.Unlock()
	strikes := func(key string) bool {
		kind, _, _ := strings.Cut(key, " ")
		for _, prefix := range only {
			if !strings.HasPrefix(key, prefix) || !f.sense(kind) {
				continue
			}
			b.mu.Lock()
			defer b.mu.Unlock()
			b.asked[key]++
			if times < 0 || b.asked[key] <= times {
				b.struck[prefix]++
				return true
			}
		}
		return false
	}
	if f.reply != nil {
		b.service.SetFault(func(c apitest.Call, _ int) apitest.Reply {
			if strikes(callKey(c)) {
				return f.reply.Reply
			}
			return apitest.Reply{}
		})
		b.service.SetAskFault(func(a apitest.Ask, _ int) apitest.AskReply {
			if strikes(askKey(a)) {
				return *f.reply
			}
			return apitest.AskReply{}
		})
		return
	}
	for _, p := range []*proxy{b.apis, b.downloads} {
		p.set(func(key string) wire {
			if strikes(key) {
				return f.wire
			}
			return nil
		})
	}
}

// heal ends all faults.
func (b *broken) heal() {
	b.service.SetFault(nil)
	b.service.SetAskFault(nil)
	b.apis.set(nil)
	b.downloads.set(nil)
}

// strikes is how often a fault struck requests of a kind.
func (b *broken) strikes(prefix string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.struck[prefix]
}

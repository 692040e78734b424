package apiclient_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"sefs/apiclient"
	"sefs/apiclient/apitest"
)

// ticker is a clock that a test sets.
type ticker struct {
	mu  sync.Mutex
	now time.Time
}

func newTicker() *ticker { return &ticker{now: time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)} }

func (c *ticker) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *ticker) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// one reads the first byte of a file.
func one(t testing.TB, c *apiclient.Client, tree *apitest.Tree, rel string) error {
	t.Helper()
	return readPiece(t, c, tree, rel, 0, 1)
}

// readPiece reads a piece of a file and compares it with the tree.
func readPiece(t testing.TB, c *apiclient.Client, tree *apitest.Tree, rel string, offset, length int64) error {
	t.Helper()
	want := tree.Bytes(rel)
	b, err := c.Open(t.Context(), apiclient.Range{Path: tree.Full(rel), Offset: offset, Length: length, Size: int64(len(want))})
	if err != nil {
		return err
	}
	defer b.Close()
	if b.Whole() || b.Offset() != offset {
		t.Errorf("whole %v, offset %d", b.Whole(), b.Offset())
	}
	return expect(t, b, want[offset:offset+length])
}

func TestLinksAreKeptUntilShortlyBeforeTheirEnd(t *testing.T) {
	for name, c := range map[string]struct {
		links  apitest.LinkOptions
		for_   time.Duration // how long a link is used
		behind time.Duration // how much our clock is behind the service's
	}{
		"in the address":             {apitest.LinkOptions{}, 24*time.Hour - time.Minute, 0},
		"in the address only":        {apitest.LinkOptions{NoField: true}, 24*time.Hour - time.Minute, 0},
		"in the field only":          {apitest.LinkOptions{NoUnix: true}, 24*time.Hour - time.Minute, 0},
		"nowhere":                    {apitest.LinkOptions{NoUnix: true, NoField: true}, 10 * time.Minute, 0},
		"short":                      {apitest.LinkOptions{Life: 100 * time.Second}, 90 * time.Second, 0},
		"short, in the field":        {apitest.LinkOptions{Life: 100 * time.Second, NoUnix: true}, 90 * time.Second, 0},
		"our clock behind":           {apitest.LinkOptions{Life: 100 * time.Second}, 90 * time.Second, 3 * time.Hour},
		"our clock ahead":            {apitest.LinkOptions{Life: 100 * time.Second}, 90 * time.Second, -3 * time.Hour},
		"our clock ahead, the field": {apitest.LinkOptions{Life: 100 * time.Second, NoUnix: true}, 90 * time.Second, -3 * time.Hour},
		"our clock ahead, nowhere":   {apitest.LinkOptions{NoUnix: true, NoField: true}, 10 * time.Minute, -3 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := newTicker()
			tree := apitest.Flat(root, 2)
			files, _ := tree.Paths()
			s, client := startV1(t, apitest.Options{Tree: tree, Links: c.links, Clock: clock.Now}, func(o *apiclient.Options) {
				o.Now = func() time.Time { return clock.Now().Add(-c.behind) }
			})
			asked := func(want int) {
				t.Helper()
				if err := one(t, client, tree, files[0]); err != nil {
					t.Fatal(err)
				}
				if n := s.Calls().LinksTotal(); n != want {
					t.Errorf("%d links, want %d", n, want)
				}
			}
			asked(1)
			asked(1)
			clock.add(c.for_ - time.Second)
			asked(1)
			clock.add(time.Second)
			asked(2)
			clock.add(c.for_ - time.Second)
			asked(2)
			if err := one(t, client, tree, files[1]); err != nil { // another file, another link
				t.Fatal(err)
			}
			asked(3)
			cleanCalls(t, s)
		})
	}
}

func TestLinkIsSharedByManyReaders(t *testing.T) {
	tree := apitest.Flat(root, 1)
	files, _ := tree.Paths()
	s, c := startV1(t, apitest.Options{Tree: tree, Latency: 50 * time.Millisecond})
	for round := range 2 {
		var wg sync.WaitGroup
		for range 30 {
			wg.Go(func() {
				if err := one(t, c, tree, files[0]); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		// In the second round all hold the same link, which ended before its time.
		if n := cleanCalls(t, s).LinksTotal(); n != round+1 {
			t.Errorf("round %d: %d links", round, n)
		}
		s.RevokeLinks()
	}
}

// One caller that gives up does not take the link from those that wait with it.
func TestLinkOutlivesTheCallerThatAsked(t *testing.T) {
	tree := apitest.Flat(root, 1)
	files, _ := tree.Paths()
	s, c := startV1(t, apitest.Options{Tree: tree})
	held := make(chan struct{})
	asked := make(chan struct{}, 10)
	s.SetAskFault(func(a apitest.Ask, _ int) apitest.AskReply {
		if a.Kind != apitest.AskLink {
			return apitest.AskReply{}
		}
		asked <- struct{}{}
		return reply(apitest.Hold(held))
	})
	ctx, cancel := withCancel(t)
	first := make(chan error, 1)
	go func() {
		_, err := c.Open(ctx, apiclient.Range{Path: tree.Full(files[0]), Length: 1, Size: int64(len(tree.Bytes(files[0])))})
		first <- err
	}()
	<-asked
	second := make(chan error, 1)
	go func() { second <- one(t, c, tree, files[0]) }()
	time.Sleep(20 * time.Millisecond) // so that the second waits as well, most likely
	cancel()
	if err := within(t, first); err == nil || apiclient.IsTemporary(err) {
		t.Errorf("the first: %v", err)
	}
	close(held)
	if err := within(t, second); err != nil {
		t.Errorf("the second: %v", err)
	}
	if n := s.Calls().LinksTotal(); n != 1 {
		t.Errorf("%d links", n)
	}
}

// A link that is refused is renewed once; then it is the file that is refused.
func TestLinkIsRenewedOnce(t *testing.T) {
	for _, status := range []int{401, 403, 404, 410} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			tree := apitest.Flat(root, 1)
			files, _ := tree.Paths()
			s, c := startV1(t, apitest.Options{Tree: tree})
			s.SetAskFault(apitest.FirstAsks(1, apitest.AskContent, reply(apitest.Status(status))))
			if err := one(t, c, tree, files[0]); err != nil {
				t.Error(err)
			}
			if calls := cleanCalls(t, s); calls.LinksTotal() != 2 || calls.Content != 2 {
				t.Errorf("%d links, %d downloads", calls.LinksTotal(), calls.Content)
			}
			s.ResetCalls()
			s.SetAskFault(apitest.EveryAsk(reply(apitest.Status(status)), apitest.AskContent))
			err := one(t, c, tree, files[0])
			auth, missing := status == 401 || status == 403, status == 404 || status == 410
			if err == nil || apiclient.IsAuth(err) != auth || apiclient.IsNotExist(err) != missing || apiclient.IsTemporary(err) {
				t.Errorf("error %v", err)
			}
			// The link in use at first was the one from before.
			if calls := cleanCalls(t, s); calls.LinksTotal() != 1 || calls.Content != 2 {
				t.Errorf("%d links, %d downloads", calls.LinksTotal(), calls.Content)
			}
			// What was refused is not kept.
			s.SetAskFault(nil)
			if err := one(t, c, tree, files[0]); err != nil || s.Calls().LinksTotal() != 2 {
				t.Errorf("%d links, error %v", s.Calls().LinksTotal(), err)
			}
		})
	}
}

func TestLinkThatEndedBeforeItsTime(t *testing.T) {
	for _, status := range []int{0, 410} {
		clock := newTicker()
		tree := apitest.Flat(root, 1)
		files, _ := tree.Paths()
		links := apitest.LinkOptions{Life: 5 * time.Minute, NoUnix: true, NoField: true, ExpiredStatus: status}
		s, c := startV1(t, apitest.Options{Tree: tree, Links: links, Clock: clock.Now}, func(o *apiclient.Options) { o.Now = clock.Now })
		for range 2 {
			if err := one(t, c, tree, files[0]); err != nil {
				t.Error(err)
			}
			clock.add(6 * time.Minute)
		}
		if calls := cleanCalls(t, s); calls.LinksTotal() != 2 || calls.Content != 3 {
			t.Errorf("%d links, %d downloads", calls.LinksTotal(), calls.Content)
		}
	}
}

// A refused link is renewed in the middle of a transfer as well.
func TestLinkIsRenewedWhereATransferIsGoneOnWith(t *testing.T) {
	tree := apitest.NewTree(root)
	tree.Add("a", apitest.File{Size: 100_000})
	s, c := startV1(t, apitest.Options{Tree: tree})
	s.SetAskFault(func(a apitest.Ask, n int) apitest.AskReply {
		if a.Kind == apitest.AskContent && n == 1 {
			s.RevokeLinks()
			return apitest.CutAfter(10_000)
		}
		return apitest.AskReply{}
	})
	if err := readPiece(t, c, tree, "a", 1000, 50_000); err != nil {
		t.Error(err)
	}
	if calls := cleanCalls(t, s); calls.LinksTotal() != 2 || calls.Content != 3 {
		t.Errorf("%d links, %d downloads", calls.LinksTotal(), calls.Content)
	}
}

// A link that must not be used is not, and not repeated to anyone.
func TestLinksThatAreRefused(t *testing.T) {
	var wg sync.WaitGroup
	for _, url := range []any{
		"http://example.com/a?secure=SIGNED", "http://10.0.0.1/a?secure=SIGNED", "http://127.0.0.1.example.com/a?secure=SIGNED",
		"ftp://127.0.0.1/a?secure=SIGNED", "file:///etc/passwd?secure=SIGNED", "secure=SIGNED", "//example.com/a?secure=SIGNED",
		"/a?secure=SIGNED", "https:///a?secure=SIGNED", "https://user:pass@example.com/a?secure=SIGNED", "https://exa mple/?secure=SIGNED",
		"https://example.com/%zz?secure=SIGNED", "https://[::1/?secure=SIGNED", "https://example.com/\n?secure=SIGNED", "javascript:secure=SIGNED",
		"https://127.0.0.1:port/?secure=SIGNED", "http://127.0.0.1:1/\x00?secure=SIGNED", "http://127.0.0.1:1/?secure=SIGNED\x7f",
		"", nil, 7, true, []string{"https://example.com/?secure=SIGNED"}, map[string]string{"secure=": "SIGNED"},
	} {
		text, err := json.Marshal(url)
		if err != nil {
			t.Fatal(err)
		}
		tree := apitest.Flat(root, 1)
		files, _ := tree.Paths()
		s, c := startV1(t, apitest.Options{Tree: tree})
		s.SetAskFault(apitest.EveryAsk(reply(apitest.JSON(`{"data":{"path":"x","url":` + string(text) + `},"errors":[]}`))))
		wg.Go(func() {
			err := one(t, c, tree, files[0])
			if err == nil || strings.Contains(err.Error(), "SIGNED") || strings.Contains(err.Error(), "secure=") || apiclient.IsNotExist(err) {
				t.Errorf("%v: error %v", url, err)
			}
			if calls := s.Calls(); calls.Content != 0 {
				t.Errorf("%v: %d downloads", url, calls.Content)
			}
		})
	}
	wg.Wait()
}

// No link is asked for where v1 is not set.
func TestOpenWithoutV1(t *testing.T) {
	_, c := startV1(t, apitest.Options{}, func(o *apiclient.Options) { o.FilesURL = "" })
	for _, err := range []error{
		func() error {
			_, err := c.Open(t.Context(), apiclient.Range{Path: root + "/a", Length: 1, Size: 1})
			return err
		}(),
		func() error { _, err := c.File(t.Context(), root+"/a", nil); return err }(),
		func() error { _, err := c.Files(t.Context(), apiclient.FilesRequest{Path: root}); return err }(),
	} {
		if err == nil || apiclient.IsTemporary(err) || apiclient.IsNotExist(err) || !strings.Contains(err.Error(), "v1") {
			t.Errorf("error %v", err)
		}
	}
}

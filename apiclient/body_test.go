package apiclient_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"sefs/apiclient"
	"sefs/apiclient/apitest"
)

// withCancel is a context that ends with the test, or before.
func withCancel(t testing.TB) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return ctx, cancel
}

// within waits for what has to come soon.
func within[T any](t testing.TB, ch <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(10 * time.Second):
		t.Fatal("nothing came in 10 s")
	}
	return v
}

// readAll reads a body to its end, in pieces of odd lengths.
func readAll(b *apiclient.Body) (data []byte, err error) {
	p := make([]byte, 40_961)
	for {
		at := b.Offset()
		n, err := b.Read(p)
		if b.Offset() != at+int64(n) {
			return data, errors.New("the offset does not tell where the bytes belong")
		}
		data = append(data, p[:n]...)
		if errors.Is(err, io.EOF) {
			return data, nil
		}
		if err != nil {
			return data, err
		}
	}
}

// expect reads a body and compares. Whatever comes before an error has to be right too.
func expect(t testing.TB, b *apiclient.Body, want []byte) error {
	t.Helper()
	data, err := readAll(b)
	switch {
	case len(data) > len(want) || !bytes.Equal(data, want[:len(data)]):
		t.Errorf("%d bytes that are not the file's (%d were to come), error %v", len(data), len(want), err)
	case err == nil && len(data) != len(want):
		t.Errorf("%d bytes, want %d, and no error", len(data), len(want))
	}
	return err
}

// bytesOf starts a service with one file, "a", of random bytes.
func bytesOf(t testing.TB, size int64, content apitest.ContentOptions, change ...func(*apiclient.Options)) (*apitest.Server, *apiclient.Client, *apitest.Tree) {
	t.Helper()
	tree := apitest.NewTree(root)
	tree.Add("a", apitest.File{Size: size, Time: time.Unix(1_600_000_000, 0).UTC()})
	s, c := startV1(t, apitest.Options{Tree: tree, Content: content}, change...)
	return s, c, tree
}

// piece asks for a part of the file "a" of a tree.
func piece(tree *apitest.Tree, offset, length int64) apiclient.Range {
	f, _ := tree.File("a")
	return apiclient.Range{Path: tree.Full("a"), Offset: offset, Length: length, Size: f.Size}
}

// A body that is open holds its place; Close gives it back, whatever was read.
func TestPlacesForRangedDownloads(t *testing.T) {
	const limit = 2
	s, c, tree := bytesOf(t, 8<<20, apitest.ContentOptions{}, func(o *apiclient.Options) { o.DownloadConcurrency = limit })
	var open []*apiclient.Body
	for range limit {
		b, err := c.Open(t.Context(), piece(tree, 0, 8<<20))
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		open = append(open, b)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	turn := false
	r := piece(tree, 5, 5)
	r.Turn = func() { turn = true }
	if _, err := c.Open(ctx, r); err == nil || turn || !apiclient.IsTemporary(err) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a third download: turn %v, error %v", turn, err)
	}
	done := make(chan error, 1)
	go func() { done <- readPiece(t, c, tree, "a", 77, 1000) }()
	time.Sleep(20 * time.Millisecond)
	open[0].Close()
	if err := within(t, done); err != nil {
		t.Error(err)
	}
	open[0].Close() // once more does no harm
	open[0].Close()
	if err := readPiece(t, c, tree, "a", 77, 1000); err != nil {
		t.Error(err)
	}
	b, err := c.Open(t.Context(), r) // the last place, beside open[1]
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	ctx, cancel = context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := c.Open(ctx, r); err == nil {
		t.Error("a place was given back twice")
	}
	if calls := cleanCalls(t, s); calls.Content != limit+3 {
		t.Errorf("%d downloads", calls.Content)
	}
}

func TestRangedDownloadsAreBounded(t *testing.T) {
	for _, limit := range []int{1, 3, 0} {
		s, c, tree := bytesOf(t, 300_000, apitest.ContentOptions{FirstByte: 2 * time.Millisecond}, func(o *apiclient.Options) { o.DownloadConcurrency = limit })
		s.SetAskFault(apitest.EveryNth(7, apitest.CutAfter(1000), apitest.AskContent))
		var wg sync.WaitGroup
		for i := range int64(40) {
			wg.Go(func() {
				if err := readPiece(t, c, tree, "a", i*7000, 7000); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		want := limit
		if limit == 0 {
			want = 8
		}
		if calls := cleanCalls(t, s); calls.MaxDownloads > want || limit > 0 && calls.MaxDownloads != want {
			t.Errorf("%d downloads at once, want %d", calls.MaxDownloads, want)
		}
	}
}

// A failed Open leaves its place to others, as does a Read that failed.
func TestFailuresGiveTheirPlacesBack(t *testing.T) {
	s, c, tree := bytesOf(t, 100_000, apitest.ContentOptions{}, func(o *apiclient.Options) { o.DownloadConcurrency = 1 })
	for name, fault := range map[string]apitest.AskReply{
		"404":     reply(apitest.Status(404)),
		"416":     reply(apitest.Status(416)),
		"total":   apitest.OtherTotal(99_999),
		"changed": apitest.OtherETag(`"x"`),
	} {
		r := piece(tree, 0, 100)
		r.Validator = apiclient.Validator{ETag: `"y"`}
		s.SetAskFault(apitest.EveryAsk(fault, apitest.AskContent))
		if _, err := c.Open(t.Context(), r); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	s.SetAskFault(func(a apitest.Ask, n int) apitest.AskReply {
		if a.Kind == apitest.AskContent && a.Offset == 0 {
			return apitest.CutAfter(10)
		}
		return apitest.OtherTotal(99_999)
	})
	b, err := c.Open(t.Context(), piece(tree, 0, 1000))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := expect(t, b, tree.Bytes("a")[:1000]); !apiclient.IsChanged(err) {
		t.Errorf("error %v", err)
	}
	s.SetAskFault(nil)
	if err := readPiece(t, c, tree, "a", 5, 1000); err != nil { // though b is not closed yet
		t.Error(err)
	}
}

// The end of the context ends a body that hangs, at every step.
func TestContextEndsDownloads(t *testing.T) {
	for name, c := range map[string]struct {
		fault  apitest.AskReply
		kind   apitest.AskKind
		inBody bool
	}{
		"link hangs":  {reply(apitest.Hang()), apitest.AskLink, false},
		"file hangs":  {reply(apitest.Hang()), apitest.AskContent, false},
		"retries":     {reply(apitest.RetryAfter(503, time.Hour)), apitest.AskContent, false},
		"body drips":  {apitest.DripBytes(1, time.Hour), apitest.AskContent, true},
		"body drips.": {apitest.DripBytes(1, 50*time.Millisecond), apitest.AskContent, true},
	} {
		t.Run(name, func(t *testing.T) {
			s, client, tree := bytesOf(t, 100_000, apitest.ContentOptions{}, func(o *apiclient.Options) { o.Timeout = 2 * time.Hour })
			s.SetAskFault(apitest.EveryAsk(c.fault, c.kind))
			ctx, cancel := withCancel(t)
			opened, ended := make(chan bool, 1), make(chan error, 1)
			go func() {
				b, err := client.Open(ctx, piece(tree, 0, 100_000))
				opened <- err == nil
				if err == nil {
					defer b.Close()
					err = expect(t, b, tree.Bytes("a"))
				}
				ended <- err
			}()
			if c.inBody && !within(t, opened) {
				t.Fatal("not opened")
			}
			time.Sleep(30 * time.Millisecond)
			began := time.Now()
			cancel()
			if err := within(t, ended); !errors.Is(err, context.Canceled) || apiclient.IsTemporary(err) || time.Since(began) > 3*time.Second {
				t.Errorf("after %v: %v", time.Since(began), err)
			}
		})
	}
}

// A body outlives the context of its Open once it is detached, and ends with the one
// that it is attached to.
func TestBodyIsAttachedAnew(t *testing.T) {
	s, c, tree := bytesOf(t, 4<<20, apitest.ContentOptions{})
	first, cancelFirst := withCancel(t)
	b, err := c.Open(first, piece(tree, 0, 4<<20))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	want, p := tree.Bytes("a"), make([]byte, 1000)
	next := func() error {
		t.Helper()
		at := b.Offset()
		n, err := io.ReadFull(b, p)
		if !bytes.Equal(p[:n], want[at:at+int64(n)]) {
			t.Error("wrong bytes")
		}
		return err
	}
	b.Detach()
	b.Detach()
	cancelFirst()
	if err := next(); err != nil {
		t.Errorf("detached: %v", err)
	}
	second, cancelSecond := withCancel(t)
	b.Attach(second)
	third, cancelThird := withCancel(t)
	b.Attach(third) // in place of the second
	cancelSecond()
	time.Sleep(10 * time.Millisecond)
	if err := next(); err != nil {
		t.Errorf("attached to another: %v", err)
	}
	cancelThird()
	deadline := time.Now().Add(5 * time.Second)
	for err = nil; err == nil && time.Now().Before(deadline) && b.Offset() < 4<<20-1000; {
		err = next()
	}
	if !errors.Is(err, context.Canceled) || apiclient.IsTemporary(err) {
		t.Errorf("error %v", err)
	}
	if _, err := b.Read(p); err == nil {
		t.Error("an ended body goes on")
	}
	cleanCalls(t, s)
}

// A deadline is not the caller's wish, so the error may pass.
func TestDeadlineOfADownload(t *testing.T) {
	s, c, tree := bytesOf(t, 100_000, apitest.ContentOptions{})
	s.SetAskFault(apitest.EveryAsk(reply(apitest.Hang()), apitest.AskContent))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Open(ctx, piece(tree, 0, 10)); !errors.Is(err, context.DeadlineExceeded) || !apiclient.IsTemporary(err) {
		t.Errorf("error %v", err)
	}
}

// Nothing to be read into takes no time.
func TestReadOfNothing(t *testing.T) {
	_, c, tree := bytesOf(t, 4<<20, apitest.ContentOptions{})
	ctx, cancel := withCancel(t)
	b, err := c.Open(ctx, piece(tree, 0, 4<<20))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if n, err := b.Read(nil); n != 0 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}()
	select {
	case <-done:
	case <-time.After(2 * time.Second):
		t.Error("reading nothing never ends")
		cancel()
		<-done
	}
	b.Close()
}

package apiclient_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sefs/apiclient"
	"sefs/apiclient/apitest"
)

// Random pieces equal the file, in few requests, whatever breaks off on the way.
func TestRandomPiecesEqualTheFile(t *testing.T) {
	for _, v := range []apitest.Validators{apitest.ValidatorsBoth, apitest.ValidatorETag, apitest.ValidatorWeakETag, apitest.ValidatorLastModified, apitest.ValidatorsNone} {
		t.Run(fmt.Sprint(v), func(t *testing.T) {
			const size = 1_234_567
			s, c, tree := bytesOf(t, size, apitest.ContentOptions{Validators: v})
			want := tree.Bytes("a")
			rapid.Check(t, func(rt *rapid.T) {
				offset := rapid.Int64Range(0, size-1).Draw(rt, "offset")
				length := rapid.Int64Range(1, size-offset).Draw(rt, "length")
				if rapid.Bool().Draw(rt, "small") {
					length = min(length, 5000)
				}
				s.SetAskFault(nil)
				cut := int64(-1)
				if rapid.IntRange(0, 9).Draw(rt, "cut") == 9 { // each takes a tenth of a second
					cut = rapid.Int64Range(1, length).Draw(rt, "at")
					s.SetAskFault(apitest.FirstAsks(1, apitest.AskContent, apitest.CutAfter(cut)))
				}
				s.ResetCalls()
				progress := 0
				r := piece(tree, offset, length)
				r.Bytes = func() { progress++ }
				b, err := c.Open(t.Context(), r)
				if err != nil {
					rt.Fatal(err)
				}
				defer b.Close()
				got, err := readAll(b)
				if err != nil || !bytes.Equal(got, want[offset:offset+length]) || progress == 0 || b.Whole() {
					rt.Fatalf("%d bytes of %d, error %v", len(got), length, err)
				}
				asks := []apitest.Ask{{Kind: apitest.AskContent, Path: r.Path, Offset: offset, Length: length}}
				if cut >= 0 && cut < length {
					asks = append(asks, apitest.Ask{Kind: apitest.AskContent, Path: r.Path, Offset: offset + cut, Length: length - cut})
				}
				if diff := cmp.Diff(asks, s.Calls().Ranges); diff != "" {
					rt.Fatalf("ranges (-want +got):\n%s", diff)
				}
			})
			cleanCalls(t, s)
		})
	}
}

// An answer is accepted only if it says that it is what was asked for.
func TestAnswersThatAreNoPart(t *testing.T) {
	const size = 100_000
	var wg sync.WaitGroup
	for name, c := range map[string]struct {
		fault              apitest.AskReply
		changed, temporary bool
	}{
		"starts later":            {apitest.OtherStart(1), false, true},
		"starts earlier":          {apitest.OtherStart(-1), false, true},
		"starts at the beginning": {apitest.OtherStart(-5000), false, true},
		"shorter range":           {apitest.OtherLength(10), false, true},
		"longer range":            {apitest.OtherLength(20_001), false, true},
		"shorter body":            {apitest.Shorter(1), false, true},
		"no body":                 {apitest.Shorter(20_000), false, true},
		"no Content-Range":        {apitest.NoContentRange(), false, true},
		"unknown total":           {apitest.UnknownTotal(), false, true},
		"several parts":           {apitest.Multipart(), false, true},
		"gzip":                    {apitest.Gzipped(), false, true},
		"another total":           {apitest.OtherTotal(size + 1), true, false},
		"a smaller total":         {apitest.OtherTotal(size - 1), true, false},
		"416":                     {reply(apitest.Status(416)), true, false},
		"412":                     {reply(apitest.Status(412)), true, false},
		"400":                     {reply(apitest.Status(400)), false, false},
		"429":                     {reply(apitest.Status(429)), false, true},
		"500":                     {reply(apitest.Status(500)), false, true},
		"503":                     {reply(apitest.Status(503)), false, true},
		"204":                     {reply(apitest.Raw(204, "", "")), false, true},
		"202":                     {reply(apitest.Raw(202, "text/plain", "later")), false, true},
		"reset":                   {reply(apitest.Reset()), false, true},
	} {
		s, client, tree := bytesOf(t, size, apitest.ContentOptions{})
		s.SetAskFault(apitest.EveryAsk(c.fault, apitest.AskContent))
		wg.Go(func() {
			b, err := client.Open(t.Context(), piece(tree, 5000, 20_000))
			if err == nil {
				t.Errorf("%s: no error from Open, then %v", name, expect(t, b, tree.Bytes("a")[5000:25_000]))
				b.Close()
				return
			}
			if apiclient.IsChanged(err) != c.changed || apiclient.IsTemporary(err) != c.temporary || apiclient.IsNotExist(err) || apiclient.IsAuth(err) {
				t.Errorf("%s: changed %v, temporary %v: %v", name, apiclient.IsChanged(err), apiclient.IsTemporary(err), err)
			}
			calls := cleanCalls(t, s)
			if n := calls.Content; c.temporary && (n < 2 || n > 6) || !c.temporary && n != 1 || calls.LinksTotal() != 1 {
				t.Errorf("%s: %d downloads though it is temporary: %v; %d links", name, n, c.temporary, calls.LinksTotal())
			}
		})
		// What is wrong in the middle of a transfer is noticed as well.
		middle, other, _ := bytesOf(t, size, apitest.ContentOptions{})
		middle.SetAskFault(func(a apitest.Ask, n int) apitest.AskReply {
			switch {
			case a.Kind != apitest.AskContent || n > 1 && a.Offset != 5100:
				return apitest.AskReply{}
			case n > 1:
				return c.fault
			}
			return apitest.CutAfter(100)
		})
		wg.Go(func() {
			b, err := other.Open(t.Context(), piece(tree, 5000, 20_000))
			if err != nil {
				t.Errorf("%s: %v", name, err)
				return
			}
			defer b.Close()
			if err := expect(t, b, tree.Bytes("a")[5000:25_000]); err == nil || apiclient.IsChanged(err) != c.changed || apiclient.IsTemporary(err) != c.temporary {
				t.Errorf("%s, in the middle: %v", name, err)
			}
		})
	}
	wg.Wait()
}

// The bytes of a page that came in a file's place are not the file's, with a length
// that tells or without.
func TestPageInTheFilesPlace(t *testing.T) {
	var wg sync.WaitGroup
	for _, page := range []apitest.Reply{
		apitest.HTML(), apitest.Empty(), apitest.Raw(200, "text/html", "<html>"), apitest.Raw(200, "application/octet-stream", "x"),
		apitest.Raw(200, "text/html; charset=utf-8", strings.Repeat("<p>Log in</p>", 1000)),
	} {
		for _, content := range []apitest.ContentOptions{{}, {NoRange: true}, {NoRange: true, NoLength: true}} {
			s, c, tree := bytesOf(t, 12_345, content)
			s.SetAskFault(apitest.EveryAsk(reply(page), apitest.AskContent))
			wg.Go(func() {
				b, err := c.Open(t.Context(), piece(tree, 10, 10))
				if err == nil {
					t.Errorf("%+v: no error", content)
					b.Close()
				}
			})
		}
	}
	wg.Wait()
}

func TestServersWithoutRanges(t *testing.T) {
	const size = 300_000
	for name, content := range map[string]apitest.ContentOptions{
		"with length":    {NoRange: true},
		"without length": {NoRange: true, NoLength: true},
		"no validators":  {NoRange: true, NoLength: true, Validators: apitest.ValidatorsNone},
	} {
		for _, whole := range []bool{false, true} {
			t.Run(fmt.Sprint(name, "/", whole), func(t *testing.T) {
				s, c, tree := bytesOf(t, size, content, func(o *apiclient.Options) { o.DownloadConcurrency = 1 })
				for _, cut := range []int64{-1, 0, 1, 77_777, size - 1} {
					s.SetAskFault(nil)
					if cut >= 0 {
						s.SetAskFault(apitest.FirstAsks(1, apitest.AskContent, apitest.CutAfter(cut)))
					}
					s.ResetCalls()
					r := piece(tree, 100_000, 10)
					r.Whole = whole
					b, err := c.Open(t.Context(), r)
					if err != nil {
						t.Fatal(err)
					}
					if !b.Whole() || b.Offset() != 0 {
						t.Errorf("whole %v, offset %d", b.Whole(), b.Offset())
					}
					// It may be paused for long, so it keeps no place: there is one only.
					other, err := c.Open(t.Context(), r)
					if err != nil {
						t.Fatal(err)
					}
					other.Close()
					if err := expect(t, b, tree.Bytes("a")); err != nil {
						t.Errorf("cut at %d: %v", cut, err)
					}
					b.Close()
					want := 2
					if cut >= 0 {
						want = 3
					}
					if n := cleanCalls(t, s).Content; n != want {
						t.Errorf("cut at %d: %d downloads, want %d", cut, n, want)
					}
				}
			})
		}
	}
}

// One answer with the whole file makes the body a whole one, though the server knows
// ranges otherwise.
func TestWholeFileInAnswerToARange(t *testing.T) {
	s, c, tree := bytesOf(t, 300_000, apitest.ContentOptions{})
	s.SetAskFault(apitest.EveryAsk(apitest.WholeFile(), apitest.AskContent))
	b, err := c.Open(t.Context(), piece(tree, 200_000, 50_000))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if !b.Whole() || b.Offset() != 0 || !b.Validator().Known() {
		t.Errorf("whole %v, offset %d, validator %+v", b.Whole(), b.Offset(), b.Validator())
	}
	if err := expect(t, b, tree.Bytes("a")); err != nil {
		t.Error(err)
	}
	// In the middle of a transfer it is skipped through.
	s.ResetCalls()
	s.SetAskFault(func(a apitest.Ask, n int) apitest.AskReply {
		if a.Kind == apitest.AskContent && n == 1 {
			return apitest.CutAfter(20_000)
		}
		return apitest.WholeFile()
	})
	if err := readPiece(t, c, tree, "a", 200_000, 50_000); err != nil {
		t.Error(err)
	}
	if n := cleanCalls(t, s).Content; n != 2 {
		t.Errorf("%d downloads", n)
	}
}

// A file whose size is not known is read to its end.
func TestUnknownSize(t *testing.T) {
	for name, content := range map[string]apitest.ContentOptions{
		"ranges": {}, "no ranges": {NoRange: true}, "no length": {NoRange: true, NoLength: true},
		"nothing": {NoRange: true, NoLength: true, Validators: apitest.ValidatorsNone},
	} {
		for _, size := range []int64{0, 1, 300_000} {
			for _, cut := range []int64{-1, 0, 1, size / 2, size - 1} {
				if cut >= size {
					continue
				}
				t.Run(fmt.Sprint(name, "/", size, "/", cut), func(t *testing.T) {
					s, c, tree := bytesOf(t, size, content)
					if cut >= 0 {
						s.SetAskFault(apitest.FirstAsks(1, apitest.AskContent, apitest.CutAfter(cut)))
					}
					b, err := c.Open(t.Context(), apiclient.Range{Path: tree.Full("a"), Size: apiclient.UnknownSize})
					if err != nil {
						t.Fatal(err)
					}
					defer b.Close()
					if !b.Whole() || b.Offset() != 0 {
						t.Errorf("whole %v, offset %d", b.Whole(), b.Offset())
					}
					if err := expect(t, b, tree.Bytes("a")); err != nil {
						t.Error(err)
					}
					want := 1
					if cut >= 0 {
						want = 2
					}
					if n := cleanCalls(t, s).Content; n != want {
						t.Errorf("%d downloads, want %d", n, want)
					}
				})
			}
		}
	}
}

// What is no piece of the file is not asked for.
func TestPiecesThatAreNone(t *testing.T) {
	s, c, tree := bytesOf(t, 1000, apitest.ContentOptions{})
	for _, r := range [][2]int64{{0, 0}, {1000, 0}, {0, 1001}, {1000, 1}, {-1, 5}, {5, -1}, {999, 2}, {1 << 62, 1 << 62}, {1, 1<<63 - 1}} {
		if b, err := c.Open(t.Context(), piece(tree, r[0], r[1])); err == nil {
			t.Errorf("%v: no error", r)
			b.Close()
		} else if apiclient.IsTemporary(err) || apiclient.IsChanged(err) || apiclient.IsNotExist(err) {
			t.Errorf("%v: %v", r, err)
		}
	}
	if calls := cleanCalls(t, s); calls.Content != 0 {
		t.Errorf("%d downloads", calls.Content)
	}
	// All of an empty file is nothing, and known by its one answer.
	tree.Change("a", func(f *apitest.File) { f.Size = 0 })
	r := piece(tree, 0, 0)
	r.Whole = true
	b, err := c.Open(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := expect(t, b, nil); err != nil {
		t.Error(err)
	}
}

func TestDownloadHonoursRetryAfter(t *testing.T) {
	s, c, tree := bytesOf(t, 1000, apitest.ContentOptions{}, func(o *apiclient.Options) {
		o.DownloadConcurrency, o.Timeout = 1, 2*time.Hour
	})
	s.SetAskFault(apitest.FirstAsks(1, apitest.AskContent, reply(apitest.RetryAfter(503, time.Second))))
	began := time.Now()
	if err := readPiece(t, c, tree, "a", 0, 1000); err != nil || time.Since(began) < time.Second {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
	// What waits does not keep its place meanwhile.
	s.ResetCalls()
	s.SetAskFault(apitest.FirstAsks(1, apitest.AskContent, reply(apitest.RetryAfter(503, time.Hour))))
	ctx, cancel := withCancel(t)
	done := make(chan error, 1)
	go func() {
		_, err := c.Open(ctx, piece(tree, 0, 1000))
		done <- err
	}()
	for s.Calls().Content == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := readPiece(t, c, tree, "a", 500, 500); err != nil {
		t.Error(err)
	}
	cancel()
	if err := within(t, done); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("error %v", err)
	}
}

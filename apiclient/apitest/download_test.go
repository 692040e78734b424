package apitest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const etag1 = `"5c2aad80-186a0"` // of the file of oneFile

// oneFile returns a tree with a file of 100,000 bytes.
func oneFile() *Tree {
	tree := NewTree("sestore4/jb")
	tree.Add("a b/\u00e9.mp4", File{Size: 100_000, Kind: Video, Time: time.Unix(1546300800, 0)})
	return tree
}

func TestDownload(t *testing.T) {
	tree := oneFile()
	s, f := startWithFetcher(t, Options{Tree: tree})
	want := string(tree.Bytes("a b/\u00e9.mp4"))
	link := f.link("a b/\u00e9.mp4")
	modified := "Tue, 01 Jan 2019 00:00:00 GMT"
	for _, tt := range []struct {
		name    string
		headers []string
		status  int
		span    string
		body    string
	}{
		{"whole", nil, 200, "", want},
		{"range", []string{"Range", "bytes=10-19"}, 206, "bytes 10-19/100000", want[10:20]},
		{"first byte", []string{"Range", "bytes=0-0"}, 206, "bytes 0-0/100000", want[:1]},
		{"last byte", []string{"Range", "bytes=99999-99999"}, 206, "bytes 99999-99999/100000", want[99999:]},
		{"to the end", []string{"Range", "bytes=99990-"}, 206, "bytes 99990-99999/100000", want[99990:]},
		{"all", []string{"Range", "bytes=0-"}, 206, "bytes 0-99999/100000", want},
		{"beyond the end", []string{"Range", "bytes=99990-1000000"}, 206, "bytes 99990-99999/100000", want[99990:]},
		{"very far", []string{"Range", "bytes=1-9223372036854775806"}, 206, "bytes 1-99999/100000", want[1:]},
		{"at the end", []string{"Range", "bytes=100000-"}, 416, "bytes */100000", ""},
		{"after the end", []string{"Range", "bytes=100001-100002"}, 416, "bytes */100000", ""},
		{"the same", []string{"Range", "bytes=1-2", "If-Range", etag1}, 206, "bytes 1-2/100000", want[1:3]},
		{"another", []string{"Range", "bytes=1-2", "If-Range", `"x"`}, 200, "", want},
		{"weak", []string{"Range", "bytes=1-2", "If-Range", "W/" + etag1}, 200, "", want},
		{"date", []string{"Range", "bytes=1-2", "If-Range", modified}, 206, "bytes 1-2/100000", want[1:3]},
		{"another date", []string{"Range", "bytes=1-2", "If-Range", "Tue, 01 Jan 2019 00:00:01 GMT"}, 200, "", want},
		{"match", []string{"If-Match", etag1}, 200, "", want},
		{"no match", []string{"If-Match", `"x"`}, 412, "", ""},
		{"several ranges", []string{"Range", "bytes=1-2,5-6"}, 400, "", ""},
		{"from the end", []string{"Range", "bytes=-5"}, 400, "", ""},
		{"backwards", []string{"Range", "bytes=5-4"}, 400, "", ""},
		{"signs", []string{"Range", "bytes=+1-2"}, 400, "", ""},
		{"lines", []string{"Range", "lines=1-2"}, 400, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.ResetCalls()
			got := f.do(http.MethodGet, link, tt.headers...)
			if got.err != nil || got.status != tt.status || got.header.Get("Content-Range") != tt.span {
				t.Fatalf("%d, %v, %q", got.status, got.err, got.header.Get("Content-Range"))
			}
			calls := s.Calls()
			if tt.status >= 400 {
				if (calls.Rejected == 1) != (tt.status == 400) || calls.ContentBytes != 0 {
					t.Errorf("calls: %+v", calls)
				}
				return
			}
			if got.body != tt.body {
				t.Error("the bytes are wrong")
			}
			h := got.header
			if h.Get("ETag") != etag1 || h.Get("Last-Modified") != modified || h.Get("Accept-Ranges") != "bytes" || h.Get("Content-Type") != "video/mp4" {
				t.Errorf("headers: %v", h)
			}
			if h.Get("Content-Length") != fmt.Sprint(len(tt.body)) || calls.ContentBytes != int64(len(tt.body)) {
				t.Errorf("%s bytes announced, %d counted", h.Get("Content-Length"), calls.ContentBytes)
			}
			if got := f.do(http.MethodHead, link, tt.headers...); got.status != tt.status || got.body != "" || got.header.Get("Content-Length") != h.Get("Content-Length") {
				t.Errorf("HEAD: %d, %v", got.status, got.header)
			}
			if s.Calls().ContentBytes != calls.ContentBytes {
				t.Error("HEAD counts bytes")
			}
		})
	}
}

func TestDownloadRanges(t *testing.T) {
	tree := NewTree("sestore4/jb")
	sizes := []int64{0, 1, 2, chunkSize - 1, chunkSize, chunkSize + 1, 3*patternSize + 5}
	for i, size := range sizes {
		tree.Add(fmt.Sprint(i), File{Size: size})
	}
	_, f := startWithFetcher(t, Options{Tree: tree})
	links, contents := make([]string, len(sizes)), make([]string, len(sizes))
	for i := range sizes {
		links[i], contents[i] = f.link(fmt.Sprint(i)), string(tree.Bytes(fmt.Sprint(i)))
		if got := f.get(links[i], ""); got.status != 200 || got.body != contents[i] {
			t.Fatalf("file of %d bytes: %d, %v, %d bytes", sizes[i], got.status, got.err, len(got.body))
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		i := rapid.IntRange(1, len(sizes)-1).Draw(t, "file")
		from := rapid.Int64Range(0, sizes[i]-1).Draw(t, "from")
		to := rapid.Int64Range(from, sizes[i]-1).Draw(t, "to")
		got := f.get(links[i], fmt.Sprintf("bytes=%d-%d", from, to))
		if got.status != 206 || got.body != contents[i][from:to+1] {
			t.Fatalf("%d, %v, %d bytes", got.status, got.err, len(got.body))
		}
	})
}

func TestContentOptions(t *testing.T) {
	tree := oneFile()
	s, f := startWithFetcher(t, Options{Tree: tree})
	want := string(tree.Bytes("a b/\u00e9.mp4"))
	link := f.link("a b/\u00e9.mp4")

	for _, noLength := range []bool{false, true} {
		s.SetContent(ContentOptions{NoRange: true, NoLength: noLength})
		got := f.get(link, "bytes=1-2")
		if got.status != 200 || got.body != want || got.header.Get("Accept-Ranges") != "" || got.header.Get("Content-Range") != "" {
			t.Errorf("without ranges: %d, %v", got.status, got.header)
		}
		if (got.header.Get("Content-Length") == "") != noLength {
			t.Errorf("without ranges: length %q", got.header.Get("Content-Length"))
		}
	}
	for v, tags := range map[Validators][2]string{
		ValidatorsBoth:        {etag1, "Tue, 01 Jan 2019 00:00:00 GMT"},
		ValidatorETag:         {etag1, ""},
		ValidatorWeakETag:     {"W/" + etag1, ""},
		ValidatorLastModified: {"", "Tue, 01 Jan 2019 00:00:00 GMT"},
		ValidatorsNone:        {"", ""},
	} {
		s.SetContent(ContentOptions{Validators: v})
		got := f.get(link, "bytes=1-2")
		if h := got.header; h.Get("ETag") != tags[0] || h.Get("Last-Modified") != tags[1] {
			t.Errorf("%d: %v", v, h)
		}
		if got := f.get(link, "bytes=1-2", "If-Range", "W/"+etag1); got.status != 200 {
			t.Errorf("%d: a weak ETag gives %d", v, got.status)
		}
	}
	s.SetContent(ContentOptions{FirstByte: 30 * time.Millisecond})
	begun := time.Now()
	if f.get(link, "bytes=1-2"); time.Since(begun) < 30*time.Millisecond {
		t.Errorf("the first byte came after %v", time.Since(begun))
	}
}

func TestPace(t *testing.T) {
	tree := NewTree("sestore4/jb")
	tree.Add("f", File{Size: 1 << 20})
	for name, tt := range map[string]struct {
		content ContentOptions
		readers int
		least   time.Duration
	}{
		"together": {ContentOptions{BytesPerSecond: 10 << 20}, 2, 150 * time.Millisecond},
		"each":     {ContentOptions{PerConnection: 10 << 20}, 4, 75 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			s, f := startWithFetcher(t, Options{Tree: tree, Content: tt.content})
			link := f.link("f")
			begun := time.Now()
			var wg sync.WaitGroup
			for range tt.readers {
				wg.Go(func() { f.get(link, "") })
			}
			wg.Wait()
			if took := time.Since(begun); took < tt.least || took > 20*tt.least {
				t.Errorf("%d MiB took %v", tt.readers, took)
			}
			if n := s.Calls().ContentBytes; n != int64(tt.readers)<<20 {
				t.Errorf("%d bytes", n)
			}
		})
	}
}

// A limit that is lifted lets an answer go that is under way.
func TestPaceLifted(t *testing.T) {
	tree := NewTree("sestore4/jb")
	tree.Add("f", File{Size: 1 << 20})
	s, f := startWithFetcher(t, Options{Tree: tree, Content: ContentOptions{PerConnection: 10_000}})
	res, err := f.http.Get(f.link("f"))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	io.ReadFull(res.Body, make([]byte, 1))
	s.SetContent(ContentOptions{})
	if rest, err := io.ReadAll(res.Body); err != nil || len(rest) != 1<<20-1 {
		t.Errorf("%d bytes, %v", len(rest), err)
	}
}

// An answer that is under way keeps the version that it began with.
func TestChangeUnderWay(t *testing.T) {
	tree := NewTree("sestore4/jb")
	tree.Add("f", File{Size: 4 << 20})
	_, f := startWithFetcher(t, Options{Tree: tree})
	old := tree.Bytes("f")
	link := f.link("f")
	res, err := f.http.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	tree.Change("f", func(f *File) { f.Version, f.Size = 1, 5<<20 })
	if got, err := io.ReadAll(res.Body); err != nil || !bytes.Equal(got, old) {
		t.Errorf("%d bytes, %v, equal to the old ones: %v", len(got), err, bytes.Equal(got, old))
	}
	got := f.get(link, "")
	if got.body != string(tree.Bytes("f")) || got.header.Get("ETag") == res.Header.Get("ETag") {
		t.Error("the change does not show")
	}
	tree.Remove("f")
	if got := f.get(link, ""); got.status != 404 {
		t.Errorf("removed: %d", got.status)
	}
}

func BenchmarkDownload(b *testing.B) {
	tree := NewTree("sestore4/jb")
	tree.Add("f", File{Size: 1 << 30})
	for _, size := range []int64{1 << 20, 8 << 20, 1 << 30} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			s, f := startWithFetcher(b, Options{Tree: tree})
			link := f.link("f")
			buf := make([]byte, 1<<20)
			b.SetBytes(size)
			for i := int64(0); b.Loop(); i++ {
				from := i * size % (1 << 30)
				req, _ := http.NewRequest(http.MethodGet, link, nil)
				req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", from, from+size-1))
				res, err := f.http.Do(req)
				if err != nil {
					b.Fatal(err)
				}
				if n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{res.Body}, buf); n != size || err != nil {
					b.Fatal(n, err)
				}
				res.Body.Close()
			}
			_ = s
		})
	}
}

package apitest

import (
	"compress/gzip"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestAskReplies(t *testing.T) {
	tree := oneFile()
	s, f := startWithFetcher(t, Options{Tree: tree})
	all := string(tree.Bytes("a b/\u00e9.mp4"))
	link := f.link("a b/\u00e9.mp4")
	open := make(chan struct{})
	close(open)

	// Each is asked for the bytes 1000 to 1999.
	right := all[1000:2000]
	const span = "bytes 1000-1999/100000"
	for _, tt := range []struct {
		name   string
		reply  AskReply
		status int
		span   string
		body   string
		broken bool
	}{
		{"zero", AskReply{}, 206, span, right, false},
		{"hold", AskReply{Reply: Hold(open)}, 206, span, right, false},
		{"cut", CutAfter(10), 206, span, right[:10], true},
		{"cut at once", CutAfter(0), 206, span, "", true},
		{"cut at the end", CutAfter(1000), 206, span, right, false},
		{"half", AskReply{Reply: HalfBody()}, 206, span, right[:500], true},
		{"shorter", Shorter(10), 206, span, right[:990], false},
		{"whole file", WholeFile(), 200, "", all, false},
		{"later", OtherStart(8), 206, "bytes 1008-2007/100000", all[1008:2008], false},
		{"earlier", OtherStart(-1), 206, "bytes 999-1998/100000", all[999:1999], false},
		{"fewer", OtherLength(10), 206, "bytes 1000-1009/100000", right[:10], false},
		{"more", OtherLength(5000), 206, "bytes 1000-5999/100000", all[1000:6000], false},
		{"other total", OtherTotal(7), 206, "bytes 1000-1999/7", right, false},
		{"unknown total", UnknownTotal(), 206, "bytes 1000-1999/*", right, false},
		{"no range", NoContentRange(), 206, "", right, false},
		{"drip", DripBytes(400, time.Nanosecond), 206, span, right, false},
		{"drip of Reply", AskReply{Reply: Drip(time.Nanosecond)}, 206, span, right, false},
		{"truncated", AskReply{Reply: Truncated()}, 206, span, right[:500], false},
		{"empty", AskReply{Reply: Empty()}, 206, span, "", false},
		{"replaced", AskReply{Reply: Replace(right[:9], "123456789")}, 206, span, "123456789" + right[9:], false},
		{"status", AskReply{Reply: Status(502)}, 502, "", string(Status(502).Body(nil)), false},
		{"page", AskReply{Reply: HTML()}, 200, "", string(HTML().Body(nil)), false},
		{"raw", AskReply{Reply: Raw(418, "text/plain", "tea")}, 418, "", "tea", false},
		{"redirect", AskReply{Reply: Redirect("http://127.0.0.1:1/")}, 307, "", "", false},
		{"failure", V1Failure(403, "ACCESS_VIOLATION"), 403, "", `{"data":null,"errors":["ACCESS_VIOLATION"]}`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.ResetCalls()
			s.SetAskFault(EveryAsk(tt.reply, AskContent))
			got := f.get(link, "bytes=1000-1999")
			if got.status != tt.status || got.header.Get("Content-Range") != tt.span || got.body != tt.body {
				t.Errorf("%d, %q, %d bytes; want %d, %q, %d bytes", got.status, got.header.Get("Content-Range"), len(got.body), tt.status, tt.span, len(tt.body))
			}
			if errors.Is(got.err, io.ErrUnexpectedEOF) != tt.broken || (got.err != nil) != tt.broken {
				t.Errorf("err = %v", got.err)
			}
			if n := s.Calls().ContentBytes; n != int64(len(tt.body)) {
				t.Errorf("%d bytes counted, %d sent", n, len(tt.body))
			}
			if strings.HasPrefix(tt.span, "bytes") != (got.header.Get("ETag") != "") && tt.name != "no range" && tt.name != "whole file" {
				t.Errorf("headers: %v", got.header)
			}
		})
	}
	s.SetAskFault(EveryAsk(AskReply{Reply: RetryAfter(429, time.Minute)}))
	if got := f.get(link, ""); got.status != 429 || got.header.Get("Retry-After") != "60" {
		t.Errorf("Retry-After: %d, %v", got.status, got.header)
	}
	s.SetAskFault(EveryAsk(OtherETag(`"x"`)))
	if got := f.get(link, ""); got.header.Get("ETag") != `"x"` || got.body != all {
		t.Errorf("another ETag: %v", got.header)
	}
	s.SetAskFault(EveryAsk(AskReply{Reply: Reset()}))
	if got := f.get(link, ""); !errors.Is(got.err, syscall.ECONNRESET) && !errors.Is(got.err, io.EOF) {
		t.Errorf("reset: %v", got.err)
	}
}

func TestChangedMidway(t *testing.T) {
	tree := oneFile()
	tree.AddContent("text", []byte(strings.Repeat("a", 100)), time.Time{})
	s, f := startWithFetcher(t, Options{Tree: tree})
	const name = "a b/\u00e9.mp4"
	link, text := f.link(name), f.link("text")
	old := string(tree.Bytes(name))
	s.SetAskFault(EveryAsk(ChangedMidway()))
	got := f.get(link, "bytes=0-999")
	if got.err == nil || got.header.Get("Content-Length") != "1000" || len(got.body) != 750 {
		t.Fatalf("%v, %d bytes", got.err, len(got.body))
	}
	if got.body[:500] != old[:500] || got.body[500:600] == old[500:600] {
		t.Error("the halves are not what they should be")
	}
	if got := f.get(text, ""); got.body != strings.Repeat("a", 50)+strings.Repeat("\x9e", 25) {
		t.Errorf("got %q", got.body)
	}
	s.SetAskFault(func(Ask, int) AskReply {
		tree.Change(name, func(f *File) { f.Version = 7 })
		return ChangedMidway()
	})
	got = f.get(link, "bytes=0-999")
	if now := string(tree.Bytes(name)); got.body != old[:500]+now[500:750] {
		t.Error("the second half is not the changed file's")
	}
}

func TestEncodedBodies(t *testing.T) {
	tree := oneFile()
	s, f := startWithFetcher(t, Options{Tree: tree})
	want := string(tree.Bytes("a b/\u00e9.mp4"))[5:15]
	link := f.link("a b/\u00e9.mp4")
	s.SetAskFault(EveryAsk(Gzipped()))
	got := f.get(link, "bytes=5-14")
	r, err := gzip.NewReader(strings.NewReader(got.body))
	if err != nil || got.header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("%v, %v", err, got.header)
	}
	if body, err := io.ReadAll(r); string(body) != want || err != nil {
		t.Errorf("gzip holds %q, %v", body, err)
	}
	s.SetAskFault(EveryAsk(Multipart()))
	got = f.get(link, "bytes=5-14")
	kind, params, _ := mime.ParseMediaType(got.header.Get("Content-Type"))
	if got.status != 206 || kind != "multipart/byteranges" || got.header.Get("Content-Range") != "" {
		t.Fatalf("%d, %v", got.status, got.header)
	}
	part, err := multipart.NewReader(strings.NewReader(got.body), params["boundary"]).NextPart()
	if err != nil || part.Header.Get("Content-Range") != "bytes 5-14/100000" {
		t.Fatalf("%v: %q", err, got.body)
	}
	if body, err := io.ReadAll(part); string(body) != want || err != nil {
		t.Errorf("the part holds %q, %v", body, err)
	}
}

// The faults of the command API work on v1 as well.
func TestAskRepliesOfV1(t *testing.T) {
	c := &clock{now: time.Unix(1_700_000_000, 0)} // all links end in the same second
	s, f := startWithFetcher(t, Options{Clock: c.Now})
	right := f.v1("download", "movie.mp4", "")
	for _, tt := range []struct {
		name   string
		reply  Reply
		status int
		body   string
		broken bool
	}{
		{"zero", Reply{}, 200, right.body, false},
		{"status", Status(500), 500, string(Status(500).Body(nil)), false},
		{"page", HTML(), 200, string(HTML().Body(nil)), false},
		{"empty", Empty(), 200, "", false},
		{"truncated", Truncated(), 200, right.body[:len(right.body)/2], false},
		{"replaced", Replace("secure", "st"), 200, strings.ReplaceAll(right.body, "secure", "st"), false},
		{"json", JSON("null"), 200, "null", false},
		{"half", HalfBody(), 200, right.body[:len(right.body)/2], true},
		{"drip", Drip(time.Nanosecond), 200, right.body, false},
	} {
		s.SetAskFault(EveryAsk(AskReply{Reply: tt.reply}, AskLink))
		got := f.v1("download", "movie.mp4", "")
		if got.status != tt.status || got.body != tt.body || (got.err != nil) != tt.broken {
			t.Errorf("%s: %d, %v, %q", tt.name, got.status, got.err, got.body)
		}
	}
	s.SetAskFault(EveryAsk(AskReply{Reply: Redirect(s.DownloadURL())}))
	if got := f.v1("files", "", "option:recursive=0"); got.status != 307 || got.header.Get("Location") != s.DownloadURL() {
		t.Errorf("redirect: %d, %v", got.status, got.header)
	}
	s.SetAskFault(EveryAsk(AskReply{Reply: Reset()}))
	if got := f.v1("files", "", "option:recursive=0"); got.err == nil {
		t.Errorf("reset: %+v", got)
	}
	missing := V1Failure(404, "NOT_FOUND")
	missing.Header = map[string][]string{"Retry-After": {"5"}}
	s.SetAskFault(EveryAsk(missing))
	if got := f.v1("files", "movie.mp4", "option:recursive=0"); got.status != 404 || got.header.Get("Retry-After") != "5" {
		t.Errorf("failure: %d %s", got.status, got.body)
	}
}

func TestAskFaults(t *testing.T) {
	s, f := startWithFetcher(t, Options{})
	link := f.link("movie.mp4")
	statuses := func() (all []int) {
		for range 3 {
			all = append(all, f.v1("files", "movie.mp4", "option:recursive=0").status, f.v1("download", "movie.mp4", "").status, f.get(link, "bytes=0-0").status)
		}
		return all
	}
	bad := AskReply{Reply: Status(500)}
	for name, tt := range map[string]struct {
		fault AskFault
		want  [9]int
	}{
		"every fourth":       {EveryNth(4, bad), [9]int{200, 200, 206, 500, 200, 206, 200, 500, 206}},
		"every second link":  {EveryNth(2, bad, AskLink), [9]int{200, 200, 206, 200, 500, 206, 200, 200, 206}},
		"first two contents": {FirstAsks(2, AskContent, bad), [9]int{200, 200, 500, 200, 200, 500, 200, 200, 206}},
		"at":                 {AskAt("sestore4/jb/movie.mp4", bad, AskFiles, AskLink), [9]int{500, 500, 206, 500, 500, 206, 500, 500, 206}},
		"elsewhere":          {AskAt("sestore4/jb", bad), [9]int{200, 200, 206, 200, 200, 206, 200, 200, 206}},
		"nil":                {nil, [9]int{200, 200, 206, 200, 200, 206, 200, 200, 206}},
	} {
		s.ResetCalls()
		s.SetAskFault(tt.fault)
		if got := statuses(); [9]int(got) != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

// Close ends contents of every kind that are under way.
func TestCloseDownloads(t *testing.T) {
	for name, r := range map[string]AskReply{
		"hang": {Reply: Hang()}, "held": {Reply: Hold(make(chan struct{}))}, "drip": DripBytes(1, time.Hour),
		"delay": {Reply: Reply{Delay: time.Hour}}, "first byte": {}, "pace": {},
	} {
		t.Run(name, func(t *testing.T) {
			s, f := startWithFetcher(t, Options{Tree: oneFile()})
			link := f.link("a b/\u00e9.mp4")
			switch name {
			case "first byte":
				s.SetContent(ContentOptions{FirstByte: time.Hour})
			case "pace":
				s.SetContent(ContentOptions{BytesPerSecond: 1})
			}
			arrived := make(chan struct{}, 1)
			s.SetAskFault(func(Ask, int) AskReply {
				arrived <- struct{}{}
				return r
			})
			done := make(chan outcome)
			go func() { done <- f.get(link, "") }()
			<-arrived
			s.Close()
			if got := <-done; got.err == nil {
				t.Errorf("got an answer: %+v", got)
			}
		})
	}
}

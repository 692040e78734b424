package apitest

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// outcome is what a client sees of an answer.
type outcome struct {
	status int
	header http.Header
	body   string
	err    error // of the request, or of reading the body
}

func (c *caller) outcome(text string) outcome {
	res, err := c.do(text)
	if err != nil {
		return outcome{err: err}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return outcome{res.StatusCode, res.Header, string(body), err}
}

func TestReplies(t *testing.T) {
	const right = `{"data":{"sestore4\/jb":[{"folder1":[{"__files":["movie2.mp4"],"__is_loaded":1}],"__files":["movie.mp4"],"__is_loaded":1}]},"message":"Found Files List Data","status":"success","handle_time":"0.3795 seconds"}`
	open := make(chan struct{})
	close(open)
	busy := messages["1000"]
	late := Code("1000")
	late.Status = 503

	for _, tt := range []struct {
		name   string
		reply  Reply
		status int
		body   string
	}{
		{"zero", Reply{}, 200, right},
		{"hold", Hold(open), 200, right},
		{"delay", Reply{Delay: time.Nanosecond}, 200, right},
		{"code", Code("1000"), 200, `{"status":"failure","code":"1000","message":"` + busy + `","handle_time":"0.3795 seconds"}`},
		{"code as number", CodeNumber("0004"), 200, `{"status":"failure","code":4,"message":"` + messages["0004"] + `","handle_time":"0.3795 seconds"}`},
		{"code with status", late, 503, `{"status":"failure","code":"1000","message":"` + busy + `","handle_time":"0.3795 seconds"}`},
		{"unknown code", Code("0777"), 200, `{"status":"failure","code":"0777","message":"Something went wrong","handle_time":"0.3795 seconds"}`},
		{"status", Status(500), 500, "<html>\r\n<head><title>500 Internal Server Error</title></head>\r\n<body>\r\n<center><h1>500 Internal Server Error</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"},
		{"raw", Raw(418, "text/plain", "tea"), 418, "tea"},
		{"null", JSON("null"), 200, "null"},
		{"false", JSON("false"), 200, "false"},
		{"empty", Empty(), 200, ""},
		{"truncated", Truncated(), 200, right[:len(right)/2]},
		{"replace", Replace("movie", "film"), 200, strings.ReplaceAll(right, "movie", "film")},
		{"as another folder", AsIf(Call{Path: "sestore4/jb/folder1"}), 200, `{"data":{"sestore4\/jb":[{"__files":["movie2.mp4"],"__is_loaded":1}]},"message":"Found Files List Data","status":"success","handle_time":"0.3795 seconds"}`},
		{"as another offset", AsIf(Call{Offset: 9}), 200, `{"data":{"sestore4\/jb":[{"__files":[],"__is_loaded":1}]},"message":"Found Files List Data","status":"success","handle_time":"0.3795 seconds"}`},
		{"cut", CutAt(7, 9), 200, strings.Replace(right, `"movie.mp4"],"__is_loaded":1`, `"movie.mp4"],"__is_loaded":-1,"__offset":7,"__file_count":9`, 1)},
		{"deep", Deep(3), 200, `{"status":"success","data":{"a":{"a":{"a":1}}}}`},
		{"redirect", Redirect("http://127.0.0.1:1/"), 307, ""},
		{"drip", Drip(time.Nanosecond), 200, right},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, c := startWithCaller(t, Options{})
			s.SetFault(Always(tt.reply))
			got := c.outcome(c.signed("files.list", "path", "sestore4/jb"))
			if got.err != nil || got.status != tt.status || got.body != tt.body {
				t.Errorf("got %d, %v:\n%s\nwant %d:\n%s", got.status, got.err, got.body, tt.status, tt.body)
			}
		})
	}
}

func TestReplyHeaders(t *testing.T) {
	s, c := startWithCaller(t, Options{})
	for _, tt := range []struct {
		reply      Reply
		key, value string
	}{
		{RetryAfter(429, 90*time.Second), "Retry-After", "90"},
		{Redirect("http://example.org/x"), "Location", "http://example.org/x"},
		{HTML(), "Content-Type", "text/html; charset=utf-8"},
	} {
		s.SetFault(Always(tt.reply))
		got := c.outcome(c.signed("files.list", "path", "sestore4/jb"))
		if got.header.Get(tt.key) != tt.value || got.status != tt.reply.Status {
			t.Errorf("%s: %q, status %d; want %q, %d", tt.key, got.header.Get(tt.key), got.status, tt.value, tt.reply.Status)
		}
	}
}

func TestNotice(t *testing.T) {
	s, c := startWithCaller(t, Options{})
	s.SetFault(Always(Notice()))
	got := c.outcome(c.signed("files.list", "path", "sestore4/jb"))
	if !strings.HasPrefix(got.body, "<br />\n<b>Notice</b>") || !strings.HasSuffix(got.body, `seconds"}`) {
		t.Errorf("got %q", got.body)
	}
}

func TestBrokenConnections(t *testing.T) {
	s, c := startWithCaller(t, Options{})
	ask := func() outcome { return c.outcome(c.signed("files.list", "path", "sestore4/jb")) }

	right := ask()
	s.SetFault(Always(HalfBody()))
	got := ask()
	if !errors.Is(got.err, io.ErrUnexpectedEOF) || got.body != right.body[:len(right.body)/2] {
		t.Errorf("half a body: %v, %q", got.err, got.body)
	}
	if got.header.Get("Content-Length") != right.header.Get("Content-Length") {
		t.Errorf("half a body announces %s bytes", got.header.Get("Content-Length"))
	}

	s.SetFault(Always(Reset()))
	if got = ask(); !errors.Is(got.err, syscall.ECONNRESET) && !errors.Is(got.err, io.EOF) {
		t.Errorf("reset: %v", got.err)
	}

	s.SetFault(Always(Endless()))
	got = ask()
	if got.err != nil || len(got.body) != 1<<20 || !strings.HasPrefix(got.body, `{"status":"success","data":{"x":[{"__is_loaded":1,"__files":["file0","file1"`) {
		t.Errorf("endless: %v, %d bytes, %.100q", got.err, len(got.body), got.body)
	}

	s.SetFault(nil)
	if got = ask(); got.body != right.body {
		t.Errorf("without a fault: %+v", got)
	}
}

func TestFaultSeesCalls(t *testing.T) {
	s, c := startWithCaller(t, Options{})
	type seen struct {
		call Call
		n    int
	}
	var all []seen
	s.SetFault(func(call Call, n int) Reply {
		all = append(all, seen{call, n}) // the calls come one after the other
		return Reply{}
	})
	c.post(t, c.signed("files.list", "path", "sestore4/jb"))
	c.post(t, c.signed("files.list", "path", "sestore4/jb", "type", "audio"))
	c.post(t, c.signed("files.list", "path", "sestore4/jb", "offset", 0))
	c.post(t, c.signed("files.list", "path", "sestore4/jb", "offset", 5))
	c.post(t, c.signed("files.getstorage"))
	c.post(t, c.signed("files.delete"))
	s.ResetCalls()
	c.post(t, c.signed("files.list", "path", "sestore4/jb"))
	want := []seen{
		{Call{"sestore4/jb", -1, "video"}, 1},
		{Call{"sestore4/jb", -1, "audio"}, 2},
		{Call{"sestore4/jb", 0, "video"}, 1},
		{Call{"sestore4/jb", 5, "video"}, 1},
		{Call{"files.getstorage", -1, ""}, 1},
		{Call{"sestore4/jb", -1, "video"}, 1},
	}
	if len(all) != len(want) {
		t.Fatalf("seen: %v", all)
	}
	for i := range want {
		if all[i] != want[i] {
			t.Errorf("call %d: %v, want %v", i, all[i], want[i])
		}
	}
}

func TestFirstTimeAndAt(t *testing.T) {
	s, c := startWithCaller(t, Options{})
	s.SetFault(FirstTime(2, Code("1000")))
	for i, want := range []string{"1000", "1000", "", ""} {
		if got := codeOf(t, c.list(t, "sestore4/jb", -1)); got != want {
			t.Errorf("call %d: code %q, want %q", i, got, want)
		}
	}
	s.SetFault(At("sestore4/jb/folder1", Code("0004")))
	if got := codeOf(t, c.list(t, "sestore4/jb", -1)); got != "" {
		t.Errorf("another path: code %q", got)
	}
	if got := codeOf(t, c.list(t, "sestore4/jb/folder1", -1)); got != "0004" {
		t.Errorf("the path: code %q", got)
	}
}

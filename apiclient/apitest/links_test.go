package apitest

import (
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// clock is a clock that a test sets.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func TestLink(t *testing.T) {
	c := &clock{now: time.Date(2021, 12, 30, 0, 0, 0, 500, time.UTC)}
	s, f := startWithFetcher(t, Options{Tree: oneFile(), Clock: c.Now})
	link := f.link("a b/\u00e9.mp4")
	form := regexp.MustCompile(`^http://127\.0\.0\.1:\d+/jb-vod/play/sestore4/jb/a%20b/%C3%A9\.mp4\?secure=[-_A-Za-z0-9]{22}&expires=1640908800$`)
	if !form.MatchString(link) || !strings.HasPrefix(link, s.DownloadURL()) {
		t.Errorf("the link is %s", link)
	}
	right := f.v1("download", "a b/\u00e9.mp4", "")
	want := `{"data":{"path":"a b\/\u00e9.mp4","url":"` + strings.ReplaceAll(link, "/", `\/`) + `","expires":"2021-12-31T00:00:00"},"errors":[]}`
	if right.body != want {
		t.Errorf("got %s\nwant %s", right.body, want)
	}
	s.SetLinks(LinkOptions{NoField: true})
	if got := f.v1("download", "a b/\u00e9.mp4", ""); strings.Contains(got.body, `"expires"`) {
		t.Errorf("without the field: %s", got.body)
	}
	s.SetV1(V1Options{LeadingSlash: true})
	if got := f.v1("download", "a b/\u00e9.mp4", ""); !strings.Contains(got.body, `"path":"\/a b\/`) {
		t.Errorf("with a leading slash: %s", got.body)
	}
	s.SetLinks(LinkOptions{Host: "http://127.0.0.1:1"})
	if got := f.link("a b/\u00e9.mp4"); !strings.HasPrefix(got, "http://127.0.0.1:1/jb-vod/play/") {
		t.Errorf("by way of a proxy: %s", got)
	}
}

func TestLinkExpires(t *testing.T) {
	for _, noUnix := range []bool{false, true} {
		for status, want := range map[int]int{0: 403, 410: 410} {
			c := &clock{now: time.Unix(1_700_000_000, 0)}
			s, f := startWithFetcher(t, Options{Tree: oneFile(), Clock: c.Now,
				Links: LinkOptions{Life: time.Minute, NoUnix: noUnix, ExpiredStatus: status}})
			link := f.link("a b/\u00e9.mp4")
			if strings.Contains(link, "expires") == noUnix {
				t.Errorf("link %s", link)
			}
			for _, tt := range []struct {
				after time.Duration
				want  int
			}{{0, 206}, {time.Minute, 206}, {time.Second, want}, {time.Hour, want}} {
				c.forward(tt.after)
				if got := f.get(link, "bytes=0-9"); got.status != tt.want {
					t.Errorf("after %v more: %d, want %d", tt.after, got.status, tt.want)
				}
			}
			if got := f.get(f.link("a b/\u00e9.mp4"), "bytes=0-9"); got.status != 206 {
				t.Errorf("a new link: %d", got.status)
			}
			if calls := s.Calls(); len(calls.Ranges) != 3 || calls.Content != 5 || calls.Rejected != 0 {
				t.Errorf("calls: %+v", calls)
			}
		}
	}
}

// A link is good only as it was given out, for the file it was given out for.
func TestLinkForged(t *testing.T) {
	tree := oneFile()
	tree.AddFile("other.mp4")
	s, f := startWithFetcher(t, Options{Tree: tree})
	link := f.link("other.mp4")
	u, _ := url.Parse(link)
	secure, expires := u.Query().Get("secure"), u.Query().Get("expires")
	base := strings.TrimSuffix(link, "?"+u.RawQuery)
	for name, forged := range map[string]string{
		"no query":        base,
		"no time":         base + "?secure=" + secure,
		"later":           base + "?secure=" + secure + "&expires=1" + expires,
		"odd time":        base + "?secure=" + secure + "&expires=%2B" + expires,
		"zeros":           base + "?secure=" + secure + "&expires=0" + expires,
		"other order":     base + "?expires=" + expires + "&secure=" + secure,
		"other hash":      base + "?secure=" + strings.Repeat("A", 22) + "&expires=" + expires,
		"more parameters": link + "&x=1",
		"other file":      strings.Replace(link, "other.mp4", "a%20b/%C3%A9.mp4", 1),
		"unknown file":    strings.Replace(link, "other.mp4", "no.mp4", 1),
	} {
		if got := f.get(forged, ""); got.status != 403 {
			t.Errorf("%s: %d, want 403", name, got.status)
		}
	}
	for _, elsewhere := range []string{"", "x", "jb-vod/play", "ab-vod/play/sestore4/jb/other.mp4?" + u.RawQuery} {
		if got := f.get(s.DownloadURL()+elsewhere, ""); got.status != 404 {
			t.Errorf("%q: %d, want 404", elsewhere, got.status)
		}
	}
	if got := f.get(link, "bytes=0-0"); got.status != 206 {
		t.Errorf("the link itself: %d", got.status)
	}
	s.RevokeLinks()
	if got := f.get(link, "bytes=0-0"); got.status != 403 {
		t.Errorf("a revoked link: %d", got.status)
	}
}

func TestLinksOfOddNames(t *testing.T) {
	tree := NewTree("sestore12/a b/\u00e9")
	for _, n := range OddNames() {
		tree.Add(n, File{Size: 10})
	}
	_, f := startWithFetcher(t, Options{Tree: tree})
	for _, n := range OddNames() {
		if got := f.get(f.link("\u00e9/"+n), ""); got.status != 200 || got.body != string(tree.Bytes(n)) {
			t.Errorf("%q: %d", n, got.status)
		}
	}
}

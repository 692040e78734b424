package apitest

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCalls(t *testing.T) {
	s, c := startWithCaller(t, Options{})
	c.list(t, "sestore4/jb", -1)
	c.list(t, "sestore4/jb", -1)
	c.list(t, "sestore4/jb", 0)
	c.list(t, "sestore4/other", 3)
	c.post(t, c.signed("files.list", "path", "sestore4/jb"))
	c.post(t, c.signed("files.getstorage"))
	c.post(t, c.signed("files.delete"))
	again := c.signed("files.list", "path", "sestore4/jb")
	if got := codeOf(t, c.post(t, again)); got != "" {
		t.Errorf("first sending: code %s", got)
	}
	if got := codeOf(t, c.post(t, again)); got != "0005" {
		t.Errorf("second sending: code %s, want 0005", got)
	}
	want := Calls{
		Total:   9,
		Command: map[string]int{"files.list": 6, "files.getstorage": 1},
		List: map[Call]int{
			{"sestore4/jb", -1, "includeinvalid"}:   2,
			{"sestore4/jb", 0, "includeinvalid"}:    1,
			{"sestore4/other", 3, "includeinvalid"}: 1,
			{"sestore4/jb", -1, "video"}:            2,
		},
		Rejected:    2,
		Replays:     1,
		MaxInFlight: 1,
		LastRefusal: "0005 Unauthorized Access to API (a request was sent twice)",
	}
	if diff := cmp.Diff(want, s.Calls()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := s.Calls().Path("sestore4/jb"); got != 5 {
		t.Errorf("Path = %d, want 5", got)
	}
	s.ResetCalls()
	if got := s.Calls(); got.Total != 0 || len(got.List) != 0 {
		t.Errorf("after ResetCalls: %+v", got)
	}
	if got := codeOf(t, c.post(t, again)); got != "0005" {
		t.Errorf("after ResetCalls a replay gets code %s", got)
	}
}

func TestAllowReplay(t *testing.T) {
	s, c := startWithCaller(t, Options{AllowReplay: true})
	text := c.signed("files.getstorage")
	for range 3 {
		if got := codeOf(t, c.post(t, text)); got != "" {
			t.Errorf("code %s", got)
		}
	}
	if got := s.Calls().Replays; got != 2 {
		t.Errorf("%d replays, want 2", got)
	}
}

func TestMaxInFlight(t *testing.T) {
	s, c := startWithCaller(t, Options{})
	const n = 5
	arrived, release := make(chan struct{}, n), make(chan struct{})
	s.SetFault(func(Call, int) Reply {
		arrived <- struct{}{}
		return Hold(release)
	})
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() { c.outcome(c.signed("files.list", "path", "sestore4/jb")) })
	}
	for range n {
		<-arrived
	}
	close(release)
	wg.Wait()
	if got := s.Calls().MaxInFlight; got != n {
		t.Errorf("MaxInFlight = %d, want %d", got, n)
	}
}

// Close ends requests of every kind that are being answered; TestMain looks for goroutines left behind.
func TestCloseInFlight(t *testing.T) {
	for name, r := range map[string]Reply{
		"hang": Hang(), "held": Hold(make(chan struct{})), "drip": Drip(time.Hour),
		"delay": {Delay: time.Hour}, "latency": {},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := startWithCaller(t, Options{})
			arrived := make(chan struct{}, 1)
			s.SetFault(func(Call, int) Reply {
				arrived <- struct{}{}
				return r
			})
			if name == "latency" {
				s.SetLatency(time.Hour)
				arrived <- struct{}{}
			}
			done := make(chan outcome)
			go func() { done <- c.outcome(c.signed("files.list", "path", "sestore4/jb")) }()
			<-arrived
			s.Close()
			if got := <-done; got.err == nil && name != "latency" {
				t.Errorf("got an answer: %+v", got)
			}
			s.Close()
		})
	}
}

// A client that goes away ends what the server does for it.
func TestClientGoes(t *testing.T) {
	s, c := startWithCaller(t, Options{})
	arrived := make(chan struct{})
	s.SetFault(func(Call, int) Reply {
		close(arrived)
		return Hang()
	})
	ctx, cancel := context.WithCancel(t.Context())
	form := url.Values{"json": {c.signed("files.list", "path", "sestore4/jb")}}.Encode()
	req, _ := http.NewRequestWithContext(ctx, http.MethodPost, s.URL(), strings.NewReader(form))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	done := make(chan error)
	go func() {
		_, err := c.http.Do(req)
		done <- err
	}()
	<-arrived
	cancel()
	if err := <-done; err == nil {
		t.Error("the request did not fail")
	}
	s.SetFault(nil)
	if got := codeOf(t, c.list(t, "sestore4/jb", -1)); got != "" {
		t.Errorf("next call: code %s", got)
	}
}

func TestClock(t *testing.T) {
	now := time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC)
	s, c := startWithCaller(t, Options{Clock: func() time.Time { return now }})
	c.begun = now.Unix()
	got := c.outcome(c.signed("files.list", "path", "sestore4/jb"))
	if got.header.Get("Date") != "Tue, 06 May 2031 07:08:09 GMT" || codeOf(t, got.body) != "" {
		t.Errorf("Date %s, answer %s", got.header.Get("Date"), got.body)
	}
	c.begun = now.Add(-2000 * time.Hour).Unix()
	got = c.outcome(c.signed("files.list", "path", "sestore4/jb"))
	if codeOf(t, got.body) != "0002" || got.header.Get("Date") == "" {
		t.Errorf("old request: %s", got.body)
	}
	if s.Calls().Rejected != 1 {
		t.Errorf("rejected %d", s.Calls().Rejected)
	}
}

func TestOffsetRefused(t *testing.T) {
	tree := Flat("sestore4/jb", 10)
	for _, tt := range []struct {
		means        OffsetMeans
		given, other string
	}{
		{OffsetEntries, "", ""}, {OffsetIgnored, "", ""}, {OffsetRefused, "0006", "0006"}, {OffsetIssued, "", "0006"},
	} {
		t.Run(tt.means.String(), func(t *testing.T) {
			_, c := startWithCaller(t, Options{Tree: tree, OffsetMeans: tt.means, PageSize: 4})
			first := c.list(t, "sestore4/jb", -1)
			if !strings.Contains(first, `"__is_loaded":-1,"__offset":4,"__file_count":10`) {
				t.Errorf("first page: %s", first)
			}
			if got := codeOf(t, c.list(t, "sestore4/jb", 0)); got != "" {
				t.Errorf("offset 0: code %s", got)
			}
			second := c.list(t, "sestore4/jb", 4)
			if got := codeOf(t, second); got != tt.given {
				t.Errorf("the offset given: code %s, want %s", got, tt.given)
			}
			if got := codeOf(t, c.list(t, "sestore4/jb", 5)); got != tt.other {
				t.Errorf("another offset: code %s, want %s", got, tt.other)
			}
			if same := second == first; same != (tt.means == OffsetIgnored) {
				t.Errorf("the second page is the first: %v", same)
			}
		})
	}
}

func TestUnknownPath(t *testing.T) {
	for _, code := range []string{"", "0004"} {
		_, c := startWithCaller(t, Options{UnknownCode: code})
		for _, path := range []string{"sestore4/jb/no", "sestore4/jb/movie.mp4", "sestore4/jbx", "sestore5/jb", "sestore4/j"} {
			if got := codeOf(t, c.list(t, path, -1)); got != code {
				t.Errorf("%s: code %q, want %q", path, got, code)
			}
		}
	}
}

func TestFailureStatus(t *testing.T) {
	_, c := startWithCaller(t, Options{FailureStatus: 400})
	got := c.outcome(c.signed("files.delete"))
	if got.status != 400 || codeOf(t, got.body) != "0000" {
		t.Errorf("got %d %s", got.status, got.body)
	}
}

// A name that is no UTF-8 empties every answer that it should be in, and no other.
func TestNoUTF8(t *testing.T) {
	tree := Example()
	tree.AddRaw("folder1", "bad\xff.mp4", File{Kind: Video})
	tree.AddDir("folder2")
	_, c := startWithCaller(t, Options{Tree: tree})
	for path, empty := range map[string]bool{"sestore4/jb": true, "sestore4/jb/folder1": true, "sestore4/jb/folder2": false} {
		if got := c.list(t, path, -1); (got == "") != empty {
			t.Errorf("%s: %q", path, got)
		}
	}
}

// Settings, tree and counters may be used while requests are answered; the race detector watches.
func TestChangesWhileServing(t *testing.T) {
	s, c := startWithCaller(t, Options{Tree: Nested("sestore4/jb", 3, 2, 5), PageSize: 10})
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for k := range 20 {
				c.outcome(c.signed("files.list", "path", "sestore4/jb", "offset", i*k))
			}
		})
	}
	wg.Go(func() {
		for i, shape := range Shapes() {
			s.SetShape(shape.Shape)
			s.SetOrder(Orders()[i%3])
			s.SetPageSize(i)
			s.SetLatency(time.Duration(i))
			s.SetFault(Always(Reply{Delay: 1}))
			name := fmt.Sprintf("folder001/new%d.mp4", i)
			s.Tree().AddFile(name)
			s.Tree().AddFile(name)
			s.Tree().Remove("folder002")
			s.Tree().Paths()
			s.Calls()
		}
	})
	wg.Wait()
	if got := s.Calls(); got.Rejected != 0 || got.Total != 80 {
		t.Errorf("calls: %+v", got)
	}
}

func TestNewRefuses(t *testing.T) {
	for name, o := range map[string]Options{
		"root":                {Tree: NewTree("jb")},
		"root with a slash":   {Tree: NewTree("sestore4/jb/")},
		"storage only":        {Tree: NewTree("sestore4")},
		"unreachable folders": {HideSkipped: true, FollowUp: FollowUpNone},
	} {
		if s, err := New(o); err == nil {
			s.Close()
			t.Errorf("%s: no error", name)
		}
	}
}

// A huge folder costs one call a page.
func TestHugeFolder(t *testing.T) {
	s, c := startWithCaller(t, Options{Tree: Flat("sestore4/jb", 20_000)})
	names := 0
	for offset := 0; ; offset += 100 {
		body := c.list(t, "sestore4/jb", offset)
		names += strings.Count(body, ".mp4")
		if !strings.Contains(body, fmt.Sprintf(`"__offset":%d,`, offset+100)) {
			break
		}
	}
	if calls := s.Calls().Total; names != 20_000 || calls != 200 {
		t.Errorf("%d names in %d calls", names, calls)
	}
}

func BenchmarkPage(b *testing.B) {
	for _, n := range []int{1000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			o := Options{Tree: Flat("sestore4/jb", n)}
			o.fill()
			s := &Server{o: o}
			for i := 0; b.Loop(); i += 100 {
				call := Call{Path: "sestore4/jb", Offset: i % n, Type: "video"}
				s.right(&o, request{command: listCommand, call: call}, Reply{})
			}
		})
	}
}

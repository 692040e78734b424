package apiclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// transport is a service without a network, for tests in a bubble: answer says what comes
// and may take its time.
type transport struct {
	answer func(r *http.Request) *http.Response

	mu     sync.Mutex
	times  []time.Time // of all requests
	bodies map[string]int
	flying atomic.Int64
	most   int64 // requests in flight at one time
}

func (s *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		_ = r.Body.Close()
	}
	s.mu.Lock()
	s.times = append(s.times, time.Now())
	s.bodies[string(body)]++
	s.most = max(s.most, s.flying.Add(1))
	s.mu.Unlock()
	defer s.flying.Add(-1)
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	resp := s.answer(r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	httptrace.ContextClientTrace(r.Context()).GotFirstResponseByte()
	if resp == nil {
		return nil, errors.New("connection refused")
	}
	return resp, nil
}

// tries returns how many requests were made, and how long after the first the last was.
func (s *transport) tries() (n int, over time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.times), s.times[len(s.times)-1].Sub(s.times[0])
}

// requests is how many were made.
func (s *transport) requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.times)
}

// atOnce is how many were in flight at one time at most.
func (s *transport) atOnce() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.most
}

// status is an answer with that status, code one of the command API.
func status(status int, header ...string) *http.Response {
	w := httptest.NewRecorder()
	for i := 0; i < len(header); i += 2 {
		w.Header().Set(header[i], header[i+1])
	}
	w.WriteHeader(status)
	return w.Result()
}

func code(code string) *http.Response {
	w := httptest.NewRecorder()
	fmt.Fprintf(w, `{"status":"failure","code":%q,"message":"Some text"}`, code)
	return w.Result()
}

// folder is the right answer to a request for a folder: it has one file, a.
func folder(r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	path := strings.Split(r.FormValue("json"), `"path":"`)
	name, _, _ := strings.Cut(path[len(path)-1], `"`)
	data(w, fmt.Sprintf(`{"%s":[{%s}]}`, name, whole))
	return w.Result()
}

// bubble returns a client of such a service, to be used in a bubble.
func bubble(t *testing.T, answer func(r *http.Request) *http.Response, change ...func(*Options)) (*transport, *Client) {
	t.Helper()
	o := Options{URL: "https://api.invalid/", FilesURL: "https://files.invalid/v1/", Key: "KEY", Secret: "SECRET", CDN: 1, Types: []string{"video"}}
	for _, f := range change {
		f(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	s := &transport{answer: answer, bodies: map[string]int{}}
	c.http.Transport, c.downloads.Transport = s, s
	return s, c
}

func listed(t context.Context, c *Client, path string) error {
	f, err := c.List(t, ListRequest{Path: path})
	if err == nil && entries(f) != "a" {
		return fmt.Errorf("a listing of %q", entries(f))
	}
	return err
}

// What may pass is tried fifteen times, with a new time and signature each time, and the
// pauses grow; what will not pass is tried once.
func TestRetries(t *testing.T) {
	t.Parallel()
	const hour = time.Hour
	for name, c := range map[string]struct {
		answer      func() *http.Response
		timeout     time.Duration
		want        int
		least, most time.Duration // from the first to the last
	}{
		"HTTP 500":                    {func() *http.Response { return status(500) }, hour, maxAttempts, 12 * time.Second, 25 * time.Second},
		"no connection":               {func() *http.Response { return nil }, hour, maxAttempts, 12 * time.Second, 25 * time.Second},
		"until the timeout":           {func() *http.Response { return status(502) }, 5 * time.Second, 8, time.Second, 5 * time.Second},
		"Retry-After":                 {func() *http.Response { return status(429, "Retry-After", "60") }, 10 * time.Minute, 10, 8 * time.Minute, 10 * time.Minute},
		"Retry-After that is in vain": {func() *http.Response { return status(503, "Retry-After", "60") }, 30 * time.Second, 1, 0, 0},
		"overloaded":                  {func() *http.Response { return code("1000") }, hour, maxAttempts, 8 * time.Minute, 15 * time.Minute},
		"overloaded for 30 seconds":   {func() *http.Response { return code("1000") }, 30 * time.Second, 5, 10 * time.Second, 30 * time.Second},
		"refused":                     {func() *http.Response { return code("0001") }, hour, 1, 0, 0},
		"not found":                   {func() *http.Response { return status(404) }, hour, 1, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, client := bubble(t, func(*http.Request) *http.Response { return c.answer() }, func(o *Options) { o.Timeout = c.timeout })
				began := time.Now()
				err := listed(t.Context(), client, "sestore4/r")
				if err == nil || IsUnavailable(err) || IsTemporary(err) != (name != "refused" && name != "not found") {
					t.Errorf("error %v", err)
				}
				n, over := s.tries()
				if n < c.want-1 || n > c.want+1 || c.want == maxAttempts && n != c.want || c.want == 1 && n != 1 {
					t.Errorf("%d tries, want %d", n, c.want)
				}
				if over < c.least || over > c.most {
					t.Errorf("%v from the first to the last", over)
				}
				if took := time.Since(began); took > over+time.Second {
					t.Errorf("it waited in vain: %v", took-over)
				}
				for _, times := range s.bodies {
					if times > 1 {
						t.Error("the same body was sent twice")
					}
				}
				if got := client.Stats().List.Retries; got != int64(n-1) {
					t.Errorf("%d retries counted, %d made", got, n-1)
				}
			})
		})
	}
}

// A call that its deadline ends says what its tries met.
func TestDeadlineTellsWhatTriesMet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		_, c := bubble(t, func(r *http.Request) *http.Response {
			if n.Add(1) == 1 {
				return status(503)
			}
			<-r.Context().Done()
			return nil
		})
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("no answer within 1s (--timeout)"))
		defer cancel()
		err := listed(ctx, c, "sestore4/r")
		if !IsTemporary(err) || !strings.Contains(err.Error(), "503") || !strings.Contains(err.Error(), "within 1s") {
			t.Errorf("error %v", err)
		}
	})
}

// Between attempts, a call keeps nobody from the only slot.
func TestRetriesHoldNoSlot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, c := bubble(t, func(r *http.Request) *http.Response {
			if strings.Contains(r.FormValue("json"), `bad`) {
				return status(500)
			}
			return folder(r)
		}, func(o *Options) { o.Concurrency = 1 })
		bad := make(chan error, 1)
		go func() { bad <- listed(t.Context(), c, "sestore4/bad") }()
		time.Sleep(3 * time.Second)
		began := time.Now()
		if err := listed(t.Context(), c, "sestore4/r"); err != nil || time.Since(began) > 0 {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		if err := <-bad; !IsTemporary(err) {
			t.Error(err)
		}
	})
}

// Thirty per cent of faults do not show, be they of any kind, and no breaker opens.
func TestFaultsOfThirtyPerCent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, c := bubble(t, func(r *http.Request) *http.Response {
			time.Sleep(time.Duration(rand.IntN(int(400 * time.Millisecond))))
			if rand.IntN(10) >= 3 {
				return folder(r)
			}
			switch rand.IntN(5) {
			case 0:
				return status(500)
			case 1:
				return code("1000")
			case 2:
				return status(429)
			case 3:
				return nil
			}
			return status(200) // an empty body
		})
		var all sync.WaitGroup
		for i := range 200 {
			all.Go(func() {
				for j := range 10 {
					if err := listed(t.Context(), c, fmt.Sprint("sestore4/r", i, "-", j)); err != nil {
						t.Errorf("after %d retries: %v", c.Stats().List.Retries, err)
					}
				}
			})
		}
		all.Wait()
		if stats := c.Stats(); stats.List.Opens != 0 || stats.List.Failures < 500 || s.atOnce() > 4 {
			t.Errorf("%+v, %d in flight", stats, s.atOnce())
		}
	})
}

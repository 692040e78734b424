package apiclient

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// outage is a service that fails while it is down.
type outage struct {
	down atomic.Bool
	how  func(r *http.Request) *http.Response
}

func (o *outage) answer(r *http.Request) *http.Response {
	time.Sleep(100 * time.Millisecond)
	if o.down.Load() {
		return o.how(r)
	}
	return folder(r)
}

// crowd keeps asking for folders: n callers, one call after another, each
// bounded. The function that it returns ends them.
func crowd(ctx context.Context, c *Client, n int, each time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			for j := 0; ctx.Err() == nil; j++ {
				call, cancel := context.WithTimeout(ctx, each)
				_ = listed(call, c, fmt.Sprint("sestore4/crowd", i, "-", j))
				cancel()
				select {
				case <-time.After(100 * time.Millisecond):
				case <-ctx.Done():
				}
			}
		})
	}
	return func() { cancel(); all.Wait() }
}

// However a service is down, its calls fail within two seconds once that is seen, those
// that wait as well; and when it is back, calls succeed soon, a few at first.
func TestBreaker(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]func(r *http.Request) *http.Response{
		"HTTP 503":      func(*http.Request) *http.Response { return status(503) },
		"overloaded":    func(*http.Request) *http.Response { return code("1000") },
		"unexpected":    func(*http.Request) *http.Response { return code("0004") },
		"no connection": func(*http.Request) *http.Response { return nil },
		"no answer":     func(*http.Request) *http.Response { return status(200) },
		"silence":       func(r *http.Request) *http.Response { <-r.Context().Done(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				o := &outage{how: how}
				s, c := bubble(t, o.answer, func(o *Options) {
					o.Log, o.Timeout = slog.New(slog.NewTextHandler(&log, nil)), 5*time.Second
				})
				stop := crowd(t.Context(), c, 8, 5*time.Second)
				defer stop()
				time.Sleep(5 * time.Second)
				if c.Stats().List.Failures != 0 {
					t.Fatalf("%+v", c.Stats())
				}
				o.down.Store(true)
				for c.Stats().List.Opens == 0 {
					time.Sleep(100 * time.Millisecond)
				}
				probes, before := c.Stats().List.Probes, s.requests()
				for i := range 40 {
					began := time.Now()
					err := listed(t.Context(), c, fmt.Sprint("sestore4/x", i))
					if !IsTemporary(err) || !IsUnavailable(err) || IsAuth(err) || time.Since(began) > 2*time.Second {
						t.Fatalf("after %v: %v", time.Since(began), err)
					}
					if text := err.Error(); !strings.Contains(text, "no answer since") || !strings.Contains(text, "last failure") || !strings.Contains(text, fmt.Sprint("x", i)) {
						t.Errorf("error %v", err)
					}
					time.Sleep(250 * time.Millisecond)
				}
				// One a second, and what was waited for before.
				if n := c.Stats().List.Probes - probes; n < 3 || n > 15 || s.requests()-before > 15+8 {
					t.Errorf("%d probes in ten seconds, %d requests", n, s.requests()-before)
				}
				o.down.Store(false)
				back := time.Now()
				for listed(t.Context(), c, "sestore4/back") != nil {
					if time.Since(back) > 9*time.Second {
						t.Fatalf("nothing %v after it came back", time.Since(back))
					}
					time.Sleep(100 * time.Millisecond)
				}
				if limit := c.Stats().Limit; limit > 3 {
					t.Errorf("%d slots at once", limit)
				}
				time.Sleep(5 * time.Second)
				if stats := c.Stats(); stats.Limit != 4 || stats.List.Open || stats.List.Opens != 1 || stats.V1.Failures != 0 {
					t.Errorf("%+v", stats)
				}
				if text := log.String(); strings.Count(text, "is left alone") != 1 || strings.Count(text, "asked as before") != 1 || strings.Count(text, "\n") != 2 {
					t.Errorf("log:\n%s", text)
				}
			})
		})
	}
}

// What is refused, or fails for one folder only, says nothing of the service; nor does a
// caller that goes away.
func TestBreakerStaysClosed(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(r *http.Request) *http.Response{
		"refusals":   func(*http.Request) *http.Response { return code("0001") },
		"not found":  func(*http.Request) *http.Response { return status(404) },
		"forbidden":  func(*http.Request) *http.Response { return status(403) },
		"one folder": func(r *http.Request) *http.Response { return status(500) },
		"impatient":  func(r *http.Request) *http.Response { <-r.Context().Done(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, c := bubble(t, answer)
				for i := range 100 {
					path := fmt.Sprint("sestore4/", i)
					if name == "one folder" {
						path = "sestore4/bad"
					}
					ctx, cancel := context.WithTimeout(t.Context(), time.Second)
					if name == "impatient" {
						time.AfterFunc(100*time.Millisecond, cancel)
					}
					if err := listed(ctx, c, path); err == nil || IsUnavailable(err) {
						t.Errorf("error %v", err)
					}
					cancel()
				}
				if stats := c.Stats(); stats.List.Opens != 0 {
					t.Errorf("%+v", stats)
				}
			})
		})
	}
}

// A call that nobody waits for is no probe while others come, but is where none does.
func TestProbesOfCallsAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &outage{how: func(*http.Request) *http.Response { return status(500) }}
		o.down.Store(true)
		s, c := bubble(t, o.answer)
		stop := crowd(t.Context(), c, 8, 5*time.Second)
		for c.Stats().List.Opens == 0 {
			time.Sleep(100 * time.Millisecond)
		}
		stop()
		nobody := Ahead(t.Context(), make(chan struct{}))
		time.Sleep(3 * time.Second) // a caller would be a probe by now
		before := s.requests()
		if err := listed(nobody, c, "sestore4/r"); !IsUnavailable(err) || !FailedAhead(err) || s.requests() != before {
			t.Errorf("%d requests, error %v", s.requests()-before, err)
		}
		time.Sleep(10 * time.Second)
		o.down.Store(false)
		if err := listed(nobody, c, "sestore4/r"); err != nil || c.Stats().List.Open {
			t.Errorf("%+v, error %v", c.Stats(), err)
		}
	})
}

// The services fail each by itself.
func TestBreakersAreIndependent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, c := bubble(t, func(r *http.Request) *http.Response {
			if r.Method == http.MethodPost {
				return folder(r)
			}
			return status(502)
		}, func(o *Options) { o.Timeout = 5 * time.Second })
		for i := range 10 {
			_, err := c.Files(t.Context(), FilesRequest{Path: fmt.Sprint("sestore4/jb/", i)})
			if !IsTemporary(err) {
				t.Error(err)
			}
		}
		if err := listed(t.Context(), c, "sestore4/jb"); err != nil {
			t.Error(err)
		}
		if stats := c.Stats(); !stats.V1.Open || stats.List.Open || stats.List.Opens != 0 {
			t.Errorf("%+v", stats)
		}
	})
}

// An overloaded service gets half as many calls at a time, and more again as they succeed.
func TestConcurrencyAdapts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var room atomic.Int64 // how many calls at a time it can do with
		room.Store(100)
		var s *transport
		s, c := bubble(t, func(r *http.Request) *http.Response {
			over := s.flying.Load() > room.Load()
			time.Sleep(400 * time.Millisecond)
			if over {
				return status(429)
			}
			return folder(r)
		}, func(o *Options) { o.Concurrency = 8 })
		stop := crowd(t.Context(), c, 20, time.Minute)
		defer stop()
		time.Sleep(10 * time.Second)
		if stats := c.Stats(); stats.Limit != 8 || stats.List.Failures != 0 {
			t.Errorf("at ease: %+v", stats)
		}
		room.Store(2)
		time.Sleep(time.Minute)
		before := c.Stats().List.Failures
		var limits int
		for range 600 {
			time.Sleep(100 * time.Millisecond)
			limits += c.Stats().Limit
		}
		if failures := c.Stats().List.Failures - before; limits > 600*4 || failures > 100 {
			t.Errorf("%.1f at a time while there is room for two, %d failures in a minute", float64(limits)/600, failures)
		}
		room.Store(100)
		time.Sleep(time.Minute)
		if limit := c.Stats().Limit; limit != 8 || s.atOnce() > 8 || c.Stats().List.Opens != 0 {
			t.Errorf("%d slots afterwards, %d at most: %+v", limit, s.atOnce(), c.Stats())
		}
	})
}

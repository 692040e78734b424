package apiclient_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"sefs/apiclient"
	"sefs/apiclient/apitest"
)

// until waits for what has to become true soon.
func until(t testing.TB, what string, yes func() bool) {
	t.Helper()
	for range 10_000 {
		if yes() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("not after 10 s: %s", what)
}

// aheadOf is a context for calls ahead, and what makes them wanted.
func aheadOf(ctx context.Context) (ahead context.Context, want func()) {
	wanted := make(chan struct{})
	return apiclient.Ahead(ctx, wanted), sync.OnceFunc(func() { close(wanted) })
}

// kinds are a call of each kind about the file "a", and how often it was asked for.
var kinds = map[string]struct { //nolint:gochecknoglobals // a table
	call  func(ctx context.Context, c *apiclient.Client, tree *apitest.Tree, turn func()) error
	asked func(apitest.Calls) int
}{
	"files.list": {
		func(ctx context.Context, c *apiclient.Client, _ *apitest.Tree, turn func()) error {
			_, err := c.List(ctx, apiclient.ListRequest{Path: root, Turn: turn})
			return err
		},
		func(c apitest.Calls) int { return c.Total },
	},
	"a page": {
		func(ctx context.Context, c *apiclient.Client, _ *apitest.Tree, turn func()) error {
			_, err := c.Page(ctx, apiclient.PageRequest{Path: root, Turn: turn})
			return err
		},
		func(c apitest.Calls) int { return c.Total },
	},
	"v1 files": {
		func(ctx context.Context, c *apiclient.Client, _ *apitest.Tree, turn func()) error {
			_, err := c.Files(ctx, apiclient.FilesRequest{Path: root, Levels: 1, Turn: turn})
			return err
		},
		func(c apitest.Calls) int { return c.FilesTotal() },
	},
	"v1 file": {
		func(ctx context.Context, c *apiclient.Client, _ *apitest.Tree, turn func()) error {
			_, err := c.File(ctx, root+"/a", turn)
			return err
		},
		func(c apitest.Calls) int { return c.FilesTotal() },
	},
	"a link": {
		func(ctx context.Context, c *apiclient.Client, _ *apitest.Tree, turn func()) error {
			return c.Prepare(ctx, root+"/a", turn)
		},
		func(c apitest.Calls) int { return c.LinksTotal() },
	},
	"contents": {
		func(ctx context.Context, c *apiclient.Client, tree *apitest.Tree, turn func()) error {
			r := piece(tree, 0, 10)
			r.Turn = turn
			b, err := c.Open(ctx, r)
			if err == nil {
				b.Close()
			}
			return err
		},
		func(c apitest.Calls) int { return len(c.Ranges) },
	},
}

// failing makes calls of all kinds fail as often as told, but links, which contents need.
// Each failure is told to told first.
func failing(s *apitest.Server, name string, times int, reply apitest.Reply, told func()) {
	s.SetFault(func(_ apitest.Call, n int) apitest.Reply {
		if n > times {
			return apitest.Reply{}
		}
		told()
		return reply
	})
	s.SetAskFault(func(a apitest.Ask, n int) apitest.AskReply {
		if n > times || a.Kind == apitest.AskLink && name != "a link" {
			return apitest.AskReply{}
		}
		told()
		return apitest.AskReply{Reply: reply}
	})
}

// A call that nobody waits for is tried once; one that is wanted, be it only since then,
// like any other.
func TestAheadIsTriedOnce(t *testing.T) {
	for name, kind := range kinds {
		for when, c := range map[string]struct {
			before, during bool
			calls          int
		}{
			"never wanted":     {calls: 1},
			"wanted":           {before: true, calls: 2},
			"wanted meanwhile": {during: true, calls: 2},
		} {
			t.Run(name+"/"+when, func(t *testing.T) {
				t.Parallel()
				s, client, tree := bytesOf(t, 100, apitest.ContentOptions{})
				ctx, want := aheadOf(t.Context())
				if c.before {
					want()
				}
				failing(s, name, 1, apitest.Status(503), func() {
					if c.during {
						want()
					}
				})
				err := kind.call(ctx, client, tree, nil)
				alone := c.calls == 1
				if apiclient.FailedAhead(err) != alone || apiclient.IsTemporary(err) != alone || (err == nil) == alone {
					t.Errorf("failed ahead: %v, error %v", apiclient.FailedAhead(err), err)
				}
				var e *apiclient.Error
				if alone && (!errors.As(err, &e) || e.Status != 503 || e.Path == "") {
					t.Errorf("error %#v", err)
				}
				if n := kind.asked(s.Calls()); n != c.calls {
					t.Errorf("%d calls, want %d", n, c.calls)
				}
			})
		}
	}
}

// What is refused is so whoever waits for it, and what its caller ended was not given up
// for want of one.
func TestAheadIsRefusedLikeAnyOther(t *testing.T) {
	s, c, _ := bytesOf(t, 100, apitest.ContentOptions{})
	ctx, _ := aheadOf(t.Context())
	s.SetFault(apitest.Always(apitest.Code("0006")))
	_, err := c.List(ctx, apiclient.ListRequest{Path: root})
	if err == nil || apiclient.FailedAhead(err) {
		t.Errorf("refused: %v", err)
	}
	ended, end := context.WithCancel(ctx)
	s.SetFault(func(apitest.Call, int) apitest.Reply { end(); return apitest.Hang() })
	if _, err = c.List(ended, apiclient.ListRequest{Path: root}); !errors.Is(err, context.Canceled) || apiclient.FailedAhead(err) {
		t.Errorf("ended: %v", err)
	}
}

func TestAheadCorrectsTheClock(t *testing.T) {
	s, c := start(t, apitest.Options{Clock: func() time.Time { return time.Now().Add(-time.Hour) }})
	ctx, _ := aheadOf(t.Context())
	if _, err := c.List(ctx, apiclient.ListRequest{Path: root}); err != nil || s.Calls().Total != 2 {
		t.Errorf("%d calls, error %v", s.Calls().Total, err)
	}
}

// Those that somebody waits for go first, for both kinds of places.
func TestAheadWaitsBehindCallers(t *testing.T) {
	for name, kind := range kinds {
		if name == "a link" {
			continue // calls for one link are one
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c, tree := bytesOf(t, 100, apitest.ContentOptions{}, func(o *apiclient.Options) {
				o.Concurrency, o.DownloadConcurrency = 1, 1
			})
			tree.AddFile("first")
			waiting := c.Waiting
			first := func() error { _, err := c.List(t.Context(), apiclient.ListRequest{Path: root + "/none"}); return err }
			if name == "contents" {
				waiting = c.WaitingForContents
				if err := c.Prepare(t.Context(), root+"/a", nil); err != nil {
					t.Fatal(err)
				}
				first = func() error { return one(t, c, tree, "first") }
			}
			held, begun := make(chan struct{}), make(chan struct{})
			s.SetFault(func(call apitest.Call, _ int) apitest.Reply {
				if call.Path == root+"/none" {
					close(begun)
					return apitest.Hold(held)
				}
				return apitest.Reply{}
			})
			s.SetAskFault(func(a apitest.Ask, _ int) apitest.AskReply {
				if a.Kind == apitest.AskContent && a.Path == root+"/first" {
					close(begun)
					return reply(apitest.Hold(held))
				}
				return apitest.AskReply{}
			})

			var order []string // those who had the slot
			var wg sync.WaitGroup
			calls := 0
			// run makes a call once the one before it waits.
			run := func(who string, ctx context.Context) {
				wg.Go(func() {
					if err := kind.call(ctx, c, tree, func() { order = append(order, who) }); err != nil {
						t.Errorf("%s: %v", who, err)
					}
				})
				calls++
				until(t, who+" waits", func() bool { n, _ := waiting(); return n == calls })
			}
			wg.Go(func() {
				if err := first(); err != nil {
					t.Error(err)
				}
			})
			within(t, begun)
			lonely, _ := aheadOf(t.Context())
			soon, want := aheadOf(t.Context())
			run("ahead", lonely)
			run("soon", soon)
			if _, ahead := waiting(); ahead != 2 {
				t.Errorf("%d wait ahead", ahead)
			}
			run("caller", t.Context())
			want()
			until(t, "one is wanted", func() bool { _, ahead := waiting(); return ahead == 1 })
			close(held)
			wg.Wait()
			if want := []string{"caller", "soon", "ahead"}; !slices.Equal(order, want) {
				t.Errorf("order %v, want %v", order, want)
			}
		})
	}
}

// A transfer that breaks off is gone on with only if somebody waits for it. Whose it is
// may change with the work that it is attached to.
func TestTransferAheadIsNotGoneOnWith(t *testing.T) {
	s, c, tree := bytesOf(t, 100_000, apitest.ContentOptions{})
	s.SetAskFault(func(a apitest.Ask, n int) apitest.AskReply {
		if a.Kind == apitest.AskContent && n <= 3 {
			return apitest.CutAfter(1000)
		}
		return apitest.AskReply{}
	})
	ctx, _ := aheadOf(t.Context())
	b, err := c.Open(ctx, piece(tree, 0, 50_000))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := expect(t, b, tree.Bytes("a")[:50_000]); !apiclient.FailedAhead(err) || !apiclient.IsTemporary(err) {
		t.Errorf("error %v", err)
	}
	if n := len(s.Calls().Ranges); n != 1 {
		t.Errorf("%d requests for contents", n)
	}
	b.Attach(t.Context())
	if err := expect(t, b, tree.Bytes("a")[b.Offset():50_000]); err != nil {
		t.Errorf("gone on with: %v", err)
	}
	if n := len(s.Calls().Ranges); n != 4 {
		t.Errorf("%d requests for contents", n)
	}
}

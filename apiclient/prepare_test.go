package apiclient_test

import (
	"context"
	"errors"
	"testing"

	"sefs/apiclient"
	"sefs/apiclient/apitest"
)

// heldLinks starts a service with the file "a" whose calls for links do not end before
// release is called; each tells of itself to asked.
func heldLinks(t *testing.T, change ...func(*apiclient.Options)) (s *apitest.Server, c *apiclient.Client, tree *apitest.Tree, asked chan int, release func()) {
	t.Helper()
	s, c, tree = bytesOf(t, 100, apitest.ContentOptions{}, change...)
	held := make(chan struct{})
	asked = make(chan int, 100)
	s.SetAskFault(func(a apitest.Ask, n int) apitest.AskReply {
		if a.Kind != apitest.AskLink {
			return apitest.AskReply{}
		}
		asked <- n
		return reply(apitest.Hold(held))
	})
	return s, c, tree, asked, func() { close(held) }
}

func TestPreparedLinkIsUsed(t *testing.T) {
	s, c, tree := bytesOf(t, 100, apitest.ContentOptions{})
	turns := 0
	for range 2 {
		ctx, _ := aheadOf(t.Context())
		if err := c.Prepare(ctx, root+"/a", func() { turns++ }); err != nil {
			t.Fatal(err)
		}
	}
	if err := one(t, c, tree, "a"); err != nil {
		t.Error(err)
	}
	if n := cleanCalls(t, s).LinksTotal(); n != 1 || turns != 1 {
		t.Errorf("%d links, %d turns", n, turns)
	}
	tree.Remove("a")
	s.ResetCalls()
	if err := c.Prepare(t.Context(), root+"/b", nil); !apiclient.IsNotExist(err) || apiclient.FailedAhead(err) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// A reader that comes while a link is prepared joins the call, and waits for it like for
// one of its own: what fails is tried again.
func TestReaderJoinsThePreparation(t *testing.T) {
	s, c, tree, asked, release := heldLinks(t)
	ctx, _ := aheadOf(t.Context())
	prepared, read := make(chan error, 1), make(chan error, 1)
	go func() { prepared <- c.Prepare(ctx, root+"/a", nil) }()
	within(t, asked)
	go func() { read <- one(t, c, tree, "a") }()
	until(t, "the reader waits", func() bool { return c.WaitingForLink(root+"/a") == 2 })
	s.SetAskFault(nil)
	release()
	if err := errors.Join(within(t, prepared), within(t, read)); err != nil {
		t.Error(err)
	}
	if n := s.Calls().LinksTotal(); n != 1 {
		t.Errorf("%d links", n)
	}
}

func TestReaderWantsThePreparation(t *testing.T) {
	for name, c := range map[string]struct {
		reads bool
		links int
	}{"alone": {false, 1}, "with a reader": {true, 2}} {
		t.Run(name, func(t *testing.T) {
			s, client, tree := bytesOf(t, 100, apitest.ContentOptions{})
			held, asked := make(chan struct{}), make(chan int, 10)
			s.SetAskFault(func(a apitest.Ask, n int) apitest.AskReply {
				if a.Kind != apitest.AskLink || n > 1 {
					return apitest.AskReply{}
				}
				asked <- n
				r := apitest.Status(503)
				r.Wait = held
				return reply(r)
			})
			ctx, _ := aheadOf(t.Context())
			prepared, read := make(chan error, 1), make(chan error, 1)
			go func() { prepared <- client.Prepare(ctx, root+"/a", nil) }()
			within(t, asked)
			if c.reads {
				go func() { read <- one(t, client, tree, "a") }()
				until(t, "the reader waits", func() bool { return client.WaitingForLink(root+"/a") == 2 })
			} else {
				read <- nil
			}
			close(held)
			if err := within(t, prepared); (err == nil) != c.reads || apiclient.FailedAhead(err) == c.reads {
				t.Errorf("prepared: %v", err)
			}
			if err := within(t, read); err != nil {
				t.Errorf("read: %v", err)
			}
			if n := s.Calls().LinksTotal(); n != c.links {
				t.Errorf("%d links, want %d", n, c.links)
			}
		})
	}
}

// Preparations wait behind callers until a reader wants their link.
func TestPreparationWaitsBehindCallers(t *testing.T) {
	s, c, tree, asked, release := heldLinks(t, func(o *apiclient.Options) { o.Concurrency = 1 })
	tree.AddFile("b")
	all := make(chan error, 10)
	go func() { all <- c.Prepare(t.Context(), root+"/b", nil) }()
	within(t, asked)
	ctx, _ := aheadOf(t.Context())
	go func() { all <- c.Prepare(ctx, root+"/a", nil) }()
	until(t, "it waits behind callers", func() bool { _, ahead := c.Waiting(); return ahead == 1 })
	go func() { all <- one(t, c, tree, "a") }()
	until(t, "it waits with callers", func() bool { calls, ahead := c.Waiting(); return ahead == 0 && calls == 1 })
	release()
	for range 3 {
		if err := within(t, all); err != nil {
			t.Error(err)
		}
	}
	if n := s.Calls().LinksTotal(); n != 2 {
		t.Errorf("%d links", n)
	}
}

// A call that nobody wants any more ends; one that a reader wanted goes on for the next.
func TestPreparationEndsWithItsContext(t *testing.T) {
	for name, wanted := range map[string]bool{"alone": false, "wanted": true} {
		t.Run(name, func(t *testing.T) {
			s, c, tree, asked, release := heldLinks(t)
			ctx, cancel := withCancel(t)
			ctx, want := aheadOf(ctx)
			prepared := make(chan error, 1)
			go func() { prepared <- c.Prepare(ctx, root+"/a", nil) }()
			within(t, asked)
			if wanted {
				want()
				until(t, "it is wanted", func() bool { return c.LinkIsWanted(root + "/a") })
			}
			cancel()
			if err := within(t, prepared); !errors.Is(err, context.Canceled) || apiclient.FailedAhead(err) {
				t.Errorf("prepared: %v", err)
			}
			if under := c.WaitingForLink(root+"/a") >= 0; under != wanted {
				t.Errorf("under way: %v", under)
			}
			read := make(chan error, 1)
			go func() { read <- one(t, c, tree, "a") }()
			calls := 1
			if !wanted { // the reader has to begin one of its own
				calls = 2
				within(t, asked)
			}
			release()
			if err := within(t, read); err != nil {
				t.Error(err)
			}
			if n := s.Calls().LinksTotal(); n != calls {
				t.Errorf("%d links, want %d", n, calls)
			}
		})
	}
}

// Two preparations share a call, which goes on for the one that stays.
func TestPreparationsShareACall(t *testing.T) {
	s, c, _, asked, release := heldLinks(t)
	first, second := make(chan error, 1), make(chan error, 1)
	ctx, cancel := withCancel(t)
	ctx, _ = aheadOf(ctx)
	go func() { first <- c.Prepare(ctx, root+"/a", nil) }()
	within(t, asked)
	other, _ := aheadOf(t.Context())
	go func() { second <- c.Prepare(other, root+"/a", nil) }()
	until(t, "both wait", func() bool { return c.WaitingForLink(root+"/a") == 2 })
	cancel()
	if err := within(t, first); !errors.Is(err, context.Canceled) {
		t.Errorf("the first: %v", err)
	}
	release()
	if err := within(t, second); err != nil {
		t.Errorf("the second: %v", err)
	}
	if n := s.Calls().LinksTotal(); n != 1 {
		t.Errorf("%d links", n)
	}
}

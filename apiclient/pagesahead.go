package apiclient

import (
	"context"
	"slices"
	"sync"
)

// maxBlind is how many pages are asked ahead at most in a folder of which the service does
// not tell how large it is: when the last one comes, they were in vain. There is one for
// each pagesPerBlind pages that came.
const (
	maxBlind      = 4
	pagesPerBlind = 20
)

// pagesAhead asks for pages of a listing before the chain comes to them: where pages
// follow each other in one stride, the next offsets are guessed. A guess is taken for a
// page only when the page before it gave its very offset, so all that is taken is what
// would have been asked for one by one. It belongs to the goroutine of its listing.
type pagesAhead struct {
	list    *listing
	ctx     context.Context // the listing's
	begun   context.Context // of the calls that are begun here; ends before it
	cancel  context.CancelFunc
	running sync.WaitGroup // those calls
	answers chan *pageCall // has room for all of them

	queue  []*pageCall // begun and not taken yet, each one stride behind the other
	flying int         // calls without an answer

	at     int64 // offset of the page that is next in the chain
	stride int64 // from the offset before it
	steps  int   // how often in a row it was the same
	// patience is how many steps in a row it takes to guess. Guesses that fail let it
	// grow, those that link let it shrink.
	patience int
	window   int // how many guesses may be open; one more for each that links
	over     bool
}

// pageCall is a page that is asked for on a goroutine of its own.
type pageCall struct {
	offset int64
	want   func()        // tells that it is the chain's next
	turned chan struct{} // gets one when it has its turn
	guess  bool
	began  bool // whether it had its turn, as far as the listing knows

	// What follows is for the listing once answered is set.
	answered bool
	tries    int
	page     page
	err      error
}

// failed reports whether a guess failed, be it that it was wanted by then, and tried again.
func (c *pageCall) failed() bool { return c.guess && (c.err != nil || c.tries > 1) }

func newPagesAhead(ctx context.Context, l *listing) *pagesAhead {
	a := &pagesAhead{
		list: l, ctx: ctx, at: l.offset, patience: 1, window: 1,
		answers: make(chan *pageCall, l.client.opts.Concurrency),
	}
	a.begun, a.cancel = context.WithCancel(ctx)
	return a
}

// stop ends all calls and waits for them.
func (a *pagesAhead) stop() {
	a.cancel()
	a.running.Wait()
}

// next returns the page at the listing's offset.
func (a *pagesAhead) next() (page, error) {
	a.step()
	if len(a.queue) > 0 && a.queue[0].offset != a.at {
		a.over, a.queue = true, nil // they do not link
		a.cancel()
	}
	if len(a.queue) == 0 {
		if !a.guesses() {
			return a.list.page(a.ctx, a.at)
		}
		a.begin(a.at, false)
	}
	c := a.queue[0]
	a.await(c)
	a.queue = slices.Delete(a.queue, 0, 1)
	switch {
	case !c.guess, IsTemporary(c.err) && !FailedAhead(c.err):
		return c.page, c.err // it was tried like any other
	case c.err != nil:
		return a.list.page(a.ctx, a.at)
	case !a.fits(c):
		a.over = true // those that are open may fit
		return a.list.page(a.ctx, a.at)
	}
	if !c.failed() {
		a.window = min(a.window+1, 2*a.list.client.opts.Concurrency)
		a.patience = max(a.patience/2, 1)
	}
	return c.page, nil
}

// fits reports whether a guess may be taken: it tells what the page would that is asked
// for now. A service may have nothing to say at an offset that it did not give yet. And if
// the folder changed after one of two pages was asked for, and before the other, names
// would fall between them that no client which asks one by one would miss.
func (a *pagesAhead) fits(c *pageCall) bool {
	f, l := c.page.folder, a.list
	if c.page.marked && f.State == Cut {
		return f.Offset > c.offset && f.Count == l.count
	}
	names := int64(f.Hidden)
	for _, e := range f.Entries {
		if _, known := l.all.find(e.Name); !known {
			names++
		}
	}
	return names > 0 && l.known()+names >= l.count
}

// step follows the chain.
func (a *pagesAhead) step() {
	stride := a.list.offset - a.at
	if stride != a.stride {
		a.steps = 0
	}
	if stride != 0 {
		a.steps++
	}
	a.at, a.stride = a.list.offset, stride
}

// guesses reports whether pages are asked for ahead.
func (a *pagesAhead) guesses() bool {
	return !a.over && a.steps > a.patience && a.list.client.opts.Concurrency > 1
}

// await waits for the answer to a call, and begins others meanwhile.
func (a *pagesAhead) await(c *pageCall) {
	wanted, alone := unwanted(a.ctx)
	if !alone {
		c.want()
	}
	for {
		select {
		case <-c.turned:
			a.turn(c)
		default:
		}
		if !c.answered || c.err == nil && c.page.folder.State == Cut {
			a.extend()
		}
		if c.answered {
			return
		}
		select {
		case answer := <-a.answers:
			a.flying--
			answer.answered = true
			a.judge(answer)
		case <-c.turned:
			a.turn(c)
		case <-wanted:
			wanted = nil
			c.want()
		}
	}
}

// turn tells that the call which is waited for has got its turn.
func (a *pagesAhead) turn(c *pageCall) {
	c.began = true
	if a.list.Turn != nil {
		a.list.Turn()
	}
}

// judge lets guesses that fail have fewer after them. A service that refuses one takes
// none but its own offsets.
func (a *pagesAhead) judge(c *pageCall) {
	switch {
	case !c.failed():
	case c.err != nil && !IsTemporary(c.err):
		a.over = true
	default:
		if a.guesses() {
			a.patience *= 2
		}
		a.steps, a.window = 0, 1
	}
}

// extend begins the guesses that may be open. They must not take the slot of the call that
// is waited for.
func (a *pagesAhead) extend() {
	for a.queue[0].began && a.guesses() && a.flying < a.list.client.opts.Concurrency && len(a.queue) <= a.window {
		last := a.queue[len(a.queue)-1].offset
		next := last + a.stride
		if next <= last || !a.exists(next) {
			return
		}
		a.begin(next, true)
	}
}

// exists reports whether there is a page at an offset, as far as the service told: it says
// how many names there are, and those that are known (of sub-folders, perhaps all by the
// first page) need not come again.
func (a *pagesAhead) exists(offset int64) bool {
	if count := a.list.count; count > 0 {
		return offset < min(count, a.at+count-a.list.known())
	}
	return int64(len(a.queue)) <= min(maxBlind, int64(a.list.taken/pagesPerBlind))
}

// begin begins a call.
func (a *pagesAhead) begin(offset int64, guess bool) {
	wanted := make(chan struct{})
	c := &pageCall{
		offset: offset, guess: guess, turned: make(chan struct{}, 1),
		want: sync.OnceFunc(func() { close(wanted) }),
	}
	ctx := a.begun
	if guess {
		ctx = Ahead(ctx, wanted)
	}
	a.queue = append(a.queue, c)
	a.flying++
	a.running.Go(func() {
		defer func() { a.answers <- c }()
		defer a.list.client.rescue("files.list", a.list.Path, &c.err)
		c.page, c.err = a.list.ask(ctx, offset, func() {
			c.tries++
			select {
			case c.turned <- struct{}{}:
			default: // the listing has not looked since the last
			}
		})
	})
}

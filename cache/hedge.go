package cache

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"sefs/apiclient"
)

const (
	// minStall is for how long a transfer may bring nothing, whatever is usual.
	minStall = 2 * time.Second
	// usualTimes is how many times the usual time to the first byte that may be.
	usualTimes = 3
)

var errOvertaken = errors.New("another request for the same bytes was faster")

// pace is how long requests for contents usually take to their first byte. The zero value
// knows nothing yet. It is safe for concurrent use.
type pace struct{ usual atomic.Int64 } // nanoseconds, a moving average

// took notes one.
func (p *pace) took(d time.Duration) {
	const weight = 8 // of what was before; two that meet may lose one of both
	old := p.usual.Load()
	if old == 0 {
		old = int64(d)
	}
	p.usual.Store(old + (int64(d)-old)/weight)
}

// stall is for how long a transfer may bring nothing before its bytes are asked for once
// more, where it is given up after a timeout.
func (p *pace) stall(timeout time.Duration) time.Duration {
	return min(max(minStall, usualTimes*time.Duration(p.usual.Load())), timeout/3)
}

// race is a run whose bytes are asked for once more if none come for a while: by a second
// request, for what is missing by then. Whichever of the two brings bytes first goes on, the
// other is ended. Both give whole blocks, each checked like any, so it does not matter which
// brought which.
type race struct {
	o      *Opened
	start  start
	w      *watchdog
	ctx    context.Context
	cancel [2]context.CancelCauseFunc // ends one of the two

	// mu protects what follows.
	mu     sync.Mutex
	timer  *time.Timer   // nil before anything was asked for, and where there is no second one
	stall  time.Duration // that it runs for
	over   bool          // whether no second request may begin any more
	second chan error    // what came of the second request; nil if there is none
	won    bool          // whether one of two went ahead
	sent   time.Time     // when the first one was sent last
}

// run loads the blocks of a run.
func (r *race) run(ctx context.Context) error {
	r.ctx = ctx
	first, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r.cancel[0] = cancel
	err := r.o.transfer(first, r.start, r.w, r)
	r.mu.Lock()
	r.settle()
	second := r.second
	if second != nil && (err == nil || apiclient.IsChanged(err)) {
		r.cancel[1](errOvertaken)
	}
	r.mu.Unlock()
	if second == nil {
		return err
	}
	if other := <-second; err != nil && !apiclient.IsChanged(err) && (other == nil || r.overtaken(first)) {
		return other
	}
	return err
}

// overtaken reports whether a request was ended because the other one was faster.
func (r *race) overtaken(ctx context.Context) bool {
	return errors.Is(context.Cause(ctx), errOvertaken)
}

// settle sees to it that no second request begins. It is called with mu held.
func (r *race) settle() {
	r.over = true
	if r.timer != nil {
		r.timer.Stop()
	}
}

// alone is settle for who does not hold mu: the server knows no ranges, so that a second
// request would get all of the file.
func (r *race) alone() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settle()
}

// asked notes that the first request was sent.
func (r *race) asked() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent = time.Now()
	r.rest()
}

// answered notes that it was answered.
func (r *race) answered() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.sent.IsZero() {
		r.o.blocks.pace.took(time.Since(r.sent))
	}
}

// rest begins the time anew after which a second request is sent. It is called with mu
// held.
func (r *race) rest() {
	switch {
	case r.over || r.second != nil:
	case r.timer == nil:
		r.stall = r.o.blocks.pace.stall(r.o.blocks.opts.Timeout)
		if r.o.blocks.opts.Stall > 0 {
			r.stall = r.o.blocks.opts.Stall
		}
		r.timer = time.AfterFunc(r.stall, r.hedge)
	default:
		r.timer.Reset(r.stall)
	}
}

// came notes that bytes have come to one of the two.
func (r *race) came(which int) {
	r.w.bytes()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.second == nil {
		r.rest()
		return
	}
	if r.won {
		return
	}
	r.won = true
	r.cancel[1-which](errOvertaken)
	if which == 1 {
		r.o.blocks.counters.hedgeWon.Add(1)
	}
}

// hedge sends the second request.
func (r *race) hedge() {
	rest := r.o.missing(r.start)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.over || r.second != nil || r.ctx.Err() != nil || rest.n == 0:
		return
	case r.start.run.forNobody():
		r.rest() // it is worth another request when somebody comes
		return
	}
	ctx, cancel := context.WithCancelCause(r.ctx)
	r.cancel[1] = cancel
	r.second = make(chan error, 1)
	r.o.blocks.counters.hedged.Add(1)
	go func(done chan<- error) {
		var err error
		defer func() { done <- err }()
		defer cancel(nil)
		defer r.o.blocks.loads.rescue(r.o.content.version.Path, &err)
		if err = r.again(ctx, rest); apiclient.IsChanged(err) {
			r.cancel[0](errOvertaken) // nothing that it may still bring would count
		}
	}(r.second)
}

// again is the second request. It tells the watchdog of nothing but bytes: the first one
// has had its turn.
func (r *race) again(ctx context.Context, s start) error {
	expected, err := r.o.content.expects(ctx)
	if err != nil {
		return err
	}
	asked := r.o.blocks.opts.Now()
	piece := r.o.piece(s)
	piece.Validator, piece.Bytes = expected, func() { r.came(1) }
	body, err := r.o.blocks.opts.Opener.Open(ctx, piece)
	if err != nil {
		return r.o.content.noteChange(err)
	}
	defer body.Close()
	if body.Whole() {
		return errOvertaken // it would not be faster
	}
	return r.o.takeAll(body, s, asked)
}

// missing is what a run has not brought yet, from its first block on that is missing.
func (o *Opened) missing(s start) start {
	for s.n > 0 && o.settled(s.run, s.first) {
		s.first++
		s.n--
	}
	return s
}

package cache

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// watchdog ends a load that makes no progress. A page is progress. So is, for a load
// whose call waits for its turn, a page of any other load: the service is at work, and
// the turn will come.
type watchdog struct {
	timeout time.Duration
	others  *atomic.Int64 // when any load made progress last, as Unix nanoseconds
	waiting atomic.Bool   // whether the next call waits for its turn
	turned  atomic.Int64  // when it got it, as Unix nanoseconds; 0 if that was looked at
	fed     chan struct{}
}

// watch starts a watchdog and returns the context that it ends. It is at work until
// that context ends.
func watch(ctx context.Context, timeout time.Duration, others *atomic.Int64) (*watchdog, context.Context, context.CancelFunc) {
	w := &watchdog{timeout: timeout, others: others, fed: make(chan struct{}, 1)}
	w.waiting.Store(true)
	ctx, stop := context.WithCancelCause(ctx)
	go w.run(ctx, stop)
	return w, ctx, func() { stop(nil) }
}

func (w *watchdog) run(ctx context.Context, stop context.CancelCauseFunc) {
	timer := time.NewTimer(w.timeout)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.fed:
			timer.Reset(w.timeout)
		case <-timer.C:
			more := w.timeout - time.Since(time.Unix(0, w.others.Load()))
			if !w.waiting.Load() {
				more = w.grant()
			}
			if more <= 0 {
				stop(fmt.Errorf("no answer within %v (--timeout)", w.timeout))
				return
			}
			timer.Reset(more)
		}
	}
}

// turn is called when a call of the load gets its turn: from then on it has the whole
// timeout, if others made progress until then. Where it got its turn only because those
// before it failed, it has what is left. A call that is tried again gets no more.
func (w *watchdog) turn() {
	if w.waiting.Swap(false) {
		w.turned.Store(time.Now().UnixNano())
	}
}

// grant returns how much longer a load may go that got its turn and brought nothing yet.
func (w *watchdog) grant() time.Duration {
	turned := w.turned.Swap(0)
	// Those who made way tell of their progress at about that time, before or after.
	about := min(w.timeout/8, time.Second)
	if turned == 0 || w.others.Load() < turned-int64(about) {
		return 0
	}
	return time.Until(time.Unix(0, turned).Add(w.timeout))
}

// progress is called after each answer; the next call of the load has to wait for its turn.
func (w *watchdog) progress() {
	w.waiting.Store(true)
	w.bytes()
}

// bytes is called when a part of an answer has come; the rest has had its turn.
func (w *watchdog) bytes() {
	w.others.Store(time.Now().UnixNano())
	w.feed()
}

func (w *watchdog) feed() {
	select {
	case w.fed <- struct{}{}:
	default: // fed already
	}
}

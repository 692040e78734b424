package apiclient

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"
)

// maxAhead is how many seconds ahead of the clock a body may be stamped. The
// service's window is not documented, so it is kept small.
const maxAhead = 2

// minPrune is how many stamps are kept before any is forgotten.
const minPrune = 4096

// clock gives out the seconds that requests are stamped with. The service
// refuses times outside a window and may refuse a body it has seen before
// (response codes page, files.list page: the stamp guards against replay), so no
// body is stamped twice with the same second.
type clock struct {
	now func() time.Time

	// mu protects what follows.
	mu   sync.Mutex
	skew time.Duration      // added to now: the service's clock is ahead by it
	used map[stamp]struct{} // what was given out and may still come again
	many int                // size of used at which it is pruned
}

// stamp is a body, its time left out, and a second that it was sent with.
type stamp struct {
	body   [sha256.Size]byte // hashed: paths may be long, and many are kept
	second int64
}

func newClock(now func() time.Time) *clock {
	return &clock{now: now, used: make(map[stamp]struct{}), many: minPrune}
}

// stamp returns the second to send body with: this one if it is free, else the
// next free one, at most maxAhead ahead; only when all are taken it waits. Before
// each time that it looks, it takes a slot with acquire, and gives it back if it has
// to wait; release is for the slot that it returns with.
func (c *clock) stamp(ctx context.Context, body string, acquire func(context.Context) (release func(), err error)) (second int64, release func(), err error) {
	for {
		if release, err = acquire(ctx); err != nil {
			return 0, nil, err
		}
		second, wait := c.take(body)
		if wait == 0 {
			return second, release, nil
		}
		release()
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return 0, nil, context.Cause(ctx)
		}
	}
}

// take marks a free second as used, or says how long to wait for one.
func (c *clock) take(body string) (second int64, wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now().Add(c.skew)
	for ahead := range int64(maxAhead + 1) {
		s := stamp{sha256.Sum256([]byte(body)), now.Unix() + ahead}
		if _, taken := c.used[s]; !taken {
			c.prune(now.Unix())
			c.used[s] = struct{}{}
			return s.second, 0
		}
	}
	return 0, now.Truncate(time.Second).Add(time.Second).Sub(now)
}

// prune forgets seconds that are over, once there are many. A minute is kept, so
// that a small step back of the clock repeats nothing.
func (c *clock) prune(now int64) {
	if len(c.used) < c.many {
		return
	}
	for s := range c.used {
		if s.second < now-60 {
			delete(c.used, s)
		}
	}
	c.many = max(minPrune, 2*len(c.used))
}

// correct sets the clock by the service's, as told by an answer's Date header,
// and returns by how much the service is ahead of this machine.
func (c *clock) correct(service time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.skew = service.Sub(c.now())
	return c.skew
}

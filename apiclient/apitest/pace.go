package apitest

import (
	"sync"
	"time"
)

// pace spreads bytes over time, for all who take from it together.
type pace struct {
	mu   sync.Mutex
	next time.Time // when the next bytes may go
}

// lag is how far a pace catches up after being late. Timers come late by about a millisecond.
const lag = 20 * time.Millisecond

// take returns how long to wait before sending n bytes at so many bytes a second, 0 for no limit.
func (p *pace) take(n, rate int64) time.Duration {
	if rate <= 0 {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if oldest := now.Add(-lag); p.next.Before(oldest) {
		p.next = oldest
	}
	p.next = p.next.Add(time.Duration(float64(n) / float64(rate) * float64(time.Second)))
	return p.next.Sub(now)
}

// step returns how much to send at once: what takes about 10 ms where there is a limit.
func (o ContentOptions) step() int64 {
	step := int64(chunkSize)
	for _, rate := range []int64{o.BytesPerSecond, o.PerConnection} {
		if rate > 0 {
			step = min(step, max(rate/100, 1))
		}
	}
	return step
}

// content returns the options for contents as they are now.
func (s *Server) content() ContentOptions {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.o.Content
}

package apiclient

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// A service is left alone after so many failures in a row, over so long at least,
	// about more than one path: faults of one folder or file say nothing of the others.
	openAfter = 20
	openOver  = 3 * time.Second
	// silenceWeight is as how many failures one counts that took long to be none.
	silenceWeight = 4
	// probePause lies between two calls that find out whether it answers again, and
	// before the first. A call that nobody waits for is none before probeAlone is over.
	probePause = time.Second
	probeAlone = 5 * time.Second
	// maxSilence is how long a service that is left alone may take to begin an answer;
	// each so many times that was too short, slowSilence.
	maxSilence  = 1500 * time.Millisecond
	slowSilence = 6 * time.Second
	slowAfter   = 8
	// probeLife is for how long a call is the only probe.
	probeLife = 8 * time.Second
)

// errSilent ends a request of a service that begins no answer though it is left alone.
var errSilent = errors.New("no answer came in time")

// breaker keeps calls from a service that answers none: while it is open, they fail at
// once, but for one now and then that finds out. It is opened by a run of failures
// without one success, never by a rate of them. It is safe for concurrent use.
type breaker struct {
	name     string
	log      *slog.Logger
	counters *counters
	closed   func() // called when the service answers again

	// mu protects what follows.
	mu     sync.Mutex
	run    int       // failures since the last success, weighed
	since  time.Time // when the first of them was met
	path   string    // what it was about
	spread bool      // whether one was about another
	last   *Error
	// calm ends when the breaker opens, and is made anew when it closes.
	calm    context.Context
	end     context.CancelCauseFunc
	next    time.Time // when there may be a probe
	probing time.Time // when one began whose end is not known; zero if there is none
	silent  int       // probes that were ended by silence
}

func newBreaker(name string, log *slog.Logger, n *counters, closed func()) *breaker {
	b := &breaker{name: name, log: log, counters: n, closed: closed}
	b.calm, b.end = context.WithCancelCause(context.Background())
	return b
}

// enter lets a call be tried, or returns the error that it fails with. One that nobody
// waits for is a probe only where no other came. calm ends when the breaker opens, with
// the error that calls fail with then.
func (b *breaker) enter(alone bool) (probe bool, calm context.Context, err *Error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.calm.Err() == nil {
		return false, b.calm, nil
	}
	now, from := time.Now(), b.next
	if alone {
		from = from.Add(probeAlone)
	}
	if now.Before(from) || !b.probing.IsZero() && now.Sub(b.probing) < probeLife {
		return false, nil, b.unavailable()
	}
	b.probing = now
	b.counters.probes.Add(1)
	return true, b.calm, nil
}

// isOpen reports whether calls fail at once, and returns what they fail with.
func (b *breaker) isOpen() (*Error, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.calm.Err() == nil {
		return nil, false
	}
	return b.unavailable(), true
}

// unavailable is for whoever holds mu.
func (b *breaker) unavailable() *Error {
	last := *b.last
	last.Op, last.Path = "the last failure", ""
	return &Error{
		Message: fmt.Sprintf("%s has given no answer since %s, and is asked again from time to time", b.name, b.since.Format(time.TimeOnly)),
		Err:     &last, unavailable: true,
	}
}

// patience is how long a call may wait for the first byte while the breaker is open.
func (b *breaker) patience() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.silent%slowAfter == slowAfter-1 {
		return slowSilence
	}
	return maxSilence
}

// succeeded notes an answer of the service, be it a refusal.
func (b *breaker) succeeded() {
	b.mu.Lock()
	defer b.mu.Unlock()
	since := b.since
	b.run, b.since, b.path, b.spread, b.last = 0, time.Time{}, "", false, nil
	if b.calm.Err() == nil {
		return
	}
	b.calm, b.end = context.WithCancelCause(context.Background())
	b.probing, b.silent = time.Time{}, 0
	b.closed()
	b.log.Info("the service answers again and is asked as before", "service", b.name,
		"after", time.Since(since).Round(time.Millisecond))
}

// failed notes a failure that is the service's, about a path; weight says as how many it
// counts.
func (b *breaker) failed(path string, err *Error, weight int) {
	b.counters.failures.Add(1)
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if b.run == 0 {
		b.since, b.path = now, path
	}
	b.run += weight
	b.spread = b.spread || path != b.path
	last := *err
	b.last = &last
	if b.calm.Err() != nil || b.run < openAfter || now.Sub(b.since) < openOver || !b.spread {
		return
	}
	b.next = now.Add(jitter(probePause))
	b.counters.opens.Add(1)
	b.end(b.unavailable())
	b.log.Warn("the service fails and is left alone; one call now and then finds out whether it answers again",
		"service", b.name, "since", b.since.Format(time.TimeOnly), "error", err)
}

// probed notes that a probe is over; silent says whether it was ended by silence. It is
// called after failed or succeeded.
func (b *breaker) probed(silent bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.calm.Err() == nil {
		return // it succeeded, or another did
	}
	b.probing = time.Time{}
	b.next = time.Now().Add(jitter(probePause))
	if silent {
		b.silent++
	}
}

// jitter varies a time by a quarter, so that not all who wait come at one moment.
func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.75 + rand.Float64()/2))
}

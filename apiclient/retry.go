package apiclient

import (
	"context"
	"errors"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
)

const (
	maxAttempts = 15
	firstDelay  = 50 * time.Millisecond
	maxDelay    = 2 * time.Second
	// A service that says so often in a row that it is overloaded is left in peace longer.
	crowdedAfter    = 3
	firstLongDelay  = 5 * time.Second
	maxLongDelay    = time.Minute
	retryAfterShare = 10 // of a Retry-After that is added at most
)

// errLate is for an attempt that got its turn when none may begin any more.
var errLate = errors.New("too late for another attempt")

// calling is one call with its attempts. It belongs to the goroutine that makes it. All
// calls only read, so each may be made again.
type calling struct {
	client   *Client
	service  *service
	op, path string

	ctx context.Context // the caller's; bounds all attempts together
	// wait is for the time between attempts: it ends when the service is left alone, by
	// stop. unbind ends that.
	wait   context.Context
	stop   context.CancelCauseFunc
	unbind func() bool

	until   time.Time // no attempt begins later; zero before the first has had its turn
	tries   int
	crowded int   // failures in a row that said that the service is overloaded
	last    error // of the last attempt that failed before ctx ended
	done    bool  // whether one succeeded
	again   bool  // whether there is to be another, after delay
	delay   time.Duration
}

// policy says what is tried again, and when; judge decides it. It is the one place.
func (k *calling) policy() retrypolicy.RetryPolicy[any] {
	return retrypolicy.NewBuilder[any]().
		HandleIf(func(any, error) bool { return k.again }).
		WithMaxAttempts(maxAttempts).
		WithDelayFunc(func(failsafe.ExecutionAttempt[any]) time.Duration { return k.delay }).
		ReturnLastFailure().
		OnRetryScheduled(func(e failsafe.ExecutionScheduledEvent[any]) {
			k.service.retries.Add(1)
			k.client.log.Debug("call failed, will be tried again", "error", e.LastError(), "in", e.Delay)
		}).
		Build()
}

// call makes one call of the command API, with a new time and signature for every
// attempt. What it answers is given to read; an answer that read finds to be none is
// a failed attempt like any other. The context bounds all attempts together.
func (c *Client) call(ctx context.Context, r request, read func(envelope) error) error {
	clock := false // whether the clock was corrected in this call
	return c.retrying(ctx, c.list, r.command, r.path, func(t *trial) error {
		answer, err := c.attempt(t, r, read)
		if IsClock(err) && !clock && !answer.date.IsZero() {
			clock = true
			skew := c.clock.correct(answer.date)
			c.log.Warn("the service found our time wrong; its own is used from now on", "ahead_by", skew)
			_, err = c.attempt(t, r, read)
			var e *Error
			if errors.As(err, &e) {
				e.Skew = skew
			}
		}
		return err
	})
}

// retrying runs try until it succeeds, fails for good, the service is left alone, or ctx
// ends; while nobody waits for the call, once. No slot is held between attempts. The error
// is an *Error; if ctx ended while waiting, it says what the tries before that met.
func (c *Client) retrying(ctx context.Context, s *service, op, path string, try func(*trial) error) error {
	k := &calling{client: c, service: s, op: op, path: path, ctx: ctx, unbind: func() bool { return true }}
	k.wait, k.stop = context.WithCancelCause(ctx)
	defer k.stop(nil)
	defer func() { k.unbind() }()
	err := failsafe.With(k.policy()).WithContext(k.wait).Run(func() error {
		err := k.attempt(try)
		k.judge(err)
		return err
	})
	if k.done {
		return nil
	}
	e := k.failure(err)
	giveUp(ctx, e)
	return e
}

// attempt makes one.
func (k *calling) attempt(try func(*trial) error) error {
	t, err := k.begin()
	if err != nil {
		return err
	}
	defer func() { t.done(err) }() // also where it panics
	err = errPanic
	err = try(t)
	return err
}

// errPanic stands for what came of an attempt that panicked.
var errPanic = errors.New("panic")

// judge decides whether there is another attempt. One that would begin too late is none:
// the caller would wait in vain.
func (k *calling) judge(err error) {
	k.tries++
	k.again, k.done = false, err == nil
	if k.done || errors.Is(err, errLate) {
		return
	}
	var e *Error
	if !errors.As(err, &e) || IsUnavailable(e) {
		return // it did not get its turn
	}
	if k.ctx.Err() != nil {
		return // which says less than what the attempts before met
	}
	k.last = err
	_, open := k.service.breaker.isOpen()
	if giveUp(k.ctx, err) || !IsTemporary(err) || IsUntrusted(err) || open {
		return
	}
	k.delay = k.pause(e)
	at := time.Now().Add(k.delay)
	if deadline, ok := k.ctx.Deadline(); ok && at.After(deadline) || at.After(k.until) {
		return
	}
	k.again = true
}

// pause is how long to wait after a failure.
func (k *calling) pause(e *Error) time.Duration {
	if e.Code == codeOverloaded {
		k.crowded++
	} else {
		k.crowded = 0
	}
	switch {
	case e.RetryAfter > 0:
		return e.RetryAfter + jitter(e.RetryAfter/retryAfterShare)/2
	case k.crowded >= crowdedAfter:
		return backoff(firstLongDelay, maxLongDelay, k.crowded-crowdedAfter)
	}
	return backoff(firstDelay, maxDelay, k.tries-1)
}

// backoff doubles a delay n times, up to most, and varies it.
func backoff(first, most time.Duration, n int) time.Duration {
	return jitter(min(first<<min(n, 16), most))
}

// failure is the error of the call.
func (k *calling) failure(err error) *Error {
	var e, last *Error
	if errors.As(k.last, &last) && errors.Is(err, errLate) {
		return last
	}
	made := errors.As(err, &e)
	if failed := k.unavailable(); failed != nil && (!made || IsTemporary(e)) {
		failed.Op, failed.Path = k.op, k.path
		return failed
	}
	if made && (last == nil || k.ctx.Err() == nil) {
		return e
	}
	failed := &Error{Op: k.op, Path: k.path, Err: context.Cause(k.ctx)}
	if failed.Err == nil {
		failed.Err = err
	}
	if last != nil && !errors.Is(last.Err, failed.Err) {
		failed.Message = last.withoutCall()
		failed.Malformed = last.Malformed
	}
	return failed
}

// unavailable is the error that the service is left alone, if that ended the call.
func (k *calling) unavailable() *Error {
	if k.ctx.Err() != nil {
		return nil
	}
	if failed, open := k.service.breaker.isOpen(); open {
		return failed
	}
	var e *Error
	if !errors.As(context.Cause(k.wait), &e) {
		return nil
	}
	failed := *e // others have it too
	return &failed
}

// withoutCall is the error's text without the call it is about.
func (e *Error) withoutCall() string {
	bare := *e
	bare.Op, bare.Path = "the last try", ""
	return bare.Error()
}

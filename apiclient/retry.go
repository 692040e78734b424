package apiclient

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
)

const (
	maxAttempts = 5
	firstDelay  = 50 * time.Millisecond
	maxDelay    = 2 * time.Second
)

// newRetryPolicy is the one place that says what is tried again and when. All
// calls only read, so each may be repeated.
func newRetryPolicy(log *slog.Logger) retrypolicy.RetryPolicy[any] {
	return retrypolicy.NewBuilder[any]().
		HandleIf(func(_ any, err error) bool { return IsTemporary(err) && !FailedAhead(err) }).
		WithMaxAttempts(maxAttempts).
		WithBackoff(firstDelay, maxDelay).
		WithJitterFactor(0.25).
		WithDelayFunc(func(exec failsafe.ExecutionAttempt[any]) time.Duration {
			var e *Error
			if errors.As(exec.LastError(), &e) && e.RetryAfter > 0 {
				return e.RetryAfter
			}
			return -1 // the back-off
		}).
		ReturnLastFailure().
		OnRetryScheduled(func(e failsafe.ExecutionScheduledEvent[any]) {
			log.Debug("call failed, will be tried again", "error", e.LastError(), "in", e.Delay)
		}).
		Build()
}

// call makes one call of the command API, with a new time and signature for every
// attempt. What it answers is given to read; an answer that read finds to be none is
// a failed attempt like any other. The context bounds all attempts together.
func (c *Client) call(ctx context.Context, r request, read func(envelope) error) error {
	clock := false // whether the clock was corrected in this call
	return c.retrying(ctx, r.command, r.path, func() error {
		answer, err := c.attempt(ctx, r, read)
		if IsClock(err) && !clock && !answer.date.IsZero() {
			clock = true
			skew := c.clock.correct(answer.date)
			c.log.Warn("the service found our time wrong; its own is used from now on", "ahead_by", skew)
			_, err = c.attempt(ctx, r, read)
			var e *Error
			if errors.As(err, &e) {
				e.Skew = skew
			}
		}
		return err
	})
}

// retrying runs try until it succeeds, fails for good, or ctx ends; while nobody waits
// for the call, once. The error is an *Error; if ctx ended while waiting, it says what
// the tries before that met.
func (c *Client) retrying(ctx context.Context, op, path string, try func() error) error {
	var last error
	err := failsafe.With(c.retry).WithContext(ctx).Run(func() error {
		last = try()
		giveUp(ctx, last)
		return last
	})
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	failed := &Error{Op: op, Path: path, Err: context.Cause(ctx)}
	if failed.Err == nil {
		failed.Err = err
	}
	if errors.As(last, &e) && !errors.Is(e.Err, failed.Err) {
		failed.Message = e.withoutCall()
		failed.Malformed = e.Malformed
	}
	return failed
}

// withoutCall is the error's text without the call it is about.
func (e *Error) withoutCall() string {
	bare := *e
	bare.Op, bare.Path = "the last try", ""
	return bare.Error()
}

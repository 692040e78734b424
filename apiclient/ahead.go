package apiclient

import (
	"context"
	"errors"
)

type aheadKey struct{}

// Ahead returns a context for calls that nobody waits for until wanted is closed: they
// wait behind all calls that somebody waits for, and are tried once; see [FailedAhead].
// From then on they are like any other.
func Ahead(ctx context.Context, wanted <-chan struct{}) context.Context {
	return context.WithValue(ctx, aheadKey{}, wanted)
}

// FailedAhead reports whether a call was given up only because nobody waited for it: it
// was tried once, and failed in a way that may pass.
func FailedAhead(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.unwanted
}

// unwanted reports whether nobody waits for the calls under ctx, and what is closed once
// somebody does.
func unwanted(ctx context.Context) (wanted <-chan struct{}, yes bool) {
	wanted, yes = ctx.Value(aheadKey{}).(<-chan struct{})
	select {
	case <-wanted:
		return nil, false
	default:
		return wanted, yes
	}
}

// waitedForAs returns ctx with its calls waited for as those under another context are.
func waitedForAs(ctx, other context.Context) context.Context {
	return context.WithValue(ctx, aheadKey{}, other.Value(aheadKey{}))
}

// giveUp marks a failure that may pass as one of a call that is not tried again, if nobody
// waits for the calls under ctx, and reports whether it did.
func giveUp(ctx context.Context, err error) bool {
	var e *Error
	if _, alone := unwanted(ctx); !alone || !errors.As(err, &e) || !IsTemporary(e) {
		return false
	}
	e.unwanted = true
	return true
}

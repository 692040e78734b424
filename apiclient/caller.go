package apiclient

import "context"

type callerKey struct{}

// Caller returns a context for calls that are made for one caller, such as a process;
// 0 means that it is not known for whom. Among those who wait, the calls come first of
// whoever has the fewest in flight.
func Caller(ctx context.Context, id int) context.Context {
	return context.WithValue(ctx, callerKey{}, id)
}

// CallerOf returns whom the calls under ctx are made for; 0 if that is not known.
func CallerOf(ctx context.Context) int {
	id, _ := ctx.Value(callerKey{}).(int)
	return id
}

type renewalKey struct{}

// Renewal returns a context for calls that only renew what is known: as long as nobody
// waits for them, they come behind all others that nobody waits for; see [Ahead].
func Renewal(ctx context.Context) context.Context {
	return context.WithValue(ctx, renewalKey{}, true)
}

// class says when a waiting call gets its turn: those of a lower class come first.
type class int

const (
	forRetry class = iota // it had its turn, and its time runs
	forCaller
	forPrefetch
	forRenewal
)

// classOf is the class of a call under ctx; alone says whether nobody waits for it, again
// whether it had a turn before.
func classOf(ctx context.Context, alone, again bool) class {
	switch {
	case again:
		return forRetry
	case !alone:
		return forCaller
	}
	if renews, _ := ctx.Value(renewalKey{}).(bool); renews {
		return forRenewal
	}
	return forPrefetch
}

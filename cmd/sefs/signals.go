package main

import (
	"context"
	"os"
	"os/signal"
)

// hurryKey finds in a context what the second signal closes.
type hurryKey struct{}

// untilSignal returns a context that ends with the first of the signals. The second
// means that what follows from the first shall not take its time any more (hurry); further
// ones change nothing. No signal ends the process by itself, as it might leave a dead mount
// behind then.
func untilSignal(signals ...os.Signal) (ctx context.Context, stop func()) {
	caught := make(chan os.Signal, 2)
	signal.Notify(caught, signals...)
	done, again := make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), hurryKey{}, again))
	go func() {
		for _, act := range []func(){cancel, func() { close(again) }} {
			select {
			case <-caught:
				act()
			case <-done:
				return
			}
		}
	}()
	return ctx, func() {
		signal.Stop(caught)
		close(done)
		cancel()
	}
}

// hurry returns what is closed when whoever ended ctx is in a hurry; nil, which never is,
// if nobody can be.
func hurry(ctx context.Context) <-chan struct{} {
	again, _ := ctx.Value(hurryKey{}).(chan struct{})
	return again
}

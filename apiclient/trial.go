package apiclient

import (
	"context"
	"errors"
	"net"
	"net/http/httptrace"
	"sync"
	"time"
)

// service is one of those that the client asks, each with its own way of failing.
type service struct {
	slots   *slots // of all services that share them
	breaker *breaker
	counters
}

func (c *Client) newService(name string, s *slots) *service {
	v := &service{slots: s}
	v.breaker = newBreaker(name, c.opts.Log, &v.counters, s.restart)
	return v
}

// trial is one attempt of a call: it gets a slot, makes a request, and tells what came of
// it, for those that follow.
type trial struct {
	call  *calling
	probe bool
	// ctx is for the request. It ends with the call's, when the service is silent though
	// it is left alone, or by cancel.
	ctx    context.Context
	cancel context.CancelCauseFunc
	turned time.Time // when it got its slot; zero before that
	answer chan struct{}
	heard  func() // closes answer; may be called again
	end    func() // ends what watches the trial
	keep   bool   // whether the request goes on after the trial; its user has to cancel
}

// begin lets the call be tried once, or returns the error that it fails with. The caller
// has to call done.
func (k *calling) begin() (*trial, error) {
	_, alone := unwanted(k.ctx)
	probe, calm, failed := k.service.breaker.enter(alone)
	if failed != nil {
		return nil, failed
	}
	t := &trial{call: k, probe: probe, answer: make(chan struct{})}
	t.heard = sync.OnceFunc(func() { close(t.answer) })
	ctx := httptrace.WithClientTrace(k.ctx, &httptrace.ClientTrace{GotFirstResponseByte: t.heard})
	t.ctx, t.cancel = context.WithCancelCause(ctx)
	k.unbind()
	k.unbind = func() bool { return true }
	if probe {
		go t.watch()
		t.end = t.heard
		return t, nil
	}
	k.unbind = context.AfterFunc(calm, func() { k.stop(context.Cause(calm)) })
	unwatch := context.AfterFunc(calm, t.watch)
	t.end = func() { unwatch(); t.heard() }
	return t, nil
}

// watch ends the request of a service that is left alone and begins no answer.
func (t *trial) watch() {
	timer := time.NewTimer(t.call.service.breaker.patience())
	defer timer.Stop()
	select {
	case <-timer.C:
		t.cancel(errSilent)
	case <-t.answer:
	case <-t.ctx.Done():
	}
}

// acquire waits for a slot, unless the service is left alone meanwhile. That no other
// attempt begins too late is seen to here, as slots may be waited for for long.
func (t *trial) acquire(context.Context) (release func(), err error) {
	k := t.call
	ctx := k.wait
	if t.probe {
		ctx = t.ctx
	}
	release, err = k.service.slots.acquire(ctx, k.tries > 0)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	if k.until.IsZero() {
		k.until = now.Add(k.client.opts.Timeout)
	} else if k.last != nil && now.After(k.until) {
		release()
		return nil, errLate
	}
	t.turned = now
	return release, nil
}

// done tells what came of the trial. A context that ended says something of the service
// only if there was no answer for long.
func (t *trial) done(err error) {
	heard := isClosed(t.answer)
	t.end()
	s, timeout := t.call.service, t.call.client.opts.Timeout
	if !t.keep {
		defer t.cancel(nil)
	}
	silent := context.Cause(t.ctx) == errSilent //nolint:errorlint // it is never wrapped
	var e *Error
	switch {
	case t.turned.IsZero() || err == errPanic: //nolint:errorlint // it is never wrapped
	case err == nil:
		s.breaker.succeeded()
		s.slots.succeeded()
	case silent || t.ctx.Err() != nil:
		if !heard && (silent || time.Since(t.turned) >= timeout/2) {
			s.breaker.failed(t.call.path, &Error{Err: errSilent}, silenceWeight)
			s.slots.overloaded()
		}
	case IsTemporary(err) && errors.As(err, &e):
		s.breaker.failed(t.call.path, e, 1)
		if overloads(e) {
			s.slots.overloaded()
		}
	default:
		s.breaker.succeeded() // it answered
	}
	if t.probe {
		s.breaker.probed(silent)
	}
}

// overloads reports whether a failure says that the service has too much to do.
func overloads(e *Error) bool {
	var timeout net.Error
	return e.Code == codeOverloaded || e.Status == 429 || e.Status == 503 ||
		errors.As(e.Err, &timeout) && timeout.Timeout()
}

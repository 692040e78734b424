package apiclient

import (
	"context"
	"sync"

	"golang.org/x/sync/singleflight"
)

// linkCall is the call for a link that is under way.
type linkCall struct {
	ctx     context.Context // of the call: ends with the client, or by end
	end     context.CancelFunc
	want    func() // tells that somebody waits for it
	waiting int    // how many do, those ahead among them; links.mu protects it
}

// Prepare gets a link to the file at path, so that an [Client.Open] that follows need not
// wait for it; it makes no call where there is one. The call is shared with all who want
// the link. It ends with ctx only if that was [Ahead]'s and nobody else waits for it.
// turn, if set, is called when the call gets its turn, if it is this one's.
func (c *Client) Prepare(ctx context.Context, path string, turn func()) error {
	_, _, err := c.link(ctx, path, turn)
	return err
}

// awaitLink waits for the call for a link that runs, or else begins one.
func (c *Client) awaitLink(ctx context.Context, path string, turn func()) (link, error) {
	wanted, alone := unwanted(ctx)
	done, call := c.joinLink(ctx, path, turn, alone)
	defer c.links.leave(path, call)
	for {
		select {
		case r := <-done:
			if r.Err != nil {
				return link{}, r.Err
			}
			return r.Val.(link), nil
		case <-wanted:
			wanted = nil
			call.want()
		case <-ctx.Done():
			return link{}, &Error{Op: "v1 download", Path: path, Err: context.Cause(ctx)}
		}
	}
}

// joinLink joins the call for a link, or begins it. The caller has to leave it.
func (c *Client) joinLink(ctx context.Context, path string, turn func(), alone bool) (<-chan singleflight.Result, *linkCall) {
	l := c.links
	l.mu.Lock()
	defer l.mu.Unlock()
	call := l.calls[path]
	if call == nil {
		wanted := make(chan struct{})
		call = &linkCall{want: sync.OnceFunc(func() { close(wanted) })}
		call.ctx, call.end = context.WithCancel(Ahead(Caller(c.base, CallerOf(ctx)), wanted))
		l.calls[path] = call
		c.shared.Add(1)
	}
	call.waiting++
	if !alone {
		call.want()
	}
	return l.group.DoChan(path, func() (_ any, err error) {
		defer c.shared.Done()
		defer call.end()
		defer l.finish(path, call)
		defer c.rescue("v1 download", path, &err)
		if have, ok := l.get(path, c.opts.Now()); ok {
			return have, nil // it came between our caller's look and this one
		}
		return c.newLink(call.ctx, path, turn)
	}), call
}

// finish lets who comes later begin a call of its own.
func (l *links) finish(path string, call *linkCall) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget(path, call)
}

// leave is for who waits no longer. A call that was never wanted ends with the last.
func (l *links) leave(path string, call *linkCall) {
	l.mu.Lock()
	defer l.mu.Unlock()
	call.waiting--
	if _, alone := unwanted(call.ctx); alone && call.waiting == 0 {
		l.forget(path, call)
		call.end()
	}
}

// forget is finish for whoever holds mu.
func (l *links) forget(path string, call *linkCall) {
	if l.calls[path] == call {
		delete(l.calls, path)
		l.group.Forget(path)
	}
}

package apiclient

import (
	"context"
	"errors"
	"io"
	"time"
)

// errQuiet is why an attempt was given up whose answer did not come, or stopped coming.
var errQuiet = errors.New("nothing came for half of the timeout (--timeout)")

// silence ends an attempt to which nothing comes for half of the timeout, so that there is
// time for another. An answer that keeps coming may take longer.
type silence struct {
	timer *time.Timer
	limit time.Duration
}

// listen begins a silence and returns the context that it ends. end has to be called.
func (c *Client) listen(ctx context.Context) (s silence, _ context.Context, end func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	s.limit = c.opts.Timeout / 2
	s.timer = time.AfterFunc(s.limit, func() { cancel(errQuiet) })
	return s, ctx, func() { s.timer.Stop(); cancel(nil) }
}

// broken makes a reader tell of what comes.
func (s silence) broken(r io.ReadCloser) io.ReadCloser { return heard{r, s} }

type heard struct {
	io.ReadCloser
	s silence
}

func (h heard) Read(p []byte) (int, error) {
	n, err := h.ReadCloser.Read(p)
	if n > 0 {
		h.s.timer.Reset(h.s.limit)
	}
	return n, err
}

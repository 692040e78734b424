package fs

import (
	"context"
	"sync"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

const (
	// signalPoll is how often it is looked whether an interrupted caller has to leave by now:
	// of a request, the kernel tells of the first signal only.
	signalPoll = 100 * time.Millisecond
	// maxElsewhere is how often in a row a caller may be seen not to wait before it is taken
	// for gone: right after a signal it is on its way from one kind of waiting to another.
	maxElsewhere = 5
)

// waiter is the context of a request of the kernel that ends only if its caller is to
// leave. The kernel interrupts a request at any signal, and does not say at which; an EINTR
// for one that the program handles would fail it, as nothing restarts the call: not even
// SA_RESTART does. So what the signals do to the caller is looked up, and he waits on unless
// they end him, or one came by which people end programs.
type waiter struct {
	context.Context // the library's

	thread   int
	answered chan struct{} // closed when the request is
	left     chan struct{} // closed when the caller is to leave
	watch    sync.Once     // begins to look
}

// patient returns a waiter for the request of a context, to be used until the request is
// answered, which answered tells. Where the caller cannot be known, any signal ends it.
func patient(ctx context.Context) (_ context.Context, answered func()) {
	c, ok := fuse.FromContext(ctx)
	if !ok || c.Pid == 0 {
		return ctx, func() {}
	}
	w := &waiter{Context: ctx, thread: int(c.Pid), answered: make(chan struct{}), left: make(chan struct{})}
	return w, func() { close(w.answered) }
}

// Done is closed when the caller is to leave. Nothing is looked at before somebody waits
// for it: what is in memory is answered without.
func (w *waiter) Done() <-chan struct{} {
	w.watch.Do(func() { go w.look(w.Context.Done()) })
	return w.left
}

// Err is context.Canceled once the caller is to leave.
func (w *waiter) Err() error {
	select {
	case <-w.left:
		return context.Canceled
	default:
		return nil
	}
}

// look waits for an interrupt and then looks what became of the caller. It does not outlive
// the request for longer than a moment.
func (w *waiter) look(interrupted <-chan struct{}) {
	select {
	case <-interrupted:
	case <-w.answered:
		return
	}
	poll := time.NewTicker(signalPoll)
	defer poll.Stop()
	for elsewhere := 0; ; {
		s, err := readSignals(w.thread)
		if elsewhere++; s.waits {
			elsewhere = 0
		}
		if err != nil || s.ends() || elsewhere > maxElsewhere {
			close(w.left)
			return
		}
		select {
		case <-poll.C:
		case <-w.answered:
			return
		}
	}
}

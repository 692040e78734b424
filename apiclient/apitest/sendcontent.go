package apitest

import (
	"io"
	"net/http"
	"sync"
)

// chunkSize is how much content is made and written at once: much, so that the kernel is called rarely,
// but no more than fits into a processor's cache.
const chunkSize = 256 << 10

//nolint:gochecknoglobals // buffers of all servers
var chunks = sync.Pool{New: func() any { return new([chunkSize]byte) }}

// send sends what was decided on.
func (d *download) send(w http.ResponseWriter, r *http.Request, status int) {
	ctx := r.Context()
	if d.wireSend(ctx, w, status) {
		return
	}
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return
	}
	t := &d.rep.twist
	if t.dripSize > 0 {
		http.NewResponseController(w).Flush() // the headers are not what drips
	}
	buf := chunks.Get().(*[chunkSize]byte)
	defer chunks.Put(buf)
	left := d.length
	if t.cut != nil {
		left = min(left, *t.cut)
	}
	var own pace
	tail := false
	for at := d.from; left > 0; {
		content := d.s.content()
		step := content.step()
		if t.dripSize > 0 {
			step = min(step, t.dripSize)
			if !tail && !wait(ctx, t.dripEvery) {
				panic(http.ErrAbortHandler)
			}
		}
		n := min(left, step)
		// The last byte goes by itself: net/http keeps it until the answer has been counted as ended,
		// so a client that has all of it cannot begin another while this one still counts.
		tail = n == left
		if tail && n > 1 {
			n--
		}
		if !wait(ctx, d.s.pace.take(n, content.BytesPerSecond)) || !wait(ctx, own.take(n, content.PerConnection)) {
			panic(http.ErrAbortHandler)
		}
		if k, err := d.body.ReadAt(buf[:n], at); int64(k) < n || err != nil && err != io.EOF {
			abort(w)
		}
		d.s.calls.sent(d.full, n)
		if k, err := w.Write(buf[:n]); err != nil {
			d.s.calls.sent(d.full, int64(k)-n)
			panic(http.ErrAbortHandler)
		}
		if step < chunkSize && left > n { // slow on purpose
			http.NewResponseController(w).Flush()
		}
		at, left = at+n, left-n
	}
	if t.cut != nil {
		abort(w)
	}
}

// abort sends what was written and ends the connection.
func abort(w http.ResponseWriter) {
	http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// spliced is one content up to a place, and another one from there on.
type spliced struct {
	before, after io.ReaderAt
	at            int64
}

// ReadAt reads from both.
func (s spliced) ReadAt(p []byte, off int64) (int, error) {
	n := int(min(max(s.at-off, 0), int64(len(p))))
	if n > 0 {
		if k, err := s.before.ReadAt(p[:n], off); k < n {
			return k, err
		}
	}
	if n == len(p) {
		return n, nil
	}
	k, err := s.after.ReadAt(p[n:], off+int64(n))
	return n + k, err
}

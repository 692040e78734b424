package apitest

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"time"
)

// send puts an answer on the wire in the way that w says.
func (w wire) send(ctx context.Context, out http.ResponseWriter, status int, body []byte) {
	switch w.deed {
	case never:
		<-ctx.Done()
		panic(http.ErrAbortHandler) // closes the connection without an answer
	case reset:
		resetConn(out)
	case endless:
		out.WriteHeader(status)
		sendEndless(ctx, out)
	case half:
		out.Header().Set("Content-Length", strconv.Itoa(len(body)))
		out.WriteHeader(status)
		out.Write(body[:len(body)/2])
		http.NewResponseController(out).Flush()
		panic(http.ErrAbortHandler)
	case dripped:
		out.Header().Set("Content-Length", strconv.Itoa(len(body)))
		out.WriteHeader(status)
		for i := range body {
			if !wait(ctx, w.drip) {
				panic(http.ErrAbortHandler)
			}
			out.Write(body[i : i+1])
			http.NewResponseController(out).Flush()
		}
	default:
		out.Header().Set("Content-Length", strconv.Itoa(len(body)))
		out.WriteHeader(status)
		// net/http keeps the last byte until the request has been counted as ended, so a client that has
		// all of a long answer cannot send another while this one still counts as in flight.
		last := max(len(body)-1, 0)
		out.Write(body[:last])
		out.Write(body[last:])
	}
}

// hold returns once the answer may be sent.
func (r Reply) hold(ctx context.Context) {
	if r.Wait != nil {
		select {
		case <-r.Wait:
		case <-ctx.Done():
			panic(http.ErrAbortHandler)
		}
	}
	if !wait(ctx, r.Delay) {
		panic(http.ErrAbortHandler)
	}
}

// resetConn closes the connection with unsent data thrown away, which TCP shows as a reset.
func resetConn(out http.ResponseWriter) {
	conn, _, err := http.NewResponseController(out).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	conn.Close()
}

// sendEndless writes a well-formed beginning of a listing, until the client or the server has had enough.
func sendEndless(ctx context.Context, out http.ResponseWriter) {
	out.Write([]byte(`{"status":"success","data":{"x":[{"__is_loaded":1,"__files":["file0"`))
	for i := 1; ctx.Err() == nil; i++ {
		if _, err := out.Write([]byte(`,"file` + strconv.Itoa(i) + `"`)); err != nil {
			break
		}
	}
	panic(http.ErrAbortHandler)
}

// wait returns true after d, or false as soon as ctx ends.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

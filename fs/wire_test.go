package fs

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// full is the answer's head with other lines added, and without a length of the body.
func (x *exchange) full(status string, more ...string) string {
	lines := []string{status}
	for _, line := range x.head {
		if !strings.HasPrefix(line, "Content-Length:") {
			lines = append(lines, line)
		}
	}
	return strings.Join(append(lines, more...), "\r\n") + "\r\n\r\n"
}

func (x *exchange) length() string { return fmt.Sprintf("Content-Length: %d", len(x.body)) }

// sized is the right head.
func (x *exchange) sized() string { return x.full(x.status, x.length()) }

func (x *exchange) chunked() string { return x.full(x.status, "Transfer-Encoding: chunked") }

// half is the first half of the body.
func (x *exchange) half() string { return string(x.body[:len(x.body)/2]) }

// rest is the second half of the body.
func (x *exchange) rest() string { return string(x.body[len(x.body)/2:]) }

// chunk is text as a chunk, that says it is longer by so much.
func chunk(text string, longer int) string {
	return fmt.Sprintf("%x\r\n%s\r\n", len(text)+longer, text)
}

// send sends text. That the client is gone shows elsewhere.
func (x *exchange) send(text ...string) {
	for _, t := range text {
		_, _ = io.WriteString(x.to, t)
	}
}

// asIs sends the right answer.
func asIs(x *exchange) bool {
	x.send(x.sized() + string(x.body))
	return true
}

// text sends what part says, and the connection serves on.
func text(part func(x *exchange) string) wire {
	return func(x *exchange) bool {
		x.send(part(x))
		return true
	}
}

// closed, reset and silent send what part says, and then end the connection, reset it, or
// say nothing more for as long as the client waits.
func closed(part func(x *exchange) string) wire {
	return func(x *exchange) bool {
		x.send(part(x))
		return false
	}
}

func reset(part func(x *exchange) string) wire {
	return func(x *exchange) bool {
		x.send(part(x))
		if x.body != nil && part(x) != "" {
			time.Sleep(10 * time.Millisecond) // a reset overtakes what was not read yet
		}
		resets(x.to)
		return false
	}
}

func silent(part func(x *exchange) string) wire {
	return func(x *exchange) bool {
		x.send(part(x))
		waits(x.to)
		return false
	}
}

// resets is a meeting that resets the connection.
func resets(c *net.TCPConn) bool {
	_ = c.SetLinger(0)
	_ = c.Close()
	return false
}

// waits is a meeting that says nothing until the client goes.
func waits(c *net.TCPConn) bool {
	_, _ = io.Copy(io.Discard, c)
	return false
}

// closes is a meeting that ends the connection.
func closes(*net.TCPConn) bool { return false }

// The parts of an answer that are sent before something happens.
func nothing(*exchange) string      { return "" }
func halfHead(x *exchange) string   { return x.sized()[:len(x.sized())/2] }
func headOnly(x *exchange) string   { return x.sized() }
func halfBody(x *exchange) string   { return x.sized() + x.half() }
func allButLast(x *exchange) string { return x.sized() + string(x.body[:max(len(x.body)-1, 0)]) }
func inAChunk(x *exchange) string   { return x.chunked() + chunk(x.half(), 1000)[:len(x.half())+3] }
func noLastChunk(x *exchange) string {
	return x.chunked() + chunk(string(x.body), 0)
}
func halfUnsized(x *exchange) string { return x.full(old(x.status), "Connection: close") + x.half() }

// old is a status line of HTTP/1.0.
func old(status string) string { return strings.Replace(status, "HTTP/1.1", "HTTP/1.0", 1) }

// constantly sends the same, whatever was asked.
func constantly(s string) func(*exchange) string { return func(*exchange) string { return s } }

// inPieces sends the right answer in so many pieces, each after a pause.
func inPieces(n int, pause time.Duration) wire {
	return func(x *exchange) bool {
		all := x.sized() + string(x.body)
		for size := max(len(all)/n, 1); all != ""; {
			size = min(size, len(all))
			x.send(all[:size])
			all = all[size:]
			time.Sleep(pause)
		}
		return true
	}
}

// zipped is the answer compressed as a server may do for who accepts it; spoil changes
// what is sent.
func zipped(spoil func(data []byte) []byte) func(x *exchange) string {
	return func(x *exchange) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = w.Write(x.body)
		_ = w.Close()
		data := spoil(b.Bytes())
		return x.full(x.status, "Content-Encoding: gzip", fmt.Sprintf("Content-Length: %d", len(data))) + string(data)
	}
}

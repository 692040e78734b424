package fs

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// says answers with this text.
func says(text string) tell {
	return func(w http.ResponseWriter, _ ask) { _, _ = io.WriteString(w, text) }
}

// page answers with a page for people, status 200.
func page() tell {
	return func(w http.ResponseWriter, _ ask) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!DOCTYPE html><html><body>Log in \x1b[2J</body></html>")
	}
}

// under answers with headers that are not the right ones.
func under(status int, headers ...string) tell {
	return func(w http.ResponseWriter, a ask) {
		right := a.right()
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = w.Write(right)
	}
}

// edits answers with the right text, changed.
func edits(change func(right string) string) tell {
	return func(w http.ResponseWriter, a ask) { _, _ = io.WriteString(w, change(string(a.right()))) }
}

// swaps is edits that replaces what fits a pattern.
func swaps(pattern, with string) tell {
	fits := regexp.MustCompile(pattern)
	return edits(func(right string) string { return fits.ReplaceAllString(right, with) })
}

// data answers with success and this JSON as data, in the form of either API.
func data(text string) tell { return says(`{"status":"success","errors":[],"data":` + text + `}`) }

// nested is data with n of open before and of end behind it.
func nested(n int, open, end string) tell {
	return data(strings.Repeat(open, n) + "1" + strings.Repeat(end, n))
}

// many is data with n times a text in it.
func many(n int, head, text, tail string) tell { return data(head + strings.Repeat(text, n) + tail) }

// raw answers with these bytes on the wire.
func raw(write func(w *bufio.Writer, a ask)) tell {
	return func(w http.ResponseWriter, a ask) {
		conn, buffer, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		write(buffer.Writer, a)
		_ = buffer.Flush()
		linger(conn)
	}
}

// linger lets the client read what was sent before the connection ends.
func linger(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
	}
	_ = conn.SetReadDeadline(time.Now().Add(time.Second))
	_, _ = io.Copy(io.Discard, conn)
}

// sized answers with the right body under a Content-Length that is off by so many bytes.
func sized(off int) tell {
	return func(w http.ResponseWriter, a ask) {
		right := a.right()
		raw(func(w *bufio.Writer, _ ask) {
			_, _ = fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(right)+off, right)
		})(w, a)
	}
}

// oldHTTP answers rightly in HTTP/1.0, without a length.
func oldHTTP() tell {
	return func(w http.ResponseWriter, a ask) {
		right := a.right()
		raw(func(w *bufio.Writer, _ ask) {
			_, _ = fmt.Fprintf(w, "HTTP/1.0 200 OK\r\n\r\n%s", right)
		})(w, a)
	}
}

// informs sends endless answers of the kind that only announces another.
func informs() tell {
	return raw(func(w *bufio.Writer, _ ask) {
		for range 1_000_000 {
			if _, err := w.WriteString("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"); err != nil {
				return
			}
		}
	})
}

// heads sends so many bytes of headers.
func heads(n int) tell {
	return raw(func(w *bufio.Writer, _ ask) {
		_, _ = w.WriteString("HTTP/1.1 200 OK\r\n")
		for i := range n / 1000 {
			if _, err := fmt.Fprintf(w, "X-%d: %s\r\n", i, strings.Repeat("x", 990)); err != nil {
				return
			}
		}
		_, _ = w.WriteString("Content-Length: 0\r\n\r\n")
	})
}

// endless sends a beginning, and then a text again and again.
func endless(head, text string) tell {
	return func(w http.ResponseWriter, a ask) {
		_, err := io.WriteString(w, head)
		for text := strings.Repeat(text, 1+100_000/len(text)); err == nil && a.Context().Err() == nil; {
			_, err = io.WriteString(w, text)
		}
	}
}

// bomb sends a packed text that unpacks to a beginning and 10 GB of another.
func bomb(head, text string) tell {
	pack := sync.OnceValues(func() (begin, again []byte) {
		var packed bytes.Buffer
		z, _ := gzip.NewWriterLevel(&packed, gzip.BestSpeed) // it takes long under the race detector
		more := func() {
			_, _ = io.WriteString(z, strings.Repeat(text, 1_000_000/len(text)))
			_ = z.Flush() // so that what follows can be sent again and again
		}
		_, _ = io.WriteString(z, head)
		more()
		first := packed.Len()
		more()
		return packed.Bytes()[:first], packed.Bytes()[first:]
	})
	return func(w http.ResponseWriter, _ ask) {
		begin, again := pack()
		w.Header().Set("Content-Encoding", "gzip")
		_, err := w.Write(begin)
		for range 10_000 {
			if err != nil {
				return
			}
			_, err = w.Write(again)
		}
	}
}

// packed answers rightly, packed.
func packed(cut bool) tell {
	return func(w http.ResponseWriter, a ask) {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write(a.right())
		_ = z.Close()
		w.Header().Set("Content-Encoding", "gzip")
		if cut {
			b.Truncate(b.Len() - 12)
		}
		_, _ = w.Write(b.Bytes())
	}
}

// counts answers with another count of entries on each page.
func counts(each int64) tell {
	var count atomic.Int64
	count.Store(1_000_000)
	fits := regexp.MustCompile(`"__file_count":"?\d+"?`)
	return edits(func(right string) string {
		return fits.ReplaceAllString(right, fmt.Sprintf(`"__file_count":%d`, count.Add(each)))
	})
}

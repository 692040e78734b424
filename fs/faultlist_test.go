package fs

import (
	"strings"
	"time"

	"sefs/apiclient/apitest"
)

// fault is one way to fail: of the service, or of the network.
type fault struct {
	reply *apitest.AskReply
	wire  wire
	not   string // kinds of requests for which it makes no sense or is no fault
	// final says that it is not tried again, so that one of it is an error for the caller;
	// slow, that it takes all the time that a caller has.
	final, slow bool
}

func byService(r apitest.Reply) fault { return fault{reply: &apitest.AskReply{Reply: r}} }

func byNetwork(w wire) fault { return fault{wire: w} }

// but says for which kinds of requests it makes no sense.
func (f fault) but(kinds string) fault { f.not = kinds; return f }

// forGood says that it is not tried again.
func (f fault) forGood() fault { f.final = true; return f }

// long says that it takes all the time that a caller has.
func (f fault) long() fault { f.slow = true; return f }

// sense reports whether the fault makes sense for a request with this key.
func (f fault) sense(kind string) bool { return !strings.Contains(f.not, kind) }

// contents are requests for bytes, of which nothing says what they should be like.
const (
	contents = "content"
	apis     = "list files link"
)

// passingFaults are those after which the same request may succeed.
func passingFaults() map[string]fault {
	huge := constantly("HTTP/1.1 200 OK\r\nX-Long: " + strings.Repeat("x", 11<<20) + "\r\n\r\n")
	return map[string]fault{
		"HTTP 500":             byService(apitest.Status(500)),
		"HTTP 502":             byService(apitest.Status(502)),
		"HTTP 503":             byService(apitest.Status(503)),
		"HTTP 504":             byService(apitest.Status(504)),
		"HTTP 408":             byService(apitest.Status(408)),
		"HTTP 429":             byService(apitest.Status(429)),
		"HTTP 503 for seconds": byService(apitest.RetryAfter(503, time.Second)),
		"HTTP 429 for seconds": byService(apitest.RetryAfter(429, time.Second)),
		"HTTP 507":             byService(apitest.Status(507)),
		"overloaded":           byService(apitest.Code("1000")).but("files link content"),
		"unexpected":           byService(apitest.CodeNumber("0004")).but("files link content"),
		"a login page":         byService(apitest.HTML()).but(contents),
		"nothing":              byService(apitest.Empty()),
		"no content":           byService(apitest.Raw(204, "text/html", "")).but(contents),
		"half an answer":       byService(apitest.Truncated()).but(contents),
		"a PHP notice":         byService(apitest.Notice()).but(contents),
		"null":                 byService(apitest.JSON("null")).but(contents),

		"closed without an answer": byNetwork(closed(nothing)),
		"closed in the head":       byNetwork(closed(halfHead)),
		"closed before the body":   byNetwork(closed(headOnly)),
		"closed in the body":       byNetwork(closed(halfBody)),
		"closed a byte early":      byNetwork(closed(allButLast)),
		"closed in a chunk":        byNetwork(closed(inAChunk)),
		"closed between chunks":    byNetwork(closed(noLastChunk)).but(contents), // which are all there
		"closed without a length":  byNetwork(closed(halfUnsized)),
		"reset without an answer":  byNetwork(reset(nothing)),
		"reset in the head":        byNetwork(reset(halfHead)),
		"reset before the body":    byNetwork(reset(headOnly)),
		"reset in the body":        byNetwork(reset(halfBody)),
		"reset in a chunk":         byNetwork(reset(inAChunk)),

		"never an answer":      byNetwork(silent(nothing)).long(),
		"silent in the head":   byNetwork(silent(halfHead)).long(),
		"silent before a body": byNetwork(silent(headOnly)).long(),
		"silent in the body":   byNetwork(silent(halfBody)).long(),
		"silent in a chunk":    byNetwork(silent(inAChunk)).long(),
		"a drip":               byNetwork(inPieces(30, 50*time.Millisecond)).long().but(contents), // which comes, if slowly

		"a mail server":   byNetwork(closed(constantly("220 mail.example ESMTP\r\n"))),
		"binary garbage":  byNetwork(closed(constantly("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"))),
		"no status":       byNetwork(closed(func(x *exchange) string { return x.full("HTTP/1.1 fine", x.length()) + string(x.body) })),
		"no head":         byNetwork(closed(func(x *exchange) string { return string(x.body) })),
		"no header lines": byNetwork(closed(func(x *exchange) string { return x.full(x.status, "no colon here") + string(x.body) })),
		"a huge head":     byNetwork(closed(huge)).but("files link content"),
		"no length":       byNetwork(text(func(x *exchange) string { return x.full(x.status, "Content-Length: ten") + string(x.body) })),
		"two lengths": byNetwork(text(func(x *exchange) string {
			return x.full(x.status, "Content-Length: 7", x.length()) + string(x.body)
		})),
		"a greater length": byNetwork(closed(func(x *exchange) string {
			return x.full(x.status, "Content-Length: 123456789") + string(x.body)
		})),
		"a smaller length": byNetwork(text(func(x *exchange) string {
			return x.full(x.status, "Content-Length: 20") + string(x.body)
		})),
		"no chunk size":      byNetwork(text(func(x *exchange) string { return x.chunked() + "zz\r\n" + string(x.body) })),
		"a huge chunk size":  byNetwork(text(func(x *exchange) string { return x.chunked() + "fffffffffffffffff\r\n" + string(x.body) })),
		"another chunk size": byNetwork(text(func(x *exchange) string { return x.chunked() + chunk(x.half(), -1) + chunk(x.rest(), 0) })),
		"never final":        byNetwork(closed(constantly(strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 100)))),
		"a broken gzip":      byNetwork(text(zipped(func(b []byte) []byte { return b[:len(b)/2] }))),
		"a wrong gzip":       byNetwork(text(zipped(func(b []byte) []byte { b[len(b)-6] ^= 1; return b }))),
		"no gzip":            byNetwork(text(zipped(func([]byte) []byte { return []byte("<html>no gzip at all</html>") }))),
	}
}

// finals are those after which it makes no sense to ask for the same again.
func finals() map[string]fault {
	return map[string]fault{
		"HTTP 400":         byService(apitest.Status(400)).forGood(),
		"HTTP 403":         byService(apitest.Status(403)).forGood(),
		"HTTP 404":         byService(apitest.Status(404)).forGood(),
		"HTTP 405":         byService(apitest.Status(405)).forGood(),
		"HTTP 410":         byService(apitest.Status(410)).forGood(),
		"not modified":     byService(apitest.Raw(304, "", "")).but(contents).forGood(),
		"another protocol": byNetwork(closed(constantly("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"))).forGood(),
		"a redirect":       byService(apitest.Redirect("http://127.0.0.1:1/")).forGood(),
		"other failure":    byService(apitest.Code("0815")).but("files link content").forGood(),
	}
}

// quirks are no faults, if odd: nobody notices them, however often they happen.
func quirks() map[string]fault {
	pause := func(x *exchange) bool {
		x.send(halfBody(x))
		time.Sleep(200 * time.Millisecond)
		x.send(x.rest())
		return true
	}
	late := func(x *exchange) bool {
		asIs(x)
		time.Sleep(5 * time.Millisecond)
		x.send("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		return false
	}
	return map[string]fault{
		"in pieces":           byNetwork(inPieces(50, time.Millisecond)),
		"a pause in the body": byNetwork(pause),
		"continue first":      byNetwork(text(func(x *exchange) string { return "HTTP/1.1 100 Continue\r\n\r\n" + x.sized() + string(x.body) })),
		"early hints first": byNetwork(text(func(x *exchange) string {
			return "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + x.sized() + string(x.body)
		})),
		"HTTP 1.0 without a length":   byNetwork(closed(func(x *exchange) string { return x.full(old(x.status)) + string(x.body) })),
		"chunks":                      byNetwork(text(func(x *exchange) string { return x.chunked() + chunk(x.half(), 0) + chunk(x.rest(), 0) + "0\r\n\r\n" })),
		"a compressed answer":         byNetwork(text(zipped(func(b []byte) []byte { return b }))).but(contents),
		"bare line ends":              byNetwork(text(func(x *exchange) string { return strings.ReplaceAll(x.sized(), "\r", "") + string(x.body) })),
		"closed after each answer":    byNetwork(closed(func(x *exchange) string { return x.sized() + string(x.body) })),
		"reset after each answer":     byNetwork(reset(func(x *exchange) string { return x.sized() + string(x.body) })),
		"the answer again, at once":   byNetwork(text(func(x *exchange) string { return strings.Repeat(x.sized()+string(x.body), 2) })).but(contents),
		"HTTP 408 where none waits":   byNetwork(late),
		"garbage behind the answer":   byNetwork(text(func(x *exchange) string { return x.sized() + string(x.body) + "\x00\x00garbage" })),
		"a line that is not for HTTP": byNetwork(text(func(x *exchange) string { return x.full(x.status, "X-Odd: \xff\xfe", x.length()) + string(x.body) })),
	}
}

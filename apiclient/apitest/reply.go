package apitest

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Fault decides what is done with a call instead of answering it rightly. n says the how-manieth call
// it is for its path and offset since ResetCalls, beginning with 1. It is asked for requests that are
// in order only, and for files.getstorage with that word as the path and the offset -1. It may be
// called from several goroutines at once.
type Fault func(c Call, n int) Reply

// Reply is what the server does with a request. The zero value answers it rightly. The constructors
// make the common kinds of misbehaviour; fields may be set on what they return, such as the HTTP Status
// of a Code.
type Reply struct {
	Wait   <-chan struct{}           // if set, nothing is sent before this is closed
	Delay  time.Duration             // nothing is sent before this has passed
	Status int                       // HTTP status; 0 means 200
	Header http.Header               // set on the answer
	As     *Call                     // answer as if this had been asked, under the path that was
	Body   func(right []byte) []byte // makes the body from the right one

	mark *[2]int // __offset and __file_count for the asked folder, marked as cut
	wire wire
}

// wire is how the bytes of an answer go out.
type wire struct {
	deed deed
	drip time.Duration
}

type deed int

const (
	whole   deed = iota
	half         // the length is right, the connection ends halfway
	dripped      // a byte at a time
	endless      // the body is begun and never ends
	never        // nothing is sent
	reset        // the connection is reset
)

// Hold answers rightly once ch is closed.
func Hold(ch <-chan struct{}) Reply { return Reply{Wait: ch} }

// Code answers with a failure of the service, such as "1000".
func Code(code string) Reply { return codeReply(code, code) }

// CodeNumber is Code with the code as a JSON number, so "0003" becomes 3.
func CodeNumber(code string) Reply {
	n, err := strconv.Atoi(code)
	if err != nil {
		panic("apitest: a code that is no number: " + code)
	}
	return codeReply(code, n)
}

func codeReply(code string, written any) Reply {
	message, ok := messages[code]
	if !ok {
		message = "Something went wrong"
	}
	return Reply{Body: func([]byte) []byte { return failure(written, message, Shape{}) }}
}

// Status answers with an HTTP status and an HTML page, as a web server or a proxy in between does.
func Status(status int) Reply {
	text := strconv.Itoa(status) + " " + http.StatusText(status)
	return Raw(status, "text/html", "<html>\r\n<head><title>"+text+"</title></head>\r\n<body>\r\n<center><h1>"+
		text+"</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n")
}

// RetryAfter is Status with the header that says when to come again, in whole seconds.
func RetryAfter(status int, after time.Duration) Reply {
	r := Status(status)
	r.Header.Set("Retry-After", strconv.Itoa(int(after/time.Second)))
	return r
}

// HTML answers with a page for people under status 200, as a captive portal does.
func HTML() Reply {
	return Raw(200, "text/html; charset=utf-8", "<!DOCTYPE html>\n<html><head><title>Log in</title></head>"+
		"<body><form method=\"post\"><input name=\"user\"><input name=\"password\" type=\"password\"></form></body></html>\n")
}

// Raw answers with the given status, content type and body.
func Raw(status int, contentType, body string) Reply {
	return Reply{Status: status, Header: http.Header{"Content-Type": {contentType}}, Body: constant(body)}
}

// JSON answers with the given text, under status 200: "null", "false", "[]".
func JSON(text string) Reply { return Raw(200, "application/json", text) }

// Empty answers with status 200 and nothing, as a PHP script does whose json_encode failed.
func Empty() Reply { return Reply{Body: constant("")} }

// Notice answers rightly, but with the text of a PHP notice before the JSON.
func Notice() Reply {
	return Reply{Body: func(right []byte) []byte {
		return append([]byte("<br />\n<b>Notice</b>:  Undefined index: offset in <b>/var/www/api/files.php</b> on line <b>212</b><br />\n"), right...)
	}}
}

// Truncated answers with the first half of the right JSON, in a complete HTTP answer.
func Truncated() Reply {
	return Reply{Body: func(right []byte) []byte { return right[:len(right)/2] }}
}

// Replace answers rightly but for some text in the JSON.
func Replace(old, new string) Reply {
	return Reply{Body: func(right []byte) []byte {
		return bytes.ReplaceAll(right, []byte(old), []byte(new))
	}}
}

// AsIf answers what another call would be answered, under the path that was asked for: another page,
// another folder's contents. An empty Path or Type means the one that was asked for.
func AsIf(c Call) Reply { return Reply{As: &c} }

// CutAt answers rightly but for the asked folder's mark: it is cut, with the given __offset and
// __file_count, which may make no sense.
func CutAt(offset, count int) Reply { return Reply{mark: &[2]int{offset, count}} }

// Deep answers with success and data that is nested n objects deep.
func Deep(n int) Reply {
	return JSON(`{"status":"success","data":` + strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) + "}")
}

// Redirect sends the client elsewhere, in the way (307) that keeps the method and the body.
func Redirect(url string) Reply {
	r := Raw(http.StatusTemporaryRedirect, "text/html", "")
	r.Header.Set("Location", url)
	return r
}

// HalfBody announces the right answer's length and cuts the connection halfway.
func HalfBody() Reply { return Reply{wire: wire{deed: half}} }

// Drip sends the right answer, a byte every d.
func Drip(d time.Duration) Reply { return Reply{wire: wire{deed: dripped, drip: d}} }

// Endless begins a listing that never ends.
func Endless() Reply { return Reply{wire: wire{deed: endless}} }

// Hang takes the request and never answers, until the client goes or the server is closed.
func Hang() Reply { return Reply{wire: wire{deed: never}} }

// Reset resets the connection.
func Reset() Reply { return Reply{wire: wire{deed: reset}} }

// FirstTime makes a Fault that answers each of the first n calls to any path and offset with r, and
// later ones rightly.
func FirstTime(n int, r Reply) Fault {
	return func(_ Call, k int) Reply {
		if k <= n {
			return r
		}
		return Reply{}
	}
}

// Always makes a Fault that answers every call with r.
func Always(r Reply) Fault { return func(Call, int) Reply { return r } }

// At makes a Fault that answers every call for one full path with r, and all others rightly.
func At(path string, r Reply) Fault {
	return func(c Call, _ int) Reply {
		if c.Path == path {
			return r
		}
		return Reply{}
	}
}

func constant(body string) func([]byte) []byte { return func([]byte) []byte { return []byte(body) } }

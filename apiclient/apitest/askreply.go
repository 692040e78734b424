package apitest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"time"
)

// AskReply is what the server does with an ask. The zero value answers it rightly. The Reply in it
// misbehaves as for the command API: AskReply{Reply: Status(503)} or Hang, Reset, Redirect, HalfBody,
// Drip, Truncated, Replace, Empty, Raw; only what is about listings, As and CutAt, means nothing here. The
// Body of a reply with a Status is given nothing to work on where content is asked for.
//
// The constructors make what only v1 or contents know. Fields may be set on what they return.
type AskReply struct {
	Reply

	errors []string // v1: the answer is a failure with these names
	twist  twist
}

// twist is what is wrong with an answer that has content.
type twist struct {
	whole      bool   // 200 and the whole file
	noRange    bool   // no Content-Range
	shift      int64  // the range that is sent begins so much later than the one asked for
	length     *int64 // the range that is sent has this length
	total      string // what Content-Range says of the file's size
	shorter    int64  // the body is so much shorter than its range
	cut        *int64 // the connection ends after so many bytes
	changed    bool   // the file changes halfway
	etag       string
	dripSize   int64
	dripEvery  time.Duration
	encoding   string // Content-Encoding
	remakeType string // Content-Type of what remake makes
	remake     func(right []byte, contentRange string) []byte
}

// V1Failure answers with the given HTTP status and errors of the given names, such as ACCESS_VIOLATION, in
// the server's ErrorsShape.
func V1Failure(status int, names ...string) AskReply {
	return AskReply{Reply: Reply{Status: status}, errors: names}
}

// CutAfter answers rightly, but ends the connection after n bytes of the body.
func CutAfter(n int64) AskReply { return AskReply{twist: twist{cut: &n}} }

// Shorter answers a range with n bytes less than Content-Range says, which Content-Length admits.
func Shorter(n int64) AskReply { return AskReply{twist: twist{shorter: n}} }

// WholeFile answers with status 200 and the whole file, whatever range was asked for.
func WholeFile() AskReply { return AskReply{twist: twist{whole: true}} }

// OtherStart answers with a range of the length asked for that begins n bytes later, or earlier, and says
// so.
func OtherStart(n int64) AskReply { return AskReply{twist: twist{shift: n}} }

// OtherLength answers with a range of n bytes instead of the length asked for, and says so.
func OtherLength(n int64) AskReply { return AskReply{twist: twist{length: &n}} }

// OtherTotal answers with a Content-Range that gives the file n bytes.
func OtherTotal(n int64) AskReply { return AskReply{twist: twist{total: fmt.Sprint(n)}} }

// UnknownTotal answers with a Content-Range that gives "*" for the file's size.
func UnknownTotal() AskReply { return AskReply{twist: twist{total: "*"}} }

// NoContentRange answers with status 206 and the right bytes, and does not say which they are.
func NoContentRange() AskReply { return AskReply{twist: twist{noRange: true}} }

// OtherETag answers rightly, under another ETag, to be given as it is sent: `"abc"`.
func OtherETag(tag string) AskReply { return AskReply{twist: twist{etag: tag}} }

// ChangedMidway sends the first half of the body, then a quarter from another version of the file, and
// ends the connection. The other version is the one that the tree has by then; if it is still the same,
// then what it might become. The tree itself is left alone.
func ChangedMidway() AskReply { return AskReply{twist: twist{changed: true}} }

// DripBytes sends the right body, n bytes every d.
func DripBytes(n int64, d time.Duration) AskReply {
	return AskReply{twist: twist{dripSize: max(n, 1), dripEvery: d}}
}

// Gzipped answers rightly, but for the body's being compressed, with a Content-Encoding that says so.
func Gzipped() AskReply {
	return AskReply{twist: twist{encoding: "gzip", remake: func(right []byte, _ string) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		w.Write(right)
		w.Close()
		return b.Bytes()
	}}}
}

// Multipart answers a range as if it were several: as the one part of a multipart/byteranges body.
func Multipart() AskReply {
	const boundary = "00000000000000000001"
	return AskReply{twist: twist{
		noRange:    true,
		remakeType: "multipart/byteranges; boundary=" + boundary,
		remake: func(right []byte, contentRange string) []byte {
			head := "\r\n--" + boundary + "\r\nContent-Type: application/octet-stream\r\nContent-Range: " + contentRange + "\r\n\r\n"
			return append(append([]byte(head), right...), "\r\n--"+boundary+"--\r\n"...)
		},
	}}
}

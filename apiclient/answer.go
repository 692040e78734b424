package apiclient

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
)

const (
	// freeAnswer is how many bytes of an answer are unpacked, however few came for them.
	freeAnswer = 1 << 20
	// maxUnpacked is how many more may be unpacked of each byte that came. Lists of names are
	// packed to a tenth, very regular ones to a fiftieth.
	maxUnpacked = 100
	// maxNonsense is how many bytes are read of what does not begin as an answer does.
	maxNonsense = 64 << 10
)

// readAnswer reads the body of an answer, unpacked: limit and one byte of it at most, and
// little of what is no JSON. step, if set, is called for each MiB. The errors are *Error.
func readAnswer(ctx context.Context, resp *http.Response, limit int64, step func()) ([]byte, error) {
	var r io.Reader = resp.Body
	if strings.EqualFold(resp.Header.Get("Content-Encoding"), "gzip") {
		r = &unpacker{packed: counter{r: resp.Body}}
	}
	r = io.LimitReader(&steps{r: r, step: step}, limit+1)
	body, err := io.ReadAll(io.LimitReader(r, 512))
	if err == nil && !beginsAsJSON(body) {
		r = io.LimitReader(r, maxNonsense)
	}
	if err == nil {
		var rest []byte
		rest, err = io.ReadAll(r)
		body = append(body, rest...)
	}
	var e *Error
	switch {
	case err == nil:
		return body, nil
	case !errors.As(err, &e):
		e = transportError(ctx, err)
		e.Message = "the answer broke off"
	}
	e.Status = resp.StatusCode
	return nil, e
}

// beginsAsJSON reports whether a body may be an answer, which are objects.
func beginsAsJSON(body []byte) bool {
	body = bytes.TrimLeft(bytes.TrimPrefix(body, []byte("\ufeff")), " \t\r\n")
	return len(body) > 0 && (body[0] == '{' || body[0] == '[')
}

// unpacker reads what is packed by gzip, unless very much was made of very little. net/http
// could unpack by itself, but does not tell how much came.
type unpacker struct {
	packed   counter
	unpacked int64
	gzip     *gzip.Reader
}

func (u *unpacker) Read(p []byte) (n int, err error) {
	if u.gzip == nil {
		if u.gzip, err = gzip.NewReader(&u.packed); err != nil {
			u.gzip = nil
			return 0, badPacking(err)
		}
	}
	n, err = u.gzip.Read(p)
	if u.unpacked += int64(n); u.unpacked > freeAnswer+maxUnpacked*u.packed.n {
		return 0, malformed("an answer that is packed only to be large")
	}
	return n, badPacking(err)
}

// badPacking is the error for what cannot be unpacked; others stay as they are.
func badPacking(err error) error {
	var corrupt flate.CorruptInputError
	if errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.As(err, &corrupt) {
		return malformed("an answer that cannot be unpacked")
	}
	return err
}

// counter counts the bytes that are read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// steps is a reader that tells of each MiB that was read.
type steps struct {
	r    io.Reader
	step func()
	n    int
}

func (s *steps) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if s.n += n; s.n >= 1<<20 && s.step != nil {
		s.n = 0
		s.step()
	}
	return n, err
}

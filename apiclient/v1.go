package apiclient

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// maxFiles bounds an answer about one folder in bytes. One that tells of a million
	// files takes about 200 MB, and no way to have it in pages is known.
	maxFiles = 256 << 20
	// maxDeepFiles bounds one that tells of sub-folders as well: the folder by itself can
	// be asked for instead.
	maxDeepFiles = 32 << 20
	// maxSmall bounds all others, failures among them.
	maxSmall = 1 << 20
)

// v1Request is one GET of the v1 API.
type v1Request struct {
	endpoint string // such as files
	path     string // remote, as everywhere: sestore4/jb/…
	query    string // written as it is sent
	alone    bool   // it is about one file, or nothing
	limit    int64  // of the answer in bytes; 0 means maxFiles
	turn     func() // called when an attempt gets its turn; may be nil
	bytes    func() // called for each MiB that came; may be nil
}

// relative is a remote path as v1 has it: below the account's base directory, which
// is the storage's folder of the account's name (download page's sample, inferred).
func relative(path string) string {
	parts := strings.SplitN(path, "/", 3)
	if len(parts) < 3 {
		return ""
	}
	return parts[2]
}

// askable reports whether v1 can be asked about a remote path: it has an account, and no
// part that would lead elsewhere.
func askable(path string) bool {
	if checkPath(path) != nil || !strings.Contains(path, "/") {
		return false
	}
	for part := range strings.SplitSeq(path, "/") {
		if part == "." || part == ".." {
			return false
		}
	}
	return true
}

// address writes the request's URL. Parts of the path are encoded one by one, and the
// colon of an option stays as it is (overview page; seen in clients).
func (r v1Request) address(base string) string {
	var b strings.Builder
	b.WriteString(base + r.endpoint + "/")
	for i, part := range strings.Split(relative(r.path), "/") {
		if i > 0 {
			b.WriteByte('/')
		}
		escape(&b, part)
	}
	if r.query != "" {
		b.WriteString("?" + r.query)
	}
	return b.String()
}

// escape percent-encodes all but the unreserved characters.
func escape(b *strings.Builder, part string) {
	const digits = "0123456789ABCDEF"
	for i := range len(part) {
		c := part[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-_.~", c) >= 0:
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
}

// get makes one call of v1, with its retries, and gives the answer's body to read. An
// answer that read finds to be none is a failed attempt like any other.
func (c *Client) get(ctx context.Context, r v1Request, read func(body []byte, head v1Head) error) error {
	op := "v1 " + r.endpoint
	if c.opts.FilesURL == "" {
		return &Error{Op: op, Path: r.path, Message: "no address of the v1 API is set"}
	}
	if !askable(r.path) {
		return &Error{Op: op, Path: r.path, Message: "the service can not be asked for such a path"}
	}
	return c.retrying(ctx, c.v1, op, r.path, func(t *trial) error {
		release, err := t.acquire(ctx)
		if err != nil {
			return err
		}
		defer release()
		if r.turn != nil {
			r.turn()
		}
		err = c.attemptV1(t.ctx, r, read)
		var e *Error
		if errors.As(err, &e) {
			e.Op, e.Path = op, r.path
			e.Message = c.wipe(e.Message)
		}
		return err
	})
}

// v1Head is what an answer says beside its body.
type v1Head struct {
	asked time.Time // when the request was sent, by our clock
	date  time.Time // the service's clock; zero if it did not say
}

func (c *Client) attemptV1(ctx context.Context, r v1Request, read func([]byte, v1Head) error) error {
	hush, ctx, end := c.listen(ctx)
	defer end()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.address(c.opts.FilesURL), nil)
	if err != nil {
		return &Error{Message: "no request can be made of this path"}
	}
	// HTTP Basic with the CDN number and the secret (download page; seen in clients).
	req.SetBasicAuth(strconv.Itoa(c.opts.CDN), c.opts.Secret)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Accept-Encoding", "gzip")
	req.Header.Set("User-Agent", "sefs")
	head := v1Head{asked: c.opts.Now()}
	resp, err := c.http.Do(req)
	if err != nil {
		return transportError(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }()
	limit := cmp.Or(r.limit, maxFiles)
	if resp.StatusCode/100 != 2 {
		limit = maxSmall
	}
	resp.Body = hush.broken(resp.Body)
	body, err := readAnswer(ctx, resp, limit, r.bytes)
	if err != nil {
		return err
	}
	head.date, _ = http.ParseTime(resp.Header.Get("Date"))
	switch {
	case resp.StatusCode/100 != 2:
		failed := c.v1Failure(body, resp.StatusCode, r.alone)
		failed.RetryAfter = retryAfter(resp.Header.Get("Retry-After"), head.date)
		if location := resp.Header.Get("Location"); location != "" && resp.StatusCode/100 == 3 {
			failed.Malformed, failed.Message = true, "redirected to "+hostOf(location)+", which is not followed"
		}
		return failed
	case int64(len(body)) > limit:
		return &Error{TooLarge: true, Message: fmt.Sprintf("an answer of more than %d MiB", limit>>20)}
	}
	if err := read(body, head); err != nil {
		return err
	}
	c.v1Works.Store(true)
	return nil
}

// v1Failure reads an answer whose HTTP status says that it failed. Its body is JSON
// that is worth reading (seen in clients), or a page of some server in between. A 404
// means that there is no such file (seen in clients). One that is no JSON may as well
// mean a wrong address, or a server in between that does not find the service just now:
// it is believed of one file, if the service has answered before, and of a folder with all
// that is in it only if it is no page.
func (c *Client) v1Failure(body []byte, status int, alone bool) *Error {
	failed := &Error{Status: status}
	v, err := parse(body)
	if err == nil && v.kind == kindObject {
		if told := v1Errors(v); told != nil {
			failed.Code, failed.Message = told.Code, told.Message
		}
	}
	isJSON := err == nil && (v.kind == kindObject || v.kind == kindList)
	isPage := bytes.HasPrefix(bytes.TrimSpace(body), []byte("<"))
	failed.NotExist = status == http.StatusNotFound && (isJSON || c.v1Works.Load() && (alone || !isPage))
	return failed
}

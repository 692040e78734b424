package apiclient

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// maxAnswer bounds an answer's size in bytes, unpacked. An answer names at most
// 100 files (files.list page) but any number of sub-folders; a hundred thousand of
// them with long names stay below it.
const maxAnswer = 32 << 20

// envelope is what surrounds every answer of the command API, opened.
type envelope struct {
	data value     // the payload of files.list
	body value     // the whole answer, for commands whose payload is elsewhere
	date time.Time // the service's clock; zero if it did not say

	asked time.Time // when the request was sent, by our clock
}

// attempt signs and sends r once and reads the answer. The errors are *Error, or
// the context's cause if it ended before anything was sent.
func (c *Client) attempt(t *trial, r request, read func(envelope) error) (envelope, error) {
	second, release, err := c.clock.stamp(t.ctx, string(r.encode(c.from, 0)), t.acquire)
	if err != nil {
		return envelope{}, err
	}
	defer release()
	if r.turn != nil {
		r.turn()
	}
	text := r.encode(c.from, second)
	signature := sign(text, c.opts.Secret)

	asked := c.opts.Now()
	answer, err := c.post(t.ctx, form(text, signature))
	if answer.asked = asked; err == nil {
		err = read(answer)
	}
	var e *Error
	if errors.As(err, &e) {
		e.Op, e.Path = r.command, r.path
		e.Message = c.wipe(e.Message, signature)
	}
	return answer, err
}

// wipe makes text of the service fit to be shown: it may repeat what it was sent, and
// nothing of that gets further.
func (c *Client) wipe(text string, more ...string) string {
	basic := base64.StdEncoding.EncodeToString([]byte(strconv.Itoa(c.opts.CDN) + ":" + c.opts.Secret))
	text = withoutSecrets(text, append(more, c.opts.Secret, c.opts.Key, basic)...)
	return clean(query.ReplaceAllString(text, "?…"))
}

// query is that of an address: a link's is a secret.
var query = regexp.MustCompile(`\?\S+`)

// withoutSecrets takes secrets out of a text, also as they are written in a request.
func withoutSecrets(text string, secrets ...string) string {
	var forms []string
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		quoted := string(appendPHPString(nil, secret))
		for _, form := range []string{secret, quoted[1 : len(quoted)-1], url.QueryEscape(secret)} {
			forms = append(forms, form, "…")
		}
	}
	return strings.NewReplacer(forms...).Replace(text)
}

// post sends a form and opens the envelope that comes back. The body is read
// whatever the HTTP status: failures of the command API were seen with status 200
// (seen in clients), so a valid envelope says more than the status.
func (c *Client) post(ctx context.Context, form string) (envelope, error) {
	hush, ctx, end := c.listen(ctx)
	defer end()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.opts.URL, strings.NewReader(form))
	if err != nil {
		return envelope{}, &Error{Err: err}
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept-Encoding", "gzip")
	req.Header.Set("User-Agent", "sefs")
	resp, err := c.http.Do(req)
	if err != nil {
		return envelope{}, transportError(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }()
	resp.Body = hush.broken(resp.Body)
	body, err := readAnswer(ctx, resp, maxAnswer, nil)
	if err != nil {
		return envelope{}, err
	}
	answer, err := open(body)
	if err == nil && resp.StatusCode/100 == 3 {
		err = malformed("a redirect without an address") // whatever it says beside
	}
	answer.date, _ = http.ParseTime(resp.Header.Get("Date"))
	var e *Error
	if errors.As(err, &e) {
		e.Status = resp.StatusCode
		e.RetryAfter = retryAfter(resp.Header.Get("Retry-After"), answer.date)
		if location := resp.Header.Get("Location"); location != "" && resp.StatusCode/100 == 3 {
			e.Message = "redirected to " + hostOf(location) + ", which is not followed"
		}
	}
	return answer, err
}

// open reads the envelope. Success is judged by status alone (files.list page).
func open(body []byte) (envelope, error) {
	if len(body) > maxAnswer {
		return envelope{}, malformed("an answer of more than %d MiB", maxAnswer>>20)
	}
	v, err := parse(body)
	if err != nil {
		return envelope{}, err
	}
	if v.kind != kindObject {
		return envelope{}, malformed("%s instead of an answer", v.describe())
	}
	status, ok := v.get("status")
	if !ok || status.kind != kindText {
		return envelope{}, malformed("a JSON object without a status instead of an answer")
	}
	answer := envelope{body: v}
	answer.data, _ = v.get("data")
	if status.text == "success" {
		return answer, nil
	}
	failed := &Error{}
	if code, ok := v.get("code"); ok {
		failed.Code = padCode(code)
	}
	if message, ok := v.get("message"); ok && message.kind == kindText {
		failed.Message = message.text
	}
	if failed.Code == "" && failed.Message == "" {
		failed.Message = fmt.Sprintf("status %q without a code or message", clean(status.text))
	}
	return answer, failed
}

// padCode returns a code as four digits: the page prints strings, a public
// client's test has an integer (seen in clients).
func padCode(v value) string {
	if v.kind != kindText && v.kind != kindNumber {
		return ""
	}
	code := strings.TrimSpace(v.text)
	if n, err := strconv.ParseUint(code, 10, 32); err == nil {
		return fmt.Sprintf("%04d", n)
	}
	return clean(code)
}

// transportError is the error for a request that got no whole answer.
func transportError(ctx context.Context, err error) *Error {
	if cause := context.Cause(ctx); cause != nil {
		return &Error{Err: cause}
	}
	var u *url.Error
	if errors.As(err, &u) { // its text repeats the address
		err = u.Err
	}
	// A text that repeats what came, be it the address that was asked for, is not shown.
	var known interface{ Timeout() bool } // of net, and of contexts
	if !errors.As(err, &known) && !IsUntrusted(err) && strings.ContainsAny(err.Error(), `?"`) {
		err = errors.New("what came is no answer of HTTP")
	}
	return &Error{Err: err}
}

// retryAfter reads a Retry-After header: seconds, or a date that is compared with
// the service's own clock where it gave one.
func retryAfter(header string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(header); err == nil && seconds > 0 {
		return time.Duration(min(seconds, 3600)) * time.Second
	}
	at, err := http.ParseTime(header)
	if err != nil {
		return 0
	}
	if now.IsZero() {
		now = time.Now()
	}
	return min(max(at.Sub(now), 0), time.Hour)
}

// hostOf is the host of a redirect's target; the rest of it may be a secret.
func hostOf(location string) string {
	if u, err := url.Parse(location); err == nil && u.Host != "" {
		return clean(u.Host)
	}
	return "another address"
}

// sniff says what a body that is no JSON looks like.
func sniff(body []byte) string {
	head := bytes.ToLower(bytes.TrimSpace(body[:min(len(body), 512)]))
	switch {
	case len(head) == 0:
		return "an empty body"
	case bytes.HasPrefix(head, []byte("<!doctype html")), bytes.HasPrefix(head, []byte("<html")),
		bytes.HasPrefix(head, []byte("<")):
		return "an HTML page"
	case bytes.Contains(body, []byte("{")):
		return "text before the JSON"
	}
	return "text that is no JSON"
}

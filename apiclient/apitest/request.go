package apitest

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxRequest is the longest request body that is read.
const maxRequest = 1 << 20

// request is a request that was found to be in order.
type request struct {
	command string
	call    Call // of files.list
}

// refusal is why a request was turned away: a failure of the service, or an HTTP status of v1, of the
// download host, or of the web server before the command API.
type refusal struct {
	status  int    // 0: a failure envelope
	code    string // of v1: the name of the error
	message string
}

func (r *refusal) Error() string { return r.code + " " + r.message }

// messages are the texts of the failure codes, as the service's page has them.
//
//nolint:gochecknoglobals // a table
var messages = map[string]string{
	"0000": "Unrecognized API Command",
	"0001": "CDN Authorization failed. Invalid API Key or not authorized for that account.",
	"0002": "Timestamp outside valid range. Make sure your timestamp is in UTC not local time",
	"0003": "Failed HMAC-SHA256 Signature. Check your Private Key",
	"0004": "ScaleEngine API encountered an unexpected error",
	"0005": "Unauthorized Access to API",
	"0006": "One or more required fields are missing:",
	"0100": "Your Operation has been queued",
	"1000": "ScaleEngine Servers are experiencing a larger than usual volume of traffic, please try again in a few minutes",
}

func refuse(code string) *refusal { return &refusal{code: code, message: messages[code]} }

// missing refuses a request for fields that are not there or cannot be used.
func missing(fields ...string) *refusal {
	return &refusal{code: "0006", message: messages["0006"] + " " + strings.Join(fields, ", ")}
}

// jsonField returns the text of the form field "json" of a POST request, which must be its only field.
func jsonField(r *http.Request) ([]byte, *refusal) {
	switch {
	case r.URL.Path != "/stable/":
		return nil, &refusal{status: http.StatusNotFound, message: "Not Found"}
	case r.Method != http.MethodPost || r.URL.RawQuery != "":
		return nil, &refusal{status: http.StatusMethodNotAllowed, message: "Method Not Allowed"}
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	if err != nil || len(body) > maxRequest {
		return nil, &refusal{status: http.StatusRequestEntityTooLarge, message: "Request Entity Too Large"}
	}
	var form url.Values
	kind, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch kind {
	case "application/x-www-form-urlencoded":
		form, err = url.ParseQuery(string(body))
	case "multipart/form-data":
		var f *multipart.Form
		if f, err = multipart.NewReader(bytes.NewReader(body), params["boundary"]).ReadForm(maxRequest); err == nil {
			form = f.Value // a part with a file name is no field to PHP
		}
	}
	if err != nil || len(form) != 1 || len(form["json"]) != 1 {
		return nil, missing("json")
	}
	return []byte(form.Get("json")), nil
}

// checker checks the JSON text of requests to one account.
type checker struct {
	o Options // as at the start; what may change later is not used

	mu   sync.Mutex       // protects seen
	seen map[string]int64 // signature to timestamp, for the requests that are not too old yet
}

// check reads a request and says what is wrong with it. Everything that the service might mind is
// minded; replayed is set for a request that was sent before.
func (c *checker) check(text []byte, now time.Time) (req request, replayed bool, _ *refusal) {
	v, err := decode(text)
	fields, ok := v.(*array)
	if err != nil || !ok || text[0] != '{' {
		return req, false, missing("json")
	}
	if bad := c.common(fields, now); bad != nil {
		return req, false, bad
	}
	if err := checkSignature(c.o.Secret, text, fields); err != nil {
		return req, false, &refusal{code: "0003", message: messages["0003"] + " (" + err.Error() + ")"}
	}
	if c.replay(fields.get("signature").(string), fields.get("timestamp").(int64), now) {
		replayed = true
		if !c.o.AllowReplay {
			return req, true, &refusal{code: "0005", message: messages["0005"] + " (a request was sent twice)"}
		}
	}

	req.command = fields.get("command").(string)
	known := []string{"command", "api_key", "timestamp", "cdn", "signature"}
	switch req.command {
	case listCommand:
		call, refused := c.list(fields)
		if refused != nil {
			return req, replayed, refused
		}
		req.call, known = call, append(known, "path", "type", "offset")
	case storageCommand:
	default:
		return req, replayed, refuse("0000")
	}
	for _, k := range fields.keys {
		if !slices.Contains(known, k) {
			return req, replayed, &refusal{code: "0006", message: fmt.Sprintf("%s (%s is not known)", messages["0006"], k)}
		}
	}
	return req, replayed, nil
}

// common checks the fields that all commands have.
func (c *checker) common(fields *array, now time.Time) *refusal {
	var lost []string
	for _, k := range []string{"command", "api_key", "signature"} {
		if s, ok := fields.get(k).(string); !ok || s == "" {
			lost = append(lost, k)
		}
	}
	for _, k := range []string{"timestamp", "cdn"} {
		if _, ok := fields.get(k).(int64); !ok {
			lost = append(lost, k)
		}
	}
	if lost != nil {
		return missing(lost...)
	}
	if fields.get("api_key") != c.o.APIKey || fields.get("cdn") != int64(c.o.CDN) {
		return refuse("0001")
	}
	sent := time.Unix(fields.get("timestamp").(int64), 0)
	if sent.Before(now.Add(-c.o.Window)) || sent.After(now.Add(c.o.Window)) {
		return refuse("0002")
	}
	return nil
}

// list checks the fields of files.list.
func (c *checker) list(fields *array) (Call, *refusal) {
	call := Call{Offset: -1, Type: defaultType}
	path, _ := fields.get("path").(string)
	if !wellFormed(path) {
		return call, missing("path")
	}
	call.Path = path
	if fields.has("type") {
		call.Type, _ = fields.get("type").(string)
		if types[call.Type] == nil {
			return call, missing("type")
		}
	}
	if fields.has("offset") {
		n, ok := fields.get("offset").(int64)
		if !ok || n < 0 || n > 1<<31 {
			return call, missing("offset")
		}
		call.Offset = int(n)
	}
	return call, nil
}

// replay remembers a signature and reports whether it was seen before. One whose timestamp has left the
// window is forgotten: the request would be refused for that.
func (c *checker) replay(signature string, sent int64, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.seen[signature]; ok {
		return true
	}
	if len(c.seen)%1024 == 1023 {
		for k, at := range c.seen {
			if at < now.Add(-c.o.Window).Unix() {
				delete(c.seen, k)
			}
		}
	}
	c.seen[signature] = sent
	return false
}

package apiclient

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// FuzzStorages reads arbitrary answers to the question for the storages.
func FuzzStorages(f *testing.F) {
	for _, body := range []string{
		`{"status":"success","data":["sestore4","sestore12"]}`, `{"status":"success","storage":{"sestore4\/jb":{"x":["sestore4"]}}}`,
		`{"message":"sestore9","debug":"sestore8","status":"success","data":[[[{"a":"the sestore1."}]]]}`, `{"status":"success","data":"xsestore4 sestore sestore5x"}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		answer, err := open(body)
		if err != nil {
			return
		}
		names := storageNames(answer.body)
		if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
			t.Errorf("%q is not sorted, or has doubles", names)
		}
		for _, name := range names {
			digits, ok := strings.CutPrefix(name, "sestore")
			if !ok || digits == "" || strings.Trim(digits, "0123456789") != "" {
				t.Errorf("%q is no storage", name)
			}
		}
	})
}

// FuzzFailure reads arbitrary answers of v1 that failed: whatever they are, the error is one
// line that says something.
func FuzzFailure(f *testing.F) {
	for _, body := range []string{
		`{"data":null,"errors":["ACCESS_VIOLATION"]}`, `{"errors":{"code":"NOT_FOUND","x":[1,2,["a"]]}}`, `{"error":"\u001b[2J\nx"}`,
		`{"error":false,"errors":[]}`, `[]`, `<html>`, ``, `{"errors":[[[[[["deep"]]]]]]}`,
	} {
		f.Add([]byte(body), 404)
	}
	c, err := New(Options{FilesURL: "https://h/v1/", Secret: "TOPSECRET", CDN: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(c.Close)
	f.Fuzz(func(t *testing.T, body []byte, status int) {
		failed := c.v1Failure(body, status)
		failed.Message = c.wipe(failed.Message)
		text := failed.Error()
		if strings.ContainsAny(text, "\n\r\x1b\x00") || len(text) > 2000 || strings.Contains(text, "TOPSECRET") {
			t.Errorf("%q", text)
		}
		if failed.Status != status || failed.NotExist && status != http.StatusNotFound || failed.Changed {
			t.Errorf("%+v", failed)
		}
		if v, err := parse(body); err == nil {
			if told := v1Errors(v); told != nil && told.Code != "" && told.Code != codeAccess {
				t.Errorf("code %q", told.Code)
			}
		}
	})
}

// FuzzRetryAfter reads arbitrary headers that say when to come again.
func FuzzRetryAfter(f *testing.F) {
	for _, header := range []string{"", "0", "-1", "120", "1e3", "99999999999999999999", "Fri, 31 Dec 1999 23:59:59 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "+5", " 5"} {
		f.Add(header, int64(946684000))
	}
	f.Fuzz(func(t *testing.T, header string, now int64) {
		if after := retryAfter(header, time.Unix(now%(1<<40), 0)); after < 0 || after > time.Hour {
			t.Errorf("%q: %v", header, after)
		}
		if after := retryAfter(header, time.Time{}); after < 0 || after > time.Hour {
			t.Errorf("%q: %v", header, after)
		}
	})
}

// FuzzLinkEnd reads arbitrary links and dates at which they end.
func FuzzLinkEnd(f *testing.F) {
	f.Add("https://h/a?secure=x&expires=1700000000", "2023-11-14T22:13:20")
	f.Add("https://h/a?e=-5", "9999999-01-01 00:00:00")
	f.Add("https://[::1%25lo]:1/%zz?expires=99999999999999999999", "0000-00-00 00:00:00")
	f.Add("http://127.0.0.1/?expires=1&expires=2", "2261-12-31T23:59:59+14:00")
	f.Fuzz(func(t *testing.T, address, date string) {
		if end := linkEnd(address); !end.IsZero() && end.Unix() <= 0 {
			t.Errorf("%q ends at %v", address, end)
		}
		if end := readTime(value{kind: kindText, text: date}); !end.IsZero() && (end.Unix() <= 0 || end.Unix() > maxTime || end.UnixNano() <= 0) {
			t.Errorf("%q is %v", date, end)
		}
		if checkLink(address) == nil && checkReach(address, "https://service.example/v1/") == nil {
			u, err := url.Parse(address)
			if err == nil && (u.Scheme != "https" || u.User != nil || u.Hostname() == "127.0.0.1" || u.Hostname() == "localhost") {
				t.Errorf("%q is followed", address)
			}
		}
	})
}

// FuzzAnswer reads arbitrary bodies, packed and not: all of one, or an error, and never more
// than may be.
func FuzzAnswer(f *testing.F) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, `{"status":"success","data":`+strings.Repeat(" ", 1<<16)+`[]}`)
	_ = z.Close()
	f.Add(b.Bytes(), true)
	f.Add(b.Bytes()[:b.Len()-5], true)
	f.Add([]byte(`{"status":"success"}`), false)
	f.Add(append([]byte("<html>"), make([]byte, 1<<17)...), false)
	const limit = 1 << 18
	f.Fuzz(func(t *testing.T, body []byte, packed bool) {
		resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body))}
		if packed {
			resp.Header.Set("Content-Encoding", "gzip")
		}
		read, err := readAnswer(t.Context(), resp, limit, nil)
		if err != nil {
			if !packed || !IsTemporary(err) || clean(err.Error()) == "" {
				t.Errorf("error %v", err)
			}
			return
		}
		if len(read) > limit+1 || !beginsAsJSON(read) && len(read) > 512+maxNonsense {
			t.Errorf("%d bytes were read", len(read))
		}
		if !packed && !bytes.HasPrefix(body, read) {
			t.Error("other bytes than came")
		}
	})
}

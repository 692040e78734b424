package apiclient

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

const whole = `"__files":["a"],"__is_loaded":1`

// Failures that pass are tried again, with a new body each time; others are not.
func TestCallFailures(t *testing.T) {
	envelope := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	code := func(code string) http.HandlerFunc {
		return envelope(200, `{"status":"failure","code":`+code+`,"message":"Some text","debug":{"a":1}}`)
	}
	for name, c := range map[string]struct {
		answer          http.HandlerFunc
		auth, temporary bool
		want            string
	}{
		"unknown command":        {code(`"0000"`), false, false, `files.list "sestore4/r": code 0000: Some text`},
		"wrong key":              {code(`"0001"`), true, false, "code 0001"},
		"wrong secret":           {code(`3`), true, false, "code 0003"},
		"unexpected":             {code(`"4"`), false, true, "code 0004"},
		"not allowed":            {code(`"0005"`), true, false, "code 0005"},
		"fields missing":         {code(`6.0`), false, false, "code 6.0"},
		"overloaded":             {code(`1000`), false, true, "code 1000"},
		"code unknown":           {code(`"0815"`), false, false, "code 0815"},
		"failure without a code": {envelope(200, `{"status":"failure","message":"No such path"}`), false, false, "No such path"},
		"failure without a word": {envelope(200, `{"status":"failure","data":[]}`), false, false, `status "failure"`},
		"an unknown status":      {envelope(200, `{"status":"maybe"}`), false, false, `status "maybe"`},
		"no status":              {envelope(200, `{"data":[]}`), false, true, "without a status"},
		"code with HTTP 500":     {envelope(500, `{"status":"failure","code":"0001"}`), true, false, "code 0001"},
		"HTTP 500":               {envelope(500, `<html>Oops`), false, true, "HTTP status 500: an HTML page"},
		"HTTP 503, nothing":      {envelope(503, ``), false, true, "HTTP status 503"},
		"HTTP 429":               {envelope(429, `slow down`), false, true, "HTTP status 429"},
		"HTTP 404":               {envelope(404, `<html>`), false, false, "HTTP status 404"},
		"HTTP 401":               {envelope(401, `who?`), true, false, "HTTP status 401"},
		"HTTP 403":               {envelope(403, `{}`), true, false, "HTTP status 403"},
		"HTML with 200":          {envelope(200, `<!DOCTYPE html>`), false, true, "an HTML page"},
		"empty body":             {envelope(200, ``), false, true, "an empty body"},
		"false":                  {envelope(200, `false`), false, true, "a boolean instead of an answer"},
		"null":                   {envelope(200, `null`), false, true, "null instead of an answer"},
		"a notice before":        {envelope(200, "Warning: x\n{}"), false, true, "text before the JSON"},
		"half":                   {envelope(200, `{"data":{"sestore4/r":{"__fi`), false, true, "breaks off"},
		"text for data":          {envelope(200, `{"status":"success","data":"x"}`), false, true, "a string instead of a listing"},
		"control characters":     {envelope(200, `{"status":"failure","message":"a\u001b[31m\nb"}`), false, false, "a[31m b"},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://elsewhere.example/login?token=secret", http.StatusFound)
		}, false, true, "redirected to elsewhere.example, which is not followed"},
		"connection cut": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"status":"success","data":{}}`)
		}, false, true, "the answer broke off: unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScript(t, nil)
			s.answer = func(w http.ResponseWriter, _ call) { c.answer(w, httptest.NewRequest(http.MethodPost, "/", nil)) }
			_, err := s.client(t).List(t.Context(), ListRequest{Path: "sestore4/r"})
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Fatalf("error %v, want one that says %q", err, c.want)
			}
			if IsAuth(err) != c.auth || IsTemporary(err) != c.temporary || IsClock(err) {
				t.Errorf("auth %v, temporary %v: %v", IsAuth(err), IsTemporary(err), err)
			}
			if n := len(s.calls); c.temporary && (n < 2 || n > 6) || !c.temporary && n != 1 {
				t.Errorf("%d calls, though it is temporary: %v", n, c.temporary)
			}
			sent := map[string]bool{}
			for _, form := range s.forms {
				if sent[form] {
					t.Error("the same body was sent twice")
				}
				sent[form] = true
			}
		})
	}
}

func TestCallRecovers(t *testing.T) {
	t.Parallel()
	s := newScript(t, func(w http.ResponseWriter, c call) {
		if c.n < 3 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		members(w, whole)
	})
	if f, err := s.client(t, func(o *Options) { o.Timeout = time.Minute }).List(t.Context(), ListRequest{Path: "sestore4/r"}); err != nil || entries(f) != "a" {
		t.Errorf("folder %+v, error %v", f, err)
	}
}

func TestCallCorrectsTheClockOnce(t *testing.T) {
	ahead := 3 * time.Hour
	refuse := func(w http.ResponseWriter) {
		fmt.Fprint(w, `{"status":"failure","code":"0002","message":"Timestamp outside valid range."}`)
	}
	s := newScript(t, func(w http.ResponseWriter, c call) {
		now := time.Now().Add(ahead)
		w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
		if off := c.Timestamp - now.Unix(); off < -5 || off > 5 {
			refuse(w)
			return
		}
		members(w, whole)
	})
	c := s.client(t)
	for range 2 {
		if _, err := c.List(t.Context(), ListRequest{Path: "sestore4/r"}); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.calls) != 3 {
		t.Errorf("%d calls, want 2 and 1 more to learn the time", len(s.calls))
	}

	s.answer = func(w http.ResponseWriter, _ call) {
		w.Header().Set("Date", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
		refuse(w)
	}
	s.calls = nil
	_, err := c.List(t.Context(), ListRequest{Path: "sestore4/r"})
	if !IsClock(err) || IsTemporary(err) || IsAuth(err) || len(s.calls) != 2 {
		t.Errorf("%d calls, error %v", len(s.calls), err)
	}
}

func TestCallHonoursRetryAfter(t *testing.T) {
	var between time.Duration
	var first time.Time
	s := newScript(t, func(w http.ResponseWriter, c call) {
		if c.n == 0 {
			first = time.Now()
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		between = time.Since(first)
		members(w, whole)
	})
	if _, err := s.client(t, func(o *Options) { o.Timeout = 10 * time.Second }).List(t.Context(), ListRequest{Path: "sestore4/r"}); err != nil || between < time.Second {
		t.Errorf("tried again after %v, error %v", between, err)
	}
}

func TestCallReportsUnreachableHost(t *testing.T) {
	t.Parallel()
	const nobody = "127.0.0.1:1" // a port that was free a moment ago may be another test's by now
	c, err := New(Options{URL: "http://" + nobody + "/", Key: "k", Secret: "s", CDN: 1, Types: []string{"video"}, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.List(t.Context(), ListRequest{Path: "sestore4/r"})
	if !IsTemporary(err) || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("error %v", err)
	}
}

func TestCallBoundsItsConcurrency(t *testing.T) {
	const limit, callers = 3, 20
	in, out := make(chan struct{}, callers), make(chan struct{})
	s := newScript(t, func(w http.ResponseWriter, c call) {
		in <- struct{}{}
		<-out
		data(w, fmt.Sprintf(`{"%s":{%s}}`, c.Path, whole))
	})
	c := s.client(t, func(o *Options) { o.Concurrency = limit })
	done := make(chan error, callers)
	for i := range callers {
		go func() {
			_, err := c.List(t.Context(), ListRequest{Path: fmt.Sprintf("sestore4/%d", i)})
			done <- err
		}()
	}
	for range callers {
		<-in
		if n := len(in); n > limit-1 {
			t.Errorf("%d calls in flight, %d allowed", n+1, limit)
		}
		out <- struct{}{}
	}
	for range callers {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestErrorsHoldNoSecret(t *testing.T) {
	const secret = "TOP/SECRET+"
	s := newScript(t, nil)
	s.answer = func(w http.ResponseWriter, c call) {
		echo, err := json.Marshal("wrong: " + s.forms[c.n] + " " + secret + " " + url.QueryEscape(secret))
		if err != nil {
			t.Error(err)
		}
		fmt.Fprintf(w, `{"status":"failure","code":"0003","message":%s}`, echo)
	}
	for i := range 20 { // signatures with and without a slash
		_, err := s.client(t, func(o *Options) { o.Secret = secret }).List(t.Context(), ListRequest{Path: fmt.Sprintf("sestore4/%d", i)})
		if !IsAuth(err) {
			t.Fatal(err)
		}
		_, signature, _ := strings.Cut(s.forms[i], `"signature":"`)
		for _, secret := range []string{"KEY", secret, "TOP", strings.TrimSuffix(signature, `"}`)} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%q is in %q", secret, err)
			}
		}
	}
}

func TestStorages(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ answer, want string }{
		"text":     {`"data":"sestore4"`, "[sestore4]"},
		"list":     {`"data":["sestore7","sestore4"]`, "[sestore4 sestore7]"},
		"keys":     {`"data":{"sestore4":{"used":5}}`, "[sestore4]"},
		"members":  {`"data":[{"name":"sestore12\/vodstore\/jb"},{"name":"sestore12"}]`, "[sestore12]"},
		"no data":  {`"storage":"sestore4","message":"not sestore9"`, "[sestore4]"},
		"nothing":  {`"data":[]`, "!names no storage"},
		"resemble": {`"data":"xsestore4 sestore sestores1"`, "!names no storage"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t, func(w http.ResponseWriter, _ call) { fmt.Fprintf(w, `{"status":"success",%s}`, c.answer) })
			got, err := s.client(t).Storages(t.Context())
			if want, failure := strings.CutPrefix(c.want, "!"); failure {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error %v", err)
				}
			} else if err != nil || fmt.Sprint(got) != c.want {
				t.Errorf("storages %v, error %v", got, err)
			}
			if s.calls[0].Command != "files.getstorage" {
				t.Errorf("command %q", s.calls[0].Command)
			}
		})
	}
}

func TestCheckURL(t *testing.T) {
	for _, good := range []string{"https://api.scaleengine.net/stable/", "http://127.0.0.1:80/", "http://localhost/stable/", "http://[::1]:8080/"} {
		if err := CheckURL(good, false); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"", "api.scaleengine.net", "http://api.scaleengine.net/", "http://10.0.0.1/", "ftp://127.0.0.1/", "https://a:b@host/", "https://host/?a=b", "https://host/#x", ":"} {
		if CheckURL(bad, false) == nil {
			t.Errorf("%q is accepted", bad)
		}
		if clear := IsClearText(bad); clear != (CheckURL(bad, true) == nil) {
			t.Errorf("%q: in clear text %v, with plain http allowed: %v", bad, clear, CheckURL(bad, true))
		}
	}
}

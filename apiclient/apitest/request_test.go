package apitest

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

const testSecret = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestSign(t *testing.T) {
	text := `{"command":"files.list","api_key":"TESTKEY","timestamp":1700000000,"cdn":1,"path":"sestore1\/user\/caf\u00e9","type":"video"}`
	if got, want := sign(testSecret, []byte(text)), "zpRRZQvwh2OF/yT4j94o9xY74j/m/aR7IMvRCU8xIio="; got != want {
		t.Errorf("sign = %s, want %s", got, want)
	}
}

// at is the server's clock in these tests.
var at = time.Unix(1700000000, 0)

func TestCheck(t *testing.T) {
	base := func() *array {
		return newArray("command", "files.list", "api_key", "TESTKEY", "timestamp", 1700000000, "cdn", 1)
	}
	with := func(pairs ...any) string {
		a := base()
		for i := 0; i < len(pairs); i += 2 {
			a.set(pairs[i].(string), pairs[i+1])
		}
		return signText(testSecret, a)
	}
	without := func(key string) string {
		a := &array{}
		b := base()
		for i, k := range b.keys {
			if k != key {
				a.set(k, b.vals[i])
			}
		}
		return signText(testSecret, a)
	}
	// raw signs the text as it is, so that only the second check can fail.
	raw := func(text string) string {
		return text[:len(text)-1] + `,"signature":"` + strings.ReplaceAll(sign(testSecret, []byte(text)), "/", `\/`) + `"}`
	}
	head := `{"command":"files.list","api_key":"TESTKEY","timestamp":1700000000,"cdn":1,`
	good := with("path", "sestore1/user/caf\u00e9")

	for _, tt := range []struct {
		name, text, code string
	}{
		{"good", good, ""},
		{"the signature in the path", with("path", `sestore1/u/,"signature":"x"}`), ""},
		{"raw form of the same", raw(head + `"path":"sestore1\/user"}`), ""},
		{"getstorage", with("command", "files.getstorage"), ""},
		{"all fields", with("path", "sestore1/u", "type", "valid", "offset", 100), ""},

		{"no JSON", "x", "0006"},
		{"empty", "", "0006"},
		{"list", "[]", "0006"},
		{"no command", without("command"), "0006"},
		{"no key", without("api_key"), "0006"},
		{"no timestamp", without("timestamp"), "0006"},
		{"no cdn", without("cdn"), "0006"},
		{"no signature", head + `"path":"sestore1\/user"}`, "0006"},
		{"timestamp as text", with("timestamp", "1700000000"), "0006"},
		{"timestamp as float", with("timestamp", 1700000000.0), "0006"},
		{"cdn as text", with("cdn", "1"), "0006"},
		{"another key", with("api_key", "OTHER"), "0001"},
		{"another cdn", with("cdn", 2), "0001"},
		{"just in time", with("timestamp", 1700000000-300, "path", "sestore1/u"), ""},
		{"just in time, ahead", with("timestamp", 1700000000+300, "path", "sestore1/u"), ""},
		{"too old", with("timestamp", 1700000000-301, "path", "sestore1/u"), "0002"},
		{"too new", with("timestamp", 1700000000+301, "path", "sestore1/u"), "0002"},

		{"another secret", signText(strings.Repeat("f", 64), base()), "0003"},
		{"changed path", strings.Replace(good, "user", "root", 1), "0003"},
		{"slash not escaped", raw(head + `"path":"sestore1/user"}`), "0003"},
		{"upper-case hex", raw(head + `"path":"sestore1\/user\/caf\u00E9"}`), "0003"},
		{"not escaped", raw(head + "\"path\":\"sestore1\\/user\\/caf\u00e9\"}"), "0003"},
		{"html escapes", raw(head + `"path":"sestore1\/user\/\u003c"}`), "0003"},
		{"white space", raw(head + ` "path":"sestore1\/user"}`), "0003"},
		{"empty object", raw(head + `"x":{}}`), "0003"},
		{"key twice", raw(head + `"path":"sestore1\/a","path":"sestore1\/b"}`), "0003"},
		{"lone surrogate", raw(head + `"path":"sestore1\/\ud800"}`), "0003"},
		{"white space after the signature", good + " ", "0003"},
		{"signature not last", strings.Replace(good, `{"command"`, `{"signature":"x","command"`, 1), "0003"},
		{"key after the signature", strings.TrimSuffix(good, "}") + `,"x":1}`, "0003"},

		{"unknown command", with("command", "files.delete"), "0000"},
		{"no path", with(), "0006"},
		{"path without storage", with("path", "user/x"), "0006"},
		{"path with a leading slash", with("path", "/sestore1/user"), "0006"},
		{"path with a trailing slash", with("path", "sestore1/user/"), "0006"},
		{"path with a doubled slash", with("path", "sestore1//user"), "0006"},
		{"path with dots", with("path", "sestore1/user/../x"), "0006"},
		{"storage only", with("path", "sestore1"), "0006"},
		{"path of another kind", with("path", 7), "0006"},
		{"unknown type", with("path", "sestore1/u", "type", "all"), "0006"},
		{"no type", with("path", "sestore1/u", "type", nil), "0006"},
		{"negative offset", with("path", "sestore1/u", "offset", -1), "0006"},
		{"offset as text", with("path", "sestore1/u", "offset", "1"), "0006"},
		{"no offset", with("path", "sestore1/u", "offset", nil), "0006"},
		{"both cdn", with("path", "sestore1/u", "cdn_id", 1), "0006"},
		{"path for getstorage", with("command", "files.getstorage", "path", "sestore1/u"), "0006"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := Options{APIKey: "TESTKEY", Secret: testSecret}
			if err := o.fill(); err != nil {
				t.Fatal(err)
			}
			c := &checker{o: o, seen: map[string]int64{}}
			_, _, bad := c.check([]byte(tt.text), at)
			got := ""
			if bad != nil {
				got = bad.code
			}
			if got != tt.code {
				t.Errorf("%s\nrefused with %q (%v), want %q", tt.text, got, bad, tt.code)
			}
		})
	}
}

func TestMissingNamesFields(t *testing.T) {
	_, c := startWithCaller(t, Options{})
	body := c.post(t, signText(testSecret, newArray("command", "files.list", "timestamp", 1)))
	if want := `"message":"One or more required fields are missing: api_key, cdn"`; !strings.Contains(body, want) {
		t.Errorf("answer %s lacks %s", body, want)
	}
}

func TestSeenIsForgotten(t *testing.T) {
	o := Options{}
	o.fill()
	c := &checker{o: o, seen: map[string]int64{}}
	now := at
	for i := range 10_000 {
		now = now.Add(time.Second)
		if c.replay(time.Duration(i).String(), now.Unix(), now) {
			t.Fatal("a new signature was taken for an old one")
		}
	}
	if len(c.seen) > 2000 {
		t.Errorf("%d signatures are remembered", len(c.seen))
	}
}

func TestHTTP(t *testing.T) {
	s, c := startWithCaller(t, Options{})
	send := func(method, url, contentType, body string) (int, string) {
		t.Helper()
		req, err := http.NewRequest(method, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", contentType)
		res, err := c.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(b)
	}
	text := func() string { return c.signed("files.list", "path", "sestore4/jb") }

	formType, form := urlencoded(text())
	if status, body := send("POST", s.URL(), formType, form); status != 200 || codeOf(t, body) != "" {
		t.Errorf("urlencoded: %d %s", status, body)
	}
	multiType, multi := multipartForm(text())
	if status, body := send("POST", s.URL(), multiType, multi); status != 200 || codeOf(t, body) != "" {
		t.Errorf("multipart: %d %s", status, body)
	}

	unescaped := "json=" + text()
	formType, form = urlencoded(text())
	_, twice := urlencoded(text())
	for _, tt := range []struct {
		name, method, url, contentType, body string
		status                               int
		code                                 string
	}{
		{"raw JSON", "POST", s.URL(), "application/json", text(), 200, "0006"},
		{"no content type", "POST", s.URL(), "", form, 200, "0006"},
		{"plus not escaped", "POST", s.URL(), formType, unescaped + "%", 200, "0006"},
		{"field twice", "POST", s.URL(), formType, form + "&" + twice, 200, "0006"},
		{"other field", "POST", s.URL(), formType, form + "&x=1", 200, "0006"},
		{"GET", "GET", s.URL(), formType, form, 405, ""},
		{"query", "POST", s.URL() + "?a=b", formType, form, 405, ""},
		{"no slash", "POST", strings.TrimSuffix(s.URL(), "/"), formType, form, 404, ""},
		{"below", "POST", s.URL() + "x", formType, form, 404, ""},
		{"too long", "POST", s.URL(), formType, "json=" + strings.Repeat("x", maxRequest), 413, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := s.Calls()
			status, body := send(tt.method, tt.url, tt.contentType, tt.body)
			if status != tt.status {
				t.Errorf("status %d, want %d", status, tt.status)
			}
			if tt.code != "" && codeOf(t, body) != tt.code {
				t.Errorf("answer %s, want code %s", body, tt.code)
			}
			if after := s.Calls(); after.Rejected != before.Rejected+1 || len(after.List) != len(before.List) {
				t.Errorf("not counted as a refusal: %+v", after)
			}
		})
	}
}

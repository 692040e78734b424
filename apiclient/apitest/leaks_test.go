package apitest

import (
	"net/http"
	"strings"
	"testing"
)

func TestLeaks(t *testing.T) {
	s, f := startWithFetcher(t, Options{Tree: oneFile(), APIKey: "the-api-key"})
	link := f.link("a b/\u00e9.mp4")
	basic := func(r *http.Request) { r.SetBasicAuth("1", s.Secret()) }
	for name, tt := range map[string]struct {
		method, address, body string
		spoil                 func(*http.Request)
	}{
		"basic":             {address: link, spoil: basic},
		"basic elsewhere":   {address: s.DownloadURL() + "x", spoil: basic},
		"bearer":            {address: link, spoil: func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }},
		"proxy":             {address: link, spoil: func(r *http.Request) { r.Header.Set("Proxy-Authorization", "Basic x") }},
		"key header":        {address: link, spoil: func(r *http.Request) { r.Header.Set("X-API-Key", "x") }},
		"cookie":            {address: link, spoil: func(r *http.Request) { r.Header.Set("Cookie", "a=b") }},
		"secret in address": {address: s.DownloadURL() + s.Secret()},
		"secret in query":   {address: link + "&k=" + s.Secret()},
		"encoded secret":    {address: s.DownloadURL() + "%30" + s.Secret()[1:]},
		"api key in query":  {address: link + "&k=the-api-key"},
		"secret in header":  {address: link, spoil: func(r *http.Request) { r.Header.Set("Referer", "http://x/?"+s.Secret()) }},
		"api key in header": {address: link, spoil: func(r *http.Request) { r.Header.Set("User-Agent", "the-api-key") }},
		"secret in body":    {address: link, method: "POST", body: "x=" + s.Secret()},
	} {
		t.Run(name, func(t *testing.T) {
			s.ResetCalls()
			if tt.method == "" {
				tt.method = "GET"
			}
			req, _ := http.NewRequest(tt.method, tt.address, strings.NewReader(tt.body))
			if tt.spoil != nil {
				tt.spoil(req)
			}
			res, err := f.http.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if calls := s.Calls(); calls.Leaks != 1 || calls.ContentBytes != 0 || res.StatusCode != http.StatusBadRequest {
				t.Errorf("%d, calls: %+v", res.StatusCode, calls)
			}
		})
	}
	s.Tree().AddFile("the-api-key.mp4")
	s.ResetCalls()
	if got := f.get(f.link("the-api-key.mp4"), ""); got.status != 200 || s.Calls().Leaks != 0 {
		t.Errorf("a file named like the key: %d", got.status)
	}
	if got := f.get(link, ""); got.status != 200 || s.Calls().Leaks != 0 {
		t.Errorf("a clean request: %d", got.status)
	}
	req, _ := http.NewRequest(http.MethodPost, s.URL(), nil)
	basic(req)
	res, err := f.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if calls := s.Calls(); calls.Leaks != 1 || calls.Rejected != 1 || res.StatusCode != http.StatusBadRequest {
		t.Errorf("to the command API: %d, calls: %+v", res.StatusCode, calls)
	}
}

package apitest

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// fetcher is a client of v1 and of the download host that knows only how to send.
type fetcher struct {
	t      testing.TB
	server *Server
	http   *http.Client
}

// startWithFetcher starts a server and returns a fetcher for it.
func startWithFetcher(t testing.TB, o Options) (*Server, *fetcher) {
	t.Helper()
	s := start(t, o)
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	noRedirect := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return s, &fetcher{t, s, &http.Client{Transport: transport, CheckRedirect: noRedirect}}
}

// do sends a request with headers in turns of key and value.
func (f *fetcher) do(method, address string, headers ...string) outcome {
	req, err := http.NewRequestWithContext(f.context(), method, address, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	if strings.HasPrefix(address, f.server.FilesURL()) {
		req.SetBasicAuth("1", f.server.Secret())
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := f.http.Do(req)
	if err != nil {
		return outcome{err: err}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return outcome{res.StatusCode, res.Header, string(body), err}
}

func (f *fetcher) context() context.Context { return f.t.Context() }

// v1 calls an endpoint for a path, which is relative to the base directory.
func (f *fetcher) v1(endpoint, path, query string) outcome {
	address := f.server.FilesURL() + endpoint
	if path != "" {
		for part := range strings.SplitSeq(path, "/") {
			// QueryEscape leaves nothing but letters, digits and -_.~ alone, and makes + of spaces.
			address += "/" + strings.ReplaceAll(url.QueryEscape(part), "+", "%20")
		}
	}
	if query != "" {
		address += "?" + query
	}
	return f.do(http.MethodGet, address)
}

// files calls /v1/files and returns data.
func (f *fetcher) files(path, query string) any {
	f.t.Helper()
	got := f.v1("files", path, query)
	var answer struct {
		Data   any
		Errors []any
	}
	if err := json.Unmarshal([]byte(got.body), &answer); err != nil || got.status != 200 || len(answer.Errors) != 0 {
		f.t.Fatalf("%s: %d, %v, %v: %.200s", path, got.status, got.err, err, got.body)
	}
	return answer.Data
}

// link asks for a download link.
func (f *fetcher) link(path string) string {
	f.t.Helper()
	got := f.v1("download", path, "")
	var answer struct {
		Data struct{ URL string }
	}
	if err := json.Unmarshal([]byte(got.body), &answer); err != nil || got.status != 200 {
		f.t.Fatalf("%s: %d, %v, %v: %.200s", path, got.status, got.err, err, got.body)
	}
	return answer.Data.URL
}

// get asks for content through a link; span is the Range header, none if empty.
func (f *fetcher) get(link, span string, headers ...string) outcome {
	if span != "" {
		headers = append(headers, "Range", span)
	}
	return f.do(http.MethodGet, link, headers...)
}

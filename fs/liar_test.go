package fs

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"sefs/apiclient/apitest"
)

// liar stands between a client and a stand-in service, and answers some requests otherwise.
type liar struct {
	*httptest.Server
	service *apitest.Server
	apis    *httputil.ReverseProxy
	bytes   *httputil.ReverseProxy

	mu   sync.Mutex
	told map[string]tell // what is lied about, and how
}

// tell answers a request.
type tell func(w http.ResponseWriter, a ask)

// ask is a request as the liar sees it.
type ask struct {
	*http.Request
	about string // "names sestore4/jb/dir": also sizes, link and bytes
	right func() []byte
}

func newLiar(t testing.TB, service *apitest.Server) *liar {
	l := &liar{service: service}
	transport := &http.Transport{DisableCompression: true}
	to := func(address string) *httputil.ReverseProxy {
		target, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		return &httputil.ReverseProxy{
			Rewrite:   func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host },
			Transport: transport, ModifyResponse: l.linkHere, ErrorLog: quiet(),
		}
	}
	l.apis, l.bytes = to(service.URL()), to(service.DownloadURL())
	l.Server = httptest.NewUnstartedServer(l)
	l.Config.ErrorLog = quiet()
	l.Start()
	t.Cleanup(func() {
		l.CloseClientConnections()
		l.Close()
		transport.CloseIdleConnections()
	})
	return l
}

// account is that of the service, asked by way of the liar.
func (l *liar) account() account {
	a := accountOf(l.service)
	a.URL, a.FilesURL = l.URL+"/stable/", l.URL+"/v1/"
	return a
}

// lies begins to lie, or ends it.
func (l *liar) lies(told map[string]tell) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told = told
}

func (l *liar) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := ask{Request: r}
	proxy := l.apis
	path, _ := url.PathUnescape(r.URL.EscapedPath())
	_, content, isContent := strings.Cut(path, "-vod/play/")
	switch {
	case path == "/stable/":
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		form, _ := url.ParseQuery(string(body))
		var call struct {
			Path string
		}
		_ = json.Unmarshal([]byte(form.Get("json")), &call)
		a.about = "names " + call.Path
	case strings.HasPrefix(path, "/v1/files/"):
		a.about = "sizes " + strings.TrimSuffix(root+"/"+strings.TrimPrefix(path, "/v1/files/"), "/")
	case strings.HasPrefix(path, "/v1/download/"):
		a.about = "link " + root + "/" + strings.TrimPrefix(path, "/v1/download/")
	case isContent:
		a.about, proxy = "bytes "+content, l.bytes
	}
	l.mu.Lock()
	with := l.told[a.about]
	l.mu.Unlock()
	if with == nil {
		proxy.ServeHTTP(w, r)
		return
	}
	a.right = func() []byte {
		rec := httptest.NewRecorder()
		proxy.ServeHTTP(rec, r)
		return rec.Body.Bytes()
	}
	with(w, a)
}

// linkHere lets links lead to the liar.
func (l *liar) linkHere(resp *http.Response) error {
	if !strings.HasPrefix(resp.Request.URL.Path, "/v1/download/") {
		return nil
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	there, _ := url.Parse(l.service.DownloadURL())
	here, _ := url.Parse(l.URL)
	body = bytes.ReplaceAll(body, []byte(there.Host), []byte(here.Host))
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp.Header.Del("Content-Length")
	return nil
}

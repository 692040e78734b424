package main

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"sefs/apiclient/apitest"
)

// newTLSService puts TLS before a stand-in, contents included, and tells w's programs of
// it. The path of its certificate is returned.
func (w *world) newTLSService(configure func(*httptest.Server)) (s *apitest.Server, server *httptest.Server, ca string) {
	w.t.Helper()
	s = w.newService()
	links := regexp.MustCompile(`http:(\\?/\\?/127\.0\.0\.1)(:\d+)`)
	proxy := &httputil.ReverseProxy{
		Transport: &http.Transport{DisableCompression: true},
		ErrorLog:  log.New(io.Discard, "", 0),
		Rewrite: func(r *httputil.ProxyRequest) {
			target, _ := url.Parse(s.URL())
			r.Out.URL.Scheme, r.Out.URL.Host = "http", target.Host
			// What links lead to is behind /:port.
			if port, rest, ok := strings.Cut(r.Out.URL.Path[1:], "/"); ok && port[0] == ':' {
				r.Out.URL.Host, r.Out.URL.Path, r.Out.URL.RawPath = "127.0.0.1"+port, "/"+rest, ""
			}
		},
		ModifyResponse: func(r *http.Response) error {
			if !strings.HasPrefix(r.Request.URL.Path, "/v1/") {
				return nil
			}
			body, err := io.ReadAll(r.Body)
			port := server.URL[strings.LastIndexByte(server.URL, ':'):]
			body = links.ReplaceAll(body, []byte("https:${1}"+port+"/${2}"))
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			r.Header.Set("Content-Length", strconv.Itoa(len(body)))
			return err
		},
	}
	w.t.Cleanup(func() { proxy.Transport.(*http.Transport).CloseIdleConnections() })
	server = httptest.NewUnstartedServer(proxy)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.EnableHTTP2 = true
	configure(server)
	server.StartTLS()
	w.t.Cleanup(server.Close)
	w.set("SEFS_API_URL="+server.URL+"/stable/", "SEFS_FILES_URL="+server.URL+"/v1/")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return s, server, w.write("ca.pem", string(text), 0o644)
}

// An authority of one's own is believed if it is named, for both APIs and for contents.
func TestCAFile(t *testing.T) {
	w := newWorld(t)
	service, server, ca := w.newTLSService(func(*httptest.Server) {})
	w.wantFailure(w.sefs("storages"), exitService, "certificate", "--ca-file", "unknown authority")
	// What the Go runtime can be told to print holds all that is sent.
	w.set("GODEBUG=http2debug=2", "SEFS_LOG_LEVEL=debug", "SEFS_LOG_FILE=")
	r := w.sefs("cat", "--ca-file=ca.pem", remote+"/film.mp4")
	w.wantDone(r)
	if r.stdout != string(service.Tree().Bytes("film.mp4")) {
		t.Errorf("%d bytes came, and other ones than there are", len(r.stdout))
	}
	w.set("SEFS_CA_FILE=" + ca)
	w.wantDone(w.sefs("storages"))
	localhost := strings.Replace(server.URL, "127.0.0.1", "localhost", 1) + "/"
	w.wantFailure(w.sefs("storages", "--log-level=error", "--api-url="+localhost), exitService, "certificate", "localhost")
	if err := os.Chmod(ca, 0o666); err != nil {
		t.Fatal(err)
	}
	w.wantFailure(w.sefs("storages"), exitUsage, "SEFS_CA_FILE", "0666", "chmod go-w")
}

// What is too old to be safe is not spoken.
func TestOldTLSIsRefused(t *testing.T) {
	w := newWorld(t)
	_, _, ca := w.newTLSService(func(s *httptest.Server) {
		s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	})
	w.wantFailure(w.sefs("storages", "--timeout=2s", "--ca-file="+ca), exitService, "protocol version")
}

// Plain http to another machine is for those who ask for it, and is told of in the log.
func TestAllowHTTP(t *testing.T) {
	w := newWorld(t)
	service := w.newService()
	target, err := url.Parse(service.URL())
	if err != nil {
		t.Fatal(err)
	}
	// A proxy makes this machine another one.
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.Out.URL.Host = target.Host },
	})
	t.Cleanup(proxy.Close)
	w.set("HTTP_PROXY="+proxy.URL, "SEFS_API_URL=http://api.example.com/stable/")
	w.wantFailure(w.sefs("storages"), exitUsage, "SEFS_API_URL", "--allow-http")
	if n := service.Calls().Total; n != 0 {
		t.Errorf("%d calls were made in clear text", n)
	}
	r := w.sefs("storages", "--allow-http")
	w.wantDone(r)
	if !strings.Contains(r.stdout, "sestore4\n") {
		t.Errorf("stdout %q", r.stdout)
	}
	if text, err := os.ReadFile(filepath.Join(w.dir, "log")); err != nil || strings.Count(string(text), "plain http") != 1 {
		t.Errorf("the log does not say once that all is in clear text: %q, %v", text, err)
	}
}

// The password of a proxy is in no error, whatever is wrong with it.
func TestProxyPassword(t *testing.T) {
	refuse := httptest.NewServer(answering(http.StatusProxyAuthRequired, "no"))
	t.Cleanup(refuse.Close)
	for _, test := range []struct{ name, proxy, want string }{
		{"nobody there", strings.Replace(unusedAddress, "http://", "http://me:PASS%2FWORD@", 1), "connection refused"},
		{"refused", strings.Replace(refuse.URL, "http://", "http://me:PASS%2FWORD@", 1), "Proxy Authentication Required"},
		{"no address", "http://me:PASS%zzWORD@127.0.0.1:1/", "api.example.invalid"},
		{"no scheme", "me:PASS%zzWORD@127.0.0.1", "connection refused"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.secrets = []string{"PASS", "WORD", base64.StdEncoding.EncodeToString([]byte("me:PASS/WORD"))}
			w.account("https://api.example.invalid/stable/")
			w.set("HTTPS_PROXY=" + test.proxy)
			w.wantFailure(w.sefs("storages", "--timeout=10s", "--log-level=debug"), exitService, "api.example.invalid", test.want)
		})
	}
}

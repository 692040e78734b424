package apiclient_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"sefs/apiclient"
	"sefs/apiclient/apitest"
)

// journal is a log that a test reads.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// writes makes a client log everything.
func (j *journal) writes(o *apiclient.Options) {
	o.Log = slog.New(slog.NewTextHandler(j, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// Whatever fails, neither an error nor the log holds a link or a credential, and the
// download host gets none.
func TestNoSecretInErrorsAndLogs(t *testing.T) {
	const secret, key = "TOP/SECRET+text", "PUBLICKEY"
	basic := base64.StdEncoding.EncodeToString([]byte("17:" + secret))
	var wg sync.WaitGroup
	for name, fault := range map[string]apitest.AskReply{
		"right":             {},
		"401":               reply(apitest.Status(401)),
		"403":               reply(apitest.Status(403)),
		"404":               reply(apitest.Status(404)),
		"503":               reply(apitest.Status(503)),
		"reset":             reply(apitest.Reset()),
		"half":              reply(apitest.HalfBody()),
		"truncated":         reply(apitest.Truncated()),
		"empty":             reply(apitest.Empty()),
		"cut":               apitest.CutAfter(0),
		"gzip":              apitest.Gzipped(),
		"another total":     apitest.OtherTotal(1 << 40),
		"redirect":          reply(apitest.Redirect("http://127.0.0.1:1/a?secure=abc&expires=5")),
		"redirect to a":     reply(apitest.Redirect("/jb-vod/a?secure=abc&expires=5")),
		"redirect to %":     reply(apitest.Redirect("https://example.com/%zz?secure=abc&expires=5")),
		"redirect nowhere":  reply(apitest.Redirect("https://[::1?secure=abc&expires=5")),
		"redirect with key": reply(apitest.Redirect("https://17:" + url.QueryEscape(secret) + "@example.com/%zz?secure=abc")),
		"another address":   reply(apitest.Replace("http:", "ftp:")),
		"no address":        reply(apitest.Replace("http:", "http:%zz")),
		"a broken address":  reply(apitest.Replace("?secure=", `\u0001?secure=`)),
		"errors with all":   apitest.V1Failure(200, "wrong: "+secret, key, "Basic "+basic, url.QueryEscape(secret)),
		"403 with all":      apitest.V1Failure(403, "Authorization: Basic "+basic, secret),
		"a link in errors":  apitest.V1Failure(500, "http://127.0.0.1/a?secure=abc&expires=5"),
	} {
		tree := apitest.Flat(root, 1)
		files, _ := tree.Paths()
		log := &journal{}
		s, c := startV1(t, apitest.Options{Tree: tree, Secret: secret, APIKey: key, CDN: 17}, log.writes)
		s.SetAskFault(apitest.EveryAsk(fault))
		only, clientOfOne := startV1(t, apitest.Options{Tree: tree, Secret: secret, APIKey: key, CDN: 17}, log.writes)
		only.SetAskFault(apitest.EveryAsk(fault, apitest.AskContent))
		check := func(err error) {
			text := fmt.Sprintf("%v %+v %#v %s", err, err, err, log)
			for e := err; e != nil; e = unwrap(e) {
				text += fmt.Sprintf("%v %+v", e, e)
			}
			for _, bad := range []string{"secure=", "expires=", secret, "TOP", "SECRET", key, basic, url.QueryEscape(secret), "/play/"} {
				if at := strings.Index(text, bad); at >= 0 {
					t.Errorf("%s: %q is in an error or the log: …%.200s", name, bad, text[max(0, at-120):])
				}
			}
		}
		wg.Go(func() { check(one(t, c, tree, files[0])) })
		wg.Go(func() { check(one(t, clientOfOne, tree, files[0])) })
		wg.Go(func() {
			_, err := c.Files(t.Context(), apiclient.FilesRequest{Path: root, Levels: 1})
			check(err)
		})
		wg.Go(func() {
			_, err := c.File(t.Context(), tree.Full(files[0]), nil)
			check(err)
		})
		t.Cleanup(func() {
			if n := s.Calls().Leaks + only.Calls().Leaks; n != 0 {
				t.Errorf("%s: %d leaks", name, n)
			}
		})
	}
	wg.Wait()
}

func unwrap(err error) error {
	if u, ok := err.(interface{ Unwrap() error }); ok {
		return u.Unwrap()
	}
	return nil
}

// A redirect to an address that is none is reported by net/http with all of it.
func TestNoLinkInErrorsOfABadLocation(t *testing.T) {
	s, c, tree := bytesOf(t, 1000, apitest.ContentOptions{})
	s.SetAskFault(apitest.EveryAsk(reply(apitest.Redirect("https://example.com/%zz?secure=SIGNED")), apitest.AskContent))
	if err := one(t, c, tree, "a"); err == nil || strings.Contains(err.Error(), "SIGNED") {
		t.Errorf("error %v", err)
	}
}

// What repeats a request is no server, but it may be asked.
func TestNoLinkInErrorsOfAnEcho(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				p := make([]byte, 4096)
				n, _ := conn.Read(p)
				_, _ = conn.Write(p[:n])
				_ = conn.Close()
			})
		}
	})
	defer serving.Wait()
	defer func() { _ = l.Close() }()
	log := &journal{}
	s, c := startV1(t, apitest.Options{Tree: apitest.Flat(root, 1)}, log.writes)
	link := "http://" + l.Addr().String() + "/a?secure=SIGNED"
	s.SetAskFault(apitest.EveryAsk(reply(apitest.JSON(`{"data":{"url":"`+link+`"}}`)), apitest.AskLink))
	_, err = c.Open(t.Context(), apiclient.Range{Path: root + "/a", Length: 1, Size: 1})
	if err == nil || strings.Contains(err.Error()+log.String(), "SIGNED") {
		t.Errorf("error %v, log %s", err, log)
	}
}

// A service may repeat what it was sent; nothing of the credentials gets further.
func TestErrorsHoldNoBasicCredentials(t *testing.T) {
	for _, status := range []int{200, 403} {
		echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			text, _ := json.Marshal(map[string]any{"data": nil, "errors": []string{r.Header.Get("Authorization"), "TOPSECRET"}})
			_, _ = w.Write(text)
		}))
		log := &journal{}
		options := apiclient.Options{FilesURL: echo.URL + "/v1/", Secret: "TOPSECRET", CDN: 17}
		log.writes(&options)
		c, err := apiclient.New(options)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.File(t.Context(), root+"/a", nil)
		for _, bad := range []string{"TOPSECRET", base64.StdEncoding.EncodeToString([]byte("17:TOPSECRET"))} {
			if err == nil || strings.Contains(err.Error()+log.String(), bad) {
				t.Errorf("status %d: %q is in %v, or the log: %s", status, bad, err, log)
			}
		}
		c.Close()
		echo.Close()
	}
}

// The names of what is right and what is wrong stay in an error all the same.
func TestErrorsSayWhatTheyAreAbout(t *testing.T) {
	s, c, tree := bytesOf(t, 1000, apitest.ContentOptions{})
	for want, fault := range map[string]apitest.AskReply{
		`v1 download "sestore4/jb/a": HTTP status 400: the service reports BAD`: apitest.V1Failure(400, "BAD"),
		`v1 download "sestore4/jb/a": HTTP status 422`:                          reply(apitest.Status(422)),
	} {
		s.SetAskFault(apitest.EveryAsk(fault, apitest.AskLink))
		if err := one(t, c, tree, "a"); err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	s.SetAskFault(nil)
	s.SetAskFault(apitest.EveryAsk(reply(apitest.Status(418)), apitest.AskContent))
	if err := one(t, c, tree, "a"); err == nil || err.Error() != `read "sestore4/jb/a": HTTP status 418` {
		t.Errorf("error %v", err)
	}
}

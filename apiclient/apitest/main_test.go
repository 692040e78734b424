package apitest

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start starts a server that is closed at the end of the test.
func start(t testing.TB, o Options) *Server {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// caller is a client that knows only how to sign and to send. No two of its requests are the same.
type caller struct {
	server *Server
	http   *http.Client
	sent   atomic.Int64
	begun  int64
}

// startWithCaller starts a server and returns a caller for it. The server's window is made wide enough
// for the caller, whose timestamps count its calls.
func startWithCaller(t testing.TB, o Options) (*Server, *caller) {
	t.Helper()
	o.Window = 1000 * time.Hour
	s := start(t, o)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	noRedirect := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client := &http.Client{Transport: transport, CheckRedirect: noRedirect}
	return s, &caller{server: s, http: client, begun: time.Now().Unix()}
}

// signed returns the signed text of a request with the given further fields.
func (c *caller) signed(command string, pairs ...any) string {
	fields := newArray("command", command, "api_key", c.server.APIKey(),
		"timestamp", c.begun+c.sent.Add(1), "cdn", c.server.CDN())
	for i := 0; i < len(pairs); i += 2 {
		fields.set(pairs[i].(string), pairs[i+1])
	}
	return signText(c.server.Secret(), fields)
}

// signText returns the text of fields with their signature.
func signText(secret string, fields *array) string {
	text, err := encoder{}.encode(fields)
	if err != nil {
		panic(err)
	}
	fields.set("signature", sign(secret, text))
	text, _ = encoder{}.encode(fields)
	return string(text)
}

// do sends a text as the form field json and returns the response, whose body has not been read.
func (c *caller) do(text string) (*http.Response, error) {
	return c.http.PostForm(c.server.URL(), url.Values{"json": {text}})
}

// post sends a text and returns the body of the answer.
func (c *caller) post(t testing.TB, text string) string {
	t.Helper()
	res, err := c.do(text)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// list calls files.list for all types but deleted; offset -1 sends none.
func (c *caller) list(t testing.TB, path string, offset int) string {
	t.Helper()
	pairs := []any{"path", path, "type", "includeinvalid"}
	if offset >= 0 {
		pairs = append(pairs, "offset", offset)
	}
	return c.post(t, c.signed("files.list", pairs...))
}

func urlencoded(text string) (contentType, body string) {
	return "application/x-www-form-urlencoded", url.Values{"json": {text}}.Encode()
}

func multipartForm(text string) (contentType, body string) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	w.WriteField("json", text)
	w.Close()
	return w.FormDataContentType(), b.String()
}

// codeOf returns the code of a failure, "" for a success.
func codeOf(t testing.TB, body string) string {
	t.Helper()
	v, err := decode([]byte(strings.TrimPrefix(body, "\ufeff")))
	if err != nil {
		t.Fatalf("answer is no JSON: %v: %.200q", err, body)
	}
	a := v.(*array)
	if a.get("status") == "success" {
		return ""
	}
	code, _ := a.get("code").(string)
	return code
}

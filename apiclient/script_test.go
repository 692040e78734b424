package apiclient

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// script is a service that answers what a test says, to the letter. Whatever a well
// behaved service would do is tested against apitest.
type script struct {
	*httptest.Server
	answer func(w http.ResponseWriter, c call)

	mu    sync.Mutex
	calls []call
	forms []string
}

// call is a request as the script saw it.
type call struct {
	Command   string          `json:"command"`
	Path      string          `json:"path"`
	Type      string          `json:"type"`
	Offset    int64           `json:"offset"`
	Timestamp int64           `json:"timestamp"`
	n         int             // how many came before it
	gone      <-chan struct{} // closed when the client goes away
}

func newScript(t *testing.T, answer func(w http.ResponseWriter, c call)) *script {
	s := &script{answer: answer}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *script) serve(w http.ResponseWriter, r *http.Request) {
	var c call
	_ = json.Unmarshal([]byte(r.FormValue("json")), &c)
	s.mu.Lock()
	c.n, c.gone = len(s.calls), r.Context().Done()
	s.calls = append(s.calls, c)
	s.forms = append(s.forms, r.FormValue("json"))
	s.mu.Unlock()
	s.answer(w, c)
}

// offsets are the offsets of all calls so far.
func (s *script) offsets() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, c := range s.calls {
		all = append(all, fmt.Sprint(c.Offset))
	}
	return strings.Join(all, " ")
}

func (s *script) client(t *testing.T, change ...func(*Options)) *Client {
	t.Helper()
	o := Options{URL: s.URL, Key: "KEY", Secret: "TOPSECRET", CDN: 1, Types: []string{"video"}, Now: time.Now,
		Timeout: 2 * time.Second} // what fails is tried about six times in it
	for _, f := range change {
		f(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// data answers successfully with the JSON text of a data member.
func data(w io.Writer, text string) {
	fmt.Fprintf(w, `{"data":%s,"message":"Found Files List Data","status":"success","handle_time":"0.3795 seconds"}`, text)
}

// node answers with the JSON text of the members of the folder r.
func members(w io.Writer, text string) { data(w, `{"sestore4/r":[{`+text+`}]}`) }

// names is a JSON list of n names, from first on.
func names(first, n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(`"%06d"`, first+i))
	}
	return "[" + strings.Join(all, ",") + "]"
}

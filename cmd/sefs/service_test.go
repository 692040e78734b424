package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"time"

	"sefs/apiclient/apitest"
)

// remote is the folder that the tests mount.
const remote = "sestore4/jb"

// newService starts the stand-in with a few files and tells w's programs of it. The
// secret is in the environment only.
func (w *world) newService() *apitest.Server {
	w.t.Helper()
	tree := apitest.NewTree(remote)
	tree.AddFile("film.mp4")
	tree.AddFile("series/one.mp4")
	tree.AddFile("series/two.mp4")
	// Each process stamps its requests with the second, and the tests start several
	// for one folder in the same second.
	service, err := apitest.New(apitest.Options{Tree: tree, AllowReplay: true})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(service.Close)
	w.account(service.URL())
	w.set("SEFS_FILES_URL="+service.FilesURL(), "SEFS_API_KEY="+service.APIKey(), "SEFS_API_SECRET="+service.Secret(), "SEFS_CDN="+strconv.Itoa(service.CDN()))
	return service
}

// account tells w's programs of a service at url, and of credentials for it.
func (w *world) account(url string) {
	w.set("SEFS_API_URL="+url, "SEFS_API_KEY=key", "SEFS_API_SECRET=hush", "SEFS_CDN=12")
}

// newHandler starts a service that does as handle does.
func (w *world) newHandler(handle http.HandlerFunc) {
	w.t.Helper()
	server := httptest.NewServer(handle)
	w.t.Cleanup(server.Close)
	w.account(server.URL + "/")
}

// answering is a service that gives one answer, whatever it is asked.
func answering(status int, body string) http.HandlerFunc {
	return func(rw http.ResponseWriter, _ *http.Request) {
		rw.WriteHeader(status)
		fmt.Fprint(rw, body)
	}
}

// refusing is a service that fails with a code.
func refusing(code string) http.HandlerFunc {
	return answering(200, fmt.Sprintf(`{"status":"failure","code":%q,"message":"no"}`, code))
}

// newSilence starts a service that takes connections and never answers. asked is
// closed when the first comes.
func (w *world) newSilence() (asked chan struct{}) {
	w.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	asked = make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		var all []net.Conn
		for {
			conn, err := listener.Accept()
			if err != nil {
				break
			}
			if all = append(all, conn); len(all) == 1 {
				close(asked)
			}
		}
		for _, conn := range all {
			_ = conn.Close()
		}
	}()
	w.t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	w.account("http://" + listener.Addr().String() + "/")
	return asked
}

// unusedAddress is an address of this machine where nobody listens. (A port that was free
// a moment ago may be another test's by now.)
const unusedAddress = "http://127.0.0.1:1/"

// wait waits for a channel, within patience.
func (w *world) wait(what string, c <-chan struct{}) {
	w.t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		w.t.Fatalf("waited in vain for %s", what)
	}
}

// inNamespace runs a shell script in a mount namespace of its own, with args as $1
// and so on. $sefs is the program.
func (w *world) inNamespace(script string, args ...string) result {
	w.t.Helper()
	if os.Getuid() != 0 {
		w.t.Skip("needs root for a mount namespace")
	}
	for _, tool := range []string{"unshare", "setpriv"} {
		if _, err := exec.LookPath(tool); err != nil {
			w.t.Skipf("needs %s", tool)
		}
	}
	script = "set -e; sefs=" + os.Getenv(programVariable) + "; " + script
	return w.run(append([]string{"unshare", "--mount", "sh", "-c", script, "sh"}, args...)...)
}

// heldBack is a service that answers once answer is closed. asked is closed when it
// is asked for the first time.
func heldBack(asked, answer chan struct{}) http.HandlerFunc {
	var once sync.Once
	return func(rw http.ResponseWriter, r *http.Request) {
		once.Do(func() { close(asked) })
		select {
		case <-answer:
		case <-r.Context().Done():
		}
		answering(200, `{"status":"success","data":{"`+remote+`":[{"__is_loaded":1,"__files":["film.mp4"]}]}}`)(rw, r)
	}
}

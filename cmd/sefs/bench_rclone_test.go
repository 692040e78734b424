package main

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sefs/apiclient/apitest"
)

// BenchmarkBesideRclone walks one tree through rclone's mount and through ours. rclone has
// no backend for the service, so it mounts a web server's index pages, one request for a
// folder, at the same latency. It asks for no sizes there, as find does not.
func BenchmarkBesideRclone(b *testing.B) {
	const trip = 50 * time.Millisecond
	rclone, err := exec.LookPath("rclone")
	if err != nil {
		b.Skip("there is no rclone here: apt-get install rclone")
	}
	fanout := 10
	if testing.Short() {
		fanout = 3 // to see that it runs
	}
	tree := apitest.Nested(remote, fanout, 3, 20)
	files, dirs := tree.Len()

	service, err := apitest.New(apitest.Options{Tree: tree, Latency: trip, AllowReplay: true})
	if err != nil {
		b.Fatal(err)
	}
	defer service.Close()
	var pages atomic.Int64
	index := httptest.NewServer(indexOf(tree, func() { pages.Add(1); time.Sleep(trip) }))
	defer index.Close()

	for _, c := range []struct {
		name    string
		program []string // without the mount point
		environ []string
		calls   func() int
	}{
		{"sefs", []string{os.Getenv(programVariable), "mount", "-f", remote},
			[]string{"SEFS_API_URL=" + service.URL(), "SEFS_FILES_URL=" + service.FilesURL(), "SEFS_API_KEY=" + service.APIKey(),
				"SEFS_API_SECRET=" + service.Secret(), "SEFS_CDN=" + strconv.Itoa(service.CDN())},
			func() int { return service.Calls().Total }},
		{"rclone", []string{rclone, "mount", "--config=", "--read-only", "--dir-cache-time=1h", "--http-no-head", "--http-url=" + index.URL + "/", ":http:"},
			[]string{"HOME=" + b.TempDir(), "XDG_CACHE_HOME=" + b.TempDir()},
			func() int { return int(pages.Load()) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			var cold, warm time.Duration
			calls := 0
			for b.Loop() {
				dir := b.TempDir()
				unmount := mounted(b, dir, c.environ, append(c.program, dir)...)
				before := c.calls()
				for _, took := range []*time.Duration{&cold, &warm} {
					began := time.Now()
					out, err := exec.Command("find", dir, "-mindepth", "1").Output()
					if n := strings.Count(string(out), "\n"); err != nil || n != files+dirs {
						b.Errorf("%d entries of %d, error %v", n, files+dirs, err)
					}
					*took += time.Since(began)
				}
				calls += c.calls() - before
				unmount()
			}
			b.ReportMetric(float64(calls)/float64(b.N), "calls")
			b.ReportMetric(cold.Seconds()/float64(b.N), "cold-s")
			b.ReportMetric(warm.Seconds()/float64(b.N), "warm-s")
		})
	}
}

// indexOf serves a tree as a web server does that lists folders as pages. each is called
// before every answer.
func indexOf(tree *apitest.Tree, each func()) http.Handler {
	pages := map[string]*strings.Builder{"": {}}
	page := func(dir string) *strings.Builder {
		if dir == "." {
			dir = ""
		}
		if pages[dir] == nil {
			pages[dir] = &strings.Builder{}
		}
		return pages[dir]
	}
	list := func(rel, slash string) {
		name := filepath.Base(rel)
		fmt.Fprintf(page(filepath.Dir(rel)), "<a href=\"./%s%s\">%s</a>\n", url.PathEscape(name), slash, html.EscapeString(name))
	}
	files, dirs := tree.Paths()
	for _, rel := range dirs {
		page(rel)
		list(rel, "/")
	}
	for _, rel := range files {
		list(rel, "")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		each()
		text, ok := pages[strings.Trim(r.URL.Path, "/")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<html><body>", text.String(), "</body></html>")
	})
}

// mounted starts a program that mounts on dir and waits until it has. What it returns ends
// both.
func mounted(b *testing.B, dir string, environ []string, program ...string) (unmount func()) {
	b.Helper()
	cmd := exec.Command(program[0], program[1:]...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, environ...)
	var errs strings.Builder
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if top, err := topMount(dir); err == nil && top != nil && strings.HasPrefix(top.FSType, "fuse") {
			break
		}
		select {
		case err := <-ended:
			b.Fatalf("%s: %v: %s", program[0], err, errs.String())
		default:
		}
		if time.Now().After(end) {
			_ = cmd.Process.Kill()
			b.Fatalf("%s does not mount: %s", program[0], errs.String())
		}
	}
	return func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			b.Error(err)
		}
		if err := <-ended; err != nil && !strings.Contains(err.Error(), "signal: terminated") {
			b.Logf("%s: %v: %s", program[0], err, errs.String())
		}
	}
}

package fs

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sefs/apiclient/apitest"
)

// A link is shared by all readers, and renewed when it has ended.
func TestLinksThatEnd(t *testing.T) {
	t.Parallel()
	const size = 12 << 20
	tree := fileOf(size)
	f := mount(t, setup{service: apitest.Options{Tree: tree, Links: apitest.LinkOptions{Life: 2 * time.Second},
		Content: apitest.ContentOptions{BytesPerSecond: 3 << 20}}, memory: 8 << 20})
	out := filepath.Join(t.TempDir(), "copy")
	f.must("cp", f.dir+"/film.mp4", out)
	if got, err := os.ReadFile(out); err != nil || !bytes.Equal(got, tree.Bytes("film.mp4")) {
		t.Errorf("%d bytes, error %v", len(got), err)
	}
	if n := f.service.Calls().LinksTotal(); n < 2 || n > 30 {
		t.Errorf("%d links were asked for", n)
	}
	f.service.RevokeLinks()
	f.service.SetContent(apitest.ContentOptions{})
	file, err := os.OpenFile(f.dir+"/film.mp4", os.O_RDONLY|syscall.O_DIRECT, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if got, err := io.ReadAll(file); err != nil || !bytes.Equal(got, tree.Bytes("film.mp4")) {
		t.Errorf("after all links were revoked: %d bytes, error %v", len(got), err)
	}
}

// What a server may do to a transfer does no harm to the bytes; what it does for ever is
// an error, in bounded time.
func TestContentFaults(t *testing.T) {
	plain := func(r apitest.Reply) apitest.AskReply { return apitest.AskReply{Reply: r} }
	faults := map[string]apitest.AskReply{
		"cut":              apitest.CutAfter(1000),
		"cut at once":      apitest.CutAfter(0),
		"reset":            plain(apitest.Reset()),
		"HTTP 500":         plain(apitest.Status(500)),
		"HTTP 503":         plain(apitest.RetryAfter(503, time.Second)),
		"HTTP 429":         plain(apitest.Status(429)),
		"HTTP 403":         plain(apitest.Status(403)),
		"HTTP 404":         plain(apitest.Status(404)),
		"HTTP 410":         plain(apitest.Status(410)),
		"HTML":             plain(apitest.HTML()),
		"other start":      apitest.OtherStart(10),
		"other length":     apitest.OtherLength(10),
		"no total":         apitest.UnknownTotal(),
		"no Content-Range": apitest.NoContentRange(),
		"multipart":        apitest.Multipart(),
		"gzip":             apitest.Gzipped(),
		"shorter":          apitest.Shorter(10),
		"redirect":         plain(apitest.Redirect("http://127.0.0.1:1/")),
	}
	final := []string{"redirect", "HTML"} // nothing to be tried again
	for name, reply := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := fileOf(2 << 20)
			const timeout = 4 * time.Second
			f := mount(t, setup{service: apitest.Options{Tree: tree}, timeout: timeout})
			if !slices.Contains(final, name) {
				f.service.SetAskFault(apitest.FirstAsks(1, apitest.AskContent, reply))
				if got, err := os.ReadFile(f.dir + "/film.mp4"); err != nil || !bytes.Equal(got, tree.Bytes("film.mp4")) {
					t.Fatalf("once: %d bytes, error %v", len(got), err)
				}
				f.unmount()
				f.mount(setup{timeout: timeout})
			}
			f.service.SetAskFault(apitest.EveryAsk(reply, apitest.AskContent))
			out, errs, err := f.run("cat", f.dir+"/film.mp4")
			if name == "cut" && err == nil {
				// A thousand bytes at a time are slow, but they are the file's.
				if out != string(tree.Bytes("film.mp4")) {
					t.Error("other bytes than the file's")
				}
				return
			}
			if err == nil || !strings.HasPrefix(string(tree.Bytes("film.mp4")), out) {
				t.Errorf("always: error %v, %d bytes, %s", err, len(out), errs)
			}
		})
	}
}

// A reader that is killed while its bytes do not come ends at once, and takes nothing from
// others. A signal that a program handles does not fail its reads, nor kill one that maps
// the file.
func TestInterruptedRead(t *testing.T) {
	t.Parallel()
	tree := fileOf(1 << 20)
	f := mount(t, setup{service: apitest.Options{Tree: tree}})
	release := make(chan struct{})
	f.service.SetAskFault(apitest.EveryAsk(apitest.AskReply{Reply: apitest.Hold(release)}, apitest.AskContent))
	impatient, patient := exec.Command("cat", f.dir+"/film.mp4"), exec.Command("cat", f.dir+"/film.mp4")
	var out bytes.Buffer
	patient.Stdout = &out
	for _, cmd := range []*exec.Cmd{impatient, patient} {
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the bytes are asked for", func() bool { return f.service.Calls().Content > 0 })
	if err := impatient.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = impatient.Wait() }()
	select {
	case <-ended:
	case <-time.After(patience / 2):
		t.Error("the interrupted reader is still there")
		_ = impatient.Process.Kill()
	}
	close(release)
	if err := patient.Wait(); err != nil || !bytes.Equal(out.Bytes(), tree.Bytes("film.mp4")) {
		t.Errorf("the other reader got %d bytes, error %v", out.Len(), err)
	}

	f.unmount()
	f.mount(setup{})
	f.service.SetAskFault(nil)
	f.service.SetContent(apitest.ContentOptions{FirstByte: 100 * time.Millisecond})
	if got := f.deed("signalled", f.dir+"/film.mp4", "all"); got != string(tree.Bytes("film.mp4")) {
		t.Errorf("under signals: %d bytes, other than the file's", len(got))
	}
}

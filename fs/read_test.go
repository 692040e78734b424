package fs

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sefs/apiclient/apitest"
	"sefs/cache"
)

// fileOf is a tree with one file of so many bytes.
func fileOf(size int64) *apitest.Tree {
	tree := apitest.NewTree(root)
	tree.Add("film.mp4", apitest.File{Size: size, Kind: apitest.Video, Time: time.Unix(1_600_000_000, 0)})
	return tree
}

// Reads of every size at every place, one after another and many at once, give the
// file's bytes, whatever the server is like.
func TestRandomReads(t *testing.T) {
	for name, content := range map[string]apitest.ContentOptions{
		"ranges":        {},
		"no validators": {Validators: apitest.ValidatorsNone},
		"weak etag":     {Validators: apitest.ValidatorWeakETag},
		"no ranges":     {NoRange: true},
		"no length":     {NoRange: true, NoLength: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const size = 3<<20 + 4321
			tree := fileOf(size)
			f := mount(t, setup{service: apitest.Options{Tree: tree, Content: content}, memory: 8 << 20})
			want := tree.Bytes("film.mp4")
			var all sync.WaitGroup
			for reader := range 4 {
				all.Go(func() {
					file, err := os.Open(f.dir + "/film.mp4")
					if err != nil {
						t.Error(err)
						return
					}
					defer func() { _ = file.Close() }()
					r := rand.New(rand.NewPCG(1, uint64(reader)))
					for range 100 {
						offset, length := r.Int64N(size+1000), r.IntN(300_000)
						got := make([]byte, length)
						n, err := file.ReadAt(got, offset)
						expect := want[min(offset, size):min(offset+int64(length), size)]
						if err != nil && err != io.EOF || !bytes.Equal(got[:n], expect) {
							t.Errorf("%d bytes at %d: %d bytes came, error %v", length, offset, n, err)
							return
						}
					}
				})
			}
			all.Wait()
			if calls := f.service.Calls(); calls.Leaks > 0 || calls.Rejected > 0 {
				t.Errorf("%+v", calls)
			}
			if used := f.memory.Used(); used > 8<<20 {
				t.Errorf("%d bytes of memory", used)
			}
		})
	}
}

// All sizes around the edges of blocks, pages and windows are read right, by read and by
// mmap.
func TestSizesAtTheEdges(t *testing.T) {
	tree := apitest.NewTree(root)
	var names []string
	for _, base := range []int64{0, 4096, cache.BlockSize, 2 * cache.BlockSize, smallFile, 1 << 20} {
		for _, size := range []int64{base - 1, base, base + 1} {
			if size >= 0 {
				name := fmt.Sprintf("f%d", size)
				names = append(names, name)
				tree.Add(name, apitest.File{Size: size, Kind: apitest.Video})
			}
		}
	}
	f := mount(t, setup{service: apitest.Options{Tree: tree}})
	for _, name := range names {
		want := tree.Bytes(name)
		if got, err := os.ReadFile(filepath.Join(f.dir, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, error %v", name, len(got), err)
		}
		if len(want) == 0 {
			continue
		}
		if got := f.deed("mmap", filepath.Join(f.dir, name), "all"); got != string(want) {
			t.Errorf("%s by mmap: %d bytes, other than the file's", name, len(got))
		}
	}
}

// A file that is read to its end once is fetched once, and not again while the kernel or
// we have it.
func TestSequentialRead(t *testing.T) {
	const size = 40 << 20
	tree := fileOf(size)
	f := mount(t, setup{service: apitest.Options{Tree: tree}})
	want := fmt.Sprintf("%x", sum(tree.Bytes("film.mp4")))
	for range 2 {
		if got := f.must("sha256sum", f.dir+"/film.mp4"); !strings.HasPrefix(got, want) {
			t.Errorf("sha256sum: %s", got)
		}
	}
	calls := f.service.Calls()
	if calls.ContentBytes != size {
		t.Errorf("%d bytes were fetched of %d", calls.ContentBytes, size)
	}
	if n := calls.LinksTotal(); n != 1 {
		t.Errorf("%d links were asked for", n)
	}
	t.Logf("%d requests for 40 MiB", calls.Content)
	if calls.Content > 60 {
		t.Errorf("%d requests", calls.Content)
	}
}

// Thirty-two readers of one file fetch it once.
func TestManyReadersFetchOnce(t *testing.T) {
	const size = 6 << 20
	tree := fileOf(size)
	f := mount(t, setup{service: apitest.Options{Tree: tree, Content: apitest.ContentOptions{FirstByte: 5 * time.Millisecond}}})
	want := sum(tree.Bytes("film.mp4"))
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			// Without the kernel's pages, so that each reader comes to us.
			file, err := os.OpenFile(f.dir+"/film.mp4", os.O_RDONLY|syscall.O_DIRECT, 0)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = file.Close() }()
			got, err := io.ReadAll(file)
			if err != nil || sum(got) != want {
				t.Errorf("%d bytes, error %v", len(got), err)
			}
		})
	}
	all.Wait()
	if n := f.service.Calls().ContentBytes; n != size {
		t.Errorf("%d bytes were fetched of %d", n, size)
	}
}

// A random read fetches two blocks at most, in one request, and what is between two
// places is not fetched.
func TestRandomReadsFetchLittle(t *testing.T) {
	const size = 1 << 30
	tree := fileOf(size)
	f := mount(t, setup{service: apitest.Options{Tree: tree}})
	file, err := os.Open(f.dir + "/film.mp4")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	content, _, _ := tree.ReaderAt("film.mp4")
	r := rand.New(rand.NewPCG(7, 7))
	got, want := make([]byte, 64<<10), make([]byte, 64<<10)
	var requests, bytesFetched int64
	for range 200 {
		f.service.ResetCalls()
		offset := r.Int64N(size - 64<<10)
		if _, err := file.ReadAt(got, offset); err != nil {
			t.Fatal(err)
		}
		if _, err := content.ReadAt(want, offset); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("at %d: other bytes, error %v", offset, err)
		}
		calls := f.service.Calls()
		if calls.ContentBytes > 256<<10 || calls.Content > 1 {
			t.Errorf("64 KiB at %d: %d bytes in %d requests", offset, calls.ContentBytes, calls.Content)
		}
		requests, bytesFetched = requests+int64(calls.Content), bytesFetched+calls.ContentBytes
	}
	t.Logf("200 reads of 64 KiB: %d bytes in %d requests", bytesFetched, requests)
}

// What looks at a film's head and tail and a few places between does not download what
// lies there.
func TestMediaProbe(t *testing.T) {
	const size = 1 << 30
	f := mount(t, setup{service: apitest.Options{Tree: fileOf(size)}})
	file, err := os.Open(f.dir + "/film.mp4")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	buf := make([]byte, 64<<10)
	for _, offset := range []int64{0, size - 64<<10, 300 << 20, 500 << 20, 700 << 20} {
		if _, err := file.ReadAt(buf, offset); err != nil {
			t.Fatal(err)
		}
	}
	calls := f.service.Calls()
	t.Logf("five reads of 64 KiB: %d bytes in %d requests", calls.ContentBytes, calls.Content)
	if calls.ContentBytes > 5*256<<10 {
		t.Errorf("%d bytes", calls.ContentBytes)
	}
}

// Random pages of a mapped file: the kernel reads around each fault, and gives that up
// after a hundred.
func TestRandomMmap(t *testing.T) {
	const size = 1 << 30
	tree := fileOf(size)
	f := mount(t, setup{service: apitest.Options{Tree: tree}})
	r := rand.New(rand.NewPCG(3, 3))
	args := []string{f.dir + "/film.mp4"}
	var want []byte
	content, _, _ := tree.ReaderAt("film.mp4")
	for range 200 {
		offset := r.Int64N(size/4096) * 4096
		args = append(args, fmt.Sprint(offset))
		page := make([]byte, 4096)
		if _, err := content.ReadAt(page, offset); err != nil {
			t.Fatal(err)
		}
		want = append(want, page...)
	}
	if got := f.deed("mmap", args...); got != string(want) {
		t.Error("other bytes than the file's")
	}
	calls := f.service.Calls()
	t.Logf("200 random pages by mmap: %d bytes in %d requests", calls.ContentBytes, calls.Content)
	if limit := int64(200 * (raisedReadAhead + 2*cache.BlockSize)); calls.ContentBytes > limit {
		t.Errorf("%d bytes were fetched for 200 pages", calls.ContentBytes)
	}
}

// A handle that is closed loads nothing more.
func TestReleaseStopsReadAhead(t *testing.T) {
	f := mount(t, setup{service: apitest.Options{Tree: fileOf(1 << 30), Content: apitest.ContentOptions{PerConnection: 4 << 20}}})
	file, err := os.Open(f.dir + "/film.mp4")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, file, 2<<20); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	last := int64(-1)
	eventually(t, "no more bytes come", func() bool {
		time.Sleep(200 * time.Millisecond)
		n := f.service.Calls().ContentBytes
		still := n == last
		last = n
		return still
	})
	if last > 2<<20+maxWindow {
		t.Errorf("%d bytes were fetched", last)
	}
}

// The kernel's own pages serve a file that is opened again.
func TestPagesAreKept(t *testing.T) {
	f := mount(t, setup{})
	for range 3 {
		if _, err := os.ReadFile(f.dir + "/movie.mp4"); err != nil {
			t.Fatal(err)
		}
	}
	if got := f.requests.take("OPEN", "READ"); !strings.HasPrefix(got, "OPEN 3, READ ") {
		t.Error(got)
	}
	if _, err := os.ReadFile(f.dir + "/movie.mp4"); err != nil {
		t.Fatal(err)
	}
	if got := f.requests.take("OPEN", "READ"); got != "OPEN 1, READ 0" {
		t.Error(got)
	}
}

// A link is shared by all readers, and renewed when it has ended.
func TestLinksThatEnd(t *testing.T) {
	const size = 24 << 20
	tree := fileOf(size)
	f := mount(t, setup{service: apitest.Options{Tree: tree, Links: apitest.LinkOptions{Life: 2 * time.Second},
		Content: apitest.ContentOptions{BytesPerSecond: 6 << 20}}, memory: 16 << 20})
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
			f := mount(t, setup{service: apitest.Options{Tree: tree}, timeout: 4 * time.Second})
			if !slices.Contains(final, name) {
				f.service.SetAskFault(apitest.FirstAsks(1, apitest.AskContent, reply))
				if got, err := os.ReadFile(f.dir + "/film.mp4"); err != nil || !bytes.Equal(got, tree.Bytes("film.mp4")) {
					t.Fatalf("once: %d bytes, error %v", len(got), err)
				}
				f.unmount()
				f.mount(setup{timeout: 4 * time.Second})
			}
			f.service.SetAskFault(apitest.EveryAsk(reply, apitest.AskContent))
			out, errs, err := f.runFor(20*time.Second, "cat", f.dir+"/film.mp4")
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
	case <-time.After(5 * time.Second):
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

package fs

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

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
					for range 40 {
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
	bulk(t)
	t.Parallel()
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
	bulk(t)
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
	t.Parallel()
	const size = 1 << 20
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
	bulk(t)
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
	for range 100 {
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
	t.Logf("100 reads of 64 KiB: %d bytes in %d requests", bytesFetched, requests)
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
	bulk(t)
	t.Parallel()
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
	t.Parallel()
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

// The kernel reads further ahead where it may be told to.
func TestReadAheadIsRaised(t *testing.T) {
	f := mount(t, setup{})
	var st unix.Stat_t
	if err := unix.Lstat(f.dir, &st); err != nil {
		t.Fatal(err)
	}
	path := fmt.Sprintf("/sys/class/bdi/%d:%d/read_ahead_kb", unix.Major(st.Dev), unix.Minor(st.Dev))
	text, err := os.ReadFile(path)
	if err != nil || os.Getuid() != 0 {
		t.Skipf("it cannot be seen, or not be set: %v", err)
	}
	if got := strings.TrimSpace(string(text)); got != fmt.Sprint(raisedReadAhead>>10) {
		t.Errorf("%s KiB", got)
	}
}

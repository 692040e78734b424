package fs

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"

	"sefs/apiclient"
	"sefs/apiclient/apitest"
	"sefs/cache"
)

// notes is a log that can be read while it is written.
type notes struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (n *notes) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.Write(p)
}

func (n *notes) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.String()
}

// faulty is a service's client with faults of a kind that no test should find: while its
// switch is on, everything that it is asked panics, in loads of all kinds.
type faulty struct {
	*apiclient.Client
	on atomic.Bool
}

func (f *faulty) check() {
	if f.on.Load() {
		panic("out of its mind")
	}
}

func (f *faulty) List(ctx context.Context, r apiclient.ListRequest) (*apiclient.Folder, error) {
	f.check()
	return f.Client.List(ctx, r)
}

func (f *faulty) Files(ctx context.Context, r apiclient.FilesRequest) (*apiclient.Folder, error) {
	f.check()
	return f.Client.Files(ctx, r)
}

func (f *faulty) Open(ctx context.Context, r apiclient.Range) (*apiclient.Body, error) {
	f.check()
	return f.Client.Open(ctx, r)
}

// panicking panics where the kernel's requests come in.
type panicking struct {
	fuse.RawFileSystem
	on atomic.Bool
}

func (p *panicking) Lookup(cancel <-chan struct{}, h *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	if p.on.Load() {
		panic("out of its mind")
	}
	return p.RawFileSystem.Lookup(cancel, h, name, out)
}

// An operation that panics fails with EIO, and a load that panics fails all that wait for
// it; the log has where, and the mount goes on.
func TestPanics(t *testing.T) {
	t.Parallel()
	needFUSE(t)
	content := apitest.NewTree(root)
	content.Add("dir/a.mp4", apitest.File{Size: 1000})
	content.Add("other/b.mp4", apitest.File{Size: 1000})
	service, err := apitest.New(apitest.Options{Tree: content, Order: apitest.FolderOnly})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(service.Close)
	text := &notes{}
	log := slog.New(slog.NewTextHandler(text, nil))
	client, err := apiclient.New(apiclient.Options{URL: service.URL(), FilesURL: service.FilesURL(), Key: service.APIKey(),
		Secret: service.Secret(), CDN: service.CDN(), Types: []string{"includeinvalid"}, Timeout: patience, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	bad := &faulty{Client: client}
	memory := cache.NewMemory(64<<20, log)
	listings := cache.New(cache.Options{Lister: bad, Describer: bad, TTL: time.Hour, Timeout: patience, LoadTimeout: patience,
		Memory: memory, Root: root, Log: log})
	t.Cleanup(listings.Close)
	blocks := cache.NewBlocks(cache.BlocksOptions{Opener: bad, Memory: memory, TTL: time.Hour, Timeout: patience, Downloads: 2, Log: log})
	t.Cleanup(blocks.Close)
	var told atomic.Int64
	dir, raw := t.TempDir(), &panicking{}
	mounted, err := newTree(Options{Listings: listings, Blocks: blocks, Root: root, TTL: time.Hour, FileMode: 0o444, DirMode: 0o555,
		Log: log, OnPanic: func(any) { told.Add(1) }}).mount(dir, func(fs fuse.RawFileSystem) fuse.RawFileSystem {
		raw.RawFileSystem = fs
		return raw
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for err := mounted.Unmount(); err != nil; err = mounted.Unmount() { // a process of another test may hold our descriptors
			time.Sleep(20 * time.Millisecond)
		}
	})
	lstat := func() error { _, err := os.Lstat(dir + "/dir"); return err }
	list := func() error { _, err := os.ReadDir(dir + "/other"); return err }
	size := func() error { _, err := os.Lstat(dir + "/other/b.mp4"); return err }
	read := func() error { _, err := os.ReadFile(dir + "/other/b.mp4"); return err }
	for _, step := range []struct {
		what, where string // where: a function that has to be in the log
		on          *atomic.Bool
		do          func() error
	}{
		{"an operation", "(*panicking).Lookup", &raw.on, lstat},
		{"a listing", "(*faulty).List", &bad.on, list},
		{"sizes", "(*faulty).Files", &bad.on, size},
		{"contents", "(*faulty).Open", &bad.on, read},
	} {
		step.on.Store(true)
		wantErrno(t, step.what, step.do(), syscall.EIO)
		if got := text.String(); !strings.Contains(got, "out of its mind") || !strings.Contains(got, step.where) || strings.Contains(got, service.Secret()) {
			t.Errorf("%s: the log is\n%s", step.what, got)
		}
		step.on.Store(false)
		// A failure may be repeated for a second.
		eventually(t, step.what+" works again", func() bool { return step.do() == nil })
	}
	if n := told.Load(); n != 1 {
		t.Errorf("%d panics of operations were told of, want 1", n)
	}
}

// What watches for rows of files is nobody's operation; its panic ends nothing else.
func TestPanicOfARow(t *testing.T) {
	text := &notes{}
	broken := newTree(Options{Prefetch: true, TTL: time.Hour, Root: root, Log: slog.New(slog.NewTextHandler(text, nil))})
	broken.ahead.reads(1, root+"/dir/a", 5) // has no listings to look into
	eventually(t, "it is logged", func() bool { return strings.Contains(text.String(), "(*row).next") })
	for range 2 * maxQueue {
		broken.ahead.reads(1, root+"/dir/b", 6) // waits for nothing, and does no harm
	}
}

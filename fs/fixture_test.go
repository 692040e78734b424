package fs

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"go.uber.org/goleak"

	"sefs/apiclient"
	"sefs/apiclient/apitest"
	"sefs/cache"
)

const root = "sestore4/jb"

// patience is how long anything that is waited for may take. It is a bound for a hang, not
// a measurement.
const patience = time.Minute

// long reports whether the tests may take as long as they like: make soak.
func long() bool { return os.Getenv("SEFS_TEST_LONG") != "" }

// sampled skips all but a few of many scenarios in make test; make soak has them all.
func sampled(t *testing.T, name string) {
	t.Helper()
	if !long() && xxhash.Sum64String(name)%6 != 0 {
		t.Skip("make soak has it")
	}
}

// lasting skips a test that takes long; make soak has it.
func lasting(t *testing.T) {
	t.Helper()
	if !long() {
		t.Skip("make soak has it")
	}
}

// bulk skips a test of many bytes or names where -short is set: the second pass of make
// test, for what one processor does other than two.
func bulk(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("the bytes are the same on one processor")
	}
}

// TestMain lets the test binary act as a program on the mount, as some deeds block or
// would deadlock with a file system served by the same process.
func TestMain(m *testing.M) {
	if deed := os.Getenv("SEFS_TEST_DEED"); deed != "" {
		os.Exit(deeds[deed](os.Args[1:]))
	}
	log.SetOutput(io.Discard) // net/http writes answers there that nobody asked for, as sefs says not to
	goleak.VerifyTestMain(m)
}

// setup says what differs from the defaults.
type setup struct {
	service     apitest.Options
	ttl, stale  time.Duration
	timeout     time.Duration
	loadTimeout time.Duration
	allowEmpty  bool
	concurrency int
	downloads   int
	memory      int64
	lister      string // "v1", else files.list
	stream      bool   // files of unknown size
	prefetch    bool   // load ahead of who walks
	sweep       bool   // list small folders from their parents
	identify    func(path string, mode uint32) fusefs.StableAttr
	rowIdle     time.Duration // before a row of files ends
	quiet       bool          // log errors only
}

// account is what a client is told of a service.
type account struct {
	URL, FilesURL, Key, Secret, Root string
	CDN                              int
}

// accountOf is the account at a stand-in.
func accountOf(s *apitest.Server) account {
	return account{s.URL(), s.FilesURL(), s.APIKey(), s.Secret(), s.Tree().Root(), s.CDN()}
}

// fixture is a mount of a stand-in service.
type fixture struct {
	t        testing.TB
	dir      string // mount point
	service  *apitest.Server
	account  account
	client   *apiclient.Client
	listings *cache.Listings
	blocks   *cache.Blocks
	memory   *cache.Memory
	requests *requests
	mounted  *Mount
	unmount  func()
	opened   []int // descriptors
}

// mount starts a service and mounts it. The test fails if it cannot be unmounted.
func mount(t testing.TB, s setup) *fixture {
	t.Helper()
	needFUSE(t)
	if s.service.Tree == nil {
		s.service.Tree = apitest.Example()
	}
	service, err := apitest.New(s.service)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(service.Close)
	f := &fixture{t: t, dir: t.TempDir(), service: service, account: accountOf(service), requests: &requests{count: map[string]int{}}}
	f.mount(s)
	return f
}

// mountAccount mounts a service that another process serves.
func mountAccount(t testing.TB, a account, s setup) *fixture {
	t.Helper()
	needFUSE(t)
	f := &fixture{t: t, dir: t.TempDir(), account: a, requests: &requests{count: map[string]int{}}}
	f.mount(s)
	return f
}

// mount mounts the service of the fixture, with an empty cache.
func (f *fixture) mount(s setup) {
	t := f.t
	t.Helper()
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&s.ttl, time.Hour)
	def(&s.timeout, 10*time.Second)
	def(&s.loadTimeout, 10*time.Minute)
	level := slog.LevelDebug // all is searched for secrets
	if s.quiet {
		level = slog.LevelError
	}
	log := slog.New(slog.NewTextHandler(newTestWriter(t, f.account), &slog.HandlerOptions{Level: level}))
	client, err := apiclient.New(apiclient.Options{
		URL: f.account.URL, Key: f.account.Key, Secret: f.account.Secret, CDN: f.account.CDN,
		Types: []string{"includeinvalid"}, Concurrency: s.concurrency, Log: log,
		FilesURL: f.account.FilesURL, DownloadConcurrency: s.downloads, Timeout: s.timeout,
	})
	if err != nil {
		t.Fatal(err)
	}
	f.client = client
	var lister cache.Lister = client
	if s.lister == "v1" {
		lister = apiclient.FilesLister{Client: client}
	}
	var sweeper cache.Sweeper
	if s.sweep {
		sweeper = client
	}
	ahead := 0
	if s.prefetch {
		ahead = cmp.Or(s.concurrency, 4)
	}
	f.memory = cache.NewMemory(cmp.Or(s.memory, 256<<20), log)
	f.listings = cache.New(cache.Options{Lister: lister, Describer: client, TTL: s.ttl, Stale: s.stale, Timeout: s.timeout,
		LoadTimeout: s.loadTimeout, Memory: f.memory, Root: f.account.Root, AllowEmpty: s.allowEmpty, Log: log,
		Ahead: ahead, Sweeper: sweeper})
	f.blocks = cache.NewBlocks(cache.BlocksOptions{Opener: client, Memory: f.memory, TTL: s.ttl, Timeout: s.timeout,
		Downloads: cmp.Or(s.downloads, 8), Log: log})
	tree := newTree(Options{
		Listings: f.listings, Blocks: f.blocks, StreamUnknown: s.stream, Prefetch: true, Root: f.account.Root, TTL: s.ttl,
		FileMode: 0o444, DirMode: 0o555, Log: log, Debug: os.Getenv("SEFS_TEST_DEBUG") != "",
		OnPanic: func(p any) { t.Errorf("an operation panicked: %v", p) },
	})
	if s.identify != nil {
		tree.identify = func(folder, name string, mode uint32) fusefs.StableAttr {
			return s.identify(folder+"/"+name, mode)
		}
	}
	def(&s.rowIdle, rowIdle)
	tree.ahead.idle = s.rowIdle
	mounted, err := tree.mount(f.dir, func(fs fuse.RawFileSystem) fuse.RawFileSystem {
		return &counting{RawFileSystem: fs, requests: f.requests}
	})
	if err != nil {
		t.Fatal(err)
	}
	f.mounted = mounted
	f.unmount = sync.OnceFunc(func() {
		for _, fd := range slices.Clone(f.opened) {
			f.close(fd)
		}
		// A process that another test starts holds our descriptors for a moment.
		err := mounted.Unmount()
		for end := time.Now().Add(patience); err != nil && time.Now().Before(end); err = mounted.Unmount() {
			time.Sleep(20 * time.Millisecond)
		}
		if err != nil {
			t.Errorf("unmount: %v", err)
			_ = syscall.Unmount(f.dir, syscall.MNT_DETACH)
		}
		f.listings.Close()
		f.blocks.Close()
		client.Close()
	})
	t.Cleanup(f.unmount)
}

// needFUSE skips a test where there is no FUSE, but fails it in CI.
func needFUSE(t testing.TB) {
	t.Helper()
	device, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err == nil {
		_ = device.Close()
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("no FUSE here: %v", err)
	}
	t.Skipf("no FUSE here, so nothing can be mounted: %v", err)
}

// requests counts what the kernel asked.
type requests struct {
	mu    sync.Mutex
	count map[string]int
}

func (r *requests) add(op string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count[op]++
}

// of is how many requests of a kind there were since the last take.
func (r *requests) of(op string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count[op]
}

// take returns the counts since the last take, of the given operations only.
func (r *requests) take(ops ...string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for _, op := range ops {
		all = append(all, fmt.Sprintf("%s %d", op, r.count[op]))
	}
	clear(r.count)
	return strings.Join(all, ", ")
}

// counting counts requests on their way.
type counting struct {
	fuse.RawFileSystem
	requests *requests
}

func (c *counting) Lookup(cancel <-chan struct{}, h *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	c.requests.add("LOOKUP")
	return c.RawFileSystem.Lookup(cancel, h, name, out)
}

func (c *counting) OpenDir(cancel <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	c.requests.add("OPENDIR")
	return c.RawFileSystem.OpenDir(cancel, in, out)
}

func (c *counting) ReleaseDir(in *fuse.ReleaseIn) {
	c.requests.add("RELEASEDIR")
	c.RawFileSystem.ReleaseDir(in)
}

func (c *counting) ReadDir(cancel <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	c.requests.add("READDIR")
	return c.RawFileSystem.ReadDir(cancel, in, out)
}

func (c *counting) ReadDirPlus(cancel <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	c.requests.add("READDIR") // either kind fills the kernel's cache
	c.requests.add("READDIRPLUS")
	return c.RawFileSystem.ReadDirPlus(cancel, in, out)
}

func (c *counting) GetAttr(cancel <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	c.requests.add("GETATTR")
	return c.RawFileSystem.GetAttr(cancel, in, out)
}

func (c *counting) Open(cancel <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	c.requests.add("OPEN")
	return c.RawFileSystem.Open(cancel, in, out)
}

func (c *counting) Read(cancel <-chan struct{}, in *fuse.ReadIn, buf []byte) (fuse.ReadResult, fuse.Status) {
	c.requests.add("READ")
	return c.RawFileSystem.Read(cancel, in, buf)
}

func (c *counting) GetXAttr(cancel <-chan struct{}, h *fuse.InHeader, attr string, dest []byte) (uint32, fuse.Status) {
	c.requests.add("GETXATTR")
	return c.RawFileSystem.GetXAttr(cancel, h, attr, dest)
}

// run runs a program to its end, with a time limit, in the mount point.
func (f *fixture) run(name string, args ...string) (stdout, stderr string, err error) {
	f.t.Helper()
	return f.runFor(patience, name, args...)
}

func (f *fixture) runFor(limit time.Duration, name string, args ...string) (stdout, stderr string, err error) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = "/"
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	if ctx.Err() != nil {
		f.t.Errorf("%s %q did not end within %v", name, args, limit)
	}
	return out.String(), errs.String(), err
}

// must runs a program that has to succeed, and returns what it printed.
func (f *fixture) must(name string, args ...string) string {
	f.t.Helper()
	out, errs, err := f.run(name, args...)
	if err != nil {
		f.t.Fatalf("%s %q: %v\n%s", name, args, err, errs)
	}
	return out
}

// find returns what find prints of the mount, relative and sorted, with the types.
func (f *fixture) find() []string {
	f.t.Helper()
	out := f.must("find", f.dir, "-mindepth", "1", "-printf", `%y %P\0`)
	return sorted(strings.Split(strings.TrimSuffix(out, "\x00"), "\x00"))
}

// open opens a folder for getdents. It is closed before the mount is unmounted.
func (f *fixture) open(dir string) int {
	f.t.Helper()
	fd, err := syscall.Open(filepath.Join(f.dir, dir), syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	if err != nil {
		f.t.Fatal(err)
	}
	f.opened = append(f.opened, fd)
	return fd
}

func (f *fixture) close(fd int) {
	f.opened = slices.DeleteFunc(f.opened, func(other int) bool { return other == fd })
	if err := syscall.Close(fd); err != nil {
		f.t.Error(err)
	}
}

// deed runs a deed of the test binary in a process of its own.
func (f *fixture) deed(name string, args ...string) string {
	f.t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "SEFS_TEST_DEED="+name, "GORACE=atexit_sleep_ms=0")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		f.t.Fatalf("%s %q: %v\n%s", name, args, err, errs.String())
	}
	return string(out)
}

// hold maps a file in a process of its own and returns what ends that: it gives the first
// page as the process sees it then.
func (f *fixture) hold(path string) func() string {
	f.t.Helper()
	cmd := exec.Command(os.Args[0], path)
	cmd.Env = append(os.Environ(), "SEFS_TEST_DEED=hold", "GORACE=atexit_sleep_ms=0")
	in, err := cmd.StdinPipe()
	if err != nil {
		f.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		f.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, len("held\n"))); err != nil {
		f.t.Fatalf("hold: %v", err)
	}
	return func() string {
		f.t.Helper()
		_, _ = in.Write([]byte{'\n'})
		page, err := io.ReadAll(out)
		if err := errors.Join(err, cmd.Wait()); err != nil {
			f.t.Errorf("hold: %v", err)
		}
		return string(page)
	}
}

// deeds are what the test binary can be told to do, by name.
var deeds = map[string]func(args []string) int{
	"hold":      holdDeed,
	"mmap":      mmapDeed,
	"openOnce":  openOnceDeed,
	"seek":      seekDeed,
	"serve":     serveDeed,
	"signalled": signalledDeed,
	"stat":      statDeed,
	"storm":     stormDeed,
	"walk":      walkDeed,
}

func sum(data []byte) [sha256.Size]byte { return sha256.Sum256(data) }

func fail(w *os.File, format string, args ...any) int {
	_, _ = fmt.Fprintf(w, format+"\n", args...)
	return 1
}

// wantErrno checks that an operation failed with a certain errno.
func wantErrno(t testing.TB, what string, err error, want syscall.Errno) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

// eventually waits until f is true, for as long as it could reasonably take.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never happened: %s", what)
		}
	}
}

package fs

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sefs/apiclient/apitest"
)

const rowSize = 10 << 10 // of the files in the tests below, in bytes

// rows is a tree of folders with so many small files each; one folder is the root itself.
func rows(folders, files int) *apitest.Tree {
	tree := apitest.NewTree(root)
	for d := range folders {
		dir := ""
		if folders > 1 {
			dir = fmt.Sprintf("d%03d/", d)
		}
		for i := range files {
			tree.Add(fmt.Sprintf("%sf%04d", dir, i), apitest.File{Size: rowSize, Kind: apitest.Video, Time: time.Unix(1_600_000_000, 0)})
		}
	}
	return tree
}

// know lets sefs know the whole tree with all sizes, and returns the files in the order of
// a walk.
func (f *fixture) know() []string {
	f.t.Helper()
	out := f.must("find", f.dir, "-type", "f", "-size", "+0", "-printf", `%P\0`)
	f.service.ResetCalls()
	return sorted(strings.Split(strings.TrimSuffix(out, "\x00"), "\x00"))
}

// read reads files whole, one after another, and compares them.
func (f *fixture) read(names ...string) {
	f.t.Helper()
	for _, name := range names {
		got, err := os.ReadFile(filepath.Join(f.dir, name))
		if err != nil || !bytes.Equal(got, f.service.Tree().Bytes(name)) {
			f.t.Fatalf("%s: %d bytes, error %v", name, len(got), err)
		}
	}
}

// fetched checks that so many files were asked for, none of them twice.
func (f *fixture) fetched(atLeast, atMost int) {
	f.t.Helper()
	calls := f.service.Calls()
	for path, n := range calls.Links {
		if n > 1 {
			f.t.Errorf("%s: %d links were asked for", path, n)
		}
	}
	for path, n := range calls.ContentOf {
		if n > rowSize {
			f.t.Errorf("%s: %d bytes were fetched of %d", path, n, rowSize)
		}
	}
	if n := calls.LinksTotal(); n < atLeast || n > atMost {
		f.t.Errorf("%d links were asked for, want %d to %d", n, atLeast, atMost)
	}
	if n := calls.Content; n < atLeast || n > atMost {
		f.t.Errorf("%d contents were asked for, want %d to %d", n, atLeast, atMost)
	}
}

// quiet waits until nothing is being loaded.
func (f *fixture) quiet() {
	f.t.Helper()
	last, since := -1, time.Now()
	eventually(f.t, "no more is asked for", func() bool {
		calls := f.service.Calls()
		if n := calls.Total + calls.V1 + calls.Content; n != last {
			last, since = n, time.Now()
		}
		return time.Since(since) > 100*time.Millisecond
	})
}

// Files that are read one after another are asked for ahead, several at a time, and each
// once.
func TestFilesAhead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		folders, files int
		memory         int64
		order          func(f *fixture, names []string)
	}{
		"one folder":      {folders: 1, files: 100},
		"many folders":    {folders: 20, files: 5},
		"little memory":   {folders: 1, files: 100, memory: 8 << 20},
		"by inode number": {folders: 1, files: 100, order: byInode},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := mount(t, setup{memory: c.memory, concurrency: 8, downloads: 8, service: apitest.Options{
				Tree: rows(c.folders, c.files), Latency: 5 * time.Millisecond, Content: apitest.ContentOptions{FirstByte: 5 * time.Millisecond},
			}})
			names := f.know()
			if c.order != nil {
				c.order(f, names)
			}
			f.read(names...)
			f.fetched(len(names), len(names))
			calls, stats := f.service.Calls(), f.blocks.Stats()
			if calls.MaxInFlight < 4 || calls.MaxDownloads < 4 {
				t.Errorf("%d links and %d contents were asked for at a time", calls.MaxInFlight, calls.MaxDownloads)
			}
			if few := int64(len(names) * 4 / 5); stats.Expected < few || stats.Opened != stats.Expected || stats.Pending != 0 {
				t.Errorf("%+v", stats)
			}
			if used := f.memory.Used(); used > f.memory.Budget() {
				t.Errorf("%d bytes of memory", used)
			}
		})
	}
}

// byInode orders names as borg reads them.
func byInode(f *fixture, names []string) {
	ino := make(map[string]uint64)
	for _, name := range names {
		var st syscall.Stat_t
		if err := syscall.Lstat(filepath.Join(f.dir, name), &st); err != nil {
			f.t.Fatal(err)
		}
		ino[name] = st.Ino
	}
	slices.SortFunc(names, func(a, b string) int {
		if ino[a] < ino[b] {
			return -1
		}
		return 1
	})
}

// Who reads one file, or two, or some here and there, causes no call for another.
func TestFewFilesAskForNoOther(t *testing.T) {
	t.Parallel()
	f := mount(t, setup{service: apitest.Options{Tree: rows(1, 200)}})
	names := f.know()
	for i, some := range [][]string{{names[0]}, {names[5], names[6]}, {names[100], names[50], names[150], names[30], names[190]}} {
		f.service.ResetCalls()
		for _, name := range some {
			if i == 0 {
				f.must("cat", filepath.Join(f.dir, name))
				continue
			}
			f.read(name)
		}
		f.quiet()
		f.fetched(len(some), len(some))
	}
	if n := f.blocks.Stats().Expected; n != 0 {
		t.Errorf("%d files were expected", n)
	}
}

// A row that stops asks for few files more, and when it has stopped they count as asked
// for in vain.
func TestRowStops(t *testing.T) {
	t.Parallel()
	f := mount(t, setup{downloads: 4, rowIdle: 3 * time.Second, service: apitest.Options{Tree: rows(1, 200)}})
	names := f.know()
	f.read(names[:50]...)
	f.quiet()
	f.fetched(50, 50+f.blocks.MaxExpected())
	eventually(t, "the row ends", func() bool { return f.blocks.Stats().Pending == 0 })
	stats := f.blocks.Stats()
	if useless := stats.Expected - stats.Opened; useless < 1 || useless > int64(f.blocks.MaxExpected()) {
		t.Errorf("%d files were asked for in vain: %+v", useless, stats)
	}
}

// A backup that leaves out most files wastes few calls.
func TestRowWithGaps(t *testing.T) {
	t.Parallel()
	f := mount(t, setup{service: apitest.Options{Tree: rows(1, 400)}})
	var some []string
	for i, name := range f.know() {
		if i%10 == 0 {
			some = append(some, name)
		}
	}
	f.read(some...)
	f.quiet()
	f.fetched(len(some), 2*len(some))
}

// Parallel readers of one process are one row.
func TestParallelRow(t *testing.T) {
	t.Parallel()
	f := mount(t, setup{service: apitest.Options{Tree: rows(4, 50), Latency: time.Millisecond}})
	names := f.know()
	next, all := make(chan string), sync.WaitGroup{}
	for range 4 {
		all.Go(func() {
			for name := range next {
				got, err := os.ReadFile(filepath.Join(f.dir, name))
				if err != nil || !bytes.Equal(got, f.service.Tree().Bytes(name)) {
					t.Errorf("%s: %d bytes, error %v", name, len(got), err)
				}
			}
		})
	}
	for _, name := range names {
		next <- name
	}
	close(next)
	all.Wait()
	// One that the others leave far behind is given up, and asks again.
	if n := f.service.Calls().Content; n > len(names)*5/4 {
		t.Errorf("%d contents were asked for", n)
	}
	if stats := f.blocks.Stats(); stats.Opened < int64(len(names)/2) {
		t.Errorf("%+v", stats)
	}
}

// What fails ahead of a reader is tried anew by it.
func TestFailureAheadIsNotShown(t *testing.T) {
	t.Parallel()
	f := mount(t, setup{service: apitest.Options{Tree: rows(1, 60)}})
	names := f.know()
	var at, failed atomic.Int64 // the file that is read
	f.service.SetAskFault(func(a apitest.Ask, _ int) apitest.AskReply {
		i := int64(slices.Index(names, strings.TrimPrefix(a.Path, root+"/")))
		if i <= at.Load() {
			return apitest.AskReply{}
		}
		failed.Add(1)
		if i%2 == 0 {
			return apitest.AskReply{Reply: apitest.Status(404)}
		}
		return apitest.AskReply{Reply: apitest.Status(400)}
	})
	for i, name := range names {
		at.Store(int64(i))
		f.read(name)
	}
	if failed.Load() == 0 {
		t.Error("nothing was asked for ahead")
	}
}

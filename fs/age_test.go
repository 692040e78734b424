package fs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sefs/apiclient/apitest"
)

const shortTTL = 300 * time.Millisecond

// ls returns the names that ls shows, . and .. left out.
func (f *fixture) ls(dir string) string {
	f.t.Helper()
	return strings.Join(strings.Fields(f.must("ls", "-A", filepath.Join(f.dir, dir))), " ")
}

// expire waits until a listing of the folder that is in memory now has expired.
func (f *fixture) expire(dir string) {
	f.t.Helper()
	eventually(f.t, "the listing expires", func() bool {
		l := f.listings.Known(filepath.Join(root, dir))
		return l == nil || f.listings.Life(l) <= 0
	})
}

// The kernel keeps the contents of a folder until they change, and no longer.
func TestKernelCacheIsDroppedWhenTheListingChanges(t *testing.T) {
	eachLister(t, func(t *testing.T, lister string) {
		t.Parallel()
		tree := apitest.NewTree(root)
		tree.AddFile("dir/a")
		tree.AddDir("empty")
		f := mount(t, setup{service: apitest.Options{Tree: tree}, ttl: shortTTL, lister: lister})
		for _, step := range []struct {
			what    string
			change  func()
			dir     string
			want    string
			refills bool // whether the kernel has to read the folder from us
		}{
			{"first time", func() {}, "dir", "a", true},
			{"cached", func() {}, "dir", "a", false},
			{"expired, unchanged", func() { f.expire("dir") }, "dir", "a", false},
			{"a file was added", func() { tree.AddFile("dir/b"); f.expire("dir") }, "dir", "a b", true},
			{"cached again", func() {}, "dir", "a b", false},
			{"a file was removed", func() { tree.Remove("dir/a"); f.expire("dir") }, "dir", "b", true},
			{"a file became a folder", func() { tree.Remove("dir/b"); tree.AddFile("dir/b/c"); f.expire("dir") }, "dir", "b", true},
			{"all were removed", func() { tree.Remove("dir/b"); f.expire("dir") }, "dir", "", true},
			{"an empty folder", func() {}, "empty", "", true},
			{"an empty folder, cached", func() {}, "empty", "", false},
			{"an empty folder got a file", func() { tree.AddFile("empty/x"); f.expire("empty") }, "empty", "x", true},
		} {
			step.change()
			f.requests.take()
			if got := f.ls(step.dir); got != step.want {
				t.Errorf("%s: ls shows %q, want %q", step.what, got, step.want)
			}
			if refills := f.requests.take("READDIR") != "READDIR 0"; refills != step.refills {
				t.Errorf("%s: the kernel read the folder from us: %v", step.what, refills)
			}
		}
	})
}

// A cached folder costs the kernel one OPENDIR; names alone cost no lookup each.
func TestWarmListingCostsOneRequest(t *testing.T) {
	f := mount(t, setup{service: apitest.Options{Tree: apitest.Flat(root, 5000)}})
	for range 2 {
		f.ls("")
	}
	f.requests.take()
	f.ls("")
	if got := f.requests.take("OPENDIR", "READDIR", "LOOKUP"); got != "OPENDIR 1, READDIR 0, LOOKUP 0" {
		t.Error(got)
	}
}

// Names with attributes come in one go where the caller wants them, from memory.
func TestListingWithAttributesCostsNoLookups(t *testing.T) {
	f := mount(t, setup{service: apitest.Options{Tree: apitest.Flat(root, 2000)}})
	f.service.ResetCalls()
	if n := strings.Count(f.must("ls", "-l", f.dir), "\n"); n != 2001 {
		t.Errorf("%d lines", n)
	}
	requests := f.requests.take("LOOKUP", "READDIRPLUS")
	if plus, found := strings.CutPrefix(requests, "LOOKUP "); !found || strings.HasSuffix(plus, "READDIRPLUS 0") {
		t.Error(requests)
	}
	if n := f.service.Calls().Total; n > 20 {
		t.Errorf("%d calls for 2,000 files", n)
	}
}

// Two handles with different listings never mix in the kernel's cache.
func TestHandlesOfDifferentAges(t *testing.T) {
	t.Parallel()
	tree := apitest.NewTree(root)
	for _, name := range []string{"a", "b", "c", "d"} {
		tree.AddFile(name + strings.Repeat("x", 200))
	}
	f := mount(t, setup{service: apitest.Options{Tree: tree}, ttl: shortTTL})
	read := func(fd, times int) string {
		all, err := getdents(fd, 600, times)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, e := range all {
			if e.name != "." && e.name != ".." {
				names = append(names, strings.TrimRight(e.name, "x"))
			}
		}
		return strings.Join(names, " ")
	}
	old, unread := f.open(""), f.open("")
	begun := read(old, 1)
	tree.AddFile("new")
	f.expire("")
	current := f.open("")
	if got := read(unread, untilEnd); got != "a b c d new" {
		t.Errorf("a handle that had not begun shows %q", got)
	}
	if got := begun + " " + read(old, untilEnd); got != "a b c d" {
		t.Errorf("a handle that had begun shows %q", got)
	}
	if got := read(current, untilEnd); got != "a b c d new" {
		t.Errorf("a handle that was opened after the change shows %q", got)
	}
	if got := f.ls(""); !strings.HasSuffix(got, " new") || len(strings.Fields(got)) != 5 {
		t.Errorf("ls shows %q", got)
	}
	// A rewind shows what is there now.
	if _, err := syscall.Seek(old, 0, 0); err != nil {
		t.Fatal(err)
	}
	if got := read(old, untilEnd); got != "a b c d new" {
		t.Errorf("a rewound handle shows %q", got)
	}
}

// A walker whose first entries came from the kernel's cache goes on with the same
// listing when that cache is dropped in between.
func TestWalkerGoesOnWhenTheCacheIsDropped(t *testing.T) {
	t.Parallel()
	tree := apitest.NewTree(root)
	for i := range 3000 {
		tree.AddFile(fmt.Sprintf("%05d", i))
	}
	f := mount(t, setup{service: apitest.Options{Tree: tree}, ttl: shortTTL})
	count := func() string { return strings.TrimSpace(f.must("sh", "-c", "ls -f '"+f.dir+"' | wc -l")) }
	count() // fills the kernel's cache
	fd := f.open("")
	f.requests.take()
	seen, err := getdents(fd, 4096, 1)
	if err != nil || len(seen) > 500 {
		t.Fatalf("%d entries, error %v", len(seen), err)
	}
	for i := range 1000 {
		tree.Remove(fmt.Sprintf("%05d", i))
	}
	f.expire("")
	if got := count(); got != "2002" {
		t.Errorf("ls shows %s names", got)
	}
	rest, err := getdents(fd, 4096, untilEnd)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range append(seen, rest...)[2:] {
		if want := fmt.Sprintf("%05d", i); e.name != want {
			t.Fatalf("entry %d is %s", i, e.name)
		}
	}
	if len(seen)+len(rest) != 3002 {
		t.Errorf("%d entries", len(seen)+len(rest))
	}
	// The kernel's cache of the new listing is not dropped by that.
	f.requests.take()
	if got := count(); got != "2002" || f.requests.take("READDIR") != "READDIR 0" {
		t.Errorf("ls shows %s names, or the kernel read them again", got)
	}
}

// Readers with small buffers get every name, whatever others look up meanwhile: the
// kernel then changes between its two ways to read a folder.
func TestSmallBuffersWhileNamesAreLookedUp(t *testing.T) {
	t.Parallel()
	tree := apitest.NewTree(root)
	for i := range 600 {
		tree.AddFile(fmt.Sprintf("dir/%04d", i))
	}
	for _, size := range []int{512, 1024, 2048, 32 << 10} {
		f := mount(t, setup{service: apitest.Options{Tree: tree}})
		fd := f.open("dir")
		var names []string
		for {
			some, err := getdents(fd, size, 1)
			if err != nil {
				t.Fatal(err)
			}
			if len(some) == 0 {
				break
			}
			for _, e := range some {
				names = append(names, e.name)
				if _, err := os.Lstat(f.dir + "/dir/" + e.name); err != nil {
					t.Error(err)
				}
			}
			// Back and forth, as by telldir and seekdir.
			if _, err := syscall.Seek(fd, some[len(some)/2].off, 0); err != nil {
				t.Fatal(err)
			}
			rest, err := getdents(fd, size, 1)
			if err != nil || len(rest) == 0 && len(some)/2 != len(some)-1 {
				t.Fatalf("%d entries after a seek back, error %v", len(rest), err)
			}
			if _, err := syscall.Seek(fd, some[len(some)-1].off, 0); err != nil {
				t.Fatal(err)
			}
		}
		f.close(fd)
		if len(names) != 602 {
			t.Errorf("with buffers of %d bytes: %d names", size, len(names))
		}
		if got := len(strings.Fields(f.ls("dir"))); got != 600 {
			t.Errorf("afterwards ls shows %d names", got)
		}
		f.unmount()
		f.service.Close()
	}
}

// A reader that stopped in the middle of an older listing does not leave it in the
// kernel's cache when it goes on, though nobody opened the folder in between.
func TestOldReaderDoesNotFillTheCache(t *testing.T) {
	t.Parallel()
	tree := apitest.NewTree(root)
	for i := range 2000 {
		tree.AddFile(fmt.Sprintf("dir/%05d", i))
	}
	f := mount(t, setup{service: apitest.Options{Tree: tree}, ttl: shortTTL})
	read := func(fd, times int) int {
		all, err := getdents(fd, 4096, times)
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	old, later := f.open("dir"), f.open("dir")
	n := read(old, 2)
	tree.AddFile("dir/new")
	f.expire("dir")
	if _, err := os.Lstat(f.dir + "/dir/new"); err != nil { // a lookup loads the new listing
		t.Fatal(err)
	}
	if got := read(later, untilEnd); got != 2003 {
		t.Errorf("a handle that began afterwards shows %d entries", got)
	}
	if got := n + read(old, untilEnd); got != 2002 {
		t.Errorf("the old reader saw %d entries", got)
	}
	f.close(old)
	f.close(later)
	for range 3 {
		if got := len(strings.Fields(f.ls("dir"))); got != 2001 {
			t.Errorf("ls shows %d names", got)
		}
	}
}

// An offset of a listing that is gone is an error, not a place somewhere else.
func TestSeekToAListingThatIsGone(t *testing.T) {
	t.Parallel()
	tree := apitest.Flat(root, 300)
	f := mount(t, setup{service: apitest.Options{Tree: tree}, ttl: shortTTL})
	all, err := getdents(f.open(""), 4096, untilEnd)
	if err != nil {
		t.Fatal(err)
	}
	tree.AddFile("another")
	f.expire("")
	fd := f.open("")
	if _, err := syscall.Seek(fd, all[100].off, 0); err != nil {
		t.Fatal(err)
	}
	_, err = getdents(fd, 4096, untilEnd)
	wantErrno(t, "getdents", err, syscall.ESTALE)
	// A plain number is a position; one behind the end is the end.
	for offset, want := range map[int64]int{2: 301, 302: 1, 303: 0, 1 << 39: 0} {
		if _, err := syscall.Seek(fd, offset, 0); err != nil {
			t.Fatal(err)
		}
		if rest, err := getdents(fd, 4096, untilEnd); err != nil || len(rest) != want {
			t.Errorf("from %d: %d entries, want %d; error %v", offset, len(rest), want, err)
		}
	}
}

// A name that is not there is asked for once while the kernel may remember that, and
// never of the service.
func TestMissingNamesAreRemembered(t *testing.T) {
	t.Parallel()
	f := mount(t, setup{})
	f.find()
	f.service.ResetCalls()
	try := 0
	eventually(t, "five looks cost one lookup", func() bool { // those within a second
		try++
		f.requests.take()
		for range 5 {
			_, err := os.Lstat(fmt.Sprint(f.dir, "/missing", try))
			wantErrno(t, "lstat", err, syscall.ENOENT)
		}
		return f.requests.take("LOOKUP") == "LOOKUP 1"
	})
	if n := f.service.Calls().Total; n != 0 {
		t.Errorf("%d calls", n)
	}
}

// The kernel remembers a missing name beyond the listing that said so; so a listing
// stops saying it that much before it expires.
func TestMissingNamesCountIntoTheTTL(t *testing.T) {
	t.Parallel()
	tree := apitest.NewTree(root)
	tree.AddFile("a")
	f := mount(t, setup{service: apitest.Options{Tree: tree}, ttl: 2 * time.Second})
	f.ls("")
	listing := f.listings.Known(root)
	eventually(t, "the listing is about to expire", func() bool {
		life := f.listings.Life(listing)
		return life > 0 && life < 150*time.Millisecond || life <= 0
	})
	if f.listings.Life(listing) <= 0 {
		t.Skip("the machine was too slow to catch the moment")
	}
	tree.AddFile("new")
	if _, err := os.Lstat(f.dir + "/new"); err != nil {
		t.Errorf("a listing in its last moments said: %v", err)
	}
}

// A working folder that is removed remotely can still be left.
func TestWorkingFolderIsRemoved(t *testing.T) {
	t.Parallel()
	tree := apitest.NewTree(root)
	tree.AddFile("dir/a")
	tree.AddFile("b")
	f := mount(t, setup{service: apitest.Options{Tree: tree}, ttl: shortTTL})
	script := `cd "$1/dir" && ls && echo ready && read line && ls; cd .. && ls`
	out := f.must("bash", "-c", `printf 'go\n' | bash -c '`+strings.ReplaceAll(script, "'", `'\''`)+`' x "$1"`, "x", f.dir)
	if !strings.HasPrefix(out, "a\nready\n") || !strings.HasSuffix(out, "b\ndir\n") {
		t.Errorf("got %q", out)
	}
}

// Nothing is asked of the service while nobody asks the mount.
func TestIdleMountMakesNoCalls(t *testing.T) {
	t.Parallel()
	f := mount(t, setup{ttl: shortTTL})
	f.find()
	f.expire("")
	f.service.ResetCalls()
	time.Sleep(3 * shortTTL)
	if n := f.service.Calls().Total; n != 0 {
		t.Errorf("%d calls", n)
	}
}

package fs

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"sefs/apiclient/apitest"
)

// want is what find has to print of a tree.
func want(tree *apitest.Tree) []string {
	files, dirs := tree.PathsOf("includeinvalid")
	var all []string
	for _, dir := range dirs {
		all = append(all, "d "+dir)
	}
	for _, file := range files {
		if _, both := slices.BinarySearch(dirs, file); !both {
			all = append(all, "f "+file)
		}
	}
	return sorted(all)
}

func TestExample(t *testing.T) {
	for _, name := range []string{"default", "literal"} {
		shape, ok := apitest.ShapeNamed(name)
		if !ok {
			t.Fatalf("no shape %s", name)
		}
		f := mount(t, setup{service: apitest.Options{Shape: shape}})
		if diff := cmp.Diff([]string{"d folder1", "f folder1/movie2.mp4", "f movie.mp4"}, f.find()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// A second walk within the TTL makes no call.
func TestFindInEveryOrderAndShape(t *testing.T) {
	tree := apitest.Nested(root, 10, 2, 2)
	small := apitest.Generate(root, apitest.Gen{Seed: 7, Folders: 4, Depth: 2, Files: 40, OddNames: true, Mixed: true})
	if long() {
		tree = apitest.Nested(root, 10, 3, 2)
		small = tree
	}
	_, dirs := tree.Len()
	for _, order := range apitest.Orders() {
		t.Run(order.String(), func(t *testing.T) {
			t.Parallel()
			f := mount(t, setup{service: apitest.Options{Tree: tree, Order: order}})
			if diff := cmp.Diff(want(tree), f.find()); diff != "" {
				t.Error(diff)
			}
			if calls := f.service.Calls(); calls.Total > dirs+1 || calls.Rejected > 0 {
				t.Errorf("calls: %+v", calls)
			}
			f.service.ResetCalls()
			if diff := cmp.Diff(want(tree), f.find()); diff != "" {
				t.Error(diff)
			}
			if n := f.service.Calls().Total; n != 0 {
				t.Errorf("%d calls in a walk within the TTL", n)
			}
		})
	}
	for _, shape := range apitest.Shapes() {
		for _, order := range apitest.Orders() {
			t.Run(shape.Name+"/"+order.String(), func(t *testing.T) {
				bulk(t)
				t.Parallel()
				f := mount(t, setup{service: apitest.Options{Tree: small, Order: order, Shape: shape.Shape}})
				if diff := cmp.Diff(want(small), f.find()); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

func TestOddNames(t *testing.T) {
	bulk(t)
	t.Parallel()
	tree := apitest.NewTree(root)
	for _, name := range append(apitest.OddNames(), "two\nlines", "-x", "0", "1", "é", "e\u0301", strings.Repeat("n", 255)) {
		tree.AddFile("files/" + name)
		tree.AddFile("folders/" + name + "/" + name)
	}
	f := mount(t, setup{service: apitest.Options{Tree: tree}})
	if diff := cmp.Diff(want(tree), f.find()); diff != "" {
		t.Error(diff)
	}
	for _, path := range want(tree) {
		if _, err := os.Lstat(filepath.Join(f.dir, path[2:])); err != nil {
			t.Errorf("%q: %v", path, err)
		}
	}
}

// Names that no file system may show are left out; the rest of the folder is there.
func TestNamesThatNoFileSystemMayShow(t *testing.T) {
	tree := apitest.NewTree(root)
	tree.AddFile("ok")
	for _, name := range []string{"", ".", "..", "a/b", "/etc/passwd", "nul\x00nul", strings.Repeat("x", 256)} {
		tree.AddRaw("", name, apitest.File{Kind: apitest.Video})
	}
	f := mount(t, setup{service: apitest.Options{Tree: tree}})
	if diff := cmp.Diff([]string{"f ok"}, f.find()); diff != "" {
		t.Error(diff)
	}
	if hidden := f.listings.Stats().Hidden; hidden != 7 {
		t.Errorf("%d names counted as left out", hidden)
	}
}

func TestManyProcessesAskOnce(t *testing.T) {
	t.Parallel()
	tree := apitest.NewTree(root)
	for i := range 950 {
		tree.AddFile(fmt.Sprintf("cold/%04d", i))
	}
	f := mount(t, setup{service: apitest.Options{Tree: tree, Latency: 20e6}})
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			out, err := exec.Command("ls", "-f", f.dir+"/cold").Output()
			if err != nil || strings.Count(string(out), "\n") != 952 {
				t.Errorf("%d lines, error %v", strings.Count(string(out), "\n"), err)
			}
		})
	}
	all.Wait()
	// One chain of pages; the first came with the root's own listing.
	for call, n := range f.service.Calls().List {
		if n != 1 {
			t.Errorf("%+v was asked %d times", call, n)
		}
	}
	if n := f.service.Calls().Total; n < 10 || n > 11 {
		t.Errorf("%d calls for 950 files", n)
	}
}

func TestAttributes(t *testing.T) {
	f := mount(t, setup{})
	got := f.deed("stat", f.dir, f.dir+"/folder1", f.dir+"/movie.mp4", f.dir+"/folder1/movie2.mp4")
	const rest = "size %d uid 0 times 0.0 0.0 0.0\x00"
	size := func(rel string) int64 {
		file, _ := f.service.Tree().File(rel)
		return file.Size
	}
	path := func(rel string, mode uint32) uint64 { return (&tree{identify: identify}).inode(root+rel, mode) }
	expect := fmt.Sprintf("ino 1 mode 40555 nlink 1 "+rest+"ino %d mode 40555 nlink 1 "+rest+"ino %d mode 100444 nlink 1 "+rest+"ino %d mode 100444 nlink 1 "+rest,
		0, path("/folder1", syscall.S_IFDIR), 0, path("/movie.mp4", syscall.S_IFREG), size("movie.mp4"),
		path("/folder1/movie2.mp4", syscall.S_IFREG), size("folder1/movie2.mp4"))
	if got != expect {
		t.Errorf("got  %q\nwant %q", got, expect)
	}
}

// The numbers in the listing are those that stat shows, also after a remount.
func TestInodeNumbers(t *testing.T) {
	bulk(t)
	t.Parallel()
	tree := apitest.Generate(root, apitest.Gen{Seed: 3, Folders: 3, Depth: 2, Files: 20, OddNames: true})
	f := mount(t, setup{service: apitest.Options{Tree: tree}})
	first := f.must("find", f.dir, "-printf", `%i %P\0`)
	seen := map[string]string{}
	for _, line := range strings.Split(strings.TrimSuffix(first, "\x00"), "\x00") {
		ino, path, _ := strings.Cut(line, " ")
		if other, ok := seen[ino]; ok {
			t.Errorf("%q and %q are both %s", path, other, ino)
		}
		seen[ino] = path
	}
	// ls -i shows what readdir says, ls -id what stat says.
	for _, dir := range []string{"", "/" + strings.TrimPrefix(want(tree)[0], "d ")} {
		for _, line := range strings.Split(strings.TrimSuffix(f.deed("seek", f.dir+dir), "\x00"), "\x00") {
			parts := strings.SplitN(line, " ", 3)
			var st syscall.Stat_t
			if err := syscall.Lstat(f.dir+dir+"/"+parts[2], &st); err != nil {
				t.Fatal(err)
			}
			if dir == "" && parts[2] == ".." {
				continue // the mount point's parent, to stat
			}
			if fmt.Sprint(st.Ino) != parts[1] || st.Ino == 0 || st.Ino == math.MaxUint64 {
				t.Errorf("%q has number %d, and %s in the listing", line, st.Ino, parts[1])
			}
		}
	}
	f.unmount()
	f.mount(setup{})
	if again := f.must("find", f.dir, "-printf", `%i %P\0`); again != first {
		t.Error("numbers differ after a remount")
	}
}

// Two paths that hash to one number stay two files: in walks with and without attributes,
// and for who has them open.
func TestInodeCollisions(t *testing.T) {
	t.Parallel()
	tree := apitest.NewTree(root)
	for i := range 5 {
		tree.AddFile(fmt.Sprintf("dir%d/file%d", i, i))
		tree.AddFile(fmt.Sprintf("file%d", i))
	}
	collide := setup{service: apitest.Options{Tree: tree}, identify: func(path string, mode uint32) fusefs.StableAttr {
		folder, name := split(path)
		id := identify(folder, name, mode)
		id.Ino = 42
		return id
	}}
	f := mount(t, collide)
	if out := f.must("sh", "-c", "cd "+f.dir+" && ls -1 dir0 dir1 dir2 dir3 dir4 && ls -lid dir* file* | grep -c '^ *42 '"); !strings.HasSuffix(out, "\n10\n") ||
		!strings.Contains(out, "dir3:\nfile3\n\ndir4:\nfile4\n") {
		t.Errorf("got\n%s", out)
	}
	var open []*os.File
	files, _ := tree.Paths()
	for _, path := range files {
		file, err := os.Open(filepath.Join(f.dir, path))
		if err != nil {
			t.Error(err)
			continue
		}
		defer func() { _ = file.Close() }() // once more does no harm
		open = append(open, file)
	}
	for i, path := range files { // all of them are open
		if len(open) < len(files) {
			break
		}
		want := tree.Bytes(path)
		info, err := open[i].Stat()
		got, err2 := io.ReadAll(open[i])
		if err != nil || err2 != nil || info.Size() != int64(len(want)) || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, errors %v and %v", path, len(got), err, err2)
		}
	}
	for _, file := range open {
		_ = file.Close()
	}
	walked := f.must("find", f.dir, "-type", "f", "-printf", `%i %s %P\0`)
	for _, path := range files {
		if !strings.Contains(walked, fmt.Sprintf("42 %d %s\x00", len(tree.Bytes(path)), path)) {
			t.Errorf("a walk does not show %s as it is: %q", path, walked)
		}
	}
	f.unmount()
	f.mount(collide)
	f.must("ls", "-l", f.dir) // READDIRPLUS makes the nodes before any is looked up
	if f.requests.of("READDIRPLUS") == 0 {
		t.Error("no folder was read with attributes")
	}
	for _, path := range files {
		if got, err := os.ReadFile(filepath.Join(f.dir, path)); err != nil || !bytes.Equal(got, tree.Bytes(path)) {
			t.Errorf("%s after ls -l: %d bytes, error %v", path, len(got), err)
		}
	}
}

func TestUsableInodeNumbers(t *testing.T) {
	for _, ino := range []uint64{0, 1, math.MaxUint64} {
		if u := usable(ino); u <= 1 || u == math.MaxUint64 {
			t.Errorf("%d becomes %d", ino, u)
		}
	}
	if usable(2) != 2 || usable(1<<63) != 1<<63 {
		t.Error("a number that may be used was changed")
	}
}

func TestDotAndDotDot(t *testing.T) {
	f := mount(t, setup{})
	for _, dir := range []string{"", "/folder1"} {
		if out := f.must("ls", "-a", f.dir+dir); !strings.HasPrefix(out, ".\n..\n") {
			t.Errorf("ls -a %s shows %q", dir, out)
		}
	}
}

// Offsets can be kept and gone back to, on any handle, in small and large folders,
// with names that end at every place of the kernel's buffers.
func TestSeek(t *testing.T) {
	t.Parallel()
	tree := apitest.NewTree(root)
	tree.AddDir("empty")
	for i := range 1200 {
		tree.AddFile(fmt.Sprintf("large/%04d%s", i, strings.Repeat("n", i%200)))
	}
	f := mount(t, setup{service: apitest.Options{Tree: tree}})
	for dir, n := range map[string]int{"": 4, "/empty": 2, "/large": 1202} {
		if out := f.deed("seek", f.dir+dir); strings.Count(out, "\x00") != n {
			t.Errorf("%d entries in %q", strings.Count(out, "\x00"), dir)
		}
	}
}

func TestReadOnly(t *testing.T) {
	f := mount(t, setup{})
	movie := f.dir + "/movie.mp4"
	for what, err := range map[string]error{
		"create":   func() error { _, err := os.Create(f.dir + "/x"); return err }(),
		"write":    func() error { _, err := os.OpenFile(movie, os.O_WRONLY, 0); return err }(),
		"mkdir":    os.Mkdir(f.dir+"/x", 0o777),
		"remove":   os.Remove(movie),
		"rmdir":    os.Remove(f.dir + "/folder1"),
		"rename":   os.Rename(movie, f.dir+"/x"),
		"link":     os.Link(movie, f.dir+"/x"),
		"symlink":  os.Symlink("x", f.dir+"/x"),
		"chmod":    os.Chmod(movie, 0o600),
		"chown":    os.Chown(movie, 1, 1),
		"truncate": os.Truncate(movie, 1),
		"mknod":    syscall.Mknod(f.dir+"/x", syscall.S_IFIFO|0o600, 0),
		"setxattr": syscall.Setxattr(movie, "user.x", []byte("y"), 0),
		"utimes":   syscall.Utimes(movie, make([]syscall.Timeval, 2)),
	} {
		wantErrno(t, what, err, syscall.EROFS)
	}
	for _, args := range [][]string{{"touch", f.dir + "/x"}, {"rm", "-f", movie}, {"mkdir", f.dir + "/y"}} {
		if _, errs, err := f.run(args[0], args[1:]...); err == nil || !strings.Contains(errs, "Read-only file system") {
			t.Errorf("%v: %v, %q", args, err, errs)
		}
	}
}

func TestNameTooLong(t *testing.T) {
	f := mount(t, setup{})
	_, err := os.Lstat(f.dir + "/" + strings.Repeat("x", 256))
	wantErrno(t, "lstat", err, syscall.ENAMETOOLONG)
}

// Nobody is asked for attributes that are never there.
func TestXattrsAreOff(t *testing.T) {
	f := mount(t, setup{})
	for range 3 {
		_, err := syscall.Getxattr(f.dir+"/movie.mp4", "user.x", nil)
		wantErrno(t, "getxattr", err, syscall.EOPNOTSUPP)
	}
	if got := f.requests.take("GETXATTR"); got != "GETXATTR 0" {
		t.Error(got)
	}
}

func TestStatfsNeedsNoNetwork(t *testing.T) {
	f := mount(t, setup{})
	f.must("ls", "-lR", f.dir)
	f.service.Close()
	for _, path := range []string{"", "/folder1", "/movie.mp4"} {
		wantStatfs(t, f.dir+path)
	}
}

func wantStatfs(t *testing.T, path string) {
	t.Helper()
	var st syscall.Statfs_t
	if err := syscall.Statfs(path, &st); err != nil {
		t.Fatal(err)
	}
	if st.Bsize != 4096 || st.Namelen != 255 || st.Files != 3 || st.Blocks != (1504025+746739+4095)/4096 || st.Bfree != 0 || st.Bavail != 0 || st.Ffree != 0 {
		t.Errorf("%+v", st)
	}
}

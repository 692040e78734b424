package fs

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"sefs/apiclient/apitest"
)

// BenchmarkWarmWalk walks a tree that the kernel knows, and in turns one of the same names
// and sizes that go-fuse keeps in memory. speed is that one's time divided by ours.
func BenchmarkWarmWalk(b *testing.B) {
	deep := apitest.NewTree(root)
	for d := range 200 {
		for i := range 99 {
			deep.Add(fmt.Sprintf("d%03d/f%04d", d, i), apitest.File{Size: int64(i), Kind: apitest.Video})
		}
	}
	for _, c := range []struct {
		name string
		tree *apitest.Tree
		walk []string
	}{
		{"find", deep, []string{"find", "-P"}},
		{"find-sizes", deep, []string{"find", "-P", "-printf", "%s\n"}},
		{"ls-l", apitest.Flat(root, 20_000), []string{"ls", "-l"}},
	} {
		b.Run(c.name, func(b *testing.B) {
			f := mount(b, setup{prefetch: true, sweep: true, service: apitest.Options{Tree: c.tree}})
			plain := plainMount(b, c.tree)
			walk := func(dir string) time.Duration {
				began := time.Now()
				args := append([]string{c.walk[1], dir}, c.walk[2:]...)
				if out, err := exec.Command(c.walk[0], args...).CombinedOutput(); err != nil {
					b.Fatalf("%s: %v: %.200s", c.walk[0], err, out)
				}
				return time.Since(began)
			}
			for range 2 {
				walk(f.dir)
				walk(plain)
			}
			var ours, theirs time.Duration
			for b.Loop() {
				ours += walk(f.dir)
				theirs += walk(plain)
			}
			b.ReportMetric(ours.Seconds()*1000/float64(b.N), "ms")
			b.ReportMetric(theirs.Seconds()*1000/float64(b.N), "plain-ms")
			b.ReportMetric(theirs.Seconds()/ours.Seconds(), "speed")
		})
	}
}

// plainRoot is a tree that go-fuse keeps in memory.
type plainRoot struct {
	plainDir
	tree *apitest.Tree
}

// plainDir is a folder of it that lets the kernel cache its names.
type plainDir struct{ fusefs.Inode }

var _ = (fusefs.NodeOpendirHandler)((*plainDir)(nil))

func (d *plainDir) OpendirHandle(context.Context, uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	return &plainHandle{dir: d}, fuse.FOPEN_CACHE_DIR, 0
}

type plainHandle struct {
	dir     *plainDir
	entries fusefs.DirStream // made at the first read: a warm walk reads nothing
}

func (h *plainHandle) Readdirent(context.Context) (*fuse.DirEntry, syscall.Errno) {
	if h.entries == nil {
		var all []fuse.DirEntry
		for name, child := range h.dir.Children() {
			all = append(all, fuse.DirEntry{Name: name, Mode: child.Mode(), Ino: child.StableAttr().Ino})
		}
		h.entries = fusefs.NewListDirStream(all)
	}
	if !h.entries.HasNext() {
		return nil, 0
	}
	e, errno := h.entries.Next()
	return &e, errno
}

var _ = (fusefs.NodeOnAdder)((*plainRoot)(nil))

func (r *plainRoot) OnAdd(ctx context.Context) {
	files, _ := r.tree.Paths()
	for _, path := range files {
		at := &r.Inode
		parts := strings.Split(path, "/")
		for _, name := range parts[:len(parts)-1] {
			next := at.GetChild(name)
			if next == nil {
				next = r.NewPersistentInode(ctx, &plainDir{}, fusefs.StableAttr{Mode: syscall.S_IFDIR})
				at.AddChild(name, next, false)
			}
			at = next
		}
		file, _ := r.tree.File(path)
		node := &fusefs.MemRegularFile{Attr: fuse.Attr{Mode: 0o444, Size: uint64(file.Size)}}
		at.AddChild(filepath.Base(path), r.NewPersistentInode(ctx, node, fusefs.StableAttr{}), false)
	}
}

// plainMount mounts such a tree and returns where.
func plainMount(b *testing.B, tree *apitest.Tree) string {
	b.Helper()
	dir, long := b.TempDir(), time.Hour
	server, err := fusefs.Mount(dir, &plainRoot{tree: tree}, &fusefs.Options{
		EntryTimeout: &long, AttrTimeout: &long, NegativeTimeout: &long,
		MountOptions: fuse.MountOptions{Options: []string{"ro"}, DisableXAttrs: true, DirectMount: true,
			ExtraCapabilities: fuse.CAP_READDIRPLUS_AUTO},
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := server.Unmount(); err != nil {
			b.Error(err)
		}
	})
	return dir
}

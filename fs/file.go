package fs

import (
	"context"
	"encoding/binary"
	"errors"
	iofs "io/fs"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cespare/xxhash/v2"
	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"sefs/apiclient"
	"sefs/cache"
)

// fileNode is one version of a file. What it shows never changes: when the file does,
// a lookup finds another node, with the same number, and handles on this one keep it. A
// walk that looks at sizes makes one for each file, so it is small: its name is known to
// the folder's node, and what is needed to read it is made at the first open.
type fileNode struct {
	fusefs.Inode
	held
	doubted  atomic.Bool // whether the attributes were asked for anew for this node's sake
	dir      *dirNode
	size     int64                         // bytes, or UnknownSize
	modified int64                         // as in cache.Version
	edition  uint64                        // of the content
	content  atomic.Pointer[cache.Content] // nil before the first open, or if there is none to be read by blocks
}

var _ = (fusefs.NodeOnForgetter)((*fileNode)(nil))

// OnForget is called when the kernel does not need the node any more.
func (f *fileNode) OnForget() { f.drop(f.dir.tree) }

// newFile returns a node for a version of a file in a folder.
func newFile(d *dirNode, v cache.Version) *fileNode {
	f := &fileNode{dir: d, size: v.Size, modified: v.Modified}
	if f.hasContent() {
		f.edition = d.tree.opts.Blocks.Edition(v)
	}
	return f
}

// hasContent reports whether there are bytes to be read by blocks.
func (f *fileNode) hasContent() bool { return f.size > 0 && f.dir.tree.opts.Blocks != nil }

// version is the version that the node is, of the file at a remote path.
func (f *fileNode) version(path string) cache.Version {
	return cache.Version{Path: path, Size: f.size, Modified: f.modified}
}

// path is the file's remote path; "" if another version has its name now, and this one
// was never opened.
func (f *fileNode) path() string {
	if c := f.content.Load(); c != nil {
		return c.Version().Path
	}
	if name, parent := f.Parent(); parent != nil {
		return f.dir.path + "/" + name
	}
	return ""
}

// contents returns the content of the node, the file at path. It is nil if the file was found
// to be another version since the node was made.
func (f *fileNode) contents(path string) *cache.Content {
	if c := f.content.Load(); c != nil {
		return c
	}
	c := f.dir.tree.opts.Blocks.Content(f.version(path))
	if c.Edition() != f.edition {
		return nil
	}
	c.Recheck = f.recheck
	if f.content.CompareAndSwap(nil, c) {
		return c
	}
	return f.content.Load()
}

// replace notes that the file at path is another version now.
func (f *fileNode) replace(path string) {
	if !f.hasContent() {
		return
	}
	if c := f.contents(path); c != nil {
		c.Replace()
	}
}

// recheck asks whether the file still has the attributes of this node.
func (f *fileNode) recheck(ctx context.Context) error {
	attr, isFolder, err := f.dir.tree.find(ctx, f.path())
	switch {
	case errors.Is(err, iofs.ErrNotExist), err == nil && (isFolder || !f.same(attr)):
		return cache.ErrChanged
	}
	return err
}

// versionHash tells versions of a file apart: by what the service says of it, and where
// that stays the same, by how often it was found to be another one.
func (f *fileNode) versionHash() uint64 {
	var b [24]byte
	binary.LittleEndian.PutUint64(b[:], uint64(f.size))
	binary.LittleEndian.PutUint64(b[8:], uint64(f.modified))
	binary.LittleEndian.PutUint64(b[16:], f.edition)
	return xxhash.Sum64(b[:])
}

// attr is what the node shows.
func (f *fileNode) attr() apiclient.Attr { return f.version("").Attr() }

// same reports whether the node shows what the service says now.
func (f *fileNode) same(attr apiclient.Attr) bool {
	return f.version("") == cache.NewVersion("", attr)
}

var _ = (fusefs.NodeGetattrer)((*fileNode)(nil))

// Getattr answers from memory. Names are looked up again when the TTL is over; that is
// what shows a new version.
func (f *fileNode) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	f.dir.tree.setFileAttr(&out.Attr, f.StableAttr().Ino, f.attr())
	if f.size != apiclient.UnknownSize {
		out.SetTimeout(f.dir.tree.opts.TTL)
	}
	return 0
}

var _ = (fusefs.NodeStatfser)((*fileNode)(nil))

// Statfs answers as for a folder.
func (f *fileNode) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	f.dir.tree.statfs(out)
	return 0
}

var _ = (fusefs.NodeOpener)((*fileNode)(nil))

// Open makes no call where the file's attributes, or bytes that came within the TTL,
// say that it is unchanged. The kernel keeps its pages, since they are of this version;
// ESTALE makes it look the name up again, and find the node of the new one.
func (f *fileNode) Open(ctx context.Context, _ uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	const kept = fuse.FOPEN_KEEP_CACHE | fuse.FOPEN_NOFLUSH
	ctx, answered := patient(ctx)
	defer answered()
	path := f.path()
	switch {
	case path == "": // another version has the name now
		return nil, 0, syscall.ESTALE
	case f.dir.tree.opts.Blocks == nil:
		return nil, 0, syscall.EOPNOTSUPP
	case f.size == apiclient.UnknownSize && !f.dir.tree.opts.StreamUnknown:
		f.dir.tree.refused.Add(1)
		return nil, 0, f.dir.tree.report("open", path, ErrUnknownSize)
	case f.size == apiclient.UnknownSize:
		return &unsizedHandle{f, f.dir.tree.opts.Blocks.Unsized(path)}, fuse.FOPEN_DIRECT_IO | fuse.FOPEN_NOFLUSH, 0
	case f.size == 0:
		return emptyHandle{}, kept, 0
	}
	content := f.contents(path)
	if content == nil {
		return nil, 0, f.dir.tree.report("open", path, cache.ErrChanged)
	}
	caller := f.dir.tree.caller(ctx)
	if err := content.Check(apiclient.Caller(ctx, caller)); err != nil {
		return nil, 0, f.readFailed(err)
	}
	return f.handle(content, caller), kept, 0
}

// readFailed reports what kept bytes from being read and returns its errno. A file that
// is another one now, or gone, is ESTALE to those who have it open; one that never could
// be had, though it is listed, is EIO.
func (f *fileNode) readFailed(err error) syscall.Errno {
	const rarely = 10 * time.Second
	switch {
	case apiclient.IsChanged(err) && f.doubted.CompareAndSwap(false, true):
		f.dir.tree.listings.DoubtAttrs(f.dir.path, 0) // once: other files have attributes there too
	case apiclient.IsNotExist(err):
		// Not at once again: there may be many such files.
		f.dir.tree.listings.DoubtAttrs(f.dir.path, rarely)
		_ = f.dir.tree.report("read", f.path(), err)
		if c := f.content.Load(); c != nil && c.Replaced() {
			return syscall.ESTALE
		}
		return syscall.EIO
	}
	return f.dir.tree.report("read", f.path(), err)
}

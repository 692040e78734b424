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
// a lookup finds another node, with the same number, and handles on this one keep it.
type fileNode struct {
	fusefs.Inode
	tree    *tree
	path    string // remote
	attr    apiclient.Attr
	content *cache.Content // nil if there is none to be read by blocks
	doubted atomic.Bool    // whether the attributes were asked for anew for this node's sake
}

func (t *tree) newFile(path string, attr apiclient.Attr) *fileNode {
	f := &fileNode{tree: t, path: path, attr: attr}
	if attr.Size > 0 && t.opts.Blocks != nil {
		f.content = t.opts.Blocks.Content(cache.NewVersion(path, attr))
		f.content.Recheck = f.recheck
	}
	return f
}

// recheck asks whether the file still has the attributes of this node.
func (f *fileNode) recheck(ctx context.Context) error {
	attr, isFolder, err := f.tree.find(ctx, f.path)
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
	binary.LittleEndian.PutUint64(b[:], uint64(f.attr.Size))
	if !f.attr.Modified.IsZero() {
		binary.LittleEndian.PutUint64(b[8:], uint64(f.attr.Modified.UnixNano()))
	}
	if f.content != nil {
		binary.LittleEndian.PutUint64(b[16:], f.content.Edition())
	}
	return xxhash.Sum64(b[:])
}

// same reports whether the node shows what the service says now.
func (f *fileNode) same(attr apiclient.Attr) bool {
	return f.attr.Size == attr.Size && f.attr.Modified.Equal(attr.Modified)
}

var _ = (fusefs.NodeGetattrer)((*fileNode)(nil))

// Getattr answers from memory. Names are looked up again when the TTL is over; that is
// what shows a new version.
func (f *fileNode) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	f.tree.setFileAttr(&out.Attr, f.StableAttr().Ino, f.attr)
	if f.attr.Size != apiclient.UnknownSize {
		out.SetTimeout(f.tree.opts.TTL)
	}
	return 0
}

var _ = (fusefs.NodeStatfser)((*fileNode)(nil))

// Statfs answers as for a folder.
func (f *fileNode) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	f.tree.statfs(out)
	return 0
}

var _ = (fusefs.NodeOpener)((*fileNode)(nil))

// Open makes no call where the file's attributes, or bytes that came within the TTL,
// say that it is unchanged. The kernel keeps its pages, since they are of this version;
// ESTALE makes it look the name up again, and find the node of the new one.
func (f *fileNode) Open(ctx context.Context, _ uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	const kept = fuse.FOPEN_KEEP_CACHE | fuse.FOPEN_NOFLUSH
	switch {
	case f.tree.opts.Blocks == nil:
		return nil, 0, syscall.EOPNOTSUPP
	case f.attr.Size == apiclient.UnknownSize && !f.tree.opts.StreamUnknown:
		f.tree.refused.Add(1)
		return nil, 0, f.tree.report("open", f.path, ErrUnknownSize)
	case f.attr.Size == apiclient.UnknownSize:
		return &unsizedHandle{f, f.tree.opts.Blocks.Unsized(f.path)}, fuse.FOPEN_DIRECT_IO | fuse.FOPEN_NOFLUSH, 0
	case f.content == nil:
		return emptyHandle{}, kept, 0
	}
	if err := f.content.Check(ctx); err != nil {
		return nil, 0, f.readFailed(err)
	}
	return f.handle(), kept, 0
}

// readFailed reports what kept bytes from being read and returns its errno. A file that
// is another one now, or gone, is ESTALE to those who have it open; one that never could
// be had, though it is listed, is EIO.
func (f *fileNode) readFailed(err error) syscall.Errno {
	const rarely = 10 * time.Second
	folder, _ := split(f.path)
	switch {
	case apiclient.IsChanged(err) && f.doubted.CompareAndSwap(false, true):
		f.tree.listings.DoubtAttrs(folder, 0) // once: other files have attributes there too
	case apiclient.IsNotExist(err):
		// Not at once again: there may be many such files.
		f.tree.listings.DoubtAttrs(folder, rarely)
		_ = f.tree.report("read", f.path, err)
		if f.content != nil && f.content.Replaced() {
			return syscall.ESTALE
		}
		return syscall.EIO
	}
	return f.tree.report("read", f.path, err)
}

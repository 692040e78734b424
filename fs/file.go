package fs

import (
	"context"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// fileNode is a file: a name with a place, as long as sizes and contents do not come
// with the listing.
type fileNode struct {
	fusefs.Inode
	tree *tree
}

var _ = (fusefs.NodeGetattrer)((*fileNode)(nil))

// Getattr answers from memory. The size is 0, and the kernel may not keep it.
func (f *fileNode) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	f.tree.setAttr(&out.Attr, syscall.S_IFREG, f.StableAttr().Ino)
	return 0
}

var _ = (fusefs.NodeStatfser)((*fileNode)(nil))

// Statfs answers as for a folder.
func (f *fileNode) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	f.tree.statfs(out)
	return 0
}

var _ = (fusefs.NodeOpener)((*fileNode)(nil))

// Open fails: an empty read would look like an empty file.
func (f *fileNode) Open(context.Context, uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	return nil, 0, syscall.EOPNOTSUPP
}

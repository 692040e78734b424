package fs

import (
	"context"
	"sync/atomic"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"sefs/cache"
)

// fileHandle is an open file of known size.
type fileHandle struct {
	node   *fileNode
	opened *cache.Opened
	reader reader
	caller int         // who opened it
	read   atomic.Bool // whether anything was read: what the kernel has pages of is not
}

func (f *fileNode) handle(content *cache.Content, caller int) *fileHandle {
	opened := content.Open()
	opened.Caller = caller
	return &fileHandle{node: f, opened: opened, caller: caller, reader: reader{opened: opened, size: f.size, streak: 2 * f.dir.tree.readAhead.Load()}}
}

var _ = (fusefs.FileReader)((*fileHandle)(nil))

// Read returns the bytes at offset: as many as were asked for, fewer only at the end of
// the file. What is not to be had is an error, never a short answer.
func (h *fileHandle) Read(ctx context.Context, dest []byte, offset int64) (fuse.ReadResult, syscall.Errno) {
	ctx, answered := patient(ctx)
	defer answered()
	if !h.read.Swap(true) {
		h.node.dir.tree.ahead.reads(h.caller, h.node.path(), h.node.StableAttr().Ino)
	}
	pieces, err := h.reader.read(ctx, offset, len(dest))
	if err != nil {
		return nil, h.node.readFailed(err)
	}
	return fuse.ReadResultVector(pieces), 0
}

var _ = (fusefs.FileReleaser)((*fileHandle)(nil))

// Release is called when the last descriptor of the handle was closed. What it loads
// ahead ends.
func (h *fileHandle) Release(context.Context) syscall.Errno {
	h.opened.Close()
	return 0
}

// emptyHandle is an open file of size 0.
type emptyHandle struct{}

var _ = (fusefs.FileReader)(emptyHandle{})

// Read returns the end of the file.
func (emptyHandle) Read(context.Context, []byte, int64) (fuse.ReadResult, syscall.Errno) {
	return fuse.ReadResultData(nil), 0
}

// unsizedHandle is an open file whose size only its transfer tells.
type unsizedHandle struct {
	node    *fileNode
	unsized *cache.Unsized
}

var _ = (fusefs.FileReader)((*unsizedHandle)(nil))

// Read returns the bytes at offset; fewer than asked for only at the end of the file.
func (h *unsizedHandle) Read(ctx context.Context, dest []byte, offset int64) (fuse.ReadResult, syscall.Errno) {
	ctx, answered := patient(ctx)
	defer answered()
	n, err := h.unsized.ReadAt(ctx, dest, offset)
	if err != nil {
		return nil, h.node.readFailed(err)
	}
	return fuse.ReadResultData(dest[:n]), 0
}

var _ = (fusefs.FileReleaser)((*unsizedHandle)(nil))

// Release ends the transfer.
func (h *unsizedHandle) Release(context.Context) syscall.Errno {
	h.unsized.Close()
	return 0
}

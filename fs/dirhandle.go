package fs

import (
	"context"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"sefs/apiclient"
	"sefs/cache"
)

// dirHandle is an open folder. It shows one listing from its beginning to its end,
// whatever happens to the folder meanwhile; a rewind takes the one that is valid then.
// The library calls it from one goroutine at a time.
//
// Positions are 0 for ".", 1 for "..", and so on through the listing. What the
// kernel sees as an offset carries a piece of the listing's version above the
// position, for two reasons. The kernel puts its cache of a folder together from the
// reads of all handles, wherever one goes on at the offset where another stopped; with
// different offsets it does not mix two listings. And a handle whose first reads were answered
// from that cache, and which comes here when the cache was dropped, says by its offset
// which listing it has seen the beginning of.
type dirHandle struct {
	dir     *dirNode
	listing *cache.Listing
	next    int           // position
	entry   fuse.DirEntry // the last one read, which the library copies
	showing bool          // whether dir counts this handle among those that show a version
	version uint64        // that version
}

const (
	positionBits = 40
	versionBits  = 22 // so that an offset stays a positive off_t
)

// tag is the piece of a listing's version that its offsets carry; never 0.
func tag(listing *cache.Listing) uint64 {
	return listing.Version()>>(64-versionBits) | 1<<(versionBits-1)
}

// begin settles which listing is shown from the beginning. A newer one than at opendir
// is taken, since the kernel may cache what is read now: callers that opened the
// folder since then shall not be shown something older than they were to see.
func (h *dirHandle) begin() {
	if known := h.dir.tree.listings.Known(h.dir.path); known != nil && known.Asked().After(h.listing.Asked()) {
		h.listing = known
	}
	if h.showing {
		h.dir.left(h.version)
	}
	h.showing, h.version = true, h.listing.Version()
	h.dir.begun(h.version)
}

var _ = (fusefs.FileReleasedirer)((*dirHandle)(nil))

// Releasedir is called when the folder was closed.
func (h *dirHandle) Releasedir(context.Context, uint32) {
	if h.showing {
		h.dir.left(h.version)
	}
}

var _ = (fusefs.FileReaddirenter)((*dirHandle)(nil))

// Readdirent returns the next entry, nil behind the last one.
func (h *dirHandle) Readdirent(context.Context) (*fuse.DirEntry, syscall.Errno) {
	if h.next == 0 {
		h.begin()
	}
	entry := &h.entry
	*entry = fuse.DirEntry{Mode: syscall.S_IFDIR, Off: tag(h.listing)<<positionBits | uint64(h.next+1)}
	switch i := h.next - 2; {
	case h.next == 0:
		entry.Name, entry.Ino = ".", h.dir.StableAttr().Ino
	case h.next == 1:
		entry.Name, entry.Ino = "..", rootIno
		if _, parent := h.dir.Parent(); parent != nil {
			entry.Ino = parent.StableAttr().Ino
		}
	case i < h.listing.Len():
		entry.Name, entry.Mode = h.listing.Name(i), mode(h.listing, i)
		entry.Ino = h.dir.tree.identify(h.dir.path, entry.Name, entry.Mode).Ino
	default:
		return nil, 0
	}
	h.next++
	return entry, 0
}

var _ = (fusefs.FileSeekdirer)((*dirHandle)(nil))

// Seekdir goes to an offset of this handle, or of another one of the folder that shows
// the same or the newest listing. An offset of a listing that is gone fails with
// ESTALE: going on at the same position of another one would leave out entries.
func (h *dirHandle) Seekdir(_ context.Context, offset uint64) syscall.Errno {
	offset &^= seekBit
	if of := offset >> positionBits; of != 0 && of != tag(h.listing) {
		known := h.dir.tree.listings.Known(h.dir.path)
		if known == nil || of != tag(known) {
			return syscall.ESTALE
		}
		h.listing = known
	}
	h.next = int(min(offset&(1<<positionBits-1), uint64(h.listing.Len()+2)))
	return 0
}

var _ = (fusefs.FileLookuper)((*dirHandle)(nil))

// Lookup answers for an entry just read, from the same listing, when the kernel takes
// attributes with the names. It does so at each beginning of a folder, whether or not
// the reader wants them, so nothing is asked for here: a file whose attributes are not
// in memory is listed without, and looked up if its attributes are wanted.
func (h *dirHandle) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	i, ok := h.listing.Find(name)
	if !ok {
		return nil, syscall.ENOENT
	}
	if h.listing.IsDir(i) {
		return h.dir.folder(ctx, h.listing, i, out), 0
	}
	attr, life, ok := h.dir.tree.listings.KnownAttr(h.dir.path, h.listing, i)
	if !ok || attr.Size == apiclient.UnknownSize {
		return nil, syscall.EAGAIN // the library lists the name all the same
	}
	return h.dir.file(ctx, name, attr, life, out), 0
}

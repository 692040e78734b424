package fs

import (
	"context"
	"sync"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"sefs/apiclient"
	"sefs/cache"
)

// maxName is the longest name in bytes.
const maxName = 255

// dirNode is a folder. What is in it is asked of the listings each time.
type dirNode struct {
	fusefs.Inode
	held
	tree *tree
	path string // remote

	// mu protects what follows. It is held for assignments only.
	mu    sync.Mutex
	shown shown
}

var _ = (fusefs.NodeOnForgetter)((*dirNode)(nil))

// OnForget is called when neither the kernel nor a node below needs the node any more.
func (d *dirNode) OnForget() { d.drop(d.tree) }

var _ = (fusefs.NodeLookuper)((*dirNode)(nil))

// Lookup finds a name in the folder's listing.
func (d *dirNode) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	if len(name) > maxName {
		return nil, syscall.ENAMETOOLONG
	}
	ctx, answered := patient(cache.Request(d.tree.called(ctx)))
	defer answered()
	listing, err := d.tree.listings.Get(ctx, d.path)
	if err != nil {
		return nil, d.tree.report("lookup", d.path, err)
	}
	i, ok := listing.Find(name)
	if !ok && d.tree.listings.Life(listing) < d.tree.negative {
		// The kernel remembers a missing name beyond the life of this listing, so a
		// listing that close to its end may not say so.
		if listing, err = d.tree.listings.GetFor(ctx, d.path, d.tree.negative); err != nil {
			return nil, d.tree.report("lookup", d.path, err)
		}
		i, ok = listing.Find(name)
	}
	if !ok {
		return nil, syscall.ENOENT // out stays untouched, or the kernel would not remember it
	}
	if listing.IsDir(i) {
		return d.folder(ctx, listing, i, out), 0
	}
	attr, life, err := d.tree.listings.Attr(ctx, d.path, listing, i)
	if err != nil {
		return nil, d.tree.report("stat", d.path+"/"+name, err)
	}
	return d.file(ctx, name, attr, life, out), 0
}

// folder returns the node for entry i of the listing, a folder, and fills in what the
// kernel is told of it.
func (d *dirNode) folder(ctx context.Context, listing *cache.Listing, i int, out *fuse.EntryOut) *fusefs.Inode {
	name := listing.Name(i)
	id := d.tree.identify(d.path, name, syscall.S_IFDIR)
	d.tree.setDirAttr(&out.Attr, id.Ino)
	setTimeouts(out, d.tree.listings.Life(listing), true)
	if child := d.GetChild(name); child != nil && child.StableAttr() == id {
		child.Operations().(node).hold(d.tree)
		return child
	}
	child := &dirNode{tree: d.tree, path: d.path + "/" + name}
	child.hold(d.tree)
	return d.NewInode(ctx, child, id)
}

// file returns the node for a file with these attributes, which count for so long, and
// fills in what the kernel is told of it. A new version is a node of its own, so that its
// pages and those of the old one are never mixed; whoever has the old one open keeps it.
func (d *dirNode) file(ctx context.Context, name string, attr apiclient.Attr, life time.Duration, out *fuse.EntryOut) *fusefs.Inode {
	path := d.path + "/" + name
	f := newFile(d, cache.NewVersion(path, attr))
	id := d.tree.identify(d.path, name, syscall.S_IFREG)
	id.Gen += f.versionHash()
	d.tree.setFileAttr(&out.Attr, id.Ino, attr)
	setTimeouts(out, life, attr.Size != apiclient.UnknownSize)
	if child := d.GetChild(name); child != nil {
		if child.StableAttr() == id {
			child.Operations().(node).hold(d.tree)
			return child
		}
		if old, ok := child.Operations().(*fileNode); ok {
			old.replace(path)
		}
	}
	f.hold(d.tree)
	return d.NewInode(ctx, f, id)
}

// mode is the type of entry i, as in st_mode.
func mode(listing *cache.Listing, i int) uint32 {
	if listing.IsDir(i) {
		return syscall.S_IFDIR
	}
	return syscall.S_IFREG
}

var _ = (fusefs.NodeOpendirHandler)((*dirNode)(nil))

// OpendirHandle takes the folder's listing for the handle to show, and lets the
// kernel cache it. If the kernel may have another version of it cached, that is dropped
// first: only a notification does so without an uncached listing in between.
func (d *dirNode) OpendirHandle(ctx context.Context, _ uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	caller := d.tree.caller(ctx)
	ctx, answered := patient(apiclient.Caller(ctx, caller))
	defer answered()
	listing, err := d.tree.listings.Open(ctx, d.path, caller)
	if err != nil {
		return nil, 0, d.tree.report("opendir", d.path, err)
	}
	d.mu.Lock()
	drop := d.shown.opened(listing.Version())
	d.mu.Unlock()
	if drop {
		// An error says that the kernel has nothing cached.
		_ = d.NotifyContent(0, 0)
	}
	return &dirHandle{dir: d, listing: listing}, fuse.FOPEN_CACHE_DIR, 0
}

// begun notes that a handle shows a version from its beginning on.
func (d *dirNode) begun(version uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shown.begun(version)
}

// left notes that a handle shows a version no more.
func (d *dirNode) left(version uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shown.left(version)
}

var _ = (fusefs.NodeGetattrer)((*dirNode)(nil))

// Getattr answers from memory: nothing about a folder changes.
func (d *dirNode) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	d.tree.setDirAttr(&out.Attr, d.StableAttr().Ino)
	out.SetTimeout(d.tree.opts.TTL)
	return 0
}

var _ = (fusefs.NodeStatfser)((*dirNode)(nil))

// Statfs answers from memory.
func (d *dirNode) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	d.tree.statfs(out)
	return 0
}

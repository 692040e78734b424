package fs

import (
	"fmt"
	"log"
	"log/slog"
	"runtime/debug"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"sefs/cache"
)

// Options says what is mounted and how it is shown.
type Options struct {
	// Listings is where names come from. The mount does not close it.
	Listings *cache.Listings
	// Blocks is where contents come from; with none, files cannot be opened. The mount
	// does not close it.
	Blocks *cache.Blocks
	// StreamUnknown lets files be read of which v1 says no size; opening them fails else.
	StreamUnknown bool
	// Prefetch asks for files ahead of callers that read one after another.
	Prefetch bool
	// Root is the remote path of the folder that is the mount's root.
	Root string
	// TTL is the listings' TTL; the kernel keeps nothing for longer.
	TTL time.Duration
	// UID and GID own everything.
	UID, GID uint32
	// FileMode and DirMode are permission bits, such as 0444 and 0555.
	FileMode, DirMode uint32
	// AllowOther lets other users in; the kernel then checks the permission bits.
	AllowOther bool
	// NoExec lets no program be started from the mount.
	NoExec bool
	// Log gets the requests that failed; nil means nowhere.
	Log *slog.Logger
	// Debug logs every request of the kernel.
	Debug bool
	// OnPanic, if set, is called with what an operation panicked with. The operation
	// fails with EIO either way.
	OnPanic func(any)
}

// FSType is the type of the mount in the mount table.
const FSType = "fuse.sefs"

// maxWrite is the largest request in bytes, reads included.
const maxWrite = 1 << 20

// maxBackground is how many requests for pages the kernel has in flight, of all files
// together; the others wait in it. With its own 12, few files that do not come would hold
// up all the rest.
const maxBackground = 32

// Mount is a mounted file system.
type Mount struct {
	server *fuse.Server
	tree   *tree
}

// New mounts a file system at mountpoint, an existing empty folder. It answers when
// New returns. The error is that of mount(2) or of the fusermount helper.
func New(mountpoint string, o Options) (*Mount, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return newTree(o).mount(mountpoint, func(fs fuse.RawFileSystem) fuse.RawFileSystem { return fs })
}

// mount mounts the tree; wrap may put something between the kernel's requests and it.
func (t *tree) mount(mountpoint string, wrap func(fuse.RawFileSystem) fuse.RawFileSystem) (*Mount, error) {
	o := t.options(slog.NewLogLogger(t.opts.Log.Handler(), slog.LevelDebug))
	raw := wrap(rawFS{fusefs.NewNodeFS(t.root(), o)})
	server, err := fuse.NewServer(raw, mountpoint, &o.MountOptions)
	if err != nil {
		return nil, err
	}
	go server.Serve()
	if err := server.WaitMount(); err != nil {
		// Nothing is left half mounted; that it cannot be unmounted adds nothing.
		_ = server.Unmount()
		return nil, err
	}
	if t.opts.Blocks != nil {
		t.raiseReadAhead(mountpoint)
	}
	return &Mount{server, t}, nil
}

// Wait returns when the file system is no longer mounted, whoever unmounted it.
func (m *Mount) Wait() { m.server.Wait() }

// Unmount unmounts the file system. It fails while files are open or a process has
// its working folder there.
func (m *Mount) Unmount() error { return m.server.Unmount() }

// Refused is how often a file was not opened because its size is not known.
func (m *Mount) Refused() int64 { return m.tree.refused.Load() }

// Nodes is how many files and folders the kernel knows by now, the mount's root among
// them. It forgets them when it needs the memory; until then each takes some of ours.
func (m *Mount) Nodes() int64 { return m.tree.nodes.Load() }

// options is how go-fuse and the kernel are told to treat the tree.
func (t *tree) options(logger *log.Logger) *fusefs.Options {
	o := &fusefs.Options{
		// EntryTimeout and AttrTimeout stay nil: a reply that sets none is not kept.
		NegativeTimeout: &t.negative,
		RootStableAttr:  &fusefs.StableAttr{Ino: rootIno},
		NullPermissions: true, // modes are always set; a zero would be a bug to be seen
		Logger:          logger,
	}
	o.MountOptions = fuse.MountOptions{
		FsName:  "scaleengine:" + t.opts.Root,
		Name:    "sefs",
		Options: []string{"ro", "nosuid", "nodev"}, // nobody gains rights by what is stored
		// Without it ls -l asks for attributes of each file, every time.
		DisableXAttrs: true,
		// The kernel asks for attributes with names only if the caller wants them:
		// 200,000 names cost 0.1 s so, 1.0 s if it always does.
		ExtraCapabilities: fuse.CAP_READDIRPLUS_AUTO,
		DisableSplice:     true, // nothing here comes from a local file
		MaxWrite:          maxWrite,
		MaxBackground:     maxBackground,
		DirectMount:       true, // needs no helper where the caller may mount
		AllowOther:        t.opts.AllowOther,
		Debug:             t.opts.Debug,
		Logger:            logger,
		PanicHandler:      t.panicked,
	}
	if t.opts.NoExec {
		o.Options = append(o.Options, "noexec")
	}
	if t.opts.AllowOther {
		o.Options = append(o.Options, "default_permissions")
	}
	return o
}

// panicked turns the panic of an operation into EIO for its caller.
func (t *tree) panicked(p any) fuse.Status {
	stack := "left out"
	if t.failures.Allow() {
		stack = string(debug.Stack()) // still that of the panic
	}
	t.opts.Log.Error("an operation panicked", "panic", fmt.Sprint(p), "stack", stack)
	if t.opts.OnPanic != nil {
		t.opts.OnPanic(p)
	}
	return fuse.EIO
}

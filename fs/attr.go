package fs

import (
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

const blockSize = 4096 // bytes; what stat and statfs call a block of this mount

// setAttr fills in what stat shows. All times are the Unix epoch: files.list knows
// none, and one that is made up would make backups see changes. The link count is 1
// for folders too, which tells find that it must not count on it.
func (t *tree) setAttr(out *fuse.Attr, mode uint32, ino uint64) {
	*out = fuse.Attr{
		Ino:     ino,
		Mode:    mode | t.opts.FileMode,
		Nlink:   1,
		Owner:   fuse.Owner{Uid: t.opts.UID, Gid: t.opts.GID},
		Blksize: blockSize,
	}
	if mode == syscall.S_IFDIR {
		out.Mode = mode | t.opts.DirMode
	}
}

// statfs fills in what df shows: the entries known so far, nothing free.
func (t *tree) statfs(out *fuse.StatfsOut) {
	*out = fuse.StatfsOut{
		Bsize:   blockSize,
		Frsize:  blockSize,
		NameLen: maxName,
		Files:   uint64(t.listings.Stats().Entries),
	}
}

// setTimeouts tells the kernel how long it may keep an entry that came from a
// listing with that much life left. Attributes of a file are not kept while its size
// is not known.
func setTimeouts(out *fuse.EntryOut, mode uint32, life time.Duration) {
	if life <= 0 {
		return
	}
	out.SetEntryTimeout(life)
	if mode == syscall.S_IFDIR {
		out.SetAttrTimeout(life)
	}
}

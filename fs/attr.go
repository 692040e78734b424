package fs

import (
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"

	"sefs/apiclient"
)

const blockSize = 4096 // bytes; what stat and statfs call a block of this mount

// setDirAttr fills in what stat shows of a folder. Its times are the Unix epoch: what
// the service says of them, if anything, changes without its contents. The link count is
// 1, which tells find that it must not count on it.
func (t *tree) setDirAttr(out *fuse.Attr, ino uint64) {
	*out = t.attr(syscall.S_IFDIR|t.opts.DirMode, ino)
}

// setFileAttr fills in what stat shows of a file. A time that the service does not tell
// is the Unix epoch: one that is made up would make backups see changes. A size that it
// does not tell is 0, and cannot be read (see fileNode.Open).
func (t *tree) setFileAttr(out *fuse.Attr, ino uint64, attr apiclient.Attr) {
	*out = t.attr(syscall.S_IFREG|t.opts.FileMode, ino)
	out.Size = uint64(max(attr.Size, 0))
	out.Blocks = (out.Size + 511) / 512 // what du counts
	if !attr.Modified.IsZero() {
		out.SetTimes(&attr.Modified, &attr.Modified, &attr.Modified)
	}
}

func (t *tree) attr(mode uint32, ino uint64) fuse.Attr {
	return fuse.Attr{
		Ino:     ino,
		Mode:    mode,
		Nlink:   1,
		Owner:   fuse.Owner{Uid: t.opts.UID, Gid: t.opts.GID},
		Blksize: blockSize,
	}
}

// statfs fills in what df shows: the bytes and entries known so far, nothing free.
func (t *tree) statfs(out *fuse.StatfsOut) {
	known := t.listings.Stats()
	*out = fuse.StatfsOut{
		Bsize:   blockSize,
		Frsize:  blockSize,
		NameLen: maxName,
		Files:   uint64(known.Entries),
		Blocks:  uint64(max(known.Content, 0)+blockSize-1) / blockSize,
	}
}

// setTimeouts tells the kernel how long it may keep an entry, and its attributes if
// they are to be kept, that came from what has so much life left.
func setTimeouts(out *fuse.EntryOut, life time.Duration, attributes bool) {
	if life <= 0 {
		return
	}
	out.SetEntryTimeout(life)
	if attributes {
		out.SetAttrTimeout(life)
	}
}

package fs

import (
	"math"

	"github.com/cespare/xxhash/v2"
	fusefs "github.com/hanwen/go-fuse/v2/fs"
)

// rootIno is the inode number of the mount's root, as FUSE has it.
const rootIno = 1

// identify returns what makes the node at a remote path the same node everywhere:
// in listings and lookups, after a refresh, after a remount, on another machine.
// mode is its type. Two paths that hash to one inode number are kept apart by a
// second hash, which no program sees.
func identify(path string, mode uint32) fusefs.StableAttr {
	return fusefs.StableAttr{
		Mode: mode,
		Ino:  usable(xxhash.Sum64String(path)),
		Gen:  xxhash.Sum64String("\x00" + path), // no path begins so
	}
}

// usable keeps hashes away from the numbers that mean something else: 0 is no inode,
// 1 the root, and the greatest is go-fuse's own.
func usable(ino uint64) uint64 {
	switch ino {
	case 0, rootIno, math.MaxUint64:
		return ino ^ 1<<63 ^ 2
	}
	return ino
}

package fs

import (
	"math"

	"github.com/cespare/xxhash/v2"
	fusefs "github.com/hanwen/go-fuse/v2/fs"
)

// rootIno is the inode number of the mount's root, as FUSE has it.
const rootIno = 1

// identify returns what makes the node of a name in a remote folder the same node
// everywhere: in listings and lookups, after a refresh, after a remount, on another
// machine. mode is its type. Both numbers are hashes of the path; two paths that hash to
// one inode number are kept apart by the second, which no program sees.
func identify(folder, name string, mode uint32) fusefs.StableAttr {
	var room [256]byte // so that most paths need no allocation: it is called for each entry shown
	path := append(room[:0], 0)
	path = append(path, folder...)
	path = append(path, '/')
	path = append(path, name...)
	return fusefs.StableAttr{
		Mode: mode,
		Ino:  usable(xxhash.Sum64(path[1:])),
		Gen:  xxhash.Sum64(path), // no path begins with 0
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

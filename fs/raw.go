package fs

import "github.com/hanwen/go-fuse/v2/fuse"

// seekBit is set in every offset but 0 that the kernel reads a folder from, and belongs
// to no offset (see dirHandle); Seekdir does not look at it.
const seekBit = 1 << 62

// rawFS is go-fuse's tree, with one defect of it kept away. A read that begins within
// the reply before it is answered from what that reply held, and names are lost if they
// take more room now: READDIRPLUS takes more than READDIR, and the kernel changes
// between the two. (go-fuse v2.12.1, readDirMaybeLookup.) An offset that the reply did
// not hold makes it seek instead.
type rawFS struct {
	fuse.RawFileSystem
}

// ReadDir is READDIR.
func (r rawFS) ReadDir(cancel <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	return r.RawFileSystem.ReadDir(cancel, seeking(in), out)
}

// ReadDirPlus is READDIRPLUS.
func (r rawFS) ReadDirPlus(cancel <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	return r.RawFileSystem.ReadDirPlus(cancel, seeking(in), out)
}

func seeking(in *fuse.ReadIn) *fuse.ReadIn {
	if in.Offset != 0 {
		in.Offset |= seekBit
	}
	return in
}

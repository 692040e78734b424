// Package fs shows listings as a read-only FUSE file system.
//
// The tree has two kinds of nodes. A dirNode is a remote path: it keeps nothing of what
// it showed, and asks [cache.Listings] for its folder whenever the kernel wants something
// of it. A fileNode is one version of a file: what it shows never changes, and a new
// version is another node with the same inode number. That matters because go-fuse keeps
// the first node of an identity for as long as the kernel knows it, and the kernel keeps
// pages by node.
//
// # What the kernel remembers, and what makes it forget
//
//   - Names looked up (dentries): for the remaining life of the listing that
//     answered, so that nothing shown is older than the TTL.
//   - Names looked up and not found: for a tenth of the TTL, a second at most. A
//     listing stops answering that a name is missing that much before it expires.
//   - Attributes: as dentries, of files for the remaining life of the folder's
//     attributes if that is shorter. A size that is not known is not kept.
//   - Pages of files: as long as the kernel likes, since they are those of a version.
//     OPEN fails with ESTALE when the version is no longer the file's; the kernel then
//     looks the name up anew.
//   - The contents of a folder: until the folder's listing changes. Time alone does
//     not drop them; every opendir comes here, and the one that finds a listing
//     other than the kernel's drops them (dirNode.OpendirHandle).
//
// # Files ahead
//
// A caller that reads the files of a folder one after another is a row (filesAhead): the
// next files are asked for before it opens them, as far as what is in memory tells which
// they are. A file counts when its first read comes here, so what the kernel has pages
// of causes nothing.
//
// # Interrupts
//
// A caller that waits for a load is let go with EINTR when it gets a signal. What is in
// memory is answered even then. The load goes on in either case: of bytes, as long as
// anybody has the file open. (The kernel asks for most pages in the background, where no
// signal reaches; who waits for them can be killed, and is not disturbed otherwise.)
package fs

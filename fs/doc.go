// Package fs shows listings as a read-only FUSE file system.
//
// The tree has two kinds of nodes: dirNode, which asks [cache.Listings] for its
// folder whenever the kernel wants something of it, and fileNode. Neither keeps
// what it showed: a node is its remote path, and every answer comes from the
// listing that is valid at that moment. That matters because go-fuse keeps the
// first node of an identity for as long as the kernel knows it.
//
// # What the kernel remembers, and what makes it forget
//
//   - Names looked up (dentries): for the remaining life of the listing that
//     answered, so that nothing shown is older than the TTL.
//   - Names looked up and not found: for a tenth of the TTL, a second at most. A
//     listing stops answering that a name is missing that much before it expires.
//   - Attributes of folders: as dentries. Attributes of files: not at all, while
//     their sizes are not known.
//   - The contents of a folder: until the folder's listing changes. Time alone does
//     not drop them; every opendir comes here, and the one that finds a listing
//     other than the kernel's drops them (dirNode.OpendirHandle).
//
// # Interrupts
//
// A caller that waits for a load is let go with EINTR when it gets a signal. What
// is in memory is answered even then. The load goes on in either case.
package fs

package fs

import (
	"sync/atomic"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
)

// held is whether the kernel knows a node, for the count of those. The zero value is a
// node that it does not.
type held struct{ yes atomic.Bool }

// node is what files and folders have in common.
type node interface {
	fusefs.InodeEmbedder
	hold(*tree)
}

// hold is called when a node is about to be told to the kernel, which may know it already.
// (One that another lookup of the same name makes obsolete at that very moment stays in
// the count.)
func (h *held) hold(t *tree) {
	if h.yes.CompareAndSwap(false, true) {
		t.nodes.Add(1)
	}
}

// drop is called when the kernel has forgotten a node.
func (h *held) drop(t *tree) {
	if h.yes.CompareAndSwap(true, false) {
		t.nodes.Add(-1)
	}
}

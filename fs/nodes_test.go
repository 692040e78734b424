package fs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"

	"sefs/apiclient/apitest"
)

// The nodes of what was looked at are counted, and are gone when the kernel forgets them.
func TestNodes(t *testing.T) {
	t.Parallel()
	f := mount(t, setup{service: apitest.Options{Tree: apitest.Nested(root, 10, 2, 20)}})
	if n := f.mounted.Nodes(); n != 1 {
		t.Errorf("%d nodes before anything was asked for", n)
	}
	files, folders := f.service.Tree().Paths()
	for range 2 {
		f.must("find", f.dir, "-size", "0")
		if n, want := f.mounted.Nodes(), 1+len(files)+len(folders); n != int64(want) {
			t.Errorf("%d nodes, want %d", n, want)
		}
	}
	file, err := os.Open(filepath.Join(f.dir, files[0]))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	// What memory pressure does, or drop_caches, without taking from the rest of the machine.
	for _, folder := range folders {
		if !strings.Contains(folder, "/") {
			if status := f.mounted.server.EntryNotify(fuse.FUSE_ROOT_ID, folder); !status.Ok() {
				t.Errorf("%s: %v", folder, status)
			}
		}
	}
	// The root, its own files, and the open file with the folders above it.
	own := 0
	for _, name := range files {
		if !strings.Contains(name, "/") {
			own++
		}
	}
	most := int64(1 + own + 1 + strings.Count(files[0], "/"))
	eventually(t, "the nodes are freed", func() bool { return f.mounted.Nodes() <= most })
	got, err := os.ReadFile(filepath.Join(f.dir, files[0]))
	if err != nil || len(got) != len(f.service.Tree().Bytes(files[0])) {
		t.Errorf("afterwards: %d bytes, error %v", len(got), err)
	}
}

package fs

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"sefs/apiclient/apitest"
)

// library is a tree of so many files of all sizes, with times, in folders of folders.
func library(files int) *apitest.Tree {
	tree := apitest.NewTree(root)
	r := rand.New(rand.NewPCG(11, 11))
	odd := apitest.OddNames()
	for i := range files {
		name := fmt.Sprintf("file%04d.mp4", i)
		if i%50 == 0 {
			name = odd[i/50%len(odd)]
		}
		size := r.Int64N(40_000)
		switch i % 500 {
		case 1:
			size = 0
		case 2:
			size = 300_000 + r.Int64N(1_000_000)
		}
		tree.Add(fmt.Sprintf("shelf %d/box%02d/%s", i%7, i%50, name), apitest.File{Size: size, Kind: apitest.Video,
			Time: time.Unix(1_500_000_000+r.Int64N(100_000_000), 0)})
	}
	return tree
}

// same compares a copy with what the service has.
func same(t *testing.T, tree *apitest.Tree, dir string) {
	t.Helper()
	files, _ := tree.PathsOf("includeinvalid")
	found := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		found++
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		got, err := os.ReadFile(path)
		if err == nil && !bytes.Equal(got, tree.Bytes(rel)) {
			t.Errorf("%q: %d bytes, other than the file's", rel, len(got))
		}
		return err
	})
	if err != nil || found != len(files) {
		t.Errorf("%d files of %d, error %v", found, len(files), err)
	}
}

// copies are programs that copy the mount to a folder.
var copies = map[string]func(f *fixture, to string){
	"cp": func(f *fixture, to string) { f.must("cp", "-r", f.dir+"/.", to) },
	"tar": func(f *fixture, to string) {
		f.must("sh", "-c", `tar -C "$1" -cf - . | tar -C "$2" -xf -`, "sh", f.dir, to)
	},
	"rsync": func(f *fixture, to string) {
		if _, err := exec.LookPath("rsync"); err != nil {
			f.t.Skip("there is no rsync here")
		}
		f.must("rsync", "-a", f.dir+"/", to)
		nothing := func(when string) {
			f.t.Helper()
			if out := f.must("rsync", "-an", "--itemize-changes", f.dir+"/", to); out != "" {
				f.t.Errorf("rsync finds changes %s: %.300s", when, out)
			}
		}
		nothing("at once")
		f.unmount()
		f.mount(setup{})
		nothing("after a remount")
	},
}

// What cp, tar and rsync copy is the same to the last byte, and a second rsync has
// nothing to do, also after a remount.
func TestCopies(t *testing.T) {
	bulk(t)
	files := 501 // of all sizes
	if long() {
		files = 5000
	}
	tree := library(files)
	for name, run := range copies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := mount(t, setup{service: apitest.Options{Tree: tree, V1: apitest.V1Options{Time: apitest.TimeUnix}}})
			to := t.TempDir()
			run(f, to)
			same(t, tree, to)
			calls := f.service.Calls()
			t.Logf("%d calls of files.list, %d of v1/files, %d links, %d requests for contents", calls.Total, calls.FilesTotal(), calls.LinksTotal(), calls.Content)
		})
	}
}

// Without times, and from a server that drops connections and lets links end, copies are
// the same as well.
func TestCopiesFromABadServer(t *testing.T) {
	bulk(t)
	for name, content := range map[string]apitest.ContentOptions{"ranges": {}, "no ranges": {NoRange: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := library(150)
			tree.Add("large.mp4", apitest.File{Size: 6 << 20, Kind: apitest.Video})
			f := mount(t, setup{service: apitest.Options{Tree: tree, Content: content, Links: apitest.LinkOptions{Life: 2 * time.Second}}})
			var asks atomic.Int64
			f.service.SetAskFault(func(a apitest.Ask, _ int) apitest.AskReply {
				switch n := asks.Add(1); {
				case n%10 == 0:
					return apitest.AskReply{Reply: apitest.Reset()}
				case n%7 == 0 && a.Kind == apitest.AskContent:
					return apitest.CutAfter(20_000)
				}
				return apitest.AskReply{}
			})
			to := t.TempDir()
			f.must("cp", "-r", f.dir+"/.", to)
			same(t, tree, to)
			if leaks := f.service.Calls().Leaks; leaks > 0 {
				t.Errorf("%d requests took credentials where they do not belong", leaks)
			}
		})
	}
}

package apitest

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// Tree is the stand-in's storage: folders and files under one root. It may be changed while a server
// serves it. Paths given to and returned by its methods are relative to the root; "" is the root itself.
//
// A folder keeps its entries in the order in which they were added, which is the order of the answers:
// the service promises none.
type Tree struct {
	root string

	mu     sync.Mutex // protects everything below top, and the views the folders keep
	top    *folder
	counts struct{ files, dirs int }
}

// NewTree returns an empty tree. root is its full path for the service, such as "sestore4/jb".
func NewTree(root string) *Tree {
	return &Tree{root: root, top: newFolder("")}
}

// Root returns the root's full path, as a request names it.
func (t *Tree) Root() string { return t.root }

// Full returns the full path of a path of this tree.
func (t *Tree) Full(rel string) string {
	if rel == "" {
		return t.root
	}
	return t.root + "/" + rel
}

// AddFile puts a file into the tree, and the folders that lead to it. Its kind follows from its name,
// its size and time from its path. A file that is there already is replaced and keeps its place.
// A path with an empty, "." or ".." part is a mistake of the test and panics; see AddRaw.
func (t *Tree) AddFile(rel string) {
	t.Add(rel, fileAt(t.Full(rel)))
}

// Add is AddFile with everything about the file given.
func (t *Tree) Add(rel string, f File) {
	dir, name := split(rel)
	t.AddRaw(dir, name, f)
}

// AddRaw puts a file with any name at all into a folder: an empty one, "..", one with a slash or one
// that is no UTF-8. The last makes every answer that should hold it an empty body, as in PHP.
func (t *Tree) AddRaw(dir, name string, f File) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.folder(dir).add(name, f) {
		t.counts.files++
	}
}

// AddContent is Add for a file with exactly the given bytes.
func (t *Tree) AddContent(rel string, data []byte, modified time.Time) {
	data = bytes.Clone(data)
	t.Add(rel, File{Size: int64(len(data)), Time: modified, Kind: KindOf(rel), Content: bytes.NewReader(data)})
}

// AddDir puts a folder into the tree, and the folders that lead to it. The service keeps files and
// folders apart, so a folder may have the name of a file.
func (t *Tree) AddDir(rel string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.folder(rel)
}

// Remove takes away the file, and the folder with all that is in it, at a path. It reports whether
// there was one.
func (t *Tree) Remove(rel string) bool {
	dir, name := split(rel)
	t.mu.Lock()
	defer t.mu.Unlock()
	parent := t.find(dir)
	if parent == nil {
		return false
	}
	files, dirs := parent.remove(name)
	t.counts.files -= files
	t.counts.dirs -= dirs
	return files+dirs > 0
}

// Change changes the file at a path in place, at one moment: an answer with its content that is under way
// goes on with what was there before. A path without a file is a mistake of the test and panics.
func (t *Tree) Change(rel string, change func(*File)) {
	dir, name := split(rel)
	t.mu.Lock()
	defer t.mu.Unlock()
	parent := t.find(dir)
	if parent != nil {
		if i, ok := parent.fileAt[name]; ok {
			change(&parent.files[i].File)
			parent.views = nil
			return
		}
	}
	panic(fmt.Sprintf("apitest: there is no file %q to change", rel))
}

// ReaderAt returns what a reader of the file at a path must see, and how long it is.
func (t *Tree) ReaderAt(rel string) (content io.ReaderAt, size int64, ok bool) {
	f, ok := t.File(rel)
	if !ok {
		return nil, 0, false
	}
	return f.reader(t.Full(rel)), f.Size, true
}

// Bytes returns all of what a reader of the file at a path must see, nil if there is no such file.
func (t *Tree) Bytes(rel string) []byte {
	content, size, ok := t.ReaderAt(rel)
	if !ok {
		return nil
	}
	data := make([]byte, size)
	n, _ := content.ReadAt(data, 0)
	return data[:n]
}

// File returns the file at a path.
func (t *Tree) File(rel string) (File, bool) {
	dir, name := split(rel)
	t.mu.Lock()
	defer t.mu.Unlock()
	if parent := t.find(dir); parent != nil {
		if i, ok := parent.fileAt[name]; ok {
			return parent.files[i].File, true
		}
	}
	return File{}, false
}

// Len returns how many files and folders the tree has, the root not counted.
func (t *Tree) Len() (files, dirs int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.counts.files, t.counts.dirs
}

// Paths returns the paths of all files and of all folders but the root, both sorted.
func (t *Tree) Paths() (files, dirs []string) {
	return t.paths(func(File) bool { return true })
}

// PathsOf is Paths with only those files that a request with the given type shows. All folders are
// shown, whatever the type.
func (t *Tree) PathsOf(typ string) (files, dirs []string) {
	if types[typ] == nil {
		panic("apitest: unknown type " + typ)
	}
	return t.paths(func(f File) bool { return f.listed(typ) })
}

func (t *Tree) paths(shown func(File) bool) (files, dirs []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var walk func(f *folder, prefix string)
	walk = func(f *folder, prefix string) {
		for _, file := range f.files {
			if shown(file.File) {
				files = append(files, prefix+file.name)
			}
		}
		for _, d := range f.dirs {
			dirs = append(dirs, prefix+d.name)
			walk(d, prefix+d.name+"/")
		}
	}
	walk(t.top, "")
	slices.Sort(files)
	slices.Sort(dirs)
	return files, dirs
}

// folder returns the folder at a path, made with its parents if it is not there. Called with mu held.
func (t *Tree) folder(rel string) *folder {
	f := t.top
	if rel == "" {
		return f
	}
	check(rel)
	for name := range strings.SplitSeq(rel, "/") {
		next, made := f.dir(name)
		if made {
			t.counts.dirs++
		}
		f = next
	}
	return f
}

// find returns the folder at a path, nil if there is none. Called with mu held.
func (t *Tree) find(rel string) *folder { return t.top.find(rel) }

// split returns the folder and the name in it that a path means.
func split(rel string) (dir, name string) {
	check(rel)
	if i := strings.LastIndexByte(rel, '/'); i >= 0 {
		return rel[:i], rel[i+1:]
	}
	return "", rel
}

func check(rel string) {
	for part := range strings.SplitSeq(rel, "/") {
		if part == "" || part == "." || part == ".." {
			panic(fmt.Sprintf("apitest: %q is no path of a tree", rel))
		}
	}
}

package apitest

import "strings"

// object is a file or a folder as an answer of v1 tells it.
type object struct {
	name     string
	path     string // below the account's base directory, which is ""
	file     *File  // nil: a folder
	searched bool   // the folder's contents are told
	contents []object
}

// gatherer collects the objects of one answer.
type gatherer struct {
	o    *V1Options
	room int // objects that the answer still has room for, if o.Cap is set
}

// accountBase returns the first two parts of a root, the storage and the account: v1's paths are relative
// to them. rest is what remains of the root.
func accountBase(root string) (base, rest string) {
	storage, below, _ := strings.Cut(root, "/")
	user, rest, _ := strings.Cut(below, "/")
	return storage + "/" + user, rest
}

// account returns the folder of the account's base directory. That is the tree's top, unless the tree's
// root lies deeper: then it holds nothing but what leads there. Called with mu held.
func (t *Tree) account() *folder {
	f := t.top
	_, rest := accountBase(t.root)
	for rest != "" {
		i := strings.LastIndexByte(rest, '/')
		named := *f
		named.name = rest[i+1:]
		f = newFolder("")
		f.dirs, f.dirAt[named.name] = []*folder{&named}, 0
		rest = rest[:max(i, 0)]
	}
	return f
}

// isFile says whether there is a file, and no folder, at a path of v1.
func (t *Tree) isFile(path string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	top := t.account()
	return top.find(path) == nil && top.file(path) != nil
}

// file returns a copy of the file at a path below f, nil if there is none.
func (f *folder) file(path string) *File {
	dir, name := "", path
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		dir, name = path[:i], path[i+1:]
	}
	if parent := f.find(dir); parent != nil {
		if i, ok := parent.fileAt[name]; ok {
			file := parent.files[i].File
			return &file
		}
	}
	return nil
}

// object returns what v1 knows of a path, with so many levels of contents; nil if it knows nothing. Where
// there are a folder and a file it is the folder.
func (t *Tree) object(o *V1Options, path string, levels int) *object {
	t.mu.Lock()
	defer t.mu.Unlock()
	top := t.account()
	name := path[strings.LastIndexByte(path, '/')+1:]
	if f := top.find(path); f != nil {
		g := gatherer{o: o, room: o.Cap}
		found := g.folder(f, name, path, levels)
		return &found
	}
	f := top.file(path)
	if f == nil || f.V1 == V1Absent || f.Deleted && !o.ShowDeleted {
		return nil
	}
	return &object{name: name, path: path, file: f}
}

func (g *gatherer) folder(f *folder, name, path string, levels int) object {
	o := object{name: name, path: path}
	if levels == 0 {
		return o
	}
	o.searched = true
	if path != "" {
		path += "/"
	}
	o.contents = make([]object, 0, len(f.files)+len(f.dirs))
	for i := range f.files {
		file := f.files[i] // a copy: the tree may change
		switch {
		case file.V1 == V1Alone || file.V1 == V1Absent || file.Deleted && !g.o.ShowDeleted:
			continue
		case !g.fits():
			return o
		}
		o.contents = append(o.contents, object{name: file.name, path: path + file.name, file: &file.File})
	}
	for _, d := range f.dirs {
		if !g.fits() {
			return o
		}
		o.contents = append(o.contents, g.folder(d, d.name, path+d.name, levels-1))
	}
	return o
}

// fits takes room for one more object.
func (g *gatherer) fits() bool {
	if g.o.Cap > 0 {
		g.room--
		return g.room >= 0
	}
	return true
}

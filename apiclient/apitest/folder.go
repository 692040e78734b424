package apitest

import (
	"slices"
	"strings"
)

// folder is one folder of a Tree: its files and its sub-folders, each in the order in which they came.
// The tree's mutex protects it.
type folder struct {
	name   string
	files  []namedFile
	dirs   []*folder
	fileAt map[string]int // index in files
	dirAt  map[string]int // index in dirs
	views  map[string]*view
}

// namedFile is a file with its name.
type namedFile struct {
	name string
	File
}

// view is a folder as requests of one type see it. It is kept until the folder changes, so that a page
// of a huge folder costs what the page holds. A view never changes: answers are written from it
// without the tree's mutex.
type view struct {
	files []namedFile
	pos   []int // of each shown file among all files; nil when all are shown
	all   int   // number of files, shown or not
	dirs  []*folder
}

func newFolder(name string) *folder {
	return &folder{name: name, fileAt: map[string]int{}, dirAt: map[string]int{}}
}

// add puts a file into the folder and reports whether it is a new one.
func (f *folder) add(name string, file File) bool {
	f.views = nil
	if i, ok := f.fileAt[name]; ok {
		f.files[i].File = file
		return false
	}
	f.fileAt[name] = len(f.files)
	f.files = append(f.files, namedFile{name, file})
	return true
}

// dir returns the sub-folder of the given name and whether it had to be made.
func (f *folder) dir(name string) (d *folder, made bool) {
	if i, ok := f.dirAt[name]; ok {
		return f.dirs[i], false
	}
	f.views = nil
	d = newFolder(name)
	f.dirAt[name] = len(f.dirs)
	f.dirs = append(f.dirs, d)
	return d, true
}

// remove takes away everything of the given name and returns how many files and folders that were.
func (f *folder) remove(name string) (files, dirs int) {
	if i, ok := f.fileAt[name]; ok {
		files++
		f.files = append(f.files[:i], f.files[i+1:]...)
		delete(f.fileAt, name)
		for j := i; j < len(f.files); j++ {
			f.fileAt[f.files[j].name] = j
		}
	}
	if i, ok := f.dirAt[name]; ok {
		files2, dirs2 := f.dirs[i].size()
		files, dirs = files+files2, dirs+dirs2+1
		f.dirs = append(f.dirs[:i], f.dirs[i+1:]...)
		delete(f.dirAt, name)
		for j := i; j < len(f.dirs); j++ {
			f.dirAt[f.dirs[j].name] = j
		}
	}
	f.views = nil
	return files, dirs
}

// find returns the folder at a path below f, nil if there is none.
func (f *folder) find(rel string) *folder {
	if rel == "" {
		return f
	}
	for name := range strings.SplitSeq(rel, "/") {
		i, ok := f.dirAt[name]
		if !ok {
			return nil
		}
		f = f.dirs[i]
	}
	return f
}

// from returns the index of the first shown file at or after an offset among the files.
func (v *view) from(offset int, means OffsetMeans) int {
	if means == OffsetEveryEntry && v.pos != nil {
		offset, _ = slices.BinarySearch(v.pos, offset)
	}
	return min(offset, len(v.files))
}

// size returns how many files and folders are in the folder, at any depth.
func (f *folder) size() (files, dirs int) {
	files, dirs = len(f.files), len(f.dirs)
	for _, d := range f.dirs {
		df, dd := d.size()
		files, dirs = files+df, dirs+dd
	}
	return files, dirs
}

// view returns the folder as requests of the given type see it.
func (f *folder) view(typ string) *view {
	if v, ok := f.views[typ]; ok {
		return v
	}
	v := &view{dirs: append([]*folder(nil), f.dirs...)}
	for _, file := range f.files {
		if file.listed(typ) {
			v.files = append(v.files, file)
			v.pos = append(v.pos, v.all)
		}
		if !file.V1Only {
			v.all++
		}
	}
	if len(v.files) == v.all {
		v.pos = nil
	}
	if f.views == nil {
		f.views = map[string]*view{}
	}
	f.views[typ] = v
	return v
}

package apitest

import (
	"strconv"
	"strings"
)

// data writes the answer for the folder asked for as path into a PHP value.
func (s Shape) data(l *listed, path string) any {
	node := s.node(l, path, true)
	var data *array
	switch s.Key {
	case KeyNested:
		parts := strings.Split(path, "/")
		for i := len(parts) - 1; i > 0; i-- {
			node = newArray(parts[i], node)
		}
		data = newArray(parts[0], node)
	case KeyLeading:
		data = newArray("/"+path, node)
	case KeyTrailing:
		data = newArray(path+"/", node)
	case KeyDoubled:
		data = newArray(strings.Replace(path, "/", "//", 1), node)
	case KeyLast:
		data = newArray(path[strings.LastIndexByte(path, '/')+1:], node)
	default:
		data = newArray(path, node)
	}
	if s.Data == DataList {
		return newList(data)
	}
	return data
}

// node writes one folder.
func (s Shape) node(l *listed, path string, root bool) any {
	if !root {
		empty := l.mark == 1 && len(l.files)+len(l.dirs) == 0
		if s.EmptyList && empty || s.SkippedList && l.mark == 0 && len(l.dirs) == 0 {
			return newList()
		}
	}
	dirs, files, marks := &array{}, &array{}, &array{}
	for _, d := range l.dirs {
		dirs.set(d.name, s.node(d, path+"/"+d.name, false))
	}
	switch {
	case l.mark == 0 && !s.SkippedFiles:
	case len(l.files) == 0 && s.OmitFiles:
	case len(l.files) == 0 && s.NullFiles:
		files.set("__files", nil)
	default:
		files.set("__files", s.files(l.files, path))
	}
	s.marks(marks, l, root)

	groups := []*array{dirs, files, marks}
	switch s.Members {
	case FilesFoldersMarks:
		groups = []*array{files, dirs, marks}
	case MarksFilesFolders:
		groups = []*array{marks, files, dirs}
	case FilesMarksFolders:
		groups = []*array{files, marks, dirs}
	}
	if s.Node == NodeSeveral {
		list := &array{}
		for _, g := range groups {
			if len(g.keys) > 0 {
				list.add(g)
			}
		}
		return list
	}
	node := &array{}
	for _, g := range groups {
		for i, k := range g.keys {
			node.set(k, g.vals[i])
		}
	}
	switch s.Node {
	case NodePlain:
		return node
	case NodeMixed:
		return newList(newList(), node, newList())
	}
	return newList(node)
}

// marks writes the members that say how much of a folder there is.
func (s Shape) marks(a *array, l *listed, root bool) {
	mark, offset := l.mark, l.offset
	if s.CutWhole && !root && mark == 1 && len(l.files) > 0 {
		mark, offset = -1, l.count
	}
	if unmarked := s.Unmarked || s.RootUnmarked && root; mark != 1 || !unmarked {
		a.set("__is_loaded", s.loaded(mark))
	}
	switch {
	case mark == -1:
		a.set("__offset", s.number(offset))
		a.set("__file_count", s.number(l.count))
	case s.NullMarks:
		a.set("__offset", nil)
		a.set("__file_count", nil)
	}
	if s.Meta {
		a.set("__version", 3)
		a.set("__region", "us-east")
		a.set("__cached", false)
	}
}

func (s Shape) loaded(mark int) any {
	switch {
	case s.Loaded == LoadedText:
		return strconv.Itoa(mark)
	case s.Loaded == LoadedBool && mark >= 0:
		return mark == 1
	}
	return mark
}

func (s Shape) number(n int) any {
	switch s.Number {
	case NumberText:
		return strconv.Itoa(n)
	case NumberFloat:
		return float64(n)
	}
	return n
}

// files writes the value of __files.
func (s Shape) files(files []namedFile, path string) any {
	if s.Files == FilesSingle && len(files) == 1 {
		return s.fileName(files[0].name)
	}
	a := &array{}
	for i, f := range files {
		switch s.Files {
		case FilesGaps:
			a.set(strconv.Itoa(2*i+1), s.fileName(f.name))
		case FilesKeyTrue:
			a.set(f.name, true)
		case FilesKeyOne:
			a.set(f.name, 1)
		case FilesKeyNull:
			a.set(f.name, nil)
		case FilesKeyDetails:
			a.set(f.name, newArray("size", strconv.FormatInt(f.Size, 10), "modified", f.Time.UTC().Format("2006-01-02 15:04:05")))
		case FilesNames:
			a.add(newArray("name", s.fileName(f.name)))
		case FilesPaths:
			a.add(newArray("path", path+"/"+f.name))
		case FilesFull:
			a.add(path + "/" + f.name)
		default:
			a.add(s.fileName(f.name))
		}
	}
	return a
}

func (s Shape) fileName(name string) any {
	if n, ok := phpInt(name); ok && s.NumericNames {
		return n
	}
	return name
}

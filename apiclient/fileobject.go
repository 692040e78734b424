package apiclient

import (
	"strings"
	"time"
)

// objectKind is what an object of v1 is to us.
type objectKind uint8

const (
	isFile objectKind = iota
	isFolder
	isOther // neither, as far as can be told
)

// fileObject is one file or folder as v1 tells of it.
type fileObject struct {
	name     string
	path     string // as v1 has it, without slashes at its ends
	parent   string // the same of the folder that it stands in; "" if not told
	kind     objectKind
	attr     Attr
	contents value // of a folder, if it was told
}

// readObject reads an object that stands in the folder at dir. The path may begin with
// a slash or not, or be missing (upload page; seen in clients).
func readObject(v value, dir string) (fileObject, error) {
	if v.kind != kindObject {
		return fileObject{}, malformed("%s instead of a file", v.describe())
	}
	var o fileObject
	if name, ok := v.get("name"); ok && (name.kind == kindText || name.kind == kindNumber) {
		o.name = name.text
	}
	path, _ := v.get("path")
	parent, _ := v.get("parent")
	if parent.kind == kindText && parent.text != "." {
		o.parent = tidy(strings.TrimPrefix(parent.text, "./"))
	}
	switch {
	case path.kind == kindText && path.text != "":
		if o.path = tidy(path.text); o.path == "." {
			o.path = ""
		}
		last := o.path[strings.LastIndexByte(o.path, '/')+1:]
		if o.name == "" || o.name == "." || o.name == "/" {
			o.name = last
		}
		if last != o.name && !strings.ContainsAny(o.name, "/") {
			return fileObject{}, malformed("a file whose name and path do not agree")
		}
	case o.name == "" && dir == "" && isFolderWord(v):
		// The base directory itself; seen in its own answer (inferred).
	case o.name == "":
		return fileObject{}, malformed("a file without a name")
	case parent.kind == kindText && parent.text != "":
		o.path = join(o.parent, o.name)
	default:
		o.path = join(dir, o.name)
	}
	o.contents, _ = v.get("contents")
	o.attr = Attr{Size: sizeOf(v), Modified: timeOf(v)}
	o.kind = kindOf(v, o)
	if o.kind == isFile && strings.HasSuffix(path.text, "/") {
		o.name = "" // which no file system may show
	}
	return o, nil
}

// isFolderWord reports whether an object's type is one of the service's words for a
// folder.
func isFolderWord(v value) bool {
	typ, _ := v.get("type")
	switch strings.ToLower(typ.text) {
	case "directory", "folder", "dir":
		return true
	}
	return false
}

// kindOf tells what an object is. Both words for a folder are used by the service's
// pages. A link's target is not told, so one with a size is a file, and one without is
// nothing that could be shown; the same goes for what has a type that is not known.
func kindOf(v value, o fileObject) objectKind {
	typ, _ := v.get("type")
	_, hasContents := v.get("contents")
	switch {
	case strings.EqualFold(typ.text, "file"):
		return isFile
	case isFolderWord(v):
		return isFolder
	case hasContents && o.contents.kind != kindNull:
		return isFolder
	case o.attr.Size != UnknownSize:
		return isFile
	}
	return isOther
}

// join puts a name into a folder; "" is the base directory.
func join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}

// parentOf is the folder that a path stands in.
func parentOf(path string) string {
	return path[:max(0, strings.LastIndexByte(path, '/'))]
}

// maxSize is the greatest size in bytes that is believed, 1 EiB. No store has such a file;
// arithmetic with places in a file stays clear of overflowing.
const maxSize = 1 << 60

// maxTime is the last time that is believed, in Unix seconds: the end of the year 2261. Later
// ones do not fit into the nanoseconds that times are kept in.
const maxTime = 9_214_646_399 // 2261-12-31T23:59:59Z

// sizeOf reads a size: an integer or a text of digits (upload page), under the first of
// the names that it may have (inferred).
func sizeOf(v value) int64 {
	for _, key := range []string{"size", "file_size", "filesize"} {
		if size, ok := v.get(key); ok {
			if n, ok := size.integer(); ok && n >= 0 && n <= maxSize {
				return n
			}
		}
	}
	return UnknownSize
}

// timeOf looks for the time of the last change: no page tells where it is, or whether.
// The names are those of the older commands' details (inferred).
func timeOf(v value) time.Time {
	metadata, _ := v.get("metadata")
	info, _ := v.get("info")
	for _, in := range []value{v, metadata, info} {
		for _, key := range []string{"modified", "modified_time", "mtime", "file_modified"} {
			if told, ok := in.get(key); ok {
				if t := readTime(told); !t.IsZero() {
					return t
				}
			}
		}
	}
	return time.Time{}
}

// readTime reads Unix seconds or a date in UTC (seen in clients); anything else, and
// the dates that mean none, is no time.
func readTime(v value) time.Time {
	if n, ok := v.integer(); ok {
		if n <= 0 || n > maxTime {
			return time.Time{}
		}
		return time.Unix(n, 0).UTC()
	}
	const longest = 40 // a date with a zone and nanoseconds
	if v.kind != kindText || len(v.text) > longest {
		return time.Time{}
	}
	for _, layout := range []string{time.DateTime, "2006-01-02T15:04:05", time.RFC3339} {
		if t, err := time.Parse(layout, v.text); err == nil && t.Unix() > 0 && t.Unix() <= maxTime {
			return t.UTC()
		}
	}
	return time.Time{}
}

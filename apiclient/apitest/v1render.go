package apitest

import (
	"cmp"
	"strconv"
	"strings"
	"time"
)

// v1Writer turns objects into PHP values.
type v1Writer struct {
	o    *V1Options
	base string // full path of the base directory
	meta bool   // metadata was asked for
	top  *object

	scratch array // for files, which are written at once
}

// data writes the answer for an object that was asked for.
func (w *v1Writer) data(o *object) any {
	w.top = o
	switch {
	case o.file != nil:
		return w.object(o)
	case w.o.Folder == FolderObject:
		return w.object(o)
	case !o.searched: // by DepthFromFolder
		return w.list([]object{*o}, w.o.Folder == FolderNumbered)
	}
	return w.list(w.flat(o.contents), w.o.Folder == FolderNumbered)
}

// flat returns the objects with those in their sub-folders behind them, if that is how they are told.
func (w *v1Writer) flat(objects []object) []object {
	if w.o.Nested != NestedFlat {
		return objects
	}
	var all []object
	var add func([]object)
	add = func(objects []object) {
		for _, o := range objects {
			all = append(all, o)
			add(o.contents)
		}
	}
	add(objects)
	return all
}

// list writes the objects of a list.
func (w *v1Writer) list(objects []object, numbered bool) *array {
	a := &array{keys: make([]string, 0, len(objects)), vals: make([]any, 0, len(objects))}
	for i := range objects {
		if numbered {
			a.next = int64(2*i + 1) // from 1 and with gaps, so that it is no list
		}
		a.add(func() any { return w.object(&objects[i]) }) // there may be very many
	}
	return a
}

// object writes one object.
func (w *v1Writer) object(o *object) *array {
	a := &array{}
	if o.file != nil {
		a = &w.scratch
		a.keys, a.vals = a.keys[:0], a.vals[:0]
	}
	put := func(key string, val any) { // without the index that set makes
		a.keys, a.vals = append(a.keys, key), append(a.vals, val)
	}
	put("name", o.name)
	put("path", w.path(o.path))
	put("parent", w.parent(o.path))
	if o.file == nil {
		put("type", cmp.Or(w.o.FolderWord, "directory"))
		w.contents(put, o)
		return a
	}
	f := o.file
	put("type", w.word(f.V1))
	if f.V1 != V1NoSize && f.V1 != V1SymlinkNoSize {
		if w.o.SizeNumber {
			put("size", f.Size)
		} else {
			put("size", strconv.FormatInt(f.Size, 10))
		}
	}
	if f.Kind == Video && !f.Invalid {
		_, user, _ := strings.Cut(w.base, "/")
		put("vod_url", "https://"+user+"-vod.secdn.net/"+user+"-vod/play/"+w.base+"/"+o.path+"/playlist.m3u8")
	}
	w.time(put, f)
	w.metadata(put, f)
	return a
}

// contents writes what is in a folder, if the answer tells it there.
func (w *v1Writer) contents(put func(string, any), o *object) {
	switch {
	case o.searched && len(o.contents) == 0:
		put("contents", newList())
	case o.searched && (w.o.Nested != NestedFlat || o == w.top):
		put("contents", w.list(w.flat(o.contents), w.o.Nested == NestedNumbered))
	case o.searched || w.o.EmptyContents == EmptyAbsent:
	case w.o.EmptyContents == EmptyNull:
		put("contents", nil)
	default:
		put("contents", newList())
	}
}

func (w *v1Writer) word(v V1View) string {
	switch v {
	case V1Symlink, V1SymlinkNoSize:
		return cmp.Or(w.o.SymlinkWord, "symlink")
	case V1OtherType:
		return "whiteout"
	}
	return cmp.Or(w.o.FileWord, "file")
}

func (w *v1Writer) path(path string) string {
	if w.o.LeadingSlash {
		return "/" + path
	}
	return path
}

// parent writes the parent of a path: what PHP's dirname says of it, but for RootParent.
func (w *v1Writer) parent(path string) string {
	i := strings.LastIndexByte(path, '/')
	switch {
	case i >= 0:
		return w.path(path[:i])
	case path == "" || w.o.RootParent == EmptyParent:
		return ""
	}
	return cmp.Or(w.o.RootParent, ".")
}

func (w *v1Writer) time(put func(string, any), f *File) {
	switch w.o.Time {
	case TimeUnix:
		put("modified", unix(f.Time))
	case TimeUnixText:
		put("mtime", strconv.FormatInt(unix(f.Time), 10))
	case TimeText:
		put("modified_time", sqlTime(f.Time))
	case TimeZero:
		put("modified_time", sqlTime(time.Time{}))
	}
}

// unix writes a time in seconds since 1970, 0 for none.
func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// sqlTime writes a time as databases do, UTC and with their word for none.
func sqlTime(t time.Time) string {
	if t.IsZero() {
		return "0000-00-00 00:00:00"
	}
	return t.UTC().Format(time.DateTime)
}

func (w *v1Writer) metadata(put func(string, any), f *File) {
	if w.o.MetadataAsked && !w.meta {
		return
	}
	m := &array{}
	if w.meta && f.Kind == Video {
		m.set("video_codec", "h264")
		m.set("duration", "12.48")
	}
	if w.meta || w.o.ShowDeleted && f.Deleted {
		m.set("deleted", flag(f.Deleted))
		m.set("invalid", flag(f.Invalid))
	}
	if w.o.Time == TimeMetadata {
		m.set("file_modified", sqlTime(f.Time))
	}
	if len(m.keys) > 0 || w.o.MetadataList {
		put("metadata", m)
	}
	if w.o.Time == TimeInfo {
		put("info", newArray("modified", sqlTime(f.Time)))
	}
}

func flag(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

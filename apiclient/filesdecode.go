package apiclient

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// maxObjects bounds how many files and folders one answer of v1 may tell of.
const maxObjects = 10_000_000

// filesDecoder puts a folder together from the file objects of one answer. Objects
// are read one after another, since an answer may hold very many.
type filesDecoder struct {
	asked   string // the folder's path as v1 has it; "" is the base directory
	at      time.Time
	folder  *Folder
	objects int  // told of, at all levels
	self    bool // the folder itself was told of, and nothing of what is in it

	answer v1Answer
	inner  bool // whether something in the folder was told of
}

// decodeFiles reads the answer about a folder: data is a list of file objects, an
// object of the folder with contents, or what PHP makes of a list with gaps (files
// page, inferred). Sub-folders are told by contents of their own, or by a flat list
// whose paths go deeper.
func decodeFiles(body []byte, asked string, at time.Time) (*filesDecoder, error) {
	d := &filesDecoder{asked: asked, at: at, folder: &Folder{State: Whole, Asked: at, Named: true}}
	if err := d.answer.read(body, d.data); err != nil {
		return nil, err
	}
	d.self = d.self && !d.inner
	if round(d.objects) {
		// It may be cut: a sub-folder's contents are no listing then.
		for _, e := range d.folder.Entries {
			if e.Folder != nil {
				e.Folder.distrust()
			}
		}
	}
	return d, nil
}

// distrust takes the marks off a folder and those below it.
func (f *Folder) distrust() {
	f.State = Skipped
	for _, e := range f.Entries {
		if e.Folder != nil {
			e.Folder.distrust()
		}
	}
}

// data reads the payload of an answer about a folder.
func (d *filesDecoder) data(first json.Token) error {
	switch first {
	case nil, false, "":
		return nil // nothing in it
	case json.Delim('['):
		return d.list()
	case json.Delim('{'):
	default:
		return malformed("something else than files instead of a folder's files")
	}
	own := value{kind: kindObject} // of the folder's own object, its contents left out
	numbered, byNumber := true, false
	err := d.answer.members(func(key string, first json.Token) error {
		switch {
		case key == "contents" && first == json.Delim('['):
			numbered, d.inner = false, true
			return d.list()
		case key == "contents" && first == json.Delim('{'):
			numbered, d.inner = false, true
			return d.answer.members(func(key string, first json.Token) error { return d.numbered(key, first) })
		case numeric([]string{key}) && first != json.Delim('[') && numbered:
			byNumber = true
			return d.numbered(key, first)
		}
		numbered = false
		v, err := d.answer.item(first)
		own.keys, own.items = append(own.keys, key), append(own.items, v)
		return err
	})
	switch {
	case err != nil || len(own.keys) == 0:
		return err
	case byNumber:
		return malformed("files under numbers beside something else")
	}
	return d.own(own)
}

// numbered reads a file object that stands under a number: a list with gaps, to PHP.
func (d *filesDecoder) numbered(key string, first json.Token) error {
	v, err := d.answer.item(first)
	switch {
	case err != nil || v.empty():
		return err
	case !numeric([]string{key}):
		return malformed("an object instead of a folder's contents")
	}
	return d.object(d.folder, d.asked, v)
}

// own reads the object of the asked folder, but for contents that were read already.
func (d *filesDecoder) own(v value) error {
	contents, _ := v.get("contents")
	o, err := readObject(v, parentOf(d.asked))
	switch {
	case err != nil && !d.inner && contents.empty():
		return err
	case err == nil && o.path != d.asked:
		return malformed("an answer about %q", o.path)
	case err == nil && o.kind == isFile:
		return malformed("an answer about a file instead of a folder")
	}
	if !contents.empty() {
		d.inner = true
		return d.contents(d.folder, d.asked, contents)
	}
	d.self = true
	return nil
}

// list reads the file objects of a list that was begun.
func (d *filesDecoder) list() error {
	for d.answer.json.More() {
		first, err := d.answer.json.Token()
		if err != nil {
			return err
		}
		v, err := d.answer.item(first)
		if err != nil {
			return err
		}
		if v.empty() {
			continue
		}
		if err := d.object(d.folder, d.asked, v); err != nil {
			return err
		}
	}
	_, err := d.answer.json.Token() // the closing bracket
	return err
}

// object adds a file object that stands in the folder at dir.
func (d *filesDecoder) object(into *Folder, dir string, v value) error {
	if d.objects++; d.objects > maxObjects {
		return &Error{TooLarge: true, Message: fmt.Sprintf("an answer with more than %d files", maxObjects)}
	}
	o, err := readObject(v, dir)
	if err != nil {
		return err
	}
	if into == d.folder && o.path == d.asked && o.kind == isFolder && (d.asked == "" || o.parent != d.asked) {
		return d.own(v) // a list that holds the folder itself
	}
	d.inner = true
	if !showable(o.name) {
		into.Hidden++
		return nil
	}
	if o.path == o.name && (o.path != d.asked || o.parent == dir) {
		o.path = join(dir, o.name) // a path that is the name only
	}
	below, ok := strings.CutPrefix("/"+o.path, strings.TrimSuffix("/"+dir, "/")+"/")
	if !ok {
		return malformed("an answer that tells of %q", o.path)
	}
	// A flat list tells of deeper folders by longer paths.
	for {
		part, rest, deeper := strings.Cut(below, "/")
		if !deeper {
			break
		}
		if !showable(part) {
			into.Hidden++
			return nil
		}
		into, dir, below = d.sub(into, part), join(dir, part), rest
		into.State = Whole // it was searched, as something of it is told
	}
	return d.place(into, dir, o)
}

// place adds an object to the folder that it stands in.
func (d *filesDecoder) place(into *Folder, dir string, o fileObject) error {
	switch o.kind {
	case isOther:
		into.Hidden++
	case isFile:
		into.add(Entry{Name: o.name, Attr: &o.attr})
	case isFolder:
		sub := d.sub(into, o.name)
		if o.contents.empty() {
			return nil // not searched, or nothing in it (unknown which)
		}
		sub.State = Whole
		return d.contents(sub, join(dir, o.name), o.contents)
	}
	return nil
}

// contents reads what stands in a folder.
func (d *filesDecoder) contents(into *Folder, dir string, v value) error {
	if v.kind != kindList && (v.kind != kindObject || !numeric(v.keys)) {
		return malformed("%s instead of a folder's contents", v.describe())
	}
	for _, item := range v.items {
		if item.empty() {
			continue
		}
		if err := d.object(into, dir, item); err != nil {
			return err
		}
	}
	return nil
}

// sub returns the sub-folder called name, made if it is not there.
func (d *filesDecoder) sub(f *Folder, name string) *Folder {
	if i, ok := f.find(name); ok && f.Entries[i].Folder != nil {
		return f.Entries[i].Folder
	}
	f.add(Entry{Name: name, Folder: &Folder{Asked: d.at, Named: true}})
	i, _ := f.find(name)
	return f.Entries[i].Folder
}

// decodeFile reads the answer about one file: its object, or a list of it (seen in
// clients). What is no file has no size.
func decodeFile(body []byte, asked string) (attr Attr, err error) {
	attr = Attr{Size: UnknownSize}
	var answer v1Answer
	err = answer.read(body, func(first json.Token) error {
		v, err := answer.item(first)
		if err != nil || v.empty() {
			return err
		}
		if v = unwrapOne(v); v.kind != kindObject {
			return nil // a folder's list
		}
		if numeric(v.keys) {
			return nil // a folder's list, with gaps
		}
		o, err := readObject(v, parentOf(asked))
		if err != nil {
			return err
		}
		if o.kind == isFile && o.path == asked && showable(o.name) { // as in its folder
			attr = o.attr
		}
		return nil
	})
	return attr, err
}

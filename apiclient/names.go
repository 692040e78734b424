package apiclient

import (
	"strings"
)

// maxName is the longest name in bytes that Linux file systems show.
const maxName = 255

// showable reports whether a file system may show name.
func showable(name string) bool {
	return name != "" && name != "." && name != ".." && len(name) <= maxName &&
		!strings.ContainsAny(name, "/\x00")
}

// ownName returns the last part of text if the rest of it is the folder it stands
// in: some answers may give paths for names (inferred). Any other name with a slash
// comes back as it is, and is not showable.
func ownName(text, folder string) string {
	i := strings.LastIndexByte(text, '/')
	if i < 0 || tidy(text[:i]) != folder {
		return text
	}
	return text[i+1:]
}

// tidy returns path without leading, trailing and doubled slashes.
func tidy(path string) string {
	if path == "" || path[0] != '/' && path[len(path)-1] != '/' && !strings.Contains(path, "//") {
		return path
	}
	return strings.Join(strings.FieldsFunc(path, func(r rune) bool { return r == '/' }), "/")
}

// fileNames returns the names in a folder's __files, in order. A null among them is
// a name the service could not encode; it comes back as "". ok is false if v is
// nothing that names files could be read from.
//
// The documented form is a list of strings. The others are what PHP makes of
// related arrays: an array with gaps becomes an object with numeric keys, one keyed
// by name an object keyed by name, and a name such as 123 that was an array key a
// number (inferred).
func fileNames(v value, folder string) (names []string, ok bool) {
	switch v.kind {
	case kindNull:
		return nil, true
	case kindText:
		if v.text == "" {
			return nil, true
		}
		return []string{v.text}, true
	case kindList:
		return listedNames(v.items, folder)
	case kindObject:
		if numeric(v.keys) && namesAreValues(v.items) {
			return listedNames(v.items, folder)
		}
		for i, key := range v.keys {
			if !isDetail(v.items[i]) {
				return nil, false
			}
			names = append(names, key)
		}
		return names, true
	}
	return nil, false
}

// listedNames reads the names of a list.
func listedNames(items []value, folder string) (names []string, ok bool) {
	if keyedByIndex(items) {
		// {"0": true, "1": true}, files named 0 and 1, is a list to PHP.
		for i := range items {
			names = append(names, itoa(i))
		}
		return names, true
	}
	nulls := 0
	for _, item := range items {
		name, ok := fileName(item, folder)
		if !ok {
			return nil, false
		}
		if item.kind == kindNull {
			nulls++
		}
		names = append(names, name)
	}
	// Nothing but nulls is what {"0": null, "1": null} is to PHP, or a folder of names
	// that it could not encode.
	return names, nulls < 2 || nulls < len(items)
}

// fileName reads one name: a string, a whole number, or an object with a name or
// path member.
func fileName(v value, folder string) (name string, ok bool) {
	switch v.kind {
	case kindNull:
		return "", true
	case kindText:
		return v.text, true
	case kindNumber:
		return v.text, numeric([]string{v.text})
	case kindObject:
		if name, ok := v.get("name"); ok && name.kind != kindObject {
			return fileName(name, folder)
		}
		if path, ok := v.get("path"); ok && path.kind == kindText {
			return ownName(path.text, folder), true
		}
	}
	return "", false
}

// isDetail reports whether v may stand behind a file's name used as a key: true, 1,
// null, a details object, or a string or number that tells something of it.
func isDetail(v value) bool {
	return v.kind != kindList && (v.kind != kindBool || v.truth)
}

// namesAreValues reports whether an object with numeric keys is a list with gaps,
// rather than keyed by files whose names are numbers.
func namesAreValues(items []value) bool {
	for _, item := range items {
		switch {
		case item.kind == kindText:
			return true
		case item.kind == kindNumber && item.text != "1":
			return true
		case item.kind == kindObject:
			_, named := item.get("name")
			_, pathed := item.get("path")
			return named || pathed
		}
	}
	return false
}

// keyedByIndex reports whether a list can only be an array keyed by the names 0,
// 1, …: no name is true, an object without a name, or the same number twice.
func keyedByIndex(items []value) bool {
	for _, item := range items {
		switch {
		case item.kind == kindBool && item.truth:
		case item.kind == kindNumber && item.text == "1" && len(items) > 1:
		case item.kind == kindObject:
			if _, ok := fileName(item, ""); ok {
				return false
			}
		default:
			return false
		}
	}
	return len(items) > 0
}

// numeric reports whether all of keys are what PHP takes for integer keys.
func numeric(keys []string) bool {
	for _, key := range keys {
		digits := strings.TrimPrefix(key, "-")
		if digits == "" || len(digits) > 19 || digits[0] == '0' && key != "0" {
			return false
		}
		if strings.Trim(digits, "0123456789") != "" {
			return false
		}
	}
	return len(keys) > 0
}

package apiclient

import "strings"

// locate finds the asked folder in data. The documented form is an object with the
// whole path as its key. Others that are accepted: slashes more or less, only the
// last part, one key for each part, a list around it, no key at all (inferred).
func locate(data value, path string) (v value, found bool, err error) {
	if data.empty() {
		return value{}, false, nil
	}
	if v, ok := descend(data, path); ok {
		if others(unwrapOne(data)) > 1 {
			return value{}, false, malformed("the answer tells of other folders beside the asked one")
		}
		return v, true, nil
	}
	if last := path[strings.LastIndexByte(path, '/')+1:]; last == "0" && isOneList(data) {
		return data.items[0], true, nil // {"0": …} is a list to PHP
	}
	data = unwrapOne(data)
	switch {
	case data.kind == kindList && allObjects(data):
		return data, true, nil
	case data.kind != kindObject:
		return value{}, false, malformed("%s instead of a listing", data.describe())
	}
	if key, v, ok := onlyKey(data); ok {
		if leadsElsewhere(key, path) {
			return value{}, false, malformed("the answer leads to another folder than the asked one")
		}
		return v, true, nil
	}
	return data, true, nil
}

// leadsElsewhere reports whether an only key that is not the asked path is another
// one: a folder above it, or one of the same storage.
func leadsElsewhere(key, path string) bool {
	key = tidy(key)
	storage, _, _ := strings.Cut(path, "/")
	return strings.HasPrefix(path, key+"/") || strings.HasPrefix(key, storage+"/") && !strings.EqualFold(key, path)
}

// descend follows path through objects whose keys are the path or parts of it.
func descend(v value, path string) (value, bool) {
	object := unwrapOne(v)
	for i, key := range object.keys {
		key = tidy(key)
		if key == path {
			return object.items[i], true
		}
		if rest, ok := strings.CutPrefix(path, key+"/"); ok && key != "" {
			if v, ok := descend(object.items[i], rest); ok {
				return v, true
			}
			// A part 0 that is an only key is a list to PHP.
			if rest, ok := strings.CutPrefix(rest+"/", "0/"); ok && isOneList(object.items[i]) {
				if rest == "" {
					return object.items[i].items[0], true
				}
				return descend(object.items[i].items[0], strings.TrimSuffix(rest, "/"))
			}
		}
	}
	return value{}, false
}

// isOneList reports whether v is a list of one item.
func isOneList(v value) bool { return v.kind == kindList && len(v.items) == 1 }

// allObjects reports whether a list holds nothing but objects and what says nothing.
func allObjects(v value) bool {
	for _, item := range v.items {
		if item.kind != kindObject && !item.empty() {
			return false
		}
	}
	return true
}

// onlyKey returns an object's only key, if that is none of the keys a folder has.
// Meta keys that are not known yet do not count.
func onlyKey(data value) (only string, v value, ok bool) {
	for i, key := range data.keys {
		switch {
		case key == keyFiles, key == keyLoaded, key == keyOffset, key == keyCount:
			return "", value{}, false
		case strings.HasPrefix(key, "__") && data.items[i].scalar():
		case ok:
			return "", value{}, false
		default:
			only, v, ok = key, data.items[i], true
		}
	}
	return only, v, ok
}

// others counts the keys of an object that are no scalar meta keys.
func others(v value) (n int) {
	for i, key := range v.keys {
		if !strings.HasPrefix(key, "__") || !v.items[i].scalar() {
			n++
		}
	}
	return n
}

// unwrapOne takes an object out of the list around it.
func unwrapOne(v value) value {
	if isOneList(v) && v.items[0].kind == kindObject {
		return v.items[0]
	}
	return v
}

package apitest

import "strings"

// StorageShape is how the answer to files.getstorage is written. No page describes it.
type StorageShape int

// The shapes of the answer, for the storage sestore4.
const (
	StorageData   StorageShape = iota // "data": "sestore4"
	StorageList                       // "data": ["sestore4"]
	StorageMember                     // "data": {"storage": "sestore4"}
	StorageTop                        // "storage": "sestore4", beside the status
	StoragePath                       // "data": [{"path": "\/sestore4\/jb\/"}]
	StorageKey                        // "data": {"sestore4": {"name": "jb", …}}
	StorageText                       // only named in the message
)

// StorageShapes lists all shapes.
func StorageShapes() []StorageShape {
	return []StorageShape{StorageData, StorageList, StorageMember, StorageTop, StoragePath, StorageKey, StorageText}
}

// String returns the shape's name.
func (s StorageShape) String() string {
	return name(int(s), "data", "list", "member", "top", "path", "key", "text")
}

// answer returns the answer for a tree with the given root.
func (s StorageShape) answer(root string) *array {
	storage, rest, _ := strings.Cut(root, "/")
	user, _, _ := strings.Cut(rest, "/")
	a := newArray("status", "success")
	switch s {
	case StorageList:
		a.set("data", newList(storage))
	case StorageMember:
		a.set("data", newArray("storage", storage))
	case StorageTop:
		a.set("storage", storage)
	case StoragePath:
		a.set("data", newList(newArray("path", "/"+storage+"/"+user+"/")))
	case StorageKey:
		a.set("data", newArray(storage, newArray("name", user, "active", "1")))
	case StorageText:
		a.set("message", "Your storage is "+storage)
		return a
	default:
		a.set("data", storage)
	}
	a.set("message", "Found Storage Data")
	return a
}

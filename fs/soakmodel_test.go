package fs

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"sefs/apiclient/apitest"
)

// soakMemory is how long the model remembers what was: longer than anybody can take to
// see it, and tell.
const soakMemory = 3 * time.Minute

// model is what the tree of a stand-in was at each moment. All changes go through it. Paths
// are relative to the tree's root, which is "". It is safe for concurrent use.
type model struct {
	tree *apitest.Tree

	mu      sync.Mutex // protects what follows
	folders map[string]map[string]bool
	history map[string][]moment // by path; a path that is not in it was never there
	changes int
}

// moment is what was at a path for a time. Moments overlap a little, as nobody can tell when
// exactly a change took place.
type moment struct {
	from, to time.Time // to is zero if it lasts
	kind     byte      // 'd', 'f', or 0 for nothing
	names    string    // of a folder, as told by namesOf
	file     apitest.File
}

func newModel() *model {
	m := &model{tree: apitest.NewTree(root), folders: map[string]map[string]bool{"": {}}, history: map[string][]moment{}}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.note("", time.Now(), time.Now(), moment{kind: 'd'})
	return m
}

// folderText puts the names of a folder into one text; their value says which are folders.
func folderText(names map[string]bool) string {
	var all []string
	for name, isDir := range names {
		all = append(all, entryText(name, isDir))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func entryText(name string, isDir bool) string {
	if isDir {
		return name + "/"
	}
	return name
}

// note begins a moment. It is called with mu held.
func (m *model) note(at string, before, after time.Time, now moment) {
	past := m.history[at]
	if n := len(past); n > 0 && past[n-1].to.IsZero() {
		past[n-1].to = after
	} else if n == 0 {
		past = []moment{{to: after}}
	}
	past = slices.DeleteFunc(past, func(p moment) bool { return !p.to.IsZero() && after.Sub(p.to) > soakMemory })
	now.from = before
	m.history[at] = append(past, now)
}

// forget drops what is so old that nobody asks for it, so that a long soak does not fill the memory.
func (m *model) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.history, func(_ string, past []moment) bool {
		last := past[len(past)-1]
		return last.kind == 0 && time.Since(last.from) > soakMemory
	})
}

// change makes a change of the tree, and notes it for the folder that it is in.
func (m *model) change(at string, do func() (below []string), now moment) {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, name := parent(at)
	names := m.folders[dir]
	if names == nil {
		return // it is gone meanwhile
	}
	before := time.Now()
	below := do()
	after := time.Now()
	m.changes++
	m.note(at, before, after, now)
	for _, gone := range below {
		m.note(gone, before, after, moment{})
	}
	isDir, known := names[name]
	if now.kind == 0 {
		delete(names, name)
	} else {
		names[name] = now.kind == 'd'
	}
	if !known || now.kind == 0 || isDir != (now.kind == 'd') {
		m.note(dir, before, after, moment{kind: 'd', names: folderText(names)})
	}
}

func parent(at string) (dir, name string) {
	dir, name = path.Split(at)
	return strings.TrimSuffix(dir, "/"), name
}

// put adds a file, or replaces one.
func (m *model) put(at string, f apitest.File) {
	m.change(at, func() []string { m.tree.Add(at, f); return nil }, moment{kind: 'f', file: f})
}

// mkdir adds an empty folder.
func (m *model) mkdir(at string) {
	m.change(at, func() []string { m.tree.AddDir(at); m.folders[at] = map[string]bool{}; return nil }, moment{kind: 'd'})
}

// remove removes a file, or a folder with all that is in it.
func (m *model) remove(at string) {
	m.change(at, func() (below []string) {
		m.tree.Remove(at)
		for dir, names := range m.folders {
			if dir != at && !strings.HasPrefix(dir, at+"/") {
				continue
			}
			if dir != at {
				below = append(below, dir)
			}
			for name, isDir := range names {
				if !isDir {
					below = append(below, dir+"/"+name)
				}
			}
			delete(m.folders, dir)
		}
		return below
	}, moment{})
}

// listed returns the names in a folder, sorted, files first; none if it is not there.
func (m *model) listed(dir string) (files, dirs []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, isDir := range m.folders[dir] {
		if isDir {
			dirs = append(dirs, name)
		} else {
			files = append(files, name)
		}
	}
	slices.Sort(files)
	slices.Sort(dirs)
	return files, dirs
}

// file returns what a file is now.
func (m *model) file(at string) (apitest.File, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	past := m.history[at]
	if len(past) == 0 || past[len(past)-1].kind != 'f' {
		return apitest.File{}, false
	}
	return past[len(past)-1].file, true
}

// some returns any path of a kind; one that is gone by now if kind is 0.
func (m *model) some(kind byte) (at string, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for at, past := range m.history { // in no order
		if past[len(past)-1].kind == kind {
			return at, true
		}
	}
	return "", false
}

// moments returns what was at a path at some time of a window.
func (m *model) moments(at string, from, to time.Time) (all []moment) {
	m.mu.Lock()
	defer m.mu.Unlock()
	past := m.history[at]
	if len(past) == 0 {
		return []moment{{}}
	}
	for _, p := range past {
		if !p.from.After(to) && (p.to.IsZero() || !p.to.Before(from)) {
			all = append(all, p)
		}
	}
	return all
}

// any reports whether at some time of the window there was a moment like that at a path.
func (m *model) any(at string, from, to time.Time, like func(moment) bool) bool {
	return slices.ContainsFunc(m.moments(at, from, to), like)
}

// onTheWay is any, for a path and all that lead to it.
func (m *model) onTheWay(at string, from, to time.Time, like func(moment) bool) bool {
	for ; at != ""; at, _ = parent(at) {
		if m.any(at, from, to, like) {
			return true
		}
	}
	return false
}

func is(kind byte) func(moment) bool { return func(p moment) bool { return p.kind == kind } }

// explains reports whether an error is one that may be: of a fault, or because the path was not there, or
// was something else, at some time of the window.
func (m *model) explains(at string, code syscall.Errno, from, to time.Time) bool {
	switch code {
	case syscall.EIO, syscall.ESTALE:
		return true
	case syscall.EACCES: // links are refused
		return m.any(at, from, to, is('f'))
	case syscall.ENOENT:
		return m.onTheWay(at, from, to, is(0))
	case syscall.ENOTDIR:
		return m.onTheWay(at, from, to, is('f'))
	case syscall.EISDIR:
		return m.any(at, from, to, is('d'))
	}
	return false
}

// piece is some bytes that were read of a file, and whether the file ended with them.
type piece struct {
	offset int64
	data   []byte
	end    bool
}

// holds reports whether a version of a file, which was at a path, has all the pieces.
func holds(at string, f apitest.File, pieces []piece) bool {
	version := apitest.NewTree(root)
	version.Add(at, f)
	content, size, _ := version.ReaderAt(at)
	for _, p := range pieces {
		right := make([]byte, len(p.data))
		if n, _ := content.ReadAt(right, p.offset); n != len(right) || !bytes.Equal(right, p.data) {
			return false
		}
		if end := p.offset + int64(len(p.data)); p.end != (end >= size) {
			return false
		}
	}
	return true
}

// describe tells what the model has of a path, for a message.
func (m *model) describe(at string, from, to time.Time) string {
	var text strings.Builder
	for _, p := range m.moments(at, from, to) {
		end := "now"
		if !p.to.IsZero() {
			end = fmt.Sprint(p.to.Sub(to).Round(time.Millisecond))
		}
		fmt.Fprintf(&text, "\n  %v to %s: %c %q size %d version %d", p.from.Sub(to).Round(time.Millisecond), end, max(p.kind, '-'), p.names, p.file.Size, p.file.Version)
	}
	return text.String()
}

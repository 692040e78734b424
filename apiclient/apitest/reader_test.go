package apitest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// reader reads a tree through the answers of a server, in the default shape only, and believes the
// marks. It leaves HTTP out: thousands of combinations are read.
type reader struct {
	t    *testing.T
	s    *Server
	tree *Tree
	typ  string

	files, dirs []string
}

// page is one folder of an answer.
type page struct {
	files              []string
	dirs               []string
	sub                map[string]page
	mark, offset, full int
}

func (r *reader) ask(path string, offset int) page {
	r.t.Helper()
	call := Call{Path: path, Offset: offset, Type: r.typ}
	o := r.s.options()
	_, body := r.s.right(&o, request{command: listCommand, call: call}, Reply{})
	v, err := decode(body)
	if err != nil {
		r.t.Fatalf("%v: %.200q", err, body)
	}
	data, ok := v.(*array).get("data").(*array)
	if !ok || len(data.keys) != 1 || data.keys[0] != path {
		r.t.Fatalf("asked for %q, got %.300s", path, body)
	}
	return r.page(data.vals[0])
}

func (r *reader) page(v any) page {
	node := v.(*array).get("0").(*array)
	p := page{sub: map[string]page{}}
	for i, k := range node.keys {
		switch v := node.vals[i]; k {
		case "__files":
			for _, f := range v.(*array).vals {
				p.files = append(p.files, f.(string))
			}
		case "__is_loaded":
			p.mark = int(v.(int64))
		case "__offset":
			p.offset = int(v.(int64))
		case "__file_count":
			p.full = int(v.(int64))
		default:
			p.dirs = append(p.dirs, k)
			p.sub[k] = r.page(v)
		}
	}
	return p
}

// folder reads one folder by its own calls, page after page, and then each of its sub-folders.
func (r *reader) folder(rel string) {
	r.t.Helper()
	var files, dirs []string
	seen := map[string]page{}
	for offset := 0; ; {
		p := r.ask(r.tree.Full(rel), offset)
		files = append(files, p.files...)
		for _, d := range p.dirs {
			if _, ok := seen[d]; !ok {
				dirs = append(dirs, d)
				seen[d] = p.sub[d]
			}
		}
		if p.mark == 1 {
			break
		}
		if p.mark != -1 || p.offset <= offset {
			r.t.Fatalf("%q at %d: mark %d, offset %d", rel, offset, p.mark, p.offset)
		}
		offset = p.offset
	}
	prefix := rel
	if rel != "" {
		prefix += "/"
	}
	for _, f := range files {
		r.files = append(r.files, prefix+f)
	}
	for _, d := range dirs {
		r.dirs = append(r.dirs, prefix+d)
		r.folder(prefix + d)
	}
}

// harvest checks what one answer without an offset says of all folders in it against the tree: those
// marked whole are whole, and those marked cut can be gone on with.
func (r *reader) harvest(rel string, p page) {
	r.t.Helper()
	files, dirs := r.tree.children(rel, r.typ)
	switch p.mark {
	case 0:
		if len(p.files)+len(p.dirs) > 0 {
			r.t.Errorf("%q is skipped, but has contents: %+v", rel, p)
		}
	case 1:
		if diff := cmp.Diff([][]string{files, dirs}, [][]string{p.files, p.dirs}); diff != "" {
			r.t.Errorf("%q is marked whole (-tree +answer):\n%s", rel, diff)
		}
	case -1:
		if p.full != len(files)+len(dirs) {
			r.t.Errorf("%q has __file_count %d, want %d", rel, p.full, len(files)+len(dirs))
		}
		for p.mark == -1 {
			next := r.ask(r.tree.Full(rel), p.offset)
			if next.mark == -1 && next.offset <= p.offset {
				r.t.Fatalf("%q: offset goes from %d to %d", rel, p.offset, next.offset)
			}
			p.files, p.mark, p.offset = append(p.files, next.files...), next.mark, next.offset
		}
		if diff := cmp.Diff(files, p.files); diff != "" {
			r.t.Errorf("%q, gone on with (-tree +answers):\n%s", rel, diff)
		}
	}
	for _, d := range p.dirs {
		prefix := rel
		if rel != "" {
			prefix += "/"
		}
		r.harvest(prefix+d, p.sub[d])
	}
}

// children returns a folder's contents in the server's order.
func (t *Tree) children(rel, typ string) (files, dirs []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.find(rel)
	for _, file := range f.files {
		if types[typ](file.File) {
			files = append(files, file.name)
		}
	}
	for _, d := range f.dirs {
		dirs = append(dirs, d.name)
	}
	return files, dirs
}

func TestPages(t *testing.T) {
	trees := map[string]*Tree{
		"example": Example(),
		"flat":    Flat("sestore4/jb", 25),
		"nested":  Nested("sestore4/jb", 3, 2, 4),
		"odd":     Generate("sestore12/a b/\u00e9", Gen{Seed: 1, Depth: 2, OddNames: true, Mixed: true, Files: 9, Folders: 4}),
		"mixed":   Generate("sestore4/jb", Gen{Seed: 2, Depth: 2, Mixed: true, Files: 15, Folders: 4}),
		"empty":   NewTree("sestore4/jb"),
	}
	for _, size := range []int{1, 5, 100} {
		for _, o := range allOptions() {
			o.PageSize = size
			t.Run(describe(o), func(t *testing.T) {
				t.Parallel()
				for name, tree := range trees {
					o.Tree = tree
					testPages(t, o)
					if t.Failed() {
						t.Fatalf("in the tree %q", name)
					}
				}
			})
		}
	}
}

func testPages(t *testing.T, o Options) {
	o.fill()
	s := &Server{o: o, issued: map[Call]bool{}}
	r := &reader{t: t, s: s, tree: o.Tree, typ: "includeinvalid"}
	r.folder("")
	slices.Sort(r.files)
	slices.Sort(r.dirs)
	files, dirs := o.Tree.PathsOf(r.typ)
	if diff := cmp.Diff(files, r.files); diff != "" {
		t.Errorf("files (-tree +read):\n%s", diff)
	}
	if diff := cmp.Diff(dirs, r.dirs); diff != "" {
		t.Errorf("folders (-tree +read):\n%s", diff)
	}
	r.harvest("", r.ask(o.Tree.Root(), 0))
}

// allOptions returns all ways to page by which a tree can be read.
func allOptions() []Options {
	var all []Options
	for _, order := range Orders() {
		for _, means := range OffsetMeanings() {
			if means == OffsetIgnored || means == OffsetRefused {
				continue
			}
			for _, follow := range FollowUps() {
				for bits := range 8 {
					o := Options{Order: order, OffsetMeans: means, FollowUp: follow,
						FoldersFirst: bits&1 != 0, HideSkipped: bits&2 != 0, EagerCut: bits&4 != 0}
					if check := o; check.fill() == nil {
						all = append(all, o)
					}
				}
			}
		}
	}
	return all
}

func describe(o Options) string {
	s := fmt.Sprintf("%v/%v/%v/%d", o.Order, o.OffsetMeans, o.FollowUp, o.PageSize)
	for flag, on := range map[string]bool{"+folders-first": o.FoldersFirst, "+hide": o.HideSkipped, "+eager": o.EagerCut} {
		if on {
			s += flag
		}
	}
	return s
}

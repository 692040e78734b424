package apitest

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// told is what a reader took from an answer of v1, whatever its form: sizes of files by path, folders.
type told struct {
	Files map[string]int64
	Dirs  map[string]bool
}

// v1Reader reads answers of every form, by what the fact sheet says of them only.
type v1Reader struct {
	t   *testing.T
	got told
}

// data reads the data for a folder. What it tells of the folder itself is left out.
func (r *v1Reader) data(v any, asked string) {
	switch v := v.(type) {
	case []any:
		r.items(v, asked)
	case map[string]any:
		if _, ok := v["type"]; !ok {
			r.numbered(v, asked)
			return
		}
		if p := r.path(v); p != asked {
			r.t.Errorf("the answer for %q is about %q", asked, p)
		}
		r.contents(v["contents"], asked)
	default:
		r.t.Errorf("data is %T", v)
	}
}

func (r *v1Reader) items(list []any, asked string) {
	for _, v := range list {
		r.object(v.(map[string]any), asked)
	}
}

func (r *v1Reader) numbered(m map[string]any, asked string) {
	if _, ok := m["0"]; ok || len(m) == 0 {
		r.t.Errorf("PHP would make a list of this: %v", m)
	}
	for k, v := range m {
		if _, err := strconv.Atoi(k); err != nil {
			r.t.Errorf("a key %q", k)
		}
		r.object(v.(map[string]any), asked)
	}
}

func (r *v1Reader) contents(v any, asked string) {
	switch v := v.(type) {
	case nil:
	case []any:
		r.items(v, asked)
	case map[string]any:
		r.numbered(v, asked)
	}
}

func (r *v1Reader) path(o map[string]any) string { return strings.TrimPrefix(o["path"].(string), "/") }

func (r *v1Reader) object(o map[string]any, asked string) {
	p, parent := r.path(o), o["parent"].(string)
	if p == asked {
		return
	}
	if want := path.Base(p); o["name"] != want {
		r.t.Errorf("%q has the name %q", p, o["name"])
	}
	want := path.Dir(p)
	if got := strings.TrimPrefix(parent, "/"); got != want && (want != "." || got != "") {
		r.t.Errorf("%q has the parent %q", p, parent)
	}
	switch typ := strings.ToLower(o["type"].(string)); typ {
	case "file", "symlink":
		var size int64
		switch v := o["size"].(type) {
		case string:
			size, _ = strconv.ParseInt(v, 10, 64)
		case float64:
			size = int64(v)
		default:
			r.t.Errorf("%q has the size %v", p, v)
		}
		if _, ok := r.got.Files[p]; ok {
			r.t.Errorf("%q is told of twice", p)
		}
		r.got.Files[p] = size
	case "directory", "folder":
		if r.got.Dirs[p] {
			r.t.Errorf("%q is told of twice", p)
		}
		r.got.Dirs[p] = true
		r.contents(o["contents"], asked)
	default:
		r.t.Errorf("%q has the type %q", p, typ)
	}
}

// below returns what is so many levels below a folder of a tree, all of it relative to the base directory.
func below(tree *Tree, folder string, levels int) told {
	_, rest := accountBase(tree.Root())
	want := told{map[string]int64{}, map[string]bool{}}
	within := func(p string) bool {
		if folder == "" {
			return strings.Count(p, "/") < levels
		}
		tail, ok := strings.CutPrefix(p, folder+"/")
		return ok && strings.Count(tail, "/") < levels
	}
	files, dirs := tree.Paths()
	for _, rel := range files {
		if f, _ := tree.File(rel); !f.Deleted && within(path.Join(rest, rel)) {
			want.Files[path.Join(rest, rel)] = f.Size
		}
	}
	for _, rel := range append(dirs, "") {
		for p := path.Join(rest, rel); p != "." && p != ""; p = path.Dir(p) {
			if within(p) {
				want.Dirs[p] = true
			}
		}
	}
	return want
}

func TestV1Shapes(t *testing.T) {
	trees := map[string]*Tree{
		"example": Example(),
		"odd":     Generate("sestore12/a b", Gen{Seed: 3, Depth: 3, OddNames: true, Mixed: true, Files: 10}),
		"below":   Generate("sestore4/jb/\u00e9/x y", Gen{Seed: 4, Depth: 2, Mixed: true}),
		"empty":   NewTree("sestore4/jb"),
	}
	for _, shape := range V1Shapes() {
		t.Run(shape.Name, func(t *testing.T) {
			t.Parallel()
			for name, tree := range trees {
				_, f := startWithFetcher(t, Options{Tree: tree, V1: shape.V1})
				_, rest := accountBase(tree.Root())
				_, dirs := tree.Paths()
				folders := []string{"", rest}
				for _, d := range dirs[:min(len(dirs), 2)] {
					folders = append(folders, path.Join(rest, d))
				}
				for _, folder := range slices.Compact(folders) {
					for _, n := range []int{0, 1, 8} {
						r := v1Reader{t, told{map[string]int64{}, map[string]bool{}}}
						r.data(f.files(folder, fmt.Sprintf("option:recursive=%d", n)), folder)
						levels := n + 1
						if shape.V1.Depth == DepthFromFolder {
							levels = n
						}
						want := below(tree, folder, levels)
						if !maps.Equal(want.Files, r.got.Files) || !maps.Equal(want.Dirs, r.got.Dirs) {
							t.Fatalf("%s: %q at %d (-tree +read):\n%s", name, folder, n, cmp.Diff(want, r.got))
						}
					}
				}
			}
		})
	}
}

// Each form is written as its documentation says.
func TestV1ShapeTexts(t *testing.T) {
	tree := NewTree("sestore4/jb")
	tree.Add("a/b.txt", File{Size: 5, Time: time.Unix(1546300800, 0), Kind: Other})
	tree.AddDir("a/none")
	tree.Add("c.txt", File{Size: 7, Kind: Other, Time: time.Unix(1546300800, 0)})
	const (
		file = `{"name":"c.txt","path":"c.txt","parent":".","type":"file","size":"7"}`
		sub  = `{"name":"b.txt","path":"a\/b.txt","parent":"a","type":"file","size":"5"}`
		none = `{"name":"none","path":"a\/none","parent":"a","type":"directory"`
		dir  = `{"name":"a","path":"a","parent":".","type":"directory"`
		top  = `{"name":"","path":"","parent":"","type":"directory"`
	)
	withTime := func(t string) string { return strings.ReplaceAll(`[`+file+`,`+dir+`}]`, `"7"`, `"7",`+t) }
	for _, tt := range []struct {
		shape string
		n     int
		want  string
	}{
		{"default", 0, `[` + file + `,` + dir + `}]`},
		{"default", 1, `[` + file + `,` + dir + `,"contents":[` + sub + `,` + none + `}]}]`},
		{"default", 2, `[` + file + `,` + dir + `,"contents":[` + sub + `,` + none + `,"contents":[]}]}]`},
		{"object", 0, top + `,"contents":[` + file + `,` + dir + `}]}`},
		{"numbered", 0, `{"1":` + file + `,"3":` + dir + `}}`},
		{"nested-numbered", 1, `[` + file + `,` + dir + `,"contents":{"1":` + sub + `,"3":` + none + `}}}]`},
		{"flat", 0, `[` + file + `,` + dir + `}]`},
		{"flat", 1, `[` + file + `,` + dir + `},` + sub + `,` + none + `}]`},
		{"flat", 2, `[` + file + `,` + dir + `},` + sub + `,` + none + `,"contents":[]}]`},
		{"object-flat", 1, top + `,"contents":[` + file + `,` + dir + `},` + sub + `,` + none + `}]}`},
		{"from-folder", 0, `[` + top + `}]`},
		{"from-folder", 1, `[` + file + `,` + dir + `}]`},
		{"from-folder-object", 0, top + `}`},
		{"from-folder-numbered", 0, `{"1":` + top + `}}`},
		{"empty-null", 0, `[` + file + `,` + dir + `,"contents":null}]`},
		{"empty-list", 0, `[` + file + `,` + dir + `,"contents":[]}]`},
		{"from-folder-object-empty-list", 0, top + `,"contents":[]}`},
		{"size-number", 0, strings.ReplaceAll(`[`+file+`,`+dir+`}]`, `"7"`, `7`)},
		{"leading-slash", 0, strings.ReplaceAll(`[`+file+`,`+dir+`}]`, `"path":"`, `"path":"\/`)},
		{"parent-slash", 0, strings.ReplaceAll(`[`+file+`,`+dir+`}]`, `"."`, `"\/"`)},
		{"parent-empty", 0, strings.ReplaceAll(`[`+file+`,`+dir+`}]`, `"."`, `""`)},
		{"word-folder", 0, strings.ReplaceAll(`[`+file+`,`+dir+`}]`, `directory`, `folder`)},
		{"words-capital", 0, strings.NewReplacer(`directory`, `Directory`, `:"file"`, `:"File"`).Replace(`[` + file + `,` + dir + `}]`)},
		{"time-unix", 0, withTime(`"modified":1546300800`)},
		{"time-text", 0, withTime(`"modified_time":"2019-01-01 00:00:00"`)},
		{"time-unix-text", 0, withTime(`"mtime":"1546300800"`)},
		{"time-metadata", 0, withTime(`"metadata":{"file_modified":"2019-01-01 00:00:00"}`)},
		{"time-info", 0, withTime(`"info":{"modified":"2019-01-01 00:00:00"}`)},
		{"time-zero", 0, withTime(`"modified_time":"0000-00-00 00:00:00"`)},
		{"metadata-list", 0, withTime(`"metadata":[]`)},
	} {
		shape, ok := V1ShapeNamed(tt.shape)
		if !ok {
			t.Fatalf("there is no shape %q", tt.shape)
		}
		s := &Server{o: Options{Tree: tree, V1: shape}}
		o := s.options()
		_, body := s.rightV1(&o, Ask{Kind: AskFiles, Path: "sestore4/jb", Recursive: tt.n}, false)
		if diff := cmp.Diff(`{"data":`+tt.want+`,"errors":[]}`, string(body)); diff != "" {
			t.Errorf("%s at %d (-want +got):\n%s", tt.shape, tt.n, diff)
		}
	}
}

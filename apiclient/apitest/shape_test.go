package apitest

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The literal shape is the documentation's example, member for member.
func TestLiteral(t *testing.T) {
	shape, ok := ShapeNamed("literal")
	if !ok {
		t.Fatal("there is no literal shape")
	}
	_, c := startWithCaller(t, Options{Shape: shape})
	for _, tt := range []struct {
		path   string
		offset int
		want   string
	}{
		{"sestore4/jb", -1, `{"data":{"sestore4\/jb":[{"folder1":[{"__files":["movie2.mp4"],"__is_loaded":-1,"__offset":1,"__file_count":1}],"__files":["movie.mp4"]}]},"message":"Found Files List Data","status":"success","handle_time":"0.3795 seconds"}`},
		{"sestore4/jb/folder1", -1, `{"data":{"sestore4\/jb\/folder1":[{"__files":["movie2.mp4"]}]},"message":"Found Files List Data","status":"success","handle_time":"0.3795 seconds"}`},
		{"sestore4/jb/folder1", 1, `{"data":{"sestore4\/jb\/folder1":[{"__files":[]}]},"message":"Found Files List Data","status":"success","handle_time":"0.3795 seconds"}`},
		{"sestore4/jb/nothing", -1, `{"data":[],"message":"Found Files List Data","status":"success","handle_time":"0.3795 seconds"}`},
	} {
		if diff := cmp.Diff(tt.want, c.list(t, tt.path, tt.offset)); diff != "" {
			t.Errorf("%s at %d (-want +got):\n%s", tt.path, tt.offset, diff)
		}
	}
}

// sample is an answer in which everything occurs that a shape may change: a whole folder with two
// files, an empty, a skipped and a cut one.
func sample() *listed {
	file := func(name string) namedFile {
		return namedFile{name, File{Size: 5, Time: time.Unix(1577836800, 0)}}
	}
	return &listed{
		mark: 1, files: []namedFile{file("a"), file("7")},
		dirs: []*listed{
			{name: "one", mark: 1, files: []namedFile{file("b")}, count: 1},
			{name: "none", mark: 1},
			{name: "skip"},
			{name: "cut", mark: -1, files: []namedFile{file("c")}, offset: 1, count: 2},
		},
	}
}

func TestShapes(t *testing.T) {
	const (
		one  = `"one":[{"__files":["b"],"__is_loaded":1}]`
		none = `"none":[{"__files":[],"__is_loaded":1}]`
		skip = `"skip":[{"__is_loaded":0}]`
		cut  = `"cut":[{"__files":["c"],"__is_loaded":-1,"__offset":1,"__file_count":2}]`
		dirs = one + "," + none + "," + skip + "," + cut
		node = `{` + dirs + `,"__files":["a","7"],"__is_loaded":1}`
		def  = `{"s4\/jb":[` + node + `]}`
	)
	plain := strings.NewReplacer(`[{`, `{`, `}]`, `}`)
	replace := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(def) }
	files := func(root, one, none, cut string) string {
		return replace(`["a","7"]`, root, `["b"]`, one, `[]`, none, `["c"]`, cut)
	}
	want := map[string]string{
		"default":              def,
		"literal":              replace(`"7"],"__is_loaded":1`, `"7"]`, `"b"],"__is_loaded":1`, `"b"],"__is_loaded":-1,"__offset":1,"__file_count":1`),
		"plain":                plain.Replace(def),
		"several":              `{"s4\/jb":[{"one":[{"__files":["b"]},{"__is_loaded":1}],"none":[{"__files":[]},{"__is_loaded":1}],"skip":[{"__is_loaded":0}],"cut":[{"__files":["c"]},{"__is_loaded":-1,"__offset":1,"__file_count":2}]},{"__files":["a","7"]},{"__is_loaded":1}]}`,
		"mixed":                replace(`[{`, `[[],{`, `}]`, `},[]]`),
		"data-list":            `[` + def + `]`,
		"data-list-plain":      `[` + plain.Replace(def) + `]`,
		"key-leading":          `{"\/s4\/jb":[` + node + `]}`,
		"key-trailing":         `{"s4\/jb\/":[` + node + `]}`,
		"key-doubled":          `{"s4\/\/jb":[` + node + `]}`,
		"key-last":             `{"jb":[` + node + `]}`,
		"key-nested":           `{"s4":{"jb":[` + node + `]}}`,
		"key-nested-plain":     `{"s4":{"jb":` + plain.Replace(node) + `}}`,
		"members-files-first":  `{"s4\/jb":[{"__files":["a","7"],` + dirs + `,"__is_loaded":1}]}`,
		"members-marks-first":  `{"s4\/jb":[{"__is_loaded":1,"__files":["a","7"],"one":[{"__is_loaded":1,"__files":["b"]}],"none":[{"__is_loaded":1,"__files":[]}],"skip":[{"__is_loaded":0}],"cut":[{"__is_loaded":-1,"__offset":1,"__file_count":2,"__files":["c"]}]}]}`,
		"members-folders-last": `{"s4\/jb":[{"__files":["a","7"],"__is_loaded":1,` + dirs + `}]}`,
		"files-gaps":           files(`{"1":"a","3":"7"}`, `{"1":"b"}`, `[]`, `{"1":"c"}`),
		"files-key-true":       files(`{"a":true,"7":true}`, `{"b":true}`, `[]`, `{"c":true}`),
		"files-key-one":        files(`{"a":1,"7":1}`, `{"b":1}`, `[]`, `{"c":1}`),
		"files-key-null":       files(`{"a":null,"7":null}`, `{"b":null}`, `[]`, `{"c":null}`),
		"files-names":          files(`[{"name":"a"},{"name":"7"}]`, `[{"name":"b"}]`, `[]`, `[{"name":"c"}]`),
		"files-paths":          files(`[{"path":"s4\/jb\/a"},{"path":"s4\/jb\/7"}]`, `[{"path":"s4\/jb\/one\/b"}]`, `[]`, `[{"path":"s4\/jb\/cut\/c"}]`),
		"files-full":           files(`["s4\/jb\/a","s4\/jb\/7"]`, `["s4\/jb\/one\/b"]`, `[]`, `["s4\/jb\/cut\/c"]`),
		"files-single":         files(`["a","7"]`, `"b"`, `[]`, `"c"`),
		"files-key-details": files(`{"a":{"size":"5","modified":"2020-01-01 00:00:00"},"7":{"size":"5","modified":"2020-01-01 00:00:00"}}`,
			`{"b":{"size":"5","modified":"2020-01-01 00:00:00"}}`, `[]`, `{"c":{"size":"5","modified":"2020-01-01 00:00:00"}}`),
		"files-omitted": replace(`"__files":[],`, ``),
		"files-null":    replace(`"__files":[]`, `"__files":null`),
		"numeric-names": replace(`"7"`, `7`),
		"loaded-text":   replace(`_loaded":1`, `_loaded":"1"`, `_loaded":0`, `_loaded":"0"`, `_loaded":-1`, `_loaded":"-1"`),
		"loaded-bool":   replace(`_loaded":1`, `_loaded":true`, `_loaded":0`, `_loaded":false`),
		"root-unmarked": replace(`"7"],"__is_loaded":1`, `"7"]`),
		"unmarked":      replace(`,"__is_loaded":1`, ``),
		"numbers-text":  replace(`_offset":1`, `_offset":"1"`, `_count":2`, `_count":"2"`),
		"numbers-float": replace(`_offset":1`, `_offset":1.0`, `_count":2`, `_count":2.0`),
		"marks-null":    replace(`_loaded":1`, `_loaded":1,"__offset":null,"__file_count":null`, `_loaded":0`, `_loaded":0,"__offset":null,"__file_count":null`),
		"empty-list":    replace(none, `"none":[]`),
		"skipped-list":  replace(skip, `"skip":[]`),
		"skipped-files": replace(skip, `"skip":[{"__files":[],"__is_loaded":0}]`),
		"cut-whole":     replace(`"b"],"__is_loaded":1`, `"b"],"__is_loaded":-1,"__offset":1,"__file_count":1`),
		"meta": replace(`_loaded":1`, `_loaded":1,"__version":3,"__region":"us-east","__cached":false`, `_loaded":0`, `_loaded":0,"__version":3,"__region":"us-east","__cached":false`,
			`_count":2`, `_count":2,"__version":3,"__region":"us-east","__cached":false`),
		"unescaped":    replace(`\/`, `/`),
		"bare":         `{"s4\/jb":{"one":{"__files":["b"]},"none":[],"skip":{"__is_loaded":0},"cut":{"__files":["c"],"__is_loaded":-1,"__offset":1,"__file_count":2},"__files":["a","7"]}}`,
		"bare-wrapped": replace(none, `"none":[]`, `,"__is_loaded":1`, ``),
		"all-text":     `{"s4\/jb":{"__is_loaded":"1","__files":["a",7],"one":{"__is_loaded":"1","__files":["b"]},"none":{"__is_loaded":"1","__files":[]},"skip":{"__is_loaded":"0"},"cut":{"__is_loaded":"-1","__offset":"1","__file_count":"2","__files":["c"]}}}`,
	}
	for _, s := range Shapes() {
		t.Run(s.Name, func(t *testing.T) {
			got, err := encoder{unescaped: s.Shape.Unescaped}.encode(s.Shape.data(sample(), "s4/jb"))
			if err != nil || !json.Valid(got) {
				t.Fatalf("%v: %s", err, got)
			}
			expected, ok := want[s.Name]
			if !ok { // the shape changes something else than a listing
				expected = def
			}
			if diff := cmp.Diff(expected, string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
		delete(want, s.Name)
	}
	for name := range want {
		t.Errorf("there is no shape %q", name)
	}
}

// Sub-folders that are named as a list's indexes turn a bare folder into a list.
func TestBareList(t *testing.T) {
	shape, _ := ShapeNamed("bare")
	l := &listed{mark: 1, dirs: []*listed{{name: "0", mark: 1}, {name: "1"}}}
	got, _ := encoder{}.encode(shape.data(l, "s4/jb"))
	if want := `{"s4\/jb":[[],{"__is_loaded":0}]}`; string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestEnvelopeShapes(t *testing.T) {
	for name, want := range map[string]struct{ nothing, failure string }{
		"default":         {`{"data":[],"message":"Found Files List Data","status":"success","handle_time":"0.3795 seconds"}`, `{"status":"failure","code":"0004","message":"M","handle_time":"0.3795 seconds"}`},
		"nothing-null":    {nothing: `{"data":null,"message":"Found Files List Data","status":"success","handle_time":"0.3795 seconds"}`},
		"nothing-text":    {nothing: `{"data":"","message":"Found Files List Data","status":"success","handle_time":"0.3795 seconds"}`},
		"nothing-false":   {nothing: `{"data":false,"message":"Found Files List Data","status":"success","handle_time":"0.3795 seconds"}`},
		"nothing-missing": {nothing: `{"message":"Found Files List Data","status":"success","handle_time":"0.3795 seconds"}`},
		"bom":             {nothing: "\ufeff" + `{"data":[],"message":"Found Files List Data","status":"success","handle_time":"0.3795 seconds"}`},
		"bom-space":       {failure: "\ufeff\r\n \t\n" + `{"status":"failure","code":"0004","message":"M","handle_time":"0.3795 seconds"}`},
		"code-number":     {failure: `{"status":"failure","code":4,"message":"M","handle_time":0.3795}`},
	} {
		t.Run(name, func(t *testing.T) {
			shape, ok := ShapeNamed(name)
			if !ok {
				t.Fatal("no such shape")
			}
			o := Options{Shape: shape}
			o.fill()
			s := &Server{o: o}
			_, body := s.right(&o, request{command: listCommand, call: Call{Path: "sestore4/jb/x", Offset: -1, Type: "video"}}, Reply{})
			if want.nothing != "" && string(body) != want.nothing {
				t.Errorf("nothing: got %s, want %s", body, want.nothing)
			}
			body = failure(shape.code("0004"), "M", shape)
			if want.failure != "" && string(body) != want.failure {
				t.Errorf("failure: got %s, want %s", body, want.failure)
			}
		})
	}
}

func TestStorageShapes(t *testing.T) {
	for _, shape := range StorageShapes() {
		t.Run(shape.String(), func(t *testing.T) {
			_, c := startWithCaller(t, Options{Storage: shape})
			body := c.post(t, c.signed("files.getstorage"))
			if codeOf(t, body) != "" || strings.Count(body, "sestore4") != 1 {
				t.Errorf("answer %s does not name sestore4 once", body)
			}
		})
	}
}

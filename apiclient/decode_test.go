package apiclient

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// show writes a folder as text, one line an entry: indent, state, name.
func show(f *Folder) string {
	var b strings.Builder
	var walk func(f *Folder, indent string)
	walk = func(f *Folder, indent string) {
		entries := slices.Clone(f.Entries)
		slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
		for _, e := range entries {
			if e.Folder == nil {
				fmt.Fprintf(&b, "%s%s\n", indent, e.Name)
				continue
			}
			state := map[State]string{Whole: "whole", Skipped: "skipped", Cut: fmt.Sprintf("cut at %d", e.Folder.Offset)}
			fmt.Fprintf(&b, "%s%s/ %s\n", indent, e.Name, state[e.Folder.State])
			walk(e.Folder, indent+"  ")
		}
	}
	walk(f, "")
	return b.String()
}

// decodeText decodes the JSON text of a data member as an answer about a path.
func decodeText(t *testing.T, text, path string) (page, error) {
	t.Helper()
	v, err := parse([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return decode(v, path, time.Time{})
}

// All of these tell of sestore4/jb that it is whole, has the file m.mp4 and the
// sub-folder f, which is whole with the file n.mp4.
func TestDecodeShapesOfTheSameAnswer(t *testing.T) {
	const f = `{"__files":["n.mp4"],"__is_loaded":1}`
	const node = `{"f":[` + f + `],"__files":["m.mp4"],"__is_loaded":1}`
	for name, data := range map[string]string{
		"documented":            `{"sestore4\/jb":[` + node + `]}`,
		"plain nodes":           `{"sestore4/jb":{"f":` + f + `,"__files":["m.mp4"],"__is_loaded":1}}`,
		"leading slash":         `{"/sestore4/jb":` + node + `}`,
		"trailing slash":        `{"sestore4/jb/":` + node + `}`,
		"doubled slash":         `{"sestore4//jb":` + node + `}`,
		"last part":             `{"jb":` + node + `}`,
		"nested parts":          `{"sestore4":{"jb":` + node + `}}`,
		"nested, wrapped parts": `{"sestore4":[{"jb":[` + node + `]}]}`,
		"another key":           `{"whatever":` + node + `}`,
		"no key":                node,
		"no key, in a list":     `[` + node + `]`,
		"data in a list":        `[{"sestore4/jb":` + node + `}]`,
		"unknown meta beside":   `{"__version":2,"sestore4/jb":` + node + `}`,
		"unknown meta within":   `{"sestore4/jb":{"__v":true,"f":` + f + `,"__files":["m.mp4"],"__is_loaded":1}}`,
		"several objects":       `{"sestore4/jb":[{"f":` + f + `},{"__files":["m.mp4"]},{"__is_loaded":1}]}`,
		"empty lists between":   `{"sestore4/jb":[[],{"f":[[],` + f + `],"__files":["m.mp4"],"__is_loaded":1}]}`,
		"files with gaps":       `{"sestore4/jb":{"f":` + f + `,"__files":{"3":"m.mp4"},"__is_loaded":1}}`,
		"files by name, true":   `{"sestore4/jb":{"f":` + f + `,"__files":{"m.mp4":true},"__is_loaded":1}}`,
		"files by name, 1":      `{"sestore4/jb":{"f":` + f + `,"__files":{"m.mp4":1},"__is_loaded":1}}`,
		"files by name, null":   `{"sestore4/jb":{"f":` + f + `,"__files":{"m.mp4":null},"__is_loaded":1}}`,
		"files by name, object": `{"sestore4/jb":{"f":` + f + `,"__files":{"m.mp4":{"size":1}},"__is_loaded":1}}`,
		"files as objects":      `{"sestore4/jb":{"f":` + f + `,"__files":[{"name":"m.mp4"}],"__is_loaded":1}}`,
		"files with paths":      `{"sestore4/jb":{"f":` + f + `,"__files":[{"path":"/sestore4/jb/m.mp4"}],"__is_loaded":1}}`,
		"files are paths":       `{"sestore4/jb":{"f":` + f + `,"__files":["sestore4/jb/m.mp4"],"__is_loaded":1}}`,
		"files a string":        `{"sestore4/jb":{"f":` + f + `,"__files":"m.mp4","__is_loaded":1}}`,
		"loaded as string":      `{"sestore4/jb":{"f":{"__files":["n.mp4"],"__is_loaded":"1"},"__files":["m.mp4"],"__is_loaded":"1"}}`,
		"loaded as boolean":     `{"sestore4/jb":{"f":{"__files":["n.mp4"],"__is_loaded":true},"__files":["m.mp4"],"__is_loaded":true}}`,
		"names twice":           `{"sestore4/jb":{"f":` + f + `,"__files":["m.mp4","m.mp4","f"],"__is_loaded":1}}`,
		"names none may show":   `{"sestore4/jb":{"f":` + f + `,"__files":["",".","..","a/b","a\u0000",null,"m.mp4"],"__is_loaded":1}}`,
	} {
		t.Run(name, func(t *testing.T) {
			p, err := decodeText(t, data, "sestore4/jb")
			if err != nil {
				t.Fatal(err)
			}
			if !p.found || !p.told || !p.marked || p.folder.State != Whole || p.open {
				t.Errorf("page %+v, folder %+v", p, p.folder)
			}
			if diff := cmp.Diff("f/ whole\n  n.mp4\nm.mp4\n", show(p.folder)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDecode(t *testing.T) {
	for name, c := range map[string]struct{ data, want string }{
		"the document's example": {
			`{"sestore4/jb":[{"folder1":[{"__files":["movie2.mp4"],"__is_loaded":-1,"__offset":1,"__file_count":1}],"__files":["movie.mp4"]}]}`,
			"folder1/ cut at 1\n  movie2.mp4\nmovie.mp4\n"},
		"an unmarked sub-folder is never harvested": {
			`{"sestore4/jb":{"f":{"__files":["a"]}}}`, "f/ skipped\n  a\n"},
		"a cut one without an offset is skipped": {
			`{"sestore4/jb":{"f":{"__files":["a"],"__is_loaded":-1}}}`, "f/ skipped\n  a\n"},
		"offsets as string and float": {
			`{"sestore4/jb":{"f":{"__is_loaded":"-1","__offset":"7"},"g":{"__is_loaded":-1,"__offset":8.0}}}`,
			"f/ cut at 7\ng/ cut at 8\n"},
		"a negative offset is none": {
			`{"sestore4/jb":{"f":{"__is_loaded":-1,"__offset":-3}}}`, "f/ skipped\n"},
		"unknown sub-folders are names": {
			`{"sestore4/jb":{"a":[],"b":[[]],"c":[{}],"d":null,"e":"","f":["x"],"g":5}}`,
			"a/ skipped\nb/ skipped\nc/ skipped\nd/ skipped\ne/ skipped\nf/ skipped\ng/ skipped\n"},
		"sub-folders 0 and 1, plain":        {`{"sestore4/jb":[[{"__files":["a"],"__is_loaded":1}],[{"__is_loaded":0}]]}`, "0/ whole\n  a\n1/ skipped\n"},
		"sub-folders 0 and 1, wrapped":      {`{"sestore4/jb":[[[{"__files":["a"],"__is_loaded":1}],[{"__is_loaded":0}]]]}`, "0/ whole\n  a\n1/ skipped\n"},
		"sub-folders 0 and 1 as keys":       {`{"sestore4/jb":[{"0":{"__is_loaded":1},"1":{"__is_loaded":0},"__is_loaded":1}]}`, "0/ whole\n1/ skipped\n"},
		"an unknown meta list is a folder":  {`{"sestore4/jb":{"__x":[{"__files":["a"],"__is_loaded":1}]}}`, "__x/ whole\n  a\n"},
		"files as numbers":                  {`{"sestore4/jb":{"__files":[123,"0",7]}}`, "0\n123\n7\n"},
		"files 0 and 1 keyed by name":       {`{"sestore4/jb":{"__files":[true,true]}}`, "0\n1\n"},
		"files 0 and x keyed by name":       {`{"sestore4/jb":{"__files":{"0":1,"x":1}}}`, "0\nx\n"},
		"a file that is also a folder":      {`{"sestore4/jb":{"__files":["f"],"f":{"__is_loaded":1}}}`, "f/ whole\n"},
		"contradicting marks of a folder":   {`{"sestore4/jb":{"f":[{"__is_loaded":1},{"__is_loaded":0}]}}`, "f/ skipped\n"},
		"a folder within a skipped one":     {`{"sestore4/jb":{"f":{"__is_loaded":0,"g":{"__is_loaded":1,"__files":["a"]}}}}`, "f/ skipped\n  g/ whole\n    a\n"},
		"unknown names of files in a child": {`{"sestore4/jb":{"f":{"__files":[{}],"__is_loaded":1}}}`, "f/ whole\n  0\n"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := decodeText(t, c.data, "sestore4/jb")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, show(p.folder)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDecodeNothing(t *testing.T) {
	for _, data := range []string{`[]`, `{}`, `null`, `""`, `false`} {
		if p, err := decodeText(t, data, "sestore4/jb"); err != nil || p.found {
			t.Errorf("%s: found %v, error %v", data, p.found, err)
		}
	}
	for _, node := range []string{`[]`, `{}`, `[[]]`, `[{}]`, `[{},[]]`, `{"__x":1}`} {
		if p, err := decodeText(t, `{"sestore4/jb":`+node+`}`, "sestore4/jb"); err != nil || !p.found || p.told {
			t.Errorf("%s: found %v, told %v, error %v", node, p.found, p.told, err)
		}
	}
}

func TestDecodeRefusesWhatIsNoListing(t *testing.T) {
	for name, data := range map[string]string{
		"text":                     `"no such folder"`,
		"number":                   `17`,
		"true":                     `true`,
		"null node":                `{"sestore4/jb":null}`,
		"empty text node":          `{"sestore4/jb":""}`,
		"text node":                `{"sestore4/jb":"x"}`,
		"list of names":            `{"sestore4/jb":["a.mp4","b.mp4"]}`,
		"files a number":           `{"sestore4/jb":{"__files":5}}`,
		"files a boolean":          `{"sestore4/jb":{"__files":false}}`,
		"fractional name":          `{"sestore4/jb":{"__files":[1.5]}}`,
		"list of lists as names":   `{"sestore4/jb":{"__files":[["a"]]}}`,
		"unknown mark":             `{"sestore4/jb":{"__is_loaded":2}}`,
		"contradicting marks":      `{"sestore4/jb":[{"__is_loaded":1},{"__is_loaded":-1}]}`,
		"other folders beside it":  `{"sestore4/jb":{"__is_loaded":1},"sestore4/jb/f":{"__is_loaded":1}}`,
		"mixed list":               `{"sestore4/jb":[{"__files":["a"]},"b"]}`,
		"a false among the names":  `{"sestore4/jb":{"__files":["a",false]}}`,
		"nothing but nulls":        `{"sestore4/jb":{"__files":[null,null]}}`,
		"another folder's path":    `{"sestore4":{"other":{"__files":["a"]}}}`,
		"a list of lists":          `[[{"__files":["a"]}],[{"__files":["b"]}]]`,
		"list among named objects": `{"sestore4/jb":{"__files":{"a":[1]}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			p, err := decodeText(t, data, "sestore4/jb")
			var e *Error
			if !errors.As(err, &e) || !e.Malformed || !IsTemporary(err) {
				t.Errorf("error %v, page %+v", err, p)
			}
		})
	}
}

func TestDecodeCountsFiles(t *testing.T) {
	p, err := decodeText(t, `{"sestore4/jb":{"__files":["a","b","a",".."],"f":{"__files":["c"],"__is_loaded":-1}}}`, "sestore4/jb")
	if err != nil || p.files != 5 || !p.open || p.folder.Hidden != 1 {
		t.Errorf("%d files, open %v, %d hidden, error %v", p.files, p.open, p.folder.Hidden, err)
	}
}

package apiclient

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// showSizes writes a folder as text: names with their sizes, sub-folders with what is known
// in them, in brackets if that is all.
func showSizes(f *Folder) string {
	var all []string
	for _, e := range f.Entries {
		switch {
		case e.Folder != nil && e.Folder.State == Whole:
			all = append(all, e.Name+"["+showSizes(e.Folder)+"]")
		case e.Folder != nil:
			all = append(all, e.Name+"("+showSizes(e.Folder)+")")
		case e.Attr.Size == UnknownSize:
			all = append(all, e.Name)
		default:
			all = append(all, fmt.Sprint(e.Name, "=", e.Attr.Size))
		}
	}
	return strings.Join(all, " ")
}

// file is a file object in the folder x.
func file(name string, size int) string {
	return fmt.Sprintf(`{"name":%q,"path":"x/%s","parent":"x","type":"file","size":"%d"}`, name, name, size)
}

// What v1 may answer about the folder x. "!" stands before what an error says, "self"
// is the folder's name alone.
func TestDecodeFiles(t *testing.T) {
	a, b := file("a", 1), file("b", 2)
	sub := func(more string) string { return `{"name":"s","path":"x/s","type":"directory"` + more + `}` }
	for name, c := range map[string]struct{ data, want string }{
		"list":                        {`[` + a + `,` + b + `]`, "a=1 b=2"},
		"object":                      {`{"name":"x","path":"x","type":"folder","contents":[` + a + `,` + b + `]}`, "a=1 b=2"},
		"object, contents numbered":   {`{"name":"x","path":"x","type":"folder","contents":{"3":` + a + `,"1":` + b + `}}`, "a=1 b=2"},
		"object, contents first":      {`{"contents":[` + a + `],"type":"folder","path":"/x/","name":"x"}`, "a=1"},
		"object, no path":             {`{"name":"x","type":"folder","contents":[` + a + `]}`, "a=1"},
		"object in a list":            {`[{"name":"x","path":"x","type":"folder","contents":[` + a + `]}]`, "a=1"},
		"the folder among its files":  {`[{"name":"x","path":"x","type":"folder"},` + a + `]`, "a=1"},
		"numbered":                    {`{"1":` + a + `,"3":` + b + `}`, "a=1 b=2"},
		"numbered, one nothing":       {`{"1":` + a + `,"3":null,"4":` + b + `}`, "a=1 b=2"},
		"list, some nothing":          {`[null,` + a + `,[],{},false,""]`, "a=1"},
		"empty list":                  {`[]`, ""},
		"empty object":                {`{}`, ""},
		"null":                        {`null`, ""},
		"false":                       {`false`, ""},
		"empty text":                  {`""`, ""},
		"empty contents":              {`{"name":"x","path":"x","type":"folder","contents":[]}`, ""},
		"the name only":               {`{"name":"x","path":"x","type":"folder"}`, "self"},
		"the name only, null":         {`{"name":"x","path":"x","type":"folder","contents":null}`, "self"},
		"the name only, in a list":    {`[{"name":"x","path":"x","type":"folder"}]`, "self"},
		"sub-folder":                  {`[` + sub(``) + `]`, "s()"},
		"sub-folder, null":            {`[` + sub(`,"contents":null`) + `]`, "s()"},
		"sub-folder, nothing in it":   {`[` + sub(`,"contents":[]`) + `]`, "s()"},
		"sub-folder, told":            {`[` + sub(`,"contents":[{"name":"c","path":"x/s/c","type":"file","size":3}]`) + `]`, "s[c=3]"},
		"sub-folder, numbered":        {`[` + sub(`,"contents":{"5":{"name":"c","size":3}}`) + `]`, "s[c=3]"},
		"sub-folder told twice":       {`[` + sub(`,"contents":[{"name":"c","size":3}]`) + `,` + sub(``) + `]`, "s[c=3]"},
		"flat":                        {`[` + sub(``) + `,{"name":"c","path":"x/s/c","size":3},` + a + `]`, "s[c=3] a=1"},
		"flat, the folder behind":     {`[{"name":"c","path":"x/s/c","size":3},` + sub(``) + `]`, "s[c=3]"},
		"flat, the folder left out":   {`[{"name":"c","path":"x/s/t/c","size":3}]`, "s[t[c=3]]"},
		"flat, by the parents":        {`[{"name":"s","parent":"x","type":"folder"},{"name":"c","parent":"/x/s","size":3}]`, "s[c=3]"},
		"leading slashes":             {`[{"name":"a","path":"/x/a","parent":"/x","type":"file","size":1}]`, "a=1"},
		"no paths":                    {`[{"name":"a","size":1},{"name":"s","type":"directory","contents":[{"name":"c","size":3}]}]`, "a=1 s[c=3]"},
		"paths that are names":        {`[{"name":"a","path":"a","size":1},{"name":"s","path":"s","type":"directory","contents":[{"name":"c","path":"c","size":3}]}]`, "a=1 s[c=3]"},
		"no names":                    {`[{"path":"x/a","size":1}]`, "a=1"},
		"a number for a name":         {`[{"name":7,"path":"x/7","size":1}]`, "7=1"},
		"the same file twice":         {`[` + a + `,` + a + `]`, "a=1"},
		"a file that is a folder too": {`[{"name":"s","path":"x/s","type":"file","size":5},` + sub(``) + `]`, "s()"},
		"a folder that is a file too": {`[` + sub(``) + `,{"name":"s","path":"x/s","type":"file","size":5}]`, "s()"},
		"a file with files in it":     {`[{"name":"s","path":"x/s","type":"file","size":5},{"name":"c","path":"x/s/c","size":3}]`, "s[c=3]"},
		"unknown members":             {`[{"name":"a","path":"x/a","size":1,"vod_url":"https:\/\/x","new":{"contents":[1]}}]`, "a=1"},
		"a number":                    {`17`, "!something else than files"},
		"true":                        {`true`, "!something else than files"},
		"text":                        {`"x"`, "!something else than files"},
		"a list of texts":             {`["a"]`, "!a string instead of a file"},
		"a list of lists":             {`[[` + a + `]]`, "!a list instead of a file"},
		"contents are text":           {`[` + sub(`,"contents":"c"`) + `]`, "!a string instead of a folder's contents"},
		"contents by name":            {`[` + sub(`,"contents":{"c":{"name":"c"}}`) + `]`, "!an object instead of a folder's contents"},
		"no name":                     {`[{"size":1}]`, "!without a name"},
		"name and path disagree":      {`[{"name":"a","path":"x/b","size":1}]`, "!do not agree"},
		"elsewhere":                   {`[{"name":"a","path":"y/a","size":1}]`, "!tells of"},
		"elsewhere, by its parent":    {`[{"name":"a","parent":"y","size":1}]`, "!tells of"},
		"above":                       {`[{"name":"x","path":"x","type":"file","size":1}]`, "!tells of"},
		"begins alike":                {`[{"name":"a","path":"xx/a","size":1}]`, "!tells of"},
		"in another sub-folder":       {`[` + sub(`,"contents":[{"name":"c","path":"x/t/c","size":3}]`) + `]`, "!tells of"},
		"another folder's object":     {`{"name":"y","path":"y","type":"folder","contents":[]}`, "!an answer about"},
		"a file's object":             {`{"name":"x","path":"x","type":"file","size":"12"}`, "!a file instead of a folder"},
		"a file's object in a list":   {`[{"name":"x","path":"x","type":"file","size":"12"}]`, "!tells of"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := decodeFiles([]byte(`{"data":`+c.data+`,"errors":[]}`), "x", time.Time{})
			if want, failure := strings.CutPrefix(c.want, "!"); failure {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%+v, error %v, want %q", d, err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d.self != (c.want == "self") || !d.self && showSizes(d.folder) != c.want {
				t.Errorf("self %v, %s, want %s", d.self, showSizes(d.folder), c.want)
			}
			for _, e := range d.folder.Entries {
				if (e.Folder == nil) == (e.Attr == nil) {
					t.Errorf("%q is a file and a folder, or neither: %+v", e.Name, e)
				}
			}
		})
	}
}

// The base directory has no name, and other words for its path.
func TestDecodeFilesOfTheBaseDirectory(t *testing.T) {
	for data, want := range map[string]string{
		`[{"name":"a","path":"a","parent":".","size":1}]`:                               "a=1",
		`[{"name":"a","path":"/a","parent":"/","size":1}]`:                              "a=1",
		`[{"name":"a","parent":"","size":1},{"name":"b","parent":".","size":2}]`:        "a=1 b=2",
		`[{"name":"a","parent":"/","size":1}]`:                                          "a=1",
		`{"name":"","path":"","type":"directory","contents":[{"name":"a","size":1}]}`:   "a=1",
		`{"name":"","path":"/","type":"directory","contents":[{"name":"a","size":1}]}`:  "a=1",
		`{"name":".","path":".","type":"folder","contents":[{"name":"a","size":1}]}`:    "a=1",
		`{"name":"\/","path":"\/","type":"folder","contents":[{"name":"a","size":1}]}`:  "a=1",
		`{"type":"folder","contents":[{"name":"a","size":1}]}`:                          "a=1",
		`{"name":"","path":"","type":"directory"}`:                                      "self",
		`[{"name":"","path":"","type":"directory"}]`:                                    "self",
		`[{"name":"","path":"/","type":"directory"}]`:                                   "self",
		`{"1":{"name":"","path":"","type":"directory"}}`:                                "self",
		`[{"name":".","path":".","type":"directory"},{"name":"a","path":"a","size":1}]`: "a=1",
		`[{"name":"c","path":"s/c","parent":"s","size":1}]`:                             "s[c=1]",
	} {
		d, err := decodeFiles([]byte(`{"data":`+data+`,"errors":[]}`), "", time.Time{})
		if err != nil {
			t.Errorf("%s: %v", data, err)
			continue
		}
		if d.self != (want == "self") || !d.self && showSizes(d.folder) != want {
			t.Errorf("%s: self %v, %s, want %s", data, d.self, showSizes(d.folder), want)
		}
	}
}

// Whatever the form, an answer that is none is an error that may pass; what the
// service reports is one that does not.
func TestDecodeFilesRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		body, want string
		malformed  bool
	}{
		"errors, text":             {`{"data":[],"errors":["NOT_FOUND"]}`, "NOT_FOUND", false},
		"errors, objects":          {`{"data":null,"errors":[{"code":"NO","message":"not you"}]}`, "NO, not you", false},
		"errors, map":              {`{"errors":{"path":"BAD_PATH"},"data":null}`, "BAD_PATH", false},
		"errors, one text":         {`{"errors":"BAD","data":[]}`, "BAD", false},
		"errors, true":             {`{"errors":true,"data":[]}`, "the service reports", false},
		"errors, a number":         {`{"errors":17,"data":[]}`, "17", false},
		"errors, nested":           {`{"errors":[[["DEEP"]]],"data":[]}`, "DEEP", false},
		"errors, no data":          {`{"errors":["NO_DATA"]}`, "NO_DATA", false},
		"error":                    {`{"error":"DENIED","data":[]}`, "DENIED", false},
		"error beside no errors":   {`{"errors":[],"error":{"message":"DENIED"},"data":[]}`, "DENIED", false},
		"no data":                  {`{"errors":[]}`, "without data", true},
		"nothing":                  {`{}`, "without data", true},
		"empty":                    {``, "an empty body", true},
		"white space":              {" \r\n", "an empty body", true},
		"HTML":                     {`<!DOCTYPE html><html>`, "an HTML page", true},
		"text":                     {`Not now`, "text that is no JSON", true},
		"a notice before":          {`Notice: x {"data":[]}`, "text before the JSON", true},
		"null":                     {`null`, "instead of an answer", true},
		"false":                    {`false`, "instead of an answer", true},
		"a list":                   {`[]`, "instead of an answer", true},
		"something behind":         {`{"data":[]}x`, "something after its end", true},
		"another answer behind":    {`{"data":[]}{"data":[]}`, "something after its end", true},
		"a bracket behind":         {`{"data":[]}]`, "something after its end", true},
		"no UTF-8":                 {"{\"data\":[{\"name\":\"a\xff\"}]}", "no Unicode", true},
		"half a character":         {`{"data":[{"name":"\ud83d"}]}`, "no Unicode", true},
		"wrong bracket":            {`{"data":[}`, "no valid JSON", true},
		"no colon":                 {`{"data" []}`, "no valid JSON", true},
		"error member broken":      {`{"data":[],"errors":[`, "breaks off", true},
		"a file, then broken":      {`{"data":[{"name":"a"}`, "breaks off", true},
		"a failure of the old API": {`{"status":"failure","code":"0001","message":"no"}`, "without data", true},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := decodeFiles([]byte(c.body), "x", time.Time{})
			if err == nil || !strings.Contains(err.Error(), c.want) || IsTemporary(err) != c.malformed {
				t.Errorf("error %v, temporary %v", err, IsTemporary(err))
			}
			if attr, other := decodeFile([]byte(c.body), "x"); other == nil || other.Error() != err.Error() {
				t.Errorf("as a file: %+v, error %v", attr, other)
			}
			if _, _, other := decodeLink([]byte(c.body), v1Head{}, "a.mp4", false); other == nil || other.Error() != err.Error() {
				t.Errorf("as a link: error %v", other)
			}
		})
	}
	body := []byte(`{"data":[` + file("a", 1) + `],"errors":[]}`)
	for n := range len(body) {
		if _, err := decodeFiles(body[:n], "x", time.Time{}); err == nil || !IsTemporary(err) {
			t.Errorf("%s: error %v", body[:n], err)
		}
	}
	for _, lead := range []string{"\ufeff", " \n\t", "\ufeff\r\n"} {
		if d, err := decodeFiles(append([]byte(lead), body...), "x", time.Time{}); err != nil || showSizes(d.folder) != "a=1" {
			t.Errorf("after %q: %v", lead, err)
		}
	}
}

// No part of a path is shown that a file system can not show.
func TestDecodeFilesNeverShowsOddParts(t *testing.T) {
	for _, part := range []string{"..", ".", strings.Repeat("x", 256), `nul\u0000`} {
		for _, object := range []string{
			`{"name":"a","path":"x/` + part + `/a","size":1}`,
			`{"name":"a","parent":"x/` + part + `","size":1}`,
			`{"name":"` + part + `","path":"x/` + part + `","type":"directory","contents":[{"name":"a","size":1}]}`,
			`{"name":"` + part + `","size":1}`,
		} {
			d, err := decodeFiles([]byte(`{"data":[`+object+`]}`), "x", time.Time{})
			if err == nil && len(d.folder.Entries) > 0 {
				t.Errorf("%.80s: %.80s", object, showSizes(d.folder))
			}
		}
	}
	// Nor is anything made up for a file with an empty name, or one with a slash in it.
	for _, object := range []string{`{"name":"","path":"x/","size":1}`, `{"name":"s/a","path":"x/s/a","size":1,"type":"file"}`} {
		d, err := decodeFiles([]byte(`{"data":[`+object+`]}`), "x", time.Time{})
		if err == nil && len(d.folder.Entries) > 0 && showSizes(d.folder) != "s[a=1]" {
			t.Errorf("%s: %s", object, showSizes(d.folder))
		}
	}
}

// A sub-folder may hold more than a bounded JSON value does.
func TestDecodeFilesLargeSubfolder(t *testing.T) {
	const n = 2550 // with 198 values each
	var contents strings.Builder
	for i := range n {
		fmt.Fprintf(&contents, `,{"name":"%d","metadata":[%s0]}`, i, strings.Repeat("0,", 195))
	}
	list := "[" + contents.String()[1:] + "]"
	body := `{"data":[{"name":"s","path":"x/s","type":"folder","contents":` + list + `}]}`
	d, err := decodeFiles([]byte(body), "x", time.Time{})
	switch {
	case IsTooLarge(err): // a caller may try with fewer levels then
	case err != nil:
		t.Error(err)
	case d.objects < n:
		t.Errorf("%d objects", d.objects)
	}
}

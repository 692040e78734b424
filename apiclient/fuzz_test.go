package apiclient

import (
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"
)

const fuzzPath = "sestore4/jb"

// seeds are payloads of all kinds.
func seeds() []string {
	return []string{
		`[]`, `{}`, `null`, `""`, `false`, `17`, `"x"`,
		`{"sestore4\/jb":[{"folder1":[{"__files":["movie2.mp4"],"__is_loaded":-1,"__offset":1,"__file_count":1}],"__files":["movie.mp4"]}]}`,
		`{"sestore4":{"jb":{"f":[],"__files":{"0":"a","2":"b"},"__is_loaded":"1"}}}`,
		`{"jb":{"__files":{"a.mp4":true,"b\/c":null,"123":1}}}`,
		`[{"/sestore4/jb/":[[],{"__files":[{"name":"a"},{"path":"sestore4/jb/b"}]},{"__offset":"12.0"}]}]`,
		`{"sestore4/jb":[[[{"__files":["a"]}],[{"__is_loaded":0}]]]}`,
		`{"sestore4/jb":{"__files":[true,true,1,null,"..",7],"__x":[1],"__y":2}}`,
		`{"sestore4/jb":{"0":{"1":{"__is_loaded":true}},"\ud83d\ude00":null}}`,
	}
}

// FuzzOpen reads arbitrary bodies: an answer, or an error that says what came.
func FuzzOpen(f *testing.F) {
	for _, data := range seeds() {
		f.Add([]byte(`{"data":` + data + `,"message":"Found","status":"success","handle_time":"0.4 seconds"}`))
	}
	f.Add([]byte(`{"status":"failure","code":1000,"message":"later"}`))
	f.Add([]byte("\ufeff <html>"))
	f.Fuzz(func(t *testing.T, body []byte) {
		answer, err := open(body)
		if err != nil {
			if clean(err.Error()) == "" {
				t.Error("an error that says nothing")
			}
			return
		}
		if !json.Valid([]byte(strings.TrimPrefix(string(body), "\ufeff"))) {
			t.Error("an answer was read from what is no JSON")
		}
		checkDecoded(t, body, answer.data)
	})
}

// FuzzDecode reads arbitrary payloads.
func FuzzDecode(f *testing.F) {
	for _, data := range seeds() {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data string) {
		v, err := parse([]byte(data))
		if err == nil {
			checkDecoded(t, []byte(data), v)
		}
	})
}

// checkDecoded decodes a payload that stands in body and checks that nothing is made
// up: each name is in the body, or is the position of something in a list.
func checkDecoded(t *testing.T, body []byte, data value) {
	p, err := decode(data, fuzzPath, time.Time{})
	if err != nil {
		return
	}
	// Token by token, as a map would keep one of several equal keys only.
	reader := json.NewDecoder(strings.NewReader(strings.TrimPrefix(string(body), "\ufeff")))
	reader.UseNumber()
	known, longest := map[string]bool{}, 0
	add := func(text string) {
		known[text] = true
		known[text[strings.LastIndexByte(text, '/')+1:]] = true
	}
	for {
		token, err := reader.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("encoding/json does not read what parse does: %v", err)
		}
		longest++ // no list has more items
		switch text := token.(type) {
		case string:
			add(text)
		case json.Number:
			add(text.String())
		}
	}
	var check func(f *Folder)
	check = func(f *Folder) {
		seen := map[string]bool{}
		for _, e := range f.Entries {
			if !showable(e.Name) || seen[e.Name] {
				t.Fatalf("name %q is not showable, or there twice", e.Name)
			}
			seen[e.Name] = true
			if i, err := strconv.Atoi(e.Name); !known[e.Name] && (err != nil || i < 0 || i >= longest) {
				t.Fatalf("name %q was made up", e.Name)
			}
			if e.Folder != nil {
				check(e.Folder)
				if e.Folder.State == Cut && e.Folder.Offset <= 0 {
					t.Fatalf("%q is cut without an offset", e.Name)
				}
			}
		}
	}
	check(p.folder)
	if !p.found && (p.told || len(p.folder.Entries) > 0) {
		t.Fatalf("entries of a folder that was not found: %+v", p.folder)
	}
}

package apiclient

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

// Answers that are made to cost much are read or refused with little memory and in little
// time.
func TestBombs(t *testing.T) {
	const million = 1_000_000
	around := func(text string) string { return `{"status":"success","data":{"sestore4/jb":` + text + `}}` }
	deep := func(n int, open, leaf, end string) string {
		return strings.Repeat(open, n) + leaf + strings.Repeat(end, n)
	}
	for name, c := range map[string]struct {
		body string
		want string // of the error; "" if it may be read
	}{
		"100,000 lists in each other":    {around(deep(100_000, "[", "1", "]")), "nested deeper"},
		"100,000 objects in each other":  {around(deep(100_000, `{"a":`, "1", "}")), "nested deeper"},
		"100,000 folders in each other":  {around(deep(100_000, `[{"a":`, "[]", "}]")), "nested deeper"},
		"as deep as may be":              {around(deep(2400, `[{"a":`, "[]", "}]")), ""},
		"a key a million times":          {around(`{` + strings.Repeat(`"a":1,`, million) + `"a":1}`), "more than"},
		"a folder 100,000 times":         {around(`{` + strings.Repeat(`"a":[{"__files":["x"],"__is_loaded":1}],`, 100_000) + `"__is_loaded":1}`), ""},
		"a growing folder 100,000 times": {around(`{` + growing(100_000) + `"__is_loaded":1}`), ""},
		"a million names":                {around(`{"__files":[` + strings.Repeat(`"a",`, million) + `"b"]}`), "more than"},
		"a million empty lists":          {around(`[` + strings.Repeat(`[],`, million) + `[]]`), "more than"},
		"a name of 10 MB":                {around(`{"__files":["` + strings.Repeat("a", 10*million) + `"],"__is_loaded":1}`), ""},
		"a number of 10 MB":              {around(`{"__files":[],"__is_loaded":-1,"__offset":` + strings.Repeat("9", 10*million) + `}`), ""},
		"6 MB of escapes":                {around(`{"__files":["` + strings.Repeat(`\u0061`, million) + `"],"__is_loaded":1}`), ""},
		"40 MB":                          {around(`"` + strings.Repeat("a", 40*million) + `"`), "more than 32 MiB"},
		"wrappers around many":           {around(deep(4800, "[", strings.Repeat("[{}],", 200_000)+"[{}]", "]")), "lists in lists"},
	} {
		t.Run(name, func(t *testing.T) {
			before := heap()
			began := time.Now()
			answer, err := open([]byte(c.body))
			var p page
			if err == nil {
				p, err = decode(answer.data, fuzzPath, time.Time{})
			}
			took := time.Since(began)
			if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if err != nil && len(err.Error()) > 500 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
			if took > time.Minute {
				t.Errorf("took %v", took)
			}
			if p.folder != nil && len(p.folder.Entries) > 1 {
				t.Errorf("%d entries", len(p.folder.Entries))
			}
			if grown := heap() - before; grown > 4<<20 {
				t.Errorf("%d MiB are kept", grown>>20)
			}
			runtime.KeepAlive(c.body)
		})
	}
}

// growing is a folder that is told again and again, each time with another name.
func growing(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(`"a":[{"__files":["` + itoa(i) + `"]}],`)
	}
	return b.String()
}

// heap is how many bytes are in use, garbage left out.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

package apiclient

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestParseContentRange(t *testing.T) {
	for header, want := range map[string][3]int64{
		"bytes 0-0/1":         {0, 0, 1},
		"bytes 0-99/1000":     {0, 99, 1000},
		"bytes 900-999/1000":  {900, 999, 1000},
		" bytes 0-99/1000 ":   {0, 99, 1000},
		"Bytes 0-99/1000":     {0, 99, 1000},
		"BYTES 0-99/1000":     {0, 99, 1000},
		"bytes  0-99/1000":    {0, 99, 1000},
		"bytes 007-0099/1000": {7, 99, 1000},
		"bytes 0-9223372036854775806/9223372036854775807": {0, 1<<63 - 2, 1<<63 - 1},
	} {
		first, last, total, ok := parseContentRange(header)
		if got := [3]int64{first, last, total}; !ok || got != want {
			t.Errorf("%q: %v, %v, want %v", header, got, ok, want)
		}
	}
	for _, header := range []string{
		"", "bytes", "bytes ", "bytes */1000", "bytes 0-99/*", "bytes 0-99", "bytes 0-99/", "bytes -99/1000", "bytes 0-/1000", "bytes -/1000",
		"bytes 5-4/1000", "bytes 0-1000/1000", "bytes 0-99/99", "bytes 0-0/0", "bytes=0-99/1000", "items 0-99/1000", "0-99/1000",
		"bytes 0-99/1000/5", "bytes 0-99-5/1000", "bytes +0-99/1000", "bytes 0-+99/1000", "bytes 0-99/-1000", "bytes 0x0-99/1000", "bytes 0-9.9/1000",
		"bytes 0-99/1000, bytes 100-199/1000", "bytes 0-99,100-199/1000", "bytes 0 - 99 / 1000", "bytes 0-99/ 1000", "bytes 0-99/1e3", "bytes ٠-٩/١٠",
		"bytes 0-9223372036854775807/9223372036854775808", "bytes 0-99999999999999999999/100000000000000000000",
	} {
		if first, last, total, ok := parseContentRange(header); ok {
			t.Errorf("%q: %d-%d of %d", header, first, last, total)
		}
	}
}

func FuzzContentRange(f *testing.F) {
	for _, seed := range []string{"bytes 0-99/1000", "bytes */10", "bytes 5-4/3", "bytes 0-99/*", " bytes  1-2/3", "bytes 0-9223372036854775806/9223372036854775807", "items 0-1/2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		first, last, total, ok := parseContentRange(header)
		if !ok {
			return
		}
		if first < 0 || last < first || total <= last {
			t.Errorf("%q: %d-%d of %d", header, first, last, total)
		}
		// What is accepted says nothing but these numbers.
		digits := func(text string) string { return strings.TrimLeft(text, "0") }
		rest := strings.TrimSpace(header)[len("bytes"):]
		from, rest, _ := strings.Cut(strings.TrimSpace(rest), "-")
		to, all, _ := strings.Cut(rest, "/")
		for text, n := range map[string]int64{from: first, to: last, all: total} {
			if want := fmt.Sprint(n); digits(text) != digits(want) && n != 0 {
				t.Errorf("%q: %d for %q", header, n, text)
			}
		}
	})
}

func TestValidators(t *testing.T) {
	v := func(etag, modified string) Validator { return Validator{etag, modified} }
	for _, c := range []struct {
		a, b    Validator
		differs bool
	}{
		{v("", ""), v("", ""), false},
		{v(`"a"`, ""), v(`"a"`, ""), false},
		{v(`"a"`, ""), v(`"b"`, ""), true},
		{v(`W/"a"`, ""), v(`"a"`, ""), false},
		{v(`W/"a"`, ""), v(`W/"b"`, ""), true},
		{v(`"a"`, "x"), v(`"a"`, "y"), false}, // the tag decides
		{v(`"a"`, "x"), v(`"b"`, "x"), true},
		{v(`"a"`, "x"), v("", "x"), false},
		{v(`"a"`, "x"), v("", "y"), true},
		{v(`"a"`, ""), v("", "y"), false}, // nothing in common
		{v("", "x"), v("", "y"), true},
		{v("", "x"), v("", ""), false},
	} {
		if c.a.Differs(c.b) != c.differs || c.b.Differs(c.a) != c.differs {
			t.Errorf("%+v and %+v: %v", c.a, c.b, !c.differs)
		}
	}
	for have, want := range map[Validator]string{
		v("", ""): "", v(`"a"`, "x"): `"a"`, v(`"a"`, ""): `"a"`, v("", "x"): "x", v(`W/"a"`, "x"): "", v(`W/"a"`, ""): "",
	} {
		if got := have.ifRange(); got != want {
			t.Errorf("%+v: If-Range %q, want %q", have, got, want)
		}
		if have.Known() != (have != Validator{}) {
			t.Errorf("%+v: known %v", have, have.Known())
		}
	}
	h := http.Header{"Etag": {`"a"`}, "Last-Modified": {"x"}}
	if validatorOf(h) != v(`"a"`, "x") {
		t.Errorf("%+v", validatorOf(h))
	}
}

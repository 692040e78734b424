package apiclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// pages answers with one text for each offset.
type pages map[int64]string

func (p pages) answer(w http.ResponseWriter, c call) {
	text, ok := p[c.Offset]
	if !ok {
		text = `"__is_loaded":1,"__files":["asked for what no page pointed to"]`
	}
	members(w, text)
}

func TestListPutsPagesTogether(t *testing.T) {
	for name, c := range map[string]struct {
		pages   pages
		want    string // entries, or the error if it begins with "!"
		offsets string
	}{
		"one page": {pages{0: `"__files":["a","b"],"__is_loaded":1`}, "a b", "0"},
		"empty":    {pages{0: `"__files":[],"__is_loaded":1`}, "", "0"},
		"offsets are the service's, not computed": {pages{
			0:  `"__files":["a"],"__is_loaded":-1,"__offset":7`,
			7:  `"__files":["b"],"__is_loaded":-1,"__offset":40`,
			40: `"__files":["c"],"__is_loaded":1`}, "a b c", "0 7 40"},
		"pages that overlap are united": {pages{
			0: `"f":{"__is_loaded":0},"__files":["a","b"],"__is_loaded":-1,"__offset":2`,
			2: `"f":{"__is_loaded":1,"__files":["x"]},"__files":["b","c"],"__is_loaded":1`}, "f/ a b c", "0 2"},
		"a page without news on the way": {pages{
			0: `"__files":["a"],"__is_loaded":-1,"__offset":5`,
			5: `"__is_loaded":-1,"__offset":9`,
			9: `"__files":["b"],"__is_loaded":1`}, "a b", "0 5 9"},
		"the last page says nothing": {pages{
			0: `"__files":["a"],"__is_loaded":-1,"__offset":1,"__file_count":1`,
			1: ``}, "a", "0 1"},
		"cut for ever, by its own count complete": {pages{
			0: `"__files":["a"],"__is_loaded":-1,"__offset":1,"__file_count":1`,
			1: `"__files":["a"],"__is_loaded":-1,"__offset":1,"__file_count":1`}, "a", "0 1"},
		"unmarked, few files": {pages{0: `"__files":["a"],"f":{"__is_loaded":1}`}, "a f/", "0"},
		"unmarked, a sub-folder cut: asked behind the files and behind all": {pages{
			0: `"__files":["a"],"f":{"__is_loaded":-1,"__offset":1}`, 1: ``, 2: ``}, "a f/", "0 1 2"},
		"unmarked, a sub-folder cut, and there is another file": {pages{
			0: `"__files":["a"],"f":{"__is_loaded":-1,"__offset":1}`, 1: `"__files":["b"]`}, "!without saying where to go on", "0 1"},
		"silence before the count is reached": {pages{
			0: `"__files":["a"],"__is_loaded":-1,"__offset":1,"__file_count":2`, 1: ``}, "!nothing new comes at offset 1 of 2", "0 1"},
		"silence, and no count: asked twice": {pages{
			0: `"__files":["a"],"__is_loaded":-1,"__offset":1`, 1: ``}, "a", "0 1 1"},
		"an unmarked page that repeats": {pages{
			0:   `"__files":` + names(0, 100) + `,"__is_loaded":-1,"__offset":100`,
			100: `"__files":` + names(0, 100)}, "!nothing new comes", "0 100"},
		"unmarked, a hundred files: one more call": {pages{0: `"__files":` + names(0, 100), 100: ``}, "100", "0 100"},
		"unmarked, and there is more": {pages{
			0: `"__files":` + names(0, 100), 100: `"__files":` + names(100, 5)}, "!without saying where to go on", "0 100"},
		"the offset does not rise": {pages{
			0:   `"__files":` + names(0, 100) + `,"__is_loaded":-1,"__offset":100,"__file_count":250`,
			100: `"__files":` + names(100, 100) + `,"__is_loaded":-1,"__offset":100,"__file_count":250`},
			"!goes on at offset 100 after 100", "0 100"},
		"the offset falls": {pages{
			0:   `"__files":` + names(0, 100) + `,"__is_loaded":-1,"__offset":100`,
			100: `"__files":` + names(100, 100) + `,"__is_loaded":-1,"__offset":50`},
			"!goes on at offset 50 after 100", "0 100"},
		"cut without an offset":      {pages{0: `"__files":["a"],"__is_loaded":-1`}, "!goes on at offset 0 after 0", "0"},
		"skipped though asked for":   {pages{0: `"__is_loaded":0`}, "!skipped the very folder", "0"},
		"nothing but the name":       {pages{0: ``}, "!says nothing of the folder", "0"},
		"a later page is no listing": {pages{0: `"__files":["a"],"__is_loaded":-1,"__offset":1`, 1: `"__files":7`}, "!not understood", "0 1 1 …"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t, c.pages.answer)
			f, err := s.client(t).List(t.Context(), ListRequest{Path: "sestore4/r"})
			if want, failure := strings.CutPrefix(c.want, "!"); failure {
				if err == nil || !strings.Contains(err.Error(), want) || !IsTemporary(err) {
					t.Errorf("error %v, want one that says %q", err, want)
				}
			} else if err != nil {
				t.Error(err)
			} else if got := entries(f); got != c.want && fmt.Sprint(len(f.Entries)) != c.want {
				t.Errorf("entries %q, want %q", got, c.want)
			}
			got := s.offsets()
			if some, ok := strings.CutSuffix(c.offsets, "…"); ok && strings.HasPrefix(got, some) {
				return
			}
			if got != c.offsets {
				t.Errorf("offsets %s, want %s", got, c.offsets)
			}
		})
	}
}

// entries are the names in a folder, in its order, folders with a slash.
func entries(f *Folder) string {
	var all []string
	for _, e := range f.Entries {
		if e.Folder != nil {
			e.Name += "/"
		}
		all = append(all, e.Name)
	}
	return strings.Join(all, " ")
}

func TestListNothing(t *testing.T) {
	s := newScript(t, func(w http.ResponseWriter, _ call) { data(w, `[]`) })
	f, err := s.client(t).List(t.Context(), ListRequest{Path: "sestore4/r"})
	if err != nil || f.Named || len(f.Entries) != 0 || s.offsets() != "0" {
		t.Errorf("folder %+v, error %v, offsets %s", f, err, s.offsets())
	}
	if _, err = s.client(t).List(t.Context(), ListRequest{Path: "sestore4/r", Doubt: true}); err != nil || s.offsets() != "0 0 0" {
		t.Errorf("in doubt: error %v, offsets %s; want two more calls", err, s.offsets())
	}
}

func TestListInDoubtBelievesTheSecondAnswer(t *testing.T) {
	s := newScript(t, func(w http.ResponseWriter, c call) {
		if c.n == 0 {
			data(w, `[]`)
		} else {
			members(w, `"__files":["a"],"__is_loaded":1`)
		}
	})
	f, err := s.client(t).List(t.Context(), ListRequest{Path: "sestore4/r", Doubt: true})
	if err != nil || entries(f) != "a" {
		t.Errorf("folder %+v, error %v", f, err)
	}
}

func TestListGoesOnFromACutFolder(t *testing.T) {
	s := newScript(t, func(w http.ResponseWriter, c call) {
		if c.Path == "sestore4/r/f" {
			data(w, `{"sestore4/r/f":{"__files":["y"],"__is_loaded":1}}`)
		} else {
			members(w, `"f":{"__files":["x"],"g":{"__is_loaded":0},"__is_loaded":-1,"__offset":2},"__is_loaded":1`)
		}
	})
	c := s.client(t)
	r, err := c.List(t.Context(), ListRequest{Path: "sestore4/r"})
	if err != nil {
		t.Fatal(err)
	}
	start := r.Entries[0].Folder
	f, err := c.List(t.Context(), ListRequest{Path: "sestore4/r/f", From: start})
	if err != nil || entries(f) != "x g/ y" || s.offsets() != "0 2" {
		t.Errorf("entries %q, error %v, offsets %s", entries(f), err, s.offsets())
	}
	if entries(start) != "x g/" || start.State != Cut {
		t.Errorf("the start was changed: %+v", start)
	}
}

func TestListMergesTypes(t *testing.T) {
	s := newScript(t, func(w http.ResponseWriter, c call) {
		if c.Type == "video" {
			members(w, `"both":{"__is_loaded":1,"__files":["v"]},"v":{"__is_loaded":1,"w":{"__is_loaded":1}},"__files":["1","2"],"__is_loaded":1`)
		} else {
			members(w, `"both":{"__is_loaded":1,"__files":["a"]},"a":{"__is_loaded":1},"__files":["2","3"],"__is_loaded":1`)
		}
	})
	c := s.client(t, func(o *Options) { o.Types = []string{"video", "audio"} })
	f, err := c.List(t.Context(), ListRequest{Path: "sestore4/r"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := show(f), "1\n2\n3\na/ skipped\nboth/ whole\n  a\n  v\nv/ skipped\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestListBoundsEndlessFolders(t *testing.T) {
	s := newScript(t, func(w http.ResponseWriter, c call) {
		members(w, fmt.Sprintf(`"__files":["a"],"__is_loaded":-1,"__offset":%d`, c.Offset+1))
	})
	_, err := s.client(t).List(t.Context(), ListRequest{Path: "sestore4/r"})
	if err == nil || !strings.Contains(err.Error(), "pages without a new name") {
		t.Errorf("error %v", err)
	}
}

func TestListReportsProgress(t *testing.T) {
	s := newScript(t, pages{
		0: `"__files":["a"],"__is_loaded":-1,"__offset":1`,
		1: `"__files":["b"],"__is_loaded":1`,
	}.answer)
	n := 0
	if _, err := s.client(t).List(t.Context(), ListRequest{Path: "sestore4/r", Progress: func() { n++ }}); err != nil || n != 2 {
		t.Errorf("%d signs of progress, error %v", n, err)
	}
}

func TestListRefusesPathsItCannotAskFor(t *testing.T) {
	s := newScript(t, func(http.ResponseWriter, call) { t.Error("a call was made") })
	for _, path := range []string{"", "/sestore4/r", "sestore4//r", "sestore4/r/", "sestore4/\xff", "sestore4/\x00"} {
		if _, err := s.client(t).List(t.Context(), ListRequest{Path: path}); err == nil {
			t.Errorf("no error for %q", path)
		}
	}
}

func TestListEndsWithItsContext(t *testing.T) {
	begun := make(chan struct{})
	s := newScript(t, func(_ http.ResponseWriter, c call) {
		if c.n == 0 {
			close(begun)
		}
		<-c.gone
	})
	why := errors.New("no page for a time")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() { <-begun; cancel(why) }()
	_, err := s.client(t).List(ctx, ListRequest{Path: "sestore4/r"})
	if !errors.Is(err, why) || !IsTemporary(err) {
		t.Errorf("error %v", err)
	}
}

// A service may count entries of other types as well. That looks as if names were lost,
// and costs another listing, once.
func TestCountOfMoreEntriesCostsTwiceOnce(t *testing.T) {
	t.Parallel()
	s := newScript(t, pages{
		0: `"__files":["a"],"__is_loaded":-1,"__offset":1,"__file_count":3`,
		1: `"__files":["b"],"__is_loaded":1`,
	}.answer)
	c := s.client(t)
	for i, want := range []string{"0 1 0 1", "0 1 0 1 0 1"} {
		if f, err := c.List(t.Context(), ListRequest{Path: "sestore4/r"}); err != nil || len(f.Entries) != 2 {
			t.Fatalf("%+v, error %v", f, err)
		}
		if got := s.offsets(); got != want {
			t.Errorf("after %d listings: offsets %s, want %s", i+1, got, want)
		}
	}
}

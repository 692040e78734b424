package apitest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestTree(t *testing.T) {
	tree := NewTree("sestore4/jb")
	tree.AddFile("b.mp4")
	tree.AddFile("a.mp4")
	tree.AddFile("x/y/z.txt")
	tree.AddDir("x/empty")
	tree.AddDir("a.mp4") // beside the file of that name
	tree.Add("gone.mp4", File{Kind: Video, Deleted: true})

	files, dirs := tree.Paths()
	if diff := cmp.Diff([]string{"a.mp4", "b.mp4", "gone.mp4", "x/y/z.txt"}, files); diff != "" {
		t.Errorf("files: %s", diff)
	}
	if diff := cmp.Diff([]string{"a.mp4", "x", "x/empty", "x/y"}, dirs); diff != "" {
		t.Errorf("folders: %s", diff)
	}
	if files, _ := tree.PathsOf("video"); !slices.Equal(files, []string{"a.mp4", "b.mp4"}) {
		t.Errorf("videos: %v", files)
	}
	if files, _ := tree.children("", "includeinvalid"); !slices.Equal(files, []string{"b.mp4", "a.mp4"}) {
		t.Errorf("not in the order of adding: %v", files)
	}
	if f, ok := tree.File("x/y/z.txt"); !ok || f.Kind != Other || f != fileAt("sestore4/jb/x/y/z.txt") {
		t.Errorf("File = %+v, %v", f, ok)
	}
	if tree.Full("") != "sestore4/jb" || tree.Full("x/y") != "sestore4/jb/x/y" {
		t.Error("Full is wrong")
	}
	for _, tt := range []struct {
		rel  string
		want bool
	}{{"a.mp4", true}, {"x", true}, {"x/y", false}, {"b", false}} { // "x/y" went with "x"
		if got := tree.Remove(tt.rel); got != tt.want {
			t.Errorf("Remove(%q) = %v, want %v", tt.rel, got, tt.want)
		}
	}
	if files, dirs := tree.Len(); files != 2 || dirs != 0 {
		t.Errorf("Len = %d, %d", files, dirs)
	}
}

func TestTreePanics(t *testing.T) {
	for _, rel := range []string{"", "/a", "a/", "a//b", "../a", "a/."} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("AddFile(%q) does not panic", rel)
				}
			}()
			NewTree("sestore4/jb").AddFile(rel)
		}()
	}
}

// A tree that is changed at random has what a plain map has.
func TestTreeModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tree := NewTree("sestore4/jb")
		files, dirs := map[string]bool{}, map[string]bool{}
		rel := rapid.StringMatching(`[ab](/[ab]){0,2}`)
		add := func(p string) {
			for i := range p {
				if p[i] == '/' {
					dirs[p[:i]] = true
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"file": func(t *rapid.T) {
				p := rel.Draw(t, "file")
				tree.AddFile(p)
				files[p] = true
				add(p)
			},
			"dir": func(t *rapid.T) {
				p := rel.Draw(t, "dir")
				tree.AddDir(p)
				dirs[p] = true
				add(p)
			},
			"remove": func(t *rapid.T) {
				p := rel.Draw(t, "gone")
				tree.Remove(p)
				for _, m := range []map[string]bool{files, dirs} {
					for k := range m {
						if k == p || strings.HasPrefix(k, p+"/") {
							delete(m, k)
						}
					}
				}
			},
			"": func(t *rapid.T) {
				gotFiles, gotDirs := tree.Paths()
				if diff := cmp.Diff([][]string{sorted(files), sorted(dirs)}, [][]string{gotFiles, gotDirs}); diff != "" {
					t.Fatal(diff)
				}
				if f, d := tree.Len(); f != len(files) || d != len(dirs) {
					t.Fatalf("Len = %d, %d", f, d)
				}
				o := Options{Tree: tree, PageSize: 1000}
				if l := tree.list(&o, "", "includeinvalid", 0); l.mark != 1 {
					t.Fatalf("mark %d", l.mark)
				}
			},
		})
	})
}

func sorted(m map[string]bool) []string {
	var s []string
	for k := range m {
		s = append(s, k)
	}
	slices.Sort(s)
	return s
}

func TestTypes(t *testing.T) {
	tree := NewTree("sestore4/jb")
	for _, k := range []Kind{Video, Audio, Smil, Other} {
		tree.Add(string(k), File{Kind: k})
		tree.Add(string(k)+"-invalid", File{Kind: k, Invalid: true})
		tree.Add(string(k)+"-deleted", File{Kind: k, Deleted: true})
		tree.Add(string(k)+"-both", File{Kind: k, Invalid: true, Deleted: true})
	}
	for typ, want := range map[string]string{
		"video":          "video",
		"audio":          "audio",
		"smil":           "smil",
		"valid":          "audio smil video",
		"invalid":        "audio-invalid other-invalid smil-invalid video-invalid",
		"includeinvalid": "audio audio-invalid other other-invalid smil smil-invalid video video-invalid",
		"deleted":        "audio-both audio-deleted other-both other-deleted smil-both smil-deleted video-both video-deleted",
	} {
		files, _ := tree.PathsOf(typ)
		if got := strings.Join(files, " "); got != want {
			t.Errorf("%s: %s, want %s", typ, got, want)
		}
	}
	if len(types) != 7 {
		t.Errorf("%d types", len(types))
	}
}

func TestKindOf(t *testing.T) {
	for name, want := range map[string]Kind{"a.MP4": Video, "x/b.mp3": Audio, "c.smil": Smil, "d.jpg": Other, "mp4": Other, "": Other} {
		if got := KindOf(name); got != want {
			t.Errorf("KindOf(%q) = %s, want %s", name, got, want)
		}
	}
}

func TestOddNames(t *testing.T) {
	seen := map[string]bool{}
	for _, n := range OddNames() {
		if seen[n] || !utf8.ValidString(n) || len(n) == 0 || len(n) > 255 || n == "." || n == ".." || strings.ContainsAny(n, "/\x00") {
			t.Errorf("%q is no name, or there twice", n)
		}
		seen[n] = true
	}
}

func TestGenerators(t *testing.T) {
	count := func(tree *Tree) [2]int {
		files, dirs := tree.Len()
		return [2]int{files, dirs}
	}
	if got := count(Example()); got != [2]int{2, 1} {
		t.Errorf("Example: %v", got)
	}
	if got := count(Flat("sestore4/jb", 1234)); got != [2]int{1234, 0} {
		t.Errorf("Flat: %v", got)
	}
	if got := count(Nested("sestore4/jb", 10, 3, 20)); got != [2]int{22_200, 1110} {
		t.Errorf("Nested: %v", got)
	}
	files, _ := Flat("sestore4/jb", 50).children("", "video")
	if slices.IsSorted(files) {
		t.Error("Flat is in order")
	}
	g := Gen{Seed: 7, OddNames: true, Mixed: true}
	a, aDirs := Generate("sestore4/jb", g).Paths()
	b, bDirs := Generate("sestore4/jb", g).Paths()
	if !slices.Equal(a, b) || !slices.Equal(aDirs, bDirs) || len(a) == 0 {
		t.Error("equal seeds make different trees")
	}
	g.Seed++
	if c, _ := Generate("sestore4/jb", g).Paths(); slices.Equal(a, c) {
		t.Error("different seeds make equal trees")
	}
}

func TestFromDir(t *testing.T) {
	dir := t.TempDir()
	os.MkdirAll(filepath.Join(dir, "sub", "empty"), 0o755)
	os.WriteFile(filepath.Join(dir, "sub", "a.mp4"), []byte("12345"), 0o644)
	os.Symlink("a.mp4", filepath.Join(dir, "sub", "link"))
	when := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	os.Chtimes(filepath.Join(dir, "sub", "a.mp4"), when, when)
	tree, err := FromDir("sestore4/jb", dir)
	if err != nil {
		t.Fatal(err)
	}
	files, dirs := tree.Paths()
	if !slices.Equal(files, []string{"sub/a.mp4"}) || !slices.Equal(dirs, []string{"sub", "sub/empty"}) {
		t.Errorf("got %q, %q", files, dirs)
	}
	if f, _ := tree.File("sub/a.mp4"); f.Size != 5 || !f.Time.Equal(when) || f.Kind != Video {
		t.Errorf("file: %+v", f)
	}
	if _, err := FromDir("sestore4/jb", filepath.Join(dir, "no")); err == nil {
		t.Error("no error for a folder that is not there")
	}
}

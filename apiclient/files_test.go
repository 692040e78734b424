package apiclient_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sefs/apiclient"
	"sefs/apiclient/apitest"
)

// startV1 starts a stand-in service and a client that knows both of its APIs.
func startV1(t testing.TB, o apitest.Options, change ...func(*apiclient.Options)) (*apitest.Server, *apiclient.Client) {
	t.Helper()
	server, err := apitest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	options := apiclient.Options{
		URL: server.URL(), FilesURL: server.FilesURL(), Key: server.APIKey(), Secret: server.Secret(), CDN: server.CDN(),
		Types: []string{"includeinvalid"}, Timeout: 2 * time.Second, // what fails is tried about six times in it
	}
	for _, f := range change {
		f(&options)
	}
	client, err := apiclient.New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return server, client
}

// cleanCalls checks that no request was refused, and that no credentials went astray.
func cleanCalls(t testing.TB, s *apitest.Server) apitest.Calls {
	t.Helper()
	calls := s.Calls()
	if calls.Rejected != 0 || calls.Leaks != 0 {
		t.Errorf("%d requests rejected (%s), %d leaks", calls.Rejected, calls.LastRefusal, calls.Leaks)
	}
	return calls
}

// oddTree has every odd name as a file, and every fourth one as a folder in another.
func oddTree() *apitest.Tree {
	tree := apitest.Generate(root, apitest.Gen{Seed: 3, Folders: 2, Depth: 3, Files: 5, Mixed: true})
	for i, name := range apitest.OddNames() {
		tree.AddFile("odd files/" + name)
		if i%4 == 0 {
			tree.AddFile("odd folders/" + name + "/" + name)
		}
	}
	tree.AddDir("empty")
	tree.AddDir("only/an/empty/one")
	tree.Add("big", apitest.File{Size: 1<<59 + 1, Time: time.Unix(1_600_000_000, 0).UTC()})
	tree.Add("none", apitest.File{Size: 0})
	tree.Add("without a size", apitest.File{Size: 7, V1: apitest.V1NoSize})
	tree.Add("link", apitest.File{Size: 7, V1: apitest.V1Symlink})
	tree.Add("link without a size", apitest.File{Size: 7, V1: apitest.V1SymlinkNoSize})
	tree.Add("other", apitest.File{Size: 7, V1: apitest.V1OtherType})
	tree.Add("absent", apitest.File{Size: 7, V1: apitest.V1Absent})
	return tree
}

// told is what a tree has in a folder, as v1 has to tell it: "name/" for folders, and
// the sizes and times of files.
func told(tree *apitest.Tree, dir string, times bool) map[string]apiclient.Attr {
	all := map[string]apiclient.Attr{}
	files, dirs := tree.PathsOf("includeinvalid")
	for _, rel := range files {
		if parent(rel) != dir {
			continue
		}
		f, _ := tree.File(rel)
		attr := apiclient.Attr{Size: f.Size}
		if times && !f.Time.IsZero() {
			attr.Modified = f.Time
		}
		switch f.V1 {
		case apitest.V1NoSize:
			attr.Size = apiclient.UnknownSize
		case apitest.V1SymlinkNoSize, apitest.V1Absent:
			continue
		}
		all[path.Base("/"+rel)] = attr
	}
	for _, rel := range dirs {
		if parent(rel) == dir {
			delete(all, rel[len(dir)+min(len(dir), 1):])
			all[rel[len(dir)+min(len(dir), 1):]+"/"] = apiclient.Attr{}
		}
	}
	return all
}

func parent(rel string) string { return rel[:max(0, strings.LastIndexByte(rel, '/'))] }

// got is what a folder has, in the same form.
func got(f *apiclient.Folder) map[string]apiclient.Attr {
	all := map[string]apiclient.Attr{}
	for _, e := range f.Entries {
		switch {
		case e.Folder != nil:
			all[e.Name+"/"] = apiclient.Attr{}
		case e.Attr == nil:
			all[e.Name] = apiclient.Attr{Size: -99}
		default:
			all[e.Name] = *e.Attr
		}
	}
	return all
}

// hasTimes says whether a form of answers tells times.
func hasTimes(v apitest.V1Options) bool {
	return v.Time != apitest.TimeNone && v.Time != apitest.TimeZero
}

// checkTold compares a folder with the tree, and those below it that are Whole. It
// returns the paths of these.
func checkTold(t *testing.T, tree *apitest.Tree, dir string, f *apiclient.Folder, times bool) (whole []string) {
	t.Helper()
	if diff := cmp.Diff(told(tree, dir, times), got(f)); diff != "" {
		t.Errorf("folder %q (-want +got):\n%s", dir, diff)
	}
	for _, e := range f.Entries {
		if e.Folder == nil {
			continue
		}
		below := strings.TrimPrefix(dir+"/"+e.Name, "/")
		switch e.Folder.State {
		case apiclient.Whole:
			whole = append(append(whole, below), checkTold(t, tree, below, e.Folder, times)...)
		case apiclient.Cut:
			t.Errorf("%q is cut", below)
		}
	}
	return whole
}

func TestFilesEqualTheTreeInEveryShape(t *testing.T) {
	for _, shape := range apitest.V1Shapes() {
		t.Run(shape.Name, func(t *testing.T) {
			t.Parallel()
			tree := oddTree()
			s, c := startV1(t, apitest.Options{Tree: tree, V1: shape.V1})
			_, dirs := tree.Paths()
			for _, levels := range []int{0, 1, 8} {
				for _, dir := range []string{"", "odd files", "odd folders", "only", "empty", dirs[1]} {
					s.ResetCalls()
					f, err := c.Files(t.Context(), apiclient.FilesRequest{Path: tree.Full(dir), Levels: levels})
					if err != nil {
						t.Errorf("%q, levels %d: %v", dir, levels, err)
						continue
					}
					if f.State != apiclient.Whole || !f.Named || time.Since(f.Asked) > time.Minute {
						t.Errorf("%q, levels %d: state %v, named %v, asked %v", dir, levels, f.State, f.Named, f.Asked)
					}
					whole := checkTold(t, tree, dir, f, hasTimes(shape.V1))
					if want := wholeBelow(tree, dir, levels, shape.V1.Depth); !slices.Equal(want, slices.Sorted(slices.Values(whole))) {
						t.Errorf("%q, levels %d: whole %q, want %q", dir, levels, whole, want)
					}
					want := 1
					if levels == 0 && (len(f.Entries) == 0 || shape.V1.Depth == apitest.DepthFromFolder) {
						want = 2
					}
					if n := cleanCalls(t, s).FilesTotal(); n != want {
						t.Errorf("%q, levels %d: %d calls, want %d", dir, levels, n, want)
					}
				}
			}
		})
	}
}

// wholeBelow are the folders below dir whose contents an answer tells. One that holds
// nothing is not known to have been searched.
func wholeBelow(tree *apitest.Tree, dir string, levels int, depth apitest.V1Depth) (whole []string) {
	if depth == apitest.DepthFromFolder {
		levels--
	}
	_, dirs := tree.Paths()
	for _, rel := range dirs {
		below, ok := strings.CutPrefix("/"+rel, strings.TrimSuffix("/"+dir, "/")+"/")
		if ok && strings.Count(below, "/") < levels && len(told(tree, rel, false)) > 0 {
			whole = append(whole, rel)
		}
	}
	return whole
}

func TestFilesOfEveryOddName(t *testing.T) {
	tree := apitest.NewTree(root)
	for _, name := range apitest.OddNames() {
		tree.AddFile(name + "/" + name + "/file")
	}
	s, c := startV1(t, apitest.Options{Tree: tree})
	for _, name := range apitest.OddNames() {
		f, err := c.Files(t.Context(), apiclient.FilesRequest{Path: tree.Full(name), Levels: 1})
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		if whole := checkTold(t, tree, name, f, false); len(whole) != 1 {
			t.Errorf("%q: whole %q", name, whole)
		}
		attr, err := c.File(t.Context(), tree.Full(name+"/"+name+"/file"), nil)
		if file, _ := tree.File(name + "/" + name + "/file"); err != nil || attr.Size != file.Size {
			t.Errorf("%q: %+v, error %v", name, attr, err)
		}
	}
	cleanCalls(t, s)
}

func TestFilesHidesNamesThatCannotBeShown(t *testing.T) {
	for _, name := range []string{"v1", "object", "flat"} {
		tree := apitest.NewTree(root)
		tree.AddFile("dir/a")
		for _, bad := range []string{"", ".", "..", "nul\x00", strings.Repeat("x", 256)} {
			tree.AddRaw("dir", bad, apitest.File{Size: 1})
		}
		shape, _ := apitest.V1ShapeNamed(name)
		_, c := startV1(t, apitest.Options{Tree: tree, V1: shape})
		f, err := c.Files(t.Context(), apiclient.FilesRequest{Path: tree.Full("dir"), Levels: 1})
		if err != nil {
			t.Logf("%s: refused as a whole: %v", name, err)
			continue
		}
		if len(f.Entries) != 1 || f.Entries[0].Name != "a" {
			t.Errorf("%s: %+v", name, got(f))
		}
	}
}

// A round number of entries may be a limit, so nothing below counts as told.
func TestFilesDistrustsRoundNumbers(t *testing.T) {
	for _, shape := range []string{"default", "object", "flat", "numbered"} {
		for n, round := range map[int]bool{99: false, 100: true, 101: false, 200: true, 250: true, 300: false, 500: true, 1000: true} {
			t.Run(fmt.Sprint(shape, "/", n), func(t *testing.T) {
				t.Parallel()
				tree := apitest.NewTree(root)
				tree.AddFile("a/b/file")
				for i := range n - 3 {
					tree.AddFile(fmt.Sprint("a/", i))
				}
				var log bytes.Buffer
				v1, _ := apitest.V1ShapeNamed(shape)
				_, c := startV1(t, apitest.Options{Tree: tree, V1: v1}, func(o *apiclient.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
				f, err := c.Files(t.Context(), apiclient.FilesRequest{Path: root, Levels: 8})
				if err != nil {
					t.Fatal(err)
				}
				whole := checkTold(t, tree, "", f, false)
				if round != (len(whole) == 0) || round != f.Suspect || f.State != apiclient.Whole {
					t.Errorf("whole %q, state %v, log %q", whole, f.State, log.String())
				}
				log.Reset()
				if f, err = (apiclient.FilesLister{Client: c}).List(t.Context(), apiclient.ListRequest{Path: root + "/a"}); err != nil {
					t.Fatal(err)
				}
				if f.Suspect != strings.Contains(log.String(), "round number") || strings.Count(log.String(), "\n") > 1 {
					t.Errorf("suspect: %v, log %q", f.Suspect, log.String())
				}
			})
		}
	}
}

// What a limit cuts off without a word is noticed by its roundness only.
func TestFilesOfACappedService(t *testing.T) {
	tree := apitest.Nested(root, 3, 3, 20)
	_, c := startV1(t, apitest.Options{Tree: tree, V1: apitest.V1Options{Cap: 250}})
	f, err := c.Files(t.Context(), apiclient.FilesRequest{Path: root, Levels: 8})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range f.Entries {
		if e.Folder != nil && e.Folder.State == apiclient.Whole {
			t.Errorf("%q is whole", e.Name)
		}
	}
}

func TestFilesLevelsAreBounded(t *testing.T) {
	s, c := startV1(t, apitest.Options{Tree: oddTree()})
	for levels, want := range map[int]int{-3: 0, 0: 0, 1: 1, 8: 8, 9: 8, 100: 8} {
		s.ResetCalls()
		if _, err := c.Files(t.Context(), apiclient.FilesRequest{Path: root, Levels: levels}); err != nil {
			t.Fatal(err)
		}
		asks := map[apitest.Ask]int{{Kind: apitest.AskFiles, Path: root, Recursive: want}: 1}
		if diff := cmp.Diff(asks, s.Calls().Files); diff != "" {
			t.Errorf("levels %d (-want +got):\n%s", levels, diff)
		}
	}
}

func TestFilesTellsOfTurnsAndProgress(t *testing.T) {
	t.Parallel()
	tree := apitest.NewTree(root)
	for i := range 4000 {
		tree.AddFile(fmt.Sprintf("dir/%0240d.mp4", i))
	}
	s, c := startV1(t, apitest.Options{Tree: tree})
	s.SetAskFault(apitest.FirstAsks(2, apitest.AskFiles, apitest.AskReply{Reply: apitest.Status(503)}))
	turns, steps := 0, 0
	f, err := c.Files(t.Context(), apiclient.FilesRequest{
		Path: tree.Full("dir"), Levels: 1, Turn: func() { turns++ }, Bytes: func() { steps++ },
	})
	if err != nil || len(f.Entries) != 4000 || turns != 3 || steps < 2 || steps > 10 {
		t.Errorf("%d turns, %d steps, error %v", turns, steps, err)
	}
}

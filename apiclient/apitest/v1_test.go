package apitest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestV1Refuses(t *testing.T) {
	tree := Example()
	tree.AddFile("a b/100%.mp4")
	s, f := startWithFetcher(t, Options{Tree: tree})
	for _, tt := range []struct {
		name, method, address string
		headers               []string
		status                int
	}{
		{"base", "GET", "files/?option:recursive=0", nil, 200},
		{"base without a slash", "GET", "files?option:recursive=8", nil, 200},
		{"metadata", "GET", "files/?option:recursive=0&option:metadata=true", nil, 200},
		{"a file", "GET", "files/movie.mp4?option:recursive=0", nil, 200},
		{"encoded", "GET", "files/a%20b/100%25.mp4?option:recursive=0", nil, 200},
		{"encoded for no reason", "GET", "files/%6dovie.mp4?option:recursive=0", nil, 200},
		{"a link", "GET", "download/movie.mp4", nil, 200},
		{"unknown", "GET", "files/no?option:recursive=0", nil, 404},
		{"unknown link", "GET", "download/no", nil, 404},
		{"link to a folder", "GET", "download/folder1", nil, 404},

		{"post", "POST", "files/?option:recursive=0", nil, 405},
		{"head", "HEAD", "files/?option:recursive=0", nil, 405},
		{"put", "PUT", "download/movie.mp4", nil, 405},
		{"wrong password", "GET", "files/?option:recursive=0", []string{"Authorization", "Basic MTp4"}, 401},
		{"no password", "GET", "files/?option:recursive=0", []string{"Authorization", ""}, 401},
		{"bearer", "GET", "files/?option:recursive=0", []string{"Authorization", "Bearer x"}, 401},
		{"no recursion", "GET", "files/", nil, 400},
		{"empty query", "GET", "files/?", nil, 400},
		{"recursion without a value", "GET", "files/?option:recursive", nil, 400},
		{"empty recursion", "GET", "files/?option:recursive=", nil, 400},
		{"too deep", "GET", "files/?option:recursive=9", nil, 400},
		{"negative", "GET", "files/?option:recursive=-1", nil, 400},
		{"leading zero", "GET", "files/?option:recursive=01", nil, 400},
		{"twice", "GET", "files/?option:recursive=0&option:recursive=0", nil, 400},
		{"encoded colon", "GET", "files/?option%3Arecursive=0", nil, 400},
		{"without option", "GET", "files/?recursive=0", nil, 400},
		{"unknown parameter", "GET", "files/?option:recursive=0&limit=5", nil, 400},
		{"filter", "GET", "files/?type=file&option:recursive=0", nil, 400},
		{"odd metadata", "GET", "files/?option:recursive=0&option:metadata=", nil, 400},
		{"doubled slash", "GET", "files//movie.mp4?option:recursive=0", nil, 400},
		{"doubled slash inside", "GET", "files/folder1//movie2.mp4?option:recursive=0", nil, 400},
		{"slash at the end", "GET", "files/folder1/?option:recursive=0", nil, 400},
		{"dots", "GET", "files/folder1/../movie.mp4?option:recursive=0", nil, 400},
		{"encoded dots", "GET", "files/folder1/%2e%2E/movie.mp4?option:recursive=0", nil, 400},
		{"dot", "GET", "files/./movie.mp4?option:recursive=0", nil, 400},
		{"encoded slash", "GET", "files/folder1%2Fmovie2.mp4?option:recursive=0", nil, 400},
		{"encoded NUL", "GET", "files/movie.mp4%00?option:recursive=0", nil, 400},
		{"not encoded", "GET", "files/a+b?option:recursive=0", nil, 400},
		{"download of nothing", "GET", "download/", nil, 400},
		{"download with parameters", "GET", "download/movie.mp4?expires=1", nil, 400},
		{"other endpoint", "GET", "upload/movie.mp4", nil, 404},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.ResetCalls()
			got := f.do(tt.method, s.FilesURL()+tt.address, tt.headers...)
			if got.err != nil || got.status != tt.status {
				t.Fatalf("%d, %v: %s; want %d", got.status, got.err, got.body, tt.status)
			}
			if tt.method != "HEAD" && !json.Valid([]byte(got.body)) || got.header.Get("Content-Type") != "application/json" {
				t.Errorf("answer %q of type %q", got.body, got.header.Get("Content-Type"))
			}
			calls := s.Calls()
			refused := tt.status != 200 && (tt.status != 404 || tt.name == "other endpoint")
			if (calls.Rejected == 1) != refused || (calls.LastRefusal != "") != refused {
				t.Errorf("rejected %d: %q", calls.Rejected, calls.LastRefusal)
			}
			if refused == (calls.FilesTotal()+calls.LinksTotal() == 1) || calls.V1 != 1 || calls.Total != 0 {
				t.Errorf("counted: %+v", calls)
			}
			if strings.Contains(got.body+calls.LastRefusal, s.Secret()) {
				t.Error("the secret is told")
			}
		})
	}
}

func TestV1Body(t *testing.T) {
	s, f := startWithFetcher(t, Options{})
	req, _ := http.NewRequest(http.MethodGet, s.FilesURL()+"files?option:recursive=0", strings.NewReader("x"))
	req.SetBasicAuth("1", s.Secret())
	res, err := f.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusBadRequest {
		t.Errorf("a GET with a body: %d", res.StatusCode)
	}
}

// views is a tree with a file of each view.
func views() *Tree {
	tree := NewTree("sestore4/jb")
	for i, name := range []string{"listed", "alone", "absent", "nosize", "symlink", "symlink-nosize", "other"} {
		tree.Add("x/"+name, File{Size: 10, Kind: Other, V1: V1View(i)})
	}
	tree.Add("x/deleted", File{Size: 10, Kind: Other, Deleted: true})
	tree.Add("x/only", File{Size: 10, Kind: Other, V1Only: true})
	return tree
}

func TestV1Views(t *testing.T) {
	tree := views()
	_, f := startWithFetcher(t, Options{Tree: tree})
	sized := func(name, typ string) string { return name + " " + typ + " 10" }
	want := []string{
		sized("listed", "file"), "nosize file <nil>", sized("symlink", "symlink"), "symlink-nosize symlink <nil>",
		sized("other", "whiteout"), sized("only", "file"),
	}
	text := func(v any) string {
		o := v.(map[string]any)
		size := "<nil>"
		if s, ok := o["size"].(string); ok {
			size = s
		}
		return o["name"].(string) + " " + o["type"].(string) + " " + size
	}
	var got []string
	for _, o := range f.files("x", "option:recursive=0").([]any) {
		got = append(got, text(o))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
	for _, line := range append(want, sized("alone", "file")) {
		name, _, _ := strings.Cut(line, " ")
		if got := text(f.files("x/"+name, "option:recursive=0")); got != line {
			t.Errorf("alone: %s, want %s", got, line)
		}
		if f.link("x/"+name) == "" {
			t.Errorf("%s has no link", name)
		}
	}
	for _, name := range []string{"absent", "deleted"} {
		for _, call := range []outcome{f.v1("files", "x/"+name, "option:recursive=0"), f.v1("download", "x/"+name, "")} {
			if call.status != 404 || call.body != `{"data":null,"errors":["NOT_FOUND"]}` {
				t.Errorf("%s: %d %s", name, call.status, call.body)
			}
		}
	}
	if shown, _ := tree.PathsOf("includeinvalid"); slices.Contains(shown, "x/only") || len(shown) != 7 {
		t.Errorf("files.list shows %q", shown)
	}
	if l := tree.list(&Options{PageSize: 100}, "x", "includeinvalid", 0); len(l.files) != 7 || l.count != 7 {
		t.Errorf("files.list answers %+v", l)
	}
}

func TestV1ShowDeleted(t *testing.T) {
	_, f := startWithFetcher(t, Options{Tree: views(), V1: V1Options{ShowDeleted: true}})
	got := f.files("x/deleted", "option:recursive=0").(map[string]any)
	if m, ok := got["metadata"].(map[string]any); !ok || m["deleted"] != "1" {
		t.Errorf("got %v", got)
	}
}

func TestV1Metadata(t *testing.T) {
	tree := Example()
	s, f := startWithFetcher(t, Options{Tree: tree, V1: V1Options{Time: TimeMetadata, MetadataAsked: true}})
	if got := f.files("movie.mp4", "option:recursive=0").(map[string]any); got["metadata"] != nil {
		t.Errorf("not asked for: %v", got)
	}
	got := f.files("movie.mp4", "option:recursive=0&option:metadata=true").(map[string]any)
	file, _ := tree.File("movie.mp4")
	want := map[string]any{"video_codec": "h264", "duration": "12.48", "deleted": "0", "invalid": "0",
		"file_modified": file.Time.Format("2006-01-02 15:04:05")}
	if diff := cmp.Diff(any(want), got["metadata"]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if want := "https://jb-vod.secdn.net/jb-vod/play/sestore4/jb/movie.mp4/playlist.m3u8"; got["vod_url"] != want {
		t.Errorf("vod_url %v", got["vod_url"])
	}
	s.SetV1(V1Options{})
	if got := f.files("movie.mp4", "option:recursive=0&option:metadata=true").(map[string]any); got["metadata"] == nil {
		t.Errorf("asked for: %v", got)
	}
}

func TestV1Cap(t *testing.T) {
	for cap, want := range map[int]string{
		1: "c", 2: "c a", 3: "c a b", 4: "c a b none", 5: "c a b none d", 0: "c a b none d",
	} {
		tree := NewTree("sestore4/jb")
		for _, f := range []string{"c", "a/b", "d/e"} {
			tree.Add(f, File{Kind: Other})
		}
		tree.Remove("d/e")
		tree.AddDir("a/none")
		s := &Server{o: Options{Tree: tree, V1: V1Options{Nested: NestedFlat, Cap: cap}}}
		o := s.options()
		_, body := s.rightV1(&o, Ask{Kind: AskFiles, Path: "sestore4/jb", Recursive: 8}, false)
		var answer struct {
			Data []struct{ Name string }
		}
		json.Unmarshal(body, &answer)
		var names []string
		for _, d := range answer.Data {
			names = append(names, d.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("at most %d: %s, want %s", cap, got, want)
		}
	}
}

func TestV1Errors(t *testing.T) {
	s, f := startWithFetcher(t, Options{})
	for shape, want := range map[V1Errors]string{
		ErrorsText:    `["ACCESS_VIOLATION","B"]`,
		ErrorsObjects: `[{"code":"ACCESS_VIOLATION","message":"The request could not be served"},{"code":"B","message":"The request could not be served"}]`,
		ErrorsMap:     `{"path":"ACCESS_VIOLATION","path_":"B"}`,
	} {
		s.SetV1(V1Options{ErrorsShape: shape})
		s.SetAskFault(EveryAsk(V1Failure(403, "ACCESS_VIOLATION", "B")))
		got := f.v1("files", "", "option:recursive=0")
		if got.status != 403 || got.body != `{"data":null,"errors":`+want+`}` {
			t.Errorf("%d: %d %s", shape, got.status, got.body)
		}
	}
	s.SetAskFault(nil)
	s.SetV1(V1Options{NotFoundHTML: true})
	for _, endpoint := range []string{"files", "download"} {
		query := ""
		if endpoint == "files" {
			query = "option:recursive=0"
		}
		got := f.v1(endpoint, "no", query)
		if got.status != 404 || !strings.Contains(got.body, "<h1>404 Not Found</h1>") || got.header.Get("Content-Type") != "text/html" {
			t.Errorf("%s: %d %s", endpoint, got.status, got.body)
		}
	}
}

// A folder wins over a file of the same name, and a name that is no UTF-8 empties the answer.
func TestV1OddTrees(t *testing.T) {
	tree := NewTree("sestore4/jb")
	tree.AddFile("a/x")
	tree.AddFile("a")
	tree.AddDir("bad")
	tree.AddRaw("bad", "\xff", File{})
	s, f := startWithFetcher(t, Options{Tree: tree})
	if got := f.files("a", "option:recursive=0").([]any); len(got) != 1 {
		t.Errorf("got %v", got)
	}
	if got := f.v1("files", "bad", "option:recursive=0"); got.status != 200 || got.body != "" {
		t.Errorf("got %d %q", got.status, got.body)
	}
	want := map[Ask]int{{Kind: AskFiles, Path: "sestore4/jb/a"}: 1, {Kind: AskFiles, Path: "sestore4/jb/bad"}: 1}
	if diff := cmp.Diff(want, s.Calls().Files); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestV1Latency(t *testing.T) {
	const latency = 30 * time.Millisecond
	_, f := startWithFetcher(t, Options{Latency: latency})
	begun := time.Now()
	f.files("", "option:recursive=0")
	if took := time.Since(begun); took < latency {
		t.Errorf("took %v", took)
	}
}

func BenchmarkV1(b *testing.B) {
	o := Options{Tree: Flat("sestore4/jb", 100_000)}
	s := &Server{o: o}
	for b.Loop() {
		s.rightV1(&o, Ask{Kind: AskFiles, Path: "sestore4/jb"}, false)
	}
}

package apiclient

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sefs/apiclient/apitest"
)

// answers are what the stand-in says in each of its forms about folders, files and links.
func answers(f *testing.F) (files, file, link [][]byte) {
	f.Helper()
	tree := apitest.NewTree("sestore4/jb")
	for _, rel := range []string{"x/a.mp4", "x/b", "x/sub/c", "x/sub/deep/d", "x/42"} {
		tree.Add(rel, apitest.File{Size: 17, Time: time.Unix(1_600_000_000, 0)})
	}
	tree.AddDir("x/empty")
	server, err := apitest.New(apitest.Options{Tree: tree})
	if err != nil {
		f.Fatal(err)
	}
	defer server.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	get := func(path string) []byte {
		req, err := http.NewRequestWithContext(f.Context(), http.MethodGet, server.FilesURL()+path, nil)
		if err != nil {
			f.Fatal(err)
		}
		req.SetBasicAuth("1", server.Secret())
		resp, err := transport.RoundTrip(req)
		if err != nil {
			f.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			f.Fatal(err)
		}
		return body
	}
	for _, shape := range apitest.V1Shapes() {
		server.SetV1(shape.V1)
		for _, path := range []string{"files/x?option:recursive=0", "files/x?option:recursive=8", "files/?option:recursive=1"} {
			files = append(files, get(path))
		}
		file = append(file, get("files/x/a.mp4?option:recursive=0"), get("files/x/none?option:recursive=0"))
		link = append(link, get("download/x/a.mp4"))
	}
	return files, file, link
}

// FuzzFiles reads arbitrary answers about a folder: what is shown can be shown, and an
// answer is whole JSON.
func FuzzFiles(f *testing.F) {
	files, file, link := answers(f)
	for i, body := range append(append(files, file...), link...) {
		f.Add(body, []string{"x", "", "x/sub"}[i%3])
	}
	f.Add([]byte("\ufeff{\"data\":[{\"name\":\"a\",\"path\":\"x/../a\"}]}"), "x")
	f.Add([]byte(`{"data":{"1":{"name":"a"},"3":null,"4":{"name":"b"}}}`), "x")
	f.Fuzz(func(t *testing.T, body []byte, asked string) {
		if tidy(asked) != asked {
			return
		}
		d, err := decodeFiles(body, asked, time.Unix(5, 0))
		if err != nil {
			checkRefusal(t, err)
			return
		}
		if !json.Valid([]byte(strings.TrimPrefix(string(body), "\ufeff"))) {
			t.Error("an answer was read from what is no JSON")
		}
		if d.folder.State != Whole || !d.folder.Asked.Equal(time.Unix(5, 0)) {
			t.Errorf("the folder is in state %v, asked %v", d.folder.State, d.folder.Asked)
		}
		if d.self && len(d.folder.Entries) > 0 {
			t.Error("the folder only, and entries")
		}
		if n := checkFiles(t, d.folder); n > 0 && d.objects == 0 {
			t.Errorf("%d entries of no objects", n)
		}
	})
}

// checkFiles checks all entries below a folder, and counts them.
func checkFiles(t *testing.T, f *Folder) (n int) {
	seen := map[string]bool{}
	for _, e := range f.Entries {
		n++
		if !showable(e.Name) || seen[e.Name] {
			t.Errorf("name %q can not be shown, or is there twice", e.Name)
		}
		seen[e.Name] = true
		switch {
		case (e.Folder == nil) == (e.Attr == nil):
			t.Errorf("%q is neither a file nor a folder, or both", e.Name)
		case e.Attr != nil:
			checkAttr(t, *e.Attr)
		case e.Folder.State == Cut:
			t.Errorf("%q is cut", e.Name)
		default:
			n += checkFiles(t, e.Folder)
		}
	}
	return n
}

func checkAttr(t *testing.T, a Attr) {
	if a.Size < UnknownSize {
		t.Errorf("a size of %d", a.Size)
	}
	if !a.Modified.IsZero() && (a.Modified.Unix() <= 0 || a.Modified.Location() != time.UTC) {
		t.Errorf("a time of %v", a.Modified)
	}
}

// checkRefusal checks the error about an answer that was not accepted.
func checkRefusal(t *testing.T, err error) {
	var said bool
	if e, ok := err.(*Error); ok { //nolint:errorlint // it is not wrapped
		said = clean(e.Error()) != "" && !e.NotExist && !e.Changed
	}
	if !said {
		t.Errorf("an error that says nothing, or too much: %v", err)
	}
}

// FuzzFile reads arbitrary answers about a file.
func FuzzFile(f *testing.F) {
	files, file, _ := answers(f)
	for _, body := range append(file, files...) {
		f.Add(body, "x/a.mp4")
	}
	f.Fuzz(func(t *testing.T, body []byte, asked string) {
		attr, err := decodeFile(body, asked)
		if err != nil {
			checkRefusal(t, err)
			return
		}
		checkAttr(t, attr)
		if attr.Size == UnknownSize || tidy(asked) != asked || !showable(asked[strings.LastIndexByte(asked, '/')+1:]) {
			return
		}
		// A file so told stands in its folder as well.
		var envelope struct{ Data json.RawMessage }
		if json.Unmarshal([]byte(strings.TrimPrefix(string(body), "\ufeff")), &envelope) != nil || len(envelope.Data) == 0 || envelope.Data[0] != '{' {
			return
		}
		list := append(append([]byte(`{"data":[`), envelope.Data...), `]}`...)
		if d, err := decodeFiles(list, parentOf(asked), time.Time{}); err == nil && len(d.folder.Entries) != 1 {
			t.Errorf("a file of %d bytes is not in its folder: %+v", attr.Size, d.folder.Entries)
		}
	})
}

// FuzzLink reads arbitrary answers about a link.
func FuzzLink(f *testing.F) {
	_, file, link := answers(f)
	for _, body := range append(link, file...) {
		f.Add(body, int64(1_700_000_000), true)
	}
	f.Add([]byte(`{"data":[{"url":"https://h/a?e=1","expires":"2021-12-31T00:00:00"}]}`), int64(0), false)
	f.Add([]byte(`{"data":{"url":"https://h/a?secure=x&expires=9223372036854775807"}}`), int64(1), false)
	f.Fuzz(func(t *testing.T, body []byte, asked int64, dated bool) {
		head := v1Head{asked: time.Unix(asked%(1<<33), 0)}
		if dated {
			head.date = head.asked.Add(time.Hour)
		}
		address, life, err := decodeLink(body, head, "a.mp4", false)
		if err != nil {
			checkRefusal(t, err)
			if address != "" {
				t.Error("an address and an error")
			}
			return
		}
		u, err := url.Parse(address)
		if err != nil {
			return // it is refused when it is used
		}
		if u.User != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			t.Errorf("%q is no link", address)
		}
		if u.Scheme == "http" && u.Hostname() != "localhost" && !strings.HasPrefix(u.Hostname(), "127.") && !strings.Contains(u.Hostname(), ":") {
			t.Errorf("%q goes over the net", address)
		}
		until := head.asked.Add(life)
		if ends := linkEnd(address); !ends.IsZero() && ends.Unix() < 1<<40 {
			ended := ends.Sub(head.asked) <= 0 && life == minLife // our clock may be wrong
			if !dated && !until.Before(ends.Add(time.Nanosecond)) && !ended {
				t.Errorf("a link to %v is used until %v", ends, until)
			}
		}
	})
}

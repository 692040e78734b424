package apiclient_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sefs/apiclient"
	"sefs/apiclient/apitest"
)

// reply is an AskFault's answer that only a Reply makes.
func reply(r apitest.Reply) apitest.AskReply { return apitest.AskReply{Reply: r} }

func TestFileInEveryShape(t *testing.T) {
	for _, shape := range apitest.V1Shapes() {
		t.Run(shape.Name, func(t *testing.T) {
			t.Parallel()
			tree := oddTree()
			tree.Add("dir/alone", apitest.File{Size: 9, V1: apitest.V1Alone})
			s, c := startV1(t, apitest.Options{Tree: tree, V1: shape.V1})
			for rel, want := range map[string]int64{
				"big": 1<<59 + 1, "none": 0, "dir/alone": 9, "link": 7, "without a size": -1, "link without a size": -1, "other": 7,
			} {
				turns := 0
				attr, err := c.File(t.Context(), tree.Full(rel), func() { turns++ })
				if err != nil || attr.Size != want || turns != 1 {
					t.Errorf("%q: %+v, %d turns, error %v", rel, attr, turns, err)
				}
				if file, _ := tree.File(rel); attr.Modified.IsZero() != (file.Time.IsZero() || !hasTimes(shape.V1)) || !attr.Modified.IsZero() && !attr.Modified.Equal(file.Time) {
					t.Errorf("%q: time %v, want %v", rel, attr.Modified, file.Time)
				}
			}
			for _, rel := range []string{"absent", "nothing", "odd files/nothing", "nowhere/nothing", "big/nothing"} {
				attr, err := c.File(t.Context(), tree.Full(rel), nil)
				if !apiclient.IsNotExist(err) || apiclient.IsTemporary(err) || apiclient.IsAuth(err) || attr.Size != apiclient.UnknownSize {
					t.Errorf("%q: %+v, error %v", rel, attr, err)
				}
				f, err := c.Files(t.Context(), apiclient.FilesRequest{Path: tree.Full(rel), Levels: 1})
				if err == nil || apiclient.IsNotExist(err) == shape.V1.NotFoundHTML || f != nil {
					t.Errorf("%q: %+v, error %v", rel, f, err)
				}
			}
			if n := cleanCalls(t, s).FilesTotal(); n != 7+2*5 {
				t.Errorf("%d calls", n)
			}
		})
	}
}

// A folder's path is no file, in whatever form the folder is told.
func TestFileOfAFolder(t *testing.T) {
	for _, shape := range apitest.V1Shapes() {
		t.Run(shape.Name, func(t *testing.T) {
			t.Parallel()
			tree := apitest.NewTree(root)
			tree.AddFile("a/file")
			tree.AddFile("same/same")
			tree.AddFile("two/1")
			tree.AddFile("two/2")
			tree.AddDir("empty")
			s, c := startV1(t, apitest.Options{Tree: tree, V1: shape.V1})
			for _, rel := range []string{"a", "same", "two", "empty", ""} {
				attr, err := c.File(t.Context(), tree.Full(rel), nil)
				if err != nil || attr.Size != apiclient.UnknownSize || !attr.Modified.IsZero() {
					t.Errorf("%q: %+v, error %v", rel, attr, err)
				}
			}
			if n := cleanCalls(t, s).FilesTotal(); n != 5 {
				t.Errorf("%d calls, want 5", n)
			}
		})
	}
}

// A file's path is no folder, and no folder is made up for it.
func TestFilesOfAFile(t *testing.T) {
	var wg sync.WaitGroup
	for _, rel := range []string{"file", "dir/file"} {
		for _, wrap := range []bool{false, true} {
			tree := apitest.NewTree(root)
			tree.AddFile(rel)
			s, c := startV1(t, apitest.Options{Tree: tree})
			s.SetAskFault(apitest.EveryAsk(reply(apitest.Reply{Body: func(right []byte) []byte {
				if !wrap {
					return right
				}
				text := strings.Replace(string(right), `"data":{`, `"data":[{`, 1)
				return []byte(strings.Replace(text, `},"errors"`, `}],"errors"`, 1))
			}})))
			wg.Go(func() {
				if f, err := c.Files(t.Context(), apiclient.FilesRequest{Path: tree.Full(rel), Levels: 1}); err == nil {
					t.Errorf("%q, in a list %v: %+v", rel, wrap, got(f))
				}
				if attr, err := c.File(t.Context(), tree.Full(rel), nil); err != nil || attr.Size < 0 {
					t.Errorf("%q, in a list %v: %+v, error %v", rel, wrap, attr, err)
				}
			})
		}
	}
	wg.Wait()
}

// A page that says 404 means no file only from a service that is known to answer, and never that
// a folder is gone.
func TestNotFoundPages(t *testing.T) {
	tree := apitest.Flat(root, 3)
	s, c := startV1(t, apitest.Options{Tree: tree, V1: apitest.V1Options{NotFoundHTML: true}})
	ask := func() (error, error) {
		_, err := c.Files(t.Context(), apiclient.FilesRequest{Path: tree.Full("nothing"), Levels: 1})
		_, other := c.File(t.Context(), tree.Full("nothing"), nil)
		return err, other
	}
	if a, b := ask(); a == nil || b == nil || apiclient.IsNotExist(a) || apiclient.IsNotExist(b) {
		t.Errorf("before any answer: %v, %v", a, b)
	}
	if n := s.Calls().FilesTotal(); n != 2 {
		t.Errorf("%d calls", n)
	}
	if _, err := c.Files(t.Context(), apiclient.FilesRequest{Path: root, Levels: 1}); err != nil {
		t.Fatal(err)
	}
	if a, b := ask(); a == nil || apiclient.IsNotExist(a) || !apiclient.IsNotExist(b) {
		t.Errorf("after an answer: %v, %v", a, b)
	}
}

func TestV1Statuses(t *testing.T) {
	var wg sync.WaitGroup
	page := func(status int) apitest.AskReply { return reply(apitest.Status(status)) }
	json := apitest.V1Failure
	for name, c := range map[string]struct {
		reply                     apitest.AskReply
		auth, temporary, notExist bool
	}{
		"400":                   {json(400, "BAD"), false, false, false},
		"401":                   {json(401, "UNAUTHORIZED"), true, false, false},
		"401 page":              {page(401), true, false, false},
		"403":                   {json(403, "FORBIDDEN"), true, false, false},
		"403 page":              {page(403), true, false, false},
		"404":                   {json(404, "NOT_FOUND"), false, false, true},
		"404 page":              {page(404), false, false, false},
		"404 empty":             {reply(apitest.Raw(404, "application/json", "")), false, false, false},
		"404 null":              {reply(apitest.Raw(404, "application/json", "null")), false, false, false},
		"404 list":              {reply(apitest.Raw(404, "application/json", "[]")), false, false, true},
		"405":                   {json(405, "NO"), false, false, false},
		"410":                   {page(410), false, false, false},
		"422":                   {json(422, "BAD"), false, false, false},
		"408":                   {page(408), false, true, false},
		"429":                   {json(429, "SLOWLY"), false, true, false},
		"500":                   {json(500, "OOPS"), false, true, false},
		"502 page":              {page(502), false, true, false},
		"503 page":              {page(503), false, true, false},
		"a refusal with 200":    {json(200, "ACCESS_VIOLATION"), true, false, false},
		"a refusal with 403":    {json(403, "ACCESS_VIOLATION"), true, false, false},
		"other errors with 200": {json(200, "NOT_FOUND"), false, false, false},
		"a captive portal":      {reply(apitest.HTML()), false, true, false},
		"empty":                 {reply(apitest.Empty()), false, true, false},
		"truncated":             {reply(apitest.Truncated()), false, true, false},
		"half":                  {reply(apitest.HalfBody()), false, true, false},
		"reset":                 {reply(apitest.Reset()), false, true, false},
		"a notice":              {reply(apitest.Notice()), false, true, false},
		"204":                   {reply(apitest.Raw(204, "", "")), false, true, false},
		"the old API's failure": {reply(apitest.Code("0003")), false, true, false},
		"no data":               {reply(apitest.JSON(`{"errors":[]}`)), false, true, false},
	} {
		for _, shape := range []apitest.V1Errors{apitest.ErrorsText, apitest.ErrorsObjects, apitest.ErrorsMap} {
			if c.temporary && shape != apitest.ErrorsText {
				continue // what is tried again takes long
			}
			tree := apitest.NewTree(root)
			tree.AddFile("x")
			s, client := startV1(t, apitest.Options{Tree: tree, V1: apitest.V1Options{ErrorsShape: shape}})
			s.SetAskFault(apitest.EveryAsk(c.reply))
			check := func(err error) {
				if err == nil || apiclient.IsAuth(err) != c.auth || apiclient.IsTemporary(err) != c.temporary || apiclient.IsNotExist(err) != c.notExist || apiclient.IsChanged(err) || apiclient.IsTooLarge(err) || apiclient.IsClock(err) {
					t.Errorf("%s: auth %v, temporary %v, not exist %v: %v", name, apiclient.IsAuth(err), apiclient.IsTemporary(err), apiclient.IsNotExist(err), err)
				} else if !strings.HasPrefix(err.Error(), "v1 ") || strings.ContainsAny(err.Error(), "\n<") {
					t.Errorf("%s: error %q", name, err)
				}
			}
			var calls sync.WaitGroup
			calls.Go(func() {
				_, err := client.Files(t.Context(), apiclient.FilesRequest{Path: root, Levels: 1})
				check(err)
			})
			calls.Go(func() {
				_, err := client.File(t.Context(), tree.Full("x"), nil)
				check(err)
			})
			calls.Go(func() {
				_, err := client.Open(t.Context(), apiclient.Range{Path: tree.Full("x"), Length: 1, Size: 1})
				check(err)
			})
			wg.Go(func() {
				calls.Wait()
				n := s.Calls()
				if c.temporary && (n.V1 < 3*2 || n.V1 > 3*6) || !c.temporary && n.V1 != 3 || n.Content != 0 {
					t.Errorf("%s: %d calls though it is temporary: %v; %d downloads", name, n.V1, c.temporary, n.Content)
				}
			})
		}
	}
	wg.Wait()
}

func TestV1RecoversAndHonoursRetryAfter(t *testing.T) {
	t.Parallel()
	tree := apitest.Flat(root, 3)
	s, c := startV1(t, apitest.Options{Tree: tree}, func(o *apiclient.Options) { o.Timeout = 30 * time.Second })
	s.SetAskFault(apitest.FirstAsks(1, apitest.AskFiles, reply(apitest.RetryAfter(429, time.Second))))
	began := time.Now()
	if _, err := c.Files(t.Context(), apiclient.FilesRequest{Path: root, Levels: 1}); err != nil || time.Since(began) < time.Second {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
	s.ResetCalls()
	s.SetAskFault(apitest.FirstAsks(4, apitest.AskFiles, reply(apitest.Status(503))))
	if f, err := c.Files(t.Context(), apiclient.FilesRequest{Path: root, Levels: 1}); err != nil || len(f.Entries) != 3 {
		t.Error(err)
	}
	if n := s.Calls().FilesTotal(); n != 5 {
		t.Errorf("%d calls, want 5", n)
	}
}

func TestV1WrongSecret(t *testing.T) {
	s, c := startV1(t, apitest.Options{Tree: apitest.Flat(root, 3)}, func(o *apiclient.Options) { o.Secret = "not the secret" })
	_, err := c.Files(t.Context(), apiclient.FilesRequest{Path: root, Levels: 1})
	if !apiclient.IsAuth(err) || apiclient.IsTemporary(err) || apiclient.IsNotExist(err) || strings.Contains(err.Error(), "not the secret") {
		t.Errorf("error %v", err)
	}
	if n := s.Calls().V1; n != 1 {
		t.Errorf("%d calls", n)
	}
}

func TestV1FollowsNoRedirect(t *testing.T) {
	t.Parallel()
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	tree := apitest.Flat(root, 3)
	s, c := startV1(t, apitest.Options{Tree: tree})
	files, _ := tree.Paths()
	for _, kind := range []apitest.AskKind{apitest.AskFiles, apitest.AskLink, apitest.AskContent} {
		for _, to := range []string{other.URL + "/login?secure=abc", s.DownloadURL(), "/v1/elsewhere?secure=abc"} {
			s.SetAskFault(apitest.EveryAsk(reply(apitest.Redirect(to)), kind))
			var err error
			if kind == apitest.AskFiles {
				_, err = c.Files(t.Context(), apiclient.FilesRequest{Path: root, Levels: 1})
			} else {
				size, _ := tree.File(files[0])
				_, err = c.Open(t.Context(), apiclient.Range{Path: tree.Full(files[0]), Length: 1, Size: size.Size})
			}
			if err == nil || !strings.Contains(err.Error(), "not followed") || strings.Contains(err.Error(), "secure=") || apiclient.IsNotExist(err) || apiclient.IsChanged(err) {
				t.Errorf("%v to %s: %v", kind, to, err)
			}
		}
	}
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("%d requests went elsewhere", n)
	}
	cleanCalls(t, s)
}

// Calls of both APIs share the places for calls.
func TestCallsOfBothAPIsAreBoundedTogether(t *testing.T) {
	const limit, callers = 3, 12
	tree := apitest.NewTree(root)
	for i := range callers {
		tree.AddFile(fmt.Sprint(i, "/file"))
	}
	s, c := startV1(t, apitest.Options{Tree: tree, Latency: 5 * time.Millisecond}, func(o *apiclient.Options) { o.Concurrency = limit })
	var wg sync.WaitGroup
	for i := range callers {
		full := tree.Full(fmt.Sprint(i))
		wg.Go(func() {
			if _, err := c.List(t.Context(), apiclient.ListRequest{Path: full}); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if _, err := c.Files(t.Context(), apiclient.FilesRequest{Path: full, Levels: 1}); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if _, err := c.File(t.Context(), full+"/file", nil); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			file, _ := tree.File(fmt.Sprint(i, "/file"))
			b, err := c.Open(t.Context(), apiclient.Range{Path: full + "/file", Length: 1, Size: file.Size})
			if err != nil {
				t.Error(err)
				return
			}
			b.Close()
		})
	}
	wg.Wait()
	if calls := cleanCalls(t, s); calls.MaxInFlight != limit || calls.Total != callers || calls.V1 != 3*callers {
		t.Errorf("%d in flight, %d and %d calls", calls.MaxInFlight, calls.Total, calls.V1)
	}
}

// A path that v1 has no word for is not asked for as another one.
func TestV1RefusesPathsItCannotAskFor(t *testing.T) {
	s, c := startV1(t, apitest.Options{Tree: apitest.Flat(root, 3)})
	for _, path := range []string{"", "/", "sestore4", "sestore4/", "/sestore4/jb", "sestore4//jb", "sestore4/jb/", "sestore4/jb/\xff", "sestore4/jb/a\x00b", "sestore4/jb/..", "sestore4/jb/./a"} {
		if f, err := c.Files(t.Context(), apiclient.FilesRequest{Path: path, Levels: 1}); err == nil {
			t.Errorf("%q: %+v", path, got(f))
		}
		if attr, err := c.File(t.Context(), path, nil); err == nil {
			t.Errorf("%q: %+v", path, attr)
		}
	}
	if n := s.Calls().V1; n != 0 {
		t.Errorf("%d calls (%s)", n, s.Calls().LastRefusal)
	}
}

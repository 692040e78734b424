package apiclient_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sefs/apiclient"
	"sefs/apiclient/apitest"
)

// A walk that lists by v1 finds the whole tree, in every form of answers.
func TestFilesListerEqualsTheTree(t *testing.T) {
	for _, shape := range apitest.V1Shapes() {
		t.Run(shape.Name, func(t *testing.T) {
			t.Parallel()
			tree := oddTree()
			s, c := startV1(t, apitest.Options{Tree: tree, V1: shape.V1}, func(o *apiclient.Options) { o.URL, o.Key, o.Types = "", "", nil })
			var visit func(dir string, f *apiclient.Folder)
			visit = func(dir string, f *apiclient.Folder) {
				if f == nil || f.State != apiclient.Whole {
					var err error
					f, err = apiclient.FilesLister{Client: c}.List(t.Context(), apiclient.ListRequest{Path: tree.Full(dir)})
					if err != nil {
						t.Errorf("%q: %v", dir, err)
						return
					}
					if f.State != apiclient.Whole || f.Named != (len(f.Entries)+f.Hidden > 0) {
						t.Errorf("%q: state %v, named %v", dir, f.State, f.Named)
					}
				}
				if diff := cmp.Diff(told(tree, dir, hasTimes(shape.V1)), got(f)); diff != "" {
					t.Errorf("%q (-want +got):\n%s", dir, diff)
				}
				for _, e := range f.Entries {
					if e.Folder != nil {
						visit(strings.TrimPrefix(dir+"/"+e.Name, "/"), e.Folder)
					}
				}
			}
			visit("", nil)
			_, dirs := tree.Len()
			if calls := cleanCalls(t, s); calls.FilesTotal() > dirs+1 || calls.Total != 0 {
				t.Errorf("%d calls for %d folders, %d of the command API", calls.FilesTotal(), dirs+1, calls.Total)
			}
		})
	}
}

func TestFilesListerInDoubt(t *testing.T) {
	tree := apitest.NewTree(root)
	tree.AddDir("empty")
	tree.AddFile("full/a")
	tree.AddRaw("hidden", "..", apitest.File{Size: 1})
	s, c := startV1(t, apitest.Options{Tree: tree})
	lister := apiclient.FilesLister{Client: c}
	for _, c := range []struct {
		dir     string
		doubt   bool
		want    int
		entries int
	}{{"empty", false, 1, 0}, {"empty", true, 2, 0}, {"full", true, 1, 1}, {"full", false, 1, 1}} {
		s.ResetCalls()
		f, err := lister.List(t.Context(), apiclient.ListRequest{Path: tree.Full(c.dir), Doubt: c.doubt})
		if err != nil || len(f.Entries) != c.entries || f.Named != (c.entries > 0) || f.State != apiclient.Whole {
			t.Errorf("%+v: %+v, error %v", c, f, err)
		}
		asks := map[apitest.Ask]int{{Kind: apitest.AskFiles, Path: tree.Full(c.dir), Recursive: 1}: c.want}
		if diff := cmp.Diff(asks, cleanCalls(t, s).Files); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", c, diff)
		}
	}
	// The second answer counts, whatever the first left out.
	s.SetAskFault(apitest.FirstAsks(1, apitest.AskFiles, reply(apitest.JSON(`{"data":[],"errors":[]}`))))
	s.ResetCalls()
	if f, err := lister.List(t.Context(), apiclient.ListRequest{Path: tree.Full("full"), Doubt: true}); err != nil || len(f.Entries) != 1 {
		t.Errorf("%+v, error %v", f, err)
	}
	// One that fails is no listing.
	s.SetAskFault(func(_ apitest.Ask, n int) apitest.AskReply {
		if n == 1 {
			return reply(apitest.JSON(`{"data":[],"errors":[]}`))
		}
		return apitest.V1Failure(403, "ACCESS_VIOLATION")
	})
	s.ResetCalls()
	if f, err := lister.List(t.Context(), apiclient.ListRequest{Path: tree.Full("full"), Doubt: true}); !apiclient.IsAuth(err) || f != nil {
		t.Errorf("%+v, error %v", f, err)
	}
	s.SetAskFault(nil)
	if _, err := lister.List(t.Context(), apiclient.ListRequest{Path: tree.Full("nothing"), Doubt: true}); !apiclient.IsNotExist(err) {
		t.Errorf("error %v", err)
	}
}

// The folder's name only is no listing, however it is asked for.
func TestFilesOfAServiceThatTellsNamesOnly(t *testing.T) {
	for _, answer := range []string{
		`{"data":{"name":"x","path":"x","type":"directory"},"errors":[]}`,
		`{"data":[{"name":"x","path":"x","type":"folder","contents":null}]}`,
	} {
		tree := apitest.NewTree(root)
		tree.AddDir("x")
		s, c := startV1(t, apitest.Options{Tree: tree})
		s.SetAskFault(apitest.EveryAsk(reply(apitest.JSON(answer))))
		for levels, want := range map[int]int{0: 2, 1: 1, 8: 1} {
			s.ResetCalls()
			f, err := c.Files(t.Context(), apiclient.FilesRequest{Path: tree.Full("x"), Levels: levels})
			if err == nil || f != nil || !apiclient.IsTemporary(err) || !strings.Contains(err.Error(), "name only") {
				t.Errorf("levels %d: %+v, error %v", levels, f, err)
			}
			if n := s.Calls().FilesTotal(); n != want {
				t.Errorf("levels %d: %d calls, want %d", levels, n, want)
			}
		}
		if f, err := (apiclient.FilesLister{Client: c}).List(t.Context(), apiclient.ListRequest{Path: tree.Full("x")}); err == nil {
			t.Errorf("%+v", f)
		}
	}
}

// What is not understood of level 0 must not hide level 1's answer.
func TestFilesLevelZeroThatFails(t *testing.T) {
	s, c := startV1(t, apitest.Options{Tree: apitest.Flat(root, 3)})
	s.SetAskFault(func(a apitest.Ask, n int) apitest.AskReply {
		if a.Recursive == 0 {
			return reply(apitest.Status(503))
		}
		return apitest.AskReply{}
	})
	if f, err := c.Files(t.Context(), apiclient.FilesRequest{Path: root}); err == nil || f != nil {
		t.Errorf("a failure became %+v", f)
	}
}

func TestFilesEndWithTheirContext(t *testing.T) {
	s, c := startV1(t, apitest.Options{Tree: apitest.Flat(root, 3)}, func(o *apiclient.Options) { o.Concurrency = 1 })
	s.SetAskFault(apitest.EveryAsk(reply(apitest.Hang())))
	ctx, cancel := withCancel(t)
	ended := make(chan error, 2)
	for range 2 { // one waits for an answer, the other for the place
		go func() {
			_, err := c.Files(ctx, apiclient.FilesRequest{Path: root})
			ended <- err
		}()
	}
	for s.Calls().V1 == 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	for range 2 {
		if err := within(t, ended); !errors.Is(err, context.Canceled) || apiclient.IsTemporary(err) {
			t.Errorf("error %v", err)
		}
	}
	s.SetAskFault(nil)
	if _, err := c.Files(t.Context(), apiclient.FilesRequest{Path: root}); err != nil {
		t.Error(err)
	}
	// One that runs out of time says what the tries before met.
	var tried atomic.Bool
	s.SetAskFault(func(apitest.Ask, int) apitest.AskReply {
		if !tried.Swap(true) {
			return reply(apitest.Status(503))
		}
		return reply(apitest.Hang())
	})
	ctx, cancel = context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	_, err := c.Files(ctx, apiclient.FilesRequest{Path: root})
	if !errors.Is(err, context.DeadlineExceeded) || !apiclient.IsTemporary(err) || !strings.Contains(err.Error(), "503") {
		t.Errorf("error %v", err)
	}
}

func TestNewChecksV1Options(t *testing.T) {
	good := apiclient.Options{URL: "https://a/", FilesURL: "https://b/v1", Key: "k", Secret: "s", CDN: 1, Types: []string{"video"}}
	for name, c := range map[string]struct {
		change func(*apiclient.Options)
		ok     bool
	}{
		"both":             {func(*apiclient.Options) {}, true},
		"v1 alone":         {func(o *apiclient.Options) { o.URL, o.Key, o.Types = "", "", nil }, true},
		"no v1":            {func(o *apiclient.Options) { o.FilesURL = "" }, true},
		"neither":          {func(o *apiclient.Options) { o.URL, o.FilesURL = "", "" }, false},
		"no secret":        {func(o *apiclient.Options) { o.Secret = "" }, false},
		"no CDN":           {func(o *apiclient.Options) { o.CDN = 0 }, false},
		"no key":           {func(o *apiclient.Options) { o.Key = "" }, false},
		"http":             {func(o *apiclient.Options) { o.FilesURL = "http://b/v1/" }, false},
		"with a password":  {func(o *apiclient.Options) { o.FilesURL = "https://a:b@b/v1/" }, false},
		"with a query":     {func(o *apiclient.Options) { o.FilesURL = "https://b/v1/?a=b" }, false},
		"not an address":   {func(o *apiclient.Options) { o.FilesURL = "b/v1" }, false},
		"another protocol": {func(o *apiclient.Options) { o.FilesURL = "sftp://b/v1" }, false},
	} {
		o := good
		c.change(&o)
		client, err := apiclient.New(o)
		if (err == nil) != c.ok {
			t.Errorf("%s: error %v", name, err)
		}
		if err == nil {
			client.Close()
		}
	}
	// A slash at the end makes no difference.
	for _, slash := range []string{"", "/", "//"} {
		s, c := startV1(t, apitest.Options{Tree: apitest.Flat(root, 3)}, func(o *apiclient.Options) { o.FilesURL = strings.TrimRight(o.FilesURL, "/") + slash })
		if f, err := c.Files(t.Context(), apiclient.FilesRequest{Path: root}); err != nil || len(f.Entries) != 3 {
			t.Errorf("%q: %v (%s)", slash, err, s.Calls().LastRefusal)
		}
	}
}

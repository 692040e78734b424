package fs

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sefs/apiclient/apitest"
)

// eachLister runs a test with both listers.
func eachLister(t *testing.T, test func(t *testing.T, lister string)) {
	for _, lister := range []string{"files.list", "v1"} {
		t.Run(lister, func(t *testing.T) { test(t, lister) })
	}
}

// v1 lists what files.list does, and needs no call of the command API. Sizes come with
// the names, and a second walk makes no call.
func TestV1ListsAlike(t *testing.T) {
	t.Parallel()
	tree := apitest.Generate(root, apitest.Gen{Seed: 9, Folders: 4, Depth: 3, Files: 40, OddNames: true})
	f := mount(t, setup{service: apitest.Options{Tree: tree}, lister: "v1"})
	if diff := cmp.Diff(want(tree), f.find()); diff != "" {
		t.Error(diff)
	}
	first := f.service.Calls()
	if diff := cmp.Diff(wantSizes(tree, false), f.sizes()); diff != "" {
		t.Error(diff)
	}
	calls := f.service.Calls()
	_, dirs := tree.Len()
	if calls.Total > 0 || first.V1 > dirs+1 || calls.V1 != first.V1 {
		t.Errorf("%d calls of the command API; %d of v1 for %d folders, then %d", calls.Total, first.V1, dirs+1, calls.V1-first.V1)
	}
	t.Logf("%d calls of v1 for %d folders", first.V1, dirs+1)
}

// However v1 fails, a folder that is not known is an error: never empty, never part of
// it, never "No such file".
func TestV1ListerFails(t *testing.T) {
	for name, c := range map[string]struct {
		reply apitest.AskReply
		errno syscall.Errno
	}{
		"HTTP 500":  {apitest.AskReply{Reply: apitest.Status(500)}, syscall.EIO},
		"HTTP 404":  {apitest.AskReply{Reply: apitest.Status(404)}, syscall.EIO},
		"HTTP 403":  {apitest.V1Failure(403, "ACCESS_VIOLATION"), syscall.EACCES},
		"an error":  {apitest.V1Failure(200, "WHATEVER"), syscall.EIO},
		"HTML":      {apitest.AskReply{Reply: apitest.HTML()}, syscall.EIO},
		"half":      {apitest.AskReply{Reply: apitest.HalfBody()}, syscall.EIO},
		"truncated": {apitest.AskReply{Reply: apitest.Truncated()}, syscall.EIO},
		"no data":   {apitest.AskReply{Reply: apitest.JSON(`{"errors":[]}`)}, syscall.EIO},
		"hang":      {apitest.AskReply{Reply: apitest.Hang()}, syscall.EIO},
		"redirect":  {apitest.AskReply{Reply: apitest.Redirect("http://127.0.0.1:1/")}, syscall.EIO},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := apitest.NewTree(root)
			for i := range 50 {
				tree.AddFile(fmt.Sprintf("dir/below/%03d", i))
			}
			f := mount(t, setup{service: apitest.Options{Tree: tree}, lister: "v1", timeout: 3 * time.Second})
			f.ls("")
			f.service.SetAskFault(apitest.AskAt(root+"/dir/below", c.reply, apitest.AskFiles))
			text := map[syscall.Errno]string{syscall.EIO: "Input/output error", syscall.EACCES: "Permission denied"}[c.errno]
			if _, errs, err := f.run("ls", f.dir+"/dir/below"); err == nil || !strings.Contains(errs, text) {
				t.Errorf("ls: %v: %s", err, errs)
			}
			_, err := os.Lstat(f.dir + "/dir/below/missing")
			wantErrno(t, "lstat of a missing name", err, c.errno)
			f.service.SetAskFault(nil)
			eventually(t, "it works again", func() bool {
				out, _, err := f.run("ls", f.dir+"/dir/below")
				return err == nil && strings.Count(out, "\n") == 50
			})
		})
	}
}

// The mounted folder is not shown empty because v1 tells nothing of it, and an older
// listing stands in for a failing v1.
func TestV1ForgetsTheRoot(t *testing.T) {
	t.Parallel()
	tree := apitest.NewTree(root)
	tree.AddFile("a")
	f := mount(t, setup{service: apitest.Options{Tree: tree}, lister: "v1", ttl: shortTTL, stale: time.Hour})
	f.ls("")
	for _, nothing := range []apitest.AskReply{
		{Reply: apitest.JSON(`{"data":[],"errors":[]}`)}, {Reply: apitest.JSON(`{"data":null,"errors":[]}`)}, apitest.V1Failure(404, "NOT_FOUND"),
	} {
		f.service.SetAskFault(apitest.EveryAsk(nothing, apitest.AskFiles))
		f.expire("")
		_, err := os.ReadDir(f.dir)
		wantErrno(t, "readdir", err, syscall.EIO)
	}
	f.service.SetAskFault(apitest.EveryAsk(apitest.AskReply{Reply: apitest.Status(503)}, apitest.AskFiles))
	if got := f.ls(""); got != "a" {
		t.Errorf("while v1 fails: %q", got)
	}
}

// Looked up names follow what happens remotely, within the TTL.
func TestLookupsFollowTheService(t *testing.T) {
	eachLister(t, func(t *testing.T, lister string) {
		t.Parallel()
		tree := apitest.NewTree(root)
		tree.AddFile("turns")
		tree.AddFile("goes")
		tree.AddFile("stays")
		f := mount(t, setup{service: apitest.Options{Tree: tree}, ttl: shortTTL, lister: lister})
		kind := func(name string) string {
			st, err := os.Lstat(filepath.Join(f.dir, name))
			switch {
			case os.IsNotExist(err):
				return "missing"
			case err != nil:
				return err.Error()
			case st.IsDir():
				return "folder"
			}
			return "file"
		}
		all := func() []string { return []string{kind("turns"), kind("goes"), kind("stays"), kind("comes")} }
		if got := all(); !slices.Equal(got, []string{"file", "file", "file", "missing"}) {
			t.Fatalf("at first: %q", got)
		}
		tree.Remove("turns")
		tree.AddFile("turns/within")
		tree.Remove("goes")
		tree.AddFile("comes")
		expect := []string{"folder", "missing", "file", "file"}
		eventually(t, "the changes show", func() bool { return slices.Equal(all(), expect) })
		if got := f.ls("turns"); got != "within" {
			t.Errorf("the new folder shows %q", got)
		}
	})
}

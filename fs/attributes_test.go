package fs

import (
	"errors"
	"fmt"
	"io"
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

// wantSizes is what find has to print of a tree's files: sizes, and times as they are told.
func wantSizes(tree *apitest.Tree, timed bool) []string {
	files, dirs := tree.PathsOf("includeinvalid")
	var all []string
	for _, path := range files {
		if slices.Contains(dirs, path) {
			continue // what is both is a folder
		}
		file, _ := tree.File(path)
		at := int64(0)
		if timed {
			at = file.Time.Unix()
		}
		all = append(all, fmt.Sprintf("%d %d %s", file.Size, at, path))
	}
	return sorted(all)
}

// sizes is what find prints of the mount's files.
func (f *fixture) sizes() []string {
	f.t.Helper()
	out := f.must("find", f.dir, "-type", "f", "-printf", `%s %Ts %P\0`)
	return sorted(strings.Split(strings.TrimSuffix(out, "\x00"), "\x00"))
}

// Whatever form v1 answers in, each file has its size, and its time where one is told.
// Both listers come to the same.
func TestSizesInEveryShape(t *testing.T) {
	for _, shape := range apitest.V1Shapes() {
		t.Run(shape.Name, func(t *testing.T) {
			bulk(t)
			t.Parallel()
			tree := apitest.Generate(root, apitest.Gen{Seed: 5, Folders: 4, Depth: 2, Files: 30, OddNames: true})
			timed := shape.V1.Time != apitest.TimeNone && shape.V1.Time != apitest.TimeZero
			for _, lister := range []string{"files.list", "v1"} {
				f := mount(t, setup{service: apitest.Options{Tree: tree, V1: shape.V1}, lister: lister})
				if diff := cmp.Diff(wantSizes(tree, timed), f.sizes()); diff != "" {
					t.Errorf("%s: %s", lister, diff)
				}
				if calls := f.service.Calls(); calls.Rejected > 0 || calls.Leaks > 0 {
					t.Errorf("%s: %+v", lister, calls)
				}
				f.unmount()
				f.service.Close()
			}
		})
	}
}

// Names cost no call of v1; sizes cost one for each folder that has sub-folders, and a
// second walk costs none.
func TestCallsForSizes(t *testing.T) {
	t.Parallel()
	tree := apitest.Nested(root, 10, 2, 3)
	f := mount(t, setup{service: apitest.Options{Tree: tree}})
	f.find()
	f.must("ls", "-R", f.dir)
	f.must("find", f.dir, "-type", "f", "-name", "*.mp4")
	if n := f.service.Calls().V1; n != 0 {
		t.Errorf("%d calls of v1 for names", n)
	}
	for _, program := range [][]string{{"ls", "-lR"}, {"du", "-a"}, {"find", "-size", "+1M"}, {"ls", "-lR", "--color=always"}} {
		args := append(append([]string{}, program[1:]...), f.dir)
		if program[0] == "find" {
			args = append([]string{f.dir}, program[1:]...)
		}
		f.must(program[0], args...)
		calls := f.service.Calls()
		t.Logf("%v: %d calls of v1 for 111 folders", program, calls.V1)
		if calls.V1 > 12 || calls.V1 != calls.FilesTotal() {
			t.Errorf("%v: %d calls of v1", program, calls.V1)
		}
		for ask, n := range calls.Files {
			if n > 1 || ask.Alone {
				t.Errorf("%+v was asked %d times", ask, n)
			}
		}
	}
	f.service.ResetCalls()
	f.must("ls", "-lR", f.dir)
	if n := f.service.Calls().V1; n != 0 {
		t.Errorf("%d calls of v1 in a second walk", n)
	}
}

// du counts what the files have, and df what is known of.
func TestDiskUsage(t *testing.T) {
	f := mount(t, setup{})
	want := fmt.Sprintf("%d\t%s\n", 1504025+746739, f.dir)
	if got := f.must("du", "-sb", f.dir); got != want {
		t.Errorf("du: %q, want %q", got, want)
	}
	if got := f.must("df", "--output=itotal,used,avail", f.dir); !strings.Contains(got, "     3 ") {
		t.Errorf("df: %s", got)
	}
}

// A file that v1 does not know, or tells no size of, is listed with size 0 and cannot be
// opened: an empty copy would look like success.
func TestUnknownSizes(t *testing.T) {
	t.Parallel()
	build := func() *apitest.Tree {
		tree := apitest.NewTree(root)
		for name, view := range map[string]apitest.V1View{"alone": apitest.V1Alone, "absent": apitest.V1Absent,
			"nosize": apitest.V1NoSize, "link": apitest.V1Symlink, "lost-link": apitest.V1SymlinkNoSize, "other": apitest.V1OtherType, "plain": 0} {
			tree.Add(name+".mp4", apitest.File{Size: 300_000, Kind: apitest.Video, V1: view})
		}
		tree.Add("v1-only.mp4", apitest.File{Size: 9, Kind: apitest.Video, V1Only: true})
		return tree
	}
	unknown := map[string]bool{"absent.mp4": true, "nosize.mp4": true, "lost-link.mp4": true}
	f := mount(t, setup{service: apitest.Options{Tree: build()}})
	for range 2 {
		entries, err := os.ReadDir(f.dir)
		if err != nil || len(entries) != 7 {
			t.Fatalf("%d entries, error %v", len(entries), err)
		}
		for _, e := range entries {
			info, err := e.Info()
			if err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(filepath.Join(f.dir, e.Name()))
			switch {
			case unknown[e.Name()]:
				if info.Size() != 0 || !errors.Is(err, syscall.EIO) {
					t.Errorf("%s: size %d, %d bytes, error %v", e.Name(), info.Size(), len(data), err)
				}
			case info.Size() != 300_000 || err != nil || string(data) != string(f.service.Tree().Bytes(e.Name())):
				t.Errorf("%s: size %d, %d bytes, error %v", e.Name(), info.Size(), len(data), err)
			}
		}
	}
	calls := f.service.Calls()
	for ask, n := range calls.Files {
		if n != 1 {
			t.Errorf("%+v was asked %d times", ask, n)
		}
	}
	if s := f.listings.Stats(); s.Unknown != 3 || s.Singles != 4 || calls.FilesTotal() != 5 {
		t.Errorf("%+v; %d calls", s, calls.FilesTotal())
	}
	if _, errs, err := f.run("cp", f.dir+"/absent.mp4", t.TempDir()); err == nil || !strings.Contains(errs, "Input/output error") {
		t.Errorf("cp: %v: %s", err, errs)
	}

	s := mount(t, setup{service: apitest.Options{Tree: build()}, stream: true})
	for name := range unknown {
		want := string(s.service.Tree().Bytes(name))
		if name == "absent.mp4" {
			continue // v1 has no link to it either
		}
		if got := s.must("cat", filepath.Join(s.dir, name)); got != want {
			t.Errorf("%s: %d bytes, other than the file's", name, len(got))
		}
		if got := s.must("tail", "-c", "1000", filepath.Join(s.dir, name)); !strings.HasSuffix(want, got) || got == "" {
			t.Errorf("tail of %s: %d bytes, other than the file's", name, len(got))
		}
	}
}

// If a folder's answer leaves out more than a few, it is taken as cut: no calls for single
// files, and no size that is made up.
func TestCutAnswer(t *testing.T) {
	f := mount(t, setup{service: apitest.Options{Tree: apitest.Flat(root, 300), V1: apitest.V1Options{Cap: 150}}})
	entries, err := os.ReadDir(f.dir)
	if err != nil || len(entries) != 300 {
		t.Fatalf("%d entries, error %v", len(entries), err)
	}
	known := 0
	for _, e := range entries {
		info, err := os.Lstat(filepath.Join(f.dir, e.Name()))
		file, _ := f.service.Tree().File(e.Name())
		switch {
		case err == nil && info.Size() == file.Size:
			known++
		case !errors.Is(err, syscall.EIO):
			t.Fatalf("%s: %v, error %v", e.Name(), info, err)
		}
	}
	if calls := f.service.Calls(); known != 150 || calls.FilesTotal() != 1 {
		t.Errorf("%d sizes are known, by %d calls", known, calls.FilesTotal())
	}
}

// While v1 fails, names are there and sizes are an error; it is never a size of 0.
func TestV1Fails(t *testing.T) {
	for name, c := range map[string]struct {
		reply apitest.AskReply
		errno syscall.Errno
	}{
		"HTTP 500":  {apitest.AskReply{Reply: apitest.Status(500)}, syscall.EIO},
		"HTTP 403":  {apitest.V1Failure(403, "ACCESS_VIOLATION"), syscall.EACCES},
		"HTTP 401":  {apitest.V1Failure(401), syscall.EACCES},
		"an error":  {apitest.V1Failure(200, "WHATEVER"), syscall.EIO},
		"404 HTML":  {apitest.AskReply{Reply: apitest.Status(404)}, syscall.EIO},
		"HTML":      {apitest.AskReply{Reply: apitest.HTML()}, syscall.EIO},
		"half":      {apitest.AskReply{Reply: apitest.HalfBody()}, syscall.EIO},
		"truncated": {apitest.AskReply{Reply: apitest.Truncated()}, syscall.EIO},
		"nothing":   {apitest.AskReply{Reply: apitest.Empty()}, syscall.EIO},
		"reset":     {apitest.AskReply{Reply: apitest.Reset()}, syscall.EIO},
		"hang":      {apitest.AskReply{Reply: apitest.Hang()}, syscall.EIO},
		"drip":      {apitest.AskReply{Reply: apitest.Drip(100 * time.Millisecond)}, syscall.EIO},
		"redirect":  {apitest.AskReply{Reply: apitest.Redirect("http://127.0.0.1:1/")}, syscall.EIO},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := mount(t, setup{timeout: 3 * time.Second})
			f.service.SetAskFault(apitest.EveryAsk(c.reply, apitest.AskFiles))
			_, errs, err := f.run("stat", f.dir+"/movie.mp4")
			want := map[syscall.Errno]string{syscall.EIO: "Input/output error", syscall.EACCES: "Permission denied"}[c.errno]
			if err == nil || !strings.Contains(errs, want) {
				t.Errorf("stat: %v: %s", err, errs)
			}
			if got := f.ls(""); got != "folder1 movie.mp4" {
				t.Errorf("names while v1 fails: %q", got)
			}
			f.service.SetAskFault(nil)
			eventually(t, "it works again", func() bool {
				info, err := os.Lstat(f.dir + "/movie.mp4")
				return err == nil && info.Size() == 1504025
			})
		})
	}
}

// Older sizes stand in for a failing v1 as older listings do, and no longer.
func TestStaleSizes(t *testing.T) {
	t.Parallel()
	f := mount(t, setup{ttl: shortTTL, stale: time.Hour})
	f.sizes()
	f.service.SetFault(apitest.Always(apitest.Status(503)))
	f.service.SetAskFault(apitest.EveryAsk(apitest.AskReply{Reply: apitest.Status(503)}))
	f.expire("")
	time.Sleep(2 * shortTTL) // the kernel's own time
	if info, err := os.Lstat(f.dir + "/movie.mp4"); err != nil || info.Size() != 1504025 {
		t.Errorf("%v, error %v", info, err)
	}
	f.service.SetFault(nil)
	f.service.SetAskFault(apitest.EveryAsk(apitest.V1Failure(403, "ACCESS_VIOLATION"), apitest.AskFiles))
	eventually(t, "a refusal shows", func() bool {
		_, err := os.Lstat(f.dir + "/movie.mp4")
		return errors.Is(err, syscall.EACCES)
	})
}

// A backup sees the time that the service tells, as the time of the last change of any
// kind, and never the present.
func TestTimes(t *testing.T) {
	f := mount(t, setup{service: apitest.Options{V1: apitest.V1Options{Time: apitest.TimeText}}})
	file, _ := f.service.Tree().File("movie.mp4")
	var st syscall.Stat_t
	if err := syscall.Lstat(f.dir+"/movie.mp4", &st); err != nil {
		t.Fatal(err)
	}
	if want := file.Time.Unix(); st.Mtim.Sec != want || st.Ctim.Sec != want || st.Atim.Sec != want || st.Mtim.Nsec != 0 {
		t.Errorf("%+v, want %d", st, want)
	}
	file2, err := os.Open(f.dir + "/movie.mp4")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, file2)
	_ = file2.Close()
	var after syscall.Stat_t
	if err := syscall.Lstat(f.dir+"/movie.mp4", &after); err != nil || after != st {
		t.Errorf("after reading: %+v, error %v", after, err)
	}
}

package fs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"sefs/apiclient"
	"sefs/apiclient/apitest"
	"sefs/cache"
)

// However the service fails, ls of a folder that is not known fails, in bounded time:
// it is never empty, never part of the folder, never "No such file".
func TestServiceFails(t *testing.T) {
	for name, c := range map[string]struct {
		reply apitest.Reply
		errno syscall.Errno
	}{
		"HTTP 500":       {apitest.Status(500), syscall.EIO},
		"HTTP 404":       {apitest.Status(404), syscall.EIO},
		"HTTP 429":       {apitest.Status(429), syscall.EIO},
		"HTTP 403":       {apitest.Status(403), syscall.EACCES},
		"overloaded":     {apitest.Code("1000"), syscall.EIO},
		"unexpected":     {apitest.CodeNumber("0004"), syscall.EIO},
		"other failure":  {apitest.Code("0815"), syscall.EIO},
		"wrong key":      {apitest.Code("0001"), syscall.EACCES},
		"wrong secret":   {apitest.Code("0003"), syscall.EACCES},
		"wrong clock":    {apitest.Code("0002"), syscall.EIO},
		"not authorised": {apitest.Code("0005"), syscall.EACCES},
		"HTML":           {apitest.HTML(), syscall.EIO},
		"half a body":    {apitest.HalfBody(), syscall.EIO},
		"truncated JSON": {apitest.Truncated(), syscall.EIO},
		"nothing":        {apitest.Empty(), syscall.EIO},
		"reset":          {apitest.Reset(), syscall.EIO},
		"null":           {apitest.JSON("null"), syscall.EIO},
		"a notice":       {apitest.Notice(), syscall.EIO},
		"deep nesting":   {apitest.Deep(100_000), syscall.EIO},
		"endless":        {apitest.Endless(), syscall.EIO},
		"black hole":     {apitest.Hang(), syscall.EIO},
		"slow drip":      {apitest.Drip(100 * time.Millisecond), syscall.EIO},
		"redirect":       {apitest.Redirect("http://127.0.0.1:1/"), syscall.EIO},
		"cut for ever":   {apitest.CutAt(100, 1000), syscall.EIO},
		"no progress":    {apitest.CutAt(0, 1000), syscall.EIO},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := apitest.NewTree(root)
			for i := range 250 { // more than the first answer tells
				tree.AddFile(fmt.Sprintf("dir/%03d", i))
			}
			f := mount(t, setup{service: apitest.Options{Tree: tree, Order: apitest.FolderOnly}, timeout: 3 * time.Second})
			f.ls("")
			f.service.SetFault(apitest.At(root+"/dir", c.reply))
			_, errs, err := f.runFor(30*time.Second, "ls", f.dir+"/dir")
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() == 0 || !strings.Contains(errs, map[syscall.Errno]string{
				syscall.EIO: "Input/output error", syscall.EACCES: "Permission denied"}[c.errno]) {
				t.Errorf("ls: %v: %s", err, errs)
			}
			_, err = os.Lstat(f.dir + "/dir/007")
			wantErrno(t, "lstat of a file", err, c.errno)
			_, err = os.Lstat(f.dir + "/dir/missing")
			wantErrno(t, "lstat of a missing name", err, c.errno)
			if got := f.ls(""); got != "dir" {
				t.Errorf("what is known shows %q", got)
			}
			f.service.SetFault(nil)
			eventually(t, "it works again", func() bool {
				out, _, err := f.run("ls", f.dir+"/dir")
				return err == nil && strings.Count(out, "\n") == 250
			})
		})
	}
}

// A fault on any page of a folder is a failure of the whole folder.
func TestFaultOnEachPage(t *testing.T) {
	tree := apitest.Flat(root, 450)
	for offset := 0; offset < 500; offset += 100 {
		f := mount(t, setup{service: apitest.Options{Tree: tree}})
		f.service.SetFault(func(c apitest.Call, _ int) apitest.Reply {
			if max(c.Offset, 0) == offset {
				return apitest.Code("0006")
			}
			return apitest.Reply{}
		})
		_, err := os.ReadDir(f.dir)
		wantErrno(t, fmt.Sprint("fault at ", offset), err, syscall.EIO)
		f.service.SetFault(nil)
		if all, err := os.ReadDir(f.dir); err != nil || len(all) != 450 {
			t.Errorf("afterwards: %d entries, error %v", len(all), err)
		}
		f.unmount()
		f.service.Close()
	}
}

// The mounted folder is not shown empty because the service forgot it.
func TestRootIsForgotten(t *testing.T) {
	t.Parallel()
	tree := apitest.NewTree(root)
	tree.AddFile("a")
	f := mount(t, setup{service: apitest.Options{Tree: tree}, ttl: shortTTL})
	f.ls("")
	f.service.SetFault(apitest.At(root, apitest.AsIf(apitest.Call{Path: root + "/unknown", Offset: -1})))
	f.expire("")
	_, err := os.ReadDir(f.dir)
	wantErrno(t, "readdir", err, syscall.EIO)
}

// An interrupted caller is let go at once and takes nothing from the others.
func TestInterruptedCaller(t *testing.T) {
	t.Parallel()
	f := mount(t, setup{})
	held := make(chan struct{})
	f.service.SetFault(apitest.Always(apitest.Hold(held)))
	list := func() (*exec.Cmd, *strings.Builder) {
		cmd, out := exec.Command("ls", f.dir), &strings.Builder{}
		cmd.Stdout = out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd, out
	}
	impatient, _ := list()
	patient, out := list()
	eventually(t, "the call is made", func() bool { return f.service.Calls().Total == 1 })
	// That the kernel has asked cannot be seen from outside; a signal that comes before
	// ends ls all the same.
	if err := impatient.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = impatient.Wait() }()
	select {
	case <-ended:
	case <-time.After(patience / 2):
		t.Error("the interrupted caller is still there")
		_ = impatient.Process.Kill()
	}
	close(held)
	if err := patient.Wait(); err != nil || out.String() != "folder1\nmovie.mp4\n" {
		t.Errorf("the other caller got %q, error %v", out, err)
	}
	if n := f.service.Calls().Total; n != 1 {
		t.Errorf("%d calls", n)
	}
}

// A folder whose pages keep arriving may take several times the timeout: two hundred
// pages, 30 ms each at least, take twice as long.
func TestHugeFolderThatTakesLong(t *testing.T) {
	t.Parallel()
	f := mount(t, setup{
		service: apitest.Options{Tree: apitest.Flat(root, 20_000), Latency: 30 * time.Millisecond},
		timeout: 3 * time.Second, concurrency: 1,
	})
	if out := f.must("ls", "-f", f.dir); strings.Count(out, "\n") != 20_002 {
		t.Errorf("%d names", strings.Count(out, "\n"))
	}
	if n := f.service.Calls().Total; n != 200 && n != 201 {
		t.Errorf("%d calls, want 200 or 201", n)
	}
}

// The load of a caller that gave up goes on; the next caller finds what it brought.
func TestLoadOutlivesItsCaller(t *testing.T) {
	t.Parallel()
	f := mount(t, setup{service: apitest.Options{Tree: apitest.Flat(root, 1000), Latency: 50 * time.Millisecond}})
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, "ls", f.dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the load begins", func() bool { return f.service.Calls().Total >= 1 })
	cancel()
	_ = cmd.Wait()
	eventually(t, "the load ends", func() bool { return f.listings.Known(root) != nil })
	f.service.ResetCalls()
	f.ls("")
	if n := f.service.Calls().Total; n != 0 {
		t.Errorf("%d calls", n)
	}
}

func TestStaleListingsAreShown(t *testing.T) {
	t.Parallel()
	f := mount(t, setup{ttl: shortTTL, stale: time.Hour})
	f.find()
	f.expire("")
	f.expire("folder1")
	f.service.SetFault(apitest.Always(apitest.Status(503)))
	if got := f.ls("") + " " + f.ls("folder1"); got != "folder1 movie.mp4 movie2.mp4" {
		t.Errorf("while the service fails: %q", got)
	}
	f.service.SetFault(apitest.Always(apitest.Code("0001")))
	eventually(t, "a refusal shows", func() bool {
		_, err := os.ReadDir(f.dir)
		return errors.Is(err, syscall.EACCES)
	})
	f.service.SetFault(nil)
	f.service.Tree().AddFile("new")
	eventually(t, "what is new shows", func() bool { return lsIs(f, "folder1\nmovie.mp4\nnew\n") })
}

// lsIs reports whether ls of the root prints exactly this.
func lsIs(f *fixture, want string) bool {
	out, _, err := f.run("ls", f.dir)
	return err == nil && out == want
}

func TestErrno(t *testing.T) {
	for _, c := range []struct {
		err  error
		want syscall.Errno
	}{
		{nil, 0},
		{context.Canceled, syscall.EINTR},
		{fmt.Errorf("list: %w", context.Canceled), syscall.EINTR},
		{context.DeadlineExceeded, syscall.EIO},
		{&apiclient.Error{Code: "0001"}, syscall.EACCES},
		{&apiclient.Error{Code: "0003"}, syscall.EACCES},
		{&apiclient.Error{Code: "0005"}, syscall.EACCES},
		{&apiclient.Error{Status: 401}, syscall.EACCES},
		{&apiclient.Error{Status: 403}, syscall.EACCES},
		{&apiclient.Error{Status: 404}, syscall.EIO},
		{&apiclient.Error{Code: "0000"}, syscall.EIO},
		{&apiclient.Error{Code: "0002"}, syscall.EIO},
		{&apiclient.Error{Code: "1000"}, syscall.EIO},
		{&apiclient.Error{Malformed: true}, syscall.EIO},
		{&apiclient.Error{Err: syscall.ECONNREFUSED}, syscall.EIO},
		{&apiclient.Error{Err: os.ErrNotExist}, syscall.EIO},
		{&apiclient.Error{Err: syscall.ENOENT}, syscall.EIO},
		{cache.ErrEmptyRoot, syscall.EIO},
		{syscall.ENAMETOOLONG, syscall.ENAMETOOLONG},
		{syscall.ENOSYS, syscall.EIO},
		{syscall.ENOENT, syscall.EIO},
		{errors.New("anything"), syscall.EIO},
	} {
		if got := errno(c.err); got != c.want {
			t.Errorf("%v: %v, want %v", c.err, got, c.want)
		}
	}
}

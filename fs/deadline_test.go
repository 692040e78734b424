package fs

import (
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"sefs/apiclient/apitest"
)

// mountThrough mounts a new service through a gate.
func mountThrough(t *testing.T, o apitest.Options, s setup) (*fixture, *gate) {
	t.Helper()
	needFUSE(t)
	service, err := apitest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(service.Close)
	g, a := newGate(t, service)
	f := mountAccount(t, a, s)
	f.service = service
	return f, g
}

// halfKnown is a tree with folders to be looked at before the network fails, called known,
// and others, called cold.
func halfKnown() *apitest.Tree {
	tree := apitest.NewTree(root)
	for i := range 4 {
		for k := range 5 {
			for _, kind := range []string{"known", "cold"} {
				tree.Add(fmt.Sprintf("%s%d/f%d.mp4", kind, i, k), apitest.File{Size: 1000, Kind: apitest.Video})
			}
		}
	}
	return tree
}

// learn looks at the known folders and their sizes.
func (f *fixture) learn() {
	f.t.Helper()
	f.must("ls", "-l", f.dir)
	for i := range 4 {
		f.must("ls", "-l", fmt.Sprintf("%s/known%d", f.dir, i))
	}
}

// However the network is silent, each program that needs it ends with an error a second after
// the timeout, and what is known is there at once.
func TestBlackHoles(t *testing.T) {
	const (
		timeout = 3 * time.Second
		limit   = timeout + time.Second + 2*time.Second // for a program to start, on a busy machine
	)
	for name, state := range map[string]passage{
		"never answered":         swallows,
		"never accepted":         unheard,
		"vanished after request": halfOpen,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, g := mountThrough(t, apitest.Options{Tree: halfKnown(), Order: apitest.FolderOnly}, setup{timeout: timeout})
			f.learn()
			g.set(state)
			var all sync.WaitGroup
			for _, args := range [][]string{
				{"ls", f.dir + "/cold0"},
				{"stat", f.dir + "/cold1/f1.mp4"},
				{"cat", f.dir + "/known1/f1.mp4"},
				{"find", f.dir + "/cold2"},
			} {
				all.Go(func() {
					began := time.Now()
					_, errs, err := f.run(args[0], args[1:]...)
					if took := time.Since(began); took > limit {
						t.Errorf("%s took %v", args[0], took)
					}
					if err == nil || !strings.Contains(errs, "Input/output error") {
						t.Errorf("%s: %v: %s", args[0], err, errs)
					}
				})
			}
			for i := range 4 {
				all.Go(func() {
					known := fmt.Sprintf("%s/known%d", f.dir, i)
					for _, args := range [][]string{{"ls", "-l", known}, {"df", f.dir}, {"stat", known + "/f1.mp4"}} {
						began := time.Now()
						f.must(args[0], args[1:]...)
						if took := time.Since(began); took >= timeout { // it waited for the network
							t.Errorf("%s of what is known took %v", args[0], took)
						}
					}
				})
			}
			all.Wait()
			g.set(passes)
			eventually(t, "it works again", func() bool {
				out, _, err := f.run("ls", f.dir+"/cold0")
				return err == nil && strings.Count(out, "\n") == 5
			})
		})
	}
}

// A service that is gone for a while is not noticed by who walks what is known; what is not
// known fails; and ten seconds after it is back all is fresh.
func TestServiceIsGoneForAWhile(t *testing.T) {
	lasting(t)
	const timeout = 2 * time.Second
	for name, state := range map[string]passage{
		"refused":        refuses,
		"reset":          resetsAll,
		"never answered": swallows,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := halfKnown()
			f, g := mountThrough(t, apitest.Options{Tree: tree, Order: apitest.FolderOnly},
				setup{timeout: timeout, ttl: shortTTL, stale: time.Hour})
			f.learn()
			f.expire("")
			g.set(state)
			gone := time.Now()
			for looks := 0; looks < 3 || time.Since(gone) < 4*time.Second; looks++ {
				for i := range 4 {
					out := f.must("ls", "-l", fmt.Sprintf("%s/known%d", f.dir, i))
					if strings.Count(out, " 1000 ") != 5 {
						t.Errorf("known%d shows %s", i, out)
					}
				}
			}
			if s := f.listings.Stats(); !s.Failing || s.Outages != 1 {
				t.Errorf("failing: %v, %d times", s.Failing, s.Outages)
			}
			began := time.Now()
			if _, errs, err := f.run("ls", f.dir+"/cold1"); err == nil || !strings.Contains(errs, "Input/output error") {
				t.Errorf("what is not known: %v: %s", err, errs)
			}
			if took := time.Since(began); took > timeout+3*time.Second {
				t.Errorf("what is not known failed after %v", took)
			}
			tree.Remove("known0/f0.mp4")
			tree.Add("known1/new.mp4", apitest.File{Size: 1000, Kind: apitest.Video})
			g.set(passes)
			back := time.Now()
			for f.ls("known0") != "f1.mp4 f2.mp4 f3.mp4 f4.mp4" || !strings.HasSuffix(f.ls("known1"), "new.mp4") {
				if time.Since(back) > 10*time.Second {
					t.Fatal("not fresh ten seconds after the service was back")
				}
				time.Sleep(50 * time.Millisecond)
			}
			eventually(t, "what is not known shows", func() bool { // its error counts for a second
				_, _, err := f.run("ls", f.dir+"/cold1")
				return err == nil
			})
		})
	}
}

// Of a hundred who wait for a folder 99 are killed. The one that is left gets all of it, and
// no call was made twice.
func TestKilledCallersOfAColdFolder(t *testing.T) {
	t.Parallel()
	const files, callers = 3000, 100
	tree := apitest.NewTree(root)
	for i := range files {
		tree.AddFile(fmt.Sprintf("dir/%04d.mp4", i))
	}
	f := mount(t, setup{service: apitest.Options{Tree: tree, Order: apitest.FolderOnly, Latency: 20 * time.Millisecond}})
	f.ls("")
	f.service.ResetCalls()
	held := make(chan struct{})
	f.service.SetFault(func(c apitest.Call, _ int) apitest.Reply {
		if c.Offset > files/2 {
			return apitest.Hold(held)
		}
		return apitest.Reply{}
	})
	all := make([]*exec.Cmd, callers)
	var out strings.Builder
	for i := range all {
		all[i] = exec.Command("ls", "-U", f.dir+"/dir")
		if i == callers/2 {
			all[i].Stdout = &out
		}
		if err := all[i].Start(); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the folder is half there", func() bool { return f.service.Calls().Total > files/100/2 })
	for i, cmd := range all {
		if i == callers/2 {
			continue
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		if i == callers*3/4 {
			close(held)
		}
	}
	for i, cmd := range all {
		if err := cmd.Wait(); i == callers/2 && err != nil {
			t.Errorf("the one that was left: %v", err)
		}
	}
	if n := strings.Count(out.String(), "\n"); n != files {
		t.Errorf("%d names, want %d", n, files)
	}
	for call, n := range f.service.Calls().List {
		if n > 1 {
			t.Errorf("%+v was asked %d times", call, n)
		}
	}
}

// Of those who read a file all but one are killed. He gets its bytes.
func TestKilledReaders(t *testing.T) {
	t.Parallel()
	const readers = 30
	tree := fileOf(4 << 20)
	f := mount(t, setup{service: apitest.Options{Tree: tree, Content: apitest.ContentOptions{BytesPerSecond: 4 << 20}}})
	all := make([]*exec.Cmd, readers)
	var out strings.Builder
	for i := range all {
		all[i] = exec.Command("cat", f.dir+"/film.mp4")
		if i == readers/2 {
			all[i].Stdout = &out
		}
		if err := all[i].Start(); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "bytes are asked for", func() bool { return f.service.Calls().Content > 0 })
	for i, cmd := range all {
		if i != readers/2 {
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	for i, cmd := range all {
		if err := cmd.Wait(); i == readers/2 && err != nil {
			t.Errorf("the one that was left: %v", err)
		}
	}
	if out.String() != string(tree.Bytes("film.mp4")) {
		t.Errorf("%d bytes, other than the file's", out.Len())
	}
}

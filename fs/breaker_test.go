package fs

import (
	"fmt"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"sefs/apiclient/apitest"
)

// Once the service was seen to be down, what is not known fails within two seconds; what
// is known goes on; and when the service is back, it is not long until all does.
func TestServiceIsLeftAlone(t *testing.T) {
	t.Parallel()
	tree := apitest.NewTree(root)
	const folders = 200
	for i := range folders {
		tree.AddFile(fmt.Sprintf("d%03d/a", i))
	}
	f := mount(t, setup{service: apitest.Options{Tree: tree, Order: apitest.FolderOnly}, timeout: 3 * time.Second})
	f.ls("")
	f.ls("d000")
	f.service.SetFault(apitest.Always(apitest.Status(503)))
	var all sync.WaitGroup
	for i := 1; i < 30; i++ {
		all.Go(func() { f.fails(fmt.Sprintf("d%03d", i)) })
	}
	all.Wait()
	eventually(t, "the service is left alone", func() bool {
		f.fails("d100")
		f.fails("d101")
		return f.client.Stats().List.Open
	})
	for i := 110; i < 120; i++ {
		began := time.Now()
		f.fails(fmt.Sprintf("d%03d", i))
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("it took %v to fail", took)
		}
	}
	if got := f.ls("d000"); got != "a" {
		t.Errorf("what is known shows %q", got)
	}
	f.service.SetFault(nil)
	back := time.Now()
	eventually(t, "it works again", func() bool {
		_, err := os.ReadDir(f.dir + "/d150")
		return err == nil
	})
	if took := time.Since(back); took > 10*time.Second {
		t.Errorf("it took %v to work again", took)
	}
	for i := 1; i < 30; i++ {
		if got := f.ls(fmt.Sprintf("d%03d", i)); got != "a" {
			t.Errorf("d%03d shows %q", i, got)
		}
	}
}

// fails checks that a folder cannot be read now.
func (f *fixture) fails(rel string) {
	f.t.Helper()
	_, err := os.ReadDir(f.dir + "/" + rel)
	wantErrno(f.t, rel, err, syscall.EIO)
}

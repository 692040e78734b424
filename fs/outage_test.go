package fs

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sefs/apiclient/apitest"
)

// Readers that wait for a download host that is silent are answered in time, those as well
// for whom there is no place among the requests: that others fail is no progress. (The
// kernel sends 32 requests at a time, so more readers would wait in it.)
func TestManyReadersOfASilentHost(t *testing.T) {
	t.Parallel()
	tree := apitest.NewTree(root)
	const readers = 12
	for i := range readers {
		tree.Add(fmt.Sprintf("f%02d.mp4", i), apitest.File{Size: 1 << 20, Kind: apitest.Video})
	}
	f := mount(t, setup{service: apitest.Options{Tree: tree}, timeout: 2 * time.Second, downloads: 1})
	f.sizes()
	f.service.SetAskFault(apitest.EveryAsk(apitest.AskReply{Reply: apitest.Hang()}, apitest.AskContent))
	var all sync.WaitGroup
	for i := range readers {
		all.Go(func() {
			began := time.Now()
			out, err := exec.Command("cat", fmt.Sprintf("%s/f%02d.mp4", f.dir, i)).CombinedOutput()
			if err == nil || !strings.Contains(string(out), "Input/output error") {
				t.Errorf("cat: %v: %.100s", err, out)
			}
			// The timeout and a second, and time to start; one after another would take 24 seconds.
			if took := time.Since(began); took > 15*time.Second {
				t.Errorf("answered after %v", took)
			}
		})
	}
	all.Wait()
}

// While the service is silent, what is known is shown: not each look at it waits.
func TestOutageDoesNotStopWhatIsKnown(t *testing.T) {
	t.Parallel()
	tree := apitest.NewTree(root)
	for i := range 32 {
		tree.Add(fmt.Sprintf("f%02d.mp4", i), apitest.File{Size: 1000 + int64(i), Kind: apitest.Video})
	}
	f := mount(t, setup{service: apitest.Options{Tree: tree}, ttl: time.Second, stale: time.Hour, timeout: 2 * time.Second})
	want := f.sizes()
	f.service.SetFault(apitest.Always(apitest.Hang()))
	f.service.SetAskFault(apitest.EveryAsk(apitest.AskReply{Reply: apitest.Hang()}))
	time.Sleep(1200 * time.Millisecond)
	out, errs, err := f.run("find", f.dir, "-type", "f", "-printf", `%s %Ts %P\0`)
	if err != nil || strings.Join(sorted(strings.Split(strings.TrimSuffix(out, "\x00"), "\x00")), "\n") != strings.Join(want, "\n") {
		t.Errorf("find: %v, %s%s", err, out, errs)
	}
}

// A refusal of v1 costs one call, however many files are looked at.
func TestRefusalCostsOneCall(t *testing.T) {
	f := mount(t, setup{service: apitest.Options{Tree: apitest.Flat(root, 300)}})
	f.ls("")
	f.service.SetAskFault(apitest.EveryAsk(apitest.V1Failure(403, "ACCESS_VIOLATION"), apitest.AskFiles))
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for _, e := range entries {
		_, err := os.Lstat(f.dir + "/" + e.Name())
		wantErrno(t, e.Name(), err, syscall.EACCES)
	}
	if n := f.service.Calls().V1; n > 2+int(time.Since(began).Seconds()) { // one for each second that this took
		t.Errorf("%d calls", n)
	}
}

package fs

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sefs/apiclient/apitest"
)

// TestListingsUnderFaults lists a thousand folders (ten thousand in make soak) while three calls
// in ten fail, one way or another: each listing is the truth or an error, no name
// that exists is missing, and in the end all was listed. Half of them are walked with
// loading ahead and sweeps, at the service's other ways to answer.
func TestListingsUnderFaults(t *testing.T) {
	lasting(t)
	folders := 1000
	if long() {
		folders = 10_000
	}
	for name, s := range map[string]setup{
		"each by itself":  {service: apitest.Options{Order: apitest.FolderOnly}},
		"loaded in front": {service: apitest.Options{Order: apitest.DepthFirst}, prefetch: true, sweep: true},
	} {
		t.Run(name, func(t *testing.T) {
			bulk(t)
			t.Parallel()
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			walkUnderFaults(t, seed, s, folders/2)
		})
	}
}

// walkers is how many programs walk at a time, each a part of the tree by itself.
const walkers = 8

// walkUnderFaults walks a tree of so many folders.
func walkUnderFaults(t *testing.T, seed uint64, s setup, folders int) {
	random := rand.New(rand.NewPCG(seed, 0))
	tree := apitest.NewTree(root)
	for i := range folders {
		dir := fmt.Sprintf("part%d/%03d/%03d", i%walkers, i/walkers/10, i/walkers%10)
		tree.AddDir(dir)
		for k := range random.IntN(20) {
			tree.Add(fmt.Sprintf("%s/%d.mp4", dir, k), apitest.File{Size: int64(k), Kind: apitest.Video})
		}
	}
	s.service.Tree, s.concurrency, s.timeout = tree, 16, 20*time.Second
	f := mount(t, s)
	f.ls("")
	faults := &randomly{random: random, share: 0.3}
	f.service.SetFault(func(apitest.Call, int) apitest.Reply { return faults.next() })
	f.service.SetAskFault(func(apitest.Ask, int) apitest.AskReply { return apitest.AskReply{Reply: faults.next()} })

	var all sync.WaitGroup
	var listed, failures atomic.Int64
	for part := range walkers {
		random := rand.New(rand.NewPCG(seed, uint64(part)+1))
		all.Go(func() {
			n, failed := f.walkPart(fmt.Sprintf("part%d", part), random)
			listed.Add(int64(n))
			failures.Add(int64(failed))
		})
	}
	all.Wait()
	calls := f.service.Calls()
	t.Logf("%d folders were listed, %d more failed; %d of %d requests were faulted",
		listed.Load(), failures.Load(), faults.struck(), calls.Total+calls.V1)
	// Five attempts of which three in ten fail: 0.24 % of calls, of which a folder here needs one.
	if most := int64(folders / 20); failures.Load() > most || retriesOutlast && failures.Load() > 0 {
		t.Errorf("%d listings failed for the caller", failures.Load())
	}
	if n := faults.struck(); n < calls.Total/10 {
		t.Errorf("only %d faults in %d calls", n, calls.Total)
	}
	f.service.SetFault(nil)
	f.service.SetAskFault(nil)
	var left []string
	eventually(t, "all is listed", func() bool {
		out, _, err := f.runFor(20*patience, "find", f.dir, "-mindepth", "1", "-printf", `%y %P\0`)
		left = printed(out)
		return err == nil
	})
	if !slices.Equal(left, want(tree)) {
		t.Error("afterwards it is another tree")
	}
}

// walkPart walks a part of the tree with find, checks what it shows, and looks up some of the
// names. It returns how many folders were listed, and how many were not.
func (f *fixture) walkPart(part string, random *rand.Rand) (listed, failures int) {
	out, errs, err := f.runFor(20*patience, "find", filepath.Join(f.dir, part), "-mindepth", "1", "-printf", `%y `+part+`/%P\0`)
	if (err != nil) != (errs != "") {
		f.t.Errorf("find: %v: %s", err, errs)
	}
	unlisted := map[string]bool{}
	for line := range strings.SplitSeq(strings.TrimSpace(errs), "\n") {
		_, path, _ := strings.Cut(line, f.dir+"/")
		if path, ok := strings.CutSuffix(path, "’: Input/output error"); ok {
			unlisted[path] = true
		} else if path, ok := strings.CutSuffix(path, "': Input/output error"); ok {
			unlisted[path] = true
		} else if line != "" {
			f.t.Errorf("find: %s", line)
		}
	}
	// What find should have shown: all but what is below a folder that failed.
	var should, files []string
	for _, line := range want(f.service.Tree()) {
		path := line[2:]
		if !strings.HasPrefix(path, part+"/") {
			continue
		}
		hidden := false
		for dir := filepath.Dir(path); dir != "."; dir = filepath.Dir(dir) {
			hidden = hidden || unlisted[dir]
		}
		switch {
		case hidden:
			continue
		case line[0] == 'f':
			files = append(files, path)
		case !unlisted[path]:
			listed++
		}
		should = append(should, line)
	}
	shown := printed(out)
	if !slices.Equal(shown, sorted(should)) {
		f.t.Errorf("%s: %d names instead of %d, where %d folders failed", part, len(shown), len(should), len(unlisted))
	}
	for range 10 {
		if len(files) == 0 {
			break
		}
		path := files[random.IntN(len(files))]
		if _, err := os.Lstat(filepath.Join(f.dir, path)); err != nil && !errors.Is(err, syscall.EIO) {
			f.t.Errorf("lstat: %v", err)
		}
	}
	return listed, len(unlisted)
}

// randomly makes a share of the answers faults. It may be asked from several goroutines.
type randomly struct {
	share float64

	mu     sync.Mutex // protects what follows
	random *rand.Rand
	count  int
}

// next is what becomes of the next answer.
func (r *randomly) next() apitest.Reply {
	all := []apitest.Reply{
		apitest.Status(500), apitest.Code("1000"), apitest.Truncated(), apitest.HTML(), apitest.Reset(),
		apitest.HalfBody(), {Delay: 50 * time.Millisecond},
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.random.Float64() >= r.share {
		return apitest.Reply{}
	}
	r.count++
	return all[r.random.IntN(len(all))]
}

// struck is how many faults there were.
func (r *randomly) struck() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count
}

package fs

import (
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sefs/apiclient/apitest"
)

// branches is a tree of folders in folders, fanout at each level, so many files in each of
// the last.
func branches(files int, fanout ...int) *apitest.Tree {
	tree := apitest.NewTree(root)
	var grow func(prefix string, fanout []int)
	grow = func(prefix string, fanout []int) {
		if len(fanout) == 0 {
			for i := range files {
				tree.AddFile(fmt.Sprintf("%sfile%04d.mp4", prefix, i))
			}
			return
		}
		for i := range fanout[0] {
			grow(fmt.Sprintf("%sfolder%03d/", prefix, i), fanout[1:])
		}
	}
	grow("", fanout)
	return tree
}

// printed is what find -printf '%y %P\0' printed, sorted.
func printed(out string) []string {
	return sorted(strings.Split(strings.TrimSuffix(out, "\x00"), "\x00"))
}

// settled waits until nothing is asked of the service any more, and returns what was.
func (f *fixture) settled() apitest.Calls {
	f.t.Helper()
	last := -1
	eventually(f.t, "the calls cease", func() bool {
		n := f.service.Calls().Total + f.service.Calls().V1
		if n == last {
			return true
		}
		last = n
		time.Sleep(500 * time.Millisecond)
		return false
	})
	return f.service.Calls()
}

// wantOnce checks that nothing was asked twice.
func wantOnce(t *testing.T, calls apitest.Calls) {
	t.Helper()
	asked := map[apitest.Call]int{}
	for call, n := range calls.List {
		call.Offset = max(call.Offset, 0)
		asked[call] += n
	}
	for call, n := range asked {
		if n > 1 {
			t.Errorf("%+v was asked %d times", call, n)
		}
	}
	if calls.Rejected > 0 || calls.Replays > 0 {
		t.Errorf("%d calls were refused, the last because %s; %d replays", calls.Rejected, calls.LastRefusal, calls.Replays)
	}
}

// One find over the whole tree, with nothing known before, takes hardly more calls than
// the best that uses all that was answered, and no folder's answer is asked for twice.
func TestCallsOfAWalk(t *testing.T) {
	bulk(t)
	trees := map[string]func() *apitest.Tree{
		"10x10x10x20": func() *apitest.Tree { return branches(20, 10, 10, 10) },
		"20x100x5":    func() *apitest.Tree { return branches(5, 20, 100) },
		"100x50":      func() *apitest.Tree { return branches(50, 100) },
		"10x10x20":    func() *apitest.Tree { return branches(20, 10, 10) },
	}
	for _, c := range []struct {
		tree            string
		prefetch, sweep bool
		rare            bool
		best            map[apitest.Order]int // without the twentieth that is allowed
		limit           map[apitest.Order]int
	}{
		{tree: "10x10x20", best: by(60, 96, 111)},
		{tree: "10x10x20", prefetch: true, best: by(60, 96, 111)},
		{tree: "100x50", best: by(99, 99, 101)},
		{tree: "100x50", prefetch: true, best: by(99, 99, 101)},
		{tree: "10x10x10x20", best: by(600, 996, 1111), rare: true},
		{tree: "10x10x10x20", prefetch: true, best: by(600, 996, 1111)},
		{tree: "10x10x10x20", prefetch: true, sweep: true, limit: by(320, 420, 1166)},
		{tree: "10x10x10x20", sweep: true, limit: by(320, 420, 1166), rare: true},
		{tree: "20x100x5", prefetch: true, sweep: true, limit: by(130, 150, 2127)},
		{tree: "20x100x5", sweep: true, limit: by(130, 150, 2127), rare: true},
	} {
		for _, order := range apitest.Orders() {
			name := fmt.Sprintf("%s/%v/prefetch %v/sweep %v", c.tree, order, c.prefetch, c.sweep)
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				if (c.rare || c.sweep && order == apitest.FolderOnly) && !long() {
					t.Skip("make soak has it")
				}
				tree := trees[c.tree]()
				o := apitest.Options{Tree: tree, Order: order}
				if c.prefetch {
					o.Latency = time.Millisecond // or the walker is never waited for
				}
				f := mount(t, setup{service: o, prefetch: c.prefetch, sweep: c.sweep})
				if diff := cmp.Diff(want(tree), f.find()); diff != "" {
					t.Error(diff)
				}
				calls := f.settled()
				wantOnce(t, calls)
				limit := c.limit[order]
				if c.best != nil {
					limit = c.best[order] + c.best[order]/20
				}
				t.Logf("%d calls, at most %d", calls.Total, limit)
				if calls.Total > limit {
					t.Errorf("%d calls, want %d at most", calls.Total, limit)
				}
				f.service.ResetCalls()
				if diff := cmp.Diff(want(tree), f.find()); diff != "" {
					t.Error("the second walk: ", diff)
				}
				if n := f.settled().Total; n != 0 {
					t.Errorf("%d calls in a second walk", n)
				}
			})
		}
	}
}

// by is a number for each order of answers.
func by(depthFirst, breadthFirst, folderOnly int) map[apitest.Order]int {
	return map[apitest.Order]int{apitest.DepthFirst: depthFirst, apitest.BreadthFirst: breadthFirst, apitest.FolderOnly: folderOnly}
}

// Whatever an offset counts, sweeping never shows anything but the truth, and where it is
// of no use that costs five calls at most.
func TestSweepWhereOffsetsMeanSomethingElse(t *testing.T) {
	fanout := []int{10, 10}
	if long() {
		fanout = []int{10, 10, 10}
	}
	for _, means := range apitest.OffsetMeanings() {
		for _, followUp := range apitest.FollowUps() {
			for _, order := range apitest.Orders() {
				if testing.Short() && (followUp != apitest.FollowUpRest || order != apitest.DepthFirst) {
					continue
				}
				t.Run(fmt.Sprint(means, "/", followUp, "/", order), func(t *testing.T) {
					t.Parallel()
					// Five divides a page, so that no folder is cut: some of these servers cannot be gone on with.
					tree := branches(5, fanout...)
					count := func(sweep bool) int {
						f := mount(t, setup{prefetch: sweep, sweep: sweep, service: apitest.Options{
							Tree: tree, Order: order, OffsetMeans: means, FollowUp: followUp, Latency: time.Millisecond,
						}})
						defer f.service.Close()
						defer f.unmount()
						if diff := cmp.Diff(want(tree), f.find()); diff != "" {
							t.Errorf("sweep %v: %s", sweep, diff)
						}
						if !sweep {
							return f.service.Calls().Total
						}
						return f.settled().Total
					}
					plain, swept := count(false), count(true)
					t.Logf("%d calls, %d with sweeping", plain, swept)
					if swept > plain+plain/20+5 {
						t.Errorf("%d calls with sweeping, %d without", swept, plain)
					}
				})
			}
		}
	}
}

// Sizes on a walk cost one call of v1 for each folder of folders, as its answer tells of
// those below.
func TestCallsOfAWalkWithSizes(t *testing.T) {
	bulk(t)
	for name, c := range map[string]struct {
		tree  *apitest.Tree
		limit int
	}{
		"10x10x10x20": {branches(20, 10, 10, 10), 111},
		"20x100x5":    {branches(5, 20, 100), 22},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := mount(t, setup{prefetch: true, sweep: true, service: apitest.Options{Tree: c.tree, Latency: time.Millisecond}})
			f.must("ls", "-lR", f.dir)
			calls := f.settled()
			t.Logf("%d calls of files.list, %d of v1", calls.Total, calls.V1)
			if calls.V1 > c.limit {
				t.Errorf("%d calls of v1, want %d at most", calls.V1, c.limit)
			}
			if diff := cmp.Diff(wantSizes(c.tree, false), f.sizes()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// ls of a folder in a large tree asks for what it shows, and for nothing ahead of that;
// also when another program lists another folder beside it.
func TestLsAsksOnlyItsFolder(t *testing.T) {
	t.Parallel()
	folders := []string{"folder003/folder004", "folder003/folder009", "folder011/folder001"}
	for _, order := range apitest.Orders() {
		t.Run(order.String(), func(t *testing.T) {
			t.Parallel()
			tree := branches(30, 20, 20)
			var asked [2]map[apitest.Call]int
			for i := range asked {
				ahead := i == 1
				f := mount(t, setup{prefetch: ahead, sweep: ahead, service: apitest.Options{Tree: tree, Order: order, Latency: 2 * time.Millisecond}})
				for _, dir := range folders {
					if got := len(strings.Fields(f.ls(dir))); got != 30 {
						t.Errorf("%d names in %s", got, dir)
					}
				}
				asked[i] = f.settled().List
			}
			if !maps.Equal(asked[0], asked[1]) {
				t.Errorf("calls without prefetch, then with: %s", cmp.Diff(asked[0], asked[1]))
			}
		})
	}
}

// A walk that is broken off is not gone on with.
func TestWalkStops(t *testing.T) {
	t.Parallel()
	const most = 60 // 32 may be loaded ahead, and what is in flight when it ends
	f := mount(t, setup{prefetch: true, sweep: true, concurrency: 4, service: apitest.Options{
		Tree: branches(1, 10, 10, 10), Order: apitest.FolderOnly, Latency: 50 * time.Millisecond,
	}})
	find := exec.Command("find", f.dir)
	if err := find.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the walk is under way", func() bool { return f.service.Calls().Total >= 30 })
	if err := find.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = find.Wait()
	before := f.service.Calls().Total
	after := f.settled().Total
	t.Logf("%d calls of 1,111, %d after the end", after, after-before)
	if after-before > most {
		t.Errorf("%d calls for nobody", after-before)
	}
	time.Sleep(time.Second)
	if n := f.service.Calls().Total; n != after {
		t.Errorf("%d calls later", n-after)
	}
}

// Programs walk in ways of their own. None causes more calls than without prefetch, but
// for a few; nothing is asked twice, and a second walk of any kind asks for nothing.
func TestWalkers(t *testing.T) {
	t.Parallel()
	for name, walk := range map[string]func(f *fixture) string{
		"find":     func(f *fixture) string { return f.must("find", f.dir, "-mindepth", "1", "-printf", `%y %P\0`) },
		"parallel": func(f *fixture) string { return f.deed("walk", f.dir, "8") },
		"ls -R":    func(f *fixture) string { f.must("ls", "-R", f.dir); return "" },
		"du":       func(f *fixture) string { f.must("du", f.dir); return "" },
		"rsync": func(f *fixture) string {
			if _, err := exec.LookPath("rsync"); err != nil {
				f.t.Skip("there is no rsync here")
			}
			f.must("rsync", "-an", f.dir+"/", f.t.TempDir())
			return ""
		},
	} {
		for _, order := range apitest.Orders() {
			if order != apitest.DepthFirst && (testing.Short() || !long() && name != "find" && name != "parallel") {
				continue
			}
			t.Run(name+"/"+order.String(), func(t *testing.T) {
				t.Parallel()
				tree := branches(12, 6, 10)
				count := func(ahead bool) int {
					f := mount(t, setup{prefetch: ahead, service: apitest.Options{Tree: tree, Order: order, Latency: time.Millisecond}})
					if out := walk(f); out != "" && !slices.Equal(printed(out), want(tree)) {
						t.Errorf("prefetch %v: %s", ahead, cmp.Diff(want(tree), printed(out)))
					}
					calls := f.settled()
					wantOnce(t, calls)
					for ask, n := range calls.Files {
						if n > 1 || ask.Alone {
							t.Errorf("%+v was asked %d times", ask, n)
						}
					}
					f.service.ResetCalls()
					walk(f)
					if again := f.settled(); again.Total+again.V1 != 0 {
						t.Errorf("%d and %d calls in a second walk", again.Total, again.V1)
					}
					return calls.Total
				}
				plain := count(false)
				if n := count(true); n > plain+plain/20+2 {
					t.Errorf("%d calls with prefetch, %d without", n, plain)
				}
			})
		}
	}
}

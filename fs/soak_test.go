package fs

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sefs/apiclient/apitest"
)

// soakTTL is the TTL of mounts that are soaked, over a second, as a request is sent but once a
// second; slowest is how long their service may take for an answer, with what a slow machine adds.
const (
	soakTTL = 1200 * time.Millisecond
	slowest = 4 * time.Second
)

// soakTime is how long the soak takes: as SEFS_SOAK says, or half an hour, in make soak.
func soakTime(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("SEFS_SOAK")
	switch {
	case testing.Short():
		return 2 * time.Second
	case !long():
		return 4 * time.Second
	case text == "":
		return 30 * time.Minute
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// faults injects faults at random, and counts them.
type faults struct {
	of       int // one of so many calls fails
	injected atomic.Int64
}

// roll returns one of the replies, or the zero value, which is the right answer.
func roll[R any](f *faults, replies ...R) (r R) {
	if rand.IntN(f.of) == 0 {
		f.injected.Add(1)
		r = replies[rand.IntN(len(replies))]
	}
	return r
}

// list is for calls of the command API.
func (f *faults) list(apitest.Call, int) apitest.Reply {
	return roll(f, apitest.Status(500), apitest.Status(503), apitest.Code("1000"), apitest.Code("0004"), apitest.Truncated(), apitest.HTML(),
		apitest.Reset(), apitest.HalfBody(), apitest.Empty(), apitest.Notice(), apitest.Reply{Delay: rand.N(400 * time.Millisecond)})
}

// ask is for calls of v1, and for contents.
func (f *faults) ask(a apitest.Ask, _ int) apitest.AskReply {
	reply := func(r apitest.Reply) apitest.AskReply { return apitest.AskReply{Reply: r} }
	if a.Kind == apitest.AskContent {
		return roll(f, reply(apitest.Status(503)), reply(apitest.Status(403)), reply(apitest.HTML()), reply(apitest.Reset()),
			reply(apitest.HalfBody()), apitest.CutAfter(rand.Int64N(100_000)), apitest.Shorter(1+rand.Int64N(1000)), apitest.OtherStart(1),
			apitest.OtherLength(rand.Int64N(1000)), apitest.NoContentRange(), apitest.Gzipped(), apitest.Multipart(),
			reply(apitest.Reply{Delay: rand.N(400 * time.Millisecond)}), apitest.DripBytes(32<<10, 20*time.Millisecond))
	}
	return roll(f, reply(apitest.Status(500)), reply(apitest.Truncated()), reply(apitest.HTML()), reply(apitest.Reset()), reply(apitest.HalfBody()),
		apitest.V1Failure(500, "INTERNAL"), reply(apitest.Reply{Delay: rand.N(400 * time.Millisecond)}))
}

// version makes a file that differs from all others, though maybe not in its size.
func version(old apitest.File, clock *int) apitest.File {
	*clock++
	size := old.Size
	if size == 0 || rand.IntN(3) > 0 {
		size = 1 + rand.Int64N(300<<10)
	}
	return apitest.File{Size: size, Time: time.Unix(1_600_000_000+int64(*clock), 0), Kind: apitest.Video, Version: *clock}
}

// scatter changes a tree anywhere: names come and go in the middle, folders become files.
// Its folders are small, as no client can list one that changes in the middle of its pages.
func scatter(m *model, clock *int) {
	dirs := []string{""}
	for i := range 6 {
		dirs = append(dirs, fmt.Sprintf("d%d", i), fmt.Sprintf("d%d/s0", i), fmt.Sprintf("d%d/s1", i))
	}
	dir := dirs[rand.IntN(len(dirs))]
	at := strings.TrimPrefix(fmt.Sprintf("%s/n%02d", dir, rand.IntN(20)), "/")
	old, isFile := m.file(at)
	switch _, known := m.folders[at]; {
	case rand.IntN(12) == 0 && dir != "" && dir != "d0":
		m.remove(dir) // if it is there; the next change may bring it back
	case rand.IntN(30) == 0 && known:
		m.remove(at)
		m.put(at, version(apitest.File{}, clock))
	case rand.IntN(30) == 0 && isFile:
		m.remove(at)
		m.mkdir(at)
	case known, isFile && rand.IntN(2) == 0:
		m.remove(at)
	default:
		for i, c := range dir {
			if c == '/' && m.folders[dir[:i]] == nil {
				m.mkdir(dir[:i])
			}
		}
		if m.folders[dir] == nil {
			m.mkdir(dir)
		}
		m.put(at, version(old, clock))
	}
}

// stack changes a tree at the ends of its folders only, where no change moves anything to another
// page. So its folders may be large, or cut by answers about many.
func stack(m *model, clock *int) {
	push := func(dir string, most int) {
		files, _ := m.listed(dir)
		switch n := len(files); {
		case n > 1 && (n >= most || rand.IntN(2) == 0):
			m.remove(fmt.Sprintf("%s/f%03d", dir, n-1))
		default:
			m.put(fmt.Sprintf("%s/f%03d", dir, n), version(apitest.File{}, clock))
		}
	}
	branch := fmt.Sprintf("b%d", rand.IntN(3))
	_, leaves := m.listed(branch)
	n := len(leaves)
	switch rand.IntN(10) {
	case 0:
		push(fmt.Sprintf("big%d", rand.IntN(2)), 350)
	case 1:
		if leaf := fmt.Sprintf("%s/l%02d", branch, n); n < 40 {
			m.mkdir(leaf)
			push(leaf, 8)
			return
		}
		m.remove(fmt.Sprintf("%s/l%02d", branch, n-1))
	case 2:
		if n > 20 {
			m.remove(fmt.Sprintf("%s/l%02d", branch, n-1))
		}
	case 3, 4, 5:
		at, ok := m.some('f')
		if old, still := m.file(at); ok && still {
			m.put(at, version(old, clock))
		}
	default:
		push(fmt.Sprintf("%s/l%02d", branch, rand.IntN(n)), 8)
	}
}

// newSoak mounts a tree that was begun by many changes.
func newSoak(t *testing.T, name string, s setup, seed func(*model, *int), f *faults) *soak {
	m, clock := newModel(), 0
	seed(m, &clock)
	s.service.Tree = m.tree
	s.ttl, s.timeout, s.loadTimeout, s.memory, s.quiet = soakTTL, 5*time.Second, 20*time.Second, 4<<20, true
	out := &soak{t: t, name: name, model: m, age: soakTTL + slowest, done: map[string]int{}, good: map[string]int{}, failed: map[string]int{}}
	out.f = mount(t, s)
	out.f.service.SetFault(f.list)
	out.f.service.SetAskFault(f.ask)
	return out
}

// TestSoak uses mounts in all ways at once, while their trees change and their services fail at
// random. Whatever succeeds is what the tree was, at some moment within its age; and nothing is
// left when they are unmounted. (It does not run beside other tests, for the sake of the counts.)
func TestSoak(t *testing.T) {
	lasting(t)
	needFUSE(t)
	duration := soakTime(t)
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	heapBefore, goroutines, fds := heap(), runtime.NumGoroutine(), descriptors(t)
	f := &faults{of: 5}
	all := []*soak{
		newSoak(t, "scattered", setup{service: apitest.Options{Order: apitest.FolderOnly, V1: apitest.V1Options{Time: apitest.TimeUnix}}, prefetch: true},
			func(m *model, clock *int) {
				m.mkdir("d0")
				for range 600 {
					scatter(m, clock)
				}
			}, f),
		newSoak(t, "stacked", setup{service: apitest.Options{}, prefetch: true, sweep: true},
			func(m *model, clock *int) {
				for i := range 3 {
					m.mkdir(fmt.Sprintf("b%d", i))
					for k := range 30 {
						leaf := fmt.Sprintf("b%d/l%02d", i, k)
						m.mkdir(leaf)
						m.put(leaf+"/f000", version(apitest.File{}, clock))
					}
				}
				for i := range 2 {
					m.mkdir(fmt.Sprintf("big%d", i))
					for k := range 200 + 100*i {
						m.put(fmt.Sprintf("big%d/f%03d", i, k), version(apitest.File{}, clock))
					}
				}
				for range 300 {
					stack(m, clock)
				}
			}, f),
	}
	ctx, cancel := context.WithTimeout(context.Background(), duration)
	defer cancel()
	var users sync.WaitGroup
	for i, s := range all {
		change := []func(*model, *int){scatter, stack}[i]
		users.Go(func() {
			clock := 1_000_000
			for ctx.Err() == nil {
				change(s.model, &clock)
				s.model.forget()
				time.Sleep(rand.N(30 * time.Millisecond))
			}
		})
		users.Go(func() { s.use(ctx) })
	}
	users.Go(func() {
		every := max(duration/10, 30*time.Second)
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(every):
				now := heap()
				if now > 128<<20 { // of the model and the stand-in, and twice 4 MiB of listings and contents
					t.Errorf("%d bytes of heap are in use", now)
				}
				t.Logf("so far: heap %.1f MB, %d goroutines, %d descriptors", float64(now)/1e6, runtime.NumGoroutine(), descriptors(t))
			}
		}
	})
	users.Wait()
	differences := 0
	for _, s := range all {
		s.end()
		differences += s.differences
	}
	clear(all) // what they have is not to count
	eventually(t, "all goroutines and descriptors to go", func() bool {
		return runtime.NumGoroutine() <= goroutines && descriptors(t) <= fds
	})
	heapAfter := heap()
	if heapAfter > heapBefore+32<<20 {
		t.Errorf("%d bytes of heap before, %d after", heapBefore, heapAfter)
	}
	t.Logf("%v: %d faults injected, %d differences; heap %.1f MB before, %.1f MB after; goroutines %d, %d; descriptors %d, %d", duration,
		f.injected.Load(), differences, float64(heapBefore)/1e6, float64(heapAfter)/1e6, goroutines, runtime.NumGoroutine(), fds, descriptors(t))
}

// end unmounts, tells what was done, and checks that it was something.
func (s *soak) end() {
	s.f.unmount()
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil || strings.Contains(string(mounts), s.f.dir+" ") {
		s.t.Errorf("%s: it is still mounted, or: %v", s.name, err)
	}
	calls := s.f.service.Calls()
	s.f.service.Close()
	s.t.Logf("%s: done %v, of which failed %v; %d changes; %d calls, %d of v1, %d of contents", s.name, s.done, s.failed, s.model.changes,
		calls.Total, calls.V1, calls.Content)
	for _, what := range []string{"list", "stat", "open", "read"} {
		if s.good[what] == 0 {
			s.t.Errorf("%s: no %s succeeded", s.name, what)
		}
	}
}

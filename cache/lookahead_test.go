package cache

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sefs/apiclient"
)

const (
	callTime = 400 * time.Millisecond
	walker   = 4711 // a process
)

// library answers about a tree, folder by folder, slowly.
type library struct {
	width, levels int // sub-folders of each folder, levels of them

	mu      sync.Mutex
	asked   []string // in the order of the answers' beginning
	running int
	most    int // running at a time
	fail    func(string) error
}

func (b *library) List(ctx context.Context, r apiclient.ListRequest) (*apiclient.Folder, error) {
	b.mu.Lock()
	b.asked = append(b.asked, strings.TrimPrefix(r.Path, root))
	b.running++
	b.most = max(b.most, b.running)
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.running--
	}()
	select {
	case <-time.After(callTime):
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if b.fail != nil {
		if err := b.fail(r.Path); err != nil {
			return nil, err
		}
	}
	f := folder("a file")
	if strings.Count(r.Path, "/")-strings.Count(root, "/") < b.levels {
		for i := range b.width {
			f.Entries = append(f.Entries, apiclient.Entry{Name: fmt.Sprint(i), Folder: &apiclient.Folder{}})
		}
	}
	return f, nil
}

// calls is how many there were.
func (b *library) calls() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.asked)
}

// askedFor is how many there were about a folder.
func (b *library) askedFor(path string) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, asked := range b.asked {
		if asked == path {
			n++
		}
	}
	return n
}

func lookingAhead(t *testing.T, b *library, change ...func(*Options)) *Listings {
	return newListings(t, nil, append([]func(*Options){func(o *Options) { o.Lister, o.Ahead = b, 4 }}, change...)...)
}

// walk opens the folder at path and all below it, depth first, and returns how many.
func walk(t *testing.T, c *Listings, path string) int {
	t.Helper()
	l, err := c.Open(t.Context(), path, walker)
	if err != nil {
		t.Fatal(path, err)
	}
	n := 1
	for i := range l.Len() {
		if l.IsDir(i) {
			n += walk(t, c, path+"/"+l.Name(i))
		}
	}
	return n
}

func TestWalkIsLoadedAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &library{width: 5, levels: 3}
		c := lookingAhead(t, b)
		began := time.Now()
		n := walk(t, c, root)
		took := time.Since(began)
		if n != 156 || b.calls() != n {
			t.Errorf("%d calls for %d folders", b.calls(), n)
		}
		if b.most > 4+1 {
			t.Errorf("%d at a time", b.most)
		}
		// Five at a time, the walker's own among them, but for the beginning and the end.
		if best := time.Duration(n) * callTime / 5; took > best*16/10 {
			t.Errorf("it took %v, at best %v", took, best)
		}
		if walk(t, c, root); b.calls() != n {
			t.Errorf("%d calls with a second walk", b.calls())
		}
	})
}

func TestNothingIsLoadedAheadOfOthers(t *testing.T) {
	for _, paths := range []string{"", "/0", "/3 /3/1", "/0 /0/0", "/2 /2 /2", "/4 /1 /4/2"} {
		synctest.Test(t, func(t *testing.T) {
			b := &library{width: 5, levels: 3}
			c := lookingAhead(t, b)
			opened := map[string]bool{}
			for path := range strings.SplitSeq(paths, " ") {
				opened[path] = true
				if _, err := c.Open(t.Context(), root+path, walker); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(time.Minute)
			if b.calls() != len(opened) {
				t.Errorf("%q: %d calls: %q", paths, b.calls(), b.asked)
			}
		})
	}
}

func TestWalkByOtherCallersIsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &library{width: 5, levels: 3}
		c := lookingAhead(t, b)
		for i, path := range []string{"", "/0", "/0/0", "/0/0/0", "/0/0/1", "/0/0/2"} {
			if _, err := c.Open(t.Context(), root+path, walker+i); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		if b.calls() != 6 {
			t.Errorf("%d calls: %q", b.calls(), b.asked)
		}
	})
}

// Once a walker is gone, no more is begun than what may wait for it, and nothing after a
// few seconds.
func TestWalkThatStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &library{width: 5, levels: 4}
		c := lookingAhead(t, b)
		for _, path := range []string{"", "/0", "/0/0", "/0/0/0"} {
			if _, err := c.Open(t.Context(), root+path, walker); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		time.Sleep(stillWalking + callTime)
		n := b.calls()
		if most := 4 + 4*lead; n > most {
			t.Errorf("%d calls, at most %d", n, most)
		}
		time.Sleep(time.Hour)
		if b.calls() != n {
			t.Errorf("%d calls later", b.calls()-n)
		}
		if s := c.Stats(); s.Ahead < int64(n-4) || s.Ahead > int64(n-2) { // it may have come to some of them
			t.Errorf("%d of %d loads counted as ahead", s.Ahead, n)
		}
	})
}

// A load ahead that takes long ends a while after the walk did, and one that somebody
// waits for does not.
func TestLongLoadAheadOfAWalkThatStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &library{width: 5, levels: 3}
		slow := make(chan struct{})
		defer close(slow)
		c := lookingAhead(t, b, func(o *Options) {
			o.Timeout = time.Hour
			o.Lister = &lister{list: func(ctx context.Context, r apiclient.ListRequest) (*apiclient.Folder, error) {
				if strings.HasSuffix(r.Path, "/0/1") {
					select {
					case <-slow:
					case <-ctx.Done():
						return nil, context.Cause(ctx)
					}
				}
				return b.List(ctx, r)
			}}
		})
		for _, path := range []string{"", "/0", "/0/0"} {
			if _, err := c.Open(t.Context(), root+path, walker); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(callTime)
		if !c.loads.flying(root + "/0/1") {
			t.Fatal("it was not begun")
		}
		time.Sleep(time.Minute)
		if c.loads.flying(root + "/0/1") {
			t.Error("it goes on")
		}
		// It can be had all the same.
		got := make(chan error)
		go func() {
			_, err := c.Get(t.Context(), root+"/0/1")
			got <- err
		}()
		synctest.Wait()
		slow <- struct{}{}
		if err := <-got; err != nil {
			t.Error(err)
		}
	})
}

// What fails ahead of a walker is its own to find out, and not asked for again and again.
func TestFailureAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &library{width: 5, levels: 2, fail: func(path string) error {
			if strings.HasSuffix(path, "/0/3") || strings.HasSuffix(path, "/2") {
				return errPassing
			}
			return nil
		}}
		c := lookingAhead(t, b, func(o *Options) { o.Stale = 0 })
		var failed []string
		var open func(path string)
		open = func(path string) {
			l, err := c.Open(t.Context(), root+path, walker)
			if err != nil {
				failed = append(failed, path)
				return
			}
			for i := range l.Len() {
				if l.IsDir(i) {
					open(path + "/" + l.Name(i))
				}
			}
		}
		open("")
		if want := []string{"/0/2", "/0/3", "/1/2", "/2", "/3/2", "/4/2"}; !slices.Equal(failed, want) {
			t.Errorf("%q failed, want %q", failed, want)
		}
		for _, path := range failed {
			if n := b.askedFor(path); n > 4 {
				t.Errorf("%s was asked for %d times", path, n)
			}
		}
	})
}

// A walk in a small memory loses nothing that was loaded ahead of it.
func TestLookAheadInASmallMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &library{width: 10, levels: 3}
		c := lookingAhead(t, b, func(o *Options) { o.Memory = NewMemory(20_000, nil) })
		n := walk(t, c, root)
		if b.calls() > n+n/10 { // the folders on the way down may go, as before
			t.Errorf("%d calls for %d folders", b.calls(), n)
		}
	})
}

// A walker that goes two levels down is not led further.
func TestShallowWalk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &library{width: 6, levels: 3}
		c := lookingAhead(t, b)
		opened := 0
		open := func(path string) *Listing {
			opened++
			l, err := c.Open(t.Context(), root+path, walker)
			if err != nil {
				t.Fatal(err)
			}
			return l
		}
		open("")
		for i := range 6 {
			open(fmt.Sprint("/", i))
		}
		time.Sleep(time.Minute)
		if more := b.calls() - opened; more > 2*4 {
			t.Errorf("%d calls for nothing", more)
		}
	})
}

// A caller that comes to a folder on its way has its errors, retries and time like any.
func TestJoiningALoadAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &library{width: 3, levels: 2}
		c := lookingAhead(t, b, func(o *Options) { o.Stale = 0 })
		for _, path := range []string{"", "/0", "/0/0"} {
			if _, err := c.Open(t.Context(), root+path, walker); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if !c.loads.flying(root + "/1/0") {
			t.Fatal("it was not begun")
		}
		ctx, leave := context.WithTimeout(t.Context(), callTime/4)
		defer leave()
		if _, err := c.Get(ctx, root+"/1/0"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		if _, err := c.Get(t.Context(), root+"/1/0"); err != nil || b.askedFor("/1/0") != 1 {
			t.Errorf("error %v, %d calls", err, b.askedFor("/1/0"))
		}
	})
}

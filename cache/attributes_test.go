package cache

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sefs/apiclient"
)

// describer answers from functions and counts the calls.
type describer struct {
	lister
	calls, singles atomic.Int64
	mu             sync.Mutex
	levels         []int // of the calls for folders
	files          func(ctx context.Context, r apiclient.FilesRequest) (*apiclient.Folder, error)
	file           func(ctx context.Context, path string) (apiclient.Attr, error)
}

func (d *describer) Files(ctx context.Context, r apiclient.FilesRequest) (*apiclient.Folder, error) {
	d.calls.Add(1)
	d.mu.Lock()
	d.levels = append(d.levels, r.Levels)
	d.mu.Unlock()
	return d.files(ctx, r)
}

func (d *describer) File(ctx context.Context, path string, _ func()) (apiclient.Attr, error) {
	d.singles.Add(1)
	return d.file(ctx, path)
}

// told is a folder as v1 tells of it. The size of a file is the length of its name.
func told(names ...string) *apiclient.Folder {
	f := folder(names...)
	for i, e := range f.Entries {
		if e.Folder == nil {
			f.Entries[i].Attr = &apiclient.Attr{Size: int64(len(e.Name)), Modified: time.Unix(int64(len(e.Name)), 0).UTC()}
		}
	}
	return f
}

// newDescribed returns a cache whose folders have the given names, and whose service
// tells the attributes of all of them, until the test changes that.
func newDescribed(t *testing.T, all ...string) (*Listings, *describer) {
	d := &describer{}
	d.list = func(context.Context, apiclient.ListRequest) (*apiclient.Folder, error) { return folder(all...), nil }
	d.files = func(context.Context, apiclient.FilesRequest) (*apiclient.Folder, error) { return told(all...), nil }
	d.file = func(_ context.Context, path string) (apiclient.Attr, error) {
		return apiclient.Attr{Size: alone(path)}, nil
	}
	return newListings(t, &d.lister, func(o *Options) { o.Describer = d }), d
}

// alone is the size that a call for a single file tells: a thousand, or none for
// names with a question mark.
func alone(path string) int64 {
	if strings.Contains(path, "?") {
		return apiclient.UnknownSize
	}
	return 1000
}

// attr asks for one file and compares its size.
func attr(t *testing.T, c *Listings, path, name string, size int64) time.Duration {
	t.Helper()
	l, err := c.Get(t.Context(), path)
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return 0
	}
	i, ok := l.Find(name)
	if !ok {
		t.Errorf("%s has no %s", path, name)
		return 0
	}
	a, life, err := c.Attr(t.Context(), path, l, i)
	if err != nil || a.Size != size {
		t.Errorf("%s/%s: size %d, want %d, error %v", path, name, a.Size, size, err)
	}
	return life
}

// asked compares how many calls there were for folders and for single files.
func (d *describer) asked(t *testing.T, calls, singles int64) {
	t.Helper()
	if d.calls.Load() != calls || d.singles.Load() != singles {
		t.Errorf("%d calls for folders and %d for files, want %d and %d", d.calls.Load(), d.singles.Load(), calls, singles)
	}
}

func TestAttrAsksOncePerFolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, d := newDescribed(t, "a", "bb", "ccc")
		whole := d.files
		d.files = func(ctx context.Context, r apiclient.FilesRequest) (*apiclient.Folder, error) {
			f, err := whole(ctx, r)
			time.Sleep(time.Second)
			return f, err
		}
		var all sync.WaitGroup
		for k := range 64 {
			all.Go(func() { attr(t, c, root, []string{"a", "bb", "ccc"}[k%3], int64(k%3+1)) })
		}
		all.Wait()
		d.asked(t, 1, 0)
		l := c.Known(root)
		a, _, ok := c.KnownAttr(root, l, 1)
		if !ok || a.Size != 2 || !a.Modified.Equal(time.Unix(2, 0)) {
			t.Errorf("%+v, %v", a, ok)
		}
		// They age like the listing, from when they were asked for.
		if life := attr(t, c, root, "a", 1); life != 59*time.Second {
			t.Errorf("they count for %v", life)
		}
		time.Sleep(59*time.Second - 1)
		attr(t, c, root, "a", 1)
		d.asked(t, 1, 0)
		time.Sleep(time.Nanosecond)
		if _, _, ok := c.KnownAttr(root, l, 1); ok {
			t.Error("they are known though they do not count any more")
		}
		d.asked(t, 1, 0)
		attr(t, c, root, "a", 1)
		d.asked(t, 2, 0)
		if s := c.Stats(); s.AttrLoads != 2 || s.Content != 6 || s.Singles != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestKnownAttrAsksNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, d := newDescribed(t, "a", "bb")
		want(t, c, root, "a bb")
		if _, _, ok := c.KnownAttr(root, c.Known(root), 0); ok {
			t.Error("known before it was asked for")
		}
		d.asked(t, 0, 0)
	})
}

func TestAttrWithoutADescriber(t *testing.T) {
	c := newListings(t, &lister{list: func(context.Context, apiclient.ListRequest) (*apiclient.Folder, error) { return folder("a"), nil }})
	attr(t, c, root, "a", apiclient.UnknownSize)
}

// A caller that leaves takes nothing from the others.
func TestAttrCallerMayLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, d := newDescribed(t, "a", "bb", "?")
		d.files = func(ctx context.Context, _ apiclient.FilesRequest) (*apiclient.Folder, error) {
			select {
			case <-time.After(5 * time.Second):
				return told("a", "bb"), nil
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		}
		want(t, c, root, "? a bb")
		for _, i := range []int{0, 1} { // one that needs a call for itself, and one that does not
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if _, _, err := c.Attr(ctx, root, c.Known(root), i); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the caller who left got %v", err)
			}
			cancel()
		}
		attr(t, c, root, "bb", 2)
		attr(t, c, root, "?", apiclient.UnknownSize)
		d.asked(t, 1, 1)
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if a, _, err := c.Attr(gone, root, c.Known(root), 1); err != nil || a.Size != 1 { // known
			t.Errorf("%+v, error %v", a, err)
		}
	})
}

// A load that takes longer than the TTL is for all who waited for it.
func TestSlowAttrsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, d := newDescribed(t, "a")
		whole := d.files
		d.files = func(ctx context.Context, r apiclient.FilesRequest) (*apiclient.Folder, error) {
			f, err := whole(ctx, r)
			for range 9 {
				time.Sleep(9 * time.Second)
				r.Bytes()
			}
			return f, err
		}
		l, err := c.Get(t.Context(), root)
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				if got, _, err := c.Attr(t.Context(), root, l, 0); err != nil || got.Size != 1 {
					t.Errorf("%+v, error %v", got, err)
				}
			})
		}
		all.Wait()
		d.asked(t, 1, 0)
	})
}

func TestAttrErrorsAreNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, d := newDescribed(t, "a")
		wait, whole := time.Duration(0), d.files
		d.files = func(context.Context, apiclient.FilesRequest) (*apiclient.Folder, error) {
			time.Sleep(wait)
			return nil, errPassing
		}
		fails := func() {
			t.Helper()
			l, err := c.Get(t.Context(), root)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := c.Attr(t.Context(), root, l, 0); !errors.Is(err, errPassing) {
				t.Errorf("error %v", err)
			}
		}
		fails()
		fails() // repeated: each name in a folder asks
		d.asked(t, 1, 0)
		time.Sleep(time.Second)
		fails()
		d.asked(t, 2, 0)
		wait = 5 * time.Second
		time.Sleep(time.Second)
		fails()
		fails() // repeated
		d.asked(t, 3, 0)
		d.files = whole
		time.Sleep(time.Second)
		attr(t, c, root, "a", 1)
		d.asked(t, 4, 0)
		if s := c.Stats(); s.Failed != 3 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestAttrPanicIsAnError(t *testing.T) {
	c, d := newDescribed(t, "a")
	d.files = func(context.Context, apiclient.FilesRequest) (*apiclient.Folder, error) { panic("oh") }
	want(t, c, root, "a")
	if _, _, err := c.Attr(t.Context(), root, c.Known(root), 0); err == nil || !strings.Contains(err.Error(), "panic: oh") {
		t.Errorf("error %v", err)
	}
}

func TestStaleAttrs(t *testing.T) {
	for name, tt := range map[string]struct {
		err   error
		stale bool
	}{
		"passing": {errPassing, true}, "refused": {&apiclient.Error{Status: 403}, false},
		"too large": {&apiclient.Error{TooLarge: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, d := newDescribed(t, "a", "?")
				attr(t, c, root, "a", 1)
				d.files = func(context.Context, apiclient.FilesRequest) (*apiclient.Folder, error) { return nil, tt.err }
				time.Sleep(61*time.Minute - 1) // TTL and Stale, less a blink
				l, err := c.Get(t.Context(), root)
				if err != nil {
					t.Fatal(err)
				}
				i, _ := l.Find("a")
				a, life, err := c.Attr(t.Context(), root, l, i)
				if tt.stale != (err == nil && a.Size == 1) || tt.stale != (c.Stats().Stale == 1) {
					t.Errorf("%+v, error %v; stats %+v", a, err, c.Stats())
				}
				if tt.stale && life > 0 {
					t.Errorf("they count for %v", life)
				}
				time.Sleep(time.Nanosecond)
				if _, _, err := c.Attr(t.Context(), root, l, i); !errors.Is(err, tt.err) {
					t.Errorf("older than Stale allows: error %v", err)
				}
			})
		})
	}
}

func TestDoubtAttrs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, d := newDescribed(t, "a")
		attr(t, c, root, "a", 1)
		time.Sleep(5 * time.Second)
		c.DoubtAttrs(root, 10*time.Second)
		attr(t, c, root, "a", 1)
		d.asked(t, 1, 0)
		c.DoubtAttrs(root, 5*time.Second)
		attr(t, c, root, "a", 1)
		d.asked(t, 2, 0)
		c.DoubtAttrs(root, 0)
		attr(t, c, root, "a", 1)
		d.asked(t, 3, 0)
		c.DoubtAttrs("unknown", 0)
		if s := c.Stats(); s.Loads != 1 || s.Folders != 1 {
			t.Errorf("stats %+v", s)
		}
	})
}

// Close ends these loads like those of listings.
func TestCloseEndsAttrLoads(t *testing.T) {
	c, d := newDescribed(t, "a")
	begun := make(chan struct{})
	d.files = func(ctx context.Context, _ apiclient.FilesRequest) (*apiclient.Folder, error) {
		close(begun)
		<-ctx.Done()
		return nil, &apiclient.Error{Err: context.Cause(ctx)}
	}
	want(t, c, root, "a")
	failed := make(chan error)
	go func() {
		_, _, err := c.Attr(context.Background(), root, c.Known(root), 0)
		failed <- err
	}()
	<-begun
	c.Close()
	if err := <-failed; !errors.Is(err, errClosed) {
		t.Errorf("error %v", err)
	}
}

// many is so many names that begin with a word, and end with others.
func many(word string, n int, end ...string) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprint(word, i)+strings.Join(end, ""))
	}
	return all
}

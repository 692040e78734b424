package cache

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sefs/apiclient"
)

// What an answer tells of sub-folders costs no call.
func TestAttrsOfSubFolders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, d := newDescribed(t, "a", "bb", "s/")
		d.files = func(_ context.Context, r apiclient.FilesRequest) (*apiclient.Folder, error) {
			if r.Path != root {
				return told("a", "bb"), nil
			}
			return with(told("a", "bb"), map[string]*apiclient.Folder{
				"s": told("a", "bb"), "part": told("a"), "cut": {Entries: told("a").Entries},
			}), nil
		}
		attr(t, c, root, "a", 1)
		attr(t, c, root+"/s", "bb", 2)
		d.asked(t, 1, 0)
		// What a name needs that another folder's answer did not tell is the folder's own.
		attr(t, c, root+"/part", "a", 1)
		d.asked(t, 1, 0)
		attr(t, c, root+"/part", "bb", 2)
		d.asked(t, 2, 0)
		attr(t, c, root+"/cut", "bb", 2)
		d.asked(t, 3, 0)
		if !slices.Equal(d.levels, []int{1, 0, 1}) {
			t.Errorf("levels %v", d.levels)
		}
		// The parent's answer does not replace the folder's own.
		c.DoubtAttrs(root, 0)
		attr(t, c, root, "a", 1)
		attr(t, c, root+"/part", "bb", 2)
		d.asked(t, 4, 0)
	})
}

// A walk that comes down causes one call for a folder and all that are in it.
func TestAttrsOfAWalk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, d := newDescribed(t)
		all := many("s", 10)
		var tree func(levels int) *apiclient.Folder
		tree = func(levels int) *apiclient.Folder {
			f := told("a")
			for _, name := range all {
				sub := &apiclient.Folder{}
				if levels > 0 {
					sub = tree(levels - 1)
				}
				f.Entries = append(f.Entries, apiclient.Entry{Name: name, Folder: sub})
			}
			return f
		}
		d.list = func(context.Context, apiclient.ListRequest) (*apiclient.Folder, error) {
			return folder(append(many("s", 10, "/"), "a")...), nil
		}
		d.files = func(_ context.Context, r apiclient.FilesRequest) (*apiclient.Folder, error) {
			return tree(r.Levels), nil
		}
		attr(t, c, root, "a", 1)
		for _, one := range all {
			attr(t, c, root+"/"+one, "a", 1)
		}
		d.asked(t, 1, 0)
		for _, one := range all {
			for _, two := range all {
				attr(t, c, root+"/"+one+"/"+two, "a", 1)
			}
		}
		d.asked(t, 1+10, 0)
	})
}

// Names that are newer than the attributes cost one call, not one each.
func TestAttrsOfNewNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, d := newDescribed(t)
		all := []string{"a"}
		d.list = func(context.Context, apiclient.ListRequest) (*apiclient.Folder, error) { return folder(all...), nil }
		d.files = func(context.Context, apiclient.FilesRequest) (*apiclient.Folder, error) {
			f := told(all...)
			time.Sleep(time.Second)
			return f, nil
		}
		attr(t, c, root, "a", 1)
		time.Sleep(10 * time.Second)
		all = append(all, many("new", 200)...)
		l, err := c.GetFor(t.Context(), root, 55*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		attr(t, c, root, "a", 1)
		d.asked(t, 1, 0)
		var asking sync.WaitGroup
		for i := 1; i < l.Len(); i++ {
			asking.Go(func() { attr(t, c, root, l.Name(i), int64(len(l.Name(i)))) })
		}
		asking.Wait()
		d.asked(t, 2, 0)
	})
}

// The same where the attributes of before are on their way.
func TestAttrsOfNewNamesDuringALoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, d := newDescribed(t)
		begun := time.Now()
		all := func() []string { // more after half a second
			if time.Since(begun) < 500*time.Millisecond {
				return []string{"a"}
			}
			return append(many("new", 200), "a")
		}
		d.list = func(context.Context, apiclient.ListRequest) (*apiclient.Folder, error) { return folder(all()...), nil }
		d.files = func(context.Context, apiclient.FilesRequest) (*apiclient.Folder, error) {
			f := told(all()...)
			time.Sleep(5 * time.Second)
			return f, nil
		}
		var asking sync.WaitGroup
		asking.Go(func() { attr(t, c, root, "a", 1) })
		time.Sleep(time.Second)
		l, err := c.GetFor(t.Context(), root, 59500*time.Millisecond)
		if err != nil || l.Len() != 201 {
			t.Fatal(l, err)
		}
		for i := 1; i < l.Len(); i++ {
			asking.Go(func() { attr(t, c, root, l.Name(i), int64(len(l.Name(i)))) })
		}
		asking.Wait()
		d.asked(t, 2, 0)
	})
}

// A file that its folder's answer does not tell of costs one call, whoever asks.
func TestSingleFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, d := newDescribed(t, "a", "b", "no?", "gone", "nosize")
		d.files = func(context.Context, apiclient.FilesRequest) (*apiclient.Folder, error) {
			f := told("a", "nosize")
			f.Entries[1].Attr.Size = apiclient.UnknownSize
			return f, nil
		}
		d.file = func(_ context.Context, path string) (apiclient.Attr, error) {
			time.Sleep(time.Second)
			if strings.HasSuffix(path, "gone") {
				return apiclient.Attr{Size: apiclient.UnknownSize}, &apiclient.Error{NotExist: true}
			}
			return apiclient.Attr{Size: alone(path), Modified: time.Unix(7, 0)}, nil
		}
		sizes := map[string]int64{"a": 1, "b": 1000, "no?": apiclient.UnknownSize, "gone": apiclient.UnknownSize, "nosize": 1000}
		ask := func() {
			var asking sync.WaitGroup
			for name, size := range sizes {
				for range 8 {
					asking.Go(func() { attr(t, c, root, name, size) })
				}
			}
			asking.Wait()
		}
		ask()
		d.asked(t, 1, 4)
		ask()
		d.asked(t, 1, 4)
		if s := c.Stats(); s.Singles != 4 || s.Unknown != 2 {
			t.Errorf("stats %+v", s)
		}
		time.Sleep(time.Minute)
		ask()
		d.asked(t, 2, 8)
	})
}

func TestSingleFileFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, d := newDescribed(t, "a", "b")
		d.files = func(context.Context, apiclient.FilesRequest) (*apiclient.Folder, error) { return told("a"), nil }
		d.file = func(context.Context, string) (apiclient.Attr, error) {
			if d.singles.Load() > 1 {
				return apiclient.Attr{Size: 5}, nil
			}
			return apiclient.Attr{Size: apiclient.UnknownSize}, errPassing
		}
		want(t, c, root, "a b")
		if _, _, err := c.Attr(t.Context(), root, c.Known(root), 1); !errors.Is(err, errPassing) {
			t.Errorf("error %v", err)
		}
		time.Sleep(time.Second) // for so long the error is repeated
		attr(t, c, root, "b", 5)
		d.asked(t, 1, 2)
	})
}

// An answer that leaves out many is taken as cut.
func TestManyMissing(t *testing.T) {
	for _, n := range []int{maxSingles, maxSingles + 1} {
		synctest.Test(t, func(t *testing.T) {
			c, d := newDescribed(t, append(many("file", n), "a")...)
			d.files = func(context.Context, apiclient.FilesRequest) (*apiclient.Folder, error) { return told("a"), nil }
			attr(t, c, root, "a", 1)
			l := c.Known(root)
			for i := 1; i < l.Len(); i++ {
				a, _, err := c.Attr(t.Context(), root, l, i)
				if (err == nil) != (n <= maxSingles) || err == nil && a.Size != 1000 {
					t.Fatalf("%d missing: %+v, error %v", n, a, err)
				}
			}
			singles := int64(n)
			if n > maxSingles {
				singles = 0
			}
			d.asked(t, 1, singles)
		})
	}
}

// v1 may know nothing of a folder that files.list shows.
func TestUnknownFolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, d := newDescribed(t, "a", "bb")
		d.files = func(context.Context, apiclient.FilesRequest) (*apiclient.Folder, error) {
			return nil, &apiclient.Error{NotExist: true}
		}
		attr(t, c, root, "a", 1000)
		attr(t, c, root, "bb", 1000)
		attr(t, c, root, "bb", 1000)
		d.asked(t, 1, 2)
	})
}

func TestTooLargeAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, d := newDescribed(t, "a", "s/")
		d.files = func(_ context.Context, r apiclient.FilesRequest) (*apiclient.Folder, error) {
			if r.Levels > 0 {
				return nil, &apiclient.Error{TooLarge: true}
			}
			return told("a"), nil
		}
		attr(t, c, root, "a", 1)
		d.asked(t, 2, 0)
		c, d = newDescribed(t, "a", "s/")
		d.files = func(context.Context, apiclient.FilesRequest) (*apiclient.Folder, error) {
			return nil, &apiclient.Error{TooLarge: true}
		}
		want(t, c, root+"/s", "a s/")
		if _, _, err := c.Attr(t.Context(), root+"/s", c.Known(root+"/s"), 0); !apiclient.IsTooLarge(err) {
			t.Errorf("error %v", err)
		}
		d.asked(t, 2, 0)
	})
}

// The folder's own answer counts although one about another folder, which leaves names
// out, came while it was on its way.
func TestOwnAnswerCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := many("file", maxSingles+10)
		c, d := newDescribed(t, all...)
		d.files = func(_ context.Context, r apiclient.FilesRequest) (*apiclient.Folder, error) {
			if r.Path == root {
				return with(told(all...), map[string]*apiclient.Folder{"s": told("file0")}), nil
			}
			f := told(all...)
			time.Sleep(2 * time.Second)
			return f, nil
		}
		var asking sync.WaitGroup
		asking.Go(func() { attr(t, c, root+"/s", "file7", 5) })
		time.Sleep(time.Second)
		attr(t, c, root, "file0", 5)
		asking.Wait()
	})
}

// A file and a folder of one path, known by listings of different ages, are not taken
// for each other.
func TestFileBecomesAFolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, d := newDescribed(t, "a", "x")
		d.files = func(context.Context, apiclient.FilesRequest) (*apiclient.Folder, error) { return told("a"), nil }
		d.file = func(context.Context, string) (apiclient.Attr, error) {
			time.Sleep(2 * time.Second)
			return apiclient.Attr{Size: 9}, nil
		}
		var asking sync.WaitGroup
		asking.Go(func() { attr(t, c, root, "x", 9) })
		time.Sleep(time.Second)
		asking.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					t.Errorf("panic: %v", p)
				}
			}()
			attr(t, c, root+"/x", "a", 1)
		})
		asking.Wait()
	})
}

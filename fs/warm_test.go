package fs

import (
	"fmt"
	"testing"
	"time"

	"sefs/apiclient/apitest"
)

const allRequests = "LOOKUP %d, GETATTR %d, OPENDIR %d, READDIR %d, RELEASEDIR %d, OPEN 0, GETXATTR 0"

func (f *fixture) asked() string {
	return f.requests.take("LOOKUP", "GETATTR", "OPENDIR", "READDIR", "RELEASEDIR", "OPEN", "GETXATTR")
}

// Within the TTL a second walk opens and closes each folder, and asks for nothing else,
// neither of us nor of the service.
func TestWarmWalk(t *testing.T) {
	t.Parallel()
	const folders = 1 + 10 + 100
	for name, c := range map[string]struct {
		tree    *apitest.Tree
		walk    []string
		folders int
	}{
		"find":        {apitest.Nested(root, 10, 2, 20), []string{"find", "-P"}, folders},
		"find sizes":  {apitest.Nested(root, 10, 2, 20), []string{"find", "-P", "-printf", "%s %P\n"}, folders},
		"ls -lR":      {apitest.Nested(root, 10, 2, 20), []string{"ls", "-lR"}, folders},
		"ls -l, 2000": {apitest.Flat(root, 2000), []string{"ls", "-l"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := mount(t, setup{service: apitest.Options{Tree: c.tree}})
			walk := func() string {
				return f.must(c.walk[0], append([]string{c.walk[1], f.dir}, c.walk[2:]...)...)
			}
			first := walk()
			f.service.ResetCalls()
			f.released(c.folders)
			f.requests.take()
			// The kernel may drop what it has cached of a folder when it wants memory; it asks for
			// that once more then.
			var got string
			want := fmt.Sprintf(allRequests, 0, 0, c.folders, 0, c.folders)
			for try := 0; try < 10 && got != want; try++ {
				if again := walk(); again != first {
					t.Error("the second walk shows something else")
				}
				f.released(c.folders)
				got = f.asked()
			}
			if got != want {
				t.Errorf("the kernel asked: %s, want %s", got, want)
			}
			if calls := f.service.Calls(); calls.Total+calls.V1 > 0 {
				t.Errorf("%d calls", calls.Total+calls.V1)
			}
		})
	}
}

// released waits until so many folders were closed: who closes one does
// not wait for that.
func (f *fixture) released(n int) {
	f.t.Helper()
	eventually(f.t, fmt.Sprintf("%d folders are closed", n), func() bool { return f.requests.of("RELEASEDIR") >= n })
}

// A refresh that finds nothing changed leaves the kernel what it has.
func TestUnchangedRefreshKeepsTheCache(t *testing.T) {
	t.Parallel()
	const ttl = 300 * time.Millisecond
	f := mount(t, setup{ttl: ttl, service: apitest.Options{Tree: apitest.Flat(root, 500)}})
	f.must("ls", "-f", f.dir)
	f.released(1)
	f.requests.take()
	loads := f.listings.Stats().Loads
	eventually(t, "the listing is loaded again", func() bool {
		f.must("ls", "-f", f.dir)
		return f.listings.Stats().Loads > loads
	})
	if got := f.requests.take("READDIR"); got != "READDIR 0" {
		t.Error(got)
	}
}

package fs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sefs/apiclient/apitest"
)

// retriesOutlast says whether what fails at random, three times in ten, is tried again for
// so long that no caller ever sees it.
const retriesOutlast = false

// attempts is how often one request may be sent, at most.
const attempts = 15

// The kinds of requests, each faulted for a part of the tree that is asked for by nothing else.
const (
	ofListing = "list sestore4/jb/dir "
	ofSizes   = "files sestore4/jb/deep"
	ofLink    = "link sestore4/jb/films/link.mp4"
	ofContent = "content sestore4/jb/films/film.mp4"
	page2     = "list sestore4/jb/dir 100" // the rest of a folder that is in two pages
)

// broken is a mount whose service, and whose way to it, may fail.
type broken struct {
	*fixture
	apis, downloads *proxy
	tree            *apitest.Tree

	mu     sync.Mutex // protects what follows
	asked  map[string]int
	struck map[string]int
}

// mountBroken mounts a tree that has a part for each kind of request, and asks for nothing of it
// but its root, films and known.
func mountBroken(t *testing.T, timeout time.Duration) *broken {
	t.Helper()
	needFUSE(t)
	tree := apitest.NewTree(root)
	for i := range 150 {
		tree.AddFile(fmt.Sprintf("dir/%03d", i))
	}
	for i := range 5 {
		for _, dir := range []string{"deep/sized", "known", "other"} {
			tree.Add(fmt.Sprintf("%s/%d.mp4", dir, i), apitest.File{Size: 1000 + int64(i), Kind: apitest.Video})
		}
	}
	for _, name := range []string{"film.mp4", "link.mp4"} {
		tree.Add("films/"+name, apitest.File{Size: 300_000, Kind: apitest.Video})
	}
	service, err := apitest.New(apitest.Options{Tree: tree, Order: apitest.FolderOnly})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(service.Close)
	b := &broken{apis: newProxy(t, service.URL()), downloads: newProxy(t, service.DownloadURL()), tree: tree}
	service.SetLinks(apitest.LinkOptions{Host: "http://" + b.downloads.addr})
	a := accountOf(service)
	a.URL, a.FilesURL = b.apis.through(a.URL), b.apis.through(a.FilesURL)
	b.fixture = &fixture{t: t, dir: t.TempDir(), service: service, account: a, requests: &requests{count: map[string]int{}}}
	b.mount(setup{timeout: timeout})
	b.known()
	if _, err := b.stats("films"); err != nil {
		t.Fatal(err)
	}
	return b
}

// inject lets a fault strike, for each request the first so many times; times < 0 means
// always. With only, it strikes requests with such keys alone.
func (b *broken) inject(f fault, times int, only ...string) {
	b.mu.Lock()
	b.asked, b.struck = map[string]int{}, map[string]int{}
	b.mu.Unlock()
	strikes := func(key string) bool {
		kind, _, _ := strings.Cut(key, " ")
		for _, prefix := range only {
			if !strings.HasPrefix(key, prefix) || !f.sense(kind) {
				continue
			}
			b.mu.Lock()
			defer b.mu.Unlock()
			b.asked[key]++
			if times < 0 || b.asked[key] <= times {
				b.struck[prefix]++
				return true
			}
		}
		return false
	}
	if f.reply != nil {
		b.service.SetFault(func(c apitest.Call, _ int) apitest.Reply {
			if strikes(callKey(c)) {
				return f.reply.Reply
			}
			return apitest.Reply{}
		})
		b.service.SetAskFault(func(a apitest.Ask, _ int) apitest.AskReply {
			if strikes(askKey(a)) {
				return *f.reply
			}
			return apitest.AskReply{}
		})
		return
	}
	for _, p := range []*proxy{b.apis, b.downloads} {
		p.set(func(key string) wire {
			if strikes(key) {
				return f.wire
			}
			return nil
		})
	}
}

// heal ends all faults.
func (b *broken) heal() {
	b.service.SetFault(nil)
	b.service.SetAskFault(nil)
	b.apis.set(nil)
	b.downloads.set(nil)
}

// strikes is how often a fault struck requests of a kind.
func (b *broken) strikes(prefix string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.struck[prefix]
}

// program is one that needs one kind of request, and what it must print.
type program struct {
	kind  string
	run   []string
	shows func(out string) string // what of its output counts
	want  string
	whole bool                   // where it fails it may print nothing, not even a part
	again func() (string, error) // does the same without a program
}

// programs are one for each kind of request.
func (b *broken) programs() []program {
	var names, sizes []string
	files, _ := b.tree.PathsOf("includeinvalid")
	for _, path := range files {
		file, _ := b.tree.File(path)
		dir, name := filepath.Split(path)
		switch dir {
		case "dir/":
			names = append(names, name)
		case "deep/sized/":
			sizes = append(sizes, fmt.Sprintf("%d %s", file.Size, name))
		}
	}
	all := []program{
		{kind: ofListing, run: []string{"find", b.dir + "/dir", "-mindepth", "1", "-printf", `%P\n`}, whole: true,
			shows: func(out string) string { return strings.Join(sorted(strings.Fields(out)), "\n") },
			want:  strings.Join(names, "\n"), again: func() (string, error) { return b.names("dir") }},
		{kind: ofSizes, run: []string{"ls", "-ln", "--time-style=+", b.dir + "/deep/sized"}, shows: sizesOf,
			want: strings.Join(sizes, "\n"), again: func() (string, error) { return b.stats("deep/sized") }},
	}
	for name, kind := range map[string]string{"link.mp4": ofLink, "film.mp4": ofContent} {
		path := b.dir + "/films/" + name
		all = append(all, program{kind: kind, run: []string{"cat", path}, shows: func(out string) string { return out },
			want: string(b.tree.Bytes("films/" + name)), again: func() (string, error) {
				data, err := os.ReadFile(path)
				return string(data), err
			}})
	}
	return all
}

// names are the names in a folder, a line each.
func (b *broken) names(dir string) (string, error) {
	entries, err := os.ReadDir(filepath.Join(b.dir, dir))
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return strings.Join(all, "\n"), err
}

// stats are the sizes and names in a folder, a line each.
func (b *broken) stats(dir string) (string, error) {
	entries, err := os.ReadDir(filepath.Join(b.dir, dir))
	var all []string
	for _, e := range entries {
		info, err := os.Lstat(filepath.Join(b.dir, dir, e.Name()))
		if err != nil {
			return "", err
		}
		all = append(all, fmt.Sprintf("%d %s", info.Size(), e.Name()))
	}
	return strings.Join(all, "\n"), err
}

// sizesOf are the sizes and names that ls -ln printed of files of which it knew them.
func sizesOf(out string) string {
	var all []string
	for line := range strings.SplitSeq(out, "\n") {
		if of := strings.Fields(line); len(of) == 6 && !strings.Contains(line, "?") {
			all = append(all, of[4]+" "+of[5])
		}
	}
	return strings.Join(all, "\n")
}

// each runs a check of each program for which the fault makes sense, all at once.
func (b *broken) each(f fault, check func(p program)) {
	var all sync.WaitGroup
	for _, p := range b.programs() {
		if kind, _, _ := strings.Cut(p.kind, " "); f.sense(kind) {
			all.Go(func() { check(p) })
		}
	}
	all.Wait()
}

// right runs a program that has to succeed, and to print the truth.
func (b *broken) right(when string, p program) {
	out, errs, err := b.run(p.run[0], p.run[1:]...)
	if err != nil || errs != "" || p.shows(out) != p.want {
		b.t.Errorf("%s, %s: %v: %.300s%s", when, p.kind, err, errs, differ(p.want, p.shows(out)))
	}
}

// heals waits until what a program does shows the truth. Until then it is an error.
func (b *broken) heals(p program) {
	eventually(b.t, p.kind+" is right afterwards", func() bool {
		got, err := p.again()
		if err == nil && got != p.want || err != nil && !isFailure(err) {
			b.t.Errorf("afterwards, %s: %v%s", p.kind, err, differ(p.want, got))
			return true
		}
		return err == nil
	})
}

// differ tells two outputs apart, in short.
func differ(want, got string) string {
	switch {
	case want == got:
		return ""
	case len(want) > 100_000:
		return fmt.Sprintf("\n%d bytes, other than the %d of the file", len(got), len(want))
	}
	return fmt.Sprintf("\n%.2000s", cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")))
}

// failed matches what programs print of an error that a failure may be.
var failed = regexp.MustCompile(`Input/output error|Permission denied`)

// fails runs a program that has to fail with an error that says so, and may print nothing
// that is not true.
func (b *broken) fails(when string, p program) {
	out, errs, err := b.run(p.run[0], p.run[1:]...)
	if err == nil || !failed.MatchString(errs) || strings.Contains(errs, "No such file") {
		b.t.Errorf("%s, %s: %v: %.300s", when, p.kind, err, errs)
	}
	if got := p.shows(out); p.whole && got != "" || !strings.HasPrefix(p.want, got) {
		b.t.Errorf("%s, %s: printed what is not so:%s", when, p.kind, differ(p.want, got))
	}
}

// known checks what needs no request, and a folder that no fault is about.
func (b *broken) known() {
	if got, err := b.names(""); err != nil || got != "deep\ndir\nfilms\nknown\nother" {
		b.t.Errorf("the known root: %q, %v", got, err)
	}
	if got, err := b.stats("known"); err != nil || got != fiveSizes {
		b.t.Errorf("the known folder: %q, %v", got, err)
	}
	if err := syscall.Statfs(b.dir, &syscall.Statfs_t{}); err != nil {
		b.t.Errorf("statfs: %v", err)
	}
}

// fiveSizes is what stats shows of a folder with five small files.
const fiveSizes = "1000 0.mp4\n1001 1.mp4\n1002 2.mp4\n1003 3.mp4\n1004 4.mp4"

// A fault that passes is nobody's failure: what programs print is the same as without it.
// One that costs a caller all of its time is an error; the next try is right.
func TestPassingFaults(t *testing.T) {
	for _, faults := range []map[string]fault{passingFaults(), finals()} {
		for name, fault := range faults {
			t.Run(name, func(t *testing.T) {
				bulk(t)
				t.Parallel()
				timeout := 20 * time.Second
				if fault.slow {
					timeout = time.Second
				}
				b := mountBroken(t, timeout)
				times := 2
				if strings.HasSuffix(name, "for seconds") || fault.slow || fault.final {
					times = 1
				}
				b.inject(fault, times, ofListing, ofSizes, ofLink, ofContent)
				b.each(fault, func(p program) {
					if !fault.slow && !fault.final {
						b.right("in spite of it", p)
					} else if out, errs, err := b.run(p.run[0], p.run[1:]...); err == nil && p.shows(out) != p.want || err != nil && !failed.MatchString(errs) {
						t.Errorf("%s: %v: %.300s%s", p.kind, err, errs, differ(p.want, p.shows(out)))
					}
					b.heals(p)
					if n := b.strikes(p.kind); n == 0 || n > 2*2*times {
						t.Errorf("%s: struck %d times", p.kind, n)
					}
				})
			})
		}
	}
}

// A fault that stays is an error for what it is about, though half a folder and half a file
// may be there: never "No such file", never an empty folder or a part of one, never a
// part of a file without an error. All else works, and when the fault ends, so does that.
func TestLastingFaults(t *testing.T) {
	for _, faults := range []map[string]fault{passingFaults(), finals()} {
		for name, fault := range faults {
			t.Run(name, func(t *testing.T) {
				bulk(t)
				t.Parallel()
				b := mountBroken(t, time.Second)
				b.inject(fault, -1, page2, ofSizes, ofLink, ofContent)
				var beside sync.WaitGroup
				beside.Go(b.known)
				beside.Go(func() {
					if got, err := b.stats("other"); err != nil || got != fiveSizes {
						t.Errorf("another folder: %q, %v", got, err)
					}
				})
				b.each(fault, func(p program) {
					for _, path := range map[string][]string{
						ofListing: {"dir/007", "dir/missing"},
						ofSizes:   {"deep/sized/0.mp4"},
					}[p.kind] {
						beside.Go(func() {
							_, err := os.Lstat(filepath.Join(b.dir, path))
							if !isFailure(err) {
								t.Errorf("lstat of %s: %v", path, err)
							}
						})
					}
					b.fails("while it lasts", p)
				})
				beside.Wait()
				for _, kind := range []string{page2, ofSizes, ofLink, ofContent} {
					word, _, _ := strings.Cut(kind, " ")
					if n := b.strikes(kind); fault.sense(word) && (n == 0 || n > 8*attempts) {
						t.Errorf("%s: struck %d times", kind, n)
					}
					t.Logf("%s: %d", kind, b.strikes(kind))
				}
				b.heal()
				b.each(fault, b.heals)
			})
		}
	}
}

// isFailure reports whether an error is what a failure may be.
func isFailure(err error) bool {
	return errors.Is(err, syscall.EIO) || errors.Is(err, syscall.EACCES)
}

// What is odd but right is no fault, on any number of connections.
func TestQuirksOfTheNetwork(t *testing.T) {
	for name, quirk := range quirks() {
		t.Run(name, func(t *testing.T) {
			bulk(t)
			t.Parallel()
			b := mountBroken(t, 20*time.Second)
			b.inject(quirk, -1, "list ", "files ", "link ", "content ")
			b.each(fault{}, func(p program) { b.right("with it", p) })
			if diff := cmp.Diff(want(b.tree), b.find()); diff != "" {
				t.Error(diff)
			}
			if calls := b.service.Calls(); calls.Rejected > 0 || calls.Leaks > 0 {
				t.Errorf("%+v", calls)
			}
		})
	}
}

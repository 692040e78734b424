package fs

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// retriesOutlast says whether what fails at random, three times in ten, is tried again for
// so long that no caller ever sees it.
const retriesOutlast = true

// attempts is how often one request may be sent, at most.
const attempts = 15

// A fault that passes is nobody's failure: what programs print is the same as without it.
// One that costs a caller all of its time is an error; the next try is right.
func TestPassingFaults(t *testing.T) {
	for _, faults := range []map[string]fault{passingFaults(), finals()} {
		for name, fault := range faults {
			t.Run(name, func(t *testing.T) {
				sampled(t, name)
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
				sampled(t, name)
				bulk(t)
				t.Parallel()
				b := mountBroken(t, time.Second)
				b.inject(fault, -1, page2, ofSizes, ofLink, ofContent)
				var beside sync.WaitGroup
				beside.Go(b.known)
				beside.Go(func() {
					b.seen("other")
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

// What is odd but right is no fault, on any number of connections.
func TestQuirksOfTheNetwork(t *testing.T) {
	for name, quirk := range quirks() {
		t.Run(name, func(t *testing.T) {
			sampled(t, name)
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

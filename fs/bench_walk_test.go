package fs

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"sefs/apiclient/apitest"
)

// less is n, or less of it with -short, to see that a benchmark runs at all.
func less(n, short int) int {
	if testing.Short() {
		return short
	}
	return n
}

// walks are the trees that cold walks are measured on, with so many folders and files.
func walks() map[string]func() *apitest.Tree {
	ten := less(10, 3)
	return map[string]func() *apitest.Tree{
		"1110-nested": func() *apitest.Tree { return branches(20, ten, ten, ten) },
		"20x100x5":    func() *apitest.Tree { return branches(5, less(20, 2), less(100, 10)) },
		"100x50":      func() *apitest.Tree { return branches(50, less(100, 10)) },
	}
}

// BenchmarkFind walks a tree of which nothing is known, with one caller, at 50 ms a call.
// x is the time divided by what the calls take, so many at a time without a pause.
func BenchmarkFind(b *testing.B) {
	const trip = 50 * time.Millisecond
	for name, build := range walks() {
		tree := build()
		files, dirs := tree.Len()
		for _, order := range apitest.Orders() {
			for _, at := range []int{4, 8} {
				b.Run(fmt.Sprintf("%s/%v/concurrency=%d", name, order, at), func(b *testing.B) {
					var calls int
					var took time.Duration
					for b.Loop() {
						f := mount(b, setup{concurrency: at, prefetch: true, sweep: true,
							service: apitest.Options{Tree: tree, Order: order, Latency: trip}})
						began := time.Now()
						found := strings.Count(f.must("find", f.dir, "-mindepth", "1"), "\n")
						took += time.Since(began)
						if found != files+dirs {
							b.Fatalf("%d entries", found)
						}
						calls += f.service.Calls().Total
						f.unmount()
						f.service.Close()
					}
					b.ReportMetric(float64(calls)/float64(b.N), "calls")
					b.ReportMetric(took.Seconds()/(float64(calls)*trip.Seconds()/float64(at)), "x")
				})
			}
		}
	}
}

// BenchmarkHugeFolder lists a folder of 100,000 at 50 ms a call. x is the time divided by
// what its thousand pages take, so many at a time.
func BenchmarkHugeFolder(b *testing.B) {
	const trip = 50 * time.Millisecond
	files := less(100_000, 2000)
	tree := apitest.Flat(root, files)
	for _, at := range []int{1, 4, 8} {
		b.Run(fmt.Sprint("concurrency=", at), func(b *testing.B) {
			var calls int
			var took time.Duration
			for b.Loop() {
				f := mount(b, setup{concurrency: at, prefetch: true, sweep: true, service: apitest.Options{Tree: tree, Latency: trip}})
				began := time.Now()
				if n := strings.Count(f.must("ls", "-f", f.dir), "\n"); n != files+2 {
					b.Fatalf("%d names", n)
				}
				took += time.Since(began)
				calls += f.service.Calls().Total
				f.unmount()
				f.service.Close()
			}
			b.ReportMetric(float64(calls)/float64(b.N), "calls")
			b.ReportMetric(took.Seconds()/(float64(b.N*files/100)*trip.Seconds()/float64(at)), "x")
		})
	}
}

// BenchmarkListBesideAWalk has a second caller run ls on folders that are not known: for
// itself, then while another walks the tree. Each needs one call of 200 ms. The medians
// are in calls.
func BenchmarkListBesideAWalk(b *testing.B) {
	const trip = 200 * time.Millisecond
	ten, lists := less(10, 5), less(10, 3)
	for b.Loop() {
		tree := branches(5, ten, ten, ten)
		for i := range 2 * lists {
			tree.AddFile(fmt.Sprintf("other/%03d/file.mp4", i))
		}
		f := mount(b, setup{prefetch: true, sweep: true, service: apitest.Options{Tree: tree, Order: apitest.FolderOnly, Latency: trip}})
		f.must("ls", f.dir+"/other")
		median := func(from int) float64 {
			var waits []time.Duration
			for i := range lists {
				began := time.Now()
				f.must("ls", fmt.Sprintf("%s/other/%03d", f.dir, from+i))
				waits = append(waits, time.Since(began))
			}
			slices.Sort(waits)
			return waits[lists/2].Seconds() / trip.Seconds()
		}
		alone := median(0)
		find := exec.Command("find", f.dir)
		if err := find.Start(); err != nil {
			b.Fatal(err)
		}
		before := f.service.Calls().Total
		eventually(b, "the walk is under way", func() bool { return f.service.Calls().Total > before+8 })
		beside := median(lists)
		_ = find.Process.Kill()
		_ = find.Wait()
		b.ReportMetric(alone, "alone")
		b.ReportMetric(beside, "beside")
		f.unmount()
		f.service.Close()
	}
}

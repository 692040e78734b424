package fs

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sefs/apiclient/apitest"
)

// BenchmarkSequential reads a file of 1 GiB through a mount and with curl, in turns, from
// the same server. x is the mount's throughput divided by curl's.
func BenchmarkSequential(b *testing.B) {
	const size = 1 << 30
	for _, c := range []struct {
		name    string
		content apitest.ContentOptions
	}{
		{"0ms", apitest.ContentOptions{}},
		{"50ms", apitest.ContentOptions{FirstByte: 50 * time.Millisecond}},
		{"200MBps", apitest.ContentOptions{BytesPerSecond: 200e6}},
		{"50ms-100MBps-each", apitest.ContentOptions{FirstByte: 50 * time.Millisecond, PerConnection: 100e6}},
	} {
		b.Run(c.name, func(b *testing.B) {
			tree := apitest.NewTree(root)
			tree.Add("big.mp4", apitest.File{Size: size, Kind: apitest.Video})
			f := mount(b, setup{service: apitest.Options{Tree: tree, Content: c.content}})
			var mounted, curled, cpu time.Duration
			b.ResetTimer()
			for range b.N {
				f.unmount()
				f.mount(setup{})
				f.service.ResetCalls()
				before := cpuTime()
				began := time.Now()
				if out, err := exec.Command("dd", "if="+filepath.Join(f.dir, "big.mp4"), "of=/dev/null", "bs=1M").CombinedOutput(); err != nil {
					b.Fatalf("dd: %v: %s", err, out)
				}
				mounted += time.Since(began)
				cpu += cpuTime() - before
				if n := f.service.Calls().ContentBytes; n > size+maxWindow {
					b.Errorf("%d bytes fetched", n)
				}
				began = time.Now()
				if out, err := exec.Command("curl", "-sS", "-o", "/dev/null", link(b, f, "big.mp4")).CombinedOutput(); err != nil {
					b.Fatalf("curl: %v: %s", err, out)
				}
				curled += time.Since(began)
			}
			b.ReportMetric(float64(b.N)*size/1e6/mounted.Seconds(), "MB/s")
			b.ReportMetric(float64(b.N)*size/1e6/curled.Seconds(), "curl-MB/s")
			b.ReportMetric(curled.Seconds()/mounted.Seconds(), "x")
			b.ReportMetric(cpu.Seconds()/float64(b.N), "cpu-s/op")
		})
	}
}

// BenchmarkRandom reads 64 KiB at 200 random places of a cold file, 50 ms to the first
// byte. trips is the median of a read divided by that.
func BenchmarkRandom(b *testing.B) {
	const size, trip = 1 << 30, 50 * time.Millisecond
	for b.Loop() {
		f := mount(b, setup{service: apitest.Options{Tree: fileOf(size), Content: apitest.ContentOptions{FirstByte: trip}}})
		file, err := os.Open(filepath.Join(f.dir, "film.mp4"))
		if err != nil {
			b.Fatal(err)
		}
		random, buf := rand.New(rand.NewPCG(5, 5)), make([]byte, 64<<10)
		var took []time.Duration
		for range 200 {
			began := time.Now()
			if _, err := file.ReadAt(buf, random.Int64N(size-64<<10)); err != nil {
				b.Fatal(err)
			}
			took = append(took, time.Since(began))
		}
		slices.Sort(took)
		b.ReportMetric(took[100].Seconds()/trip.Seconds(), "trips")
		b.ReportMetric(float64(f.service.Calls().ContentBytes)/200, "bytes/read")
		_ = file.Close()
		f.unmount()
		f.service.Close()
	}
}

// cpuTime is what this process and its children have used: server, mount and readers.
func cpuTime() (sum time.Duration) {
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var r syscall.Rusage
		if syscall.Getrusage(who, &r) == nil {
			sum += time.Duration(r.Utime.Nano() + r.Stime.Nano())
		}
	}
	return sum
}

// link asks the service for a link to a file, as any client may.
func link(t testing.TB, f *fixture, rel string) string {
	t.Helper()
	out, err := exec.Command("curl", "-sS", "-u", fmt.Sprintf("%d:%s", f.service.CDN(), f.service.Secret()),
		f.service.FilesURL()+"download/"+rel).Output()
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(out), `"url":"`)
	address, _, _ := strings.Cut(rest, `"`)
	return strings.ReplaceAll(address, `\/`, "/")
}

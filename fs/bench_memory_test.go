package fs

import (
	"encoding/json"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"sefs/apiclient/apitest"
)

// serveDeed serves the given number of folders with so many files in each, in folders of a
// hundred, until its input ends. It prints the account.
func serveDeed(args []string) int {
	folders, err := strconv.Atoi(args[0])
	if err != nil {
		return fail(os.Stderr, "%v", err)
	}
	files, err := strconv.Atoi(args[1])
	if err != nil {
		return fail(os.Stderr, "%v", err)
	}
	service, err := apitest.New(apitest.Options{Tree: branches(files, max(folders/100, 1), min(folders, 100))})
	if err != nil {
		return fail(os.Stderr, "%v", err)
	}
	defer service.Close()
	if err := json.NewEncoder(os.Stdout).Encode(accountOf(service)); err != nil {
		return fail(os.Stderr, "%v", err)
	}
	_, _ = os.Stdin.Read(make([]byte, 1))
	return 0
}

// serve serves a tree from a process of its own, so that its memory is not in ours.
func serve(b *testing.B, folders, files int) (a account) {
	b.Helper()
	cmd := exec.Command(os.Args[0], strconv.Itoa(folders), strconv.Itoa(files))
	cmd.Env = append(os.Environ(), "SEFS_TEST_DEED=serve")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	if err := json.NewDecoder(out).Decode(&a); err != nil {
		b.Fatal(err)
	}
	return a
}

// inUse returns the bytes of our heap that are in use, and of memory that we have.
func inUse(b *testing.B) (heap, resident float64) {
	b.Helper()
	time.Sleep(time.Second) // for what ends with the last request
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		b.Fatal(err)
	}
	return float64(m.HeapAlloc), float64(pages * os.Getpagesize())
}

// BenchmarkMemory walks a million files in 10,000 folders, by name and with attributes. It
// tells the bytes for each entry after the walk, after the kernel dropped what it caches,
// and after more walks.
func BenchmarkMemory(b *testing.B) {
	folders, files := less(10_000, 100), 100
	for _, program := range []string{"find", "ls -lR"} {
		b.Run(program, func(b *testing.B) {
			a := serve(b, folders, files)
			for b.Loop() {
				f := mountAccount(b, a, setup{prefetch: true, sweep: true, memory: 2 << 30})
				entries := float64(folders*files + folders + folders/100)
				heap0, rss0 := inUse(b)
				walk := func() {
					f.runDiscarding(append(strings.Fields(program), f.dir)...)
				}
				report := func(when string) {
					heap, rss := inUse(b)
					b.ReportMetric((heap-heap0)/entries, "heap-"+when)
					b.ReportMetric((rss-rss0)/entries, "rss-"+when)
				}
				walk()
				report("walked")
				if err := os.WriteFile("/proc/sys/vm/drop_caches", []byte("2"), 0); err != nil {
					b.Logf("the kernel keeps what it has: %v", err)
				} else {
					report("dropped")
				}
				for range less(19, 2) {
					walk()
				}
				report("walked-on")
				b.ReportMetric(float64(f.memory.Used())/entries, "budget")
				f.unmount()
			}
		})
	}
}

// runDiscarding runs a program whose output is too much to be kept here.
func (f *fixture) runDiscarding(args ...string) {
	f.t.Helper()
	if err := exec.Command(args[0], args[1:]...).Run(); err != nil {
		f.t.Fatalf("%v: %v", args, err)
	}
}

package fs

import (
	"context"
	"os"
	"runtime"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// All threads of a process are one caller.
func TestCaller(t *testing.T) {
	tree := newTree(Options{})
	of := func(tid int) int {
		return tree.caller(fuse.NewContext(context.Background(), &fuse.Caller{Pid: uint32(tid)}))
	}
	threads, done := make(chan int), make(chan struct{})
	defer close(done)
	for range 3 {
		go func() {
			runtime.LockOSThread() // so that each has a thread of its own, which ends with it
			threads <- syscall.Gettid()
			<-done
		}()
	}
	for range 3 {
		tid := <-threads
		for range 2 { // read, then remembered
			if got := of(tid); got != os.Getpid() {
				t.Errorf("thread %d belongs to %d, want %d", tid, got, os.Getpid())
			}
		}
	}
	const nobody = 1<<22 + 1 // above the greatest number that a process can have
	if got := of(nobody); got != nobody {
		t.Errorf("a thread that is gone belongs to %d", got)
	}
	if got := of(0); got != 0 {
		t.Errorf("no thread belongs to %d", got)
	}
	if got := tree.caller(context.Background()); got != 0 {
		t.Errorf("nobody's request is %d's", got)
	}
}

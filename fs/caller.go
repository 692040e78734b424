package fs

import (
	"bytes"
	"context"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"github.com/hashicorp/golang-lru/v2/simplelru"

	"sefs/apiclient"
)

const (
	// maxThreads is of how many threads it is remembered whose they are.
	maxThreads = 1024
	// threadLife is for how long that counts: thread numbers are used again.
	threadLife = 10 * time.Second
)

// callers knows to which processes the threads belong that ask for something. It is safe
// for concurrent use.
type callers struct {
	// mu protects threads. It is not held while /proc is read.
	mu      sync.Mutex
	threads *simplelru.LRU[int, thread]
}

// thread is one thread of a process.
type thread struct {
	process int
	seen    time.Time // when that was read
}

func newCallers() *callers {
	threads, err := simplelru.NewLRU[int, thread](maxThreads, nil)
	if err != nil {
		panic(err) // only a size below one is refused
	}
	return &callers{threads: threads}
}

// caller is the process that the kernel's request came from, or its thread if that cannot
// be known; 0 if neither is.
func (t *tree) caller(ctx context.Context) int {
	c, ok := fuse.FromContext(ctx)
	if !ok || c.Pid == 0 {
		return 0 // from another PID namespace, or the kernel itself
	}
	return t.callers.process(int(c.Pid))
}

// called returns the context of a request with the process that it came from: the calls
// that it begins are made for that.
func (t *tree) called(ctx context.Context) context.Context {
	return apiclient.Caller(ctx, t.caller(ctx))
}

// process is the process that a thread belongs to.
func (c *callers) process(tid int) int {
	now := time.Now()
	c.mu.Lock()
	known, ok := c.threads.Get(tid)
	c.mu.Unlock()
	if ok && now.Sub(known.seen) < threadLife {
		return known.process
	}
	process := threadGroup(tid)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.threads.Add(tid, thread{process, now})
	return process
}

// threadGroup reads from /proc which process a thread belongs to. It is the thread itself
// if that is not to be read.
func threadGroup(tid int) int {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(tid) + "/status")
	if err != nil {
		return tid
	}
	_, rest, _ := bytes.Cut(status, []byte("\nTgid:"))
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	process, err := strconv.Atoi(string(bytes.TrimSpace(line)))
	if err != nil || process <= 0 {
		return tid
	}
	return process
}

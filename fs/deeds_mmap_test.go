package fs

import (
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

// mmapDeed maps a file and writes the pages at the given offsets, or all of it.
func mmapDeed(args []string) int {
	file, err := os.Open(args[0])
	if err != nil {
		return fail(os.Stderr, "%v", err)
	}
	info, err := file.Stat()
	if err != nil {
		return fail(os.Stderr, "%v", err)
	}
	data, err := syscall.Mmap(int(file.Fd()), 0, int(info.Size()), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return fail(os.Stderr, "mmap: %v", err)
	}
	for _, arg := range args[1:] {
		page := data
		if arg != "all" {
			offset, err := strconv.ParseInt(arg, 10, 64)
			if err != nil {
				return fail(os.Stderr, "%v", err)
			}
			page = data[offset : offset+4096]
		}
		copied := append([]byte(nil), page...) // here the faults are
		if _, err := os.Stdout.Write(copied); err != nil {
			return fail(os.Stderr, "%v", err)
		}
	}
	return 0
}

// holdDeed maps a file, touches its first page, says so, and writes that page when it is
// told to: it has to be what it was.
func holdDeed(args []string) int {
	file, err := os.Open(args[0])
	if err != nil {
		return fail(os.Stderr, "%v", err)
	}
	data, err := syscall.Mmap(int(file.Fd()), 0, 4096, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return fail(os.Stderr, "mmap: %v", err)
	}
	first := data[0]
	if _, err := os.Stdout.WriteString("held\n"); err != nil || first != data[0] {
		return fail(os.Stderr, "%v", err)
	}
	if _, err := os.Stdin.Read(make([]byte, 1)); err != nil {
		return fail(os.Stderr, "%v", err)
	}
	if _, err := os.Stdout.Write(data); err != nil {
		return fail(os.Stderr, "%v", err)
	}
	return 0
}

// signalledDeed is mmapDeed under a rain of signals that the program handles.
func signalledDeed(args []string) int {
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, syscall.SIGUSR1)
	defer signal.Stop(heard)
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		for {
			select {
			case <-ended:
				return
			case <-heard:
			case <-time.After(3 * time.Millisecond):
				threads, _ := os.ReadDir("/proc/self/task")
				for _, thread := range threads {
					if tid, err := strconv.Atoi(thread.Name()); err == nil {
						_ = syscall.Tgkill(os.Getpid(), tid, syscall.SIGUSR1)
					}
				}
			}
		}
	}()
	return mmapDeed(args)
}

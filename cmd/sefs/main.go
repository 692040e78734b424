// Command sefs mounts ScaleEngine storage as a read-only file system.
//
// Every verb is one file with a constructor of its command. What `mount` does is
// spread over few files in the order in which it happens: options.go and
// settings.go (what is wanted), mountpoint.go, credentials.go and fuse.go (what
// can be checked without the service), background.go (the process that stays)
// attach.go (the service asked, the mount made) and detach.go (the end waited for).
// exit.go says which failure ends with which line and exit code.
package main

import (
	"context"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// net/http writes there what a server sends behind an answer, and that may be part of a
	// link.
	log.SetOutput(io.Discard)
	os.Exit(start())
}

// start runs the program under a context that ends with the first signal.
func start() int {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	// A closed terminal must not leave a dead mount behind, but nohup's wish to
	// outlive it is kept: catching the signal would undo that.
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := untilSignal(signals...)
	defer stop()
	sealSecrets()
	return run(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr)
}

// run is the program without its process: it carries out args and returns the
// exit code. Environment and streams are what it is given, nothing else.
func run(ctx context.Context, args, environ []string, stdin io.Reader, stdout, stderr io.Writer) int {
	p := &process{args: args, environ: environ, stdin: stdin, stdout: stdout, stderr: stderr, memoryLimit: cgroupLimit}
	if path := p.env(probeVariable); path != "" {
		return probe(path)
	}
	p.starter = starterFrom(p.env(readyVariable))
	root := newRootCommand(p)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return p.end(root.ExecuteContext(ctx))
}

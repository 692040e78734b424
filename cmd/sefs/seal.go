package main

import (
	"io"
	"log"

	"golang.org/x/sys/unix"
)

// sealSecrets closes the ways on which a secret could leave this process that no error
// and no log line of its own takes.
func sealSecrets() {
	// A core holds all memory. That there is none is all that can fail here.
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	// net/http writes here what a host sent unasked, and all headers, if the
	// environment says GODEBUG=http2debug=1. What matters of it comes as an error too.
	log.SetOutput(io.Discard)
}

package fs

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// signals is a set of signals as /proc writes it: bit 0 is signal 1.
type signals uint64

const (
	sigKill     = 1 << (syscall.SIGKILL - 1)
	sigHarmless = 1<<(syscall.SIGCHLD-1) | 1<<(syscall.SIGCONT-1) | 1<<(syscall.SIGURG-1) | 1<<(syscall.SIGWINCH-1) |
		1<<(syscall.SIGSTOP-1) | 1<<(syscall.SIGTSTP-1) | 1<<(syscall.SIGTTIN-1) | 1<<(syscall.SIGTTOU-1)
	// sigAsks are those by which people and supervisors tell programs to end.
	sigAsks = 1<<(syscall.SIGINT-1) | 1<<(syscall.SIGTERM-1) | 1<<(syscall.SIGHUP-1) | 1<<(syscall.SIGQUIT-1)
)

// signalState is what a thread has to do with signals.
type signalState struct {
	pending signals // sent to it or its process, and not acted on yet
	blocked signals
	ignored signals
	caught  signals
	waits   bool // whether it waits in the kernel and can only be killed
}

// ends reports whether a thread that waits shall be let go: because a signal ends it as soon
// as it does not wait any more, or because it handles one by which it was asked to end, and
// can do so only then. (One that ends a process without a core is pending as SIGKILL in all
// its threads.)
func (s signalState) ends() bool {
	act := s.pending &^ s.blocked &^ s.ignored
	deadly := act &^ s.caught &^ sigHarmless
	return s.pending&sigKill != 0 || deadly != 0 || act&s.caught&sigAsks != 0
}

// readSignals reads from /proc how a thread stands.
func readSignals(thread int) (signalState, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(thread) + "/status")
	if err != nil {
		return signalState{}, err
	}
	return parseSignals(text)
}

func parseSignals(text []byte) (s signalState, err error) {
	var own, shared signals
	fields := map[string]*signals{
		"SigPnd": &own, "ShdPnd": &shared, "SigBlk": &s.blocked, "SigIgn": &s.ignored, "SigCgt": &s.caught,
	}
	found := 0
	for line := range bytes.Lines(text) {
		key, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		if string(key) == "State" {
			s.waits = bytes.HasPrefix(value, []byte("D"))
		}
		set := fields[string(key)]
		if set == nil {
			continue
		}
		n, err := strconv.ParseUint(string(value), 16, 64)
		if err != nil {
			return s, fmt.Errorf("%s of a thread: %w", key, err)
		}
		*set = signals(n)
		found++
	}
	s.pending = own | shared
	if found < len(fields) {
		return s, fmt.Errorf("%d of %d sets of signals of a thread are told", found, len(fields))
	}
	return s, nil
}

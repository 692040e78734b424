package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// readyVariable tells a process in the background on which descriptor its starter
// listens. It does not begin with SEFS_, so it is no setting.
const readyVariable = "_SEFS_READY_FD"

// readyFD is that descriptor: the first that os/exec passes on.
const readyFD = "3"

// report is what the process in the background tells its starter, once.
type report struct {
	Ready bool
	Code  int
	Text  string
}

// starter is the way to the `sefs mount` that waits for this process to be ready.
// A nil starter hears nothing.
type starter struct{ pipe *os.File }

// starterFrom returns the starter that the environment tells of, or nil.
func starterFrom(value string) *starter {
	if value != readyFD {
		return nil
	}
	// No program that is started from here may hold the pipe open.
	unix.CloseOnExec(3)
	return &starter{os.NewFile(3, "starter")}
}

// tell sends the report. Only the first is sent. It fails if nobody listens any
// more.
func (s *starter) tell(r report) error {
	if s == nil || s.pipe == nil {
		return nil
	}
	err := json.NewEncoder(s.pipe).Encode(r)
	err = errors.Join(err, s.pipe.Close())
	s.pipe = nil
	return err
}

// listen waits for a report. It returns false if the process ended without one.
func listen(pipe io.Reader) (r report, told bool) {
	err := json.NewDecoder(pipe).Decode(&r)
	return r, err == nil
}

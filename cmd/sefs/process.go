package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// process is what a verb sees of the process that it runs in.
type process struct {
	args           []string
	environ        []string
	stdin          io.Reader
	stdout, stderr io.Writer
	// starter is the `sefs mount` that waits for this one in the background to
	// be ready; nil in every other process.
	starter *starter
	// memoryLimit tells how many bytes of memory may be used; 0 is not known, and nil is
	// nobody to ask.
	memoryLimit func() uint64
}

// env returns an environment variable, or "". The last of several counts, as
// with os/exec.
func (p *process) env(name string) (value string) {
	for _, e := range p.environ {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			value = v
		}
	}
	return value
}

// notice prints a line that is no failure where the user, or the log, sees it.
func (p *process) notice(format string, args ...any) {
	fmt.Fprintln(p.stderr, "sefs: "+oneLine(fmt.Sprintf(format, args...)))
}

// end prints why a verb failed, as one line, and returns the exit code.
func (p *process) end(err error) int {
	if err == nil {
		return exitDone
	}
	var f *failure
	if !errors.As(err, &f) {
		f = &failure{code: exitFailed, text: err.Error()}
	}
	p.notice("%s", f.text)
	for _, line := range f.detail {
		fmt.Fprintln(p.stderr, "  "+oneLine(line))
	}
	_ = p.starter.tell(report{Code: f.code, Text: f.text}) // it also sees that we end
	return f.code
}

// oneLine makes text from elsewhere fit for one line of a terminal: a service's
// message must not be able to move the cursor or to look like several lines.
func oneLine(text string) string {
	printable := strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case r != ' ' && !unicode.IsPrint(r): // marks that turn the direction of text among them
			return '?'
		}
		return r
	}, text)
	return strings.TrimSpace(printable)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"sefs/apiclient"
	"sefs/cache"
)

// Exit codes. Scripts rely on them; exitCodes below is what users read.
const (
	exitDone = iota
	exitFailed
	exitUsage
	exitMountpoint
	exitCredentials
	exitRemote
	exitService
	exitClock
	exitFUSE
)

const exitCodes = `Exit codes:
  0  done
  1  failed, for a reason not below (a mount in use, an interrupt)
  2  usage: a flag, variable, config file or argument is wrong
  3  the mount point: missing, no folder, not empty, already or not a mount
  4  credentials are missing or refused
  5  REMOTE is unknown to the service, or empty
  6  the service cannot be reached, or fails
  7  this machine's clock is wrong
  8  FUSE is missing or not permitted`

const interrupted = "interrupted: nothing is mounted"

// failure is an error in words for the user, with the exit code it ends in.
type failure struct {
	code   int
	text   string   // one line: what is wrong and what to do
	detail []string // further lines, for what one line cannot hold
}

func (f *failure) Error() string { return f.text }

func fail(code int, format string, args ...any) error {
	return &failure{code: code, text: fmt.Sprintf(format, args...)}
}

// cause is one row of the table from what the service's client reports to what
// the user reads.
type cause struct {
	code int
	is   func(error) bool
	say  func(error) string
}

// causes is that table; the first row that fits counts, the last fits always.
func causes(s *settings, remote string) []cause {
	// where says which host an error is about, and what to look at.
	where := func(err error) (host, check string) {
		var e *apiclient.Error
		switch {
		case errors.As(err, &e) && e.Op == "read":
			return "the download host", "REMOTE"
		case errors.As(err, &e) && strings.HasPrefix(e.Op, "v1 "), s.lister == "v1":
			return hostOf(s.filesAddress(remote)), "--files-url"
		}
		return hostOf(s.apiURL), "--api-url"
	}
	return []cause{
		{exitFailed, wraps(context.Canceled), func(error) string { return interrupted }},
		{exitRemote, wraps(cache.ErrEmptyRoot), func(err error) string {
			return remote + " is unknown to the service or empty: check REMOTE" + elsewhere(err) +
				", or mount it as it is with --allow-empty"
		}},
		{exitRemote, refusesPath, func(err error) string {
			return fmt.Sprintf("the service refuses %s: check REMOTE%s (%v)", remote, elsewhere(err), err)
		}},
		{exitCredentials, hasCode("0001"), func(error) string {
			return fmt.Sprintf("the service refused the API key (code 0001): check --api-key, and that it belongs to --cdn %d", s.cdn)
		}},
		{exitCredentials, hasCode("0003"), func(error) string {
			return "the service refused the signature (code 0003): check the API secret (SEFS_API_SECRET or --api-secret-file)"
		}},
		{exitCredentials, apiclient.IsAuth, func(err error) string {
			return fmt.Sprintf("the service refused access: %v: ask ScaleEngine whether this account may use the API", err)
		}},
		{exitClock, apiclient.IsClock, func(err error) string {
			return "the service refused the time of the request (code 0002): " + clockIs(err) +
				": set it, for example with timedatectl set-ntp true"
		}},
		{exitService, wraps(context.DeadlineExceeded), func(err error) string {
			host, _ := where(err)
			return fmt.Sprintf("no answer from %s within --timeout %s: check the network, or give it longer (%v)", host, s.timeout, err)
		}},
		{exitFailed, apiclient.IsChanged, func(error) string {
			return remote + " changed while it was read: try again"
		}},
		{exitRemote, apiclient.IsNotExist, func(err error) string {
			return fmt.Sprintf("the service has no bytes of %s: it may not be there any more, or be of a kind that cannot be downloaded (%v)", remote, err)
		}},
		{exitService, apiclient.IsUntrusted, func(err error) string {
			host, _ := where(err)
			return fmt.Sprintf("%s shows a certificate that is not believed: check the network and any proxy, or give the certificate of your own authority with --ca-file (%v)", host, err)
		}},
		{exitService, noAnswer, func(err error) string {
			host, check := where(err)
			return fmt.Sprintf("%s gives no answer: check %s, the network and any proxy (%v)", host, check, err)
		}},
		{exitService, apiclient.IsTemporary, func(err error) string {
			host, _ := where(err)
			return fmt.Sprintf("the service at %s is failing: try again later (%v)", host, err)
		}},
		{exitService, func(error) bool { return true }, func(err error) string {
			host, check := where(err)
			return fmt.Sprintf("the service at %s did not do what was asked: check %s and REMOTE (%v)", host, check, err)
		}},
	}
}

// explain turns what went wrong between us and the service into a failure.
func explain(err error, s *settings, remote string) error {
	var f *failure
	if err == nil || errors.As(err, &f) {
		return err
	}
	for _, c := range causes(s, remote) {
		if c.is(err) {
			return fail(c.code, "%s", c.say(err))
		}
	}
	return err
}

func wraps(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

func hasCode(code string) func(error) bool {
	return func(err error) bool {
		var e *apiclient.Error
		return errors.As(err, &e) && e.Code == code
	}
}

// refusesPath reports whether the service answered with a failure that may be about a
// path it does not know: none that it documents is, unless it means a field by 0006.
func refusesPath(err error) bool {
	var e *apiclient.Error
	return errors.As(err, &e) && e.Err == nil && !e.Malformed && e.Status == http.StatusOK &&
		!slices.Contains([]string{"0000", "0001", "0002", "0003", "0004", "0005", "0100", "1000"}, e.Code)
}

// noAnswer reports whether not even a bad answer came.
func noAnswer(err error) bool {
	var e *apiclient.Error
	return errors.As(err, &e) && e.Status == 0 && e.Err != nil
}

// clockIs says how wrong the clock is, as far as the service told.
func clockIs(err error) string {
	var e *apiclient.Error
	if !errors.As(err, &e) || e.Skew.Abs() < time.Second {
		return "this machine's clock is wrong"
	}
	way := "behind"
	if e.Skew < 0 {
		way = "ahead of"
	}
	return fmt.Sprintf("this machine's clock is %s %s the service's", e.Skew.Abs().Round(time.Second), way)
}

// elsewhereError adds to an unknown REMOTE where the account's files are.
type elsewhereError struct {
	error
	storages []string
}

func (e *elsewhereError) Unwrap() error { return e.error }

func elsewhere(err error) string {
	var e *elsewhereError
	if !errors.As(err, &e) || len(e.storages) == 0 {
		return ""
	}
	return " (this account's files are on " + strings.Join(e.storages, ", ") + ")"
}

// hostOf is the host of an address that was checked before.
func hostOf(address string) string {
	if u, err := url.Parse(address); err == nil {
		return u.Host
	}
	return address
}

package apiclient

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Codes of the service (response codes page).
const (
	codeUnauthorized = "0001" // wrong key, or not authorised for that CDN
	codeClock        = "0002" // timestamp outside the window
	codeSignature    = "0003" // wrong secret
	codeUnexpected   = "0004"
	codeForbidden    = "0005"
	codeOverloaded   = "1000"
	// codeAccess is what v1 calls a refusal (upload page).
	codeAccess = "ACCESS_VIOLATION"
)

// Error is a call that failed. Which failure it is, is asked with [IsAuth],
// [IsClock], [IsNotExist], [IsChanged], [IsUnavailable] and [IsTemporary]; the text is for people. It holds no secret.
type Error struct {
	Op      string // the command, such as files.list, or what was asked of v1
	Path    string // the path it was about, if any
	Code    string // the service's code, four digits for the command API; "" if it gave none
	Status  int    // the HTTP status; 0 if no answer came
	Message string // what the service said, or what came instead of an answer
	// RetryAfter is how long the service asks to be left alone; 0 if it did not say.
	RetryAfter time.Duration
	// Skew is how far the service's clock is ahead, for [IsClock] errors.
	Skew time.Duration
	// Malformed is set if an answer came that is none: HTML, half a body, nonsense.
	Malformed bool
	// TooLarge is set if an answer was larger than what is read of one.
	TooLarge bool
	// NotExist is set if the service said that there is no such file.
	NotExist bool
	// Changed is set if bytes came that belong to another version of the file.
	Changed bool
	// Err is the cause where there is one: a transport error, an ended context.
	Err error

	unwanted    bool // see FailedAhead
	unavailable bool // see IsUnavailable
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Path != "" {
		fmt.Fprintf(&b, " %q", e.Path)
	}
	if e.Code != "" {
		fmt.Fprintf(&b, ": code %s", e.Code)
	}
	if e.Status != 0 && e.Status != 200 {
		fmt.Fprintf(&b, ": HTTP status %d", e.Status)
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// IsAuth reports whether the service refused the key, the secret or the account:
// codes 0001, 0003, 0005, HTTP 401 and 403.
func IsAuth(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code {
	case codeUnauthorized, codeSignature, codeForbidden, codeAccess:
		return true
	case "":
		return e.Status == 401 || e.Status == 403
	}
	return false
}

// IsClock reports whether the service found the time of a request wrong, also
// after the clock was corrected by the service's own: code 0002.
func IsClock(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == codeClock
}

// IsNotExist reports whether the service said that there is no such file.
func IsNotExist(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.NotExist
}

// IsChanged reports whether the file is no longer the version that was asked for.
func IsChanged(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Changed
}

// IsUntrusted reports whether a host's certificate was not believed. Nothing was sent
// then. It is temporary: a wrong network on the way may be the cause.
func IsUntrusted(err error) bool {
	var e *tls.CertificateVerificationError
	return errors.As(err, &e)
}

// IsTooLarge reports whether an answer was larger than what is read of one.
func IsTooLarge(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.TooLarge
}

// IsMalformed reports whether an answer came that is none, or contradicts others, or is
// larger than what is read of one.
func IsMalformed(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.Malformed || e.TooLarge)
}

// IsTemporary reports whether the same call may well succeed later: the network
// failed, HTTP 408, 429 and 5xx, codes 0004 and 1000, or an answer that is none.
// A call that its caller ended is not temporary, one that ran out of time is.
func IsTemporary(err error) bool {
	var e *Error
	if !errors.As(err, &e) || errors.Is(err, context.Canceled) {
		return false
	}
	switch {
	case e.NotExist || e.Changed || e.TooLarge:
		return false
	case e.Code == codeUnexpected || e.Code == codeOverloaded:
		return true
	case e.Code != "":
		return false
	case e.Status == 408 || e.Status == 429 || e.Status >= 500:
		return true
	case e.Status/100 == 4:
		return false
	}
	return e.Malformed || e.Err != nil
}

// IsUnavailable reports whether a call was given up, or not made at all, since the service
// has given no answer for a while. Such an error is temporary as well.
func IsUnavailable(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.unavailable
}

// malformed is the error for an answer that is no answer; what says what came.
func malformed(format string, args ...any) *Error {
	return &Error{Malformed: true, Message: fmt.Sprintf(format, args...)}
}

// clean makes text of the service fit for one line of a log or a terminal.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > 200 {
		text = string(runes[:200]) + "…"
	}
	return strings.TrimSpace(text)
}

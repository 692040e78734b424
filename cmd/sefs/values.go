package main

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// listKind marks options that may be a list in the config file.
const listKind = "list"

// modeKind marks options that are octal: a TOML number would be read as decimal.
const modeKind = "octal"

// positive reads a duration above 0.
func positive(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, errors.New("a duration above 0 is needed, such as 90s, 5m or 1h30m")
	}
	return d, nil
}

// wholeNumber reads a number that is not below least.
func wholeNumber(text string, least int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < least {
		return 0, fmt.Errorf("a whole number of at least %d is needed", least)
	}
	return n, nil
}

// ownerID reads a user or group number. The largest means "none" to the kernel.
func ownerID(text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n == math.MaxUint32 {
		return 0, errors.New("a number is needed, as id prints it")
	}
	return uint32(n), nil
}

// permissions reads an octal mode such as 0444.
func permissions(text string) (uint32, error) {
	n, err := strconv.ParseUint(strings.TrimPrefix(text, "0o"), 8, 32)
	if err != nil || n > 0o777 {
		return 0, errors.New("an octal mode from 0000 to 0777 is needed, such as 0444")
	}
	return uint32(n), nil
}

// byteSize reads a size such as 256MiB. A bare letter means the binary unit, as
// in most tools; KB, MB and GB are left out, since half of the world reads them
// one way and half the other.
func byteSize(text string) (int64, error) {
	digits := strings.TrimRight(text, "BKMGTi")
	n, err := strconv.ParseInt(digits, 10, 64)
	shift, known := map[string]int{
		"": 0, "B": 0, "K": 10, "KiB": 10, "M": 20, "MiB": 20, "G": 30, "GiB": 30, "T": 40, "TiB": 40,
	}[text[len(digits):]]
	if err != nil || !known || n < 0 || n > math.MaxInt64>>shift {
		return 0, errors.New("a size is needed, such as 64MiB or 1GiB")
	}
	return n << shift, nil
}

func oneOf(text string, allowed ...string) (string, error) {
	for _, a := range allowed {
		if text == a {
			return text, nil
		}
	}
	return "", fmt.Errorf("%s is needed", strings.Join(allowed, " or "))
}

// absolute makes a path independent of the working folder, which the process in
// the background leaves. No path stays no path.
func absolute(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	return filepath.Abs(path)
}

// cleanRemote checks REMOTE and returns it without needless slashes.
func cleanRemote(remote string) (string, error) {
	const form = "REMOTE is sestore<number>/account[/folder…], such as sestore4/jb"
	var parts []string
	for part := range strings.SplitSeq(remote, "/") {
		switch part {
		case "":
		case ".", "..":
			return "", fail(exitUsage, "REMOTE %q: %q is no folder of the storage; write the folder's own path: %s", remote, part, form)
		default:
			parts = append(parts, part)
		}
	}
	if len(parts) == 0 || !isStorage(parts[0]) {
		return "", fail(exitUsage, "REMOTE %q does not begin with a storage: %s (sefs storages lists yours)", remote, form)
	}
	if len(parts) == 1 {
		return "", fail(exitUsage, "REMOTE %q has no account: %s", remote, form)
	}
	return strings.Join(parts, "/"), nil
}

// isStorage reports whether name is sestore and a number.
func isStorage(name string) bool {
	number, ok := strings.CutPrefix(name, "sestore")
	return ok && number != "" && strings.Trim(number, "0123456789") == ""
}

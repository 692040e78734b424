package apitest

import (
	"net/http"
	"strconv"
	"strings"
)

// byteRange is what a Range header asks for.
type byteRange struct {
	from   int64
	length int64 // -1: all to the end
}

// parseRange reads the values of the Range header; nil stands for none. The download host knows
// "bytes=a-b" and "bytes=a-"; what else there may be is minded.
func parseRange(values []string) (*byteRange, *refusal) {
	if len(values) == 0 {
		return nil, nil
	}
	bad := &refusal{status: http.StatusBadRequest, code: "content", message: "the range is not understood: " + strings.Join(values, "; ")}
	spec, ok := strings.CutPrefix(values[0], "bytes=")
	first, last, dash := strings.Cut(spec, "-")
	if !ok || !dash || len(values) != 1 {
		return nil, bad
	}
	from, err := strconv.ParseUint(first, 10, 63)
	if err != nil {
		return nil, bad
	}
	if last == "" {
		return &byteRange{int64(from), -1}, nil
	}
	to, err := strconv.ParseUint(last, 10, 63)
	if err != nil || to < from {
		return nil, bad
	}
	return &byteRange{int64(from), int64(to-from) + 1}, nil
}

// clip returns what of a file of the given size is in the range, which begins before its end.
func (r byteRange) clip(size int64) (from, length int64) {
	if r.length < 0 || r.length > size-r.from {
		return r.from, size - r.from
	}
	return r.from, r.length
}

// ifRange says whether a range may be answered under an If-Range header: it is the strong ETag, or the
// date to the second. Weak ETags never do.
func ifRange(header, etag, modified string) bool {
	switch {
	case header == "":
		return true
	case strings.HasPrefix(header, `"`) || strings.HasPrefix(header, "W/"):
		return strongMatch(header, etag)
	}
	return header == modified
}

// strongMatch says whether two ETags are the same strong one.
func strongMatch(a, b string) bool { return a == b && strings.HasPrefix(a, `"`) }

package apiclient

import (
	"net/http"
	"strings"
)

// Validator tells versions of a file's bytes apart, as far as the server that sends
// them says something: the ETag and Last-Modified headers, as they came.
type Validator struct{ ETag, Modified string }

func validatorOf(h http.Header) Validator {
	return Validator{ETag: h.Get("ETag"), Modified: h.Get("Last-Modified")}
}

// Known reports whether the server said anything.
func (v Validator) Known() bool { return v != Validator{} }

// Differs reports whether two answers belong to different versions. The ETag decides
// where both have one, else the date; where they have nothing in common, nothing is known.
func (v Validator) Differs(o Validator) bool {
	switch {
	case v.ETag != "" && o.ETag != "":
		return strings.TrimPrefix(v.ETag, "W/") != strings.TrimPrefix(o.ETag, "W/")
	case v.Modified != "" && o.Modified != "":
		return v.Modified != o.Modified
	}
	return false
}

// ifRange is the header value that makes a server send a range only of this version;
// "" if it has none that it would take.
func (v Validator) ifRange() string {
	if v.ETag != "" {
		if strings.HasPrefix(v.ETag, "W/") {
			return ""
		}
		return v.ETag
	}
	return v.Modified
}

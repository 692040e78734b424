package apitest

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// refuseV1 turns a request away with the name of an error; message is for Calls.LastRefusal.
func refuseV1(status int, name, message string) *refusal {
	return &refusal{status: status, code: name, message: message}
}

func badRequest(message string) *refusal {
	return refuseV1(http.StatusBadRequest, "INVALID_REQUEST", message)
}

// checkV1 reads a request of v1 and says what is wrong with it. Everything that the service might mind is
// minded. meta is set if metadata is asked for.
func checkV1(o *Options, r *http.Request) (ask Ask, meta bool, bad *refusal) {
	if r.Method != http.MethodGet {
		return ask, false, refuseV1(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", r.Method)
	}
	user, password, ok := r.BasicAuth()
	if !ok || len(r.Header.Values("Authorization")) != 1 || user != strconv.Itoa(o.CDN) || password != o.Secret {
		return ask, false, refuseV1(http.StatusUnauthorized, "UNAUTHORIZED", "user or password are wrong or missing")
	}
	if r.ContentLength != 0 {
		return ask, false, badRequest("a GET with a body")
	}
	raw, query, asked := strings.Cut(r.RequestURI, "?")
	rest, ok := strings.CutPrefix(raw, "/v1/")
	if !ok {
		return ask, false, badRequest("the address is not below /v1/")
	}
	base, _ := accountBase(o.Tree.root)
	endpoint, path, _ := strings.Cut(rest, "/")
	decoded, bad := decodePath(path)
	if bad != nil {
		return ask, false, bad
	}
	ask.Path = base
	if decoded != "" {
		ask.Path += "/" + decoded
	}
	switch endpoint {
	case "files":
		ask.Kind = AskFiles
		ask.Alone = o.Tree.isFile(decoded)
		ask.Recursive, meta, bad = filesQuery(query)
		return ask, meta, bad
	case "download":
		ask.Kind = AskLink
		switch {
		case decoded == "":
			return ask, false, badRequest("a download without a path")
		case asked:
			return ask, false, badRequest("a download with parameters")
		}
		return ask, false, nil
	}
	return ask, false, refuseV1(http.StatusNotFound, "NOT_FOUND", "there is no such endpoint")
}

// v1Path returns a full path as v1 has it, relative to the account's base directory.
func v1Path(base, full string) string { return strings.TrimPrefix(full[len(base):], "/") }

// decodePath decodes the parts of a path, each by itself.
func decodePath(raw string) (string, *refusal) {
	if raw == "" {
		return "", nil
	}
	parts := strings.Split(raw, "/")
	for i, part := range parts {
		for k := range len(part) {
			if !plain(part[k]) && part[k] != '%' {
				return "", badRequest("the path has a " + strconv.QuoteRune(rune(part[k])) + " that is not encoded")
			}
		}
		text, err := url.PathUnescape(part)
		switch {
		case err != nil:
			return "", badRequest("the path's encoding is wrong")
		case text == "":
			return "", badRequest("the path has an empty part")
		case text == "." || text == "..":
			return "", badRequest("the path has a part " + text)
		case strings.ContainsAny(text, "/\x00"):
			return "", badRequest("a part of the path holds a slash or a NUL")
		}
		parts[i] = text
	}
	return strings.Join(parts, "/"), nil
}

// plain says whether JavaScript's encodeURIComponent, of which it is known that the service reads what it
// writes, leaves a character alone.
func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-_.!~*'()", c) >= 0
}

// encodePart writes a part of a path as encodeURIComponent does.
func encodePart(part string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(part) {
		if c := part[i]; plain(c) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}

// filesQuery reads the parameters of /v1/files, which are taken as they are written: nothing in them needs
// to be encoded.
func filesQuery(query string) (recursive int, meta bool, bad *refusal) {
	if query == "" {
		return 0, false, badRequest("option:recursive is missing")
	}
	recursive = -1
	seen := map[string]bool{}
	for pair := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(pair, "=")
		if seen[key] {
			return 0, false, badRequest("a parameter is there twice: " + strconv.Quote(key))
		}
		seen[key] = true
		switch key {
		case "option:recursive":
			if len(value) != 1 || value[0] < '0' || value[0] > '8' {
				return 0, false, badRequest("option:recursive is not 0 to 8: " + strconv.Quote(value))
			}
			recursive = int(value[0] - '0')
		case "option:metadata":
			if value != "true" && value != "1" {
				return 0, false, badRequest("option:metadata is not true: " + strconv.Quote(value))
			}
			meta = true
		default:
			return 0, false, badRequest("a parameter is not known: " + strconv.Quote(key))
		}
	}
	if recursive < 0 {
		return 0, false, badRequest("option:recursive is missing")
	}
	return recursive, meta, nil
}

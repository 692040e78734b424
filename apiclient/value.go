package apiclient

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// maxDepth bounds the nesting of an answer. A folder costs two levels, and a
	// path of the longest length that Linux allows has 2,048 parts.
	maxDepth = 5000
	// maxValues bounds what an answer may hold, names included.
	maxValues = 500_000
)

// kind is the type of a JSON value.
type kind uint8

const (
	kindNull kind = iota
	kindBool
	kindNumber
	kindText
	kindList
	kindObject
)

// value is a decoded JSON value. Unlike a Go map it keeps the order of an object's
// keys, which is the service's order of the entries.
type value struct {
	kind  kind
	truth bool     // of a kindBool
	text  string   // of a kindText; the literal of a kindNumber
	keys  []string // of a kindObject, beside items
	items []value  // of a kindList or kindObject
}

// get returns the value of the last of the keys named key.
func (v value) get(key string) (value, bool) {
	for i := len(v.keys) - 1; i >= 0; i-- {
		if v.keys[i] == key {
			return v.items[i], true
		}
	}
	return value{}, false
}

// empty reports whether v is null, false, an empty text, list or object: all the
// ways in which PHP code says nothing.
func (v value) empty() bool {
	switch v.kind {
	case kindNull:
		return true
	case kindBool:
		return !v.truth
	case kindText:
		return v.text == ""
	case kindList, kindObject:
		return len(v.items) == 0
	}
	return false
}

// scalar reports whether v is neither a list nor an object.
func (v value) scalar() bool { return v.kind != kindList && v.kind != kindObject }

// integer returns v as a whole number. The service's numbers are loosely typed:
// 12, "12" and 12.0 are the same (files.list page's handle_time; inferred).
func (v value) integer() (int64, bool) {
	const longest = 40 // what is longer is no number of ours, however many digits it has
	if v.kind != kindNumber && v.kind != kindText || len(v.text) > longest {
		return 0, false
	}
	if n, err := strconv.ParseInt(v.text, 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(v.text, 64)
	if err != nil || strings.Trim(v.text, "0123456789.eE+-") != "" || f != float64(int64(f)) || f > 1<<53 || f < -1<<53 {
		return 0, false
	}
	return int64(f), true
}

// describe says in words what v is, without its contents.
func (v value) describe() string {
	return [...]string{"null", "a boolean", "a number", "a string", "a list", "an object"}[v.kind]
}

// parse decodes one JSON value that is the whole of body, but for a byte order
// mark and white space. The errors are *Error and say what came instead.
func parse(body []byte) (value, error) {
	body = bytes.Trim(bytes.TrimPrefix(body, []byte("\ufeff")), " \t\r\n")
	if len(body) == 0 {
		return value{}, malformed("an empty body instead of an answer")
	}
	if !utf8.Valid(body) || hasLoneSurrogate(body) {
		// encoding/json would put a replacement character there: a name that no file has.
		return value{}, malformed("an answer with text that is no Unicode")
	}
	p := parser{json: json.NewDecoder(bytes.NewReader(body)), max: maxValues}
	p.json.UseNumber()
	v, err := p.value(0)
	if err == nil {
		if _, err = p.json.Token(); errors.Is(err, io.EOF) {
			return v, nil
		}
		return value{}, malformed("an answer with something after its end")
	}
	var tooMuch *Error
	switch {
	case errors.As(err, &tooMuch):
		return value{}, tooMuch
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		return value{}, malformed("an answer that breaks off after %d bytes", len(body))
	case p.values <= 1 && body[0] != '{' && body[0] != '[':
		return value{}, malformed("%s instead of an answer", sniff(body))
	}
	return value{}, malformed("an answer that is no valid JSON")
}

// parser builds a value from tokens, within the bounds.
type parser struct {
	json   *json.Decoder
	max    int // how many values it may hold
	values int
}

func (p *parser) value(depth int) (value, error) {
	token, err := p.json.Token()
	if err != nil {
		return value{}, err
	}
	return p.rest(token, depth)
}

// rest reads a value of which the first token was read.
func (p *parser) rest(token json.Token, depth int) (value, error) {
	if p.values++; p.values > p.max {
		return value{}, malformed("an answer with more than %d values", p.max)
	}
	if depth > maxDepth {
		return value{}, malformed("an answer nested deeper than %d levels", maxDepth)
	}
	switch t := token.(type) {
	case nil:
		return value{}, nil
	case bool:
		return value{kind: kindBool, truth: t}, nil
	case json.Number:
		return value{kind: kindNumber, text: t.String()}, nil
	case string:
		return value{kind: kindText, text: t}, nil
	}
	v := value{kind: kindList}
	if token == json.Delim('{') {
		v.kind = kindObject
	}
	for p.json.More() {
		if v.kind == kindObject {
			key, err := p.json.Token()
			if err != nil {
				return value{}, err
			}
			v.keys = append(v.keys, key.(string)) // the decoder lets nothing else be a key
		}
		item, err := p.value(depth + 1)
		if err != nil {
			return value{}, err
		}
		v.items = append(v.items, item)
	}
	_, err := p.json.Token() // the closing bracket
	return v, err
}

// hasLoneSurrogate reports whether JSON text has a \u escape that is one half of a
// surrogate pair without the other.
func hasLoneSurrogate(body []byte) bool {
	half := func(at int) (unit uint64) { // the \uXXXX that begins at at, or 0
		if at+6 <= len(body) && body[at] == '\\' && body[at+1] == 'u' {
			unit, _ = strconv.ParseUint(string(body[at+2:at+6]), 16, 16)
		}
		return unit
	}
	for i := 0; i < len(body); i++ {
		if body[i] != '\\' {
			continue
		}
		switch unit := half(i); {
		case unit >= 0xdc00 && unit < 0xe000:
			return true
		case unit >= 0xd800 && unit < 0xdc00:
			if low := half(i + 6); low < 0xdc00 || low >= 0xe000 {
				return true
			}
			i += 11
		default:
			i++ // whatever is escaped here, a second backslash too, begins nothing
		}
	}
	return false
}

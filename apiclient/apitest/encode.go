package apitest

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

// phpDepth is the deepest nesting that PHP's json_encode and json_decode accept unless told otherwise.
const phpDepth = 512

// The two ways in which PHP's json_encode fails on the values used here. It then returns false, and a
// script that prints the result prints nothing.
var (
	errDepth = errors.New("json_encode: maximum stack depth exceeded")
	errUTF8  = errors.New("json_encode: malformed UTF-8 characters, possibly incorrectly encoded")
)

// encoder writes values as PHP's json_encode does. The zero value uses no flags.
type encoder struct {
	unescaped bool // JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE
}

// encode returns the JSON text of v, which is made of nil, bool, int, int64, float64, string, *array, and
// functions that return such a value at the time when it is written.
func (e encoder) encode(v any) ([]byte, error) {
	return e.value(nil, v, 0)
}

func (e encoder) value(b []byte, v any, depth int) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case int:
		return strconv.AppendInt(b, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(b, v, 10), nil
	case float64:
		return appendFloat(b, v), nil
	case string:
		return e.text(b, v)
	case *array:
		return e.array(b, v, depth+1)
	case func() any:
		return e.value(b, v(), depth)
	}
	panic(fmt.Sprintf("apitest: %T has no PHP counterpart", v))
}

func (e encoder) array(b []byte, a *array, depth int) ([]byte, error) {
	if depth > phpDepth {
		return nil, errDepth
	}
	list := a.isList()
	opening, closing := byte('{'), byte('}')
	if list {
		opening, closing = '[', ']'
	}
	b = append(b, opening)
	for i, v := range a.vals {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if !list {
			if b, err = e.text(b, a.keys[i]); err != nil {
				return nil, err
			}
			b = append(b, ':')
		}
		if b, err = e.value(b, v, depth); err != nil {
			return nil, err
		}
	}
	return append(b, closing), nil
}

// text writes a string. By default everything but ASCII is escaped, and so is the slash; <, >, & and '
// are not.
func (e encoder) text(b []byte, s string) ([]byte, error) {
	b = append(b, '"')
	for i := 0; i < len(s); {
		if run := literal(s[i:]); run > 0 {
			b = append(b, s[i:i+run]...)
			i += run
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			return nil, errUTF8
		}
		i += n
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '/' && !e.unescaped:
			b = append(b, '\\', '/')
		case r == '\b':
			b = append(b, '\\', 'b')
		case r == '\f':
			b = append(b, '\\', 'f')
		case r == '\n':
			b = append(b, '\\', 'n')
		case r == '\r':
			b = append(b, '\\', 'r')
		case r == '\t':
			b = append(b, '\\', 't')
		case r < 0x20:
			b = appendUnit(b, r)
		case r < 0x80: // the slash, unescaped
			b = append(b, byte(r))
		case e.unescaped && r != 0x2028 && r != 0x2029: // PHP escapes these two, JavaScript's line ends, all the same
			b = utf8.AppendRune(b, r)
		case r > 0xffff:
			r -= 0x10000
			b = appendUnit(appendUnit(b, 0xd800+r>>10), 0xdc00+r&0x3ff)
		default:
			b = appendUnit(b, r)
		}
	}
	return append(b, '"'), nil
}

// literal returns how many bytes at the beginning of s are ASCII that is written as it is.
func literal(s string) int {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= 0x80 || c == '"' || c == '\\' || c == '/' {
			return i
		}
	}
	return len(s)
}

// appendUnit writes one UTF-16 code unit as \uXXXX with lower-case digits.
func appendUnit(b []byte, u rune) []byte {
	const hex = "0123456789abcdef"
	return append(b, '\\', 'u', hex[u>>12&15], hex[u>>8&15], hex[u>>4&15], hex[u&15])
}

// appendFloat writes a float as PHP does since 7.1: the shortest text that reads back the same, with
// ".0" where there is no fraction.
func appendFloat(b []byte, f float64) []byte {
	if f == math.Trunc(f) && math.Abs(f) < 1e15 {
		return strconv.AppendFloat(b, f, 'f', 1, 64)
	}
	return strconv.AppendFloat(b, f, 'g', -1, 64)
}

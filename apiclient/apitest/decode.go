package apitest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"unicode/utf8"
)

// decode reads JSON text as PHP's json_decode($text, true) does: objects and lists both become arrays,
// and an object's keys keep their order.
func decode(text []byte) (any, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("json_decode: malformed UTF-8 characters")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	v, err := decodeValue(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("json_decode: text after the value")
	}
	return v, nil
}

func decodeValue(d *json.Decoder, depth int) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case json.Number:
		// What does not fit an int becomes a float in PHP.
		if n, err := strconv.ParseInt(token.String(), 10, 64); err == nil {
			return n, nil
		}
		return token.Float64()
	case json.Delim:
		if depth++; depth > phpDepth {
			return nil, errDepth
		}
		return decodeArray(d, token == '{', depth)
	}
	return token, nil // nil, bool or string
}

func decodeArray(d *json.Decoder, object bool, depth int) (*array, error) {
	a := &array{}
	for d.More() {
		key := ""
		if object {
			token, err := d.Token()
			if err != nil {
				return nil, err
			}
			key = token.(string)
		}
		v, err := decodeValue(d, depth)
		if err != nil {
			return nil, err
		}
		if object {
			a.set(key, v)
		} else {
			a.add(v)
		}
	}
	_, err := d.Token()
	return a, err
}

package apiclient

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// maxItem bounds the values of what is read of an answer at once, such as one sub-folder's
// contents: about 200,000 files.
const maxItem = 2_000_000

// v1Answer reads the answers of v1, which are objects with the members data and errors
// (seen in clients). Data is given away piece by piece, as there may be very much.
type v1Answer struct {
	parser
	found bool   // whether there was a member data
	errs  *Error // what the members errors or error say
}

// read opens the envelope and gives data, whose first token was read, to data.
func (a *v1Answer) read(body []byte, data func(first json.Token) error) error {
	body = bytes.Trim(bytes.TrimPrefix(body, []byte("\ufeff")), " \t\r\n")
	switch {
	case len(body) == 0:
		return malformed("an empty body instead of an answer")
	case !utf8.Valid(body) || hasLoneSurrogate(body):
		return malformed("an answer with text that is no Unicode")
	}
	a.parser = parser{json: json.NewDecoder(bytes.NewReader(body)), max: maxItem}
	a.json.UseNumber()
	err := a.envelope(data)
	if err == nil {
		if _, end := a.json.Token(); !errors.Is(end, io.EOF) {
			return malformed("an answer with something after its end")
		}
	}
	var e *Error
	switch {
	case err == nil && a.errs != nil:
		return a.errs
	case err == nil && !a.found:
		return malformed("a JSON object without data instead of an answer")
	case err == nil, errors.As(err, &e):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		return malformed("an answer that breaks off after %d bytes", len(body))
	case body[0] != '{' && body[0] != '[':
		return malformed("%s instead of an answer", sniff(body))
	}
	return malformed("an answer that is no valid JSON")
}

func (a *v1Answer) envelope(data func(json.Token) error) error {
	token, err := a.json.Token()
	if err != nil {
		return err
	}
	if token != json.Delim('{') {
		return malformed("no JSON object instead of an answer")
	}
	return a.members(func(key string, first json.Token) error {
		if key == "data" {
			a.found = true
			return data(first)
		}
		v, err := a.rest(first, 1)
		if err == nil && (key == "errors" || key == "error") && a.errs == nil {
			a.errs = v1Errors(value{kind: kindObject, keys: []string{key}, items: []value{v}})
		}
		return err
	})
}

// members goes through the object that was begun, giving each key and the first token
// of its value to read, which has to read the rest of it.
func (a *v1Answer) members(read func(key string, first json.Token) error) error {
	for a.json.More() {
		key, err := a.json.Token()
		if err != nil {
			return err
		}
		first, err := a.json.Token()
		if err != nil {
			return err
		}
		if err := read(key.(string), first); err != nil { // the decoder lets nothing else be a key
			return err
		}
	}
	_, err := a.json.Token() // the closing bracket
	return err
}

// item reads a value of which the first token was read. Its size is bounded by itself.
func (a *v1Answer) item(first json.Token) (value, error) {
	a.values = 0
	v, err := a.rest(first, 2)
	if a.values > maxItem {
		return value{}, &Error{TooLarge: true, Message: fmt.Sprintf("an answer with more than %d values in one folder", maxItem)}
	}
	return v, err
}

// v1Errors returns what an answer says of failures, nil if it says nothing: a member
// errors that is not empty, or error (seen in clients). The form of an entry is not
// known; names are taken from wherever they stand.
func v1Errors(v value) *Error {
	for _, key := range []string{"errors", "error"} {
		told, ok := v.get(key)
		if !ok || told.empty() || told.kind == kindBool && !told.truth {
			continue
		}
		var names []string
		var collect func(v value)
		collect = func(v value) {
			if v.scalar() && v.text != "" && len(names) < 5 {
				names = append(names, v.text)
			}
			for _, item := range v.items {
				collect(item)
			}
		}
		collect(told)
		failed := &Error{Message: fmt.Sprintf("the service reports %s", strings.Join(names, ", "))}
		for _, name := range names {
			if name == codeAccess {
				failed.Code = codeAccess
			}
		}
		return failed
	}
	return nil
}

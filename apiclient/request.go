package apiclient

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"math/rand/v2"
	"net/url"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// request is one command with its fields, before a time and a signature are
// given to it. Fields keep their order.
type request struct {
	command string
	path    string // for errors
	fields  []field
	turn    func() // called when an attempt gets its turn; may be nil
}

// field is one key with a string or an integer value.
type field struct {
	key   string
	text  string
	num   int64
	isNum bool
}

func textField(key, text string) field     { return field{key: key, text: text} }
func numField(key string, num int64) field { return field{key: key, num: num, isNum: true} }

// account is what every request of a client says of itself.
type account struct {
	key string
	cdn int
	// order shuffles the fields; 0 leaves them as they are. Another process that asks
	// for the same in the same second would send the very same body, which the service
	// may take for a replay. Their order is free (seen in clients: the official Perl
	// sample sends them in that of a hash), so each client has one of its own.
	order uint64
}

// encode returns the JSON text of the request at the given Unix second, without
// a signature: the bytes that PHP's json_encode would produce, since the service
// may re-encode what it decoded before it checks the signature (inferred).
func (r request) encode(a account, second int64) []byte {
	all := append([]field{
		textField("command", r.command),
		textField("api_key", a.key),
		numField("timestamp", second),
		numField("cdn", int64(a.cdn)),
	}, r.fields...)
	if a.order != 0 {
		rand.New(rand.NewPCG(a.order, 0)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	}
	b := []byte{'{'}
	for i, f := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendPHPString(b, f.key), ':')
		if f.isNum {
			b = strconv.AppendInt(b, f.num, 10)
		} else {
			b = appendPHPString(b, f.text)
		}
	}
	return append(b, '}')
}

// sign returns the base64 HMAC-SHA256 of text. The key is the secret's text as
// printed, not decoded from hexadecimal (files.list page; seen in clients).
func sign(text []byte, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(text)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// form returns the body of the POST: the signed text with the signature as its
// last key, in the form field json.
func form(text []byte, signature string) string {
	signed := append([]byte(nil), text[:len(text)-1]...)
	signed = append(signed, `,"signature":`...)
	signed = append(appendPHPString(signed, signature), '}')
	return url.Values{"json": {string(signed)}}.Encode()
}

// appendPHPString appends s quoted as PHP's json_encode does by default: the
// slash is escaped, everything beyond ASCII becomes \u with lower-case digits, and
// <, >, & and ' stay as they are (unlike encoding/json, in each of the three).
// s must be valid UTF-8; paths are checked before they come here.
func appendPHPString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	unit := func(u uint16) {
		b = append(b, '\\', 'u', hex[u>>12], hex[u>>8&15], hex[u>>4&15], hex[u&15])
	}
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\' || r == '/':
			b = append(b, '\\', byte(r))
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
		case r >= 0x20 && r < utf8.RuneSelf: // 0x7f too is left as it is
			b = append(b, byte(r))
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			unit(uint16(high))
			unit(uint16(low))
		default:
			unit(uint16(r))
		}
	}
	return append(b, '"')
}

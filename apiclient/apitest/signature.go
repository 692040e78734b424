package apitest

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
)

// sign returns the signature of text: HMAC-SHA256 under the secret's characters as they are printed,
// in padded base64.
func sign(secret string, text []byte) string {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write(text)
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// checkSignature checks a signed request in both ways in which the real service may do it, and refuses
// what would fail either: by cutting the signature out of the text, and by decoding the text, dropping
// the signature and encoding the rest again. The second is passed only by a request that is written
// exactly as PHP's json_encode writes it.
func checkSignature(secret string, text []byte, fields *array) error {
	given, ok := fields.get("signature").(string)
	if !ok {
		return errors.New("the signature is no string")
	}
	if fields.keys[len(fields.keys)-1] != "signature" {
		return errors.New("the signature is not the last key")
	}

	cut, err := cutSignature(text)
	if err != nil {
		return err
	}
	if !hmac.Equal([]byte(given), []byte(sign(secret, cut))) {
		return errors.New("the signature is not that of the text before it")
	}

	rest := &array{}
	for i, k := range fields.keys[:len(fields.keys)-1] {
		rest.set(k, fields.vals[i])
	}
	again, err := encoder{}.encode(rest)
	if err != nil {
		return err
	}
	if !hmac.Equal([]byte(given), []byte(sign(secret, again))) {
		return errors.New("the signature is not that of the text as PHP's json_encode writes it")
	}
	return nil
}

// cutSignature returns the text without its last key, which must be the signature.
func cutSignature(text []byte) ([]byte, error) {
	const key = `,"signature":"`
	i := bytes.LastIndex(text, []byte(key))
	if i < 0 {
		return nil, errors.New("the text holds no signature")
	}
	value := text[i+len(key):]
	end := bytes.IndexByte(value, '"') // base64 holds no quote
	if end < 0 || string(value[end:]) != `"}` {
		return nil, errors.New("the text does not end with the signature")
	}
	return append(bytes.Clone(text[:i]), '}'), nil
}

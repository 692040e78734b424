package apiclient

import "testing"

// A link in clear text is a secret told to all on the way, unless that is wanted.
func TestClearTextLinks(t *testing.T) {
	for _, test := range []struct {
		link                  string
		accepted, ifPermitted bool
	}{
		{"https://example.com/a?secure=S", true, true},
		{"http://127.0.0.1/a?secure=S", true, true},
		{"http://example.com/a?secure=S", false, true},
		{"http://10.0.0.1/a?secure=S", false, true},
		{"http://127.0.0.1.example.com/a?secure=S", false, true},
		{"http://me:word@example.com/a?secure=S", false, false},
		{"ftp://example.com/a?secure=S", false, false},
	} {
		for allowHTTP, want := range map[bool]bool{false: test.accepted, true: test.ifPermitted} {
			_, _, err := decodeLink([]byte(`{"data":{"url":"`+test.link+`"}}`), v1Head{}, "a", allowHTTP)
			if got := err == nil; got != want {
				t.Errorf("%s, plain http allowed %v: error %v", test.link, allowHTTP, err)
			}
		}
	}
}

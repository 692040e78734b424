package fs

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// testWriter shows warnings to the test, and fails it if any line, whatever its level,
// holds a secret.
type testWriter struct {
	t       testing.TB
	secrets []string
}

func newTestWriter(t testing.TB, a account) testWriter {
	basic := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%d:%s", a.CDN, a.Secret))
	return testWriter{t, []string{a.Secret, url.QueryEscape(a.Secret), basic, "secure=", "expires=", "signature="}}
}

func (w testWriter) Write(p []byte) (int, error) {
	if w.leaks(p) {
		w.t.Errorf("a secret is logged: %s", p)
	}
	if bytes.Contains(p, []byte("level=WARN")) || bytes.Contains(p, []byte("level=ERROR")) {
		w.t.Log(strings.TrimSuffix(string(p), "\n"))
	}
	return len(p), nil
}

func (w testWriter) leaks(line []byte) bool {
	return slices.ContainsFunc(w.secrets, func(s string) bool { return bytes.Contains(line, []byte(s)) })
}

func TestLeaksAreFound(t *testing.T) {
	w := newTestWriter(t, account{Secret: "hush", CDN: 12})
	for text, want := range map[string]bool{"x hush": true, "MTI6aHVzaA==": true, "?secure=5": true, "signature=5": true, "level=INFO": false} {
		if got := w.leaks([]byte(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

package apiclient

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
)

// A panic on a goroutine of ours is the error of that call, and a log entry with a stack and
// without secrets.
func TestPanicOfACall(t *testing.T) {
	var text bytes.Buffer
	c, err := New(Options{URL: "http://127.0.0.1:1/", Key: "key", Secret: "hush-hush", CDN: 1, Types: []string{"video"},
		Log: slog.New(slog.NewTextHandler(&text, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	call := func() (err error) {
		defer c.rescue("v1 download", "sestore4/jb/a", &err)
		panic("http://host/a?token=ab12 of hush-hush")
	}
	err = call()
	var e *Error
	if !errors.As(err, &e) || e.Op != "v1 download" || !strings.Contains(e.Message, "panic: http://host/a") {
		t.Errorf("the error is %v", err)
	}
	for _, got := range []string{err.Error(), text.String()} {
		if strings.Contains(got, "hush") || strings.Contains(got, "ab12") {
			t.Errorf("a secret is told: %s", got)
		}
	}
	if !strings.Contains(text.String(), "TestPanicOfACall") {
		t.Errorf("there is no stack: %s", &text)
	}
}

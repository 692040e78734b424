package fs

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"unicode"

	"sefs/apiclient"
)

// Whatever a name or a message of the service holds, a line of the log is one line, and
// nothing in it moves a terminal's cursor or turns its text around.
func TestLogOfNamesThatAttack(t *testing.T) {
	const attack = "a\x1b[2J\nlevel=ERROR msg=faked\r\x00\x9b31m\u202egpj.exe\xff"
	for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
		"text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		"json": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		var out bytes.Buffer
		tree := newTree(Options{Root: root, Log: slog.New(handler(&out))})
		_ = tree.report("open", root+"/"+attack, &apiclient.Error{Op: "read", Path: root + "/" + attack, Malformed: true})
		line, rest, ended := strings.Cut(out.String(), "\n")
		if !ended || rest != "" || !strings.Contains(line, "gpj.exe") {
			t.Errorf("%s: %q", name, out.String())
		}
		for _, r := range line {
			if unicode.IsControl(r) || name == "text" && !unicode.IsPrint(r) {
				t.Errorf("%s: %q in %q", name, r, line)
			}
		}
	}
}

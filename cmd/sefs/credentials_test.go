package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestReadSecret(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pipe := filepath.Join(dir, "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		environ string
		path    string
		byFlag  bool
		want    string   // the secret, or
		refused []string // parts of the error
	}{
		{name: "environment", environ: "hush", want: "hush"},
		{name: "file", path: file("good", "hush\n", 0o600), want: "hush"},
		{name: "file for reading only", path: file("strict", "hush", 0o400), want: "hush"},
		{name: "environment over a file of the environment", environ: "hush", path: file("other", "other", 0o600), want: "hush"},
		{name: "flag over environment", environ: "other", path: file("flag", "hush", 0o600), byFlag: true, want: "hush"},
		{name: "none", refused: []string{"missing", "SEFS_API_SECRET", "--api-secret-file"}},
		{name: "open to the group", path: file("group", "hush", 0o640), refused: []string{"0640", "chmod 600"}},
		{name: "open to all", path: file("all", "hush", 0o604), refused: []string{"0604", "chmod 600"}},
		{name: "not there", path: filepath.Join(dir, "nothing"), refused: []string{"no such file"}},
		{name: "a folder", path: dir, refused: []string{"no regular file"}},
		{name: "a pipe", path: pipe, refused: []string{"no regular file"}},
		{name: "empty", path: file("empty", "\n", 0o600), refused: []string{"one line"}},
		{name: "two lines", path: file("two", "hush\nhush\n", 0o600), refused: []string{"one line"}},
		{name: "too long", path: file("long", strings.Repeat("hush", 2000), 0o600), refused: []string{"one line"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := &process{environ: []string{"SEFS_API_SECRET=" + test.environ}}
			s := &settings{apiKey: "key", cdn: 1, secretFile: test.path, secretFileByFlag: test.byFlag}
			got, err := readSecret(p, s)
			if len(test.refused) == 0 {
				if err != nil || got != test.want {
					t.Fatalf("secret %q, %v, want %q", got, err, test.want)
				}
				return
			}
			var f *failure
			if !errors.As(err, &f) || f.code != exitCredentials || strings.Contains(f.text, "hush") {
				t.Fatalf("error %v, want one of credentials", err)
			}
			for _, part := range test.refused {
				if !strings.Contains(f.text, part) {
					t.Errorf("%q lacks %q", f.text, part)
				}
			}
		})
	}
}

func TestMissingCredentialsAreNamedTogether(t *testing.T) {
	_, err := readSecret(&process{}, &settings{})
	for _, part := range []string{"SEFS_API_KEY", "SEFS_CDN", "SEFS_API_SECRET"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v lacks %s", err, part)
		}
	}
}

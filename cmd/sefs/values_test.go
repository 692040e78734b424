package main

import (
	"errors"
	"math"
	"testing"
)

func TestByteSize(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1": 1, "17B": 17, "1K": 1024, "1KiB": 1024, "256MiB": 256 << 20, "3G": 3 << 30, "1TiB": 1 << 40,
	} {
		if got, err := byteSize(text); err != nil || got != want {
			t.Errorf("byteSize(%q) = %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "MiB", "-1", "1.5GiB", "1MB", "1 MiB", "1mib", "9223372036854775807K", "1iB", "MiB1"} {
		if got, err := byteSize(text); err == nil {
			t.Errorf("byteSize(%q) = %d, want an error", text, got)
		}
	}
}

func TestPermissions(t *testing.T) {
	for text, want := range map[string]uint32{"0444": 0o444, "444": 0o444, "0o755": 0o755, "0": 0} {
		if got, err := permissions(text); err != nil || got != want {
			t.Errorf("permissions(%q) = %o, %v, want %o", text, got, err, want)
		}
	}
	for _, text := range []string{"", "0888", "1777", "rwx", "-1", "0x1ff"} {
		if got, err := permissions(text); err == nil {
			t.Errorf("permissions(%q) = %o, want an error", text, got)
		}
	}
}

func TestOwnerID(t *testing.T) {
	if got, err := ownerID("4294967294"); err != nil || got != math.MaxUint32-1 {
		t.Errorf("ownerID of the largest = %d, %v", got, err)
	}
	for _, text := range []string{"", "-1", "root", "4294967295", "4294967296"} {
		if got, err := ownerID(text); err == nil {
			t.Errorf("ownerID(%q) = %d, want an error", text, got)
		}
	}
}

func TestCleanRemote(t *testing.T) {
	for remote, want := range map[string]string{
		"sestore4/jb":             "sestore4/jb",
		"sestore12/jb/films":      "sestore12/jb/films",
		"//sestore4//jb/films///": "sestore4/jb/films",
		"/sestore4/jb":            "sestore4/jb",
		"sestore4/jb/ a b/…":      "sestore4/jb/ a b/…",
		"sestore4/jb/..x/.y":      "sestore4/jb/..x/.y",
	} {
		if got, err := cleanRemote(remote); err != nil || got != want {
			t.Errorf("cleanRemote(%q) = %q, %v, want %q", remote, got, err, want)
		}
	}
	for _, remote := range []string{
		"", "/", "jb", "sestore/jb", "sestoreX/jb", "sestore4x/jb", "sestore4", "sestore4/", "store4/jb",
		"sestore4/../jb", "sestore4/jb/.", "./sestore4/jb", "sestore4/jb/..",
	} {
		got, err := cleanRemote(remote)
		var f *failure
		if !errors.As(err, &f) || f.code != exitUsage {
			t.Errorf("cleanRemote(%q) = %q, %v, want a usage error", remote, got, err)
		}
	}
}

func TestOneLine(t *testing.T) {
	for text, want := range map[string]string{
		" a\nb\x1b[31m\tc\n":                "a b?[31m c",
		"\u202egpj.exe \u2066\u200bx\u009b": "?gpj.exe ??x?", // marks of direction, nothing to see, C1
		"a\xffb \u00e9 \U0001f600":          "a\ufffdb \u00e9 \U0001f600",
	} {
		if got := oneLine(text); got != want {
			t.Errorf("oneLine(%q) = %q, want %q", text, got, want)
		}
	}
}

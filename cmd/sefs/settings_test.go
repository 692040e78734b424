package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

// loadFrom reads the settings of `mount` from the three sources. The config file
// is at its usual place below dir.
func loadFrom(t *testing.T, dir, config string, environ, flags []string) (*settings, error) {
	t.Helper()
	if config != "" {
		writeConfig(t, dir, config)
	}
	p := &process{environ: append([]string{"XDG_CONFIG_HOME=" + dir}, environ...), stderr: io.Discard}
	set := pflag.NewFlagSet("mount", pflag.ContinueOnError)
	addFlags(set, mountOptions())
	if err := set.Parse(flags); err != nil {
		t.Fatal(err)
	}
	return (&source{process: p, flags: set, options: mountOptions()}).load()
}

func writeConfig(t *testing.T, dir, text string) string {
	t.Helper()
	path := filepath.Join(dir, "sefs", "config.toml")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSettingsDefaults(t *testing.T) {
	got, err := loadFrom(t, t.TempDir(), "", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := settings{
		apiURL:      "https://api.scaleengine.net/stable/",
		filesURL:    "https://{user}-sestore.secdn.net/v1/",
		downloads:   8,
		lister:      "files.list",
		types:       []string{"includeinvalid"},
		ttl:         5 * time.Minute,
		stale:       24 * time.Hour,
		timeout:     30 * time.Second,
		loadTimeout: 30 * time.Minute,
		concurrency: 4,
		prefetch:    true,
		memory:      256 << 20,
		uid:         uint32(os.Getuid()),
		gid:         uint32(os.Getgid()),
		fileMode:    0o444,
		dirMode:     0o555,
		logFormat:   "text",
	}
	if diff := cmp.Diff(want, *got, cmp.AllowUnexported(settings{})); diff != "" {
		t.Error(diff)
	}
}

func TestSettingsPrecedence(t *testing.T) {
	const config = "ttl = \"1m\"\ncdn = 3\nallow-other = true\ntype = [\"video\", \"audio\"]\n"
	for _, test := range []struct {
		name           string
		config         string
		environ, flags []string
		ttl            time.Duration
		cdn            int
		allowOther     bool
	}{
		{name: "defaults", ttl: 5 * time.Minute},
		{name: "file over defaults", config: config, ttl: time.Minute, cdn: 3, allowOther: true},
		{name: "environment over file", config: config, ttl: 2 * time.Minute, cdn: 4, allowOther: false,
			environ: []string{"SEFS_TTL=2m", "SEFS_CDN=4", "SEFS_ALLOW_OTHER=false"}},
		{name: "flags over environment", config: config, ttl: 3 * time.Minute, cdn: 5, allowOther: true,
			environ: []string{"SEFS_TTL=2m", "SEFS_CDN=4", "SEFS_ALLOW_OTHER=false"},
			flags:   []string{"--ttl=3m", "--cdn", "5", "--allow-other"}},
		{name: "a flag that repeats the default", config: config, ttl: 5 * time.Minute, cdn: 3, allowOther: true,
			environ: []string{"SEFS_TTL=2m"}, flags: []string{"--ttl=5m"}},
		{name: "an empty variable is none", config: config, ttl: time.Minute, cdn: 3, allowOther: true,
			environ: []string{"SEFS_TTL=", "SEFS_CDN="}},
		{name: "false as a flag", config: config, ttl: time.Minute, cdn: 3,
			flags: []string{"--allow-other=false"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := loadFrom(t, t.TempDir(), test.config, test.environ, test.flags)
			if err != nil {
				t.Fatal(err)
			}
			if got.ttl != test.ttl || got.cdn != test.cdn || got.allowOther != test.allowOther {
				t.Errorf("ttl %v, cdn %d, allow-other %v; want %v, %d, %v",
					got.ttl, got.cdn, got.allowOther, test.ttl, test.cdn, test.allowOther)
			}
			if test.config != "" && !cmp.Equal(got.types, []string{"video", "audio"}) {
				t.Errorf("types %q", got.types)
			}
		})
	}
}

func TestConfigFileIsChosen(t *testing.T) {
	usual, other := t.TempDir(), t.TempDir()
	asked := writeConfig(t, other, "ttl = \"7m\"\n")
	for _, test := range []struct {
		name           string
		environ, flags []string
	}{
		{"by flag", nil, []string{"--config", asked}},
		{"by variable", []string{"SEFS_CONFIG=" + asked}, nil},
		{"by flag over variable", []string{"SEFS_CONFIG=/nowhere"}, []string{"--config=" + asked}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := loadFrom(t, usual, "ttl = \"1m\"\n", test.environ, test.flags)
			if err != nil || got.ttl != 7*time.Minute {
				t.Errorf("settings %+v, %v, want a ttl of 7m", got, err)
			}
		})
	}
	t.Run("below HOME", func(t *testing.T) {
		home := t.TempDir()
		writeConfig(t, filepath.Join(home, ".config"), "ttl = \"8m\"\n")
		got, err := loadFrom(t, "", "", []string{"HOME=" + home}, nil)
		if err != nil || got.ttl != 8*time.Minute {
			t.Errorf("settings %+v, %v, want a ttl of 8m", got, err)
		}
	})
}

// What is wrong is named by its source and key, with what is allowed.
func TestSettingsRefused(t *testing.T) {
	for _, test := range []struct {
		name           string
		config         string
		environ, flags []string
		want           []string
	}{
		{name: "flag", flags: []string{"--ttl=soon"}, want: []string{`--ttl "soon"`, "such as 90s"}},
		{name: "flag, zero", flags: []string{"--ttl=0"}, want: []string{"--ttl", "above 0"}},
		{name: "flag over a good file", config: `ttl = "1m"`, flags: []string{"--ttl=x"}, want: []string{`--ttl "x"`}},
		{name: "variable", environ: []string{"SEFS_TTL=-5m"}, want: []string{`SEFS_TTL "-5m"`, "above 0"}},
		{name: "file", config: `ttl = "abc"`, want: []string{"sefs/config.toml", `ttl "abc"`, "above 0"}},
		{name: "file, a number without unit", config: `ttl = 5`, want: []string{"config.toml", `ttl "5"`}},
		{name: "file, a mode as a number", config: `file-mode = 0o444`, want: []string{"config.toml", "file-mode", `"0444"`}},
		{name: "file, wrong type", config: `ttl = 1979-05-27`, want: []string{"config.toml", "ttl", "quotes"}},
		{name: "file, wrong list", config: `type = [1]`, want: []string{"config.toml", "type", "quotes"}},
		{name: "file, a list of one", config: `ttl = ["5m"]`, want: []string{"config.toml", "ttl", "not a list"}},
		{name: "file, unknown key", config: `tll = "5m"`, want: []string{"config.toml", `"tll"`, "ttl", "api-url"}},
		{name: "file, a table", config: "[mount]\nttl = \"5m\"", want: []string{"config.toml", `"mount.ttl"`, "allowed are"}},
		{name: "file, config in config", config: `config = "x"`, want: []string{"config.toml", `"config"`}},
		{name: "file, the secret", config: `api-secret = "hush"`, want: []string{"config.toml", "SEFS_API_SECRET", "api-secret-file"}},
		{name: "file, no TOML", config: "ttl = \"5m\"\ntimeout = hush now", want: []string{"config.toml", "line 2"}},
		{name: "file, a text without end", config: `api-key = "hush`, want: []string{"config.toml", "line 1"}},
		{name: "file, a key twice", config: "ttl = \"1m\"\nttl = \"hush\"", want: []string{"config.toml", "not TOML"}},
		{name: "file, no number", config: `cdn = 99999999999999999999`, want: []string{"config.toml", "not TOML"}},
		{name: "no such file", flags: []string{"--config=/nowhere/x.toml"}, want: []string{"/nowhere/x.toml", "no such file"}},
		{name: "timeout", flags: []string{"--timeout=0"}, want: []string{"--timeout"}},
		{name: "stale", flags: []string{"--stale=-1s"}, want: []string{"--stale", "or 0"}},
		{name: "load-timeout", flags: []string{"--load-timeout=10s"}, want: []string{"--load-timeout", "--timeout 30s"}},
		{name: "concurrency", environ: []string{"SEFS_CONCURRENCY=0"}, want: []string{"SEFS_CONCURRENCY", "at least 1"}},
		{name: "download-concurrency", flags: []string{"--download-concurrency=0"}, want: []string{"--download-concurrency", "at least 1"}},
		{name: "memory", flags: []string{"--memory=1MiB"}, want: []string{"--memory", "8MiB"}},
		{name: "type", flags: []string{"--type=video,pictures"}, want: []string{"--type", "audio, deleted, includeinvalid, invalid, smil, valid, video"}},
		{name: "type, empty", flags: []string{"--type="}, want: []string{"--type"}},
		{name: "cdn", flags: []string{"--cdn=abc"}, want: []string{"--cdn", "whole number"}},
		{name: "uid", flags: []string{"--uid=root"}, want: []string{"--uid", "number"}},
		{name: "dir-mode", flags: []string{"--dir-mode=0999"}, want: []string{"--dir-mode", "octal"}},
		{name: "unknown-size", flags: []string{"--unknown-size=guess"}, want: []string{"--unknown-size", "error or stream"}},
		{name: "lister", flags: []string{"--lister=v2"}, want: []string{"--lister", "files.list"}},
		{name: "prefetch", flags: []string{"--prefetch=on"}, want: []string{"--prefetch", "auto or off"}},
		{name: "log-level", flags: []string{"--log-level=loud"}, want: []string{"--log-level", "debug, info, warn or error"}},
		{name: "log-format", flags: []string{"--log-format=xml"}, want: []string{"--log-format", "text or json"}},
		{name: "bool", environ: []string{"SEFS_ALLOW_EMPTY=maybe"}, want: []string{"SEFS_ALLOW_EMPTY", "true or false"}},
		{name: "api-url, plain http", flags: []string{"--api-url=http://example.com/"}, want: []string{"--api-url", "https", "--allow-http"}},
		{name: "ca-file, none there", flags: []string{"--ca-file=/nowhere/ca.pem"}, want: []string{"--ca-file", "/nowhere/ca.pem", "no such file"}},
		{name: "ca-file, no certificate", flags: []string{"--ca-file=settings_test.go"}, want: []string{"--ca-file", "no certificate"}},
		{name: "ca-file, none", flags: []string{"--ca-file=/dev/null"}, want: []string{"--ca-file", "no certificate"}},
		{name: "api-url, no address", flags: []string{"--api-url=example.com"}, want: []string{"--api-url", "https://"}},
		{name: "api-url, a query", flags: []string{"--api-url=https://example.com/?token=hush"}, want: []string{"--api-url", "query"}},
		{name: "api-url, a password", environ: []string{"SEFS_API_URL=https://me:hush@example.com/"}, want: []string{"SEFS_API_URL", "password"}},
		{name: "files-url", flags: []string{"--files-url=http://{user}.example.com/"}, want: []string{"--files-url", "https"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := loadFrom(t, t.TempDir(), test.config, test.environ, test.flags)
			var f *failure
			if !errors.As(err, &f) || f.code != exitUsage {
				t.Fatalf("error %v, want one of usage", err)
			}
			for _, part := range test.want {
				if !strings.Contains(f.text, part) {
					t.Errorf("%q lacks %q", f.text, part)
				}
			}
			if strings.Contains(f.text, "hush") || strings.Contains(f.text, "\n") {
				t.Errorf("%q tells a secret, or is no line", f.text)
			}
		})
	}
}

func TestSettingsAccepted(t *testing.T) {
	for _, flags := range [][]string{
		{"--stale=0"}, {"--stale=0s"}, {"--config=/dev/null"}, {"--allow-http", "--api-url=http://example.com/"}, {"--ca-file="}, {"--api-url=http://127.0.0.1:1234/"}, {"--api-url=http://[::1]:1/x"},
		{"--type=video, audio"}, {"--lister=files.list"}, {"--lister=v1"}, {"--unknown-size=stream"}, {"--prefetch=off"}, {"--prefetch=auto"},
		{"--files-url=https://{user}-sestore.secdn.net/v1/"}, {"--download-concurrency=1"}, {"-f"},
		{"--timeout=1h", "--load-timeout=1h"}, {"--memory=8MiB"}, {"--file-mode=0644"},
	} {
		if _, err := loadFrom(t, t.TempDir(), "", nil, flags); err != nil {
			t.Errorf("%v: %v", flags, err)
		}
	}
}

// Relative paths are made absolute: the process in the background works in /.
func TestSettingsPaths(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	got, err := loadFrom(t, t.TempDir(), "", nil, []string{"--log-file=a/../log", "--api-secret-file=secret"})
	if err != nil {
		t.Fatal(err)
	}
	if got.logFile != filepath.Join(here, "log") || got.secretFile != filepath.Join(here, "secret") {
		t.Errorf("paths %q and %q", got.logFile, got.secretFile)
	}
}

// What runs ahead is at most what may be in flight.
func TestPrefetch(t *testing.T) {
	for ahead, flags := range map[int][]string{4: nil, 9: {"--prefetch=auto", "--concurrency=9"}, 0: {"--prefetch=off", "--concurrency=9"}} {
		s, err := loadFrom(t, t.TempDir(), "", nil, flags)
		if err != nil || s.ahead() != ahead {
			t.Errorf("%v: %d, want %d; error %v", flags, s.ahead(), ahead, err)
		}
	}
}

package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

// inProcess runs a verb that starts and mounts nothing.
func inProcess(environ []string, args ...string) result {
	var stdout, stderr bytes.Buffer
	code := run(context.Background(), args, environ, strings.NewReader(""), &stdout, &stderr)
	return result{code, stdout.String(), stderr.String()}
}

func TestStorages(t *testing.T) {
	w := newWorld(t)
	service := w.newService()
	r := w.sefs("storages")
	w.wantDone(r)
	if !strings.Contains(r.stdout, "sestore4\n") || r.stderr != "" {
		t.Errorf("stdout %q, stderr %q", r.stdout, r.stderr)
	}
	w.wantFailure(w.sefs("storages", "x"), exitUsage, "no arguments")
	w.wantFailure(w.sefs("storages", "--ttl=1m"), exitUsage, "--ttl")
	w.wantFailure(w.sefs("storages", "--api-key="+service.APIKey()+"x"), exitCredentials, "0001")
	w.wantFailure(w.sefs("storages", "--timeout=2s", "--api-url="+unusedAddress), exitService, "127.0.0.1:1")
	w.set("SEFS_API_SECRET=")
	w.wantFailure(w.sefs("storages"), exitCredentials, "SEFS_API_SECRET")
}

func TestVersion(t *testing.T) {
	r := inProcess(nil, "version")
	for _, part := range []string{"sefs ", "go1.", "go-fuse v2.", "linux/"} {
		if r.code != exitDone || !strings.Contains(r.stdout, part) {
			t.Errorf("exit code %d, stdout %q lacks %q", r.code, r.stdout, part)
		}
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if r := inProcess(nil, "completion", shell); r.code != exitDone || !strings.Contains(r.stdout, "sefs") {
			t.Errorf("%s: exit code %d, %d bytes", shell, r.code, len(r.stdout))
		}
	}
	for _, args := range [][]string{{"completion"}, {"completion", "tcsh"}} {
		if r := inProcess(nil, args...); r.code != exitUsage || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("%v: exit code %d, stderr %q", args, r.code, r.stderr)
		}
	}
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{}, {"--help"}, {"help"}, {"mount", "--help"}, {"help", "mount"}, {"storages", "-h"}, {"demo", "-h"}} {
		r := inProcess(nil, args...)
		for _, part := range []string{"Exit codes:", "8  FUSE is missing", "Examples:"} {
			if r.code != exitDone || !strings.Contains(r.stdout, part) {
				t.Errorf("%v: exit code %d, stdout lacks %q", args, r.code, part)
			}
		}
	}
}

func TestUnknownVerb(t *testing.T) {
	for verb, want := range map[string]string{"mout": "did you mean mount?", "xyz": "sefs --help"} {
		r := inProcess(nil, verb)
		if r.code != exitUsage || strings.Count(r.stderr, "\n") != 1 || !strings.Contains(r.stderr, want) {
			t.Errorf("exit code %d, stderr %q, want %q", r.code, r.stderr, want)
		}
	}
}

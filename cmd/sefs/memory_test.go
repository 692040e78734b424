package main

import (
	"bytes"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// The default budget keeps to what the cgroup allows; one that somebody chose does not.
func TestMemoryInACgroup(t *testing.T) {
	const mib = 1 << 20
	for _, tt := range []struct {
		name           string
		limit          uint64
		config         string
		environ, flags []string
		want           int64
		told           bool
	}{
		{name: "no limit", want: 256 * mib},
		{name: "limit of v1 that is none", limit: 1<<63 - 4096, want: 256 * mib},
		{name: "plenty", limit: 1024 * mib, want: 256 * mib},
		{name: "a quarter", limit: 512 * mib, want: 128 * mib, told: true},
		{name: "very little", limit: 16 * mib, want: 8 * mib, told: true},
		{name: "a flag", limit: 512 * mib, flags: []string{"--memory=256MiB"}, want: 256 * mib},
		{name: "a variable", limit: 512 * mib, environ: []string{"SEFS_MEMORY=1GiB"}, want: 1024 * mib},
		{name: "an empty variable", limit: 512 * mib, environ: []string{"SEFS_MEMORY="}, want: 128 * mib, told: true},
		{name: "a file", limit: 512 * mib, config: `memory = "200MiB"`, want: 200 * mib},
		{name: "a file without it", limit: 512 * mib, config: `ttl = "1m"`, want: 128 * mib, told: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if tt.config != "" {
				writeConfig(t, dir, tt.config)
			}
			p := &process{environ: append([]string{"XDG_CONFIG_HOME=" + dir}, tt.environ...), stderr: io.Discard,
				memoryLimit: func() uint64 { return tt.limit }}
			set := pflag.NewFlagSet("mount", pflag.ContinueOnError)
			addFlags(set, mountOptions())
			if err := set.Parse(tt.flags); err != nil {
				t.Fatal(err)
			}
			s, err := (&source{process: p, flags: set, options: mountOptions()}).load()
			if err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			s.logMemory(slog.New(slog.NewTextHandler(&log, nil)))
			if s.memory != tt.want || tt.told != strings.Contains(log.String(), "--memory") {
				t.Errorf("%d MiB, want %d; log %q", s.memory/mib, tt.want/mib, &log)
			}
		})
	}
}

// The real limit of this process can be read, whatever it is.
func TestCgroupLimit(t *testing.T) {
	limit := cgroupLimit()
	t.Logf("%d MiB", limit>>20)
	if limit > 0 && limit < 1<<20 {
		t.Errorf("a limit of %d bytes, with which this test could not run", limit)
	}
}

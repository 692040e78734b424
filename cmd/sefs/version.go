package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by release builds: -ldflags "-X main.version=1.2.3".
var version string

func newVersionCommand(p *process) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the versions of sefs and of what it is built with",
		Example: "  sefs version",
		Args:    exactly(),
		RunE: func(*cobra.Command, []string) error {
			fmt.Fprintf(p.stdout, "sefs %s\n%s\ngo-fuse %s\n%s/%s\n",
				sefsVersion(), runtime.Version(), fuseVersion(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
}

// sefsVersion is the release's version, else what the Go tool noted: a module
// version, or the commit.
func sefsVersion() string {
	if version != "" {
		return version
	}
	build, ok := debug.ReadBuildInfo()
	if !ok || build.Main.Version == "" {
		return "unknown"
	}
	return build.Main.Version
}

func fuseVersion() string {
	build, _ := debug.ReadBuildInfo()
	if build == nil {
		return "unknown"
	}
	for _, d := range build.Deps {
		if d.Path == "github.com/hanwen/go-fuse/v2" {
			return d.Version
		}
	}
	return "unknown"
}

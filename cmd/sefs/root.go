package main

import (
	"strings"

	"github.com/spf13/cobra"
)

const rootHelp = `sefs shows ScaleEngine storage as a read-only folder.

Settings come from flags, else from the environment (SEFS_ and the flag's name in
capitals: --api-key is SEFS_API_KEY), else from a config file (TOML, keys are the
flags' names: $XDG_CONFIG_HOME/sefs/config.toml, else /etc/sefs/config.toml). The
API secret comes from SEFS_API_SECRET or a file named by --api-secret-file.

` + exitCodes

const rootExamples = `  sefs demo                              see it work, without an account
  export SEFS_API_KEY=… SEFS_CDN=… SEFS_API_SECRET=…
  sefs storages                          which storages the account has
  sefs mount sestore4/jb /mnt/media      mount a folder
  sefs cat sestore4/jb/movie.mp4 >copy   read a file without a mount
  sefs unmount /mnt/media`

// newRootCommand returns `sefs`, with all verbs below it.
func newRootCommand(p *process) *cobra.Command {
	root := &cobra.Command{
		Use:           "sefs",
		Short:         "ScaleEngine storage as a read-only file system",
		Long:          rootHelp,
		Example:       rootExamples,
		Version:       sefsVersion(),
		SilenceErrors: true, // process.end prints them, as one line
		SilenceUsage:  true,
		Args:          knownVerb,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SuggestionsMinimumDistance = 2
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(
		newMountCommand(p),
		newUnmountCommand(),
		newDemoCommand(p),
		newStoragesCommand(p),
		newStatCommand(p),
		newCatCommand(p),
		newVersionCommand(p),
		newCompletionCommand(p),
	)
	return root
}

// knownVerb refuses what is no verb. cobra's own message has several lines.
func knownVerb(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		return fail(exitUsage, "there is no verb %q: did you mean %s?", args[0], strings.Join(near, " or "))
	}
	return fail(exitUsage, "there is no verb %q: see sefs --help", args[0])
}

// flagError is what an unknown or incomplete flag ends in.
func flagError(c *cobra.Command, err error) error {
	if strings.HasSuffix(err.Error(), "--"+secretKey) {
		return fail(exitUsage, "there is no --%s, since every user can see a command line: set %s or give --%s", secretKey, secretVariable, secretFileKey)
	}
	// What cannot be read as short flags is repeated whole, such as -api-secret=…
	text, _, _ := strings.Cut(err.Error(), " in -")
	return fail(exitUsage, "%s: see %s --help", text, c.CommandPath())
}

// exactly returns a check that all the named arguments are there, and no more.
func exactly(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch {
		case len(args) == len(names):
			return nil
		case len(names) == 0:
			return fail(exitUsage, "%s takes no arguments: see %s --help", c.CommandPath(), c.CommandPath())
		case len(args) < len(names):
			return fail(exitUsage, "%s is missing: the form is %s %s", strings.Join(names[len(args):], " and "), c.CommandPath(), strings.Join(names, " "))
		}
		return fail(exitUsage, "%q is too much: the form is %s %s", args[len(names)], c.CommandPath(), strings.Join(names, " "))
	}
}

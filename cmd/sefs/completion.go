package main

import (
	"github.com/spf13/cobra"
)

const completionExamples = `  sefs completion bash > /etc/bash_completion.d/sefs
  sefs completion zsh  > "${fpath[1]}/_sefs"
  sefs completion fish > ~/.config/fish/completions/sefs.fish
  sefs completion powershell | Out-String | Invoke-Expression`

func newCompletionCommand(p *process) *cobra.Command {
	return &cobra.Command{
		Use:       "completion bash|zsh|fish|powershell",
		Short:     "Print a script that completes sefs commands in a shell",
		Example:   completionExamples,
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		Args:      exactly("SHELL"),
		RunE: func(c *cobra.Command, args []string) error {
			switch args[0] {
			case "bash":
				return c.Root().GenBashCompletionV2(p.stdout, true)
			case "zsh":
				return c.Root().GenZshCompletion(p.stdout)
			case "fish":
				return c.Root().GenFishCompletion(p.stdout, true)
			case "powershell":
				return c.Root().GenPowerShellCompletionWithDesc(p.stdout)
			}
			return fail(exitUsage, "there is no completion for %q: bash, zsh, fish and powershell are known", args[0])
		},
	}
}

package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const mountHelp = `Mount a folder of ScaleEngine storage, read-only.

REMOTE is the folder's path on the storage, sestore<number>/account[/folder…]; the
mount shows what is in it. MOUNTPOINT is an empty folder.

sefs goes to the background and returns once the mount answers. Otherwise it says
why not, and nothing is mounted. With --foreground it stays. A mount that a killed
sefs left behind is cleared first.

Ctrl-C or SIGTERM unmounts. If the mount is in use for three seconds more, it is detached:
nothing new can use it, and those who do get errors once sefs has ended, two seconds later. A
second signal makes it end at once. Either way the exit code is 0.

` + exitCodes

const mountExamples = `  sefs mount sestore4/jb /mnt/media
  sefs mount --ttl 1h --stale 0 sestore4/jb/films ~/films
  sefs mount -f --log-format json --api-secret-file /etc/sefs/secret sestore4/jb /mnt/media`

func newMountCommand(p *process) *cobra.Command {
	c := &cobra.Command{
		Use:     "mount [flags] REMOTE MOUNTPOINT",
		Short:   "Mount a storage folder, read-only",
		Long:    mountHelp,
		Example: mountExamples,
		Args:    exactly("REMOTE", "MOUNTPOINT"),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 1 {
				return nil, cobra.ShellCompDirectiveFilterDirs
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			j, err := prepare(p, c.Flags(), args[0], args[1])
			if err != nil {
				return err
			}
			if j.settings.foreground || p.starter != nil {
				return stay(c.Context(), p, j)
			}
			return background(c.Context(), p, j)
		},
	}
	addFlags(c.Flags(), mountOptions())
	return c
}

// prepare checks everything that can be checked without the service, the cheap
// and the likely first.
func prepare(p *process, flags *pflag.FlagSet, remote, mountpoint string) (job, error) {
	var j job
	var err error
	src := source{process: p, flags: flags, options: mountOptions()}
	if j.settings, err = src.load(); err != nil {
		return j, err
	}
	if j.remote, err = cleanRemote(remote); err != nil {
		return j, err
	}
	if j.mountpoint, err = prepareMountpoint(p, mountpoint); err != nil {
		return j, err
	}
	if j.secret, err = readSecret(p, j.settings); err != nil {
		return j, err
	}
	return j, checkFUSE(j.settings)
}

// stay mounts in this process and serves until the mount or ctx ends.
func stay(ctx context.Context, p *process, j job) error {
	log, end, err := verbLog(p, j.settings)
	if err != nil {
		return err
	}
	defer end()
	j.log = log
	if p.starter == nil && j.settings.logFile != "" {
		j.notice = p.notice
	}
	if p.starter != nil {
		// All paths are absolute by now, and no folder shall be kept from being
		// unmounted or removed by us standing in it.
		if err := os.Chdir("/"); err != nil {
			return err
		}
	}
	a, err := attach(ctx, j)
	if err != nil {
		return err
	}
	if err := p.starter.tell(report{Ready: true}); err != nil {
		j.log.Error("the process that waited for the mount is gone", "error", err)
		ended, end := context.WithCancel(ctx)
		end()
		ctx = ended
	}
	return a.serve(ctx)
}

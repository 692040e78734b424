package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"sefs/apiclient/apitest"
)

const demoHelp = `See sefs work, without an account and without a network: a stand-in for the
service runs inside this program and serves a small media library.

Without MOUNTPOINT it is mounted in a temporary folder, walked and unmounted again.
With MOUNTPOINT it stays mounted until Ctrl-C.

` + exitCodes

const demoExamples = `  sefs demo                              a tour of some seconds
  mkdir -p /tmp/demo && sefs demo /tmp/demo   to look around in by yourself`

// demo is a stand-in service and what is needed to mount it.
type demo struct {
	process *process
	service *apitest.Server
	tree    *apitest.Tree
	job     job
}

func newDemoCommand(p *process) *cobra.Command {
	c := &cobra.Command{
		Use:     "demo [flags] [MOUNTPOINT]",
		Short:   "See it work with a stand-in service, without an account",
		Long:    demoHelp,
		Example: demoExamples,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return exactly("MOUNTPOINT")(c, args)
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
	}
	options := logOptions("warn")
	addFlags(c.Flags(), options)
	c.RunE = func(c *cobra.Command, args []string) error {
		// Neither environment nor config file are read: they are about an account.
		s, err := defaults()
		if err != nil {
			return err
		}
		for _, o := range options {
			text := c.Flags().Lookup(o.name).Value.String()
			if err := o.set(s, text); err != nil {
				return fail(exitUsage, "--%s %q: %v", o.name, text, err)
			}
		}
		return demonstrate(c.Context(), p, s, args)
	}
	return c
}

// defaults are the settings of `mount` without any source.
func defaults() (*settings, error) {
	s := &settings{}
	for _, o := range mountOptions() {
		if err := o.set(s, o.value); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// demonstrate starts the stand-in and mounts it on the folder in args, or on a
// temporary one.
func demonstrate(ctx context.Context, p *process, s *settings, args []string) error {
	log, end, err := verbLog(p, s)
	if err != nil {
		return err
	}
	defer end()
	d := &demo{process: p, tree: demoTree()}
	if d.service, err = apitest.New(apitest.Options{Tree: d.tree}); err != nil {
		return err
	}
	defer d.service.Close()
	s.apiURL, s.filesURL = d.service.URL(), d.service.FilesURL()
	s.apiKey, s.cdn = d.service.APIKey(), d.service.CDN()
	d.job = job{settings: s, secret: d.service.Secret(), remote: d.tree.Root(), log: log}
	if len(args) == 0 {
		return d.tour(ctx)
	}
	if d.job.mountpoint, err = prepareMountpoint(p, args[0]); err != nil {
		return err
	}
	return d.stay(ctx)
}

// attach mounts the stand-in, by the very code that mounts the service.
func (d *demo) attach(ctx context.Context) (*attachment, error) {
	if err := checkFUSE(d.job.settings); err != nil {
		return nil, err
	}
	return attach(ctx, d.job)
}

// stay serves until Ctrl-C or an unmount from outside.
func (d *demo) stay(ctx context.Context) error {
	a, err := d.attach(ctx)
	if err != nil {
		return err
	}
	m := d.job.mountpoint
	d.say("%s, a small media library of a stand-in service, is mounted on %s.", d.job.remote, m)
	d.say("  look   ls -lR %s", m)
	d.say("         find %s -name '*.mp4'", m)
	d.say("  stop   Ctrl-C here, or: sefs unmount %s", m)
	d.say("         sha256sum '%s/films/Sintel/Sintel.mp4'", m)
	return a.serve(ctx)
}

// tour mounts the stand-in in a temporary folder, shows what a mount does, and
// takes everything away again.
func (d *demo) tour(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "sefs-demo-")
	if err != nil {
		return fail(exitFailed, "a temporary folder cannot be made: %v", bare(err))
	}
	// Never RemoveAll: had the unmount failed, it would walk through the mount.
	defer func() { err = errors.Join(err, os.Remove(dir)) }()
	if d.job.mountpoint, err = filepath.EvalSymlinks(dir); err != nil {
		return err
	}
	a, err := d.attach(ctx)
	if err != nil {
		return err
	}
	d.say("A stand-in for the service runs in this program: no account, no network.")
	d.say("  mounted  %s on %s, read-only", d.job.remote, d.job.mountpoint)
	if err := errors.Join(d.show(ctx), a.detach(hurry(ctx))); err != nil {
		return err
	}
	d.say("  ended    unmounted, and the folder removed")
	d.say("To look around by yourself: sefs demo MOUNTPOINT. Your own storage: sefs mount --help.")
	return nil
}

// show does on the mount what users do, and says what came of it.
func (d *demo) show(ctx context.Context) error {
	began, before := time.Now(), d.service.Calls().Total
	files, folders, _, err := d.walk(ctx, false)
	if err != nil {
		return err
	}
	wantFiles, wantFolders := d.tree.Len()
	if files != wantFiles || folders != wantFolders {
		return fail(exitFailed, "the mount shows %d files in %d folders, but the stand-in has %d in %d: please report this", files, folders, wantFiles, wantFolders)
	}
	d.say("  walked   %d folders and %d files: all there are, in %d calls of the service and %s",
		folders, files, d.service.Calls().Total-before, time.Since(began).Round(time.Millisecond))
	before = d.service.Calls().Total
	if _, _, _, err := d.walk(ctx, false); err != nil {
		return err
	}
	d.say("  again    from memory: %d calls", d.service.Calls().Total-before)
	_, _, size, err := d.walk(ctx, true)
	if err != nil {
		return err
	}
	d.say("  sizes    %.1f MB in all, in %d calls", float64(size)/1e6, d.service.Calls().FilesTotal())
	if err := d.read(ctx, "films/Sintel/Sintel.mp4"); err != nil {
		return err
	}

	err = os.WriteFile(filepath.Join(d.job.mountpoint, "new.mp4"), nil, 0o600)
	if !errors.Is(err, unix.EROFS) {
		return fail(exitFailed, "writing to the mount ended with %v, not with %v: please report this", err, unix.EROFS)
	}
	d.say("  writing  refused: %v", bare(err))
	return nil
}

// read copies a file off the mount and compares it with what the stand-in has.
func (d *demo) read(ctx context.Context, rel string) error {
	if err := ctx.Err(); err != nil {
		return fail(exitFailed, "%s", interrupted)
	}
	got, err := os.ReadFile(filepath.Join(d.job.mountpoint, rel))
	if err != nil {
		return fail(exitFailed, "reading failed: %v", err)
	}
	if !bytes.Equal(got, d.tree.Bytes(rel)) {
		return fail(exitFailed, "%s was read with other bytes than the stand-in has: please report this", rel)
	}
	calls := d.service.Calls()
	d.say("  reading  %s: %.1f MB, byte for byte, in %d requests", rel, float64(len(got))/1e6, calls.LinksTotal()+calls.Content)
	return nil
}

// walk goes through the mount by way of the kernel, as find does, or as ls -l does if
// sizes are wanted.
func (d *demo) walk(ctx context.Context, sizes bool) (files, folders int, size int64, err error) {
	err = filepath.WalkDir(d.job.mountpoint, func(path string, e iofs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return fail(exitFailed, "%s", interrupted)
		case err != nil:
			return fail(exitFailed, "the walk failed: %v", err)
		case path == d.job.mountpoint: // not one of its own entries
		case e.IsDir():
			folders++
		default:
			files++
		}
		if !sizes || e.IsDir() {
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return fail(exitFailed, "%v", err)
		}
		size += info.Size()
		return nil
	})
	return files, folders, size, err
}

func (d *demo) say(format string, args ...any) {
	fmt.Fprintf(d.process.stdout, format+"\n", args...)
}

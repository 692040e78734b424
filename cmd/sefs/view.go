package main

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"path"
	"time"

	"github.com/spf13/cobra"

	"sefs/fs"
)

// viewTTL is how long what one run of `stat` or `cat` was told counts: as long as it runs.
const viewTTL = 24 * time.Hour

// newViewCommand returns a command that does something with one remote path, without a
// mount.
func newViewCommand(p *process, c *cobra.Command, do func(ctx context.Context, v *fs.View, remote string) error) *cobra.Command {
	c.Args = exactly("REMOTE")
	c.ValidArgsFunction = cobra.NoFileCompletions
	addFlags(c.Flags(), fileOptions())
	c.RunE = func(c *cobra.Command, args []string) error {
		src := source{process: p, flags: c.Flags(), options: fileOptions()}
		s, err := src.load()
		if err != nil {
			return err
		}
		remote, err := cleanRemote(args[0])
		if err != nil {
			return err
		}
		secret, err := readSecret(p, s)
		if err != nil {
			return err
		}
		return view(c.Context(), p, s, secret, remote, do)
	}
	return c
}

// view does something with the file or folder at remote.
func view(ctx context.Context, p *process, s *settings, secret, remote string, do func(context.Context, *fs.View, string) error) error {
	log, end, err := verbLog(p, s)
	if err != nil {
		return err
	}
	defer end()
	s.ttl, s.fileMode, s.dirMode = viewTTL, 0o444, 0o555
	r, err := newRemote(s, secret, remote, log)
	if err != nil {
		return err
	}
	defer r.close()
	limitHeap(s.memory)
	if err = r.settle(ctx); err == nil {
		err = do(ctx, fs.NewView(r.options(remote)), remote)
	}
	var local *iofs.PathError
	switch {
	case ctx.Err() != nil:
		return fail(exitFailed, "interrupted")
	case errors.As(err, &local):
		return fail(exitFailed, "%s cannot be written: %v", local.Path, local.Err)
	case errors.Is(err, iofs.ErrNotExist):
		return fail(exitRemote, "%s does not exist: %s does not have it", remote, path.Dir(remote))
	case errors.Is(err, fs.ErrUnknownSize):
		return fail(exitFailed, "%s cannot be read for sure, since the service tells no size of it: read it as it comes with --unknown-size stream", remote)
	case errors.Is(err, fs.ErrIsFolder):
		return fail(exitUsage, "%s is a folder: give the path of a file", remote)
	}
	return explain(err, s, remote)
}

const statHelp = `Print what the service knows of a file or folder, without a mount: its type, size in
bytes, time of the last change, and the inode number that a mount shows.

` + exitCodes

func newStatCommand(p *process) *cobra.Command {
	return newViewCommand(p, &cobra.Command{
		Use:     "stat [flags] REMOTE",
		Short:   "Print what is known of a file or folder",
		Long:    statHelp,
		Example: "  sefs stat sestore4/jb/movie.mp4",
	}, func(ctx context.Context, v *fs.View, remote string) error {
		info, err := v.Stat(ctx, remote)
		if err != nil {
			return err
		}
		kind, size, modified := "file", "unknown", "unknown"
		switch {
		case info.Folder:
			kind, size = "folder", fmt.Sprintf("%d entries", info.Entries)
		case info.Known:
			size = fmt.Sprintf("%d bytes", info.Size)
		}
		if !info.Modified.IsZero() {
			modified = info.Modified.UTC().Format(time.RFC3339)
		}
		fmt.Fprintf(p.stdout, "%s\n  type      %s\n  size      %s\n  modified  %s\n  inode     %d\n", oneLine(remote), kind, size, modified, info.Inode)
		return nil
	})
}

const catHelp = `Write a file's bytes to standard output, without a mount. What cannot be read whole
ends with an error and a code other than 0.

` + exitCodes

func newCatCommand(p *process) *cobra.Command {
	return newViewCommand(p, &cobra.Command{
		Use:     "cat [flags] REMOTE",
		Short:   "Write a file to standard output",
		Long:    catHelp,
		Example: "  sefs cat sestore4/jb/movie.mp4 | ffprobe -",
	}, func(ctx context.Context, v *fs.View, remote string) error {
		return v.Copy(ctx, p.stdout, remote)
	})
}

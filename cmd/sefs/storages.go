package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

const storagesHelp = `Print the storages that hold the account's files, one per line. They are the
first part of REMOTE.

` + exitCodes

func newStoragesCommand(p *process) *cobra.Command {
	c := &cobra.Command{
		Use:     "storages [flags]",
		Short:   "Print the account's storages",
		Long:    storagesHelp,
		Example: "  sefs storages --api-key KEY --cdn 12 --api-secret-file ~/.config/sefs/secret",
		Args:    exactly(),
	}
	addFlags(c.Flags(), accountOptions())
	c.RunE = func(c *cobra.Command, _ []string) error {
		src := source{process: p, flags: c.Flags(), options: accountOptions()}
		s, err := src.load()
		if err != nil {
			return err
		}
		secret, err := readSecret(p, s)
		if err != nil {
			return err
		}
		return storages(c.Context(), p, s, secret)
	}
	return c
}

func storages(ctx context.Context, p *process, s *settings, secret string) error {
	log, end, err := verbLog(p, s)
	if err != nil {
		return err
	}
	defer end()
	s.types = fileTypes()[:1] // not used: storages have no type
	client, err := newClient(s, secret, "", log)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.Settle(ctx); err != nil {
		return explain(err, s, "")
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	found, err := client.Storages(ctx)
	if err != nil {
		return explain(err, s, "")
	}
	for _, name := range found {
		fmt.Fprintln(p.stdout, name)
	}
	if len(found) == 0 {
		p.notice("the account has no storage yet")
	}
	return nil
}

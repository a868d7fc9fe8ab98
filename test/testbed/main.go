// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Command testbed brings up a real single-node Kubernetes cluster on a Debian machine, out of Go
// modules and Debian packages: no registry, no download site, no systemd. See README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := dispatch(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "testbed:", err)
		os.Exit(1)
	}
}

// dispatch runs one command line.
func dispatch(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("testbed", flag.ContinueOnError)
	dir := flags.String("dir", "", "the repository's root (default: found upwards from the working directory)")
	flags.Usage = func() { usage(flags) }
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		usage(flags)
		return errors.New("no command given")
	}
	cmd, ok := findCommand(flags.Arg(0))
	if !ok {
		usage(flags)
		return fmt.Errorf("no command %q", flags.Arg(0))
	}
	l, err := newLayout(*dir)
	if err != nil {
		return err
	}
	return cmd.run(ctx, l, flags.Args()[1:])
}

func usage(flags *flag.FlagSet) {
	out := flags.Output()
	_, _ = fmt.Fprintln(out, "Usage: testbed [--dir REPOSITORY] COMMAND\n\nCommands:")
	for _, c := range commands() {
		if c.help != "" {
			_, _ = fmt.Fprintf(out, "  %-34s %s\n", c.name+" "+c.args, c.help)
		}
	}
	_, _ = fmt.Fprintln(out, "\nThe cache is in $COMPOSE_OPERATOR_CACHE, or compose-operator in the user's cache directory.")
}

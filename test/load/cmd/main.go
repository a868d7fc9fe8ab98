// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Command load writes through a -readwrite Service for a while, then checks that
// every acknowledged write is on the source. Exit code 1 says that one is not.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/upmio/compose-operator/test/load"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run() error {
	var options load.Options
	flag.StringVar(&options.ReadWrite, "readwrite", "", "address host:port of the -readwrite Service")
	flag.StringVar(&options.ReadOnly, "readonly", "", "address host:port of the -readonly Service, for readers")
	flag.StringVar(&options.Login.User, "user", "app", "user of the clients; the password is in LOAD_PASSWORD")
	flag.IntVar(&options.Writers, "writers", load.DefaultWriters, "writing clients")
	flag.IntVar(&options.Readers, "readers", 0, "reading clients")
	flag.DurationVar(&options.Interval, "interval", 0, "between two writes of one client")
	flag.DurationVar(&options.ConnectTimeout, "connect-timeout", load.DefaultConnectTimeout, "of one attempt to connect")
	flag.DurationVar(&options.AnswerTimeout, "answer-timeout", load.DefaultAnswerTimeout, "for an answer, after which the outcome is unknown")
	duration := flag.Duration("duration", 10*time.Second, "how long to write; an interrupt ends it earlier")
	source := flag.String("source", "", "address of the source's own at the end, to check on; without it nothing is checked")
	replicas := flag.String("replicas", "", "addresses of healthy replicas to compare, separated by commas")
	flag.Parse()
	options.Login.Password = os.Getenv("LOAD_PASSWORD")

	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := load.Prepare(ctx, options.ReadWrite, options.Login); err != nil {
		return err
	}
	r, err := load.Start(ctx, options)
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case <-time.After(*duration):
	}
	report := r.Stop()
	fmt.Println(report)
	if *source == "" {
		return nil
	}
	servers := load.Servers{Source: load.Server{Name: *source, Address: *source}, Login: options.Login}
	for address := range strings.SplitSeq(*replicas, ",") {
		if address != "" {
			servers.Replicas = append(servers.Replicas, load.Server{Name: address, Address: address})
		}
	}
	verdict, err := r.Check(context.WithoutCancel(ctx), servers)
	if err != nil {
		return err
	}
	fmt.Println(verdict)
	if !verdict.OK() {
		return fmt.Errorf("%d acknowledged writes lost", len(verdict.Lost))
	}
	return nil
}

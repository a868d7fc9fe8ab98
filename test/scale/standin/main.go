// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Command standin pretends to be many MySQL servers in one process. It is no database:
// it speaks the protocol and answers the statements that the operator sends, from a
// small model of what replication would look like. What it answers is compared with a
// real server by the contract tests of internal/mysql; what it does not know it refuses.
//
// Each server has a loopback address of its own. They are told over HTTP what is to
// happen to them, and what they were asked.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "standin:", err)
		os.Exit(1)
	}
}

func run() error {
	var o options
	flag.IntVar(&o.Sets, "sets", 1, "sets of servers")
	flag.IntVar(&o.Nodes, "nodes", 3, "servers of a set; the first is the source of the others")
	flag.BoolVar(&o.Fresh, "fresh", false, "servers that were just made: writable, empty, no replication")
	flag.BoolVar(&o.TLS, "tls", false, "offer TLS, with a certificate of its own for each server")
	flag.StringVar(&o.First, "first", "127.64.0.1", "address of the first server; the next one has the next address")
	flag.IntVar(&o.Port, "port", 3306, "port of all servers")
	flag.StringVar(&o.User, "user", "mysql", "user that may connect; the password is in STANDIN_PASSWORD")
	flag.StringVar(&o.ReplicationUser, "replication-user", "replication", "user of the channels; the password is in STANDIN_REPLICATION_PASSWORD")
	control := flag.String("control", "127.0.0.1:0", "address to be controlled at; printed once all servers listen")
	flag.Parse()
	o.Password, o.ReplicationPassword = os.Getenv("STANDIN_PASSWORD"), os.Getenv("STANDIN_REPLICATION_PASSWORD")
	if o.Password == "" || o.ReplicationPassword == "" {
		return errors.New("STANDIN_PASSWORD and STANDIN_REPLICATION_PASSWORD must be set: an empty password lets nobody in")
	}

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	w, err := newWorld(o)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", *control)
	if err != nil {
		return fmt.Errorf("control: %w", err)
	}
	server := &http.Server{Handler: w.control(), ReadHeaderTimeout: time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	fmt.Println(l.Addr())
	select {
	case err = <-failed:
		return fmt.Errorf("control: %w", err)
	case <-ctx.Done():
		return server.Close()
	}
}

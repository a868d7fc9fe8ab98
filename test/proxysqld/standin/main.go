// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Command standin pretends to be the admin interface of a ProxySQL: the MySQL protocol over
// SQLite, with the configuration in three layers (main, runtime_ and disk) and LOAD and SAVE
// between them. It is no proxy. The contract suite of internal/proxysql runs against it and
// against a real proxysql without a difference.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"vitess.io/vitess/go/mysql"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "standin:", err)
		os.Exit(1)
	}
}

func run() error {
	address := flag.String("admin", "127.0.0.1:6032", "address of the admin interface")
	dir := flag.String("datadir", "", "directory of proxysql.db")
	user := flag.String("user", "proxysql", "user that may connect; the password is in STANDIN_PASSWORD")
	delay := flag.Duration("delay", 0, "how long every statement takes")
	flag.Parse()
	password := os.Getenv("STANDIN_PASSWORD")
	if *dir == "" || password == "" {
		return errors.New("-datadir and STANDIN_PASSWORD must be given")
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	c, err := open(*dir)
	if err != nil {
		return err
	}
	h, err := newHandler(c, *delay)
	if err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", *address)
	if err != nil {
		return err
	}
	listener, err := mysql.NewListenerWithConfig(mysql.ListenerConfig{
		Listener: l, AuthServer: newAuthority(*user, password), Handler: h, ConnReadBufferSize: 16 << 10, ConnKeepAlivePeriod: time.Minute,
	})
	if err != nil {
		return err
	}
	go listener.Accept()
	<-ctx.Done()
	listener.Close()
	return nil
}

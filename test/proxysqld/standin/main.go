// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Command standin pretends to be the admin interface of a ProxySQL: the MySQL protocol over
// SQLite, with the configuration in three layers (main, runtime_ and disk) and LOAD and SAVE
// between them. It is hardly a proxy (traffic.go). The contract suite of internal/proxysql runs
// against it and against a real proxysql without a difference. In a pod it is called proxysql and
// takes the arguments of one: -f -c proxysql.cnf -D directory.
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
	s, err := arguments()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	for name := range defaults {
		if value, given := s.variables[name]; given {
			defaults[name] = value
		}
	}
	c, err := open(s.dir)
	if err != nil {
		return err
	}
	h, err := newHandler(c, s.delay)
	if err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.admin)
	if err != nil {
		return err
	}
	listener, err := mysql.NewListenerWithConfig(mysql.ListenerConfig{
		Listener: l, AuthServer: newAuthority(s.user, s.password), Handler: h, ConnReadBufferSize: 16 << 10, ConnKeepAlivePeriod: time.Minute,
	})
	if err != nil {
		return err
	}
	go listener.Accept()
	if s.traffic != "" {
		clients, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.traffic)
		if err != nil {
			return err
		}
		defer clients.Close() //nolint:errcheck // it ends with the process
		go newTraffic(c.writers).serve(clients)
	}
	<-ctx.Done()
	listener.Close()
	return nil
}

// arguments of the command, or what a ProxySQL's configuration file says in their place.
func arguments() (settings, error) {
	var s settings
	file := flag.String("c", "", "configuration file of a ProxySQL, in the place of admin, user and STANDIN_PASSWORD")
	flag.StringVar(&s.dir, "D", "", "the same as datadir")
	flag.Bool("f", false, "stay in the foreground, as it does anyway")
	flag.StringVar(&s.admin, "admin", "127.0.0.1:6032", "address of the admin interface")
	flag.StringVar(&s.traffic, "traffic", "", "address for clients, who are led to hostgroup 0; none without it")
	flag.StringVar(&s.dir, "datadir", "", "directory of proxysql.db")
	flag.StringVar(&s.user, "user", "proxysql", "user that may connect; the password is in STANDIN_PASSWORD")
	flag.DurationVar(&s.delay, "delay", 0, "how long every statement takes")
	flag.Parse()
	if *file != "" {
		read, err := readSettings(*file)
		read.dir, read.delay = s.dir, s.delay
		if err != nil {
			return read, err
		}
		s = read
	} else {
		s.password = os.Getenv("STANDIN_PASSWORD")
	}
	if s.dir == "" || s.password == "" {
		return s, errors.New("-datadir and STANDIN_PASSWORD must be given, or -D and -c")
	}
	return s, nil
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"vitess.io/vitess/go/mysql"
	"vitess.io/vitess/go/vt/log"
	"vitess.io/vitess/go/vt/vtenv"
)

// version is what the servers say they are.
const version = "9.7.0-standin"

type options struct {
	Sets, Nodes         int
	Fresh, TLS          bool
	First               string
	Port                int
	User, Password      string
	ReplicationUser     string
	ReplicationPassword string
}

// world is all servers. One lock is enough: they are asked a thousand things a second.
type world struct {
	options
	env  *vtenv.Environment
	auth mysql.AuthServer
	keys *keys

	mu sync.Mutex
	// written is when clients began to write to all sources; zero: they do not.
	written time.Time
	// servers in the order of their addresses; byAddress has them by "host:port".
	servers   []*server
	byAddress map[string]*server
}

func newWorld(o options) (*world, error) {
	// The library logs every client that leaves without a word.
	log.SwapLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))
	env, err := vtenv.New(vtenv.Options{MySQLServerVersion: version})
	if err != nil {
		return nil, err
	}
	w := &world{options: o, env: env, byAddress: map[string]*server{}}
	w.auth = newAuthority(w)
	if o.TLS {
		if w.keys, err = newKeys(); err != nil {
			return nil, err
		}
	}
	first, err := netip.ParseAddr(o.First)
	if err != nil || !first.Is4() || !first.IsLoopback() {
		return nil, fmt.Errorf("-first %s: must be an address of 127.0.0.0/8", o.First)
	}
	base := first.As4()
	for i := range o.Sets * o.Nodes {
		var address [4]byte
		binary.BigEndian.PutUint32(address[:], binary.BigEndian.Uint32(base[:])+uint32(i))
		s := newServer(w, i, netip.AddrFrom4(address).String())
		w.servers = append(w.servers, s)
		w.byAddress[s.address()] = s
	}
	for i, s := range w.servers {
		if !o.Fresh {
			s.settled(w.servers[i-i%o.Nodes])
		}
		if err := s.listen(); err != nil {
			return nil, err
		}
	}
	return w, nil
}

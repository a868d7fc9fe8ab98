// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package redisd

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"testing"
)

// SentinelGroup is the name under which Sentinels know a source and its replicas.
const SentinelGroup = "cache"

// sentinelDownAfter is how long a source must be silent, in milliseconds. It is long
// because a machine that is busy must not look like one that is dead.
const sentinelDownAfter = 5000

// NewSentinels starts Sentinels over a source whose replicas are connected, and waits until
// all of them know one another and so many replicas. The majority of them decides.
func NewSentinels(t testing.TB, n int, source *Server, replicas int) []*Server {
	t.Helper()
	var all []*Server
	for range n {
		s, line := place(t)
		file := s.configure(fmt.Sprintf("requirepass %[1]q\nbind %[2]s\nport %[3]d\ndir %[4]s\n"+
			"sentinel announce-ip %[2]s\nsentinel announce-port %[3]d\n"+
			"sentinel monitor %[5]s %[6]s %[7]d %[8]d\nsentinel auth-pass %[5]s %[1]q\n"+
			"sentinel down-after-milliseconds %[5]s %[9]d\nsentinel failover-timeout %[5]s %[10]d\n",
			Password, s.Host, s.Port, s.dir, SentinelGroup, source.Host, source.Port, n/2+1, sentinelDownAfter, 2*sentinelDownAfter))
		s.line = append(slices.Clone(line), file, "--sentinel")
		s.begin()
		all = append(all, s)
	}
	for _, s := range all {
		s.Eventually("the Sentinel knows everybody", func() bool {
			is := s.sentinelSource()
			return is["num-slaves"] == strconv.Itoa(replicas) && is["num-other-sentinels"] == strconv.Itoa(n-1)
		})
	}
	return all
}

// sentinelSource is what a Sentinel says of the source; empty while it does not answer.
func (s *Server) sentinelSource() map[string]string {
	is := map[string]string{}
	flat, err := s.client.Do(context.Background(), "SENTINEL", "MASTER", SentinelGroup).Slice()
	if err != nil {
		return is
	}
	for pair := range slices.Chunk(flat, 2) {
		is[fmt.Sprint(pair[0])] = fmt.Sprint(pair[len(pair)-1])
	}
	return is
}

// Elected is the address of the source that a Sentinel has made or found; that of nobody while
// it does not answer.
func (s *Server) Elected() string {
	is := s.sentinelSource()
	return net.JoinHostPort(is["ip"], is["port"])
}

// Address of the server.
func (s *Server) Address() string { return net.JoinHostPort(s.Host, strconv.Itoa(int(s.Port))) }

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net"

	"vitess.io/vitess/go/mysql"
	"vitess.io/vitess/go/mysql/replication"
	"vitess.io/vitess/go/mysql/sqlerror"
	"vitess.io/vitess/go/sqltypes"
	querypb "vitess.io/vitess/go/vt/proto/query"
	"vitess.io/vitess/go/vt/vtenv"
)

// listen makes the server reachable.
func (s *server) listen() error {
	if s.listener != nil {
		return nil
	}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", s.address())
	if err != nil {
		return fmt.Errorf("server %d: %w", s.number, err)
	}
	s.listener, err = mysql.NewListenerWithConfig(mysql.ListenerConfig{
		Listener: l, AuthServer: s.world.auth, Handler: s, ConnBufferPooling: true, ConnReadBufferSize: 4096,
	})
	if err != nil {
		return fmt.Errorf("server %d: %w", s.number, err)
	}
	if s.world.keys != nil {
		config, err := s.world.keys.config(s.number, s.host)
		if err != nil {
			return err
		}
		s.listener.TLSConfig.Store(config)
	}
	// The scramble is no clear text, which the library thinks it may be.
	s.listener.AllowClearTextWithoutTLS.Store(true)
	go s.listener.Accept()
	return nil
}

// down ends the server as a crash does.
func (s *server) down() {
	if s.listener == nil {
		return
	}
	s.listener.Close()
	s.listener = nil
	for _, c := range s.open {
		c.Close()
	}
}

// Env implements mysql.Handler, as do the methods after it.
func (s *server) Env() *vtenv.Environment { return s.world.env }

func (s *server) ConnectionReady(c *mysql.Conn) {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	s.open[c.ConnectionID] = c
	s.connections++
}

func (s *server) ConnectionClosed(c *mysql.Conn) {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	if s.open[c.ConnectionID] == c {
		delete(s.open, c.ConnectionID)
	}
}

func (s *server) ComQuery(c *mysql.Conn, query string, callback func(*sqltypes.Result) error) error {
	result, err := s.answer(c, query)
	if err != nil {
		return err
	}
	return callback(result)
}

func (*server) WarningCount(*mysql.Conn) uint16 { return 0 }

var errNotModelled = sqlerror.NewSQLError(sqlerror.ERNotSupportedYet, sqlerror.SSUnknownSQLState, "the stand-in knows plain statements only")

func (*server) ComQueryMulti(*mysql.Conn, string, func(sqltypes.QueryResponse, bool, bool) error) error {
	return errNotModelled
}

func (*server) ComPrepare(*mysql.Conn, string) ([]*querypb.Field, uint16, error) {
	return nil, 0, errNotModelled
}

func (*server) ComStmtExecute(*mysql.Conn, *mysql.PrepareData, func(*sqltypes.Result) error) error {
	return errNotModelled
}

func (*server) ComRegisterReplica(*mysql.Conn, string, uint16, string, string) error {
	return errNotModelled
}

func (*server) ComBinlogDump(*mysql.Conn, string, uint32) error { return errNotModelled }

func (*server) ComBinlogDumpGTID(*mysql.Conn, string, uint64, replication.GTIDSet, uint16) error {
	return errNotModelled
}

// refuse is the answer to what the model does not have: a statement that is new in the
// operator is noticed, not answered at random.
func refuse(query string) error {
	return sqlerror.NewSQLErrorf(sqlerror.ERParseError, sqlerror.SSClientError, "the stand-in does not know the statement: %s", query)
}

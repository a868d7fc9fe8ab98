// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package proxysqld starts ProxySQL servers for tests: stand-ins for their admin interface,
// or real ones where PROXYSQL_BIN names the program. Each has a data directory of its own
// and is gone when the test is over.
package proxysqld

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/internal/proxysql/admin"
	"github.com/upmio/compose-operator/test/process"
)

const (
	// BinaryVariable names a real proxysql.
	BinaryVariable = "PROXYSQL_BIN"
	// StandinVariable names the program of the stand-in; without it one is built.
	StandinVariable = "PROXYSQL_STANDIN"

	// User and Password of the admin interface.
	User     = "proxysql"
	Password = "proxysql-p4ss"

	// patience with a server. It is an assertion about nothing but the end of a test that
	// would go on for ever.
	patience = time.Minute
)

// Server is one ProxySQL.
type Server struct {
	Host string
	// Port of the admin interface, and ProxyPort of that for clients (of a real one).
	Port, ProxyPort int32
	Dir             string

	t       testing.TB
	args    []string
	process *process.Process
}

// Real says whether the servers are real ones.
func Real() bool { return os.Getenv(BinaryVariable) != "" }

// New starts a server without any configuration and waits until it answers.
func New(t testing.TB, args ...string) *Server {
	t.Helper()
	s := &Server{t: t, Host: "127.0.0.1", Port: freePort(t), ProxyPort: freePort(t), Dir: t.TempDir(), args: args}
	t.Cleanup(s.Kill)
	s.Start()
	return s
}

// Start runs the server on the data that it has.
func (s *Server) Start() {
	s.t.Helper()
	log, err := os.OpenFile(filepath.Join(s.Dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close() //nolint:errcheck // the server has it
	if s.process, err = process.Launch(s.command(), log); err != nil {
		s.t.Fatal(err)
	}
	s.wait()
}

func (s *Server) command() []string {
	if !Real() {
		line := []string{
			"/usr/bin/env", "STANDIN_PASSWORD=" + Password, standin(s.t), "-admin", s.Address(), "-datadir", s.Dir, "-user", User,
		}
		return append(line, s.args...)
	}
	file := filepath.Join(s.Dir, "proxysql.cnf")
	// https://proxysql.com/documentation/configuration-file/
	text := fmt.Sprintf("datadir=%q\nadmin_variables=\n{\n\tadmin_credentials=\"%s:%s\"\n\tmysql_ifaces=%q\n}\nmysql_variables=\n{\n\tinterfaces=%q\n\tthreads=2\n}\n",
		s.Dir, User, Password, s.Address(), net.JoinHostPort(s.Host, strconv.Itoa(int(s.ProxyPort))))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return []string{os.Getenv(BinaryVariable), "--foreground", "--no-version-check", "-c", file, "-D", s.Dir}
}

// Kill ends the server at once: what is not on disk is lost.
func (s *Server) Kill() {
	if s.process != nil {
		s.process.Signal(syscall.SIGKILL)
		<-s.process.Done
	}
}

// Freeze keeps the server from answering; Thaw has it go on.
func (s *Server) Freeze() { s.process.Signal(syscall.SIGSTOP) }

// Thaw ends Freeze.
func (s *Server) Thaw() { s.process.Signal(syscall.SIGCONT) }

// Clear takes away what the server has on disk; it must not run.
func (s *Server) Clear() {
	s.t.Helper()
	if err := os.Remove(filepath.Join(s.Dir, "proxysql.db")); err != nil && !os.IsNotExist(err) {
		s.t.Fatal(err)
	}
}

// Address of the admin interface.
func (s *Server) Address() string { return net.JoinHostPort(s.Host, strconv.Itoa(int(s.Port))) }

// Access to the admin interface.
func (s *Server) Access() admin.Access {
	return admin.Access{Host: s.Host, Port: s.Port, User: User, Password: credential.NewPassword(Password)}
}

// Rows of a query, or of any other statement none.
func (s *Server) Rows(query string) [][]string {
	s.t.Helper()
	rows, err := s.try(query)
	if err != nil {
		s.t.Fatalf("%s: %v", query, err)
	}
	return rows
}

// Do runs statements.
func (s *Server) Do(statements ...string) {
	s.t.Helper()
	for _, one := range statements {
		s.Rows(one)
	}
}

func (s *Server) try(query string) ([][]string, error) {
	c, err := admin.Open(s.Access())
	if err != nil {
		return nil, err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if len(query) > 6 && query[:6] == "SELECT" {
		return c.Rows(ctx, "test", query)
	}
	return nil, c.Exec(ctx, "test", query)
}

// wait until it answers.
func (s *Server) wait() {
	s.t.Helper()
	for end := time.Now().Add(patience); ; {
		_, err := s.try("SELECT 1")
		if err == nil {
			return
		}
		if time.Now().After(end) || !s.process.Running() {
			log, _ := os.ReadFile(filepath.Join(s.Dir, "log"))
			s.t.Fatalf("ProxySQL does not answer: %v\n%s", err, log)
		}
		<-time.After(20 * time.Millisecond)
	}
}

func freePort(t testing.TB) int32 {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()                            //nolint:errcheck // only its number is wanted
	return int32(l.Addr().(*net.TCPAddr).Port) //nolint:gosec,forcetypeassert // a port
}

var build = sync.OnceValues(func() (string, error) {
	_, here, _, _ := runtime.Caller(0)
	dir, err := os.MkdirTemp("", "proxysql-standin")
	if err != nil {
		return "", err
	}
	program := filepath.Join(dir, "standin")
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", program, ".")
	cmd.Dir = filepath.Join(filepath.Dir(here), "standin")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the stand-in: %w\n%s", err, out)
	}
	return program, nil
})

// standin is the program of the stand-in.
func standin(t testing.TB) string {
	t.Helper()
	if program := os.Getenv(StandinVariable); program != "" {
		return program
	}
	program, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package postgresd starts real PostgreSQL servers for tests: on loopback, each with an
// address and a data directory of its own, gone when the test is over.
package postgresd

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/upmio/compose-operator/test/process"
)

const (
	stopTimeout = 30 * time.Second
	// queryTimeout bounds the statements of the harness itself.
	queryTimeout = 20 * time.Second
	// patience is how long Eventually waits. It is an assertion about nothing but the end
	// of a test that would go on for ever.
	patience = time.Minute
	// pauseOfLooks passes between two looks of Eventually. Each may be a process of the server's.
	pauseOfLooks = 20 * time.Millisecond
)

// Options of a server.
type Options struct {
	// Of is the server that a standby is a copy of and streams from; nil: a server of its own.
	Of *Server
	// Bare: the standby is a copy that does not know whom to stream from.
	Bare bool
	// Settings are lines of postgresql.conf.
	Settings []string
}

// Server is one PostgreSQL server. When its process ends by itself it is started again, as
// kubelet does it.
type Server struct {
	// Host and Port are the same for as long as the server exists.
	Host string
	Port int32
	// Dir holds data/ and the log, as this process sees it.
	Dir string

	t    testing.TB
	home home
	// within is Dir as the server sees it.
	within string
	pool   *pgxpool.Pool
	// seed are the files of the data directory before its first start that are no other
	// server's, by name.
	seed map[string][]byte

	mu      sync.Mutex
	process *process.Process
	// halted: the test has stopped it.
	halted bool
}

// serial gives every server of the process an address of its own.
var serial atomic.Int32

// quote makes an SQL string.
func quote(s string) string {
	if strings.Contains(s, `\`) {
		return " E'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(s) + "'"
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// New starts a server and waits until it answers.
func New(t testing.TB, o Options) *Server {
	t.Helper()
	h, err := find()
	if err != nil {
		t.Fatal(err)
	}
	id := serial.Add(1)
	s := &Server{t: t, home: h, Host: fmt.Sprintf("127.0.%d.%d", 1+id/250, 1+id%250)}
	s.Port = freePort(t, s.Host)
	if s.Dir, err = os.MkdirTemp(filepath.Join(h.root, "tmp"), "pg-"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.end)
	s.within = strings.TrimPrefix(s.Dir, h.root)
	if err := os.Chmod(s.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(s.Dir, uid, uid); err != nil {
		t.Fatal(err)
	}
	s.fill(o)
	s.Start()
	return s
}

// fill makes the data directory.
func (s *Server) fill(o Options) {
	s.t.Helper()
	own := fmt.Sprintf("\nlisten_addresses = '%s'\nport = %d\n%s\n", s.Host, s.Port, strings.Join(o.Settings, "\n"))
	if o.Of != nil {
		s.copyOf(o.Of)
		if !o.Bare {
			own += fmt.Sprintf("primary_conninfo = 'host=%s port=%d user=%s password=%s'\n", o.Of.Host, o.Of.Port, ReplicationUser,
				strings.NewReplacer(`\`, `\\\\`, "'", `\\''`).Replace(ReplicationPassword))
		}
		s.write("standby.signal", "")
	} else {
		s.copyTemplate()
		s.renew()
	}
	conf, err := os.ReadFile(filepath.Join(s.data(), "postgresql.conf"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.write("postgresql.conf", string(conf)+own)
}

func (s *Server) copyTemplate() {
	s.t.Helper()
	if out, err := exec.Command("cp", "-a", "--reflink=auto", filepath.Join(s.home.root, s.home.data), s.data()).CombinedOutput(); err != nil {
		s.t.Fatalf("copy the template data directory: %v\n%s", err, out)
	}
}

// copyOf makes the data directory a copy of another server's from before its first start: it
// has all of its log since then (wal_keep_size). Where that is not known it is a base backup.
func (s *Server) copyOf(of *Server) {
	s.t.Helper()
	if of.seed == nil {
		s.BaseBackup(of)
		return
	}
	s.copyTemplate()
	if err := os.RemoveAll(filepath.Join(s.data(), "pg_wal")); err != nil {
		s.t.Fatal(err)
	}
	for _, dir := range []string{"pg_wal", "pg_wal/archive_status", "pg_wal/summaries"} {
		path := filepath.Join(s.data(), dir)
		if err := errors.Join(os.Mkdir(path, 0o700), os.Chown(path, uid, uid)); err != nil {
			s.t.Fatal(err)
		}
	}
	for name, text := range of.seed {
		s.write(name, string(text))
	}
}

// renew gives a copy of the template a system identifier of its own, and keeps what is its own.
func (s *Server) renew() {
	s.t.Helper()
	path := filepath.Join(s.data(), "global/pg_control")
	control, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	// The identifier is the first field; pg_resetwal corrects the checksum, and begins a log
	// that has the identifier as well.
	for i := range 8 {
		control[i] = byte(rand.Uint32()) //nolint:gosec // any will do
	}
	control[7] &= 0x7f
	if err := os.WriteFile(path, control, 0o600); err != nil {
		s.t.Fatal(err)
	}
	if out, err := s.home.run(nil, "pg_resetwal", "--pgdata="+s.within+"/data", "--force"); err != nil {
		s.t.Fatalf("pg_resetwal: %v\n%s", err, out)
	}
	// The new log says wal_level = minimal, from which no standby can begin, until it was used once.
	if out, err := s.home.run([]byte{}, "postgres", "--single", "-D", s.within+"/data", "postgres"); err != nil {
		s.t.Fatalf("begin the log: %v\n%s", err, out)
	}
	own, err := filepath.Glob(filepath.Join(s.data(), "pg_wal", "0*"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.seed = map[string][]byte{}
	for _, path := range append(own, path) {
		name, err := filepath.Rel(s.data(), path)
		if err != nil {
			s.t.Fatal(err)
		}
		if s.seed[name], err = os.ReadFile(path); err != nil {
			s.t.Fatal(err)
		}
	}
}

// BaseBackup makes the data directory anew as a copy of another server.
func (s *Server) BaseBackup(of *Server) {
	s.t.Helper()
	s.seed = nil
	if err := os.RemoveAll(s.data()); err != nil {
		s.t.Fatal(err)
	}
	if out, err := s.home.run(nil, "pg_basebackup", "--pgdata="+s.within+"/data", "--host="+of.Host, "--port="+strconv.Itoa(int(of.Port)),
		"--username="+ReplicationUser, "--checkpoint=fast", "--no-sync", "--wal-method=stream"); err != nil {
		s.t.Fatalf("pg_basebackup: %v\n%s", err, out)
	}
}

// Rewind runs pg_rewind on the data directory of a server that is stopped.
func (s *Server) Rewind(from *Server) {
	s.t.Helper()
	// It copies the source's configuration as well.
	conf := s.ReadFile("postgresql.conf")
	defer func() { s.write("postgresql.conf", conf) }()
	source := fmt.Sprintf("host=%s port=%d user=%s dbname=postgres password=%s", from.Host, from.Port, User,
		"'"+strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(Password)+"'")
	if out, err := s.home.run(nil, "pg_rewind", "--target-pgdata="+s.within+"/data", "--source-server="+source, "--no-sync"); err != nil {
		s.t.Fatalf("pg_rewind: %v\n%s", err, out)
	}
}

func (s *Server) write(name, text string) {
	s.t.Helper()
	path := filepath.Join(s.data(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Chown(path, uid, uid); err != nil {
		s.t.Fatal(err)
	}
}

// WriteFile writes a file in the data directory, as the server's user.
func (s *Server) WriteFile(name, text string) { s.t.Helper(); s.write(name, text) }

// ReadFile reads a file of the data directory, "" when there is none.
func (s *Server) ReadFile(name string) string {
	text, _ := os.ReadFile(filepath.Join(s.data(), name))
	return string(text)
}

// Stat looks at a file of the data directory.
func (s *Server) Stat(name string) (os.FileInfo, error) {
	return os.Stat(filepath.Join(s.data(), name))
}

// freePort finds a port of an address that nobody listens on, none of those that the kernel
// gives to connections.
func freePort(t testing.TB, host string) int32 {
	t.Helper()
	var err error
	for range 100 {
		port := 10_000 + rand.Int32N(20_000) //nolint:gosec // any will do
		var l net.Listener
		if l, err = net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(int(port)))); err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal(err)
	return 0
}

func (s *Server) data() string { return filepath.Join(s.Dir, "data") }

// Addr is "host:port".
func (s *Server) Addr() string { return net.JoinHostPort(s.Host, strconv.Itoa(int(s.Port))) }

// Start starts a server that is stopped and waits until it answers.
func (s *Server) Start() {
	s.t.Helper()
	if err := s.launch(true); err != nil {
		s.t.Fatal(err)
	}
	if s.pool == nil {
		s.pool = s.Open(User, Password)
	}
	s.Up()
}

// Up waits until the server answers.
func (s *Server) Up() {
	s.t.Helper()
	s.Eventually("the server answers", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		return s.pool.Ping(ctx) == nil
	})
}

// launch starts the process. One that the test has stopped is only started asked.
func (s *Server) launch(asked bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.halted && !asked {
		return nil
	}
	log, err := os.OpenFile(s.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // the server has a copy of it
	p, err := process.LaunchWith(append([]string{"/usr/bin/env", "HOME=" + s.within}, s.home.line("postgres", "-D", s.within+"/data")...), log, s.home.attributes())
	if err != nil {
		return err
	}
	s.process, s.halted = p, false
	go func() {
		<-p.Done
		// What is left of a killed one keeps its shared memory for a moment.
		<-time.After(50 * time.Millisecond)
		_ = s.launch(false)
	}()
	return nil
}

func (s *Server) logFile() string { return filepath.Join(s.Dir, "log") }

// Log is all that the server has logged.
func (s *Server) Log() string {
	text, _ := os.ReadFile(s.logFile())
	return string(text)
}

func (s *Server) halt() *process.Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.halted = true
	return s.process
}

// Stop is a fast stop, without a new start.
func (s *Server) Stop() {
	s.t.Helper()
	p := s.halt()
	p.Signal(syscall.SIGINT)
	select {
	case <-p.Done:
	case <-time.After(stopTimeout):
		s.t.Fatalf("postgres does not stop\n%s", s.logTail())
	}
}

// Crash ends all processes at once; kubelet starts the server again.
func (s *Server) Crash() {
	s.mu.Lock()
	p := s.process
	s.mu.Unlock()
	s.signal(p, syscall.SIGKILL)
	<-p.Done
}

// Kill9 ends all processes at once, without a new start.
func (s *Server) Kill9() {
	p := s.halt()
	s.signal(p, syscall.SIGKILL)
	<-p.Done
}

// signal reaches the server's main process and all of its children. (Each is in a session of its own.)
func (s *Server) signal(p *process.Process, sig syscall.Signal) {
	list := children(p.PID())
	p.Signal(sig)
	for _, pid := range list {
		_ = syscall.Kill(pid, sig)
	}
}

// children are the processes whose parent has a pid.
func children(parent int) []int {
	var out []int
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest)
		if len(fields) < 2 || fields[1] != strconv.Itoa(parent) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			out = append(out, pid)
		}
	}
	return out
}

// Freeze stops all processes without ending them. Thaw lets them go on.
func (s *Server) Freeze() { s.mu.Lock(); p := s.process; s.mu.Unlock(); s.signal(p, syscall.SIGSTOP) }

// Thaw ends what Freeze began.
func (s *Server) Thaw() { s.mu.Lock(); p := s.process; s.mu.Unlock(); s.signal(p, syscall.SIGCONT) }

func (s *Server) end() {
	if s.pool != nil {
		s.pool.Close()
	}
	if p := s.halt(); p != nil && p.Running() {
		s.Kill9()
	}
	if s.t.Failed() {
		s.t.Logf("log of %s:\n%s", s.Addr(), s.logTail())
	}
	_ = os.RemoveAll(s.Dir)
}

func (s *Server) logTail() string {
	lines := strings.Split(strings.TrimSpace(s.Log()), "\n")
	return strings.Join(lines[max(0, len(lines)-40):], "\n")
}

// Open returns a pool of connections of a user.
func (s *Server) Open(user, password string) *pgxpool.Pool {
	s.t.Helper()
	config, err := pgxpool.ParseConfig(fmt.Sprintf("host=%s port=%d dbname=postgres user=%s sslmode=disable connect_timeout=2", s.Host, s.Port, user))
	if err != nil {
		s.t.Fatal(err)
	}
	config.ConnConfig.Password = password
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(pool.Close)
	return pool
}

// SQL runs statements as User; an error fails the test.
func (s *Server) SQL(statements ...string) {
	s.t.Helper()
	for _, statement := range statements {
		if err := s.try(statement); err != nil {
			s.t.Fatalf("%s: %v", statement, err)
		}
	}
}

func (s *Server) try(statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), queryTimeout)
	defer cancel()
	var err error
	// A fence or a stop ends the connections of clients, and the test is one of them.
	for range 3 {
		if _, err = s.pool.Exec(ctx, statement); !broken(err) {
			return err
		}
	}
	return err
}

func broken(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "57P01") || strings.Contains(err.Error(), "EOF") || strings.Contains(err.Error(), "reset by peer") || errors.Is(err, net.ErrClosed))
}

// Value is the only value that a query gives, as text, NULL as "".
func (s *Server) Value(query string) string {
	s.t.Helper()
	v, err := s.Ask(query)
	if err != nil {
		s.t.Fatalf("%s: %v", query, err)
	}
	return v
}

// Ask is Value for a server that may not answer.
func (s *Server) Ask(query string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), queryTimeout)
	defer cancel()
	var v *string
	var err error
	for range 3 {
		if err = s.pool.QueryRow(ctx, "SELECT ("+query+")::text").Scan(&v); !broken(err) {
			break
		}
	}
	if v == nil {
		return "", err
	}
	return *v, err
}

// Recovers says whether it is a standby; false when it does not answer.
func (s *Server) Recovers() bool {
	v, err := s.Ask("SELECT pg_is_in_recovery()")
	return err == nil && v == "true"
}

// Writable says whether it answers and takes writes.
func (s *Server) Writable() bool {
	v, err := s.Ask("SELECT NOT pg_is_in_recovery() AND current_setting('default_transaction_read_only') = 'off'")
	return err == nil && v == "true"
}

// Eventually waits until a condition holds, and fails the test when it does not.
func (s *Server) Eventually(what string, holds func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); !holds(); <-time.After(pauseOfLooks) {
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: %s: not so after %v", s.Addr(), what, patience)
		}
	}
}

// Streams waits until standbys stream from this server.
func (s *Server) Streams(standbys ...*Server) {
	s.t.Helper()
	for _, one := range standbys {
		one.Eventually("streams from "+s.Addr(), func() bool {
			v, err := one.Ask("SELECT string_agg(sender_host || ':' || sender_port, ',') FROM pg_stat_wal_receiver WHERE status = 'streaming'")
			return err == nil && v == s.Addr()
		})
	}
}

// Caught waits until standbys have replayed all that this server has.
func (s *Server) Caught(standbys ...*Server) {
	s.t.Helper()
	at := s.Value("SELECT pg_current_wal_lsn()")
	for _, one := range standbys {
		one.Eventually("has replayed "+at, func() bool {
			v, err := one.Ask("SELECT pg_last_wal_replay_lsn() >= '" + at + "'")
			return err == nil && v == "true"
		})
	}
}

// Names of servers, for messages.
func Names(list []*Server) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = s.Addr()
	}
	return slices.Clip(out)
}

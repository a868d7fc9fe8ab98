// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package mysqld starts real MySQL servers for tests: on loopback, each with an
// address and a data directory of its own, gone when the test is over.
package mysqld

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/upmio/compose-operator/test/process"
)

const (
	startTimeout = 60 * time.Second
	stopTimeout  = 30 * time.Second
	// queryTimeout bounds the statements of the harness itself.
	queryTimeout = 20 * time.Second
	// patience is how long Eventually waits. It is an assertion about nothing but the end
	// of a test that would go on for ever.
	patience = time.Minute
)

// Options of a server.
type Options struct {
	// SemiSync loads both semi-sync plugins.
	SemiSync bool
	// Clone loads the CLONE plugin, and starts the server again when it stops by itself, as
	// kubelet does: that is how it gets to run with the copy.
	Clone bool
	// CA issues the server's certificate; nil: the server makes its own, with a CA that
	// all servers of the tests have in common.
	CA *CA
	// CertificateHost is whom that is made out to; empty: the server's Host.
	CertificateHost string
	// Port of the server, which has an address of its own; 0: any.
	Port int32
	// Args for mysqld, e.g. "--gtid-mode=OFF"; they win over the defaults.
	Args []string
}

// Server is one mysqld.
type Server struct {
	// Host and Port are the same for as long as the server exists.
	Host string
	Port int32
	// Dir holds data/, the socket and error.log.
	Dir string

	t    testing.TB
	args []string
	ca   *CA
	db   *sql.DB

	// supervised: it is started again when it stops by itself.
	supervised bool
	mu         sync.Mutex
	process    *process.Process
	// halted: the test has stopped it.
	halted bool
}

// serial gives every server of the process a server_id and an address of its own.
var serial atomic.Int32

// New starts a server with an empty gtid_executed and waits until it answers.
// MYSQL_ROOTFS says where MySQL is, for a machine that has none.
func New(t testing.TB, o Options) *Server {
	t.Helper()
	root := findRootFS()
	if !root.complete() {
		t.Fatalf("no MySQL in %q: make test-mysql, or set %s to what \"bin/testbed rootfs mysql\" says", root, RootFSVariable)
	}
	s := &Server{t: t, Dir: t.TempDir(), supervised: o.Clone}
	s.fill()
	id := serial.Add(1)
	s.Host = fmt.Sprintf("127.0.%d.%d", 1+id/250, 1+id%250)
	if s.Port = o.Port; s.Port == 0 {
		s.Port = FreePort(t, s.Host)
	}
	if err := os.WriteFile(s.config(), []byte("[mysqld]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.args = root.command("--defaults-file="+s.config(),
		"--datadir="+s.data(),
		"--socket="+filepath.Join(s.Dir, "s"),
		"--pid-file="+filepath.Join(s.Dir, "pid"),
		"--bind-address="+s.Host,
		// What a group tells its other members: the machine's name leads elsewhere.
		"--report-host="+s.Host,
		"--port="+strconv.Itoa(int(s.Port)),
		"--server-id="+strconv.Itoa(int(id)),
		"--gtid-mode=ON", "--enforce-gtid-consistency=ON", "--log-bin=binlog",
		"--skip-name-resolve", "--mysqlx=OFF", "--secure-file-priv=NULL",
		"--max-connect-errors=1000000000",
		"--innodb-buffer-pool-size=32M", "--innodb-redo-log-capacity=8M",
		// All servers of a machine share fs.aio-max-nr, which some thirty use up.
		"--innodb-use-native-aio=OFF",
		// Tests end processes and never the machine, so what the kernel has been given is
		// kept. To wait for the disk as well would make every test as slow as that is.
		"--sync-binlog=0", "--innodb-flush-log-at-trx-commit=2",
	)
	if o.SemiSync {
		s.args = append(s.args, "--plugin-load-add=semisync_source.so", "--plugin-load-add=semisync_replica.so")
	}
	if o.Clone {
		s.args = append(s.args, "--plugin-load-add=mysql_clone.so")
	}
	if s.ca = o.CA; s.ca != nil {
		host := o.CertificateHost
		if host == "" {
			host = s.Host
		}
		cert, key := s.ca.Files(s.Dir, host)
		s.args = append(s.args, "--ssl-ca="+s.ca.File, "--ssl-cert="+cert, "--ssl-key="+key)
	}
	s.args = append(s.args, o.Args...)
	t.Cleanup(s.end)
	s.Start()
	return s
}

// At is a server that runs already and that somebody else ends, a stand-in for one. What
// is about its process does not work.
func At(t testing.TB, host string, port int32) *Server {
	t.Helper()
	s := &Server{t: t, Host: host, Port: port, Dir: t.TempDir()}
	s.db = s.Open(User, Password)
	t.Cleanup(s.end)
	return s
}

// FreePort finds a port of an address that nobody listens on.
func FreePort(t testing.TB, host string) int32 {
	t.Helper()
	var err error
	for range 100 {
		// Not one of those that the kernel gives to connections: a client that tries again and
		// again to reach a server which is down would be connected with itself there, one day,
		// and the server could not have its port back.
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

func (s *Server) config() string { return filepath.Join(s.Dir, "my.cnf") }

// Addr is "host:port".
func (s *Server) Addr() string { return net.JoinHostPort(s.Host, strconv.Itoa(int(s.Port))) }

// Start starts a server that is stopped, with further arguments, and waits until it answers.
func (s *Server) Start(more ...string) {
	s.t.Helper()
	if err := s.launch(true, more...); err != nil {
		s.t.Fatal(err)
	}
	if s.db != nil {
		_ = s.db.Close()
	}
	s.db = s.Open(User, Password)
	deadline := time.Now().Add(startTimeout)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		err := s.db.PingContext(ctx)
		cancel()
		if err == nil {
			return
		}
		if !s.now().Running() || time.Now().After(deadline) {
			s.t.Fatalf("mysqld does not answer: %v\n%s", err, s.LogTail())
		}
		<-time.After(20 * time.Millisecond)
	}
}

// launch starts the process. One that the test has stopped is only started asked.
func (s *Server) launch(asked bool, more ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.halted && !asked {
		return nil
	}
	log, err := os.OpenFile(filepath.Join(s.Dir, "error.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // the server has a copy of it
	p, err := process.Launch(append(append([]string{}, s.args...), more...), log)
	if err != nil {
		return err
	}
	s.process, s.halted = p, false
	if s.supervised {
		go func() {
			<-p.Done
			_ = s.launch(false, more...)
		}()
	}
	return nil
}

// now is the process that runs, or ran last.
func (s *Server) now() *process.Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process
}

// halt keeps the server from being started again, and gives its process.
func (s *Server) halt() *process.Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.halted = true
	return s.process
}

// Stop shuts the server down in order.
func (s *Server) Stop() {
	s.t.Helper()
	p := s.halt()
	p.Signal(syscall.SIGTERM)
	select {
	case <-p.Done:
	case <-time.After(stopTimeout):
		s.t.Fatalf("mysqld does not stop\n%s", s.LogTail())
	}
}

// Kill9 ends the server as a crash does.
func (s *Server) Kill9() {
	p := s.halt()
	p.Signal(syscall.SIGKILL)
	<-p.Done
}

// Ended is closed once the server has ended, whoever ended it.
func (s *Server) Ended() <-chan struct{} { return s.now().Done }

// Restart stops and starts it.
func (s *Server) Restart(more ...string) {
	s.t.Helper()
	s.Stop()
	s.Start(more...)
}

// Rebuild starts the server again, ended before, with an empty gtid_executed, another
// server_uuid and another server_id: what a server has once written under its server_id
// no replica under the same one takes.
func (s *Server) Rebuild() {
	s.t.Helper()
	s.args = append(s.args, "--server-id="+strconv.Itoa(int(serial.Add(1))))
	if err := os.RemoveAll(s.data()); err != nil {
		s.t.Fatal(err)
	}
	s.fill()
	s.Start()
}

// fill makes the data directory.
func (s *Server) fill() {
	s.t.Helper()
	from, err := template()
	if err != nil {
		s.t.Fatal(err)
	}
	// Without CopyFS: cp keeps holes and shares blocks where the file system can.
	if out, err := exec.Command("cp", "-a", "--reflink=auto", from, s.data()).CombinedOutput(); err != nil {
		s.t.Fatalf("copy the template data directory: %v\n%s", err, out)
	}
}

// Freeze stops the process without ending it: it accepts connections and says
// nothing. Thaw lets it go on.
func (s *Server) Freeze() { s.now().Signal(syscall.SIGSTOP) }

// Thaw ends what Freeze began.
func (s *Server) Thaw() { s.now().Signal(syscall.SIGCONT) }

func (s *Server) end() {
	if s.db != nil {
		_ = s.db.Close()
	}
	if p := s.halt(); p != nil && p.Running() {
		s.Kill9()
	}
	if s.t.Failed() && s.process != nil {
		s.t.Logf("error log of %s:\n%s", s.Addr(), s.LogTail())
	}
}

// LogTail is the end of the error log.
func (s *Server) LogTail() string {
	text, _ := os.ReadFile(filepath.Join(s.Dir, "error.log"))
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-30):], "\n")
}

// Open returns a pool of connections of a user. The test closes it, or forgets it.
func (s *Server) Open(user, password string) *sql.DB {
	s.t.Helper()
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.Net, cfg.Addr = user, password, "tcp", s.Addr()
	cfg.Timeout = 2 * time.Second
	if s.ca != nil {
		cfg.TLSConfig = "preferred"
	}
	cfg.Logger = &mysql.NopLogger{}
	cfg.InterpolateParams = true
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	s.t.Cleanup(func() { _ = db.Close() })
	return db
}

// DB is a pool of connections of User.
func (s *Server) DB() *sql.DB { return s.db }

// Session is one connection of a user.
func (s *Server) Session(user, password string) *sql.Conn {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), queryTimeout)
	defer cancel()
	c, err := s.Open(user, password).Conn(ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// SQL runs statements as User; an error fails the test.
func (s *Server) SQL(statements ...string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), queryTimeout)
	defer cancel()
	for _, statement := range statements {
		if _, err := s.db.ExecContext(ctx, statement); err != nil {
			s.t.Fatalf("%s: %v", statement, err)
		}
	}
}

// Value is the only value that a query gives, NULL as "".
func (s *Server) Value(query string, args ...any) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), queryTimeout)
	defer cancel()
	var v sql.NullString
	// A fence ends the connections of clients, and the test is one of them.
	const tries = 3
	var err error
	for range tries {
		if err = s.db.QueryRowContext(ctx, query, args...).Scan(&v); !errors.Is(err, mysql.ErrInvalidConn) {
			break
		}
	}
	if err != nil {
		s.t.Fatalf("%s: %v", query, err)
	}
	return v.String
}

// Executed is gtid_executed.
func (s *Server) Executed() string { return s.Value("SELECT @@GLOBAL.gtid_executed") }

// Replicate makes the server a read-only replica of source by hand, and waits
// until both threads run.
func (s *Server) Replicate(source *Server) {
	s.t.Helper()
	s.SQL("SET GLOBAL super_read_only=ON", "STOP REPLICA",
		fmt.Sprintf("CHANGE REPLICATION SOURCE TO SOURCE_HOST='%s', SOURCE_PORT=%d, SOURCE_USER='%s', SOURCE_PASSWORD='%s', SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1, SOURCE_CONNECT_RETRY=1",
			source.Host, source.Port, ReplicationUser, ReplicationPassword),
		"START REPLICA")
	s.Eventually("both replication threads run", func() bool {
		return s.Value("SELECT COUNT(*) FROM performance_schema.replication_connection_status c JOIN performance_schema.replication_applier_status a USING (CHANNEL_NAME) WHERE CHANNEL_NAME='' AND c.SERVICE_STATE='ON' AND a.SERVICE_STATE='ON'") == "1"
	})
}

// Eventually waits until a condition holds, and fails the test when it does not.
func (s *Server) Eventually(what string, holds func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); !holds(); <-time.After(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: not so after %v", what, patience)
		}
	}
}

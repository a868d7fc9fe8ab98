// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package redisd runs real Redis and Valkey servers on loopback for tests.
package redisd

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	driver "github.com/redis/go-redis/v9"

	"github.com/upmio/compose-operator/test/process"
)

// Password of every server.
const Password = "correct horse"

// patience is how long a test waits for something that must come.
const patience = 30 * time.Second

// Options of a server. The zero value holds everything in memory only.
type Options struct {
	// AOF turns appendonly on, with an fsync for every write.
	AOF bool
	// ConfigFile: the server has a file that CONFIG REWRITE writes.
	ConfigFile bool
	// Certificate, where it is not nil, has the server speak TLS and nothing else: it makes one
	// for hosts into a directory and returns the paths. CA is the file of who issues it.
	Certificate func(dir string, hosts ...string) (cert, key string)
	CA          string
	// Cluster turns cluster-enabled on. A node is silent for two seconds before it counts as dead.
	Cluster bool
	// BusPort: the port of the cluster bus is set, to 9000 more than that of clients.
	BusPort bool
	// Args are further options.
	Args []string
}

// Server is one server.
type Server struct {
	Host string
	Port int32

	t       testing.TB
	dir     string
	secure  *tls.Config
	line    []string
	process *process.Process
	client  *driver.Client
}

// New starts a server that lives until the test is over. Without a program the test is skipped.
func New(t testing.TB, o Options) *Server {
	t.Helper()
	s, line := place(t)
	config := fmt.Sprintf("requirepass %q\nbind %s\ndir %s\nrepl-diskless-sync-delay 0\nappendfsync always\n", Password, s.Host, s.dir)
	if o.Certificate == nil {
		config += fmt.Sprintf("port %d\n", s.Port)
	} else {
		cert, key := o.Certificate(s.dir, s.Host)
		config += fmt.Sprintf("port 0\ntls-port %d\ntls-cert-file %s\ntls-key-file %s\ntls-ca-cert-file %s\ntls-auth-clients no\n", s.Port, cert, key, o.CA)
		s.secure = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // the test's own connections prove nothing
	}
	if o.Cluster {
		// Without bind-source-addr all servers of the machine look like one to each other.
		config += fmt.Sprintf("cluster-enabled yes\ncluster-node-timeout 2000\nbind-source-addr %s\n", s.Host)
		if o.Certificate != nil {
			// The bus listens at the port that goes with it only where it is there from the start.
			config += "tls-cluster yes\n"
		}
	}
	if o.BusPort {
		config += fmt.Sprintf("cluster-port %d\n", s.Port+9000)
	}
	if o.AOF {
		config += "appendonly yes\n"
	}
	if !o.AOF {
		config += "save \"\"\n"
	}
	file := s.configure(config)
	s.line = append(line, file)
	if !o.ConfigFile {
		// From standard input there is no file to write.
		s.line = append([]string{"/bin/sh", "-c", `conf="$1"; shift; exec "$@" - < "$conf"`, "sh", file}, line...)
	}
	s.line = append(s.line, o.Args...)
	s.begin()
	return s
}

// place is a server that is not configured yet, and the beginning of its command line.
// Without a program the test is skipped.
func place(t testing.TB) (*Server, []string) {
	t.Helper()
	line := program()
	if line == nil {
		t.Skipf("no redis-server: install it, or name a root file system in %s", RootFSVariable)
	}
	return &Server{t: t, Host: address(), Port: port(), dir: t.TempDir()}, line
}

// address of loopback that no other server of the process has.
func address() string { return fmt.Sprintf("127.0.0.%d", 1+serial.Add(1)%250) }

// Relocate gives a server that is stopped another address, as a pod gets one that is made anew. It
// keeps its files.
func (s *Server) Relocate() {
	s.t.Helper()
	file := filepath.Join(s.dir, "redis.conf")
	config, err := os.ReadFile(file)
	if err != nil {
		s.t.Fatal(err)
	}
	host := address()
	s.configure(strings.NewReplacer("bind "+s.Host+"\n", "bind "+host+"\n", "bind-source-addr "+s.Host+"\n", "bind-source-addr "+host+"\n").Replace(string(config)))
	s.Host = host
	s.client = s.Connect(Password)
}

// Lose deletes all that a stopped server has on disk but its configuration.
func (s *Server) Lose() {
	s.t.Helper()
	files, err := os.ReadDir(s.dir)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, file := range files {
		if name := file.Name(); name != "redis.conf" && name != "log" {
			if err := os.RemoveAll(filepath.Join(s.dir, name)); err != nil {
				s.t.Fatal(err)
			}
		}
	}
}

// configure writes the configuration file and returns its name.
func (s *Server) configure(text string) string {
	s.t.Helper()
	file := filepath.Join(s.dir, "redis.conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return file
}

// begin starts the server for the first time; it ends with the test.
func (s *Server) begin() {
	s.t.Helper()
	s.client = s.Connect(Password)
	s.t.Cleanup(s.end)
	s.Start()
}

// serial gives every server of the process an address of its own.
var serial atomic.Int32

// highestPort leaves room for the port of the cluster bus, which is 10000 more.
const highestPort = 55000

// port is the same for all of them, as it is in pods: the Services lead to one.
var port = sync.OnceValue(func() int32 {
	for {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0
		}
		//nolint:errcheck // it is only a port
		defer l.Close()
		if free := l.Addr().(*net.TCPAddr).Port; free <= highestPort {
			return int32(free) //nolint:gosec // a port
		}
	}
})

// Connect is a connection with a password; the caller does not have to close it.
func (s *Server) Connect(password string) *driver.Client {
	c := driver.NewClient(&driver.Options{
		Addr: s.Address(), Password: password, Protocol: 2, MaxRetries: -1, TLSConfig: s.secure,
		DialTimeout: 2 * time.Second, ReadTimeout: time.Second, PoolSize: 1, PipelinePoolSize: -1,
	})
	s.t.Cleanup(func() { _ = c.Close() })
	return c
}

// Start starts the server and waits until it answers.
func (s *Server) Start() {
	s.t.Helper()
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close() //nolint:errcheck // the process has its own
	if s.process, err = process.Launch(s.line, log); err != nil {
		s.t.Fatal(err)
	}
	s.Eventually("the server answers", func() bool { return s.client.Ping(context.Background()).Err() == nil })
}

// Kill9 ends the process at once.
func (s *Server) Kill9() {
	s.process.Signal(syscall.SIGKILL)
	<-s.process.Done
}

// Shutdown ends the process in order, with a snapshot of all that it has.
func (s *Server) Shutdown() {
	// The end of the connection is its answer.
	_ = s.Try("SHUTDOWN", "SAVE")
	<-s.process.Done
}

// Freeze stops the process without ending it; Thaw lets it go on.
func (s *Server) Freeze() { s.process.Signal(syscall.SIGSTOP) }

// Thaw lets a frozen process go on.
func (s *Server) Thaw() { s.process.Signal(syscall.SIGCONT) }

func (s *Server) end() {
	if s.process != nil && s.process.Running() {
		s.Kill9()
	}
	if s.t.Failed() {
		if text, err := os.ReadFile(filepath.Join(s.dir, "log")); err == nil {
			lines := bytes.Split(text, []byte("\n"))
			s.t.Logf("log of %d:\n%s", s.Port, bytes.Join(lines[max(0, len(lines)-40):], []byte("\n")))
		}
	}
}

// Do runs a command that must succeed.
func (s *Server) Do(words ...any) any {
	s.t.Helper()
	reply, err := s.client.Do(context.Background(), words...).Result()
	if err != nil {
		s.t.Fatalf("%v: %v", words[:min(2, len(words))], err)
	}
	return reply
}

// Replicated waits until so many replicas have what this connection has written. A replica
// counts a second or more after it is connected, where the machine is busy.
func (s *Server) Replicated(replicas int) {
	s.t.Helper()
	s.Eventually(fmt.Sprintf("%d replicas have what was written", replicas), func() bool {
		return s.Do("WAIT", replicas, 100).(int64) >= int64(replicas)
	})
}

// ReplicatedAll waits until so many replicas have all that has been written by now, by whichever
// connection: WAIT, and so Replicated, speaks of its own only. Replicas say once a second what they have.
func (s *Server) ReplicatedAll(replicas int) {
	s.t.Helper()
	written := int64(-1)
	s.Eventually(fmt.Sprintf("%d replicas have all", replicas), func() bool {
		have := 0
		for line := range strings.Lines(fmt.Sprint(s.Do("INFO", "replication"))) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
			if name == "master_repl_offset" && written < 0 {
				written, _ = strconv.ParseInt(value, 10, 64)
			}
		}
		for line := range strings.Lines(fmt.Sprint(s.Do("INFO", "replication"))) {
			if _, rest, is := strings.Cut(line, ",state=online,offset="); is && strings.HasPrefix(line, "slave") {
				text, _, _ := strings.Cut(rest, ",")
				if offset, err := strconv.ParseInt(text, 10, 64); err == nil && written >= 0 && offset >= written {
					have++
				}
			}
		}
		return have >= replicas
	})
}

// Try runs a command and returns its error.
func (s *Server) Try(words ...any) error {
	return s.client.Do(context.Background(), words...).Err()
}

// Keys is how many keys it has.
func (s *Server) Keys() int64 {
	s.t.Helper()
	n, err := s.client.DBSize(context.Background()).Result()
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// Eventually waits until something holds.
func (s *Server) Eventually(what string, holds func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); !holds(); <-time.After(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: not so after %v", what, patience)
		}
	}
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysqld

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// Proxy is a way to a server that can be interrupted at a byte.
type Proxy struct {
	// Host and Port are where it listens.
	Host string
	Port int32

	to string
	// left is what the server may still say.
	left atomic.Int64
	// silent is closed when the way is interrupted: connections stay and nothing passes.
	silent chan struct{}
	once   sync.Once
}

// NewProxy leads to a server until the test is over.
func NewProxy(t testing.TB, to *Server) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", to.Host+":0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Host: to.Host, Port: int32(listener.Addr().(*net.TCPAddr).Port), to: to.Addr(), silent: make(chan struct{})} //nolint:gosec // a port
	p.left.Store(1 << 62)
	var mu sync.Mutex
	var open []net.Conn
	t.Cleanup(func() {
		_ = listener.Close()
		mu.Lock()
		defer mu.Unlock()
		for _, c := range open {
			_ = c.Close()
		}
	})
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", p.to)
			if err != nil {
				_ = client.Close()
				continue
			}
			mu.Lock()
			open = append(open, client, server)
			mu.Unlock()
			go p.pass(server, client, false)
			go p.pass(client, server, true)
		}
	}()
	return p
}

// InterruptAfter lets the server say that many bytes more, over all connections, and
// nothing after that: connections stay, and nobody hears anything any more.
func (p *Proxy) InterruptAfter(bytes int64) { p.left.Store(bytes) }

// Interrupted is closed once that has happened.
func (p *Proxy) Interrupted() <-chan struct{} { return p.silent }

func (p *Proxy) pass(to, from net.Conn, counts bool) {
	defer to.Close() //nolint:errcheck // it is over either way
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		if counts && p.left.Add(-int64(n)) < 0 {
			p.once.Do(func() { close(p.silent) })
		}
		select {
		case <-p.silent:
			// Neither end learns of it.
			_, _ = io.Copy(io.Discard, from)
			return
		default:
		}
		if _, failed := to.Write(buffer[:n]); failed != nil || err != nil {
			return
		}
	}
}

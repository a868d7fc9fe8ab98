// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"io"
	"net"
	"testing"
	"time"
)

func TestAServersLastWordsAreRead(t *testing.T) {
	const reason = "your certificate is not from here"
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() //nolint:errcheck // the end of the test
	server := make(chan net.Conn, 1)
	go func() {
		c, err := listener.Accept()
		if err == nil {
			server <- c
		}
	}()
	words := &lastWords{}
	client, err := words.connect(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close() //nolint:errcheck // the end of the test
	c := <-server
	if _, err := io.WriteString(c, reason); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	// The first write is answered by a reset; those after it fail.
	raw := client.(*listening).TCPConn
	for deadline := time.Now().Add(time.Minute); ; {
		if _, err := raw.Write([]byte("x")); err != nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no write fails to a peer that has closed")
		}
	}
	if _, err := client.Write([]byte("x")); err != nil {
		t.Errorf("while the connection is being made a write fails: %v", err)
	}
	said := make([]byte, len(reason))
	if _, err := io.ReadFull(client, said); err != nil || string(said) != reason {
		t.Errorf("read %q, %v", said, err)
	}
	words.over.Store(true)
	if _, err := client.Write([]byte("x")); err == nil {
		t.Error("a write on a connection that is made succeeds and the peer is gone")
	}
}

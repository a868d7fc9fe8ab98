// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strings"

	driver "github.com/redis/go-redis/v9"

	"github.com/upmio/compose-operator/internal/server"
)

// Nudge is a connection over which a replica is asked to tell its source at once how far
// it has come (REPLCONF GETACK, which has no answer: the library cannot send it). By itself a
// replica does that once a second, and a source that waits for it in FAILOVER pauses its
// clients meanwhile and does not ask.
type Nudge struct {
	conn net.Conn
	read *bufio.Reader
}

// secured puts TLS over a connection where the options ask for it.
func secured(ctx context.Context, c net.Conn, o *driver.Options, err error) (net.Conn, error) {
	if err != nil || o.TLSConfig == nil {
		return c, err
	}
	over := tls.Client(c, o.TLSConfig)
	if err := over.HandshakeContext(ctx); err != nil {
		_ = c.Close()
		return nil, err
	}
	return over, nil
}

// Nudge opens such a connection; it is the caller's to close.
func (c *Client) Nudge(ctx context.Context) (*Nudge, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	var made net.Conn
	var err error
	if len(c.access.At) > 0 {
		made, err = server.Dial(ctx, "tcp", c.access.At, c.access.Port)
	} else {
		made, err = (&net.Dialer{}).DialContext(ctx, "tcp", c.access.Address())
	}
	if made, err = secured(ctx, made, c.options, err); err != nil {
		return nil, c.fail("REPLCONF GETACK", err, true)
	}
	n := &Nudge{conn: made, read: bufio.NewReader(made)}
	if password := c.access.Password.Reveal(); password != "" {
		words := []string{"AUTH", password}
		if c.access.User != "" {
			words = []string{"AUTH", c.access.User, password}
		}
		// What the server says of it may repeat the words.
		if err := n.ask(ctx, words); err != nil {
			n.Close()
			return nil, fmt.Errorf("REPLCONF GETACK: %w", err)
		}
	}
	return n, nil
}

// Close ends it.
func (n *Nudge) Close() { _ = n.conn.Close() }

// Ask has the replica tell its source how far it has come.
func (n *Nudge) Ask(ctx context.Context) error {
	return n.ask(ctx, []string{"REPLCONF", "GETACK", "*"}, []string{"PING"})
}

// ask sends commands and reads lines until the last one is answered.
func (n *Nudge) ask(ctx context.Context, commands ...[]string) error {
	if deadline, has := ctx.Deadline(); has {
		if err := n.conn.SetDeadline(deadline); err != nil {
			return err
		}
	}
	var out strings.Builder
	for _, words := range commands {
		fmt.Fprintf(&out, "*%d\r\n", len(words))
		for _, word := range words {
			fmt.Fprintf(&out, "$%d\r\n%s\r\n", len(word), word)
		}
	}
	if _, err := n.conn.Write([]byte(out.String())); err != nil {
		return err
	}
	for {
		line, err := n.read.ReadString('\n')
		switch {
		case err != nil:
			return err
		case strings.HasPrefix(line, "+"):
			return nil
		case strings.HasPrefix(line, "-"):
			code, _, _ := strings.Cut(strings.TrimPrefix(line, "-"), " ")
			return Refusal("the server answers " + code)
		}
	}
}

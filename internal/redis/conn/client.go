// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	driver "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/internal/server"
)

const (
	// dialTimeout bounds the making of a connection.
	dialTimeout = 2 * time.Second
	// silence is a last resort against a server that says nothing: every command has a
	// context with a shorter deadline.
	silence = 10 * time.Second
	// maxConnections to one server; one of them is kept between passes.
	maxConnections, idleConnections = 4, 1
	// ProgramName marks the operator's connections (CLIENT SETNAME).
	ProgramName = "compose-operator"
)

// The library logs what goes wrong with a connection by itself; the operator reports it
// where it belongs, and nothing of a server goes to a log unseen.
func init() { driver.SetLogger(nowhere{}) }

type nowhere struct{}

// Printf implements the library's logger.
func (nowhere) Printf(context.Context, string, ...any) {}

// Access is what is needed to speak to a server.
type Access struct {
	Host string
	Port int32
	// At are addresses of the server to connect to instead of looking Host up: the first
	// that answers.
	At []netip.Addr
	// User is the ACL user; "" is the default user.
	User     string
	Password credential.Password
	// TLS that comes with the password. A port speaks TLS or it does not: it is used in the
	// modes that demand it only.
	TLS credential.TLS
}

// Address is "host:port".
func (a Access) Address() string { return net.JoinHostPort(a.Host, strconv.Itoa(int(a.Port))) }

// String is the Address, and where that is to be connected to.
func (a Access) String() string {
	if len(a.At) == 0 {
		return a.Address()
	}
	return fmt.Sprint(a.Address(), " ", a.At)
}

// Client speaks to one server as one user. Its methods may be called at the same time.
type Client struct {
	access  Access
	options *driver.Options
	rdb     *driver.Client
}

// Open makes a client. Nothing is asked of the server before the first use.
func Open(a Access) (*Client, error) {
	o := &driver.Options{
		Addr: a.Address(), Username: a.User, Password: a.Password.Reveal(), ClientName: ProgramName,
		// What a server answers must not depend on how new it is.
		Protocol: 2, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
		// A command that may have been carried out is not sent again behind the planner's back.
		MaxRetries: -1, DialerRetries: 1,
		DialTimeout: dialTimeout, ReadTimeout: silence, WriteTimeout: silence, ContextTimeoutEnabled: true,
		PoolSize: maxConnections, MaxIdleConns: idleConnections, PipelinePoolSize: -1,
	}
	if len(a.At) > 0 {
		o.Dialer = func(ctx context.Context, network, _ string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, dialTimeout)
			defer cancel()
			c, err := server.Dial(ctx, network, a.At, a.Port)
			return secured(ctx, c, o, err)
		}
	}
	if a.TLS.Mode.Demands() {
		config, err := server.TLSConfig(a.Host, a.TLS)
		if err != nil {
			return nil, Refusal(err.Error())
		}
		o.TLSConfig = config
	}
	return &Client{access: a, options: o, rdb: driver.NewClient(o)}, nil
}

// TLS says whether the connections are secured.
func (c *Client) TLS() bool { return c.access.TLS.Mode.Demands() }

// Close gives up the connections.
func (c *Client) Close() { _ = c.rdb.Close() }

// Do runs a command. words are shown in errors, its first two at the most.
func (c *Client) Do(ctx context.Context, words ...any) (any, error) {
	reply, err := c.rdb.Do(ctx, words...).Result()
	return reply, c.fail(summary(words), err, false)
}

// DoSecret is Do for a command with a password among its words.
func (c *Client) DoSecret(ctx context.Context, words ...any) error {
	return c.fail(summary(words), c.rdb.Do(ctx, words...).Err(), true)
}

// Text runs a command that answers with a text.
func (c *Client) Text(ctx context.Context, words ...any) (string, error) {
	text, err := c.rdb.Do(ctx, words...).Text()
	return text, c.fail(summary(words), err, false)
}

// Reply is what one command of a Batch brought.
type Reply struct {
	Value any
	Err   error
}

// Batch sends commands at once. The error is that of the way to the server; what it
// answers to each command is in its reply.
func (c *Client) Batch(ctx context.Context, commands ...[]any) ([]Reply, error) {
	pipe := c.rdb.Pipeline()
	sent := make([]*driver.Cmd, len(commands))
	for i, words := range commands {
		sent[i] = pipe.Do(ctx, words...)
	}
	if _, err := pipe.Exec(ctx); err != nil && !answers(err) && !errors.Is(err, driver.Nil) {
		return nil, c.fail(summary(commands[0]), err, false)
	}
	replies := make([]Reply, len(commands))
	for i, one := range sent {
		value, err := one.Result()
		err = c.fail(summary(commands[i]), err, false)
		if err != nil && !Answered(err) {
			return nil, err
		}
		replies[i] = Reply{Value: value, Err: err}
	}
	return replies, nil
}

// summary is the beginning of a command, which tells what it does and holds no secret.
func summary(words []any) string {
	const shown = 2
	text := ""
	for i, word := range words {
		if i == shown {
			break
		}
		if i > 0 {
			text += " "
		}
		text += fmt.Sprint(word)
	}
	return text
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redis is the Database of Redis and Valkey. A write sets a new field of its writer's hash.
type Redis struct{}

// The library logs every connection that it cannot make; a client's journal has them already.
func init() { redis.SetLogger(quiet{}) }

type quiet struct{}

// Printf implements the library's logger.
func (quiet) Printf(context.Context, string, ...any) {}

// redisKey of the hash with a writer's writes.
func redisKey(run int64, writer int) string { return fmt.Sprintf("compose_load:%d:%d", run, writer) }

// redisOptions of one client's connection: nothing is tried twice, and nobody is told who
// the client is, which older servers refuse.
func redisOptions(address string, o Options) *redis.Options {
	return &redis.Options{
		Addr: address, Username: o.Login.User, Password: o.Login.Password,
		DialTimeout: o.ConnectTimeout, ReadTimeout: o.AnswerTimeout, WriteTimeout: o.AnswerTimeout,
		MaxRetries: -1, DialerRetries: 1, PoolSize: 1, Protocol: 2, DisableIdentity: true,
	}
}

// Connect implements Database.
func (Redis) Connect(ctx context.Context, address string, o Options) (Client, error) {
	pool := redis.NewClient(redisOptions(address, o))
	c := &redisClient{pool: pool, conn: pool.Conn()}
	if err := c.conn.Ping(ctx).Err(); err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	return c, nil
}

// redisClient is one connection of a pool that has no other.
type redisClient struct {
	pool *redis.Client
	conn *redis.Conn
}

// Close implements Client.
func (c *redisClient) Close() error { return errors.Join(c.conn.Close(), c.pool.Close()) }

// Write implements Client.
func (c *redisClient) Write(ctx context.Context, run int64, id ID) error {
	added, err := c.conn.HSetNX(ctx, redisKey(run, id.Writer), strconv.Itoa(id.Seq), "").Result()
	if err == nil && !added {
		return ErrDuplicate
	}
	return err
}

// ReadOne implements Client.
func (c *redisClient) ReadOne(ctx context.Context, run int64) error {
	return c.conn.HLen(ctx, redisKey(run, 0)).Err()
}

// Server implements Client by the run_id, another one for each start of a server.
func (c *redisClient) Server(ctx context.Context) (string, error) {
	info, err := c.conn.Info(ctx, "server").Result()
	if err != nil {
		return "", err
	}
	id := infoField(info, "run_id")
	if id == "" {
		return "", errors.New("INFO server has no run_id")
	}
	return id, nil
}

// infoField is a value of what INFO answers; "" when it is not there.
func infoField(info, name string) string {
	for line := range strings.Lines(info) {
		if value, is := strings.CutPrefix(strings.TrimSpace(line), name+":"); is {
			return value
		}
	}
	return ""
}

// Ended implements Database: go-redis says io.EOF and the like, which the caller knows.
func (Redis) Ended(error) bool { return false }

// Kind implements Database.
func (Redis) Kind(err error) string {
	var answer redis.Error
	if errors.As(err, &answer) {
		return "error " + firstWords(answer.Error())
	}
	return ""
}

// Read implements Database. How far a server is, is its replication id and offset.
func (Redis) Read(ctx context.Context, server Server, login Login, run int64, after string) (rows map[ID]struct{}, executed string, err error) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout+catchUpTimeout)
	defer cancel()
	options := redisOptions(server.Address, Options{Login: login, ConnectTimeout: 5 * time.Second, AnswerTimeout: checkTimeout})
	client := redis.NewClient(options)
	defer func() { _ = client.Close() }()
	if after != "" {
		if err := awaitOffset(ctx, client, after); err != nil {
			return nil, "", fmt.Errorf("wait until %s has what the source has: %w", server.Name, err)
		}
	}
	at, err := offsetOf(ctx, client)
	if err != nil {
		return nil, "", fmt.Errorf("replication of %s: %w", server.Name, err)
	}
	present := map[ID]struct{}{}
	prefix := strings.TrimSuffix(redisKey(run, 0), "0")
	keys := client.Scan(ctx, 0, prefix+"*", 1000).Iterator()
	for keys.Next(ctx) {
		writer, err := strconv.Atoi(strings.TrimPrefix(keys.Val(), prefix))
		if err != nil {
			return nil, "", fmt.Errorf("%s has a key %q that no writer makes", server.Name, keys.Val())
		}
		fields, err := client.HKeys(ctx, keys.Val()).Result()
		if err != nil {
			return nil, "", fmt.Errorf("read the writes on %s: %w", server.Name, err)
		}
		for _, field := range fields {
			seq, err := strconv.Atoi(field)
			if err != nil {
				return nil, "", fmt.Errorf("%s has a field %q that no writer makes", server.Name, field)
			}
			present[ID{Writer: writer, Seq: seq}] = struct{}{}
		}
	}
	if err := keys.Err(); err != nil {
		return nil, "", fmt.Errorf("read the writes on %s: %w", server.Name, err)
	}
	return present, at.String(), nil
}

// offset is a place in a history: the replication id of it, and the number of bytes.
type offset struct {
	history string
	bytes   int64
}

func (o offset) String() string { return fmt.Sprintf("%s:%d", o.history, o.bytes) }

// offsetOf is how far a server has got: as a replica, what it has executed of its source.
func offsetOf(ctx context.Context, client *redis.Client) (offset, error) {
	info, err := client.Info(ctx, "replication").Result()
	if err != nil {
		return offset{}, err
	}
	name := "master_repl_offset"
	if infoField(info, "role") == "slave" {
		name = "slave_repl_offset"
	}
	bytes, err := strconv.ParseInt(infoField(info, name), 10, 64)
	if err != nil {
		return offset{}, fmt.Errorf("INFO replication: %s: %w", name, err)
	}
	return offset{history: infoField(info, "master_replid"), bytes: bytes}, nil
}

// awaitOffset waits until a replica is of the same history and has got as far.
func awaitOffset(ctx context.Context, client *redis.Client, after string) error {
	history, text, _ := strings.Cut(after, ":")
	bytes, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return fmt.Errorf("%q is no offset: %w", after, err)
	}
	deadline := time.Now().Add(catchUpTimeout)
	for {
		at, err := offsetOf(ctx, client)
		switch {
		case err == nil && at.history == history && at.bytes >= bytes:
			return nil
		case time.Now().After(deadline) || ctx.Err() != nil:
			return errors.Join(err, fmt.Errorf("it is at %s, and not at %s, after %s", at, after, catchUpTimeout))
		}
		pause(ctx, 50*time.Millisecond)
	}
}

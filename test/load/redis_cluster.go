// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// RedisCluster is the Database of Redis Cluster. A write sets a new key, so that they are spread
// over all slots. A client follows redirections as it should, and repeats nothing
// otherwise: go-redis' own cluster client does that, and a write that was repeated cannot be judged.
//
// The address of a server is where the cluster is asked for the others; what is read is that
// of all sources together.
type RedisCluster struct{ Redis }

const (
	clusterSlots = 16384
	// maxRedirections of one write. During a migration a client may be sent on twice.
	maxRedirections = 8
)

// clusterKey of a write.
func clusterKey(run int64, id ID) string {
	return fmt.Sprintf("compose_load:%d:%d:%d", run, id.Writer, id.Seq)
}

// clusterValue of it, which is read again.
func clusterValue(id ID) string { return fmt.Sprintf("%d of writer %d", id.Seq, id.Writer) }

// slotOf a key without a hash tag: CRC16 (XMODEM) of it, modulo the number of slots.
func slotOf(key string) int {
	var crc uint16
	for i := range len(key) {
		crc ^= uint16(key[i]) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return int(crc) % clusterSlots
}

// Connect implements Database.
func (RedisCluster) Connect(ctx context.Context, address string, o Options) (Client, error) {
	c := &redisClusterClient{options: o, seed: address, nodes: map[string]*redis.Client{}}
	owners, err := c.view(ctx, address)
	if err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("ask %s for the cluster: %w", address, err)
	}
	for slot, owner := range owners {
		c.owners[slot] = owner.address
	}
	return c, nil
}

// redisClusterClient has one connection to each node that it was sent to.
type redisClusterClient struct {
	options Options
	seed    string
	nodes   map[string]*redis.Client
	owners  [clusterSlots]string
}

func (c *redisClusterClient) node(address string) *redis.Client {
	if c.nodes[address] == nil {
		c.nodes[address] = redis.NewClient(redisOptions(address, c.options))
	}
	return c.nodes[address]
}

// slotOwner is the node that owns a slot, as another one sees it. It may tell an address of itself
// that it had before.
type slotOwner struct{ id, address string }

// view is who owns each slot as a node sees it; the zero value where nobody does.
func (c *redisClusterClient) view(ctx context.Context, address string) (owners [clusterSlots]slotOwner, err error) {
	ranges, err := c.node(address).ClusterSlots(ctx).Result() //nolint:staticcheck // CLUSTER SHARDS is not there before 7.0
	if err != nil {
		return owners, err
	}
	for _, r := range ranges {
		for slot := r.Start; slot <= r.End && slot < clusterSlots && len(r.Nodes) > 0; slot++ {
			owners[slot] = slotOwner{r.Nodes[0].ID, addressOf(r.Nodes[0].Addr, address)}
		}
	}
	return owners, nil
}

// addressOf a node as another one says it: without a host, it is the one that was asked.
func addressOf(said, asked string) string {
	host, port, err := net.SplitHostPort(said)
	if err != nil || host != "" {
		return said
	}
	if host, _, err = net.SplitHostPort(asked); err != nil {
		return said
	}
	return net.JoinHostPort(host, port)
}

// Close implements Client.
func (c *redisClusterClient) Close() error {
	var errs []error
	for _, node := range c.nodes {
		errs = append(errs, node.Close())
	}
	return errors.Join(errs...)
}

// redirection is where an answer sends a client; asking: for this command only.
func redirection(err error) (slot int, address string, asking, is bool) {
	var answer redis.Error
	if !errors.As(err, &answer) {
		return 0, "", false, false
	}
	words := strings.Fields(answer.Error())
	if len(words) != 3 || words[0] != "MOVED" && words[0] != "ASK" {
		return 0, "", false, false
	}
	slot, err = strconv.Atoi(words[1])
	return slot, words[2], words[0] == "ASK", err == nil && slot >= 0 && slot < clusterSlots
}

// Write implements Client. A command that is answered with a redirection was not done.
func (c *redisClusterClient) Write(ctx context.Context, run int64, id ID) error {
	key := clusterKey(run, id)
	address, asking := c.owners[slotOf(key)], false
	if address == "" {
		address = c.seed
	}
	var err error
	for range maxRedirections {
		if err = setNew(ctx, c.node(address), asking, key, clusterValue(id)); err == nil || errors.Is(err, ErrDuplicate) {
			return err
		}
		slot, to, once, is := redirection(err)
		if !is {
			return err
		}
		address, asking = addressOf(to, address), once
		if !once {
			c.owners[slot] = address
		}
	}
	return err
}

// setNew sets a key that does not exist.
func setNew(ctx context.Context, node *redis.Client, asking bool, key, value string) error {
	var set *redis.StatusCmd
	if asking {
		pipe := node.Pipeline()
		pipe.Do(ctx, "ASKING")
		set = redis.NewStatusCmd(ctx, "SET", key, value, "NX")
		_ = pipe.Process(ctx, set)
		if _, err := pipe.Exec(ctx); err != nil && set.Err() == nil {
			return err
		}
	} else {
		set = redis.NewStatusCmd(ctx, "SET", key, value, "NX")
		_ = node.Process(ctx, set)
	}
	if errors.Is(set.Err(), redis.Nil) {
		return ErrDuplicate
	}
	return set.Err()
}

// ReadOne implements Client.
func (c *redisClusterClient) ReadOne(ctx context.Context, _ int64) error {
	return c.node(c.seed).DBSize(ctx).Err()
}

// Server implements Client: all of them together.
func (*redisClusterClient) Server(context.Context) (string, error) { return "the cluster", nil }

// Read implements Database. A key counts where the node that holds it serves it, with its
// value: what is left of a slot on a node that does not own it any more is no one's.
func (RedisCluster) Read(ctx context.Context, server Server, login Login, run int64, after string) (rows map[ID]struct{}, executed string, err error) {
	if after != "" {
		return nil, "", errors.New("a node of a cluster holds a part of it: there is nothing to compare with another one")
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	c := &redisClusterClient{
		options: Options{Login: login, ConnectTimeout: 5 * time.Second, AnswerTimeout: checkTimeout}, seed: server.Address, nodes: map[string]*redis.Client{},
	}
	defer func() { _ = c.Close() }()
	owners, err := c.view(ctx, server.Address)
	if err != nil {
		return nil, "", fmt.Errorf("ask %s for the cluster: %w", server.Name, err)
	}
	sources := map[string]bool{}
	for slot, owner := range owners {
		if owner.address == "" {
			return nil, "", fmt.Errorf("slot %d has no owner", slot)
		}
		sources[owner.address] = true
	}
	present := map[ID]struct{}{}
	addresses := slices.Sorted(maps.Keys(sources))
	for _, address := range addresses {
		// One that has another view serves other keys than it is asked for.
		view, err := c.view(ctx, address)
		if err != nil {
			return nil, "", fmt.Errorf("ask the source %s for the cluster: %w", address, err)
		}
		for slot := range owners {
			if view[slot].id != owners[slot].id {
				return nil, "", fmt.Errorf("%s and the source %s do not agree on who owns slot %d", server.Name, address, slot)
			}
		}
		if err := readNode(ctx, c.node(address), run, present); err != nil {
			return nil, "", fmt.Errorf("read the writes on %s: %w", address, err)
		}
	}
	return present, "the sources " + strings.Join(addresses, ", "), nil
}

// readNode notes the writes that a node holds and serves.
func readNode(ctx context.Context, node *redis.Client, run int64, into map[ID]struct{}) error {
	prefix := fmt.Sprintf("compose_load:%d:", run)
	for cursor := uint64(0); ; {
		keys, next, err := node.Scan(ctx, cursor, prefix+"*", 1000).Result()
		if err != nil {
			return err
		}
		pipe := node.Pipeline()
		values := make([]*redis.StringCmd, len(keys))
		for i, key := range keys {
			values[i] = pipe.Get(ctx, key)
		}
		if len(keys) > 0 {
			// Each answer is looked at below.
			_, _ = pipe.Exec(ctx)
		}
		for i, key := range keys {
			value, err := values[i].Result()
			if _, _, _, elsewhere := redirection(err); elsewhere || errors.Is(err, redis.Nil) {
				continue
			}
			if err != nil {
				return err
			}
			id, err := idOf(strings.TrimPrefix(key, prefix))
			if err != nil {
				return fmt.Errorf("a key %q that no writer makes: %w", key, err)
			}
			if value != clusterValue(id) {
				return fmt.Errorf("the key %q has the value %q", key, value)
			}
			into[id] = struct{}{}
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

func idOf(text string) (ID, error) {
	writer, seq, _ := strings.Cut(text, ":")
	var id ID
	var err error
	if id.Writer, err = strconv.Atoi(writer); err != nil {
		return id, err
	}
	id.Seq, err = strconv.Atoi(seq)
	return id, err
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/upmio/compose-operator/internal/redis/conn"
	"github.com/upmio/compose-operator/internal/server"
)

// lookTimeout bounds the look at one server.
const lookTimeout = 3 * time.Second

// observe asks all members at the same time. It changes nothing and never fails: a server
// that cannot be seen is unknown in the state.
func observe(ctx context.Context, members []Member, open func(Member) (*handle, error)) State {
	servers := make([]*Server, len(members))
	server.Each(len(members), func(i int) {
		m := members[i]
		h, err := open(m)
		if err != nil {
			servers[i] = blank(m)
			servers[i].Reach, servers[i].Problem = conn.ReachOf(err), err.Error()
			return
		}
		servers[i] = h.see(ctx, m)
	})
	state := State{Nodes: make(map[string]*Server, len(members))}
	for _, s := range servers {
		state.Nodes[s.Name] = s
	}
	return state
}

func blank(m Member) *Server {
	return &Server{Name: m.Name, Host: m.Host, Port: m.Port, AnnounceHost: m.AnnounceHost, AnnouncePort: m.AnnouncePort}
}

// see looks at a server and says in the value itself whether that went well.
func (h *handle) see(ctx context.Context, m Member) *Server {
	began := time.Now()
	s, err := h.look(ctx, m)
	silent := h.Listen(began, conn.ReachOf(err) != server.ReachNone)
	if err != nil {
		s = blank(m)
		s.Reach, s.Problem, s.Refused, s.Silent = conn.ReachOf(err), err.Error(), conn.Refused(err), silent
		s.Loading = conn.Code(err) == conn.Loading
		return s
	}
	return s
}

// The parameters that are read, one command each: older servers take one pattern only.
var parameters = []string{
	"min-replicas-to-write", "min-replicas-max-lag", "replica-announce-ip", "replica-announce-port",
	"masterauth", "masteruser", "tls-replication",
}

// look reads everything in one round trip.
func (h *handle) look(ctx context.Context, m Member) (*Server, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	commands := [][]any{{"INFO"}}
	for _, name := range parameters {
		commands = append(commands, []any{"CONFIG", "GET", name})
	}
	replies, err := h.Batch(ctx, commands...)
	if err != nil {
		return nil, err
	}
	if replies[0].Err != nil {
		return nil, replies[0].Err
	}
	text, is := replies[0].Value.(string)
	if !is {
		return nil, conn.Refusal("INFO has an answer that is no text")
	}
	s := blank(m)
	s.Reach = server.ReachOK
	if err := s.read(conn.ParseInfo(text)); err != nil {
		return nil, err
	}
	if !s.Replica && len(s.Followers) == 0 || s.Replica && !s.LinkUp {
		// What it has loaded from disk is not in the statistics of commands.
		stats, err := h.Text(ctx, "INFO", "commandstats")
		if err != nil {
			return nil, err
		}
		s.Untouched = untouched(conn.ParseInfo(stats))
	}
	values := map[string]string{}
	for i, name := range parameters {
		reply := replies[i+1]
		if reply.Err != nil {
			if code := conn.Code(reply.Err); code == "NOPERM" || code == "ERR" {
				// CONFIG is not ours to use; what can be done without goes on.
				return s, nil
			}
			return nil, reply.Err
		}
		if pair, is := reply.Value.([]any); is && len(pair) == 2 {
			values[name], _ = pair[1].(string)
		}
	}
	s.Config = h.readConfig(values)
	return s, nil
}

// readConfig compares the passwords and forgets them.
func (h *handle) readConfig(values map[string]string) *Config {
	port, _ := strconv.ParseInt(values["replica-announce-port"], 10, 32)
	c := &Config{
		AnnounceHost: values["replica-announce-ip"], AnnouncePort: int32(port),
		AuthOK:         values["masterauth"] == h.Password.Reveal() && values["masteruser"] == h.User,
		TLSReplication: values["tls-replication"] == "yes",
	}
	// Servers older than the parameters have none of them: nothing is fenced there.
	c.MinReplicas, _ = strconv.ParseInt(values["min-replicas-to-write"], 10, 64)
	c.MaxLag, _ = strconv.ParseInt(values["min-replicas-max-lag"], 10, 64)
	return c
}

// read fills in what INFO says. A figure that should be there and is not is an error: it
// is not zero.
func (s *Server) read(info map[string]string) error {
	var missing []string
	number := func(name string) int64 {
		n, err := strconv.ParseInt(info[name], 10, 64)
		if err != nil {
			missing = append(missing, name)
		}
		return n
	}
	s.Version = server.OrDefault(info["valkey_version"], info["redis_version"])
	s.RunID, s.ConfigFile = info["run_id"], info["config_file"]
	mode := server.OrDefault(info["server_mode"], info["redis_mode"])
	switch {
	case mode == "sentinel":
		return conn.Refusal("it is a Sentinel: list its pod in spec.sentinel")
	case mode == "cluster" || info["cluster_enabled"] == "1":
		return conn.Refusal("it runs with cluster-enabled yes, which has its own replication: use a RedisCluster")
	case info["loading"] == "1":
		return conn.StillLoading()
	}
	s.Replica = info["role"] == "slave"
	s.ReplID, s.ReplID2 = info["master_replid"], info["master_replid2"]
	s.Offset = number("master_repl_offset")
	s.SecondOffset = number("second_repl_offset")
	s.FailingOver = info["master_failover_state"] != "" && info["master_failover_state"] != "no-failover"
	s.AOF = info["aof_enabled"] == "1"
	if info["min_slaves_good_slaves"] != "" {
		s.GoodReplicas = number("min_slaves_good_slaves")
	}
	if s.Replica {
		s.MasterHost, s.MasterPort = info["master_host"], int32(number("master_port"))
		s.LinkUp = info["master_link_status"] == "up"
		s.SyncInProgress = info["master_sync_in_progress"] == "1"
		s.WritableReplica = info["slave_read_only"] == "0"
		// What it has applied, not what it has received.
		s.Offset = number("slave_repl_offset")
	}
	for name, value := range info {
		switch {
		case strings.HasPrefix(name, "db") && strings.HasPrefix(value, "keys="):
			keys, err := strconv.ParseInt(strings.TrimPrefix(strings.Split(value, ",")[0], "keys="), 10, 64)
			if err != nil {
				missing = append(missing, name)
			}
			s.Keys += keys
		case strings.HasPrefix(name, "slave") && strings.HasPrefix(value, "ip="):
			s.Followers = append(s.Followers, readFollower(value))
		}
	}
	if s.ReplID == "" || s.RunID == "" || info["role"] == "" {
		missing = append(missing, "master_replid, run_id or role")
	}
	if len(missing) > 0 {
		return conn.Refusal(fmt.Sprintf("INFO lacks %s: the operator needs Redis 6.2 or newer, or Valkey", strings.Join(missing, ", ")))
	}
	return nil
}

// harmless are the commands that write no data. Any other one counts as if it did.
var harmless = func() map[string]bool {
	out := map[string]bool{}
	for _, name := range strings.Fields("acl auth bgrewriteaof bgsave client cluster command config dbsize echo exists failover get hello hget hgetall info " +
		"keys lastsave latency llen lrange memory mget object ping psubscribe psync pttl publish quit randomkey readonly replconf replicaof " +
		"role save scan scard select sentinel slaveof slowlog smembers strlen subscribe sync time ttl type unsubscribe wait zcard zrange") {
		out[name] = true
	}
	return out
}()

// untouched says whether INFO commandstats has no command that may have written since the
// process started. Statistics that were reset say nothing.
func untouched(stats map[string]string) bool {
	for name, value := range stats {
		command, is := strings.CutPrefix(name, "cmdstat_")
		if !is || strings.HasPrefix(value, "calls=0,") {
			continue
		}
		main, sub, _ := strings.Cut(command, "|")
		if !harmless[main] || sub == "resetstat" {
			return false
		}
	}
	return true
}

// readFollower reads "ip=10.0.0.1,port=6379,state=online,offset=14,lag=0".
func readFollower(text string) Follower {
	var f Follower
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(part, "=")
		n, _ := strconv.ParseInt(value, 10, 64)
		switch name {
		case "ip":
			f.Host = value
		case "port":
			f.Port = int32(n) //nolint:gosec // a port
		case "state":
			f.Online = value == "online"
		case "offset":
			f.Offset = n
		}
	}
	return f
}

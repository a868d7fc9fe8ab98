// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package rediscluster

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/upmio/compose-operator/internal/redis/conn"
	"github.com/upmio/compose-operator/internal/server"
)

// lookTimeout bounds the look at one server.
const lookTimeout = 3 * time.Second

// handle speaks to one server.
type handle struct {
	*conn.Handle

	mu sync.Mutex
	// sent is what was last seen of the clients that the server has sent on, sentAt when that was news.
	sent   sentOn
	sentAt time.Time
}

// sentOn is how many clients the process of a server has sent on to another node, since it started.
type sentOn struct {
	run   string
	times string
}

// quiet notes how many clients a server has sent on, and says for how long it has been no more.
func (h *handle) quiet(seen sentOn, at time.Time) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sentAt.IsZero() || h.sent != seen {
		h.sent, h.sentAt = seen, at
	}
	return at.Sub(h.sentAt)
}

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

func blank(m Member) *Server { return &Server{Name: m.Name, Host: m.Host, Port: m.Port} }

// see looks at a server and says in the value itself whether that went well.
func (h *handle) see(ctx context.Context, m Member) *Server {
	began := time.Now()
	s, err := h.look(ctx, m)
	silent := h.Listen(began, conn.ReachOf(err) != server.ReachNone)
	if err != nil {
		s = blank(m)
		s.Reach, s.Problem, s.Refused, s.Silent = conn.ReachOf(err), err.Error(), conn.Refused(err), silent
		return s
	}
	s.Quiet = h.quiet(s.sent, began)
	return s
}

// The parameters that are read, one command each: older servers take one pattern only.
const (
	masterAuth     = "masterauth"
	masterUser     = "masteruser"
	tlsReplication = "tls-replication"
	tlsCluster     = "tls-cluster"
	announceIP     = "cluster-announce-ip"
	announceName   = "cluster-announce-hostname"
	announcePort   = "cluster-announce-port"
	announceTLS    = "cluster-announce-tls-port"
	announceBus    = "cluster-announce-bus-port"
	busPort        = "cluster-port"
	allowMigration = "cluster-allow-replica-migration"
	barrier        = "cluster-migration-barrier"
)

// highBarrier keeps Redis 6.2, which has no cluster-allow-replica-migration, from moving replicas.
const highBarrier = "1000"

var parameters = []string{masterAuth, masterUser, tlsReplication, tlsCluster, announceIP, announceName, announcePort, announceTLS, announceBus, busPort, allowMigration, barrier}

// look reads everything in one round trip.
func (h *handle) look(ctx context.Context, m Member) (*Server, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	commands := [][]any{{"INFO"}, {"CLUSTER", "NODES"}, {"CLUSTER", "INFO"}}
	fixed := len(commands)
	for _, name := range parameters {
		commands = append(commands, []any{"CONFIG", "GET", name})
	}
	replies, err := h.Batch(ctx, commands...)
	if err != nil {
		return nil, err
	}
	s := blank(m)
	text, err := textOf(replies[0])
	if err != nil {
		return nil, err
	}
	if err := s.readInfo(conn.ParseInfo(text)); err != nil {
		return nil, err
	}
	if text, err = textOf(replies[1]); err != nil {
		return nil, err
	}
	if err := s.readView(text); err != nil {
		return nil, err
	}
	if text, err = textOf(replies[2]); err != nil {
		return nil, err
	}
	s.ClusterOK = conn.ParseInfo(text)["cluster_state"] == "ok"
	values := map[string]string{}
	for i, name := range parameters {
		reply := replies[fixed+i]
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
	s.Config = h.readConfig(m, values)
	return s, nil
}

func textOf(reply conn.Reply) (string, error) {
	if reply.Err != nil {
		return "", reply.Err
	}
	text, is := reply.Value.(string)
	if !is {
		return "", conn.Refusal("the server's answer is no text")
	}
	return text, nil
}

// readConfig compares the passwords and forgets them.
func (h *handle) readConfig(m Member, values map[string]string) *Config {
	_, hasSwitch := values[allowMigration]
	c := &Config{
		AuthOK:         values[masterAuth] == h.Password.Reveal() && values[masterUser] == h.User,
		TLSReplication: values[tlsReplication] == "yes", TLSCluster: values[tlsCluster] == "yes",
		AnnounceOK: true,
		BusPort:    values[busPort] != "" && values[busPort] != "0",
		Migrates:   values[allowMigration] == "yes" || !hasSwitch && values[barrier] != highBarrier,
	}
	for name, value := range m.announcements(h.TLS()) {
		c.AnnounceOK = c.AnnounceOK && values[name] == value
	}
	return c
}

// announcements are the parameters that make a server announce what the spec says.
func (m Member) announcements(tls bool) map[string]string {
	out := map[string]string{}
	if m.AnnounceHost != "" {
		name := announceName
		if _, err := netip.ParseAddr(m.AnnounceHost); err == nil {
			name = announceIP
		}
		out[name] = m.AnnounceHost
	}
	if m.AnnouncePort != 0 {
		name := announcePort
		if tls {
			name = announceTLS
		}
		out[name] = strconv.Itoa(int(m.AnnouncePort))
	}
	if m.AnnounceBus != 0 {
		out[announceBus] = strconv.Itoa(int(m.AnnounceBus))
	}
	return out
}

// readInfo fills in what INFO says. A figure that should be there and is not is an error: it
// is not zero.
func (s *Server) readInfo(info map[string]string) error {
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
	// A server that has never answered so has no such line.
	s.sent = sentOn{s.RunID, info["errorstat_MOVED"]}
	switch {
	case info["cluster_enabled"] != "1":
		return conn.Refusal("it runs with cluster-enabled no: set cluster-enabled yes in its configuration, or use a RedisReplication")
	case info["loading"] == "1":
		return conn.StillLoading()
	}
	s.Replica = info["role"] == "slave"
	s.Offset = number("master_repl_offset")
	if s.Replica {
		s.LinkUp = info["master_link_status"] == "up"
		s.SyncInProgress = info["master_sync_in_progress"] == "1"
		// What it has applied, not what it has received.
		s.Offset = number("slave_repl_offset")
	}
	for name, value := range info {
		if strings.HasPrefix(name, "db") && strings.HasPrefix(value, "keys=") {
			keys, err := strconv.ParseInt(strings.TrimPrefix(strings.Split(value, ",")[0], "keys="), 10, 64)
			if err != nil {
				missing = append(missing, name)
			}
			s.Keys += keys
		}
	}
	if s.RunID == "" || info["role"] == "" {
		missing = append(missing, "run_id or role")
	}
	if len(missing) > 0 {
		return conn.Refusal(fmt.Sprintf("INFO lacks %s: the operator needs Redis 6.2 or newer, or Valkey", strings.Join(missing, ", ")))
	}
	s.Reach = server.ReachOK
	return nil
}

// readView reads CLUSTER NODES.
func (s *Server) readView(text string) error {
	s.View, s.Migrating, s.Importing = map[string]*Peer{}, map[int]string{}, map[int]string{}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		p, err := s.readPeer(words)
		if err != nil {
			return conn.Refusal(fmt.Sprintf("CLUSTER NODES has a line that cannot be read (%v)", err))
		}
		s.View[p.ID] = p
		if p.Myself {
			s.ID, s.Slots, s.MasterID = p.ID, p.Slots, p.MasterID
			if p.Replica != s.Replica {
				// Between two commands it was made another.
				return conn.Refusal("its role changes just now")
			}
		}
	}
	if s.ID == "" {
		return conn.Refusal("CLUSTER NODES does not name the server itself")
	}
	return nil
}

// The columns of CLUSTER NODES: id, address, flags, master, two times, epoch, link, slots.
const (
	columnID = iota
	columnAddress
	columnFlags
	columnMaster
	columnPing
	columnPong
	columnEpoch
	columnLink
	columnSlots
)

func (s *Server) readPeer(words []string) (*Peer, error) {
	if len(words) < columnSlots {
		return nil, fmt.Errorf("%d columns", len(words))
	}
	p := &Peer{ID: words[columnID], Connected: words[columnLink] == "connected"}
	p.readAddress(words[columnAddress])
	var err error
	if p.Epoch, err = strconv.ParseUint(words[columnEpoch], 10, 64); err != nil {
		return nil, fmt.Errorf("epoch %q", words[columnEpoch])
	}
	for flag := range strings.SplitSeq(words[columnFlags], ",") {
		switch flag {
		case "myself":
			p.Myself = true
		case "slave":
			p.Replica = true
		case "fail":
			p.Fail = true
		case "fail?":
			p.MayFail = true
		case "handshake":
			p.Handshake = true
		case "noaddr":
			p.NoAddress = true
		}
	}
	if p.Replica && words[columnMaster] != "-" {
		p.MasterID = words[columnMaster]
	}
	for _, word := range words[columnSlots:] {
		if open, is := strings.CutPrefix(word, "["); is {
			if err := s.readOpen(strings.TrimSuffix(open, "]")); err != nil {
				return nil, err
			}
			continue
		}
		slots, err := parseSlots(word)
		if err != nil {
			return nil, err
		}
		p.Slots = p.Slots.Or(slots)
	}
	return p, nil
}

// readOpen reads "93-<-id" (importing) and "93->-id" (migrating).
func (s *Server) readOpen(text string) error {
	into := s.Importing
	number, id, is := strings.Cut(text, "-<-")
	if !is {
		into = s.Migrating
		number, id, is = strings.Cut(text, "->-")
	}
	slot, err := strconv.Atoi(number)
	if !is || err != nil || slot < 0 || slot >= slotCount {
		return fmt.Errorf("%q", text)
	}
	into[slot] = id
	return nil
}

// readAddress reads "10.0.0.1:6379@16379,name": the rest after a comma does not matter.
func (p *Peer) readAddress(text string) {
	text, _, _ = strings.Cut(text, ",")
	client, bus, _ := strings.Cut(text, "@")
	colon := strings.LastIndex(client, ":")
	if colon < 0 {
		return
	}
	p.IP = client[:colon]
	p.Port, p.Bus = portOf(client[colon+1:]), portOf(bus)
}

func portOf(text string) int32 {
	n, _ := strconv.ParseInt(text, 10, 32)
	return int32(n)
}

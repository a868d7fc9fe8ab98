// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/internal/mysql/conn"
)

const (
	// probeTimeout bounds one try of the replication user's password.
	probeTimeout = time.Second
	// probeInterval passes between two tries while a source does not take it.
	probeInterval = 15 * time.Second
	// longestPassword is what a channel takes:
	// https://dev.mysql.com/doc/refman/8.4/en/change-replication-source-to.html
	longestPassword = 32
)

// channelPasswords remembers which password the channels have. No server tells, so a
// process takes those that it finds for up to date, and an old one of before its time
// shows when the receiver reconnects.
type channelPasswords struct {
	mu    sync.Mutex
	known map[types.NamespacedName]map[string]*channelPassword
	// interval between two tries.
	interval time.Duration
}

// channelPassword is that of one server's channel.
type channelPassword struct {
	uuid string
	has  credential.Password
	// nextTry of a newer one.
	nextTry time.Time
}

func newChannelPasswords() *channelPasswords {
	return &channelPasswords{known: map[types.NamespacedName]map[string]*channelPassword{}, interval: probeInterval}
}

// forget an object.
func (p *channelPasswords) forget(key types.NamespacedName) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.known, key)
}

// given notes the password that a channel has been given.
func (p *channelPasswords) given(key types.NamespacedName, node, uuid string, password credential.Password) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known[key] == nil {
		p.known[key] = map[string]*channelPassword{}
	}
	p.known[key][node] = &channelPassword{uuid: uuid, has: password}
}

// due says whether a node's channel has another password than this one, and whether it is
// time to try that.
func (p *channelPasswords) due(key types.NamespacedName, s *Server, password credential.Password, now time.Time) bool {
	p.mu.Lock()
	known := p.known[key][s.Name]
	p.mu.Unlock()
	if known == nil || known.uuid != s.UUID {
		p.given(key, s.Name, s.UUID, password)
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if known.has.Reveal() == password.Reveal() || now.Before(known.nextTry) {
		return false
	}
	known.nextTry = now.Add(p.interval)
	return true
}

// outdated marks the running channels whose password is not the Secret's, once their
// source takes that: a channel that is given a password too early does not come up again.
func (p *channelPasswords) outdated(ctx context.Context, scene Scene, state State) {
	if scene.Credentials == nil {
		return
	}
	user := replicationUser(scene.Object)
	password := scene.Credentials.Password(user)
	if n := len(password.Reveal()); n == 0 || n > longestPassword {
		return
	}
	tried := map[string]bool{}
	for _, s := range state.Nodes {
		if !s.OK() || s.Channel == nil || s.Channel.User != user || s.Channel.IO != ThreadYes {
			continue
		}
		if !p.due(scene.Key, s, password, time.Now()) {
			continue
		}
		source := conn.Access{Host: s.Channel.SourceHost, Port: s.Channel.SourcePort, User: user, Password: password, TLS: scene.Credentials.TLS}
		if _, known := tried[source.Address()]; !known {
			tried[source.Address()] = takes(ctx, source)
		}
		s.PasswordOutdated = tried[source.Address()]
	}
}

// takes says whether a server lets a user in.
func takes(ctx context.Context, a conn.Access) bool {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	h, err := conn.Open(a)
	if err != nil {
		return false
	}
	defer h.Close()
	return h.DB.PingContext(ctx) == nil
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package proxysql

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/upmio/compose-operator/internal/mysql/conn"
	"github.com/upmio/compose-operator/internal/proxysql/admin"
	"github.com/upmio/compose-operator/internal/server"
)

const (
	// lookTimeout bounds a look at one ProxySQL.
	lookTimeout = 3 * time.Second
	// silentPatience is how long one that gave no answer the last time is waited for: the
	// others must not wait for it.
	silentPatience = 200 * time.Millisecond
	// syncTimeout bounds all changes of one ProxySQL.
	syncTimeout = 15 * time.Second
	// brokenPause is how long a ProxySQL is left alone after a change had no answer.
	brokenPause = 3 * time.Second
	// wholeLookEvery: all tables are read, although the node says that it has changed
	// nothing. What somebody edits in memory without loading it shows then.
	wholeLookEvery = 5 * time.Minute
)

// handle speaks to one ProxySQL, and knows what this process has seen and done there.
type handle struct {
	*admin.Client
	looks slow[*Node]
	syncs slow[error]

	mu sync.Mutex
	// seen is what the last whole look found, and what the node said of its state then.
	seen   *Tables
	said   string
	seenAt time.Time

	loaded, synced time.Time
	failure        string
	// brokenAt is when a change last ended without an answer.
	brokenAt time.Time
}

func newHandle(a admin.Access) (*handle, error) {
	c, err := admin.Open(a)
	if err != nil {
		return nil, err
	}
	return &handle{Client: c}, nil
}

// look waits for a look at the node, which goes on by itself where the wait ends before.
// While a change is under way there, or has just ended without an answer, there is none.
func (h *handle) look(ctx context.Context, q lookQueries) *Node {
	if !h.syncs.idle(ctx, silentPatience) {
		return unseen("a change is under way, and has no answer yet")
	}
	h.mu.Lock()
	broken := time.Since(h.brokenAt) < brokenPause
	failure := h.failure
	h.mu.Unlock()
	if broken {
		return unseen(failure)
	}
	n, ended := h.looks.wait(ctx, lookTimeout+time.Second, func() (*Node, bool) {
		n := h.see(q)
		return n, n.Reach != server.ReachNone
	})
	if !ended {
		return unseen("no answer")
	}
	return n
}

func unseen(problem string) *Node { return &Node{Reach: server.ReachNone, Problem: problem} }

// see makes one look, with a deadline of its own.
func (h *handle) see(q lookQueries) *Node {
	ctx, cancel := context.WithTimeout(context.Background(), lookTimeout)
	defer cancel()
	tables, err := h.tables(ctx, q)
	h.mu.Lock()
	defer h.mu.Unlock()
	n := &Node{Reach: admin.ReachOf(err), Tables: tables, Loaded: h.loaded, Synced: h.synced, Failure: h.failure}
	if err != nil {
		n.Problem = err.Error()
	}
	return n
}

// tables asks the node in one query whether anything has changed, and reads them where it has.
func (h *handle) tables(ctx context.Context, q lookQueries) (*Tables, error) {
	said, whole, err := h.say(ctx, q)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	seen, same := h.seen, whole && h.said == said && time.Since(h.seenAt) < wholeLookEvery
	h.mu.Unlock()
	if seen != nil && same {
		return seen, nil
	}
	tables, err := h.read(ctx)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seen, h.said, h.seenAt = tables, said, time.Now()
	return tables, nil
}

// begin forgets what was seen: it is about to change.
func (h *handle) begin() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seen = nil
	// What is half done is not waited for.
	h.loaded = time.Time{}
}

// ended notes how a set of changes ended.
func (h *handle) ended(err error, loaded bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seen, h.failure = nil, ""
	if err != nil {
		h.failure = err.Error()
		if admin.ReachOf(err) == server.ReachNone {
			h.brokenAt = time.Now()
		}
		return
	}
	h.synced = time.Now()
	if loaded {
		h.loaded = h.synced
	}
}

// sourceHandle speaks to the source, and knows its accounts.
type sourceHandle struct {
	*conn.Handle
	looks slow[*Source]

	mu       sync.Mutex
	said     string
	accounts []Account
}

func newSourceHandle(a conn.Access) (*sourceHandle, error) {
	c, err := conn.Open(a)
	if err != nil {
		return nil, err
	}
	return &sourceHandle{Handle: c}, nil
}

// expired says of an account that its password has expired, by hand or by its age:
// https://dev.mysql.com/doc/refman/8.4/en/password-management.html#password-expiration-policy
const expired = "(password_expired='Y' OR COALESCE(COALESCE(password_lifetime,@@GLOBAL.default_password_lifetime)>0" +
	" AND password_last_changed + INTERVAL COALESCE(password_lifetime,@@GLOBAL.default_password_lifetime) DAY < NOW(),FALSE))"

// accountColumns are what an account comes to.
const accountColumns = "HEX(User),HEX(Host),COALESCE(plugin,''),HEX(COALESCE(authentication_string,'')),account_locked='Y'," + expired

// basicsQuery tells who the server is and whether its accounts are as they were: a checksum
// of them, each being there once.
const basicsQuery = "SELECT @@GLOBAL.server_uuid,@@GLOBAL.version,@@GLOBAL.read_only OR @@GLOBAL.super_read_only,COUNT(*)," +
	"COALESCE(BIT_XOR(CAST(CONV(LEFT(SHA2(CONCAT_WS(' '," + accountColumns + "),256),16),16,10) AS UNSIGNED)),0) FROM mysql.user"

const accountsQuery = "SELECT " + accountColumns + " FROM mysql.user"

// sourceTimeout bounds a look at the source.
const sourceTimeout = 3 * time.Second

// look waits for a look at the source, as that of a ProxySQL does.
func (h *sourceHandle) look(ctx context.Context) *Source {
	s, ended := h.looks.wait(ctx, sourceTimeout+time.Second, func() (*Source, bool) {
		ctx, cancel := context.WithTimeout(context.Background(), sourceTimeout)
		defer cancel()
		s, err := h.read(ctx)
		if err != nil {
			s = &Source{Reach: conn.ReachOf(err), Problem: err.Error()}
		}
		return s, s.Reach != server.ReachNone
	})
	if !ended {
		return &Source{Reach: server.ReachNone, Problem: "no answer"}
	}
	return s
}

func (h *sourceHandle) read(ctx context.Context) (*Source, error) {
	s, said, err := h.basics(ctx)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	same := h.said == said
	s.Accounts = h.accounts
	h.mu.Unlock()
	if same {
		return s, nil
	}
	if s.Accounts, err = h.readAccounts(ctx); err != nil {
		return nil, err
	}
	// Each statement may have gone over a connection of its own, to a server of its own.
	_, after, err := h.basics(ctx)
	if err != nil {
		return nil, err
	}
	if after != said {
		return nil, errors.New("the accounts have changed while they were read")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.said, h.accounts = said, s.Accounts
	return s, nil
}

// basics reads who the server is, and what tells of any change of its accounts.
func (h *sourceHandle) basics(ctx context.Context) (*Source, string, error) {
	s := &Source{Reach: server.ReachOK}
	var readOnly bool
	var count int64
	var sum string
	if err := h.Row(ctx, basicsQuery, nil, &s.UUID, &s.Version, &readOnly, &count, &sum); err != nil {
		return nil, "", err
	}
	s.Writable = !readOnly
	return s, fmt.Sprint(s.UUID, " ", count, " ", sum), nil
}

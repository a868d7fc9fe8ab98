// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"context"
	"errors"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/upmio/compose-operator/internal/mysql/conn"
)

const (
	// lookTimeout bounds the look at one server, rereadTimeout the second look at
	// gtid_executed, and one at the CLONE plugin: an observation takes 5 s at the most.
	lookTimeout   = 3 * time.Second
	rereadTimeout = time.Second
	// lostTries is how often a server is asked again that ended the connection without an
	// answer, lostPause what comes before each: it takes a process some time to die, and
	// another kept connection may be as dead.
	lostTries = 5
	lostPause = 20 * time.Millisecond
)

// watch is how servers are looked at.
type watch struct {
	// source names the node that is known as the source.
	source string
	// leaving: the spec wants another one.
	leaving bool
	// closely: a change is under way or at hand. A look then uses two connections, which
	// makes it shorter, and leaves both open: a fence needs the second one and would have
	// to make it. While nothing happens one is enough: of thousands of servers, the
	// second connections cost more memory than all else.
	closely bool
	// clones: the servers are asked for the CLONE plugin as well.
	clones bool
}

// observe looks at all servers at the same time.
func observe(ctx context.Context, members []Member, how watch, open func(Member) (*handle, error)) State {
	servers := make([]*Server, len(members))
	handles := make([]*handle, len(members))
	conn.Each(len(members), func(i int) {
		m := members[i]
		c, err := open(m)
		if err == nil {
			handles[i] = c
			servers[i], err = c.look(ctx, m, c.waitFor(m, how), how.closely)
			if err == nil && how.clones {
				servers[i].Clone = lookAtClone(ctx, c)
			}
		}
		if err != nil {
			servers[i] = unseen(m, err)
		}
		if s := servers[i]; c != nil && s.Reach == ReachNone {
			s.Silent, s.WaitsAfterRestart = c.silence.length(), c.waits.Load()
		}
	})

	// A replica's transactions must be found in its source's set, so the sets of
	// those that may be a source are read after all others.
	again := maySource(servers, how.source)
	conn.Each(len(members), func(i int) {
		if !again[i] {
			return
		}
		ctx, cancel := context.WithTimeout(ctx, rereadTimeout)
		defer cancel()
		b, err := handles[i].basics(ctx)
		if err != nil {
			servers[i] = notSeenAgain(members[i], handles[i], err)
			return
		}
		if b.uuid != servers[i].UUID {
			servers[i] = unseen(members[i], errors.New("another server answered the second time: it is looked at again"))
			return
		}
		servers[i].Before, servers[i].Executed = servers[i].Executed, b.executed
	})

	out := State{Nodes: make(map[string]*Server, len(members))}
	for _, s := range servers {
		out.Nodes[s.Name] = s
	}
	return out
}

// notSeenAgain is a server that answered the first look of an observation and not the second.
// One that is only slow is there, and may be serving clients.
func notSeenAgain(m Member, c *handle, err error) *Server {
	s := unseen(m, err)
	if s.Reach != ReachNone {
		return s
	}
	if errors.Is(err, context.DeadlineExceeded) {
		s.Reach = ReachError
		return s
	}
	s.Silent, s.WaitsAfterRestart = c.silence.length(), c.waits.Load()
	return s
}

// maySource says of each server whether others may replicate from it.
func maySource(servers []*Server, recorded string) []bool {
	out := make([]bool, len(servers))
	for i, s := range servers {
		if !s.OK() {
			continue
		}
		out[i] = s.Name == recorded || s.Writable() || !s.Channel.Streams()
		for _, o := range servers {
			out[i] = out[i] || o.OK() && o != s && o.Follows(s)
		}
	}
	return out
}

func unseen(m Member, err error) *Server {
	s := &Server{Name: m.Name, Host: m.Host, Port: m.Port, Reach: conn.ReachOf(err), Problem: err.Error()}
	if lacks := (*lackingError)(nil); errors.As(err, &lacks) {
		s.Missing, s.Account = lacks.missing, lacks.account
	}
	s.Refused = conn.Refused(err)
	return s
}

// lookAt reads one server. One whose connection ends without an answer is asked again: its
// process may have died while it was asked, and a new connection tells. Where nobody listens
// any more nobody is waited for.
func lookAt(ctx context.Context, c *handle, m Member, closely bool) (*Server, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	s, err := lookOnce(ctx, c, m, closely)
	for tries := 0; conn.Lost(err) && tries < lostTries; tries++ {
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(lostPause):
		}
		s, err = lookOnce(ctx, c, m, closely)
	}
	return s, err
}

// lookOnce reads one server with two statements, or, closely, with three on two connections;
// now and then with one more.
func lookOnce(ctx context.Context, c *handle, m Member, closely bool) (*Server, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	asked := time.Now()
	var s *Server
	var text string
	var figures map[string]string
	var err, figuresErr error
	var beside sync.WaitGroup
	if closely {
		beside.Go(func() { figures, figuresErr = c.Pairs(ctx, figuresQuery) })
	} else {
		s, text, figures, err = quietly(ctx, c, m)
	}
	// One that denies the figures still says who it is.
	if closely || errors.Is(err, errNotQuiet) {
		s, text, err = identity(ctx, c, m)
	}
	if closely && conn.IsNumber(err, conn.NumberTooManyConnections) {
		// A full server keeps one connection free for the operator: the one that the
		// figures have.
		beside.Wait()
		s, text, err = identity(ctx, c, m)
	}
	if err != nil {
		cancel()
		beside.Wait()
		return nil, err
	}
	v, err := conn.ParseVersion(text)
	if err != nil {
		return nil, conn.Refusal(err.Error())
	}
	if why := conn.Unsupported(text, v); why != "" {
		return nil, conn.Refusal(why)
	}
	s.Version = text
	s.Channel, s.ForeignChannels, err = c.channel(ctx, words{version: v})
	beside.Wait()
	if err == nil && (figures == nil && figuresErr == nil || conn.IsNumber(figuresErr, conn.NumberTooManyConnections)) {
		figures, figuresErr = c.Pairs(ctx, figuresQuery)
	}
	if err == nil {
		err = figuresErr
	}
	if err != nil {
		return nil, c.explain(ctx, err)
	}
	w, err := c.learn(text, figures)
	if err != nil {
		return nil, err
	}
	s.read(w, figures)
	s.At = asked
	s.Account, s.Missing = c.lacks(ctx, w)
	return s, nil
}

// lookAtClone has a bound of its own. What it cannot read is unknown: that says nothing
// of the rest.
func lookAtClone(ctx context.Context, c *handle) *CloneView {
	ctx, cancel := context.WithTimeout(ctx, rereadTimeout)
	defer cancel()
	v, err := c.clone(ctx)
	if err != nil {
		log.FromContext(ctx).V(1).Info("the CLONE plugin could not be looked at", "error", err.Error())
		return nil
	}
	return v
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build mysqld

package mysql

import (
	"testing"
	"time"

	"github.com/upmio/compose-operator/test/mysqld"
)

// A server that hangs is silent, one whose process is dead refuses, and both are known for
// how long. That is forgotten as soon as a look gets an answer, also one that no
// observation has waited for.
func TestObserveSilence(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, mysqld.Options{})
	a := c.servers["a"]
	c.object.Status.Source = "a"
	look := func() *Server { return c.observe().Nodes["a"] }
	a.Eventually("it answers", func() bool { return look().OK() })
	a.Freeze()
	var first *Server
	a.Eventually("a look goes without an answer", func() bool { first = look(); return first.Silent > 0 })
	second := look()
	if first.Reach != ReachNone || first.Refused || second.Silent <= first.Silent {
		t.Errorf("a server that hangs: %s, refused %t, silent for %v and then for %v", first.Reach, first.Refused, first.Silent, second.Silent)
	}
	handle, err := c.engine.named(c.scene(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if wait := handle.waitFor(Member{Name: "a"}, watch{source: "a", leaving: true}); wait != silentWait {
		t.Errorf("a source that is known to hang is waited for %v", wait)
	}
	if wait := handle.waitFor(Member{Name: "a"}, watch{source: "b", leaving: true}); wait != lookTimeout {
		t.Errorf("a node that is not the source is waited for %v", wait)
	}
	a.Thaw()
	a.Eventually("the silence is over, and it answers quickly", func() bool {
		return look().OK() && handle.silence.length() == 0 && !handle.silence.slow()
	})
	if wait := handle.waitFor(Member{Name: "a"}, watch{source: "a", leaving: true}); wait != leaveTimeout {
		t.Errorf("a source that is to be left is waited for %v", wait)
	}

	handle.silence.note(time.Now().Add(-leaveTimeout), true)
	if wait := handle.waitFor(Member{Name: "a"}, watch{source: "a", leaving: true}); wait != lookTimeout {
		t.Errorf("a source that has just been slow to answer is waited for %v", wait)
	}

	a.Freeze()
	member := Members(c.object)[0]
	if _, err := handle.look(t.Context(), member, time.Millisecond, true); err == nil || handle.silence.length() == 0 {
		t.Error("a look that is not waited for is no silence")
	}
	a.Thaw()
	a.Eventually("the look goes on and gets its answer", func() bool { return handle.silence.length() == 0 })

	// It dies with the question in its hands: that is told from a silence at once.
	a.Freeze()
	answer := make(chan *Server, 1)
	ask := func() { answer <- look() }
	go ask()
	a.Eventually("it is asked", func() bool {
		select {
		case <-answer:
			// That look has ended before anybody saw it.
			go ask()
		default:
		}
		handle.silence.mu.Lock()
		defer handle.silence.mu.Unlock()
		return handle.silence.look != nil
	})
	a.Kill9()
	if dead := <-answer; dead.Reach != ReachNone || !dead.Refused {
		t.Errorf("a server that died while it was asked: %s, refused %t: %s", dead.Reach, dead.Refused, dead.Problem)
	}
	if dead := look(); dead.Reach != ReachNone || !dead.Refused || dead.Silent <= 0 {
		t.Errorf("a server whose process is dead: %s, refused %t, silent for %v", dead.Reach, dead.Refused, dead.Silent)
	}
}

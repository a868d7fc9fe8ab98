// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build mysqld

package mysql

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/test/mysqld"
)

// secret writes a password into the Secret.
func (c *cluster) secret(user, password string) {
	passwords := maps.Clone(c.creds.Passwords)
	passwords[user] = credential.NewPassword(password)
	c.creds = credential.Credentials{Version: c.creds.Version + "+", Passwords: passwords, TLS: c.creds.TLS}
}

// rotated is a set that replicates, with the operator's own user, whose passwords change.
func rotated(t *testing.T) *kernel {
	t.Helper()
	k := &kernel{cluster: newCluster(t, 2, mysqld.Options{}), labels: map[string]string{}}
	k.as(mysqld.LeastUser, mysqld.LeastPassword)
	k.settle("the set is set up")
	k.engine.passwords.interval = 0
	mustWrite(t, k.servers["a"])
	k.caughtUp("a")
	return k
}

const newPassword = "an0ther-p4ss"

func alter(user, how string) string {
	return "ALTER USER '" + user + "'@'%' IDENTIFIED BY '" + newPassword + "'" + how
}

// receiver is the thread of b's receiver, and where it has got to.
func (k *kernel) receiver() string {
	return k.servers["b"].Value("SELECT THREAD_ID FROM performance_schema.threads WHERE NAME = 'thread/sql/replica_io'")
}

// well looks, and says why not everything is as it should be.
func (k *kernel) well(when string) {
	k.t.Helper()
	state, plan := k.look()
	for name, s := range state.Nodes {
		if !s.OK() {
			k.t.Errorf("%s: %s is not seen: %s", when, name, s.Problem)
		}
	}
	if c := plan.Conditions[0]; c.Status != "True" {
		k.t.Errorf("%s: %s %s", when, c.Reason, c.Message)
	}
	k.carryOut(plan)
}

// given looks until the channel has the password that its source now takes, which gives it
// another receiver than before. On a slow machine the password is tried more than once.
func (k *kernel) given(before string) {
	k.t.Helper()
	k.servers["a"].Eventually("the channel is given the new password", func() bool {
		k.well("the source takes the new one")
		return k.receiver() != before
	})
}

// reconnect ends the receiver's connection on the source.
func (k *kernel) reconnect() {
	k.t.Helper()
	id := k.servers["a"].Value("SELECT ID FROM information_schema.PROCESSLIST WHERE COMMAND LIKE 'Binlog Dump%'")
	k.servers["a"].SQL("KILL " + id)
	k.servers["a"].Eventually("the receiver is not connected by that any more", func() bool {
		return k.servers["a"].Value("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID = "+id) == "0"
	})
}

// The operator's password changed on the servers first: its open connections go on, and the
// Secret may follow when it likes.
func TestOperatorPasswordServerFirst(t *testing.T) {
	t.Parallel()
	k := rotated(t)
	before := k.receiver()
	k.servers["a"].SQL(alter(mysqld.LeastUser, ""))
	k.caughtUpAs("a")
	for range 5 {
		k.well("the server has the new password, the Secret has not")
	}
	k.secret(mysqld.LeastUser, newPassword)
	k.well("the Secret has it too")
	if k.receiver() != before {
		t.Error("replication was restarted by that")
	}
}

// caughtUpAs waits for the replica without the operator's user.
func (k *kernel) caughtUpAs(source string) {
	k.t.Helper()
	set := k.servers[source].Executed()
	k.servers["b"].Eventually("b has it", func() bool {
		return k.servers["b"].Value("SELECT GTID_SUBSET('"+strings.ReplaceAll(set, "\n", "")+"', @@GLOBAL.gtid_executed)") == "1"
	})
}

// The operator's password changed in the Secret first: the servers refuse the operator. That
// is no reason to change the source, not even when another one is wanted; labels stay; and
// it is over as soon as the servers follow.
func TestOperatorPasswordSecretFirst(t *testing.T) {
	t.Parallel()
	k := rotated(t)
	before, labels := k.receiver(), maps.Clone(k.labels)
	k.secret(mysqld.LeastUser, newPassword)
	for _, wanted := range []string{"a", "b", "a"} {
		if k.object.Spec.Source.Name != wanted {
			k.exchange(wanted)
		}
		state, plan := k.look()
		for name, s := range state.Nodes {
			if s.Reach != ReachError || !strings.Contains(s.Problem, "1045") {
				t.Errorf("%s: %s %s", name, s.Reach, s.Problem)
			}
		}
		for _, step := range plan.Steps {
			if len(step.Actions) > 0 {
				t.Errorf("it would %+v", step)
			}
		}
		k.carryOut(plan)
		if plan.Data.Source != "a" || plan.Data.Switchover != nil || !maps.Equal(k.labels, labels) {
			t.Errorf("source %s, switchover %v, labels %v", plan.Data.Source, plan.Data.Switchover, k.labels)
		}
	}
	k.servers["a"].SQL(alter(mysqld.LeastUser, ""))
	k.caughtUpAs("a")
	k.servers["a"].Eventually("a refused login is tried again", func() bool {
		state, _ := k.look()
		return state.Nodes["a"].OK() && state.Nodes["b"].OK()
	})
	k.well("the servers have it too")
	if k.receiver() != before {
		t.Error("replication was restarted by that")
	}
}

// The replication password changed on the source first: the channel goes on, is refused when it
// reconnects, and is given the new one, with nothing of its relay log lost.
func TestReplicationPasswordServerFirst(t *testing.T) {
	t.Parallel()
	k := rotated(t)
	before := k.receiver()
	k.servers["a"].SQL(alter(mysqld.ReplicationUser, ""))
	mustWrite(t, k.servers["a"])
	k.caughtUp("a")
	k.well("the channel streams on")
	if k.receiver() != before {
		t.Error("its receiver was restarted")
	}
	k.servers["b"].SQL("STOP REPLICA SQL_THREAD FOR CHANNEL ''")
	mustWrite(t, k.servers["a"])
	k.servers["b"].Eventually("received and not applied", func() bool {
		b := k.server("b")
		return !b.Executed.Contains(b.Channel.Retrieved)
	})
	received := k.server("b").Channel.Retrieved
	k.reconnect()
	k.servers["b"].Eventually("it is refused", func() bool { return k.server("b").Channel.IOErrno == 1045 })
	k.secret(mysqld.ReplicationUser, newPassword)
	k.settle("it has the new one")
	if now := k.server("b").Channel.Retrieved; !now.Contains(received) {
		t.Errorf("its relay log had %s and has %s", received.String(), now.String())
	}
	k.caughtUp("a")
	k.steadyReceiver()
}

// steadyReceiver looks some times, and fails if the channel is touched again.
func (k *kernel) steadyReceiver() {
	k.t.Helper()
	before := k.receiver()
	for range 5 {
		k.well("afterwards")
	}
	if k.receiver() != before {
		k.t.Error("the channel is given its password again and again")
	}
}

// The replication password changed in the Secret first: the channel streams on and is not given a
// password that its source would refuse. As soon as the source takes it, it is: once, and
// then it reconnects without anybody's help.
func TestReplicationPasswordSecretFirst(t *testing.T) {
	t.Parallel()
	k := rotated(t)
	k.well("before")
	before := k.receiver()
	k.secret(mysqld.ReplicationUser, newPassword)
	for range 5 {
		k.well("the Secret has the new password, the server has not")
	}
	if k.receiver() != before {
		t.Fatal("its receiver was restarted for a password that the source refuses")
	}
	k.servers["a"].SQL(alter(mysqld.ReplicationUser, ""))
	k.caughtUp("a")
	k.given(before)
	k.steadyReceiver()
	k.reconnect()
	mustWrite(t, k.servers["a"])
	k.caughtUp("a")
	if b := k.server("b"); b.Channel.IOErrno != 0 {
		t.Errorf("it reconnected with error %d", b.Channel.IOErrno)
	}
}

// With both passwords valid for a time nothing is interrupted, whichever comes first.
func TestRetainCurrentPassword(t *testing.T) {
	t.Parallel()
	k := rotated(t)
	k.well("before")
	for _, user := range []string{mysqld.LeastUser, mysqld.ReplicationUser} {
		k.servers["a"].SQL(alter(user, " RETAIN CURRENT PASSWORD"))
		k.caughtUp("a")
		k.well(user + " has two passwords")
		k.secret(user, newPassword)
		k.well(user + " uses the new one")
		k.well(user + " uses the new one still")
		k.servers["a"].SQL(fmt.Sprintf("ALTER USER '%s'@'%%' DISCARD OLD PASSWORD", user))
		k.caughtUp("a")
		k.well(user + " has only the new one")
	}
	k.steadyReceiver()
	k.reconnect()
	mustWrite(t, k.servers["a"])
	k.caughtUp("a")
	k.well("reconnected")
}

// A password that the source does not take yet does not come with a change of the TLS. It is
// tried over the TLS that the source demands for it.
func TestReplicationPasswordWithTLS(t *testing.T) {
	t.Parallel()
	ca := mysqld.NewCA(t, "the set's")
	k := &kernel{cluster: newCluster(t, 2, mysqld.Options{CA: ca}), labels: map[string]string{}}
	k.as(mysqld.LeastUser, mysqld.LeastPassword)
	k.settle("the set is set up")
	k.engine.passwords.interval = 0
	k.well("before")

	k.secret(mysqld.ReplicationUser, newPassword)
	k.secure(v1alpha1.DatabaseTLS{Mode: v1alpha1.TLSVerifyFull}, mysqld.Trusting(ca))
	k.settle("the channel is secured")
	k.reconnect()
	mustWrite(t, k.servers["a"])
	k.caughtUp("a")
	k.well("it has reconnected with the password that the source takes")

	before := k.receiver()
	k.servers["a"].SQL("ALTER USER '" + mysqld.ReplicationUser + "'@'%' REQUIRE SSL")
	k.servers["a"].SQL(alter(mysqld.ReplicationUser, ""))
	k.caughtUp("a")
	k.given(before)
	k.steadyReceiver()
	k.reconnect()
	mustWrite(t, k.servers["a"])
	k.caughtUp("a")
	if c := k.server("b").Channel; c.IOErrno != 0 || c.TLS.mode() != v1alpha1.TLSVerifyFull {
		t.Errorf("channel %+v", c)
	}
}

// The replication password changed in the Secret first, and before the servers follow the
// source is to be changed. The replica that is led ahead is refused by the candidate: the
// old source is not fenced for a new one whose commits nobody would acknowledge, the
// user's ALTER USER among them.
func TestSwitchoverBeforeTheServersHaveTheReplicationPassword(t *testing.T) {
	t.Parallel()
	r := operate(t, v1alpha1.MysqlSemiSync)
	r.whole()
	r.mu.Lock()
	r.secret(mysqld.ReplicationUser, newPassword)
	r.mu.Unlock()
	r.edit("b")
	r.reports("SwitchoverUndone")
	r.eventually("it says why", func(p reconcile.Plan[Data], labels map[string]string) bool {
		return strings.Contains(p.Conditions[0].Message, "cannot replicate from it") && strings.Contains(p.Conditions[0].Message, "1045") && labels["a"] == "false"
	})
	if on, _ := r.load.WritesTo(); on != r.servers["a"] {
		t.Error("the source has changed")
	}
	had := r.load.Acknowledged()
	r.servers["a"].Eventually("clients write to the old source", func() bool { return r.load.Acknowledged() > had+50 })

	r.servers["a"].SQL(alter(mysqld.ReplicationUser, ""))
	r.edit("a")
	r.whole()
	r.edit("b")
	r.writes("b")
	r.whole()
	r.load.Stop()
	if lost := r.lostOn("b"); lost != 0 {
		t.Errorf("%d acknowledged rows are not on b", lost)
	}
}

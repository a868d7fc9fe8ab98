// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build mysqld

package mysql

import (
	"fmt"
	"strings"
	"testing"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/mysqld"
)

// dumps counts the connections of replicas to a source that have TLS, and those that have none.
func dumps(s *mysqld.Server) (secured, plain string) {
	count := "SELECT COUNT(*) FROM performance_schema.threads WHERE PROCESSLIST_COMMAND LIKE 'Binlog Dump%' AND CONNECTION_TYPE = ?"
	return s.Value(count, "SSL/TLS"), s.Value(count, "TCP/IP")
}

// The set goes through all modes, and over to another source, while it replicates.
func TestChannelTLS(t *testing.T) {
	t.Parallel()
	ca := mysqld.NewCA(t, "the set's")
	k := &kernel{cluster: newCluster(t, 3, mysqld.Options{CA: ca}), labels: map[string]string{}}
	k.as(mysqld.LeastUser, mysqld.LeastPassword)
	k.settle("the set is set up")
	for _, mode := range []v1alpha1.DatabaseTLSMode{
		v1alpha1.TLSDisable, v1alpha1.TLSRequired, v1alpha1.TLSVerifyFull, v1alpha1.TLSVerifyCA, v1alpha1.TLSDisable, v1alpha1.TLSVerifyFull,
	} {
		k.secure(v1alpha1.DatabaseTLS{Mode: mode}, mysqld.Trusting(ca))
		k.settle("mode " + string(mode))
		k.channels(mode, "a")
	}
	k.exchange("b")
	k.settle("switched over")
	k.channels(v1alpha1.TLSVerifyFull, "b")
	mustWrite(t, k.servers["b"])
	k.caughtUp("b")
}

// channels checks that all replicas have their channels in a mode, and are connected so.
func (k *kernel) channels(mode v1alpha1.DatabaseTLSMode, source string) {
	k.t.Helper()
	want := [2]string{"2", "0"}
	if mode == v1alpha1.TLSDisable {
		want = [2]string{"0", "2"}
	}
	k.servers[source].Eventually(fmt.Sprintf("%s: connections of replicas with and without TLS are %v", mode, want), func() bool {
		secured, plain := dumps(k.servers[source])
		return secured == want[0] && plain == want[1]
	})
	for name, node := range k.object.Status.Topology {
		if name == source {
			continue
		}
		if node.ReplicaTLS != mode {
			k.t.Errorf("%s: the status says of %s: %q", mode, name, node.ReplicaTLS)
		}
		if s := k.server(name); !s.Channel.Streams() || s.Channel.TLS.mode() != mode {
			k.t.Errorf("%s: channel of %s: %+v", mode, name, s.Channel)
		}
	}
}

// A change of the TLS keeps what is received and not executed: the source does not have it any more.
func TestChannelTLSKeepsTheRelayLog(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, mysqld.Options{CA: mysqld.NewCA(t, "the set's")})
	c.replicate("a", false)
	lock := c.servers["b"].Session(mysqld.User, mysqld.Password)
	run(t, lock, "FLUSH TABLES WITH READ LOCK")
	c.servers["a"].SQL("INSERT INTO app.entries (writer, seq) VALUES (2, 2)")
	c.servers["b"].Eventually("b has received it", func() bool {
		b := c.server("b")
		return !b.Executed.Contains(b.Channel.Retrieved)
	})
	before := c.server("b").Channel.Retrieved

	do := c.attachTo("b", "a", false)
	do.TLS = &ChannelTLS{On: true, VerifyIdentity: true, CA: c.server("b").CAFile}
	if do.TLS.CA == "" {
		t.Fatal("ssl_ca of b is not seen")
	}
	c.do(do)
	b := c.server("b")
	if !b.Channel.securedAs(do.TLS) || b.Channel.IO != ThreadYes || !b.Channel.Retrieved.Contains(before) || b.Executed.Contains(before) {
		t.Errorf("the relay log is gone, or the channel is not as wanted: %+v", b.Channel)
	}
	run(t, lock, "UNLOCK TABLES")
	c.caughtUp("a")
}

// Without TLS on any server: newer ones insist on it for their channels unless told otherwise,
// and caching_sha2_password needs the source's public key.
func TestWithoutTLS(t *testing.T) {
	t.Parallel()
	k := &kernel{cluster: newCluster(t, 2, mysqld.Options{Args: []string{"--tls-version="}}), labels: map[string]string{}}
	k.as(mysqld.LeastUser, mysqld.LeastPassword)
	k.settle("the set is set up")
	if b := k.server("b"); b.Channel.TLS.On || !k.server("a").Plain {
		t.Errorf("channel %+v", b.Channel)
	}
	mustWrite(t, k.servers["a"])
	k.caughtUp("a")

	// The server remembers who has sent the password once; after that it needs no key.
	k.servers["a"].SQL("FLUSH PRIVILEGES")
	k.servers["b"].SQL("STOP REPLICA IO_THREAD", "CHANGE REPLICATION SOURCE TO GET_SOURCE_PUBLIC_KEY=0", "START REPLICA IO_THREAD")
	k.servers["b"].Eventually("a channel that somebody made without the key is refused", func() bool {
		return k.server("b").Channel.IOErrno == receiverNeedsTLS
	})
	k.settle("it is given the key")
	k.exchange("b")
	k.settle("switched over")

	k.secure(v1alpha1.DatabaseTLS{Mode: v1alpha1.TLSRequired}, nil)
	state, plan := k.look()
	for name, s := range state.Nodes {
		if s.Reach != ReachError || !strings.Contains(s.Problem, "offers no TLS") {
			t.Errorf("%s: %s %s", name, s.Reach, s.Problem)
		}
	}
	if plan.Conditions[0].Reason != "SourceAnswersWithError" {
		t.Errorf("%+v", plan.Conditions[0])
	}
}

// A CA file that is not there costs one replica, not all; and is named.
func TestChannelTLSMistake(t *testing.T) {
	t.Parallel()
	ca := mysqld.NewCA(t, "the set's")
	k := &kernel{cluster: newCluster(t, 3, mysqld.Options{CA: ca}), labels: map[string]string{}}
	k.settle("the set is set up")
	k.secure(v1alpha1.DatabaseTLS{Mode: v1alpha1.TLSVerifyFull, ServerFiles: &v1alpha1.DatabaseTLSFiles{CA: "/nowhere/ca.pem"}}, mysqld.Trusting(ca))
	lost := ""
	k.servers["a"].Eventually("a replica cannot connect", func() bool {
		state, plan := k.look()
		k.carryOut(plan)
		for _, name := range []string{"b", "c"} {
			if state.Nodes[name].Channel.IOErrno == receiverTLS {
				lost = name
			}
		}
		return lost != ""
	})
	for range 3 {
		_, plan := k.look()
		k.carryOut(plan)
		if !strings.Contains(plan.Conditions[0].Message, "/nowhere/ca.pem") {
			t.Errorf("%+v", plan.Conditions[0])
		}
	}
	for _, name := range []string{"b", "c"} {
		if s := k.server(name); s.Channel.Streams() != (name != lost) {
			t.Errorf("%s was tried first; channel of %s: %+v", lost, name, s.Channel)
		}
	}
	k.secure(v1alpha1.DatabaseTLS{Mode: v1alpha1.TLSVerifyFull}, mysqld.Trusting(ca))
	k.settle("mended")
	k.channels(v1alpha1.TLSVerifyFull, "a")
}

// The source asks its replicas for a certificate.
func TestChannelClientCertificate(t *testing.T) {
	t.Parallel()
	ca := mysqld.NewCA(t, "the set's")
	k := &kernel{cluster: newCluster(t, 2, mysqld.Options{CA: ca}), labels: map[string]string{}}
	for _, s := range k.servers {
		c := s.Session(mysqld.User, mysqld.Password)
		run(t, c, "SET sql_log_bin=0", "ALTER USER replication REQUIRE X509", "ALTER USER mysql REQUIRE X509")
	}
	cert, key := ca.Files(t.TempDir(), "replicas")
	k.secure(v1alpha1.DatabaseTLS{Mode: v1alpha1.TLSVerifyCA}, mysqld.Trusting(ca).With(ca))
	k.servers["a"].Eventually("a channel without one is refused", func() bool {
		_, plan := k.look()
		k.carryOut(plan)
		return strings.Contains(plan.Conditions[0].Message, "needs spec.tls.serverFiles")
	})
	k.secure(v1alpha1.DatabaseTLS{Mode: v1alpha1.TLSVerifyCA, ServerFiles: &v1alpha1.DatabaseTLSFiles{Cert: cert, Key: key}}, mysqld.Trusting(ca).With(ca))
	state := k.observe()
	if c := state.Nodes["b"].Channel; c == nil {
		t.Fatalf("%+v", state.Nodes["b"])
	}
	k.servers["a"].Eventually("with it the replica follows", func() bool {
		state, plan := k.look()
		k.carryOut(plan)
		return state.Nodes["b"].Channel.Streams() && plan.Conditions[0].Status == "True"
	})
}

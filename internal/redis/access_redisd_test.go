// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build redisd

package redis

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/test/mysqld"
	"github.com/upmio/compose-operator/test/redisd"
)

// permissions of an ACL user, as the manual has them.
func permissions(t *testing.T) []any {
	t.Helper()
	manual, err := os.ReadFile("../../docs/redisreplication.md")
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile("An ACL user needs `([^`]*)`").FindSubmatch(manual)
	if match == nil {
		t.Fatal("the manual does not say what an ACL user needs")
	}
	var words []any
	for _, word := range strings.Fields(string(match[1])) {
		words = append(words, word)
	}
	return words
}

// TestACLUser: what the manual says is enough for set-up, switchover and failover.
func TestACLUser(t *testing.T) {
	t.Parallel()
	const user, password = "looker-after", "only for this one"
	// FAILOVER is for candidates with an append-only file.
	c := newCluster(t, 3, redisd.Options{AOF: true})
	for _, s := range c.servers {
		s.Do(append([]any{"ACL", "SETUSER", user, "on", ">" + password}, permissions(t)...)...)
	}
	c.object.Spec.Secret.User = user
	c.as(password)
	c.settle("the set is set up")
	c.servers["a"].Do("SET", "k", "v")
	c.servers["a"].Replicated(2)
	if got := c.servers["b"].Do("CONFIG", "GET", "masteruser").([]any)[1]; got != user {
		t.Errorf("masteruser is %v", got)
	}
	c.edit("b")
	c.converge("b is the source", "b")
	if c.told("SwitchoverUndone") || c.told("SwitchoverRefused") {
		t.Errorf("events are %v", c.events)
	}
	c.servers["b"].Do("SET", "more", "v")
	c.servers["b"].Replicated(2)
	c.servers["b"].Kill9()
	c.gone["b"] = true
	delete(c.labels, "b")
	c.edit("c")
	c.until("c is the source", func() bool { return c.source() == "c" && c.object.Status.Switchover == nil })
	if c.servers["c"].Keys() != 2 {
		t.Error("data is lost")
	}
}

// TestTLS: the operator's connections and those of the replicas, on servers that speak nothing else.
func TestTLS(t *testing.T) {
	t.Parallel()
	ca := mysqld.NewCA(t, "ca")
	c := newCluster(t, 3, redisd.Options{CA: ca.File, Certificate: ca.Files})
	c.object.Spec.TLS = &v1alpha1.DatabaseTLS{Mode: v1alpha1.TLSRequired}
	c.creds.TLS = credential.TLS{Mode: v1alpha1.TLSRequired}
	c.settle("the set is set up")
	c.servers["a"].Do("SET", "k", "v")
	c.servers["b"].Eventually("b has what a has", func() bool { return c.servers["b"].Keys() == 1 })
	if got := c.servers["b"].Do("CONFIG", "GET", "tls-replication").([]any)[1]; got != "yes" {
		t.Errorf("tls-replication is %v", got)
	}
	c.edit("b")
	c.converge("b is the source", "b")
	c.servers["b"].Do("SET", "more", "v")
	// The connections to the old source were ended, the test's own among them. Over TLS the
	// library finds that out only when it asks.
	fresh := c.servers["a"].Connect(redisd.Password)
	c.servers["a"].Eventually("a has what b has", func() bool {
		n, err := fresh.DBSize(t.Context()).Result()
		return err == nil && n == 2
	})
}

// TestRotationOnTheServersFirst: the servers have the new password before the Secret has.
func TestRotationOnTheServersFirst(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, redisd.Options{})
	c.settle("the set is set up")
	const fresh = "battery staple"
	for _, s := range c.servers {
		s.Do("ACL", "SETUSER", "default", ">"+fresh, "<"+redisd.Password)
	}
	// Whoever is logged in stays so; who comes anew does not get in.
	c.engine.Forget(c.scene().Key)
	c.reports("SourceAnswersWithError")
	if c.source() != "a" {
		t.Errorf("routed is %q", c.source())
	}
	c.as(fresh)
	c.settle("the new password is in use")
	for name, s := range c.servers {
		if got, err := s.Connect(fresh).ConfigGet(t.Context(), "masterauth").Result(); err != nil || got["masterauth"] != fresh {
			t.Errorf("masterauth of %s does not follow the Secret: %v", name, err)
		}
	}
}

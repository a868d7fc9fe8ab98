// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build redisd

package redis

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/test/redisd"
)

// changing are the permissions that nobody needs who only looks.
var changing = []any{"-config|set", "-config|rewrite", "-replicaof", "-slaveof", "-failover", "-client|kill"}

// TestSentinelFailsOver: three Sentinels make another node the source when the source is dead,
// and take it back as a replica. Labels and status follow; the operator, whose user may not
// change anything and whose attempts the servers would note, does not even try.
func TestSentinelFailsOver(t *testing.T) {
	t.Parallel()
	const user, password = "looker-after", "only for this one"
	c := newCluster(t, 3, redisd.Options{AOF: true, ConfigFile: true})
	for _, s := range c.servers {
		s.Do(append([]any{"ACL", "SETUSER", user, "on", ">" + password}, permissions(t)...)...)
	}
	c.object.Spec.Secret.User = user
	c.as(password)
	c.settle("the set is set up")
	for _, s := range c.servers {
		s.Do(append([]any{"ACL", "SETUSER", user}, changing...)...)
		// The source that comes back is to know the user, too.
		s.Do("CONFIG", "REWRITE")
	}
	sentinels := redisd.NewSentinels(t, 3, c.servers["a"], 2)
	c.object.Spec.Sentinel = []string{"s-0", "s-1", "s-2"}
	c.patience = 2 * time.Minute
	c.refuses = func(a reconcile.Action) error {
		t.Errorf("the operator fights Sentinel: %s on %s", a.About(), a.Node())
		return nil
	}
	followed := follow(c)
	c.follows("a is the source", "a", metav1.ConditionTrue, metav1.ConditionTrue)

	c.servers["a"].Do("SET", "k", "v")
	c.servers["a"].Replicated(2)
	noAttempts(t, user, c.servers["a"])
	c.servers["a"].Kill9()
	c.until("another node is the source", func() bool { return c.source() != "a" && c.source() != "" && c.object.Status.Source == c.source() })
	elected := c.source()
	for _, s := range sentinels {
		s.Eventually("Sentinel says so, too", func() bool { return s.Elected() == c.servers[elected].Address() })
	}
	if c.servers[elected].Keys() != 1 {
		t.Errorf("%s lacks what was replicated", elected)
	}
	// The topology is not healthy while a is dead, and that is another matter than whom the spec names.
	c.follows("a is missing", elected, metav1.ConditionFalse, metav1.ConditionFalse)

	// It comes back as a source, until Sentinel has seen it.
	c.servers["a"].Start()
	c.follows("a is a replica", elected, metav1.ConditionTrue, metav1.ConditionFalse)
	if got := c.servers["a"].Do("INFO", "replication").(string); !strings.Contains(got, "role:slave") {
		t.Errorf("a is no replica: %s", got)
	}
	if c.labels["a"] != "true" {
		t.Errorf("labels are %v", c.labels)
	}
	if !c.told("SentinelFailover") {
		t.Errorf("events are %v", c.events)
	}
	// The spec says what is, and then something else: nobody but Sentinel moves the source.
	c.edit(elected)
	c.follows("the spec says what is", elected, metav1.ConditionTrue, metav1.ConditionTrue)
	c.edit("a")
	c.follows("the spec wants a again", elected, metav1.ConditionTrue, metav1.ConditionFalse)

	if want := []string{elected}; !slices.Equal(*followed, want) {
		t.Errorf("-readwrite was led to %v and not to %v", *followed, want)
	}
	for _, s := range c.servers {
		noAttempts(t, user, s)
	}
}

// follow notes whom -readwrite is led to from now on, and that it takes writes then.
func follow(c *cluster) *[]string {
	list := &[]string{}
	c.routed = func(node string) {
		*list = append(*list, node)
		if got := c.servers[node].Do("INFO", "replication").(string); !strings.Contains(got, "role:master") {
			c.t.Errorf("-readwrite is led to %s, which is no source: %s", node, got)
		}
	}
	return list
}

// follows makes passes until a node is the source, in the labels of Sentinel pods as well, the
// topology is healthy or not, and it is as specified or not.
func (c *cluster) follows(what, source string, healthy, specified metav1.ConditionStatus) {
	c.t.Helper()
	c.until(what, func() bool {
		for _, pod := range c.object.Spec.Sentinel {
			if c.plan.Labels[pod][v1alpha1.LabelSentinelSource] != source {
				return false
			}
		}
		topology, as := c.plan.Conditions[0], c.plan.Conditions[1]
		return c.source() == source && topology.Status == healthy && as.Type == v1alpha1.ConditionAsSpecified && as.Status == specified
	})
}

// noAttempts checks that a server has refused a user nothing.
func noAttempts(t *testing.T, user string, s *redisd.Server) {
	t.Helper()
	for _, entry := range s.Do("ACL", "LOG").([]any) {
		if text := fmt.Sprint(entry); strings.Contains(text, user) {
			t.Errorf("%s tried what it may not: %s", user, text)
		}
	}
}

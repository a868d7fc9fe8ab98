// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build postgresd

package postgres

import (
	"strings"
	"testing"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/postgresd"
)

// Connections are encrypted where the mode demands it, and servers that do not offer that are refused.
func TestTLS(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, postgresd.Options{})
	c.settle("the set is adopted, without TLS")
	c.object.Spec.TLS = &v1alpha1.DatabaseTLS{Mode: v1alpha1.TLSRequired}
	c.creds.TLS.Mode, c.creds.Version = v1alpha1.TLSRequired, "required"
	c.until("it is refused", func() bool { return c.plan.Conditions[0].Reason == "PrimaryUnreachable" })
	if !strings.Contains(c.plan.Conditions[0].Message, "TLS") {
		t.Errorf("it says %s", c.plan.Conditions[0].Message)
	}
	for _, s := range c.servers {
		s.Secure()
	}
	c.settle("the set is secured")
	b := c.servers["b"]
	if !strings.Contains(b.Value("SELECT setting FROM pg_settings WHERE name = 'primary_conninfo'"), "sslmode=require") {
		t.Error("the standby does not ask for TLS")
	}
	c.servers["a"].Streams(b)
	c.servers["a"].Eventually("the stream is encrypted", func() bool {
		return c.servers["a"].Value("SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_replication USING (pid)") == "true"
	})
	if got := b.Value("SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'compose-operator'"); got != "true" {
		t.Errorf("the operator's connections are encrypted: %q", got)
	}
}

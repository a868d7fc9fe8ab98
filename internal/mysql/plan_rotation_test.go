// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"testing"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// A running channel is given a new password; one at a time, and not beside other changes.
func TestPlanRotation(t *testing.T) {
	runRows(t, []row{
		{
			name:  "one at a time",
			scene: steadySet().seeing(replica("b", "a").outdated(), replica("c", "a").outdated()),
			steps: []string{
				"renew-password: attach b to a renew (optional)",
				"route: {a=rw b=ro c=ro}",
			},
			reason: "TopologyAsWanted",
		},
		{
			name:  "its TLS is another matter",
			scene: steadySet().tls(v1alpha1.TLSRequired, nil).seeing(replica("b", "a").channelTLS(insisting), replica("c", "a").outdated()),
			steps: []string{
				"renew-password: attach c to a renew (optional)",
				"secure-channels: attach c to a tls required (optional)",
				"route: {a=rw b=ro c=ro}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "a stopped one is started first",
			scene: steadySet().seeing(replica("b", "a").stopped().outdated()),
			steps: []string{
				"restart-replication: start b (optional)",
				"route: {a=rw b=- c=ro}",
			},
			reason: "ReplicaNotReady",
		},
		{
			name:  "one that holds what the source lacks is left as it is",
			scene: steadySet().seeing(replica("b", "a").has("a:1-100 b:1").outdated()),
			steps: []string{
				"route: {a=rw b=- c=ro}",
			},
			reason: "ReplicaDiverged",
		},
		{
			name:  "not in a switchover",
			scene: switching(v1alpha1.SwitchoverSwitching).seeing(replica("b", "a").unseen(), replica("c", "a").outdated()),
			steps: []string{
				"route: {a=rw c=ro}",
			},
			reason: "SwitchoverInProgress", record: "a>b Switching", source: "a",
		},
	})
}

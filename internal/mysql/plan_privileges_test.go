// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"slices"
	"strings"
	"testing"

	"github.com/upmio/compose-operator/internal/mysql/grants"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// Nothing is begun that a privilege is missing for; what is in place stays.
func TestPlanWithoutPrivileges(t *testing.T) {
	runRows(t, []row{
		{
			name:   "set-up: nothing is touched",
			scene:  given("a", "b", "c").seeing(fresh("a"), fresh("b").lacks(grants.Reload), fresh("c")),
			reason: "PrivilegeMissing", source: "none", message: "b: the operator's user 'mysql'@'%' lacks RELOAD. Run on b: GRANT RELOAD ON *.* TO 'mysql'@'%'",
		},
		{
			name:   "set-up: the look itself fails for it",
			scene:  given("a", "b").seeing(fresh("a"), fresh("b").failing().lacks(grants.ReplicationClient)),
			reason: "PrivilegeMissing", source: "none", message: "GRANT REPLICATION CLIENT ON *.* TO 'mysql'@'%'",
		},
		{
			name:  "steady: the routes stay",
			scene: steadySet().seeing(replica("b", "a").lacks(grants.SystemVariablesAdmin, grants.PerformanceSchema)),
			steps: []string{
				"route: {a=rw b=ro c=ro}",
			},
			reason: "PrivilegeMissing", message: "b: the operator's user 'mysql'@'%' lacks SYSTEM_VARIABLES_ADMIN, SELECT ON performance_schema.*. Run on the source a, from where it replicates, or on b with sql_log_bin=0: GRANT SYSTEM_VARIABLES_ADMIN ON *.* TO 'mysql'@'%'; GRANT SELECT ON performance_schema.* TO 'mysql'@'%'",
		},
		{
			name:  "steady: of a replica that cannot be looked at",
			scene: steadySet().seeing(replica("b", "a").failing().lacks(grants.ReplicationClient)),
			steps: []string{
				"route: {a=rw c=ro}",
			},
			reason: "PrivilegeMissing",
		},
		{
			name:  "no attachment, the others are looked after",
			scene: steadySet().seeing(fresh("b").lacks(grants.ReplicationSlaveAdmin), replica("c", "a").stopped()),
			steps: []string{
				"fence-extra: fence b kill persist release",
				"restart-replication: start c (optional)",
				"route: {a=rw b=- c=-}",
			},
			reason: "PrivilegeMissing",
		},
		{
			name:  "no fence of another writable node, and the source is not let loose beside it",
			scene: steadySet().seeing(source("a").fenced().labelled(""), replica("b", "a").writable().lacks(grants.SystemVariablesAdmin)),
			steps: []string{
				"route: {b=- c=ro}",
			},
			reason: "PrivilegeMissing",
		},
		{
			name:  "a source keeps the channel that may not be removed",
			scene: steadySet().seeing(source("a").armed().follows("b").stopped().lacks(grants.Reload)),
			steps: []string{
				"source-settings: settle a keep",
				"route: {a=rw b=ro c=ro}",
			},
			reason: "PrivilegeMissing",
		},
		{
			name:  "and that alone is no reason to settle it",
			scene: steadySet().seeing(source("a").follows("b").stopped().lacks(grants.Reload)),
			steps: []string{
				"route: {a=rw b=ro c=ro}",
			},
			reason: "PrivilegeMissing",
		},
		{
			name: "a source that restarted before it was settled, and whose replication may not be ended: not made writable in vain",
			scene: given("b", "a", "c").knowing("a", "a", "b", "c").seeing(
				source("a").follows("b").lacks(grants.ReplicationSlaveAdmin), server("b").unseen(), replica("c", "a")),
			steps: []string{
				"route: {a=rw c=ro}",
			},
			reason: "SwitchoverRefused", source: "a",
		},
		{
			name:  "isolation waits",
			scene: given("a", "b!", "c").knowing("a", "a", "b", "c").seeing(source("a"), replica("b", "a").lacks(grants.Reload), replica("c", "a")),
			steps: []string{
				"route: {a=rw b=- c=ro}",
			},
			reason: "PrivilegeMissing",
		},
		{
			name:  "switchover: the source could not be fenced",
			scene: wanting().seeing(source("a").lacks(grants.ConnectionAdmin)),
			steps: []string{
				"route: {a=rw b=ro c=ro}",
			},
			reason: "SwitchoverRefused", source: "a", message: "(LacksPrivilege): a: the operator's user 'mysql'@'%' lacks CONNECTION_ADMIN",
		},
		{
			name:  "switchover: the candidate could not be promoted",
			scene: wanting().seeing(replica("b", "a").lacks(grants.Reload)),
			steps: []string{
				"route: {a=rw b=ro c=ro}",
			},
			reason: "SwitchoverRefused", source: "a", message: "(LacksPrivilege): b:",
		},
		{
			name:  "switchover: another could not follow",
			scene: wanting().seeing(replica("c", "a").lacks(grants.ReplicationSlaveAdmin)),
			steps: []string{
				"route: {a=rw b=ro c=ro}",
			},
			reason: "SwitchoverRefused", source: "a", message: "(LacksPrivilege): c:",
		},
		{
			name:  "switchover: what nobody needs for it does not refuse it",
			scene: wanting().seeing(replica("b", "a").lacks(grants.ConnectionAdmin), replica("c", "a").lacks(grants.Reload)),
			steps: []string{
				"persist",
				"arm: arm a (optional)",
				"drain: {a=rw b=- c=ro}",
			},
			reason: "SwitchoverInProgress", record: "a>b Preparing", source: "a",
		},
		{
			name:  "failover: the candidate could not be promoted, whatever is forced",
			scene: losing().forcing("b").seeing(replica("b", "a").lacks(grants.ReplicationSlaveAdmin)),
			steps: []string{
				"route: {b=ro c=ro}",
			},
			reason: "FailoverRefused", source: "a", message: "(LacksPrivilege): b:",
		},
		{
			name: "failover: another would go on receiving by way of one that is not seen",
			scene: given("b", "a", "c", "d").knowing("a", "a", "b", "c", "d").
				seeing(source("a").unseen(), replica("b", "a"), replica("c", "a").unseen(), replica("d", "c").lacks(grants.ReplicationSlaveAdmin)),
			steps: []string{
				"route: {b=ro d=-}",
			},
			reason: "FailoverRefused", source: "a", message: "(LacksPrivilege): d:",
		},
		{
			name: "failover: the receiver of an isolated one leads to one that is not seen, and is stopped already",
			scene: given("b", "a", "c", "d!").knowing("a", "a", "b", "c", "d").
				seeing(source("a").podGone(), replica("b", "a"), replica("c", "a").unseen(), replica("d", "c").stopped().lacks(grants.ReplicationSlaveAdmin)),
			steps: []string{
				"persist",
				"stop-receivers: stop receiver b",
			},
			reason: "FailoverInProgress", record: "failover a>b Switching", source: "a",
		},
		{
			name: "failover from a source that is seen and has lost data: the receiver of an isolated one could not be stopped",
			scene: given("b", "a", "c!").knowing("a", "a", "b", "c").
				seeing(source("a").uuid("e").has(""), replica("b", "a"), replica("c", "a").lacks(grants.ReplicationSlaveAdmin)),
			steps: []string{
				"route: {a=-}",
				"fence-extra: fence a kill persist release (optional)",
			},
			reason: "FailoverRefused", source: "a", message: "(LacksPrivilege): c:",
		},
		{
			name: "the same of one that leaves",
			scene: given("b", "a").knowing("a", "a", "b", "c").
				seeing(source("a").uuid("e").has(""), replica("b", "a"), replica("c", "a").lacks(grants.ReplicationSlaveAdmin)),
			steps: []string{
				"route: {a=-}",
				"fence-extra: fence a kill persist release (optional)",
			},
			reason: "FailoverRefused", source: "a", message: "(LacksPrivilege): c:",
		},
		{
			name:  "failover: the candidate's channel could not be removed",
			scene: losing().seeing(replica("b", "a").lacks(grants.Reload)),
			steps: []string{
				"route: {b=ro c=ro}",
			},
			reason: "FailoverRefused", source: "a", message: "(LacksPrivilege): b:",
		},
		{
			name:  "forced, it is promoted with its channel stopped",
			scene: losing().forcing("b").seeing(replica("b", "a").lacks(grants.Reload)),
			steps: []string{
				"persist", "drain: {b=-}",
			},
			reason: "FailoverInProgress", record: "failover a>b Preparing", source: "a",
		},
		{
			name: "and its replication is stopped again when it has restarted",
			scene: given("b", "a", "c").knowing("b", "a", "b", "c").failedOver("a", "b").seeing(
				source("a").unseen().labelled(""), server("b").has("a:1-100 b:1-3").fenced().follows("a").lacks(grants.Reload).labelled("false"), replica("c", "b").has("a:1-100 b:1-3")),
			steps: []string{
				"detach-source: detach b keep",
				"source-settings: writable b",
				"route: {c=ro}",
			},
			reason: "PrivilegeMissing", source: "b",
		},
		{
			name:  "failover: another would go on acknowledging",
			scene: losing().seeing(replica("c", "a").lacks(grants.ReplicationSlaveAdmin)),
			steps: []string{
				"route: {b=ro c=ro}",
			},
			reason: "FailoverRefused", source: "a", message: "(LacksPrivilege): c:",
		},
	})
}

func TestPrivilegeEvent(t *testing.T) {
	p := Plan(steadySet().seeing(replica("b", "a").lacks(grants.Reload)).Input)
	at := slices.IndexFunc(p.Events, func(e reconcile.Event) bool { return e.Reason == "PrivilegeMissing" })
	if at < 0 || !p.Events[at].Warning || p.Events[at].Once == "" {
		t.Errorf("events: %+v", p.Events)
	}
}

// The receiver's own error tells what its user may not do.
func TestReceiverTrouble(t *testing.T) {
	for name, test := range map[string]struct {
		errno int
		text  string
		want  string
	}{
		"no REPLICATION SLAVE, 9.7": {13120, "Source command COM_REGISTER_REPLICA failed: Access denied for user 'replication'@'%' (using password: YES) (Errno: 1045)", "GRANT REPLICATION SLAVE ON *.* TO 'replication'@'%'"},
		"no REPLICATION SLAVE, 8.0": {1597, "Master command COM_REGISTER_SLAVE failed: Access denied for user 'replication'@'%' (using password: YES) (Errno: 1045)", "GRANT REPLICATION SLAVE ON *.* TO 'replication'@'%'"},
		"named by the source":       {1227, "Access denied; you need (at least one of) the REPLICATION SLAVE privilege(s) for this operation", "GRANT REPLICATION SLAVE"},
		"wrong password":            {1045, "Error connecting to source 'replication@a:3306'. This was attempt 1/0, with a delay of 1 seconds between attempts. Message: Access denied for user 'replication'@'10.0.0.1' (using password: YES)", `under the key "replication" of the Secret`},
		"another address":           {1130, "Host '10.0.0.1' is not allowed to connect to this MySQL server", "must be 'replication'@'%'"},
		"expired":                   {1862, "Your password has expired", "renew its password"},
		"too many logins":           {3955, "Account is blocked for 1 day(s)", "unlock it"},
		"something else":            {2003, "Can't connect", "the receiver reports error 2003: Can't connect"},
	} {
		c := Channel{User: "replication", IOErrno: test.errno, IOError: test.text}
		if got := c.receiverTrouble(); !strings.Contains(got, test.want) {
			t.Errorf("%s: %s", name, got)
		}
	}
	p := Plan(steadySet().seeing(replica("b", "a").ioError(1227)).Input)
	if c := p.Conditions[0]; c.Reason != "ReplicaNotReady" || !strings.Contains(c.Message, "GRANT REPLICATION SLAVE") {
		t.Errorf("%+v", c)
	}
}

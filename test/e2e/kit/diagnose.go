// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// Diagnose returns everything that explains a failure of the set: the resource,
// events, pods, replication as each server sees it, and the operator's log.
func (s *Set) Diagnose(ctx context.Context, operator *Operator) string {
	return s.diagnose(ctx, operator, &v1alpha1.MysqlReplication{}, s.describeServer)
}

// diagnose pods whose resource is of the kind of an empty one; describe asks a server.
func (p *Pods) diagnose(ctx context.Context, operator *Operator, resource client.Object, describe func(context.Context, corev1.Pod) string) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	var b strings.Builder
	section := func(title, text string) { fmt.Fprintf(&b, "\n=== %s\n%s\n", title, text) }

	kind := fmt.Sprintf("%T", resource)
	if err := p.get(ctx, kind, resource); err != nil {
		section(kind, err.Error())
	} else {
		resource.SetManagedFields(nil)
		text, err := yaml.Marshal(resource)
		if err != nil {
			text = []byte(err.Error())
		}
		section(kind, string(text))
	}
	section("events", p.events(ctx))
	var pods corev1.PodList
	if err := p.Cluster.Client.List(ctx, &pods, client.InNamespace(p.Namespace)); err != nil {
		section("pods", err.Error())
	}
	for _, pod := range pods.Items {
		section("pod "+pod.Name, describe(ctx, pod))
	}
	for _, service := range []string{p.ReadWriteService(), p.ReadOnlyService()} {
		names, err := p.Routed(ctx, service)
		section("pods behind "+service, fmt.Sprint(names, " ", errorText(err)))
	}
	if operator != nil {
		section("operator", operator.Log(ctx, 200))
	}
	return b.String()
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func (p *Pods) events(ctx context.Context) string {
	var list corev1.EventList
	if err := p.Cluster.Client.List(ctx, &list, client.InNamespace(p.Namespace)); err != nil {
		return err.Error()
	}
	at := func(e corev1.Event) time.Time {
		if !e.EventTime.IsZero() {
			return e.EventTime.Time
		}
		return e.LastTimestamp.Time
	}
	sort.Slice(list.Items, func(a, b int) bool { return at(list.Items[a]).Before(at(list.Items[b])) })
	lines := make([]string, 0, len(list.Items))
	for _, e := range list.Items {
		lines = append(lines, fmt.Sprintf("%s %s %s %s/%s: %s", at(e).Format("15:04:05.000"), e.Type, e.Reason, e.InvolvedObject.Kind, e.InvolvedObject.Name, e.Message))
	}
	const most = 60
	if len(lines) > most {
		lines = lines[len(lines)-most:]
	}
	return strings.Join(lines, "\n")
}

// interesting columns of SHOW REPLICA STATUS.
var interesting = []string{
	"Source_Host", "Source_Port", "Replica_IO_Running", "Replica_SQL_Running", "Last_IO_Errno", "Last_IO_Error",
	"Last_SQL_Errno", "Last_SQL_Error", "Seconds_Behind_Source", "SQL_Delay", "Retrieved_Gtid_Set", "Executed_Gtid_Set", "Auto_Position",
}

func (s *Set) describeServer(ctx context.Context, p corev1.Pod) string {
	var b strings.Builder
	fmt.Fprintf(&b, "IP %s, ready %t, labels %v\n", p.Status.PodIP, podReady(&p), p.Labels)
	if p.Labels["app"] != s.app || p.Status.PodIP == "" {
		return b.String()
	}
	for _, query := range []string{
		"SELECT CONCAT('read_only=', @@read_only, ' super_read_only=', @@super_read_only, ' server_uuid=', @@server_uuid)",
		"SELECT @@gtid_executed",
		"SELECT GROUP_CONCAT(CONCAT(VARIABLE_NAME, '=', VARIABLE_VALUE) ORDER BY VARIABLE_NAME SEPARATOR ', ') FROM performance_schema.global_status WHERE VARIABLE_NAME LIKE 'Rpl_semi_sync%status' OR VARIABLE_NAME LIKE 'Rpl_semi_sync%clients' OR VARIABLE_NAME LIKE 'Rpl_semi_sync%sessions'",
		"SELECT GROUP_CONCAT(CONCAT(MEMBER_HOST, ' ', MEMBER_STATE, ' ', MEMBER_ROLE) ORDER BY MEMBER_HOST SEPARATOR ', ') FROM performance_schema.replication_group_members",
		"SELECT GROUP_CONCAT(CONCAT(ID, ' ', USER, ' ', COMMAND, ' ', TIME, 's ', IFNULL(STATE, ''), ' ', IFNULL(LEFT(INFO, 60), '')) SEPARATOR '; ') FROM performance_schema.processlist WHERE USER <> 'event_scheduler'",
	} {
		value, err := s.Query(ctx, p.Name, query)
		if err != nil {
			value = err.Error()
		}
		fmt.Fprintf(&b, "%s\n", value)
	}
	status, err := s.ReplicaStatus(ctx, p.Name)
	if err != nil {
		fmt.Fprintf(&b, "%s\n", err)
	}
	for _, column := range interesting {
		if status[column] != "" {
			fmt.Fprintf(&b, "  %s: %s\n", column, status[column])
		}
	}
	lines := int64(15)
	if text, err := s.Cluster.Typed.CoreV1().Pods(p.Namespace).GetLogs(p.Name, &corev1.PodLogOptions{TailLines: &lines}).DoRaw(ctx); err == nil {
		fmt.Fprintf(&b, "log:\n%s", text)
	}
	return b.String()
}

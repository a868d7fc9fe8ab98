// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/credential/aesctr"
	"github.com/upmio/compose-operator/test/load"
)

// PostgresCredentialSecret holds the encrypted passwords that the operator reads.
const PostgresCredentialSecret = "postgres-credentials"

// PostgresSet is a StatefulSet of PostgreSQL pods in a namespace, and the PostgresReplication
// over them when it was made.
type PostgresSet struct {
	*Pods
	Replicated[*v1alpha1.PostgresReplication]

	passwords map[string]string
	aesKey    []byte
}

// PostgresSet of this name in a namespace, over pods that somebody else makes. It has no passwords.
func (c *Cluster) PostgresSet(namespace, name string) *PostgresSet {
	pods := &Pods{Cluster: c, Namespace: namespace, Name: name, app: postgresName, process: "postgres", port: postgresPort}
	return &PostgresSet{Pods: pods, Replicated: Replicated[*v1alpha1.PostgresReplication]{pods: pods, kind: postgresReplication}}
}

// NewPostgresSet makes the Secrets and so many pods in a namespace and waits until they are
// ready: the first one is a primary, the others are copies of it that follow nobody yet.
func (c *Cluster) NewPostgresSet(ctx context.Context, namespace string, pods int) (*PostgresSet, error) {
	s := c.PostgresSet(namespace, "ledger")
	s.passwords, s.aesKey = map[string]string{}, []byte((rand.Text() + rand.Text())[:aesctr.KeySize])
	for _, user := range []string{postgresName, userReplication, userApplication} {
		s.passwords[user] = rand.Text()
	}
	if err := s.writePasswords(ctx, postgresUsers, PostgresCredentialSecret, s.aesKey, s.passwords, postgresName, userReplication); err != nil {
		return s, err
	}
	pod := PostgresPod(c.Settings.PostgresImage, postgresUsers, postgresConf, s.Host(PostgresPodName(0)))
	for _, obj := range []client.Object{
		s.secret(v1alpha1.DefaultAESSecretName, map[string][]byte{v1alpha1.DefaultAESSecretKey: s.aesKey}),
		postgresConfiguration(namespace), s.headlessService(), s.statefulSet(c.Settings.StorageClass, pods, pod),
	} {
		if err := c.apply(ctx, obj); err != nil {
			return s, err
		}
	}
	return s, s.WaitPods(ctx, pods)
}

// Close has nothing to release.
func (s *PostgresSet) Close() {}

// Resource returns a PostgresReplication with the first pod as the primary.
func (s *PostgresSet) Resource(primary string, standbys ...string) *v1alpha1.PostgresReplication {
	node := s.node(primary)
	r := &v1alpha1.PostgresReplication{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: postgresReplication.name},
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: s.Name},
		Spec: v1alpha1.PostgresReplicationSpec{
			Mode:    v1alpha1.PostgresAsync,
			Secret:  v1alpha1.PostgresReplicationSecret{Name: PostgresCredentialSecret, Postgres: postgresName, Replication: userReplication},
			Primary: &node,
		},
	}
	for _, name := range standbys {
		r.Spec.Standby = append(r.Spec.Standby, v1alpha1.ReplicaNode{Node: s.node(name)})
	}
	return r
}

// ExchangePrimary makes a standby of the spec its primary and the primary a standby.
func ExchangePrimary(to string) func(*v1alpha1.PostgresReplication) {
	return func(r *v1alpha1.PostgresReplication) {
		for i, standby := range r.Spec.Standby {
			if standby.Name == to {
				r.Spec.Standby[i] = v1alpha1.ReplicaNode{Node: *r.Spec.Primary}
				r.Spec.Primary = &standby.Node
				return
			}
		}
	}
}

// DescribePostgres describes a resource's status in a line or a few.
func DescribePostgres(r *v1alpha1.PostgresReplication) string { return viewOfPostgres(r).String() }

var postgresReplication = replicationKind[*v1alpha1.PostgresReplication]{
	name:     "PostgresReplication",
	empty:    func() *v1alpha1.PostgresReplication { return &v1alpha1.PostgresReplication{} },
	list:     func() client.ObjectList { return &v1alpha1.PostgresReplicationList{} },
	view:     viewOfPostgres,
	exchange: ExchangePrimary,
	database: load.Postgres{},

	nameLabel: v1alpha1.LabelPostgresReplicationName, readonlyLabel: v1alpha1.LabelPostgresReplicationReadonly,
}

func viewOfPostgres(r *v1alpha1.PostgresReplication) replicationView {
	v := replicationView{
		generation: r.Generation, observed: r.Status.ObservedGeneration, ready: r.Status.Ready, conditions: r.Status.Conditions,
		source: r.Status.Primary, wanted: r.Spec.Primary.Name, last: r.Status.LastSwitchover,
		summary: fmt.Sprintf("primary %q, standbys %s %s", r.Status.Primary, r.Status.Standbys, r.Status.Synchronous), nodes: map[string]string{},
	}
	for _, standby := range r.Spec.Standby {
		if standby.Isolated {
			v.isolated = append(v.isolated, standby.Name)
			continue
		}
		v.attached = append(v.attached, standby.Name)
	}
	if sw := r.Status.Switchover; sw != nil {
		v.switchover = &sw.SwitchoverStatus
	}
	for name, n := range r.Status.Topology {
		v.nodes[name] = fmt.Sprintf("%s %s ready=%t timeline=%d receiver=%s %s", n.Role, n.Status, n.Ready, n.Timeline, n.WalReceiver, n.Message)
	}
	return v
}

// Application is the login of ordinary clients.
func (s *PostgresSet) Application() load.Login {
	return load.Login{User: userApplication, Password: s.passwords[userApplication]}
}

// StartTraffic makes the table through the -readwrite Service and sets clients to work.
func (s *PostgresSet) StartTraffic(ctx context.Context, options load.Options) (*load.Run, error) {
	address, err := s.ServiceAddress(ctx, s.ReadWriteService())
	if err != nil {
		return nil, err
	}
	// The route may be seconds old.
	err = Wait(ctx, 30*time.Second, func(ctx context.Context) error {
		return load.PreparePostgres(ctx, address, s.admin(), userApplication)
	})
	if err != nil {
		return nil, err
	}
	return s.startTraffic(ctx, options, s.Application())
}

// CheckTraffic checks a stopped run against the primary that the status names and every
// attached standby of the spec. Pods in broken are not judged.
func (s *PostgresSet) CheckTraffic(ctx context.Context, run *load.Run, broken ...string) (load.Verdict, error) {
	return s.checkTraffic(ctx, run, s.admin(), broken...)
}

func (s *PostgresSet) admin() load.Login {
	return load.Login{User: postgresName, Password: s.passwords[postgresName]}
}

// Diagnose returns everything that explains a failure of the set.
func (s *PostgresSet) Diagnose(ctx context.Context, operator *Operator) string {
	return s.diagnose(ctx, operator, &v1alpha1.PostgresReplication{}, s.describeServer)
}

func (s *PostgresSet) describeServer(ctx context.Context, pod corev1.Pod) string {
	text := fmt.Sprintf("IP %s, ready %t, labels %v\n", pod.Status.PodIP, podReady(&pod), pod.Labels)
	if pod.Labels["app"] != s.app || pod.Status.PodIP == "" {
		return text
	}
	for _, query := range []string{
		"SELECT 'in recovery ' || pg_is_in_recovery() || ', timeline ' || (SELECT timeline_id FROM pg_control_checkpoint()) || ', system ' || (SELECT system_identifier FROM pg_control_system())",
		"SELECT 'received ' || coalesce(pg_last_wal_receive_lsn()::text, '-') || ', replayed ' || coalesce(pg_last_wal_replay_lsn()::text, '-')",
		"SELECT 'receiver ' || coalesce((SELECT status || ' from ' || coalesce(sender_host, '-') FROM pg_stat_wal_receiver), '-')",
		"SELECT coalesce(string_agg(name || ' = ' || setting, E'\\n'), '') FROM pg_settings WHERE name IN ('synchronous_standby_names', 'primary_slot_name', 'default_transaction_read_only')",
		"SELECT coalesce(string_agg(application_name || ' ' || state || ' ' || sync_state || ' ' || coalesce(replay_lsn::text, '-'), E'\\n'), '') FROM pg_stat_replication",
		"SELECT coalesce(string_agg(slot_name || ' active ' || active, E'\\n'), '') FROM pg_replication_slots",
	} {
		answer, err := s.Query(ctx, pod.Name, query)
		text += answer + errorText(err) + "\n"
	}
	return text
}

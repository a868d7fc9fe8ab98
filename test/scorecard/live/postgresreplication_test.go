// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package live

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/operator-framework/api/pkg/apis/scorecard/v1alpha3"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/e2e/kit"
)

// operatePostgres as the operator does, with the flaws that the test wants.
func (w *world) operatePostgres(ctx context.Context, c client.WithWatch, r *v1alpha1.PostgresReplication) error {
	if w.absent {
		return nil
	}
	before, primary, n := r.Status.Primary, r.Spec.Primary, len(r.Spec.Standby)
	node := func(of v1alpha1.Node, role v1alpha1.PostgresRole, receiver string) *v1alpha1.PostgresReplicationNode {
		return &v1alpha1.PostgresReplicationNode{
			Host: of.Host, Port: of.Port, Role: role, Status: v1alpha1.NodeHealthy, Ready: true, SystemIdentifier: "system", WalReceiver: receiver,
		}
	}
	r.Status = v1alpha1.PostgresReplicationStatus{
		Ready: true, ObservedGeneration: r.Generation, Primary: primary.Name, SystemIdentifier: "system", Standbys: fmt.Sprintf("%d/%[1]d", n),
		ReadWriteService: r.Name + "-readwrite", ReadOnlyService: r.Name + "-readonly", Conditions: allTrue(r.Generation),
		Topology: map[string]*v1alpha1.PostgresReplicationNode{primary.Name: node(*primary, v1alpha1.PostgresRolePrimary, "")},
	}
	standbys := []string{}
	for _, standby := range r.Spec.Standby {
		standbys = append(standbys, standby.Name)
		r.Status.Topology[standby.Name] = node(standby.Node, v1alpha1.PostgresRoleStandby, "streaming")
	}
	if before != "" {
		r.Status.LastSwitchover = &v1alpha1.LastSwitchover{From: before, To: primary.Name}
	}
	if err := w.lead(ctx, c, r, "PostgresReplication", primary.Name, standbys, v1alpha1.LabelPostgresReplicationName, v1alpha1.LabelPostgresReplicationReadonly); err != nil {
		return err
	}
	if w.postgres != nil {
		w.postgres(r)
	}
	return c.Status().Update(ctx, r)
}

// runPostgres is the test of the kind in this world.
func (w *world) runPostgres() *run {
	node := func(name string) map[string]any {
		return map[string]any{"name": name, "host": name, "port": int64(1)}
	}
	r := &run{
		Options: Options{Namespace: testNamespace, PostgresImage: "postgres:test", Timeout: time.Minute, OperatorTimeout: 300 * time.Millisecond},
		cluster: &kit.Cluster{Client: w.client}, kind: Kinds()[slices.IndexFunc(Kinds(), func(k Kind) bool { return k.Kind == "PostgresReplication" })], name: "scorecard-postgresreplication", plural: "postgresreplications",
		gvk:    schema.GroupVersionKind{Group: "upm.syntropycloud.io", Version: "v1alpha1", Kind: "PostgresReplication"},
		settle: 300 * time.Millisecond,
		example: &unstructured.Unstructured{Object: map[string]any{
			"metadata": map[string]any{"name": "ledger"},
			"spec": map[string]any{
				"mode": "rpl_async", "secret": map[string]any{"name": "elsewhere"}, "primary": node("a"), "standby": []any{node("b"), node("c")},
			},
		}},
	}
	r.table = func(ctx context.Context) (*metav1.Table, error) {
		resource := &v1alpha1.PostgresReplication{}
		if err := w.client.Get(ctx, client.ObjectKey{Namespace: testNamespace, Name: r.name}, resource); err != nil {
			return nil, err
		}
		status := resource.Status
		table := &metav1.Table{Rows: []metav1.TableRow{{Cells: []any{resource.Name, "True", status.Primary, status.Standbys, string(resource.Spec.Mode), "1s"}}}}
		for _, name := range []string{"Name", "Ready", "Primary", "Standbys", "Mode", "Age"} {
			table.ColumnDefinitions = append(table.ColumnDefinitions, metav1.TableColumnDefinition{Name: name})
		}
		return table, nil
	}
	return r
}

func TestAllIsWellWithPostgres(t *testing.T) {
	w := newWorld(t)
	var pods []*corev1.Pod
	w.create = func(o client.Object) error {
		if pod, is := o.(*corev1.Pod); is {
			pods = append(pods, pod)
		}
		return nil
	}
	status := w.runPostgres().all(t.Context())
	var names []string
	for _, result := range status.Results {
		names = append(names, strings.TrimPrefix(result.Name, "postgresreplication-"))
		if result.State != v1alpha3.PassState {
			t.Errorf("%s is %s: %v", result.Name, result.State, result.Errors)
		}
	}
	if !slices.Equal(names, allSteps) {
		t.Errorf("results are %v, want %v", names, allSteps)
	}
	if left := w.left(t); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if len(pods) != 3 || pods[0].Spec.Containers[0].Image != "postgres:test" {
		t.Fatalf("%d pods were made", len(pods))
	}
	for _, variable := range pods[1].Spec.Containers[0].Env {
		if variable.Name == "POSTGRES_CLONE_FROM" && !strings.HasPrefix(variable.Value, pods[0].Name+".") {
			t.Errorf("a standby is filled from %s", variable.Value)
		}
	}
}

// TestFlawsOfPostgres has those that no other kind's test has.
func TestFlawsOfPostgres(t *testing.T) {
	const standby = "scorecard-postgresreplication-1"
	for name, c := range map[string]struct {
		flaw    func(*v1alpha1.PostgresReplication)
		failure string
	}{
		"a standby that does not stream": {
			func(r *v1alpha1.PostgresReplication) { r.Status.Topology[standby].WalReceiver = "down" },
			`status.topology.scorecard-postgresreplication-1.walReceiver is "down", expected "streaming"`,
		},
		"a copy of something else": {
			func(r *v1alpha1.PostgresReplication) { r.Status.Topology[standby].SystemIdentifier = "another" },
			`status.topology.scorecard-postgresreplication-1.systemIdentifier is "another", expected "system"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.postgres = c.flaw
			status := w.runPostgres().all(t.Context())
			failed := status.Results[slices.Index(allSteps, "status")]
			if failed.State != v1alpha3.FailState || !strings.Contains(strings.Join(failed.Errors, "\n"), c.failure) {
				t.Errorf("%s is %s: %q, want %q", failed.Name, failed.State, failed.Errors, c.failure)
			}
		})
	}
}

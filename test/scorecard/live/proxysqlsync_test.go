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

// proxysqlSteps of the test of ProxysqlSync, as their results are named.
var proxysqlSteps = []string{"example", "servers", "set", "ready", "status", "printed", "switchover", "switchover-status", "cleanup"}

// operateProxysql as the operator does, with the flaws that the test wants.
func (w *world) operateProxysql(ctx context.Context, c client.WithWatch, r *v1alpha1.ProxysqlSync) error {
	if w.absent {
		return nil
	}
	set := &v1alpha1.MysqlReplication{}
	if err := c.Get(ctx, client.ObjectKey{Namespace: r.Namespace, Name: r.Spec.MysqlReplication}, set); err != nil {
		return err
	}
	readers := []string{}
	for _, replica := range set.Spec.Replica {
		readers = append(readers, replica.Name)
	}
	r.Status = v1alpha1.ProxysqlSyncStatus{
		Ready: true, ObservedGeneration: r.Generation, Source: set.Status.Source, MysqlVersion: "8.4.6", Users: 1,
		Synced: fmt.Sprintf("%d/%[1]d", len(r.Spec.Proxysql)), Topology: map[string]*v1alpha1.ProxysqlSyncNode{},
	}
	for _, condition := range allTrue(r.Generation) {
		switch condition.Type {
		case "TopologyReady":
			condition.Type = "ServerReady"
		case "ResourceReady":
			condition.Type = "UserReady"
		}
		r.Status.Conditions = append(r.Status.Conditions, condition)
	}
	for _, node := range r.Spec.Proxysql {
		r.Status.Topology[node.Name] = &v1alpha1.ProxysqlSyncNode{
			Host: node.Host, Port: node.Port, Status: v1alpha1.NodeHealthy, Synced: true, Users: []string{"app"}, UserCount: 1, Writer: set.Status.Source, Readers: readers,
		}
	}
	if w.sync != nil {
		w.sync(r)
	}
	return c.Status().Update(ctx, r)
}

// operateProxysqlOf does so for everything that is synced with a set.
func (w *world) operateProxysqlOf(ctx context.Context, c client.WithWatch, set string) error {
	list := &v1alpha1.ProxysqlSyncList{}
	if err := c.List(ctx, list); err != nil {
		return err
	}
	for i := range list.Items {
		if list.Items[i].Spec.MysqlReplication != set {
			continue
		}
		if err := w.operateProxysql(ctx, c, &list.Items[i]); err != nil {
			return err
		}
	}
	return nil
}

// runProxysql is the test of the kind in this world.
func (w *world) runProxysql() *run {
	r := &run{
		Options: Options{Namespace: testNamespace, MySQLImage: "mysql:test", ProxysqlImage: "proxysql:test", Timeout: time.Minute, OperatorTimeout: 300 * time.Millisecond},
		cluster: &kit.Cluster{Client: w.client}, kind: kindNamed("ProxysqlSync"), name: "scorecard-proxysqlsync", plural: "proxysqlsyncs",
		gvk:    schema.GroupVersionKind{Group: "upm.syntropycloud.io", Version: "v1alpha1", Kind: "ProxysqlSync"},
		settle: 300 * time.Millisecond,
		example: &unstructured.Unstructured{Object: map[string]any{
			"metadata": map[string]any{"name": "orders"},
			"spec": map[string]any{
				"secret": map[string]any{"name": "elsewhere"}, "mysqlReplication": "elsewhere",
				"proxysql": []any{map[string]any{"name": "a", "host": "a", "port": int64(6032)}, map[string]any{"name": "b", "host": "b", "port": int64(6032)}},
			},
		}},
	}
	r.table = func(ctx context.Context) (*metav1.Table, error) {
		resource := &v1alpha1.ProxysqlSync{}
		if err := w.client.Get(ctx, client.ObjectKey{Namespace: testNamespace, Name: r.name}, resource); err != nil {
			return nil, err
		}
		table := &metav1.Table{Rows: []metav1.TableRow{{Cells: []any{resource.Name, "True", resource.Status.Synced, resource.Status.Source, resource.Status.Users, "1s"}}}}
		for _, name := range []string{"Name", "Ready", "Synced", "Source", "Users", "Age"} {
			table.ColumnDefinitions = append(table.ColumnDefinitions, metav1.TableColumnDefinition{Name: name})
		}
		return table, nil
	}
	return r
}

// kindNamed is the entry of a kind.
func kindNamed(name string) Kind {
	for _, kind := range Kinds() {
		if kind.Kind == name {
			return kind
		}
	}
	return Kind{}
}

func proxysqlNames(status v1alpha3.TestStatus) []string {
	var names []string
	for _, result := range status.Results {
		names = append(names, strings.TrimPrefix(result.Name, "proxysqlsync-"))
	}
	return names
}

func TestAllIsWellWithProxysql(t *testing.T) {
	w := newWorld(t)
	images, secrets := map[string]int{}, map[string]*corev1.Secret{}
	w.create = func(o client.Object) error {
		switch o := o.(type) {
		case *corev1.Pod:
			images[o.Spec.Containers[0].Image]++
		case *corev1.Secret:
			secrets[o.Name] = o.DeepCopy()
		}
		return nil
	}
	status := w.runProxysql().all(t.Context())
	if got := proxysqlNames(status); !slices.Equal(got, proxysqlSteps) {
		t.Errorf("results are %v, want %v", got, proxysqlSteps)
	}
	for _, result := range status.Results {
		if result.State != v1alpha3.PassState {
			t.Errorf("%s is %s: %v", result.Name, result.State, result.Errors)
		}
	}
	if left := w.left(t); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if images["mysql:test"] != 2 || images["proxysql:test"] != 2 {
		t.Errorf("the pods are %v", images)
	}
	// The pods of ProxySQL have its configuration and nothing else; the operator has both passwords.
	if of := secrets["scorecard-proxysqlsync-users"]; of == nil || len(of.Data) != 1 || len(of.Data[kit.ProxysqlConfigKey]) == 0 {
		t.Errorf("the Secret of the ProxySQL pods has %d entries", len(of.Data))
	}
	if of := secrets["scorecard-proxysqlsync-credentials"]; of == nil || len(of.Data["proxysql"]) == 0 || len(of.Data["mysql"]) == 0 {
		t.Error("the operator does not get both passwords")
	}
}

// Each flaw fails the step that is there for it.
func TestFlawsOfProxysql(t *testing.T) {
	of := func(change func(*v1alpha1.ProxysqlSync, *v1alpha1.ProxysqlSyncNode)) func(*world) {
		return func(w *world) {
			w.sync = func(r *v1alpha1.ProxysqlSync) { change(r, r.Status.Topology["scorecard-proxysqlsync-1"]) }
		}
	}
	for name, c := range map[string]struct {
		flaw func(*world)
		// step that fails, and a part of what it says.
		step, failure string
	}{
		"a node that is not synced": {
			of(func(_ *v1alpha1.ProxysqlSync, n *v1alpha1.ProxysqlSyncNode) { n.Synced = false }),
			"status", "status.topology.scorecard-proxysqlsync-1.synced is false, expected true",
		},
		"a user that is not copied": {
			of(func(_ *v1alpha1.ProxysqlSync, n *v1alpha1.ProxysqlSyncNode) { n.Users = nil }),
			"status", "status.topology.scorecard-proxysqlsync-1.users is [], expected app among them",
		},
		"one that must not be": {
			of(func(_ *v1alpha1.ProxysqlSync, n *v1alpha1.ProxysqlSyncNode) { n.Users = append(n.Users, "replication") }),
			"status", "has replication, which is never copied",
		},
		"a writer that does not follow": {
			of(func(_ *v1alpha1.ProxysqlSync, n *v1alpha1.ProxysqlSyncNode) {
				n.Writer = "scorecard-proxysqlsync-mysql-0"
			}),
			"switchover-status", `status.topology.scorecard-proxysqlsync-1.writer is "scorecard-proxysqlsync-mysql-0", expected "scorecard-proxysqlsync-mysql-1"`,
		},
		"an image that cannot be pulled": {
			func(w *world) {
				w.pod = func(p *corev1.Pod) {
					if p.Spec.Containers[0].Image == "proxysql:test" {
						p.Status = corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Image: "proxysql:test", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff"}}}}}
					}
				}
			},
			"servers", "cannot get its image proxysql:test",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.flaw(w)
			status := w.runProxysql().all(t.Context())
			at := slices.Index(proxysqlSteps, c.step)
			if got, want := proxysqlNames(status), append(slices.Clone(proxysqlSteps[:at+1]), "cleanup"); !slices.Equal(got, want) {
				t.Fatalf("results are %v, want %v", got, want)
			}
			if failed := status.Results[at]; failed.State != v1alpha3.FailState || !strings.Contains(strings.Join(failed.Errors, "\n"), c.failure) {
				t.Errorf("%s is %s: %q, want %q", failed.Name, failed.State, failed.Errors, c.failure)
			}
		})
	}
}

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

// groupSteps of the test of MysqlGroupReplication, as their results are named.
var groupSteps = []string{"example", "servers", "ready", "status", "labels", "services", "printed", "primary", "primary-status", "primary-services", "cleanup"}

// operateGroup as the operator does: the wanted primary is elected, or else the first member.
func (w *world) operateGroup(ctx context.Context, c client.WithWatch, r *v1alpha1.MysqlGroupReplication) error {
	if w.absent {
		return nil
	}
	primary := r.Spec.Primary
	if primary == "" {
		primary = r.Spec.Member[0].Name
	}
	var others []string
	r.Status = v1alpha1.MysqlGroupReplicationStatus{
		Ready: true, ObservedGeneration: r.Generation, Primary: primary, Members: fmt.Sprintf("%d/%[1]d", len(r.Spec.Member)), Bootstrapped: true,
		GroupName: "name", ViewID: "1:3", ReadWriteService: r.Name + "-readwrite", ReadOnlyService: r.Name + "-readonly",
		Topology: map[string]*v1alpha1.MysqlGroupReplicationNode{}, Conditions: allTrue(r.Generation),
	}
	for _, member := range r.Spec.Member {
		node := &v1alpha1.MysqlGroupReplicationNode{
			Host: member.Host, Port: member.Port, Role: v1alpha1.MysqlGroupRolePrimary, Status: v1alpha1.NodeHealthy, Ready: true, MemberState: "ONLINE", ServerUUID: "uuid",
		}
		if member.Name != primary {
			others = append(others, member.Name)
			node.Role, node.Readonly, node.SuperReadonly = v1alpha1.MysqlGroupRoleSecondary, true, true
		}
		r.Status.Topology[member.Name] = node
	}
	err := w.lead(ctx, c, r, "MysqlGroupReplication", primary, others, v1alpha1.LabelMysqlGroupReplicationName, v1alpha1.LabelMysqlGroupReplicationReadonly)
	if err != nil {
		return err
	}
	if w.group != nil {
		w.group(r)
	}
	return c.Status().Update(ctx, r)
}

// runGroup is the test of the kind in this world.
func (w *world) runGroup() *run {
	members := []any{}
	for _, name := range []string{"a", "b", "c"} {
		members = append(members, map[string]any{"name": name, "host": name, "port": int64(3306)})
	}
	r := &run{
		Options: Options{Namespace: testNamespace, MySQLImage: "mysql:test", Timeout: time.Minute, OperatorTimeout: 300 * time.Millisecond},
		cluster: &kit.Cluster{Client: w.client}, kind: Kinds()[1], name: "scorecard-mysqlgroupreplication", plural: "mysqlgroupreplications",
		gvk:    schema.GroupVersionKind{Group: "upm.syntropycloud.io", Version: "v1alpha1", Kind: "MysqlGroupReplication"},
		settle: 300 * time.Millisecond,
		example: &unstructured.Unstructured{Object: map[string]any{
			"metadata": map[string]any{"name": "ring"},
			"spec":     map[string]any{"secret": map[string]any{"name": "elsewhere"}, "member": members, "primary": "b"},
		}},
	}
	r.table = func(ctx context.Context) (*metav1.Table, error) {
		resource := &v1alpha1.MysqlGroupReplication{}
		if err := w.client.Get(ctx, client.ObjectKey{Namespace: testNamespace, Name: r.name}, resource); err != nil {
			return nil, err
		}
		table := &metav1.Table{Rows: []metav1.TableRow{{Cells: []any{resource.Name, "True", resource.Status.Primary, resource.Status.Members, "1s"}}}}
		for _, name := range []string{"Name", "Ready", "Primary", "Members", "Age"} {
			table.ColumnDefinitions = append(table.ColumnDefinitions, metav1.TableColumnDefinition{Name: name})
		}
		return table, nil
	}
	return r
}

func groupNames(status v1alpha3.TestStatus) []string {
	var names []string
	for _, result := range status.Results {
		names = append(names, strings.TrimPrefix(result.Name, "mysqlgroupreplication-"))
	}
	return names
}

func TestAllIsWellWithAGroup(t *testing.T) {
	w := newWorld(t)
	var pods []*corev1.Pod
	w.create = func(o client.Object) error {
		if pod, is := o.(*corev1.Pod); is {
			pods = append(pods, pod)
		}
		return nil
	}
	status := w.runGroup().all(t.Context())
	if got := groupNames(status); !slices.Equal(got, groupSteps) {
		t.Errorf("results are %v, want %v", got, groupSteps)
	}
	for _, result := range status.Results {
		if result.State != v1alpha3.PassState {
			t.Errorf("%s is %s: %v", result.Name, result.State, result.Errors)
		}
	}
	if left := w.left(t); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if len(pods) != 3 {
		t.Fatalf("%d pods were made", len(pods))
	}
	if got, want := pods[1].Spec.Containers[0].Args, []string{"--report-host=$(POD_NAME).scorecard-mysqlgroupreplication-pods.scorecard.svc"}; !slices.Equal(got, want) {
		t.Errorf("the server is started with %v, want %v: the others of its group would not find it", got, want)
	}
}

// Each flaw fails the step that is there for it.
func TestFlawsOfAGroup(t *testing.T) {
	const first, second = "scorecard-mysqlgroupreplication-0", "scorecard-mysqlgroupreplication-1"
	for name, c := range map[string]struct {
		flaw func(*world)
		// step that fails, and a part of what it says.
		step, failure string
	}{
		"no operator": {func(w *world) { w.absent = true }, "ready", "nobody has acted on MysqlGroupReplication scorecard/scorecard-mysqlgroupreplication"},
		"a member that recovers": {
			func(w *world) {
				w.group = func(r *v1alpha1.MysqlGroupReplication) { r.Status.Topology[first].MemberState = "RECOVERING" }
			},
			"status", `status.topology.scorecard-mysqlgroupreplication-0.memberState is "RECOVERING", expected "ONLINE"`,
		},
		"a writable secondary": {
			func(w *world) {
				w.group = func(r *v1alpha1.MysqlGroupReplication) { r.Status.Topology[first].Readonly = false }
			},
			"status", "scorecard-mysqlgroupreplication-0.readonly is false, expected true",
		},
		"a member that is missing": {
			func(w *world) {
				w.group = func(r *v1alpha1.MysqlGroupReplication) { r.Status.Members = "2/3" }
			},
			"status", `status.members is "2/3", expected "3/3"`,
		},
		"a pod without its labels": {
			func(w *world) {
				w.labels = func(pod string, labels map[string]string) {
					if pod == second {
						labels[v1alpha1.LabelMysqlGroupReplicationReadonly] = "true"
					}
				}
			},
			"labels", `pod scorecard-mysqlgroupreplication-1 is "scorecard-mysqlgroupreplication/true", expected "scorecard-mysqlgroupreplication/false"`,
		},
		"a route that does not follow": {
			func(w *world) {
				w.routes = func(routes map[string][]string) {
					routes["scorecard-mysqlgroupreplication-readwrite"] = []string{second}
				}
			},
			"primary-services", "expected [scorecard-mysqlgroupreplication-0]",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.flaw(w)
			status := w.runGroup().all(t.Context())
			at := slices.Index(groupSteps, c.step)
			if got, want := groupNames(status), append(slices.Clone(groupSteps[:at+1]), "cleanup"); !slices.Equal(got, want) {
				t.Fatalf("results are %v, want %v", got, want)
			}
			if failed := status.Results[at]; failed.State != v1alpha3.FailState || !strings.Contains(strings.Join(failed.Errors, "\n"), c.failure) {
				t.Errorf("%s is %s: %q, want %q", failed.Name, failed.State, failed.Errors, c.failure)
			}
			if left := w.left(t); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

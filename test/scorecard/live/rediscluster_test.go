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

// operateCluster as the operator does, with the flaws that the test wants.
func (w *world) operateCluster(ctx context.Context, c client.WithWatch, r *v1alpha1.RedisCluster) error {
	if w.absent {
		return nil
	}
	r.Status = v1alpha1.RedisClusterStatus{
		Ready: true, ObservedGeneration: r.Generation, Conditions: allTrue(r.Generation), NumberOfShard: int32(len(r.Spec.Members)),
		SlotsAssigned: kit.RedisClusterSlots, ClusterJoined: true, ClusterSynced: true, Topology: map[string]*v1alpha1.RedisClusterNode{},
	}
	readonly := map[string]bool{}
	var all []string
	for shard, nodes := range r.Spec.Members {
		for i, node := range nodes {
			n := &v1alpha1.RedisClusterNode{
				Host: node.Host, Port: node.Port, ID: "id-of-" + node.Name, Shard: shard, Status: v1alpha1.NodeHealthy, Ready: true,
				Role: v1alpha1.RedisRoleReplica, MasterRef: "id-of-" + nodes[0].Name, MasterLinkStatus: "up",
			}
			if i == 0 {
				n.Role, n.Slots, n.MasterRef, n.MasterLinkStatus = v1alpha1.RedisRoleSource, []string{"0-1"}, "", ""
			}
			r.Status.Topology[node.Name], readonly[node.Name] = n, i > 0
			all = append(all, node.Name)
		}
	}
	slices.Sort(all)
	r.Status.Nodes = fmt.Sprintf("%d/%[1]d", len(all))
	routes := map[string][]string{r.Name: all, r.Name + v1alpha1.ServiceSuffixHeadless: all}
	if err := w.steer(ctx, c, r, "RedisCluster", routes, readonly, v1alpha1.LabelRedisClusterName, v1alpha1.LabelRedisClusterReadonly); err != nil {
		return err
	}
	if w.cluster != nil {
		w.cluster(r)
	}
	return c.Status().Update(ctx, r)
}

// runCluster is the test of the kind in this world.
func (w *world) runCluster() *run {
	node := func(name string) map[string]any {
		return map[string]any{"name": name, "host": name, "port": int64(1)}
	}
	r := &run{
		Options: Options{Namespace: testNamespace, RedisImage: "redis:test", Timeout: time.Minute, OperatorTimeout: 300 * time.Millisecond},
		cluster: &kit.Cluster{Client: w.client}, kind: Kinds()[3], name: "scorecard-rediscluster", plural: "redisclusters",
		gvk:    schema.GroupVersionKind{Group: "upm.syntropycloud.io", Version: "v1alpha1", Kind: "RedisCluster"},
		settle: 300 * time.Millisecond,
		example: &unstructured.Unstructured{Object: map[string]any{
			"metadata": map[string]any{"name": "cluster"},
			"spec": map[string]any{
				"secret": map[string]any{"name": "elsewhere"}, "service": map[string]any{},
				"members": map[string]any{"x": []any{node("a"), node("b")}, "y": []any{node("c"), node("d")}, "z": []any{node("e")}},
			},
		}},
	}
	r.table = func(ctx context.Context) (*metav1.Table, error) {
		resource := &v1alpha1.RedisCluster{}
		if err := w.client.Get(ctx, client.ObjectKey{Namespace: testNamespace, Name: r.name}, resource); err != nil {
			return nil, err
		}
		table := &metav1.Table{Rows: []metav1.TableRow{{Cells: []any{resource.Name, "True", resource.Status.NumberOfShard, resource.Status.Nodes, "1s"}}}}
		for _, name := range []string{"Name", "Ready", "Shards", "Nodes", "Age"} {
			table.ColumnDefinitions = append(table.ColumnDefinitions, metav1.TableColumnDefinition{Name: name})
		}
		return table, nil
	}
	return r
}

func clusterNames(status v1alpha3.TestStatus) []string {
	var names []string
	for _, result := range status.Results {
		names = append(names, strings.TrimPrefix(result.Name, "rediscluster-"))
	}
	return names
}

func TestAllIsWellWithARedisCluster(t *testing.T) {
	w := newWorld(t)
	var pods []*corev1.Pod
	w.create = func(o client.Object) error {
		if pod, is := o.(*corev1.Pod); is {
			pods = append(pods, pod)
		}
		return nil
	}
	status := w.runCluster().all(t.Context())
	if got := clusterNames(status); !slices.Equal(got, allSteps) {
		t.Errorf("results are %v, want %v", got, allSteps)
	}
	for _, result := range status.Results {
		if result.State != v1alpha3.PassState {
			t.Errorf("%s is %s: %v", result.Name, result.State, result.Errors)
		}
	}
	if left := w.left(t); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	// The operator's Service has the resource's name, and the pods' has another one.
	if len(pods) != 5 || pods[0].Spec.Subdomain != "scorecard-rediscluster-pods" {
		t.Errorf("%d pods were made", len(pods))
	}
}

// Each flaw fails the step that is there for it.
func TestFlawsOfARedisCluster(t *testing.T) {
	const first, second = "scorecard-rediscluster-0", "scorecard-rediscluster-1"
	for name, c := range map[string]struct {
		flaw func(*world)
		// step that fails, and a part of what it says.
		step, failure string
	}{
		"no operator": {func(w *world) { w.absent = true }, "ready", "nobody has acted on RedisCluster scorecard/scorecard-rediscluster"},
		"a replica of another source": {
			func(w *world) {
				w.cluster = func(r *v1alpha1.RedisCluster) { r.Status.Topology[second].MasterRef = "id-of-nobody" }
			},
			"status", `status.topology.scorecard-rediscluster-1.masterRef is "id-of-nobody", expected "id-of-scorecard-rediscluster-0"`,
		},
		"slots that nobody serves": {
			func(w *world) { w.cluster = func(r *v1alpha1.RedisCluster) { r.Status.SlotsAssigned-- } },
			"status", "status.slotsAssigned is 16383, expected 16384",
		},
		"a pod without its labels": {
			func(w *world) {
				w.labels = func(pod string, labels map[string]string) {
					if pod == second {
						delete(labels, v1alpha1.LabelRedisClusterName)
						delete(labels, v1alpha1.LabelRedisClusterReadonly)
					}
				}
			},
			"labels", `pod scorecard-rediscluster-1 is ""`,
		},
		"a node that nobody is led to": {
			func(w *world) {
				w.routes = func(routes map[string][]string) { routes["scorecard-rediscluster-headless"] = []string{first} }
			},
			"services", "behind Service scorecard-rediscluster-headless are the pods [scorecard-rediscluster-0], expected [scorecard-rediscluster-0 scorecard-rediscluster-1",
		},
		"nobody is promoted": {
			func(w *world) {
				w.cluster = func(r *v1alpha1.RedisCluster) {
					if r.Generation > 1 {
						r.Status.Topology[first].Role, r.Status.Topology[second].Role = v1alpha1.RedisRoleSource, v1alpha1.RedisRoleReplica
					}
				}
			},
			"switchover-status", `status.topology.scorecard-rediscluster-1.role is "Replica", expected "Source"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.flaw(w)
			status := w.runCluster().all(t.Context())
			at := slices.Index(allSteps, c.step)
			if got, want := clusterNames(status), append(slices.Clone(allSteps[:at+1]), "cleanup"); !slices.Equal(got, want) {
				t.Fatalf("results are %v, want %v", got, want)
			}
			if failed := status.Results[at]; failed.State != v1alpha3.FailState || !strings.Contains(strings.Join(failed.Errors, "\n"), c.failure) {
				t.Errorf("%s is %s: %q, want %q", failed.Name, failed.State, failed.Errors, c.failure)
			}
		})
	}
}

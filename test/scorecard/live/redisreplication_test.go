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

// operateRedis as the operator does, with the flaws that the test wants.
func (w *world) operateRedis(ctx context.Context, c client.WithWatch, r *v1alpha1.RedisReplication) error {
	if w.absent {
		return nil
	}
	before, src, n := r.Status.Source, r.Spec.Source, len(r.Spec.Replica)
	r.Status = v1alpha1.RedisReplicationStatus{
		Ready: true, ObservedGeneration: r.Generation, Source: src.Name, ReplicationID: "id", Replicas: fmt.Sprintf("%d/%[1]d", n),
		ReadWriteService: r.Name + "-readwrite", ReadOnlyService: r.Name + "-readonly", Conditions: allTrue(r.Generation),
		Topology: map[string]*v1alpha1.RedisReplicationNode{
			src.Name: {Host: src.Host, Port: src.Port, Role: v1alpha1.RedisRoleSource, Status: v1alpha1.NodeHealthy, Ready: true, RunID: "run"},
		},
	}
	replicas := []string{}
	for _, replica := range r.Spec.Replica {
		replicas = append(replicas, replica.Name)
		r.Status.Topology[replica.Name] = &v1alpha1.RedisReplicationNode{
			Host: replica.Host, Port: replica.Port, Role: v1alpha1.RedisRoleReplica, Status: v1alpha1.NodeHealthy, Ready: true, RunID: "run",
			SourceHost: src.Host, SourcePort: src.Port, MasterLinkStatus: "up",
		}
	}
	if before != "" {
		r.Status.LastSwitchover = &v1alpha1.RedisLastSwitchover{LastSwitchover: v1alpha1.LastSwitchover{From: before, To: src.Name}}
	}
	if err := w.lead(ctx, c, r, "RedisReplication", src.Name, replicas, v1alpha1.LabelRedisReplicationName, v1alpha1.LabelRedisReplicationReadonly); err != nil {
		return err
	}
	if w.redis != nil {
		w.redis(r)
	}
	return c.Status().Update(ctx, r)
}

// runRedis is the test of the kind in this world.
func (w *world) runRedis() *run {
	node := func(name string) map[string]any {
		return map[string]any{"name": name, "host": name, "port": int64(1)}
	}
	r := &run{
		Options: Options{Namespace: testNamespace, RedisImage: "redis:test", Timeout: time.Minute, OperatorTimeout: 300 * time.Millisecond},
		cluster: &kit.Cluster{Client: w.client}, kind: Kinds()[2], name: "scorecard-redisreplication", plural: "redisreplications",
		gvk:    schema.GroupVersionKind{Group: "upm.syntropycloud.io", Version: "v1alpha1", Kind: "RedisReplication"},
		settle: 300 * time.Millisecond,
		example: &unstructured.Unstructured{Object: map[string]any{
			"metadata": map[string]any{"name": "cache"},
			"spec":     map[string]any{"secret": map[string]any{"name": "elsewhere"}, "source": node("a"), "replica": []any{node("b"), node("c")}},
		}},
	}
	r.table = func(ctx context.Context) (*metav1.Table, error) {
		resource := &v1alpha1.RedisReplication{}
		if err := w.client.Get(ctx, client.ObjectKey{Namespace: testNamespace, Name: r.name}, resource); err != nil {
			return nil, err
		}
		table := &metav1.Table{Rows: []metav1.TableRow{{Cells: []any{resource.Name, "True", resource.Status.Source, resource.Status.Replicas, "1s"}}}}
		for _, name := range []string{"Name", "Ready", "Source", "Replicas", "Age"} {
			table.ColumnDefinitions = append(table.ColumnDefinitions, metav1.TableColumnDefinition{Name: name})
		}
		return table, nil
	}
	return r
}

func redisNames(status v1alpha3.TestStatus) []string {
	var names []string
	for _, result := range status.Results {
		names = append(names, strings.TrimPrefix(result.Name, "redisreplication-"))
	}
	return names
}

func TestAllIsWellWithRedis(t *testing.T) {
	w := newWorld(t)
	var pods []*corev1.Pod
	w.create = func(o client.Object) error {
		if pod, is := o.(*corev1.Pod); is {
			pods = append(pods, pod)
		}
		return nil
	}
	status := w.runRedis().all(t.Context())
	if got := redisNames(status); !slices.Equal(got, allSteps) {
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
	if len(pods) != 3 || pods[0].Spec.Containers[0].Image != "redis:test" {
		t.Errorf("%d pods were made", len(pods))
	}
}

// Each flaw fails the step that is there for it.
func TestFlawsOfRedis(t *testing.T) {
	const first, second = "scorecard-redisreplication-0", "scorecard-redisreplication-1"
	for name, c := range map[string]struct {
		flaw func(*world)
		// step that fails, and a part of what it says.
		step, failure string
	}{
		"no operator": {func(w *world) { w.absent = true }, "ready", "nobody has acted on RedisReplication scorecard/scorecard-redisreplication"},
		"a link that is down": {
			func(w *world) {
				w.redis = func(r *v1alpha1.RedisReplication) {
					if n := r.Status.Topology[second]; n.Role == v1alpha1.RedisRoleReplica {
						n.MasterLinkStatus = "down"
					}
				}
			},
			"status", `status.topology.scorecard-redisreplication-1.masterLinkStatus is "down", expected "up"`,
		},
		"a pod without its labels": {
			func(w *world) {
				w.labels = func(pod string, labels map[string]string) {
					if pod == second {
						delete(labels, v1alpha1.LabelRedisReplicationName)
						delete(labels, v1alpha1.LabelRedisReplicationReadonly)
					}
				}
			},
			"labels", `pod scorecard-redisreplication-1 is ""`,
		},
		"a route that does not follow": {
			func(w *world) {
				w.routes = func(routes map[string][]string) { routes["scorecard-redisreplication-readwrite"] = []string{first} }
			},
			"switchover-services", "expected [scorecard-redisreplication-1]",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.flaw(w)
			status := w.runRedis().all(t.Context())
			at := slices.Index(allSteps, c.step)
			if got, want := redisNames(status), append(slices.Clone(allSteps[:at+1]), "cleanup"); !slices.Equal(got, want) {
				t.Fatalf("results are %v, want %v", got, want)
			}
			if failed := status.Results[at]; failed.State != v1alpha3.FailState || !strings.Contains(strings.Join(failed.Errors, "\n"), c.failure) {
				t.Errorf("%s is %s: %q, want %q", failed.Name, failed.State, failed.Errors, c.failure)
			}
		})
	}
}

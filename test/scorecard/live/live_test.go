// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package live

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/operator-framework/api/pkg/apis/scorecard/v1alpha3"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// allSteps of the test of MysqlReplication, as their results are named.
var allSteps = []string{"example", "servers", "ready", "status", "labels", "services", "printed", "switchover", "switchover-status", "switchover-services", "cleanup"}

func names(status v1alpha3.TestStatus) []string {
	var names []string
	for _, result := range status.Results {
		names = append(names, strings.TrimPrefix(result.Name, "mysqlreplication-"))
	}
	return names
}

func TestAllIsWell(t *testing.T) {
	w := newWorld(t)
	status := w.run(t).all(t.Context())
	if got := names(status); !slices.Equal(got, allSteps) {
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
	for _, want := range []string{"scorecard-mysqlreplication", "scorecard-mysqlreplication-0", "scorecard-mysqlreplication-2", "scorecard-mysqlreplication-aes"} {
		if !slices.Contains(w.seen, want) {
			t.Errorf("%s was not made, only %v", want, w.seen)
		}
	}
}

// Each flaw fails the step that is there for it, nothing comes after it but the
// cleaning up, and nothing is left.
func TestFlaws(t *testing.T) {
	const source = "scorecard-mysqlreplication-0"
	status := func(change func(*v1alpha1.MysqlReplication)) func(*world) {
		return func(w *world) { w.status = change }
	}
	for name, c := range map[string]struct {
		flaw func(*world)
		// step that fails, and parts of what it says.
		step, failure, suggestion string
	}{
		"no operator": {
			func(w *world) { w.absent = true },
			"ready", "nobody has acted on MysqlReplication scorecard/scorecard-mysqlreplication", "install Compose Operator and let it watch namespace scorecard",
		},
		"never Ready": {
			status(func(r *v1alpha1.MysqlReplication) {
				r.Status.Ready = false
				r.Status.Conditions = []metav1.Condition{{Type: "Ready", Status: "False", ObservedGeneration: r.Generation, Reason: "CredentialsError", Message: "the password is wrong", LastTransitionTime: metav1.Now()}}
			}),
			"ready", "the password is wrong", "read the log of the operator",
		},
		"an image that cannot be pulled": {
			func(w *world) {
				w.pod = func(p *corev1.Pod) {
					p.Status = corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Image: "mysql:test", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff"}}}}}
				}
			},
			"servers", "cannot get its image mysql:test", "--mysql-image",
		},
		"a pod that ends again and again": {
			func(w *world) {
				w.pod = func(p *corev1.Pod) {
					p.Status = corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}}}}
				}
			},
			"servers", "ends again and again", "docs/scorecard.md",
		},
		"no permission": {
			func(w *world) {
				w.create = func(o client.Object) error {
					if _, is := o.(*corev1.Secret); is {
						return apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, o.GetName(), errors.New("User \"x\" cannot create"))
					}
					return nil
				}
			},
			"servers", "create Secret scorecard-mysqlreplication-users", "kubectl apply -n scorecard -f test/scorecard/rbac.yaml",
		},
		"pods that the namespace refuses": {
			func(w *world) {
				w.create = func(o client.Object) error {
					if _, is := o.(*corev1.Pod); is {
						return apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, o.GetName(), errors.New("violates PodSecurity \"odd:latest\""))
					}
					return nil
				}
			},
			"servers", "violates PodSecurity", "in another namespace",
		},
		"a resource that admission refuses": {
			func(w *world) {
				w.create = func(o client.Object) error {
					if _, is := o.(*v1alpha1.MysqlReplication); is {
						return apierrors.NewInvalid(schema.GroupKind{Kind: "MysqlReplication"}, o.GetName(), nil)
					}
					return nil
				}
			},
			"ready", "is invalid", "correct the example",
		},
		"a role that is wrong": {
			status(func(r *v1alpha1.MysqlReplication) {
				if n := r.Status.Topology[source]; n != nil && n.Role == v1alpha1.MysqlRoleReplica {
					n.Role = v1alpha1.MysqlRoleSource
				}
			}),
			"switchover-status", `status.topology.scorecard-mysqlreplication-0.role is "Source", expected "Replica"`, "kubectl -n scorecard describe",
		},
		"a node that is missing": {
			status(func(r *v1alpha1.MysqlReplication) { delete(r.Status.Topology, source) }),
			"status", "status.topology.scorecard-mysqlreplication-0 is missing", "describe",
		},
		"a condition of an old generation": {
			status(func(r *v1alpha1.MysqlReplication) { r.Status.Conditions = stale(r.Status.Conditions, "TopologyReady") }),
			"status", "observedGeneration of the condition TopologyReady is 0, expected 1", "describe",
		},
		"a condition that is missing": {
			status(func(r *v1alpha1.MysqlReplication) {
				r.Status.Conditions = slices.DeleteFunc(r.Status.Conditions, func(c metav1.Condition) bool { return c.Type == "Stalled" })
			}),
			"status", "the condition Stalled is missing", "describe",
		},
		"a writable replica": {
			status(func(r *v1alpha1.MysqlReplication) { r.Status.Topology["scorecard-mysqlreplication-2"].Readonly = false }),
			"status", "scorecard-mysqlreplication-2.readonly is false, expected true", "describe",
		},
		"no record of the switchover": {
			status(func(r *v1alpha1.MysqlReplication) { r.Status.LastSwitchover = nil }),
			"switchover-status", "status.lastSwitchover is missing", "describe",
		},
		"a switchover that is undone": {
			status(func(r *v1alpha1.MysqlReplication) {
				if r.Generation > 1 {
					r.Status.Source = source
					r.Status.Switchover = &v1alpha1.SwitchoverStatus{From: source, To: r.Spec.Source.Name, Generation: r.Generation, Phase: v1alpha1.SwitchoverUndone, Message: "the candidate lags"}
				}
			}),
			"switchover", "the switchover was undone: the candidate lags", "describe",
		},
		"a pod without its labels": {
			func(w *world) {
				w.labels = func(pod string, labels map[string]string) {
					if pod == source {
						labels[v1alpha1.LabelMysqlReplicationReadonly] = "true"
					}
				}
			},
			"labels", `pod scorecard-mysqlreplication-0 is "scorecard-mysqlreplication/true", expected "scorecard-mysqlreplication/false"`, "describe",
		},
		"a route to the wrong pod": {
			func(w *world) {
				w.routes = func(routes map[string][]string) { routes["scorecard-mysqlreplication-readonly"] = []string{source} }
			},
			"services", "behind Service scorecard-mysqlreplication-readonly are the pods [scorecard-mysqlreplication-0]", "describe",
		},
		"a route that does not follow": {
			func(w *world) {
				w.routes = func(routes map[string][]string) { routes["scorecard-mysqlreplication-readwrite"] = []string{source} }
			},
			"switchover-services", "expected [scorecard-mysqlreplication-1]", "describe",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.flaw(w)
			r := w.run(t)
			if name == "never Ready" {
				r.Timeout = 1500 * time.Millisecond
			}
			status := r.all(t.Context())
			at := slices.Index(allSteps, c.step)
			if got, want := names(status), append(slices.Clone(allSteps[:at+1]), "cleanup"); !slices.Equal(got, want) {
				t.Fatalf("results are %v, want %v", got, want)
			}
			failed := status.Results[at]
			if failed.State != v1alpha3.FailState || !strings.Contains(strings.Join(failed.Errors, "\n"), c.failure) {
				t.Errorf("%s is %s: %q, want %q", failed.Name, failed.State, failed.Errors, c.failure)
			}
			if !strings.Contains(strings.Join(failed.Suggestions, "\n"), c.suggestion) {
				t.Errorf("suggestions are %q, want %q", failed.Suggestions, c.suggestion)
			}
			if left := w.left(t); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func stale(conditions []metav1.Condition, name string) []metav1.Condition {
	for i := range conditions {
		if conditions[i].Type == name {
			conditions[i].ObservedGeneration = 0
		}
	}
	return conditions
}

// A run that was killed has left everything; the next one works all the same.
func TestLeftoversOfAKilledRun(t *testing.T) {
	w := newWorld(t)
	killed := w.run(t)
	killed.owner = nil
	steps := killed.kind.steps(killed)
	for _, s := range steps[:3] {
		if err := s.do(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.left(t)) < 8 {
		t.Fatalf("the killed run has left too little for this test: %v", w.left(t))
	}
	for _, result := range w.run(t).all(t.Context()).Results {
		if result.State != v1alpha3.PassState {
			t.Errorf("%s is %s: %v", result.Name, result.State, result.Errors)
		}
	}
}

// What somebody else has made is in the way and stays.
func TestForeignObjectStays(t *testing.T) {
	w := newWorld(t, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: "scorecard-mysqlreplication-aes"}})
	status := w.run(t).all(t.Context())
	failed := status.Results[1]
	if failed.State != v1alpha3.FailState || !strings.Contains(failed.Suggestions[0], "has a Secret scorecard-mysqlreplication-aes that this test did not make") {
		t.Errorf("%+v", failed)
	}
	if left := w.left(t); !slices.Equal(left, []string{"scorecard-mysqlreplication-aes"}) {
		t.Errorf("left behind: %v", left)
	}
}

// A signal ends the test and not the cleaning up.
func TestCleansUpAfterASignal(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	w.create = func(o client.Object) error {
		if _, is := o.(*v1alpha1.MysqlReplication); is {
			cancel()
		}
		return nil
	}
	w.absent = true
	status := w.run(t).all(ctx)
	if got := names(status); !slices.Equal(got, []string{"example", "servers", "ready", "cleanup"}) || status.Results[2].State != v1alpha3.FailState || status.Results[3].State != v1alpha3.PassState {
		t.Errorf("results are %v: %+v", got, status.Results)
	}
	if left := w.left(t); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestCleansUpAfterACrash(t *testing.T) {
	w := newWorld(t)
	w.status = func(*v1alpha1.MysqlReplication) { panic("odd") }
	status := w.run(t).all(t.Context())
	crashed := status.Results[2]
	if crashed.State != v1alpha3.ErrorState || !strings.Contains(crashed.Errors[0], "the test crashed: odd") {
		t.Errorf("%+v", crashed)
	}
	if left := w.left(t); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// What is made is owned by the pod of the test, so that it goes with it.
func TestOwnedByTheTestsPod(t *testing.T) {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: "scorecard-test-abcd", UID: "uid-of-the-test"}}
	w := newWorld(t, pod)
	owners := map[string]bool{}
	w.create = func(o client.Object) error {
		for _, owner := range o.GetOwnerReferences() {
			owners[o.GetName()+" by "+string(owner.UID)] = true
		}
		return nil
	}
	r := w.run(t)
	r.Pod = pod.Name
	for _, result := range r.all(t.Context()).Results {
		if result.State != v1alpha3.PassState {
			t.Errorf("%s is %s: %v", result.Name, result.State, result.Errors)
		}
	}
	for _, name := range []string{"scorecard-mysqlreplication", "scorecard-mysqlreplication-1", "scorecard-mysqlreplication-users", "scorecard-mysqlreplication-conf"} {
		if !owners[name+" by uid-of-the-test"] {
			t.Errorf("%s is not owned by the pod of the test: %v", name, owners)
		}
	}
	if left := w.left(t); !slices.Equal(left, []string{pod.Name}) {
		t.Errorf("left behind: %v", left)
	}
}

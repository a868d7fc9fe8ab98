// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package monitoring

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr/funcr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/yaml"

	"github.com/upmio/compose-operator/config/prometheus"
)

func keeperOf(a *api) *Keeper { return &Keeper{Reader: a, Writer: a, Namespace: own} }

func keep(t *testing.T, k *Keeper) {
	t.Helper()
	if err := k.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestWhatIsApplied: the manifests of config/prometheus, in the operator's namespace.
func TestWhatIsApplied(t *testing.T) {
	a := newAPI()
	keep(t, keeperOf(a))
	for kind, manifest := range map[string][]byte{"ServiceMonitor": prometheus.Monitor, "PrometheusRule": prometheus.Rules} {
		is, wanted := a.objects[kind], &unstructured.Unstructured{}
		if is == nil {
			t.Fatalf("no %s", kind)
		}
		if err := yaml.Unmarshal(manifest, &wanted.Object); err != nil {
			t.Fatal(err)
		}
		if is.GetNamespace() != own || is.GetName() != wanted.GetName() || is.GetAPIVersion() != wanted.GetAPIVersion() {
			t.Errorf("%s is %s %s/%s", kind, is.GetAPIVersion(), is.GetNamespace(), is.GetName())
		}
		if !holds(is.Object["spec"], wanted.Object["spec"]) || !holds(wanted.Object["spec"], is.Object["spec"]) {
			t.Errorf("the spec of %s is not that of its manifest", kind)
		}
		if !covers(is.GetLabels(), wanted.GetLabels()) || is.GetLabels()["app.kubernetes.io/managed-by"] != "compose-operator" {
			t.Errorf("labels of %s: %v", kind, is.GetLabels())
		}
		owners := is.GetOwnerReferences()
		if len(owners) != 1 || owners[0].UID != "u-deployment" || owners[0].Kind != "Deployment" || owners[0].BlockOwnerDeletion != nil {
			t.Errorf("owners of %s: %v", kind, owners)
		}
	}
}

func TestOnlyDifferencesAreWritten(t *testing.T) {
	a := newAPI()
	k := keeperOf(a)
	for _, step := range []struct {
		what   string
		change func(*unstructured.Unstructured)
		writes int
	}{
		{"they are not there", nil, 2},
		{"they are as wanted", nil, 0},
		{"others add a label, an owner and a field", func(is *unstructured.Unstructured) {
			labels := is.GetLabels()
			labels["release"] = "monitoring"
			is.SetLabels(labels)
			is.SetOwnerReferences(append([]metav1.OwnerReference{{UID: "another"}}, is.GetOwnerReferences()...))
			set(is, "x", "spec", "another")
		}, 0},
		{"somebody changed a field", func(is *unstructured.Unstructured) {
			set(is, "none", "spec", "selector", "matchLabels", "control-plane")
		}, 1},
		{"somebody emptied a list", func(is *unstructured.Unstructured) { set(is, []any{}, "spec", "endpoints") }, 1},
		{"somebody removed a label", func(is *unstructured.Unstructured) {
			is.SetLabels(map[string]string{"app.kubernetes.io/managed-by": "compose-operator"})
		}, 1},
		{"an older operator made it", func(is *unstructured.Unstructured) { is.SetAnnotations(map[string]string{annotationContent: "older"}) }, 1},
		{"the Deployment was made anew", func(is *unstructured.Unstructured) { is.SetOwnerReferences([]metav1.OwnerReference{{UID: "before"}}) }, 1},
		{"all is well again", nil, 0},
		{"it is somebody else's", func(is *unstructured.Unstructured) {
			is.SetLabels(nil)
			set(is, []any{}, "spec", "endpoints")
		}, 0},
	} {
		if step.change != nil {
			a.edit("ServiceMonitor", step.change)
		}
		keep(t, k)
		if got := a.writes(); got != step.writes {
			t.Errorf("%s: %d writes, want %d", step.what, got, step.writes)
		}
	}
}

func set(object *unstructured.Unstructured, value any, path ...string) {
	if err := unstructured.SetNestedField(object.Object, value, path...); err != nil {
		panic(err)
	}
}

// TestWithoutAnOwner: one that cannot be found is no reason not to be monitored, and
// one that cannot be read now is no reason to take the reference off.
func TestWithoutAnOwner(t *testing.T) {
	a := newAPI()
	k := keeperOf(a)
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "deployments"}, "compose-operator", nil)
	a.fail = func(_, kind string) error {
		if kind == kindDeployment {
			return forbidden
		}
		return nil
	}
	keep(t, k)
	if owners := a.objects["PrometheusRule"].GetOwnerReferences(); len(owners) != 0 || a.writes() != 2 {
		t.Errorf("owners: %v", owners)
	}
	a.fail = nil
	keep(t, k)
	if len(a.objects["PrometheusRule"].GetOwnerReferences()) != 1 || a.writes() != 2 {
		t.Error("the owner that was found is not named")
	}
	a.fail = func(string, string) error { return errors.New("the API server is away") }
	if err := k.Keep(t.Context()); err == nil || a.writes() != 0 {
		t.Errorf("error %v", err)
	}
}

// TestWhatIsLogged: each thing once, with a reason.
func TestWhatIsLogged(t *testing.T) {
	a := newAPI()
	k := keeperOf(a)
	var lines []string
	ctx := log.IntoContext(t.Context(), funcr.New(func(_, args string) { lines = append(lines, args) }, funcr.Options{}))
	expect := func(what string, passes, want int, parts ...string) {
		t.Helper()
		lines = nil
		for range passes {
			_ = k.Keep(ctx)
		}
		if len(lines) != want {
			t.Errorf("%s: %d lines, want %d: %q", what, len(lines), want, lines)
		}
		for _, part := range parts {
			if !strings.Contains(strings.Join(lines, "\n"), part) {
				t.Errorf("%s: no line has %s: %q", what, part, lines)
			}
		}
	}
	a.unknown = true
	expect("unknown kinds", 3, 0)
	a.unknown = false
	expect("they appear", 3, 2, `"reason"="Applied"`, "ServiceMonitor", "PrometheusRule")
	a.edit("ServiceMonitor", func(is *unstructured.Unstructured) { is.SetLabels(nil) })
	expect("somebody else's", 3, 1, `"reason"="NotOurs"`, "--monitoring=false")
	a.fail = func(verb, kind string) error {
		if verb == "get" && kind == "PrometheusRule" {
			return apierrors.NewForbidden(schema.GroupResource{Resource: "prometheusrules"}, "compose-operator", errors.New("no"))
		}
		return nil
	}
	expect("forbidden", 3, 1, `"reason"="Forbidden"`)
	a.fail = nil
	expect("allowed again", 3, 0)
	// The definition is deleted between the two requests.
	a.edit("ServiceMonitor", func(is *unstructured.Unstructured) {
		is.SetLabels(map[string]string{"app.kubernetes.io/managed-by": "compose-operator"})
	})
	a.fail = func(verb, _ string) error {
		if verb == "apply" {
			return apierrors.NewNotFound(schema.GroupResource{}, "")
		}
		return nil
	}
	expect("its kind has gone", 3, 0)
}

// TestItGoesOn: it looks again every ten minutes and after a failure sooner, notices
// kinds that come later, and never ends the manager.
func TestItGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI()
		a.unknown = true
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- keeperOf(a).Start(ctx) }()
		time.Sleep(13 * time.Minute)
		a.mu.Lock()
		looks := a.reads / 3
		a.unknown = false
		a.mu.Unlock()
		if looks != 2 {
			t.Errorf("%d looks in 13 minutes", looks)
		}
		time.Sleep(12 * time.Minute)
		if a.writes() != 2 {
			t.Error("kinds that came later were not noticed")
		}
		a.mu.Lock()
		a.reads, a.fail = 0, func(string, string) error { return errors.New("the API server is away") }
		a.mu.Unlock()
		// 10 minutes, then after 15 s, 30 s, 1, 2, 4, 8 and 10 minutes, and up to a fifth more.
		time.Sleep(40 * time.Minute)
		a.mu.Lock()
		tries := a.reads
		a.mu.Unlock()
		if tries < 6 || tries > 9 {
			t.Errorf("%d tries in 40 minutes", tries)
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("it ends the manager: %v", err)
		}
	})
}

func TestPause(t *testing.T) {
	for failures, want := range map[int]time.Duration{
		0: 10 * time.Minute, 1: 15 * time.Second, 2: 30 * time.Second, 6: 8 * time.Minute, 7: 10 * time.Minute, 1 << 40: 10 * time.Minute,
	} {
		if got := pause(failures); got != want {
			t.Errorf("after %d failures %s, want %s", failures, got, want)
		}
	}
}

func TestOnlyTheLeaderKeepsThem(t *testing.T) {
	if !keeperOf(newAPI()).NeedLeaderElection() {
		t.Error("every replica would write")
	}
}

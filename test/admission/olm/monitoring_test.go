// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build admission

package olm

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/upmio/compose-operator/internal/manager"
	"github.com/upmio/compose-operator/internal/monitoring"
)

// monitoringKinds that the operator makes one object of each.
var monitoringKinds = []string{"ServiceMonitor", "PrometheusRule"}

// definePrometheusKinds installs the definitions of the Prometheus Operator, and takes
// them away when the test ends.
func definePrometheusKinds(t *testing.T) (remove func()) {
	t.Helper()
	dir := os.Getenv("PROMETHEUS_OPERATOR_CRDS")
	if dir == "" {
		t.Fatal(`PROMETHEUS_OPERATOR_CRDS is not set: run make test-admission, or set it to example/prometheus-operator-crd below what "bin/testbed sources prometheus-operator" prints`)
	}
	options := envtest.CRDInstallOptions{ErrorIfPathMissing: true, MaxTime: waitTimeout}
	for _, resource := range []string{"servicemonitors", "prometheusrules"} {
		options.Paths = append(options.Paths, filepath.Join(dir, "monitoring.coreos.com_"+resource+".yaml"))
		// The one before may still be going.
		eventually(t, "no definition of "+resource, func(ctx context.Context) error {
			definition := &metav1.PartialObjectMetadata{}
			definition.SetGroupVersionKind(apiextensionsv1.SchemeGroupVersion.WithKind("CustomResourceDefinition"))
			err := admin.Get(ctx, types.NamespacedName{Name: resource + ".monitoring.coreos.com"}, definition)
			if err == nil {
				err = errors.New("it is still there")
			}
			return client.IgnoreNotFound(err)
		})
	}
	_, err := envtest.InstallCRDs(cluster, options)
	must(t, err)
	removed := false
	remove = func() {
		if removed {
			return
		}
		removed = true
		if err := envtest.UninstallCRDs(cluster, options); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(remove)
	return remove
}

// monitoringObject reads what the operator has made of a kind.
func monitoringObject(ctx context.Context, own, kind string) (*unstructured.Unstructured, error) {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(schema.GroupVersionKind{Group: "monitoring.coreos.com", Version: "v1", Kind: kind})
	return object, admin.Get(ctx, types.NamespacedName{Namespace: own, Name: "compose-operator"}, object)
}

func mustMonitoringObject(t *testing.T, own, kind string) *unstructured.Unstructured {
	t.Helper()
	object, err := monitoringObject(t.Context(), own, kind)
	must(t, err)
	return object
}

// counting counts what is applied.
type counting struct {
	client.Client
	applied int
}

func (c *counting) Apply(ctx context.Context, object runtime.ApplyConfiguration, options ...client.ApplyOption) error {
	c.applied++
	return c.Client.Apply(ctx, object, options...)
}

// operatorClient has the rights of the operator of a namespace and no cache.
func operatorClient(t *testing.T, own string) client.Client {
	t.Helper()
	user, err := controlPlane.AddUser(envtest.User{
		Name:   "system:serviceaccount:" + own + ":" + account,
		Groups: []string{"system:serviceaccounts", "system:serviceaccounts:" + own, "system:authenticated"},
	}, cluster)
	must(t, err)
	c, err := client.New(user.Config(), client.Options{Scheme: manager.Scheme()})
	must(t, err)
	return c
}

// deployment of the operator, which nobody runs.
func deployment(own string) *appsv1.Deployment {
	labels := map[string]string{"control-plane": "compose-operator"}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: own, Name: monitoring.Deployment},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "manager", Image: "none"}}},
			},
		},
	}
}

// TestMonitoringObjects: with the operator's rights and the real definitions the objects
// are accepted, written once, mended, left alone where they are somebody else's, and
// their kinds may come and go.
func TestMonitoringObjects(t *testing.T) {
	own := namespace(t, "monitored")
	grant(t, own, own)
	owner := deployment(own)
	create(t, owner)
	c := &counting{Client: operatorClient(t, own)}
	keeper := &monitoring.Keeper{Reader: c, Writer: c, Namespace: own}
	keep := func(what string, applied int) {
		t.Helper()
		c.applied = 0
		must(t, keeper.Keep(t.Context()))
		if c.applied != applied {
			t.Errorf("%s: %d objects were applied, want %d", what, c.applied, applied)
		}
	}
	logged.take()
	keep("the API is not there", 0)

	remove := definePrometheusKinds(t)
	keep("it has appeared", 2)
	versions := map[string]string{}
	for _, kind := range monitoringKinds {
		is := mustMonitoringObject(t, own, kind)
		versions[kind] = is.GetResourceVersion()
		if owners := is.GetOwnerReferences(); len(owners) != 1 || owners[0].UID != owner.UID {
			t.Errorf("%s is owned by %v", kind, owners)
		}
		if is.GetLabels()["app.kubernetes.io/managed-by"] != "compose-operator" || is.GetLabels()["control-plane"] != "compose-operator" {
			t.Errorf("labels of %s: %v", kind, is.GetLabels())
		}
	}
	// Nothing was pruned or turned into something else, or it would be written again.
	keep("nothing has changed", 0)
	for _, kind := range monitoringKinds {
		if is := mustMonitoringObject(t, own, kind); is.GetResourceVersion() != versions[kind] {
			t.Errorf("%s was written again", kind)
		}
	}

	// Prometheus may select by a label that a person has put there.
	monitor := mustMonitoringObject(t, own, "ServiceMonitor")
	must(t, admin.Patch(t.Context(), monitor, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"release":"x"}},"spec":{"endpoints":[]}}`))))
	keep("somebody has changed one", 1)
	monitor = mustMonitoringObject(t, own, "ServiceMonitor")
	if endpoints, _, _ := unstructured.NestedSlice(monitor.Object, "spec", "endpoints"); len(endpoints) != 1 || monitor.GetLabels()["release"] != "x" {
		t.Errorf("endpoints %v, labels %v", endpoints, monitor.GetLabels())
	}

	rule := mustMonitoringObject(t, own, "PrometheusRule")
	must(t, admin.Delete(t.Context(), rule))
	foreign := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"groups": []any{}}}}
	foreign.SetGroupVersionKind(rule.GroupVersionKind())
	foreign.SetNamespace(own)
	foreign.SetName(rule.GetName())
	create(t, foreign)
	keep("somebody else has made one", 0)
	if is := mustMonitoringObject(t, own, "PrometheusRule"); is.GetResourceVersion() != foreign.GetResourceVersion() {
		t.Errorf("it was written: %v", is)
	}
	noneWasForbidden(t)
	mayNoMore(t, own, c)

	remove()
	// While a definition is being deleted, nothing of its kind can be made.
	eventually(t, "a look without the definitions", func(ctx context.Context) error {
		if _, err := monitoringObject(ctx, own, "ServiceMonitor"); err == nil {
			return errors.New("ServiceMonitors are still served")
		}
		return keeper.Keep(ctx)
	})
	c.applied = 0
	definePrometheusKinds(t)
	keep("the API is back", 2)
}

func noneWasForbidden(t *testing.T) {
	t.Helper()
	for _, line := range logged.take() {
		if strings.Contains(line, "forbidden") {
			t.Errorf("the operator asked for what it may not have: %s", line)
		}
	}
}

// mayNoMore: neither lists nor deletions, no other name, no other namespace.
func mayNoMore(t *testing.T, own string, c client.Client) {
	t.Helper()
	monitor := mustMonitoringObject(t, own, "ServiceMonitor")
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(monitor.GroupVersionKind())
	elsewhere := monitor.DeepCopy()
	elsewhere.SetNamespace("default")
	elsewhere.SetResourceVersion("")
	for what, err := range map[string]error{
		"list them":                    c.List(t.Context(), list, client.InNamespace(own)),
		"delete them":                  c.Delete(t.Context(), monitor),
		"read others":                  c.Get(t.Context(), types.NamespacedName{Namespace: own, Name: "another"}, monitor.DeepCopy()),
		"make them elsewhere":          c.Create(t.Context(), elsewhere),
		"read another Deployment":      c.Get(t.Context(), types.NamespacedName{Namespace: own, Name: "another"}, &appsv1.Deployment{}),
		"write the operator's own one": c.Patch(t.Context(), deployment(own), client.RawPatch(types.MergePatchType, []byte(`{}`))),
	} {
		if !apierrors.IsForbidden(err) {
			t.Errorf("the operator may %s: %v", what, err)
		}
	}
}

// TestTheManagerBringsItsMonitoring, unless it is told not to.
func TestTheManagerBringsItsMonitoring(t *testing.T) {
	definePrometheusKinds(t)
	with, without := namespace(t, "with"), namespace(t, "without")
	for _, own := range []string{with, without} {
		grant(t, own, own)
	}
	create(t, deployment(with))
	logged.take()
	const metrics = "--metrics-bind-address=127.0.0.1:0"
	silent := runOperator(t, without, without, "", metrics, "--monitoring=false")
	runOperator(t, with, with, "", metrics)
	eventually(t, "both objects", func(ctx context.Context) error {
		for _, kind := range monitoringKinds {
			if _, err := monitoringObject(ctx, with, kind); err != nil {
				return err
			}
		}
		return nil
	})
	eventually(t, "the other operator leads", func(ctx context.Context) error {
		return admin.Get(ctx, types.NamespacedName{Namespace: without, Name: "aes-secret-key"}, &corev1.Secret{})
	})
	silent.stop(t)
	for _, kind := range monitoringKinds {
		if _, err := monitoringObject(t.Context(), without, kind); !apierrors.IsNotFound(err) {
			t.Errorf("%s was made in spite of --monitoring=false: %v", kind, err)
		}
	}
	noneWasForbidden(t)
}

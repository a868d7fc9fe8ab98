// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"errors"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

func TestLabelPatch(t *testing.T) {
	const name, readonly = `"compose-operator/mysql-replication.name"`, `"compose-operator/mysql-replication.readonly"`
	for want, labels := range map[string]PodLabels{
		`{"metadata":{"labels":{` + name + `:"orders",` + readonly + `:"true"},"uid":"u1"}}`: {Name: "orders", Readonly: "true"},
		`{"metadata":{"labels":{` + name + `:null,` + readonly + `:null},"uid":"u1"}}`:       {},
	} {
		if got, err := labelPatch("u1", keys, labels); err != nil || string(got) != want {
			t.Errorf("%s, %v\nwant %s", got, err, want)
		}
	}
}

func TestPatchPodLabels(t *testing.T) {
	pod := NewPod()
	pod.SetNamespace("one")
	pod.SetName("mysql-0")
	pod.SetUID("u1")
	stored := &corev1.Pod{ObjectMeta: *pod.ObjectMeta.DeepCopy()}
	stored.Labels = map[string]string{"app": "mysql"}
	var answer error
	patches := 0
	c := interceptor.NewClient(newClient(t, stored), interceptor.Funcs{
		Patch: func(ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, opts ...client.PatchOption) error {
			patches++
			if answer != nil {
				return answer
			}
			return c.Patch(ctx, object, patch, opts...)
		},
	})
	routed := PodLabels{Name: "orders", Readonly: "false"}
	patched, err := PatchPodLabels(t.Context(), c, pod, keys, routed)
	if err != nil {
		t.Fatal(err)
	}
	if keys.Of(patched) != routed || patched.Labels["app"] != "mysql" {
		t.Errorf("labels: %v", patched.Labels)
	}
	if _, err := PatchPodLabels(t.Context(), c, patched, keys, routed); err != nil || patches != 1 {
		t.Errorf("%d patches, %v", patches, err)
	}

	resource, kind := corev1.Resource("pods"), corev1.SchemeGroupVersion.WithKind("Pod").GroupKind()
	for name, refusal := range map[string]struct {
		err     error
		changed bool
	}{
		"conflict":      {apierrors.NewConflict(resource, "mysql-0", nil), true},
		"gone":          {apierrors.NewNotFound(resource, "mysql-0"), true},
		"another UID":   {apierrors.NewInvalid(kind, "mysql-0", field.ErrorList{field.Invalid(field.NewPath("metadata", "uid"), "u1", "immutable")}), true},
		"invalid value": {apierrors.NewInvalid(kind, "mysql-0", field.ErrorList{field.Invalid(field.NewPath("metadata", "labels"), "x", "too long")}), false},
		"forbidden":     {apierrors.NewForbidden(resource, "mysql-0", nil), false},
	} {
		answer = refusal.err
		if _, err := PatchPodLabels(t.Context(), c, pod, keys, routed); err == nil || errors.Is(err, ErrPodChanged) != refusal.changed {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheCacheDropsWhatNobodyReads(t *testing.T) {
	pod := NewPod()
	pod.SetLabels(map[string]string{"app": "mysql"})
	pod.SetAnnotations(map[string]string{"big": "text"})
	pod.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: "kubelet"}})
	for object, limits := range CacheByObject() {
		if _, isPod := object.(*corev1.Pod); !isPod {
			continue
		}
		trimmed, err := limits.Transform(pod)
		if err != nil {
			t.Fatal(err)
		}
		kept, isMetadata := trimmed.(*metav1.PartialObjectMetadata)
		if !isMetadata || kept.Annotations != nil || kept.ManagedFields != nil || kept.Labels["app"] != "mysql" {
			t.Errorf("kept: %+v", trimmed)
		}
	}
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// LabelKeys are the keys of the two labels that a kind keeps on pods.
type LabelKeys struct {
	// Name is the key whose value is the name of the custom resource.
	Name string
	// Readonly is the key whose value is "true" or "false".
	Readonly string
}

// PodLabels are the values of the two labels. An empty one is absent.
type PodLabels struct {
	Name, Readonly string
}

// ReadonlyValue is the value of the label Readonly.
func ReadonlyValue(readonly bool) string { return strconv.FormatBool(readonly) }

// Of returns the values on a pod.
func (k LabelKeys) Of(pod metav1.Object) PodLabels {
	labels := pod.GetLabels()
	return PodLabels{Name: labels[k.Name], Readonly: labels[k.Readonly]}
}

// ErrPodChanged means that the pod is gone or is another one under the same name.
var ErrPodChanged = errors.New("the pod was deleted or made anew meanwhile")

// NewPod returns an empty pod, metadata only.
func NewPod() *metav1.PartialObjectMetadata {
	pod := &metav1.PartialObjectMetadata{}
	pod.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Pod"))
	return pod
}

// NewPodList returns an empty list of pods, metadata only.
func NewPodList() *metav1.PartialObjectMetadataList {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("PodList"))
	return list
}

// NewSecret returns an empty Secret, metadata only.
func NewSecret() *metav1.PartialObjectMetadata {
	secret := &metav1.PartialObjectMetadata{}
	secret.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	return secret
}

// labelPatch is the JSON merge patch that gives the pod with this UID the two
// labels. It is pure. The API server refuses it for a pod with another UID.
func labelPatch(uid types.UID, keys LabelKeys, want PodLabels) ([]byte, error) {
	labels := map[string]*string{keys.Name: &want.Name, keys.Readonly: &want.Readonly}
	for key, value := range labels {
		if *value == "" {
			labels[key] = nil
		}
	}
	return json.Marshal(map[string]any{"metadata": map[string]any{"uid": uid, "labels": labels}})
}

// PatchPodLabels gives the pod the two labels and returns it as it is then. It
// writes nothing when pod has them already. The error is ErrPodChanged when the
// pod is not the one with pod's UID any more.
func PatchPodLabels(ctx context.Context, c client.Client, pod *metav1.PartialObjectMetadata, keys LabelKeys, want PodLabels) (*metav1.PartialObjectMetadata, error) {
	if keys.Of(pod) == want {
		return pod, nil
	}
	patch, err := labelPatch(pod.GetUID(), keys, want)
	if err != nil {
		return nil, fmt.Errorf("encode the labels of pod %s: %w", pod.GetName(), err)
	}
	patched := NewPod()
	patched.SetNamespace(pod.GetNamespace())
	patched.SetName(pod.GetName())
	err = c.Patch(ctx, patched, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(FieldOwner))
	if podChanged(err) {
		return nil, fmt.Errorf("label pod %s: %w", pod.GetName(), ErrPodChanged)
	}
	if err != nil {
		return nil, fmt.Errorf("label pod %s: %w", pod.GetName(), err)
	}
	return patched, nil
}

// podChanged recognizes the answers to a patch with the UID of another pod. A
// 422 is one only when it is about the UID: a label's value can be invalid too.
func podChanged(err error) bool {
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return true
	}
	if status := apierrors.APIStatus(nil); apierrors.IsInvalid(err) && errors.As(err, &status) && status.Status().Details != nil {
		for _, cause := range status.Status().Details.Causes {
			if strings.HasPrefix(cause.Field, "metadata.uid") {
				return true
			}
		}
	}
	return false
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// MarkKeys are the keys of the labels that a kind keeps on pods which are none of its nodes,
// e.g. those of Sentinels. The zero value: it keeps none.
type MarkKeys struct {
	// Owner is the key whose value is the name of the custom resource.
	Owner string
	// Values are the other keys.
	Values []string
}

// Index finds the pods that are marked for a resource of the kind.
func (k MarkKeys) Index() Index { return PodIndex(LabelKeys{Name: k.Owner}) }

// Of is the resource that a pod is marked for; "" when it is for none.
func (k MarkKeys) Of(pod metav1.Object) string { return pod.GetLabels()[k.Owner] }

// PatchMarks gives a pod the marks of a resource, or with owner "" takes all of them away,
// and returns it as it is then. A key without a value is absent. It writes nothing when the
// pod has them already. The error is ErrPodChanged when the pod is not the one with pod's
// UID any more.
func PatchMarks(ctx context.Context, c client.Client, pod *metav1.PartialObjectMetadata, keys MarkKeys, owner string, values map[string]string) (*metav1.PartialObjectMetadata, error) {
	labels, differs := map[string]any{}, false
	set := func(key, value string) {
		labels[key] = value
		if value == "" {
			labels[key] = nil
		}
		if is, has := pod.GetLabels()[key]; is != value || has != (value != "") {
			differs = true
		}
	}
	for _, key := range keys.Values {
		if owner == "" {
			set(key, "")
		} else {
			set(key, values[key])
		}
	}
	set(keys.Owner, owner)
	if !differs {
		return pod, nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": pod.GetUID(), "labels": labels}})
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

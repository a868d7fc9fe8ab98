// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// CacheByObject keeps the manager's cache small: of pods and Secrets (which are
// watched as metadata only) what the kernel looks at, and only those Services and
// EndpointSlices that the operator made. It is meant for cache.Options.ByObject.
func CacheByObject() map[client.Object]cache.ByObject {
	return map[client.Object]cache.ByObject{
		&corev1.Pod{}:    {Transform: trimMetadata},
		&corev1.Secret{}: {Transform: trimMetadata},
		&corev1.Service{}: {
			Label:     labels.SelectorFromSet(labels.Set{LabelManagedBy: ManagedBy}),
			Transform: cache.TransformStripManagedFields(),
		},
		&discoveryv1.EndpointSlice{}: {
			Label:     labels.SelectorFromSet(labels.Set{LabelManagedBy: ManagedBy}),
			Transform: cache.TransformStripManagedFields(),
		},
	}
}

// trimMetadata drops what nobody reads and what is big.
func trimMetadata(object any) (any, error) {
	accessor, err := meta.Accessor(object)
	if err != nil {
		return nil, fmt.Errorf("trim %T for the cache: %w", object, err)
	}
	accessor.SetManagedFields(nil)
	accessor.SetAnnotations(nil)
	accessor.SetOwnerReferences(nil)
	accessor.SetFinalizers(nil)
	return object, nil
}

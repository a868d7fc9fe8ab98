// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Names of the cache's indexes. Every quiet pass asks for the Services and the labeled
// pods of its resource; without them it would walk through all those of the namespace.
const (
	serviceIndex = "compose-operator.service.instance"
	podIndex     = "compose-operator.pod."
)

// Index is one index of the cache.
type Index struct {
	Object client.Object
	Field  string
	Values client.IndexerFunc
}

// ServiceIndex finds the Services that the operator made for a resource of any kind.
func ServiceIndex() Index {
	return Index{&corev1.Service{}, serviceIndex, func(o client.Object) []string {
		labels := o.GetLabels()
		if labels[LabelManagedBy] != ManagedBy {
			return nil
		}
		return []string{labels[LabelInstance]}
	}}
}

// PodIndex finds the pods that are labeled for a resource of the kind that has the keys.
func PodIndex(keys LabelKeys) Index {
	return Index{NewPod(), podIndex + keys.Name, func(o client.Object) []string {
		if name := keys.Of(o).Name; name != "" {
			return []string{name}
		}
		return nil
	}}
}

// Add makes the cache keep the index.
func (i Index) Add(ctx context.Context, indexer client.FieldIndexer) error {
	if err := indexer.IndexField(ctx, i.Object, i.Field, i.Values); err != nil {
		return fmt.Errorf("index %s: %w", i.Field, err)
	}
	return nil
}

// Is asks for what the index has under a value.
func (i Index) Is(value string) client.ListOption { return client.MatchingFields{i.Field: value} }

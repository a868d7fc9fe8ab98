// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
)

// index finds the resources that depend on a pod or a Secret. It holds what the
// last pass of each resource read.
type index struct {
	mu      sync.RWMutex
	forward map[types.NamespacedName][]types.NamespacedName
	reverse map[types.NamespacedName]map[types.NamespacedName]struct{}
}

func newIndex() *index {
	return &index{
		forward: map[types.NamespacedName][]types.NamespacedName{},
		reverse: map[types.NamespacedName]map[types.NamespacedName]struct{}{},
	}
}

// put replaces what resource depends on; nothing at all forgets it.
func (i *index) put(resource types.NamespacedName, on ...types.NamespacedName) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, thing := range i.forward[resource] {
		delete(i.reverse[thing], resource)
		if len(i.reverse[thing]) == 0 {
			delete(i.reverse, thing)
		}
	}
	delete(i.forward, resource)
	if len(on) == 0 {
		return
	}
	i.forward[resource] = on
	for _, thing := range on {
		if i.reverse[thing] == nil {
			i.reverse[thing] = map[types.NamespacedName]struct{}{}
		}
		i.reverse[thing][resource] = struct{}{}
	}
}

// of returns the resources that depend on thing.
func (i *index) of(thing types.NamespacedName) []types.NamespacedName {
	i.mu.RLock()
	defer i.mu.RUnlock()
	var resources []types.NamespacedName
	for resource := range i.reverse[thing] {
		resources = append(resources, resource)
	}
	return resources
}

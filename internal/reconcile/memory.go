// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// memory is what this process knows of one resource beyond the cache, which can
// lag behind what the process itself has written. One pass at a time uses it.
type memory[T client.Object] struct {
	// known is false until the resource was read from the API server once.
	known bool
	// newest is the resource in the newest version that was read or written.
	newest T
	// lastWrite of the status.
	lastWrite time.Time
	// pods that were labeled, by name, until the cache has caught up.
	pods map[string]*metav1.PartialObjectMetadata
	// slices that were written or deleted, by name, until the cache has caught up.
	slices map[string]knownSlice
	// locations of external nodes at the last look.
	locations map[string]location
	// announced events.
	announced announcements
	// failures counts the passes in a row that failed.
	failures int
	// credentials that were resolved last.
	credentials resolvedCredentials
}

func newMemory[T client.Object]() *memory[T] {
	return &memory[T]{pods: map[string]*metav1.PartialObjectMetadata{}, slices: map[string]knownSlice{}}
}

func (m *memory[T]) remember(object T) {
	m.known = true
	m.newest = object
}

// memories are the memories of all resources of a kind.
type memories[T client.Object] struct {
	mu    sync.Mutex
	byKey map[types.NamespacedName]*memory[T]
}

func newMemories[T client.Object]() *memories[T] {
	return &memories[T]{byKey: map[types.NamespacedName]*memory[T]{}}
}

func (m *memories[T]) of(key types.NamespacedName) *memory[T] {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.byKey[key] == nil {
		m.byKey[key] = newMemory[T]()
	}
	return m.byKey[key]
}

func (m *memories[T]) drop(key types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.byKey, key)
}

// newer says whether a is a later version than b of objects of one kind. The API
// promises that resource versions can be compared (KEP-5504); it has always been
// so. One that is not a number counts as not newer.
func newer(a, b metav1.Object) bool {
	order, err := resourceversion.CompareResourceVersion(a.GetResourceVersion(), b.GetResourceVersion())
	return err == nil && order > 0
}

// copyOf returns a deep copy.
func copyOf[T client.Object](object T) T {
	//nolint:forcetypeassert // A deep copy has the type of the original.
	return object.DeepCopyObject().(T)
}

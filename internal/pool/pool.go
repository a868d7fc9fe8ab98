// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package pool keeps the connections to database servers that passes share: one
// handle for each server and credential, opened when it is first asked for and
// closed when the server or the credential goes.
package pool

import (
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"
)

// Key identifies a handle. When any of it changes, the handle is another one.
type Key struct {
	// Object that the handle is for; objects share none.
	Object types.NamespacedName
	// Node is the server's name in the object.
	Node string
	// Address is host:port.
	Address string
	// User that connects.
	User string
	// Version of the credentials.
	Version string
}

// Pool holds handles of type C, e.g. *sql.DB. It is safe for concurrent use.
type Pool[C any] struct {
	shut func(C)

	mu      sync.Mutex
	handles map[types.NamespacedName]map[Key]C
}

// New returns an empty pool. shut closes a handle; it must not wait for what the
// handle is busy with.
func New[C any](shut func(C)) *Pool[C] {
	return &Pool[C]{shut: shut, handles: map[types.NamespacedName]map[Key]C{}}
}

// Get returns the handle of a key, and opens it when there is none. open must
// not wait for the server; its error is returned as it is, and nothing is kept.
func (p *Pool[C]) Get(key Key, open func() (C, error)) (C, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c, found := p.handles[key.Object][key]; found {
		return c, nil
	}
	c, err := open()
	if err != nil {
		return c, err
	}
	if p.handles[key.Object] == nil {
		p.handles[key.Object] = map[Key]C{}
	}
	p.handles[key.Object][key] = c
	return c, nil
}

// Keep closes the handles of an object that are not wanted any more.
func (p *Pool[C]) Keep(object types.NamespacedName, wanted []Key) {
	for _, c := range p.take(object, func(k Key) bool { return !slices.Contains(wanted, k) }) {
		p.shut(c)
	}
}

// Forget closes all handles of an object.
func (p *Pool[C]) Forget(object types.NamespacedName) { p.Keep(object, nil) }

// Len is the number of handles that are open.
func (p *Pool[C]) Len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, handles := range p.handles {
		n += len(handles)
	}
	return n
}

// take removes handles, to be closed without the lock.
func (p *Pool[C]) take(object types.NamespacedName, goes func(Key) bool) []C {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []C
	for k, c := range p.handles[object] {
		if goes(k) {
			delete(p.handles[object], k)
			out = append(out, c)
		}
	}
	if len(p.handles[object]) == 0 {
		delete(p.handles, object)
	}
	return out
}

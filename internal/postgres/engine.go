// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/pool"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// Kind is the kind of resource that this package looks after.
const Kind = "PostgresReplication"

// Scene is what one pass over a PostgresReplication works with.
type Scene = reconcile.Scene[*v1alpha1.PostgresReplication]

// Engine implements reconcile.Engine. It holds connections, since when a server has been
// silent, and nothing else that a new process would miss.
type Engine struct {
	handles *pool.Pool[*handle]

	mu sync.Mutex
	// counted is the last end of a switchover that was counted, by resource.
	counted map[types.NamespacedName]string
}

var _ reconcile.Engine[*v1alpha1.PostgresReplication, State, Data] = (*Engine)(nil)

// NewEngine returns an engine without any connection.
func NewEngine() *Engine {
	return &Engine{
		handles: pool.New(func(h *handle) { h.close() }),
		counted: map[types.NamespacedName]string{},
	}
}

// Kind implements reconcile.Engine.
func (*Engine) Kind() string { return Kind }

// New implements reconcile.Engine.
func (*Engine) New() *v1alpha1.PostgresReplication { return &v1alpha1.PostgresReplication{} }

// NewList implements reconcile.Engine.
func (*Engine) NewList() client.ObjectList { return &v1alpha1.PostgresReplicationList{} }

// Describe implements reconcile.Engine.
func (*Engine) Describe(obj *v1alpha1.PostgresReplication) reconcile.Description {
	return describe(obj)
}

// Observe implements reconcile.Engine. It takes lookTimeout at the most.
func (e *Engine) Observe(ctx context.Context, scene Scene) State {
	members := Members(scene.Object)
	wanted := make([]pool.Key, 0, len(members))
	for _, m := range members {
		wanted = append(wanted, keyOf(scene, m))
	}
	e.handles.Keep(scene.Key, wanted)
	return observe(ctx, members, func(m Member) (*handle, error) { return e.open(scene, m) })
}

// Plan implements reconcile.Engine.
func (*Engine) Plan(scene Scene, state State) reconcile.Plan[Data] {
	return Plan(Input{Object: scene.Object, State: state, Pods: scene.Pods, Now: scene.Now})
}

// Project implements reconcile.Engine.
func (*Engine) Project(scene Scene, state State, plan reconcile.Plan[Data]) {
	Project(scene.Object, state, plan)
}

// Act implements reconcile.Engine.
func (e *Engine) Act(ctx context.Context, scene Scene, action reconcile.Action, facts reconcile.Facts) (reconcile.Facts, error) {
	on, node, err := e.named(scene, action.Node())
	if err != nil {
		return nil, err
	}
	a := &actor{
		handle: on, node: node, facts: facts,
		other: func(name string) (*handle, Member, error) { return e.named(scene, name) },
	}
	return a.run(ctx, action)
}

// Forget implements reconcile.Engine.
func (e *Engine) Forget(key types.NamespacedName) {
	e.handles.Forget(key)
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.counted, key)
}

// named returns the handle of a member by name.
func (e *Engine) named(scene Scene, name string) (*handle, Member, error) {
	for _, m := range Members(scene.Object) {
		if m.Name == name {
			h, err := e.open(scene, m)
			return h, m, err
		}
	}
	return nil, Member{}, fmt.Errorf("no node is called %q", name)
}

func (e *Engine) open(scene Scene, m Member) (*handle, error) {
	if scene.Credentials == nil {
		// The server was not asked, and may well be serving clients.
		return nil, refusal(fmt.Sprintf("the operator has no password: %v", scene.CredentialError))
	}
	if pod := scene.Pods[m.Name]; m.External && len(pod.Addresses) == 0 {
		return nil, errors.New(pod.Unresolved)
	}
	return e.handles.Get(keyOf(scene, m), func() (*handle, error) {
		obj := scene.Object
		a := accessOf(scene, m)
		a.user, a.password = userOf(obj), scene.Credentials.Password(userOf(obj))
		a.replicationUser = replicationUserOf(obj)
		a.replicationPassword = scene.Credentials.Password(a.replicationUser)
		a.tls = scene.Credentials.TLS
		return newHandle(a)
	})
}

// accessOf says where a server is asked: an external one at the addresses that the Services
// would lead to, so that it is that server which was seen.
func accessOf(scene Scene, m Member) access {
	a := access{host: m.Host, port: m.Port}
	if m.External {
		a.at = scene.Pods[m.Name].Addresses
	}
	return a
}

func keyOf(scene Scene, m Member) pool.Key {
	a := accessOf(scene, m)
	key := pool.Key{Object: scene.Key, Node: m.Name, User: userOf(scene.Object), Address: fmt.Sprintf("%s %v", address(a.host, a.port), a.at)}
	if scene.Credentials != nil {
		key.Version = scene.Credentials.Version
	}
	return key
}

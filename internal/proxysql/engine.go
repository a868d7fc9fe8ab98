// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package proxysql

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/mysql/conn"
	"github.com/upmio/compose-operator/internal/pool"
	"github.com/upmio/compose-operator/internal/proxysql/admin"
	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/internal/server"
)

// Kind is the kind of resource that this package looks after.
const Kind = "ProxysqlSync"

// Scene is what one pass over a ProxysqlSync works with.
type Scene = reconcile.Scene[*v1alpha1.ProxysqlSync]

// Engine implements reconcile.Engine. It holds connections, and what was read through them
// and has not changed since.
type Engine struct {
	handles *pool.Pool[*handle]
	sources *pool.Pool[*sourceHandle]
}

var (
	_ reconcile.Engine[*v1alpha1.ProxysqlSync, State, Data] = (*Engine)(nil)
	_ reconcile.Depender                                    = (*Engine)(nil)
)

// NewEngine returns an engine without any connection.
func NewEngine() *Engine {
	return &Engine{
		handles: pool.New(func(h *handle) { h.Close() }),
		sources: pool.New(func(h *sourceHandle) { h.Close() }),
	}
}

// Kind implements reconcile.Engine.
func (*Engine) Kind() string { return Kind }

// New implements reconcile.Engine.
func (*Engine) New() *v1alpha1.ProxysqlSync { return &v1alpha1.ProxysqlSync{} }

// NewList implements reconcile.Engine.
func (*Engine) NewList() client.ObjectList { return &v1alpha1.ProxysqlSyncList{} }

// DependsOn implements reconcile.Depender.
func (*Engine) DependsOn() []client.Object {
	return []client.Object{&v1alpha1.MysqlReplication{}, &v1alpha1.MysqlGroupReplication{}}
}

// Describe implements reconcile.Engine.
func (*Engine) Describe(obj *v1alpha1.ProxysqlSync) reconcile.Description { return describe(obj) }

// Observe implements reconcile.Engine. It takes 4 s at the most.
func (e *Engine) Observe(ctx context.Context, scene Scene) State {
	spec := scene.Object.Spec
	var nodes []*Node
	var wanted []pool.Key
	for _, n := range spec.Proxysql {
		nodes = append(nodes, &Node{Name: n.Name, Host: n.Host, Port: n.Port})
		wanted = append(wanted, keyOf(scene, n))
	}
	e.handles.Keep(scene.Key, wanted)
	queries := newLookQueries(writerOf(spec), readerOf(spec))
	return observe(ctx, nodes, func(ctx context.Context, n *Node) *Node {
		h, err := e.open(scene, n.Name)
		if err != nil {
			return &Node{Reach: server.ReachError, Problem: err.Error()}
		}
		return h.look(ctx, queries)
	}, func(ctx context.Context) *Source { return e.source(ctx, scene) })
}

// source looks at the server that the topology has as its source.
func (e *Engine) source(ctx context.Context, scene Scene) *Source {
	t := topologyIn(scene)
	if !t.known() || t.Changing || scene.Credentials == nil {
		// Nobody would use the answer, and others would wait for it.
		return nil
	}
	user := mysqlUser(scene.Object.Spec)
	access := conn.Access{Host: t.Source.Host, Port: t.Source.Port, User: user, Password: scene.Credentials.Password(user), TLS: scene.Credentials.TLS}
	key := pool.Key{Object: scene.Key, Node: t.Source.Name, Address: access.Address(), User: user, Version: scene.Credentials.Version}
	e.sources.Keep(scene.Key, []pool.Key{key})
	h, err := e.sources.Get(key, func() (*sourceHandle, error) { return newSourceHandle(access) })
	if err != nil {
		return &Source{Reach: server.ReachError, Problem: err.Error()}
	}
	return h.look(ctx)
}

func topologyIn(scene Scene) Topology {
	var used any
	if len(scene.Used) > 0 {
		used = scene.Used[0]
	}
	return topologyOf(scene.Object.Spec, used)
}

// Plan implements reconcile.Engine.
func (*Engine) Plan(scene Scene, state State) reconcile.Plan[Data] {
	return Plan(Input{Object: scene.Object, Topology: topologyIn(scene), State: state, Now: scene.Now})
}

// Project implements reconcile.Engine.
func (*Engine) Project(scene Scene, state State, plan reconcile.Plan[Data]) {
	Project(scene.Object, state, plan)
}

// Act implements reconcile.Engine.
func (e *Engine) Act(ctx context.Context, scene Scene, action reconcile.Action, _ reconcile.Facts) (reconcile.Facts, error) {
	s, is := action.(Sync)
	if !is {
		return nil, fmt.Errorf("unknown action %s", action.About())
	}
	h, err := e.open(scene, s.On)
	if err != nil {
		return nil, err
	}
	return nil, h.sync(ctx, s)
}

// Forget implements reconcile.Engine.
func (e *Engine) Forget(key types.NamespacedName) {
	e.handles.Forget(key)
	e.sources.Forget(key)
}

func (e *Engine) open(scene Scene, name string) (*handle, error) {
	if scene.Credentials == nil {
		return nil, fmt.Errorf("the operator has no password: %w", scene.CredentialError)
	}
	for _, n := range scene.Object.Spec.Proxysql {
		if n.Name == name {
			return e.handles.Get(keyOf(scene, n), func() (*handle, error) {
				user := proxysqlUser(scene.Object.Spec)
				return newHandle(admin.Access{Host: n.Host, Port: n.Port, User: user, Password: scene.Credentials.Password(user)})
			})
		}
	}
	return nil, fmt.Errorf("no node is called %q", name)
}

func keyOf(scene Scene, n v1alpha1.Node) pool.Key {
	key := pool.Key{
		Object: scene.Key, Node: n.Name, User: proxysqlUser(scene.Object.Spec),
		Address: admin.Access{Host: n.Host, Port: n.Port}.Address(),
	}
	if scene.Credentials != nil {
		key.Version = scene.Credentials.Version
	}
	return key
}

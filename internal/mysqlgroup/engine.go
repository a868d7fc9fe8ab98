// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysqlgroup

import (
	"context"
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/mysql/conn"
	"github.com/upmio/compose-operator/internal/mysql/shared"
	"github.com/upmio/compose-operator/internal/pool"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// Kind is the kind of resource that this package looks after.
const Kind = "MysqlGroupReplication"

// Scene is what one pass over a MysqlGroupReplication works with.
type Scene = reconcile.Scene[*v1alpha1.MysqlGroupReplication]

// Engine implements reconcile.Engine. It holds connections and nothing else that
// a new process would miss.
type Engine struct {
	handles *pool.Pool[*handle]

	mu sync.Mutex
	// counted is the last change of the primary that was counted, by resource.
	counted map[types.NamespacedName]string
}

var _ reconcile.Engine[*v1alpha1.MysqlGroupReplication, State, Data] = (*Engine)(nil)

// NewEngine returns an engine without any connection.
func NewEngine() *Engine {
	return &Engine{
		handles: pool.New(func(h *handle) { h.Close() }),
		counted: map[types.NamespacedName]string{},
	}
}

// Kind implements reconcile.Engine.
func (*Engine) Kind() string { return Kind }

// New implements reconcile.Engine.
func (*Engine) New() *v1alpha1.MysqlGroupReplication { return &v1alpha1.MysqlGroupReplication{} }

// NewList implements reconcile.Engine.
func (*Engine) NewList() client.ObjectList { return &v1alpha1.MysqlGroupReplicationList{} }

// Describe implements reconcile.Engine.
func (*Engine) Describe(obj *v1alpha1.MysqlGroupReplication) reconcile.Description {
	return describe(obj)
}

// Observe implements reconcile.Engine. It takes 4 s at the most.
func (e *Engine) Observe(ctx context.Context, scene Scene) State {
	nodes := Nodes(scene.Object)
	wanted := make([]pool.Key, 0, len(nodes))
	for _, n := range nodes {
		wanted = append(wanted, keyOf(scene, n))
	}
	e.handles.Keep(scene.Key, wanted)
	return observe(ctx, nodes, func(n Node) (*handle, error) { return e.open(scene, n) })
}

// Plan implements reconcile.Engine.
func (*Engine) Plan(scene Scene, state State) reconcile.Plan[Data] {
	return Plan(Input{Object: scene.Object, State: state, Pods: scene.Pods})
}

// Project implements reconcile.Engine.
func (*Engine) Project(scene Scene, state State, plan reconcile.Plan[Data]) {
	Project(scene.Object, state, plan)
}

// Act implements reconcile.Engine.
func (e *Engine) Act(ctx context.Context, scene Scene, action reconcile.Action, _ reconcile.Facts) (reconcile.Facts, error) {
	on, node, err := e.named(scene, action.Node())
	if err != nil {
		return nil, err
	}
	user := shared.ReplicationUser(scene.Object.Spec.Secret)
	a := &actor{
		handle: on, node: node,
		other:           func(name string) (*handle, Node, error) { return e.named(scene, name) },
		replicationUser: user, replicationPassword: scene.Credentials.Password(user),
	}
	return nil, a.run(ctx, action)
}

// Forget implements reconcile.Engine.
func (e *Engine) Forget(key types.NamespacedName) {
	e.handles.Forget(key)
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.counted, key)
}

// named returns the handle of a node by name.
func (e *Engine) named(scene Scene, name string) (*handle, Node, error) {
	for _, n := range Nodes(scene.Object) {
		if n.Name == name {
			h, err := e.open(scene, n)
			return h, n, err
		}
	}
	return nil, Node{}, fmt.Errorf("no node is called %q", name)
}

func (e *Engine) open(scene Scene, n Node) (*handle, error) {
	if scene.Credentials == nil {
		// The server was not asked, and may well be serving clients.
		return nil, conn.Refusal(fmt.Sprintf("the operator has no password: %v", scene.CredentialError))
	}
	return e.handles.Get(keyOf(scene, n), func() (*handle, error) {
		user := shared.OperatorUser(scene.Object.Spec.Secret)
		return newHandle(conn.Access{Host: n.Host, Port: n.Port, User: user, Password: scene.Credentials.Password(user), Silence: startTimeout})
	})
}

func keyOf(scene Scene, n Node) pool.Key {
	key := pool.Key{
		Object: scene.Key, Node: n.Name, User: shared.OperatorUser(scene.Object.Spec.Secret),
		Address: conn.Access{Host: n.Host, Port: n.Port}.Address(),
	}
	if scene.Credentials != nil {
		key.Version = scene.Credentials.Version
	}
	return key
}

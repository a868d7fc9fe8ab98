// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/mysql/conn"
	"github.com/upmio/compose-operator/internal/pool"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// Kind is the kind of resource that this package looks after.
const Kind = "MysqlReplication"

// Scene is what one pass over a MysqlReplication works with.
type Scene = reconcile.Scene[*v1alpha1.MysqlReplication]

// Engine implements reconcile.Engine. It holds connections and nothing else that
// a new process would miss: what it has sent to a server is seen on the server.
type Engine struct {
	handles   *pool.Pool[*handle]
	passwords *channelPasswords

	mu sync.Mutex
	// counted is the last end of a switchover that was counted, by resource.
	counted map[types.NamespacedName]string
	// rejoined is the last end of a clone that was counted, by resource and node.
	rejoined map[types.NamespacedName]map[string]string

	sent sendings
}

var _ reconcile.Engine[*v1alpha1.MysqlReplication, State, Data] = (*Engine)(nil)

// NewEngine returns an engine without any connection.
func NewEngine() *Engine {
	return &Engine{
		handles:   pool.New((*handle).Close),
		counted:   map[types.NamespacedName]string{},
		passwords: newChannelPasswords(),
		rejoined:  map[types.NamespacedName]map[string]string{},
	}
}

// Kind implements reconcile.Engine.
func (*Engine) Kind() string { return Kind }

// New implements reconcile.Engine.
func (*Engine) New() *v1alpha1.MysqlReplication { return &v1alpha1.MysqlReplication{} }

// NewList implements reconcile.Engine.
func (*Engine) NewList() client.ObjectList { return &v1alpha1.MysqlReplicationList{} }

// Describe implements reconcile.Engine.
func (*Engine) Describe(obj *v1alpha1.MysqlReplication) reconcile.Description { return describe(obj) }

// Observe implements reconcile.Engine. It takes 5 s at the most, and one more when
// the replication password has changed.
func (e *Engine) Observe(ctx context.Context, scene Scene) State {
	members := Members(scene.Object)
	wanted := make([]pool.Key, 0, len(members))
	for _, m := range members {
		wanted = append(wanted, keyOf(scene, m))
	}
	e.handles.Keep(scene.Key, wanted)
	state := observe(ctx, members, watchFor(scene.Object), func(m Member) (*handle, error) { return e.open(scene, m) })
	for name, s := range state.Nodes {
		if s.Clone != nil {
			s.Clone.Sent, s.Clone.Outcome = e.sent.outcome(scene.Key, name)
		}
	}
	e.passwords.outdated(ctx, scene, state)
	return state
}

// watchFor says how the servers of a resource are looked at. Closely from the first look
// on that a user's edit of the source brings about, until the change has ended.
func watchFor(obj *v1alpha1.MysqlReplication) watch {
	source := obj.Status.Source
	return watch{
		source:  source,
		leaving: leaving(obj) && !undone(obj),
		closely: underWay(obj.Status.Switchover) || leaving(obj),
		clones:  asksForClone(obj),
	}
}

// leaving says whether the spec wants another source than the present one.
func leaving(obj *v1alpha1.MysqlReplication) bool {
	return obj.Status.Source != "" && obj.Spec.Source != nil && obj.Spec.Source.Name != obj.Status.Source
}

// undone: the wanted source was tried, and the present one stays until the next edit.
func undone(obj *v1alpha1.MysqlReplication) bool {
	r := obj.Status.Switchover
	return r != nil && r.Phase == v1alpha1.SwitchoverUndone && r.Generation == obj.Generation
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
	on, err := e.named(scene, action.Node())
	if err != nil {
		return nil, err
	}
	user := replicationUser(scene.Object)
	a := &actor{
		handle: on, facts: facts,
		other:           func(name string) (*handle, error) { return e.named(scene, name) },
		replicationUser: user, replicationPassword: scene.Credentials.Password(user),
		operatorPassword: scene.Credentials.Password(operatorUser(scene.Object)),
		send: func(node string, run func(context.Context, *conn.Handle) error) (*sending, error) {
			return e.send(scene, node, run)
		},
	}
	learned, err := a.run(ctx, action)
	on.doubt(err)
	if a.gavePassword != "" {
		e.passwords.given(scene.Key, action.Node(), a.gavePassword, a.replicationPassword)
	}
	return learned, err
}

// Forget implements reconcile.Engine.
func (e *Engine) Forget(key types.NamespacedName) {
	e.handles.Forget(key)
	e.passwords.forget(key)
	e.sent.forget(key)
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.counted, key)
	delete(e.rejoined, key)
}

// send runs something on a connection of its own to a node, beyond the action.
func (e *Engine) send(scene Scene, name string, run func(context.Context, *conn.Handle) error) (*sending, error) {
	for _, m := range Members(scene.Object) {
		if m.Name == name {
			return e.sent.start(scene.Key, name, accessTo(scene, m), run)
		}
	}
	return nil, noNode(name)
}

func noNode(name string) error { return fmt.Errorf("no node is called %q", name) }

// accessTo a node as the operator's user; only with credentials.
func accessTo(scene Scene, m Member) conn.Access {
	user := operatorUser(scene.Object)
	access := accessOf(scene, m)
	access.User, access.Password, access.TLS = user, scene.Credentials.Password(user), scene.Credentials.TLS
	return access
}

// named returns the handle of a member by name.
func (e *Engine) named(scene Scene, name string) (*handle, error) {
	for _, m := range Members(scene.Object) {
		if m.Name == name {
			return e.open(scene, m)
		}
	}
	return nil, noNode(name)
}

func (e *Engine) open(scene Scene, m Member) (*handle, error) {
	if scene.Credentials == nil {
		// The server was not asked, and may well be serving clients.
		return nil, conn.Refusal(fmt.Sprintf("the operator has no password: %v", scene.CredentialError))
	}
	if pod := scene.Pods[m.Name]; m.External && len(pod.Addresses) == 0 {
		return nil, errors.New(pod.Unresolved)
	}
	return e.handles.Get(keyOf(scene, m), func() (*handle, error) {
		return newHandle(accessTo(scene, m))
	})
}

// accessOf says where a server is asked: an external one at the addresses that the
// Services would lead to, so that it is that server which was seen.
func accessOf(scene Scene, m Member) conn.Access {
	access := conn.Access{Host: m.Host, Port: m.Port}
	if m.External {
		access.At = scene.Pods[m.Name].Addresses
	}
	return access
}

func keyOf(scene Scene, m Member) pool.Key {
	key := pool.Key{Object: scene.Key, Node: m.Name, User: operatorUser(scene.Object), Address: accessOf(scene, m).String()}
	if scene.Credentials != nil {
		key.Version = scene.Credentials.Version
	}
	return key
}

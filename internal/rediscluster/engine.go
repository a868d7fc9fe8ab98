// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package rediscluster

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/metrics"
	"github.com/upmio/compose-operator/internal/pool"
	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/internal/redis/conn"
)

// Kind is the kind of resource that this package looks after.
const Kind = "RedisCluster"

// Scene is what one pass over a RedisCluster works with.
type Scene = reconcile.Scene[*v1alpha1.RedisCluster]

// Engine implements reconcile.Engine. It holds connections, since when a server has been
// silent, how many keys were moved, and nothing else that a new process would miss.
type Engine struct {
	handles *pool.Pool[*handle]

	mu sync.Mutex
	// moved counts keys, by resource.
	moved map[types.NamespacedName]int64
	// failed are the actions that have failed and not succeeded since, by resource.
	failed map[types.NamespacedName]map[string]failure
}

var _ reconcile.Engine[*v1alpha1.RedisCluster, State, Data] = (*Engine)(nil)

// NewEngine returns an engine without any connection.
func NewEngine() *Engine {
	return &Engine{
		handles: pool.New(func(h *handle) { h.Close() }),
		moved:   map[types.NamespacedName]int64{},
		failed:  map[types.NamespacedName]map[string]failure{},
	}
}

// failure is how often in a row an action has failed, and until when it is left alone.
type failure struct {
	times int
	until time.Time
}

// longestWait between two attempts at an action that fails.
const longestWait = 30 * time.Second

// note remembers how an action ended. After a MIGRATE that was not answered in time it is left
// alone at once for as long as ever: the source serves nobody while it waits.
func (e *Engine) note(key types.NamespacedName, action reconcile.Action, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	name := nameOf(action)
	if err == nil {
		delete(e.failed[key], name)
		return
	}
	if e.failed[key] == nil {
		e.failed[key] = map[string]failure{}
	}
	f := e.failed[key][name]
	f.times++
	wait := min(longestWait, time.Second<<min(f.times-1, 5))
	if conn.Code(err) == "IOERR" {
		wait = longestWait
	}
	f.until = time.Now().Add(wait)
	e.failed[key][name] = f
}

// waits are the actions that are left alone for now.
func (e *Engine) waits(key types.NamespacedName) map[string]bool {
	out := map[string]bool{}
	for name, f := range e.failed[key] {
		if time.Now().Before(f.until) {
			out[name] = true
		}
	}
	return out
}

// Kind implements reconcile.Engine.
func (*Engine) Kind() string { return Kind }

// New implements reconcile.Engine.
func (*Engine) New() *v1alpha1.RedisCluster { return &v1alpha1.RedisCluster{} }

// NewList implements reconcile.Engine.
func (*Engine) NewList() client.ObjectList { return &v1alpha1.RedisClusterList{} }

// Describe implements reconcile.Engine.
func (*Engine) Describe(obj *v1alpha1.RedisCluster) reconcile.Description { return describe(obj) }

// Observe implements reconcile.Engine. It takes 3 s at the most.
func (e *Engine) Observe(ctx context.Context, scene Scene) State {
	members := Members(scene.Object)
	wanted := make([]pool.Key, 0, len(members))
	for _, m := range members {
		wanted = append(wanted, keyOf(scene, m))
	}
	e.handles.Keep(scene.Key, wanted)
	state := observe(ctx, members, func(m Member) (*handle, error) { return e.open(scene, m) })
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(scene.Object.Status.Moves) == 0 {
		delete(e.moved, scene.Key)
	}
	state.KeysMoved, state.Waits = e.moved[scene.Key], e.waits(scene.Key)
	return state
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
func (e *Engine) Act(ctx context.Context, scene Scene, action reconcile.Action, _ reconcile.Facts) (reconcile.Facts, error) {
	a, err := e.actor(scene, action.Node())
	if err != nil {
		return nil, err
	}
	err = a.run(ctx, action)
	e.note(scene.Key, action, err)
	return nil, err
}

// actor acts on a node.
func (e *Engine) actor(scene Scene, name string) (*actor, error) {
	on, node, err := e.named(scene, name)
	if err != nil {
		return nil, err
	}
	return &actor{
		handle: on, node: node, tls: scene.Object.Spec.TLS.EffectiveMode().Demands(),
		other: func(name string) (*handle, Member, error) { return e.named(scene, name) },
		at: func(m Member, at conn.Access) (*conn.Client, error) {
			access := e.access(scene, m)
			access.At, access.Port = at.At, at.Port
			return conn.Open(access)
		},
		count: func(keys int) {
			metrics.CountMovedKeys(metrics.Set{Kind: Kind, Namespace: scene.Key.Namespace, Name: scene.Key.Name}, keys)
			e.mu.Lock()
			defer e.mu.Unlock()
			e.moved[scene.Key] += int64(keys)
		},
	}, nil
}

// Forget implements reconcile.Engine.
func (e *Engine) Forget(key types.NamespacedName) {
	e.handles.Forget(key)
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.moved, key)
	delete(e.failed, key)
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
		return nil, conn.Refusal(fmt.Sprintf("the operator has no password: %v", scene.CredentialError))
	}
	return e.handles.Get(keyOf(scene, m), func() (*handle, error) {
		h, err := conn.NewHandle(e.access(scene, m))
		if err != nil {
			return nil, err
		}
		return &handle{Handle: h}, nil
	})
}

// access is what is needed to speak to a member. Credentials must be there.
func (*Engine) access(scene Scene, m Member) conn.Access {
	return conn.Access{
		Host: m.Host, Port: m.Port, User: scene.Object.Spec.Secret.User,
		Password: scene.Credentials.Password(passwordKey(scene.Object)), TLS: scene.Credentials.TLS,
	}
}

func keyOf(scene Scene, m Member) pool.Key {
	key := pool.Key{Object: scene.Key, Node: m.Name, User: scene.Object.Spec.Secret.User,
		Address: conn.Access{Host: m.Host, Port: m.Port}.String()}
	if scene.Credentials != nil {
		key.Version = scene.Credentials.Version
	}
	return key
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/internal/mysql"
	"github.com/upmio/compose-operator/internal/mysqlgroup"
	"github.com/upmio/compose-operator/internal/postgres"
	"github.com/upmio/compose-operator/internal/proxysql"
	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/internal/redis"
	"github.com/upmio/compose-operator/internal/rediscluster"
)

// kinds are the kinds of resources that the operator looks after, one line for each.
// PROJECT has the same list; test/kinds compares them.
func kinds() []kind {
	return []kind{
		kindOf(mysql.NewEngine()),
		kindOf(mysqlgroup.NewEngine()),
		kindOf(redis.NewEngine()),
		kindOf(rediscluster.NewEngine()),
		kindOf(proxysql.NewEngine()),
		kindOf(postgres.NewEngine()),
	}
}

// Kinds names them.
func Kinds() []string {
	var names []string
	for _, one := range kinds() {
		names = append(names, one.name)
	}
	return names
}

// kind is what the manager has to know of a kind of resource.
type kind struct {
	name string
	// object is an empty resource of the kind.
	object client.Object
	// newList returns an empty list of them.
	newList func() client.ObjectList
	// underWay says whether a change is on record for a resource of the kind that
	// has neither ended nor been undone.
	underWay func(client.Object) bool
	// setup registers the kind's controller.
	setup func(ctrl.Manager, reconcile.Options) error
}

func kindOf[T client.Object, S, D any](engine reconcile.Engine[T, S, D]) kind {
	return kind{
		name:    engine.Kind(),
		object:  engine.New(),
		newList: engine.NewList,
		underWay: func(object client.Object) bool {
			resource, is := object.(T)
			return is && engine.Describe(resource).UnderWay
		},
		setup: func(mgr ctrl.Manager, options reconcile.Options) error {
			return reconcile.Setup(mgr, engine, options)
		},
	}
}

// setupKinds registers the controllers.
func setupKinds(mgr ctrl.Manager, all []kind, options reconcile.Options) error {
	for _, one := range all {
		if err := one.setup(mgr, options); err != nil {
			return err
		}
	}
	return nil
}

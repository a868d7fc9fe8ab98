// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/upmio/compose-operator/internal/mysql"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// setupKinds registers the controllers, one line for each kind.
func setupKinds(mgr ctrl.Manager, options reconcile.Options) error {
	for _, setup := range []func() error{
		func() error { return reconcile.Setup(mgr, mysql.NewEngine(), options) },
	} {
		if err := setup(); err != nil {
			return err
		}
	}
	return nil
}

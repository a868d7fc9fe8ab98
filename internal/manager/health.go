// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/healthz"

	"github.com/upmio/compose-operator/internal/certs"
)

// syncCheckTimeout keeps an answer within a probe's own timeout.
const syncCheckTimeout = 500 * time.Millisecond

// addChecks makes the process alive while it answers, and ready once it knows the
// resources and serves admission.
func addChecks(ctx context.Context, mgr ctrl.Manager, o Options, all []kind, rotator *certs.Rotator) error {
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return fmt.Errorf("add the health check: %w", err)
	}
	// A replica that is not the leader reconciles nothing; admission needs the
	// resources in the cache there as well.
	for _, one := range all {
		if _, err := mgr.GetCache().GetInformer(ctx, one.object, cache.BlockUntilSynced(false)); err != nil {
			return fmt.Errorf("watch %ss (are the custom resource definitions installed?): %w", one.name, err)
		}
	}
	if err := mgr.AddReadyzCheck("caches", cachesSynced(mgr.GetCache())); err != nil {
		return fmt.Errorf("add the readiness check of the caches: %w", err)
	}
	if !o.EnableWebhook {
		return nil
	}
	if err := mgr.AddReadyzCheck("webhook", webhookServes(rotator, mgr.GetWebhookServer().StartedChecker())); err != nil {
		return fmt.Errorf("add the readiness check of the webhook: %w", err)
	}
	return nil
}

// webhookServes asks the server only once there is a certificate: it would log a
// failed handshake for each probe until then.
func webhookServes(rotator *certs.Rotator, started healthz.Checker) healthz.Checker {
	return func(req *http.Request) error {
		if rotator != nil {
			if err := rotator.Ready(); err != nil {
				return err
			}
		}
		return started(req)
	}
}

type syncWaiter interface {
	WaitForCacheSync(ctx context.Context) bool
}

func cachesSynced(caches syncWaiter) healthz.Checker {
	return func(req *http.Request) error {
		ctx, cancel := context.WithTimeout(req.Context(), syncCheckTimeout)
		defer cancel()
		if !caches.WaitForCacheSync(ctx) {
			return errors.New("the caches are not synced with the API server yet")
		}
		return nil
	}
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"fmt"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/upmio/compose-operator/internal/monitoring"
)

// addMonitoring registers what keeps the ServiceMonitor and the alerts. Without metrics
// there is nothing to scrape, and an alert would say that the operator is down.
func addMonitoring(mgr ctrl.Manager, o Options) error {
	if !o.Monitoring || !servesMetrics(o.MetricsBindAddress) {
		return nil
	}
	keeper := &monitoring.Keeper{Reader: mgr.GetAPIReader(), Writer: mgr.GetClient(), Namespace: o.OperatorNamespace}
	if err := mgr.Add(keeper); err != nil {
		return fmt.Errorf("add the monitoring: %w", err)
	}
	return nil
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package monitoring has tests only: alerts, their tests and runbooks, the dashboard and
// the ServiceMonitor agree with what the operator exports and with one another. Whether
// an alert fires when it should is promtool's to say, from the files in alerts/:
// make test-alerts.
package monitoring

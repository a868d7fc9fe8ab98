// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package monitoring lets the operator bring its own ServiceMonitor and PrometheusRule
// to clusters that have the Prometheus Operator. A package for every cluster cannot hold
// them: OLM fails an installation that has a kind which the cluster does not know.
package monitoring

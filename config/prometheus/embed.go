// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package prometheus holds the manifests beside it, so that what the operator applies
// by itself is what "kubectl apply -k config/prometheus" does.
package prometheus

import _ "embed"

// Monitor is the ServiceMonitor.
//
//go:embed monitor.yaml
var Monitor []byte

// Rules is the PrometheusRule.
//
//go:embed rules.yaml
var Rules []byte

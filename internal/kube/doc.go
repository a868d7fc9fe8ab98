// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package kube writes what the operator owns in Kubernetes beside the status of
// its resources: two Services of a resource and two labels on its pods. What it
// did not make it leaves alone.
package kube

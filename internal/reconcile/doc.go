// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package reconcile is the kernel that every kind of resource shares: observe,
// plan, act, report. A kind brings an [Engine]; its planner alone knows what is
// right, and touches nothing. The kernel reads the resource, its pods and its
// passwords, has the engine observe, carries out the plan in the order that a
// crash at any point can be recovered from, and reports.
//
// docs/decisions/2026-11-22-kernel.md says why it has this shape.
package reconcile

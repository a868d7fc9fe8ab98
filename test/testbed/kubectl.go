// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"time"
)

// applyTimeout bounds the application of a manifest, of which OLM's definitions are the largest: a
// megabyte.
const applyTimeout = 2 * time.Minute

// kubectl is the command line that runs kubectl inside the namespace.
func kubectl(l layout, args ...string) []string {
	return append([]string{l.in("bin", "kubectl"), "--kubeconfig", l.kubeconfig()}, args...)
}

// apply applies a file or a directory. A server that has just become ready may still refuse while it
// sets up roles and namespaces, or while it does not serve yet what was just defined.
func apply(ctx context.Context, l layout, path string) error {
	return poll(ctx, applyTimeout, nil, func(ctx context.Context) error {
		_, err := inNetns(ctx, kubectl(l, "apply", "--server-side", "--force-conflicts", "-f", path)...)
		return err
	})
}

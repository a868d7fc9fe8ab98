// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// The manager of Compose Operator.
package main

import (
	"os"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/upmio/compose-operator/internal/manager"
)

// version is set by the linker.
var version = "dev"

func main() {
	os.Exit(manager.Run(ctrl.SetupSignalHandler(), version, os.Args[1:], os.Stdout, os.Stderr))
}

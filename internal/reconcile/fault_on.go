// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build faults

package reconcile

import (
	"os"

	"github.com/go-logr/logr"
)

// Where a build for tests dies, e.g. COMPOSE_FAULT_CRASH_AT=after:fence, and the
// file that keeps it from dying a second time.
const (
	faultCrashAt = "COMPOSE_FAULT_CRASH_AT"
	faultOnce    = "COMPOSE_FAULT_ONCE"
	// faultExit is the exit code of a process that was killed.
	faultExit = 137
)

// faultPoint ends the process as a crash would, when that was asked for here.
func faultPoint(log logr.Logger, when, step string) {
	point := when + ":" + step
	if os.Getenv(faultCrashAt) != point {
		return
	}
	if once := os.Getenv(faultOnce); once != "" {
		file, err := os.OpenFile(once, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			log.Info("fault point passed", "point", point, "why", err.Error())
			return
		}
		_ = file.Close()
	}
	log.Info("fault point: the process dies here", "point", point)
	os.Exit(faultExit)
}

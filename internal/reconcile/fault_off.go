// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !faults

package reconcile

import "github.com/go-logr/logr"

// faultPoint does nothing: only a build with the tag "faults" can be made to die.
func faultPoint(logr.Logger, string, string) {}

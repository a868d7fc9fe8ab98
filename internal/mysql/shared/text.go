// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package shared

import (
	"slices"
	"strings"

	"github.com/upmio/compose-operator/internal/server"
)

// Shorten cuts a GTID set or a server's message to what a person reads.
func Shorten(s string) string { return server.Shorten(s) }

// Names are those in a list that a user wrote, separated by commas, each once.
func Names(list string) []string {
	var out []string
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name != "" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package shared

// longest is how much of a text is shown, in bytes.
const longest = 240

// Shorten cuts a GTID set or a server's message to what a person reads.
func Shorten(s string) string {
	if len(s) > longest {
		return s[:longest] + "…"
	}
	return s
}

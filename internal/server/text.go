// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package server

// longest is how much of a text is shown, in bytes.
const longest = 240

// Shorten cuts what a server says to what a person reads.
func Shorten(s string) string {
	if len(s) > longest {
		return s[:longest] + "…"
	}
	return s
}

// OrDefault is value, or otherwise when that is empty.
func OrDefault(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Command generate writes what the kinds of PROJECT make (see package kinds) into the
// working directory, which is the root of the repository or a copy of it.
package main

import (
	"fmt"
	"os"

	"github.com/upmio/compose-operator/config/kinds"
)

func main() {
	if err := kinds.Write("."); err != nil {
		fmt.Fprintln(os.Stderr, "config/kinds:", err)
		os.Exit(1)
	}
}

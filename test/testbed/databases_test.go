// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"testing"
)

func TestDatabases(t *testing.T) {
	l, dirs := layout{cache: "cache"}, map[string]string{}
	for _, d := range slices.Concat(databases, otherVersions) {
		found, err := findDatabase(d.name)
		if err != nil || found.tag != d.tag {
			t.Errorf("%s leads to %s %s: %v", d.name, found.name, found.tag, err)
		}
		dir := rootfsDir(l, d)
		if other, taken := dirs[dir]; taken {
			t.Errorf("%s and %s have one root file system", d.name, other)
		}
		dirs[dir] = d.name
		// The same packages of another suite are another root file system.
		d.suite += "-of-old"
		if rootfsDir(l, d) == dir {
			t.Errorf("%s: the suite does not count", d.name)
		}
	}
	if _, err := findDatabase("access"); err == nil {
		t.Error("a database that is not known was found")
	}
}

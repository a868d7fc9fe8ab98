// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
)

const catalog = `---
schema: olm.package
name: p
---
schema: olm.channel
name: stable
entries:
- name: p.v1
- name: p.v2
  replaces: p.v1
---
schema: olm.bundle
name: p.v1
---
schema: olm.bundle
name: p.v2
---
schema: olm.deprecations
package: p
`

func TestWithout(t *testing.T) {
	out, err := without([]byte(catalog), "p.v2")
	if err != nil {
		t.Fatal(err)
	}
	text := string(out)
	if strings.Contains(text, "p.v2") || strings.Contains(text, "deprecations") {
		t.Errorf("the newest release is still in it:\n%s", text)
	}
	if strings.Count(text, "p.v1") != 2 || !strings.Contains(text, "olm.package") {
		t.Errorf("something else went with it:\n%s", text)
	}
	if _, err := without([]byte(catalog), "p.v3"); err == nil {
		t.Error("a release that is not there was left out without an error")
	}
}

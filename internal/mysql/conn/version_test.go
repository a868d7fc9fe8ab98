// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"strings"
	"testing"
)

func TestParseVersion(t *testing.T) {
	for text, want := range map[string]Version{
		"8.0.20": {8, 0, 20}, "8.0.36-28.1": {8, 0, 36}, "9.7.4-2": {9, 7, 4}, "8.4.0-commercial": {8, 4, 0},
	} {
		got, err := ParseVersion(text)
		if err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "8", "8.0", "x.y.z", "8.0.x"} {
		if _, err := ParseVersion(text); err == nil {
			t.Errorf("%q is taken for a version", text)
		}
	}
}

func TestUnsupported(t *testing.T) {
	for text, want := range map[string]string{
		"8.0.20": "", "9.7.4-2": "", "5.7.44-log": "upgrade", "10.11.6-MariaDB-log": "MariaDB",
	} {
		v, err := ParseVersion(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := Unsupported(text, v); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q", text, got)
		}
	}
}

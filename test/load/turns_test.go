// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"strings"
	"testing"
)

func TestTurns(t *testing.T) {
	for _, test := range []struct {
		name string
		acks []ack
		want string
	}{
		{"nobody", nil, ""},
		{"one server", []ack{{1, 2, "a"}, {2, 3, "a"}}, "a"},
		{"a change", []ack{{1, 2, "a"}, {3, 4, "b"}, {4, 5, "b"}}, "a b"},
		{"an answer that came late", []ack{{1, 6, "a"}, {3, 4, "b"}, {7, 8, "b"}}, "a b"},
		{"an answer in any order", []ack{{7, 8, "b"}, {3, 4, "b"}, {1, 2, "a"}}, "a b"},
		{"two at the same time", []ack{{1, 2, "a"}, {3, 4, "b"}, {5, 6, "a"}}, "a b a"},
		{"two at the same time for long", []ack{{1, 2, "a"}, {3, 4, "b"}, {5, 6, "a"}, {7, 8, "b"}}, "a b a b"},
		{"there and back", []ack{{1, 2, "a"}, {3, 4, "b"}, {5, 6, "b"}, {7, 8, "a"}}, "a b a"},
		{"a third one", []ack{{1, 2, "a"}, {3, 4, "b"}, {5, 6, "c"}, {5, 7, "b"}}, "a b c"},
	} {
		servers, writes := []string{}, 0
		for _, turn := range turnsOf(test.acks) {
			servers = append(servers, turn.server)
			writes += turn.writes
		}
		if got := strings.Join(servers, " "); got != test.want || writes != len(test.acks) {
			t.Errorf("%s: %q with %d writes", test.name, got, writes)
		}
	}
}

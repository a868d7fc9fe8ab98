// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build mysqld

package mysql

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/upmio/compose-operator/internal/mysql/gtid"
	"github.com/upmio/compose-operator/test/mysqld"
)

// Sets at random: what the operator makes of them is what a server makes of them.
func TestSetsAreLikeTheServers(t *testing.T) {
	t.Parallel()
	s := mysqld.New(t, mysqld.Options{})
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	some := func() string {
		var parts []string
		for range random.IntN(6) {
			part := fmt.Sprintf("%c%c%[1]c%[1]c%[1]c%[1]c%[1]c%[1]c-0000-0000-0000-000000000000", 'a'+rune(random.IntN(3)), 'A'+rune(random.IntN(2)))
			if random.IntN(4) == 0 {
				part += fmt.Sprintf(":tag_%d", random.IntN(2))
			}
			for range 1 + random.IntN(4) {
				from := 1 + random.Int64N(40)
				part += fmt.Sprintf(":%d-%d", from, from+random.Int64N(8))
			}
			parts = append(parts, part)
		}
		return strings.Join(parts, ", ")
	}
	bit := map[bool]string{true: "1", false: "0"}
	for range 500 {
		one, two := some(), some()
		x, y := gtid.MustParse(one), gtid.MustParse(two)
		if got := gtid.MustParse(s.Value("SELECT GTID_SUBTRACT(?, ?)", one, two)); !got.Equal(x.Subtract(y)) {
			t.Fatalf("%q - %q: the server says %q, and here it is %q", one, two, got, x.Subtract(y))
		}
		if got := s.Value("SELECT GTID_SUBSET(?, ?)", one, two); got != bit[y.Contains(x)] {
			t.Fatalf("%q within %q: the server says %s", one, two, got)
		}
		if got := s.Value("SELECT GTID_SUBSET(?, ?) AND GTID_SUBSET(?, ?)", one, x.Union(y).String(), two, x.Union(y).String()); got != "1" {
			t.Fatalf("%q and %q are not within their union %q, says the server", one, two, x.Union(y))
		}
	}
}

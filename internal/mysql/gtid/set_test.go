// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package gtid_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/upmio/compose-operator/internal/mysql/gtid"
)

const (
	a = "3e11fa47-71ca-11e1-9e33-c80aa9429562"
	b = "4e11fa47-71ca-11e1-9e33-c80aa9429562"
)

func TestParseAndPrint(t *testing.T) {
	for text, want := range map[string]string{
		"":                           "",
		" \n":                        "",
		a + ":1":                     a + ":1",
		a + ":1-5":                   a + ":1-5",
		a + ":1-5:7":                 a + ":1-5:7",
		a + ":7:1-5":                 a + ":1-5:7",
		a + ":1-5:6-9":               a + ":1-9",
		a + ":1-5:3-9:9-10":          a + ":1-10",
		b + ":1," + a + ":2":         a + ":2," + b + ":1",
		a + ":1-3,\n" + b + ":5":     a + ":1-3," + b + ":5",
		a + ":1," + a + ":2":         a + ":1-2",
		strings.ToUpper(a) + ":1":    a + ":1",
		a + ":1-5:backup:1-3":        a + ":1-5," + a + ":backup:1-3",
		a + ":backup:1-3:7:other:2":  a + ":backup:1-3:7," + a + ":other:2",
		a + ":Backup:1":              a + ":backup:1",
		a + ":5-3":                   "",
		a + ":1-9223372036854775806": a + ":1-9223372036854775806",
		"," + a + ":1,":              a + ":1",
	} {
		got, err := gtid.Parse(text)
		if err != nil || got.String() != want {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
		again, err := gtid.Parse(got.String())
		if err != nil || !again.Equal(got) {
			t.Errorf("%q does not survive: %v", got, err)
		}
	}
	for _, text := range []string{
		"x", a, a + ":", a + ":0", a + ":-1", a + ":1-", a + ":1-x", a + ":1:", "short:1", a + "1:1", a + ":ta g!:1",
		a + ":" + strings.Repeat("t", 33) + ":1", a + ":99999999999999999999",
	} {
		if got, err := gtid.Parse(text); err == nil {
			t.Errorf("%q is taken for %q", text, got)
		}
	}
}

func TestArithmetic(t *testing.T) {
	for _, test := range []struct{ x, y, union, minus string }{
		{"", "", "", ""},
		{a + ":1-5", "", a + ":1-5", a + ":1-5"},
		{"", a + ":1-5", a + ":1-5", ""},
		{a + ":1-5", a + ":1-5", a + ":1-5", ""},
		{a + ":1-9", a + ":3-5", a + ":1-9", a + ":1-2:6-9"},
		{a + ":3-5", a + ":1-9", a + ":1-9", ""},
		{a + ":1-5", a + ":4-9", a + ":1-9", a + ":1-3"},
		{a + ":4-9", a + ":1-5", a + ":1-9", a + ":6-9"},
		{a + ":1-3:7-9", a + ":2:8", a + ":1-3:7-9", a + ":1:3:7:9"},
		{a + ":1-3", b + ":1-3", a + ":1-3," + b + ":1-3", a + ":1-3"},
		{a + ":1-3", a + ":tag:1-3", a + ":1-3," + a + ":tag:1-3", a + ":1-3"},
		{a + ":1-20", a + ":1:3:5-7:20-30", a + ":1-30", a + ":2:4:8-19"},
	} {
		x, y := gtid.MustParse(test.x), gtid.MustParse(test.y)
		if got := x.Union(y).String(); got != test.union {
			t.Errorf("%q ∪ %q = %q, want %q", test.x, test.y, got, test.union)
		}
		if got := x.Subtract(y).String(); got != test.minus {
			t.Errorf("%q − %q = %q, want %q", test.x, test.y, got, test.minus)
		}
		if got := x.Contains(y); got != (x.Union(y).Equal(x)) {
			t.Errorf("%q contains %q: %v", test.x, test.y, got)
		}
		if x.String() != gtid.MustParse(test.x).String() || y.String() != gtid.MustParse(test.y).String() {
			t.Errorf("%q, %q: an operand was changed", test.x, test.y)
		}
	}
}

func TestFrom(t *testing.T) {
	set := gtid.MustParse(a + ":1-3," + b + ":tag:1")
	for uuid, want := range map[string]bool{a: true, strings.ToUpper(b): true, "": false, a[1:]: false} {
		if set.From(uuid) != want || (gtid.Set{}).From(uuid) {
			t.Errorf("%q: %t", uuid, !want)
		}
	}
}

func TestOf(t *testing.T) {
	const one, two = "aaaaaaaa-0000-0000-0000-000000000000", "bbbbbbbb-0000-0000-0000-000000000000"
	s := gtid.MustParse(one + ":1-5," + one + ":tag:3," + two + ":7")
	for uuid, want := range map[string]string{strings.ToUpper(one): one + ":1-5," + one + ":tag:3", two: two + ":7", "": ""} {
		if got := s.Of(uuid); got.String() != want || got.Empty() != (want == "") {
			t.Errorf("of %q: got %q, want %q", uuid, got, want)
		}
	}
}

// naive is a set as a map, to compare with.
type naive map[string]bool

func (n naive) set() gtid.Set {
	var parts []string
	for gtid := range n {
		parts = append(parts, gtid)
	}
	return gtid.MustParse(strings.Join(parts, ","))
}

func TestAgainstNaiveSets(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	some := func() naive {
		out := naive{}
		for range random.IntN(30) {
			source := []string{a, b, a + ":tag"}[random.IntN(3)]
			out[fmt.Sprintf("%s:%d", source, 1+random.IntN(20))] = true
		}
		return out
	}
	for range 2000 {
		x, y := some(), some()
		union, minus, contains := naive{}, naive{}, true
		for g := range x {
			union[g] = true
			if !y[g] {
				minus[g] = true
			}
		}
		for g := range y {
			union[g] = true
			contains = contains && x[g]
		}
		sx, sy := x.set(), y.set()
		if !sx.Union(sy).Equal(union.set()) || !sx.Subtract(sy).Equal(minus.set()) || sx.Contains(sy) != contains {
			t.Fatalf("x = %s, y = %s: union %s, minus %s, contains %v", sx, sy, sx.Union(sy), sx.Subtract(sy), sx.Contains(sy))
		}
		if sx.Count() != int64(len(x)) || sx.Empty() != (len(x) == 0) || sx.Equal(sy) != (contains && len(x) == len(y)) {
			t.Fatalf("x = %s, y = %s: count %d", sx, sy, sx.Count())
		}
	}
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package rediscluster

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// slotCount is how many hash slots there are.
const slotCount = 16384

const wordBits = 64

// Slots is a set of hash slots: a plain value.
type Slots [slotCount / wordBits]uint64

// allSlots is the set of all.
func allSlots() Slots { return Slots{}.Not() }

// Add puts slots in.
func (s *Slots) Add(slots ...int) {
	for _, n := range slots {
		s[n/wordBits] |= 1 << (n % wordBits)
	}
}

// AddRange puts first to last in.
func (s *Slots) AddRange(first, last int) {
	for n := first; n <= last; n++ {
		s.Add(n)
	}
}

// Has says whether a slot is in.
func (s *Slots) Has(n int) bool { return s[n/wordBits]&(1<<(n%wordBits)) != 0 }

// Count is how many there are.
func (s *Slots) Count() int {
	n := 0
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

// Empty says whether there is none.
func (s *Slots) Empty() bool { return *s == Slots{} }

// Or is the union.
func (s Slots) Or(o Slots) Slots {
	for i := range s {
		s[i] |= o[i]
	}
	return s
}

// And is what both have.
func (s Slots) And(o Slots) Slots {
	for i := range s {
		s[i] &= o[i]
	}
	return s
}

// Minus is what the other one lacks.
func (s Slots) Minus(o Slots) Slots {
	for i := range s {
		s[i] &^= o[i]
	}
	return s
}

// Not is what it lacks itself.
func (s Slots) Not() Slots {
	for i := range s {
		s[i] = ^s[i]
	}
	return s
}

// List in ascending order.
func (s *Slots) List() []int {
	out := make([]int, 0, s.Count())
	for i, w := range s {
		for ; w != 0; w &= w - 1 {
			out = append(out, i*wordBits+bits.TrailingZeros64(w))
		}
	}
	return out
}

// Highest are the n highest of them.
func (s *Slots) Highest(n int) Slots {
	var out Slots
	list := s.List()
	out.Add(list[max(0, len(list)-n):]...)
	return out
}

// Lowest are the n lowest of them.
func (s *Slots) Lowest(n int) Slots {
	var out Slots
	list := s.List()
	out.Add(list[:min(n, len(list))]...)
	return out
}

// Ranges in the words of CLUSTER NODES: "0-5460", "7".
func (s *Slots) Ranges() []string {
	var out []string
	list := s.List()
	for i := 0; i < len(list); {
		j := i
		for j+1 < len(list) && list[j+1] == list[j]+1 {
			j++
		}
		if i == j {
			out = append(out, strconv.Itoa(list[i]))
		} else {
			out = append(out, fmt.Sprintf("%d-%d", list[i], list[j]))
		}
		i = j + 1
	}
	return out
}

// String is "0-5460,7".
func (s Slots) String() string { return strings.Join(s.Ranges(), ",") }

// parseSlots reads String. What cannot be read is an error: it is not nothing.
func parseSlots(text string) (Slots, error) {
	var out Slots
	if text == "" {
		return out, nil
	}
	for word := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(word, "-")
		if !isRange {
			last = first
		}
		from, err := strconv.Atoi(first)
		if err != nil {
			return out, fmt.Errorf("slots %q: %w", text, err)
		}
		to, err := strconv.Atoi(last)
		if err != nil {
			return out, fmt.Errorf("slots %q: %w", text, err)
		}
		if from < 0 || to >= slotCount || from > to {
			return out, fmt.Errorf("slots %q: %s is no range of slots", text, word)
		}
		out.AddRange(from, to)
	}
	return out, nil
}

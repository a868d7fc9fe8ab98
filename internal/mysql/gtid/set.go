// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package gtid does arithmetic on sets of global transaction identifiers as
// MySQL writes them: "uuid:1-5:7,uuid:tag:1-3" (tags since MySQL 8.3).
package gtid

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Set is an immutable set of GTIDs. The zero value is empty.
type Set struct {
	// bySource maps "uuid" or "uuid:tag" to sorted, disjoint, non-adjacent intervals.
	bySource map[string][]interval
}

// interval is closed at both ends.
type interval struct{ first, last int64 }

// Parse reads the form in which MySQL prints a set. White space and newlines are ignored.
func Parse(text string) (Set, error) {
	out := map[string][]interval{}
	text = strings.Join(strings.Fields(text), "")
	if text == "" {
		return Set{}, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		if part == "" {
			continue
		}
		fields := strings.Split(part, ":")
		uuid := strings.ToLower(fields[0])
		if len(uuid) != 36 || len(fields) < 2 {
			return Set{}, fmt.Errorf("not a GTID set: %q: want uuid:interval", shorten(part))
		}
		source := uuid
		for _, f := range fields[1:] {
			iv, err := parseInterval(f)
			if err != nil {
				if f == "" || !isTag(f) {
					return Set{}, fmt.Errorf("not a GTID set: %q: %w", shorten(part), err)
				}
				source = uuid + ":" + strings.ToLower(f)
				continue
			}
			if iv.last >= iv.first {
				out[source] = append(out[source], iv)
			}
		}
	}
	for source := range out {
		out[source] = normalise(out[source])
	}
	return Set{bySource: out}, nil
}

// MustParse is Parse for constants in tests; it panics.
func MustParse(text string) Set {
	s, err := Parse(text)
	if err != nil {
		panic(err)
	}
	return s
}

func isTag(f string) bool {
	if f[0] >= '0' && f[0] <= '9' || len(f) > 32 {
		return false
	}
	for _, r := range strings.ToLower(f) {
		if r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9') {
			return false
		}
	}
	return true
}

func parseInterval(f string) (interval, error) {
	a, b, ranged := strings.Cut(f, "-")
	first, err := strconv.ParseInt(a, 10, 64)
	if err != nil || first < 1 {
		return interval{}, fmt.Errorf("%q is not an interval", shorten(f))
	}
	if !ranged {
		return interval{first, first}, nil
	}
	last, err := strconv.ParseInt(b, 10, 64)
	if err != nil {
		return interval{}, fmt.Errorf("%q is not an interval", shorten(f))
	}
	return interval{first, last}, nil
}

func shorten(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}

// normalise sorts and merges overlapping and adjacent intervals.
func normalise(in []interval) []interval {
	sort.Slice(in, func(i, j int) bool { return in[i].first < in[j].first })
	out := in[:0:0]
	for _, iv := range in {
		if n := len(out); n > 0 && iv.first <= out[n-1].last+1 {
			out[n-1].last = max(out[n-1].last, iv.last)
			continue
		}
		out = append(out, iv)
	}
	return out
}

// Empty says whether nothing is in the set.
func (s Set) Empty() bool { return len(s.bySource) == 0 }

// Count is the number of transactions in the set.
func (s Set) Count() int64 {
	var n int64
	for _, ivs := range s.bySource {
		for _, iv := range ivs {
			n += iv.last - iv.first + 1
		}
	}
	return n
}

// Union is everything that is in s or in o.
func (s Set) Union(o Set) Set {
	if s.Empty() {
		return o
	}
	if o.Empty() {
		return s
	}
	out := make(map[string][]interval, len(s.bySource))
	for source, ivs := range s.bySource {
		out[source] = ivs
	}
	for source, ivs := range o.bySource {
		out[source] = normalise(slices.Concat(out[source], ivs))
	}
	return Set{bySource: out}
}

// Subtract is everything of s that is not in o.
func (s Set) Subtract(o Set) Set {
	out := map[string][]interval{}
	for source, ivs := range s.bySource {
		if left := subtract(ivs, o.bySource[source]); len(left) > 0 {
			out[source] = left
		}
	}
	if len(out) == 0 {
		return Set{}
	}
	return Set{bySource: out}
}

func subtract(a, b []interval) []interval {
	var out []interval
	j := 0
	for _, iv := range a {
		first := iv.first
		for j < len(b) && b[j].last < first {
			j++
		}
		for k := j; k < len(b) && b[k].first <= iv.last && first <= iv.last; k++ {
			if b[k].first > first {
				out = append(out, interval{first, b[k].first - 1})
			}
			first = max(first, b[k].last+1)
		}
		if first <= iv.last {
			out = append(out, interval{first, iv.last})
		}
	}
	return out
}

// Contains says whether all of o is in s.
func (s Set) Contains(o Set) bool { return o.Subtract(s).Empty() }

// From says whether any transaction of the set has that uuid, with a tag or without.
func (s Set) From(uuid string) bool {
	for source := range s.bySource {
		if of, _, _ := strings.Cut(source, ":"); of == strings.ToLower(uuid) {
			return true
		}
	}
	return false
}

// Of is what the set has of that uuid, with a tag or without.
func (s Set) Of(uuid string) Set {
	out := map[string][]interval{}
	for source, ivs := range s.bySource {
		if of, _, _ := strings.Cut(source, ":"); of == strings.ToLower(uuid) {
			out[source] = ivs
		}
	}
	return Set{bySource: out}
}

// Equal says whether both hold the same.
func (s Set) Equal(o Set) bool { return s.Contains(o) && o.Contains(s) }

// String is the set in MySQL's own form, sorted by source.
func (s Set) String() string {
	sources := make([]string, 0, len(s.bySource))
	for source := range s.bySource {
		sources = append(sources, source)
	}
	sort.Strings(sources)
	var b strings.Builder
	for i, source := range sources {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(source)
		for _, iv := range s.bySource[source] {
			b.WriteByte(':')
			b.WriteString(strconv.FormatInt(iv.first, 10))
			if iv.last > iv.first {
				b.WriteByte('-')
				b.WriteString(strconv.FormatInt(iv.last, 10))
			}
		}
	}
	return b.String()
}

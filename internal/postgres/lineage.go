// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"fmt"
	"strconv"
	"strings"
)

// LSN is a place in the write-ahead log, in bytes.
type LSN uint64

// String is an LSN as PostgreSQL writes it, e.g. 0/3000148.
func (l LSN) String() string { return fmt.Sprintf("%X/%X", uint64(l)>>32, uint64(l)&0xffffffff) }

// ParseLSN reads what PostgreSQL writes. Anything else, "" too, is not an LSN: it is unknown,
// and not zero.
func ParseLSN(text string) (LSN, bool) {
	high, low, found := strings.Cut(text, "/")
	if !found {
		return 0, false
	}
	h, err := strconv.ParseUint(high, 16, 32)
	if err != nil {
		return 0, false
	}
	l, err := strconv.ParseUint(low, 16, 32)
	if err != nil {
		return 0, false
	}
	return LSN(h<<32 | l), true
}

// Fork says that a timeline was left at an LSN.
type Fork struct {
	TLI uint32
	LSN LSN
}

// Position is what a server holds: its timeline up to an LSN, and the timelines before, each
// up to where it was left.
type Position struct {
	Fork
	Past []Fork
}

func (p Position) chain() []Fork { return append(append([]Fork{}, p.Past...), p.Fork) }

// String is a position in words.
func (p Position) String() string { return fmt.Sprintf("%s on timeline %d", p.LSN, p.TLI) }

// leaves says up to where two positions have the same log; false: they have no timeline in
// common, or nobody knows. The past of one may be missing: it begins with what is known.
func (p Position) leaves(other Position) (LSN, bool) {
	a, b := p.chain(), other.chain()
	i, j := align(a, b)
	if i < 0 {
		return 0, false
	}
	a, b = a[i:], b[j:]
	var at LSN
	for n := 0; n < len(a) && n < len(b) && a[n].TLI == b[n].TLI; n++ {
		at = min(a[n].LSN, b[n].LSN)
		if a[n].LSN != b[n].LSN {
			break
		}
	}
	return at, true
}

// align finds the first timeline that two chains share.
func align(a, b []Fork) (int, int) {
	for i := range a {
		for j := range b {
			if a[i].TLI == b[j].TLI {
				return i, j
			}
		}
	}
	return -1, -1
}

// beyond is how many bytes of log a position has that another one lacks, and from where on;
// false: they cannot be compared.
func (p Position) beyond(other Position) (extra uint64, at LSN, known bool) {
	at, known = p.leaves(other)
	if !known || p.LSN <= at {
		return 0, at, known
	}
	return uint64(p.LSN - at), at, true
}

// within says whether another position is known to have all of this one.
func (p Position) within(other Position) bool {
	extra, _, known := p.beyond(other)
	return known && extra == 0
}

// parseHistory reads a timeline history file: "timeline<tab>LSN<tab>reason" of each timeline
// before, the oldest first.
func parseHistory(text string) []Fork {
	var out []Fork
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		const columns = 2
		if len(fields) < columns || strings.HasPrefix(fields[0], "#") {
			continue
		}
		tli, err := strconv.ParseUint(fields[0], 10, 32)
		lsn, ok := ParseLSN(fields[1])
		if err != nil || !ok {
			continue
		}
		out = append(out, Fork{TLI: uint32(tli), LSN: lsn})
	}
	return out
}

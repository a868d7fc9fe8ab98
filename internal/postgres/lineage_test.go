// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
	"strings"
	"testing"
)

func at(tli uint32, lsn LSN, past ...Fork) Position {
	return Position{Fork: Fork{tli, lsn}, Past: past}
}

func TestBeyond(t *testing.T) {
	for _, row := range []struct {
		name  string
		a, b  Position
		extra uint64
		from  LSN
		known bool
	}{
		{"the same", at(1, 100), at(1, 100), 0, 100, true},
		{"behind", at(1, 90), at(1, 100), 0, 90, true},
		{"ahead", at(1, 110), at(1, 100), 10, 100, true},
		{"before the fork", at(1, 90), at(2, 150, Fork{1, 100}), 0, 90, true},
		{"at the fork", at(1, 100), at(2, 150, Fork{1, 100}), 0, 100, true},
		{"beyond the fork, with a higher LSN than the other's", at(1, 200), at(2, 150, Fork{1, 100}), 100, 100, true},
		{"beyond the fork, with a lower LSN than the other's", at(1, 120), at(2, 150, Fork{1, 100}), 20, 100, true},
		{"a newer timeline", at(2, 150, Fork{1, 100}), at(1, 100), 50, 100, true},
		{"two forks of one", at(2, 150, Fork{1, 100}), at(2, 300, Fork{1, 120}), 50, 100, true},
		{"a fork of a fork", at(2, 150, Fork{1, 100}), at(3, 300, Fork{1, 100}, Fork{2, 140}), 10, 140, true},
		{"forks with different numbers", at(3, 150, Fork{1, 100}), at(2, 300, Fork{1, 100}), 50, 100, true},
		{"the past is not known", at(2, 150), at(3, 300, Fork{1, 100}, Fork{2, 140}), 10, 140, true},
		{"nothing in common", at(4, 150), at(2, 300, Fork{1, 100}), 0, 0, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			extra, from, known := row.a.beyond(row.b)
			if extra != row.extra || from != row.from || known != row.known {
				t.Errorf("%d bytes from %d on, known %v", extra, from, known)
			}
		})
	}
}

func TestLSN(t *testing.T) {
	for text, want := range map[string]LSN{"0/0": 0, "0/3000148": 0x3000148, "16/B374D848": 0x16B374D848} {
		if got, ok := ParseLSN(text); !ok || got != want || got.String() != text {
			t.Errorf("%s is %d, %v, %s", text, got, ok, got)
		}
	}
	for _, text := range []string{"", "5", "x/1", "1/x"} {
		if _, ok := ParseLSN(text); ok {
			t.Errorf("%q is an LSN", text)
		}
	}
}

func TestParseHistory(t *testing.T) {
	got := parseHistory("1\t0/3000148\tno recovery target specified\n\n# a comment\n2\t0/4000000\tat restore point \"x\"\n")
	if want := []Fork{{1, 0x3000148}, {2, 0x4000000}}; !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

func TestNames(t *testing.T) {
	seen := map[string]string{}
	long := strings.Repeat("a", 60)
	for _, node := range []string{"pg-0", "pg-1", "pg.0", "a-b", "a.b", long, long + "b", strings.Repeat("b", 253)} {
		slot := slotOf(node)
		if len(slot) > longestName || strings.Trim(slot, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" || !ours(slot) || len(applicationName(node)) > longestName {
			t.Errorf("%s has the slot %s", node, slot)
		}
		if other, dup := seen[slot]; dup {
			t.Errorf("%s and %s have the slot %s", node, other, slot)
		}
		seen[slot] = node
	}
	for text, want := range map[string]bool{syncNames([]string{"b", "a"}): true, "": true, "*": false, "FIRST 1 (a)": false, "ANY 1 (a)": false} {
		list, own := parseSyncNames(text)
		if own != want || strings.HasPrefix(text, "ANY 1 (\"") && !slices.Equal(list, []string{"a", "b"}) {
			t.Errorf("%s: %v %v", text, list, own)
		}
	}
	for text, want := range map[string]string{
		"host=a port=1": "a 1", "port = 5 host = 'b c' password='x\\' host=y'": "b c 5", "": " ", "host=a": "a 5432", "password=host=x": " ",
	} {
		if host, port := upstreamOf(text); host+" "+port != want {
			t.Errorf("%s: %q %q", text, host, port)
		}
	}
}

// logOf is a log of 3 segments that ends with a record, and where that begins.
func logOf(segment uint64, start LSN, manager, info byte, length int) ([]byte, LSN) {
	record := make([]byte, length)
	binary.LittleEndian.PutUint32(record, uint32(length)) //nolint:gosec // a small one
	record[16], record[17] = info, manager
	for i := recordHeader; i < length; i++ {
		record[i] = byte(i)
	}
	sum := crc32.Update(crc32.Checksum(record[recordHeader:], castagnoli), castagnoli, record[:crcOffset])
	binary.LittleEndian.PutUint32(record[crcOffset:], sum)
	log := make([]byte, 3*segment)
	at := start
	for _, b := range record {
		if at%walPage == 0 {
			at += pageHeader(at, segment)
		}
		log[at] = b
		at++
	}
	return log, (at + walAlign - 1) / walAlign * walAlign
}

func TestEndsInShutdown(t *testing.T) {
	const segment = 1 << 20
	for _, start := range []LSN{40, 8000, 8192 - 8, 8192 - 16, 8192 - 24, 8192 + 24, segment - 8, segment - 64, segment + 40, 2*segment - 120} {
		for _, one := range []struct {
			manager, info byte
			spoil, want   bool
		}{{0, 0, false, true}, {0, 0x10, false, false}, {1, 0, false, false}, {0, 0, true, false}} {
			log, end := logOf(segment, start, one.manager, one.info, 114)
			if one.spoil {
				log[start+2*walAlign-1+1]++
				log[end-8]++
			}
			got, found, err := endsInShutdown(end, segment, func(from, to LSN) ([]byte, error) { return log[from:to], nil })
			if err != nil || found != one.want || found && got != start {
				t.Errorf("a record of %d %#x at %s: %v at %s, %v", one.manager, one.info, start, found, got, err)
			}
			if _, found, _ = endsInShutdown(end+8, segment, func(from, to LSN) ([]byte, error) { return log[from:to], nil }); found {
				t.Errorf("found at %s, where the log has more", start)
			}
		}
	}
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/jackc/pgx/v5"
)

// The layout of the write-ahead log, the same from PostgreSQL 9.5 on (access/xlogrecord.h,
// access/xlog_internal.h).
const (
	walPage        = 8192
	walAlign       = 8
	recordHeader   = 24
	crcOffset      = 20
	shortPageSize  = 24
	longPageSize   = 40
	tailLongest    = 512
	rmgrXLOG       = 0
	infoMask       = 0xf0
	infoShutdown   = 0x00
	smallestRecord = recordHeader + 64
)

// endsInShutdown says whether the log up to end has a shutdown checkpoint as its last record,
// and where that begins: a server that has written one has written nothing after it. read
// returns the bytes of the log between two places.
func endsInShutdown(end LSN, segment uint64, read func(from, to LSN) ([]byte, error)) (LSN, bool, error) {
	from := end - min(end, tailLongest)
	bytes, err := read(from, end)
	if err != nil {
		return 0, false, err
	}
	for start := end - min(end, smallestRecord); start >= from && start > 0; start -= walAlign {
		if start%walAlign != 0 {
			return 0, false, nil
		}
		if isShutdown(bytes[start-from:], start, end, segment) {
			return start, true, nil
		}
	}
	return 0, false, nil
}

// pageHeader is the size of the header of the page that begins at an LSN.
func pageHeader(at LSN, segment uint64) LSN {
	if uint64(at)%segment == 0 {
		return longPageSize
	}
	return shortPageSize
}

// isShutdown says whether bytes, which begin at start, are one record of a shutdown
// checkpoint that ends at end.
func isShutdown(bytes []byte, start, end LSN, segment uint64) bool {
	if start%walPage == 0 || len(bytes) < 4 { //nolint:mnd // a length
		return false
	}
	total := LSN(binary.LittleEndian.Uint32(bytes))
	if total < smallestRecord || total > tailLongest {
		return false
	}
	record := make([]byte, 0, total)
	at := start
	for LSN(len(record)) < total {
		if at%walPage == 0 {
			at += pageHeader(at, segment)
		}
		if at >= end {
			return false
		}
		piece := min(total-LSN(len(record)), walPage-at%walPage, end-at)
		record = append(record, bytes[at-start:at-start+piece]...)
		at += piece
	}
	if (at+walAlign-1)/walAlign*walAlign != end {
		return false
	}
	xid := binary.LittleEndian.Uint32(record[4:])
	info, manager := record[16], record[17]
	if xid != 0 || manager != rmgrXLOG || info&infoMask != infoShutdown {
		return false
	}
	sum := crc32.Checksum(record[recordHeader:], castagnoli)
	sum = crc32.Update(sum, castagnoli, record[:crcOffset])
	return sum == binary.LittleEndian.Uint32(record[crcOffset:])
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// readLog reads the log of a server from its files.
func readLog(ctx context.Context, on interface {
	QueryRow(context.Context, string, ...any) pgx.Row
}, tli uint32, segment uint64) func(from, to LSN) ([]byte, error) {
	return func(from, to LSN) ([]byte, error) {
		var out []byte
		for from < to {
			offset := uint64(from) % segment
			length := min(uint64(to-from), segment-offset)
			var piece []byte
			err := on.QueryRow(ctx, "SELECT pg_read_binary_file($1, $2, $3, true)",
				"pg_wal/"+segmentName(tli, from, segment), int64(offset), int64(length)).Scan(&piece) //nolint:gosec // within a segment
			if err != nil {
				return nil, err
			}
			if uint64(len(piece)) != length {
				return nil, fmt.Errorf("the file with %s is not there", from)
			}
			out = append(out, piece...)
			from += LSN(length)
		}
		return out, nil
	}
}

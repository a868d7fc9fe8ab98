// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package load

import "time"

// ID of a write within its run.
type ID struct{ Writer, Seq int }

// LostWrite is an acknowledged write that is not there.
type LostWrite struct {
	ID
	AcknowledgedAt time.Time
	// Server that acknowledged it; "" where that was not noted.
	Server string
	// On names the nodes that do hold it.
	On []string
}

// compare finds the acknowledged writes that are not in present, and what is
// present without having been attempted.
func compare(answers [][]time.Duration, present map[ID]struct{}, started time.Time) (lost []LostWrite, phantoms []ID) {
	for writer, times := range answers {
		for seq, at := range times {
			if at == noAnswer {
				continue
			}
			id := ID{writer, seq}
			if _, there := present[id]; !there {
				lost = append(lost, LostWrite{ID: id, AcknowledgedAt: started.Add(at)})
			}
		}
	}
	for id := range present {
		if id.Writer < 0 || id.Writer >= len(answers) || id.Seq < 0 || id.Seq >= len(answers[id.Writer]) {
			phantoms = append(phantoms, id)
		}
	}
	return lost, phantoms
}

// differ returns the ids that only one of two servers has.
func differ(source, replica map[ID]struct{}) (missing, extra []ID) {
	for id := range source {
		if _, there := replica[id]; !there {
			missing = append(missing, id)
		}
	}
	for id := range replica {
		if _, there := source[id]; !there {
			extra = append(extra, id)
		}
	}
	return missing, extra
}

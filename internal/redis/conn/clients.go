// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"strings"
	"time"
)

// killTimeout bounds one round of listing and killing.
const killTimeout = time.Second

// KillClients ends the connections of clients, and leaves replicas, Sentinels' links of
// their own type, subscribers and the operator's. It does what it can: one that is gone
// already is left.
func (c *Client) KillClients(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, killTimeout)
	defer cancel()
	list, err := c.Text(ctx, "CLIENT", "LIST", "TYPE", "NORMAL")
	if err != nil {
		return err
	}
	var kills [][]any
	for _, id := range clientIDs(list) {
		kills = append(kills, []any{"CLIENT", "KILL", "ID", id})
	}
	if len(kills) == 0 {
		return nil
	}
	_, err = c.Batch(ctx, kills...)
	return err
}

// clientIDs reads CLIENT LIST and leaves out the operator's own connections and those of
// Sentinels, which name themselves.
func clientIDs(list string) []string {
	var ids []string
	for line := range strings.Lines(list) {
		id, name := "", ""
		for word := range strings.FieldsSeq(line) {
			key, value, _ := strings.Cut(word, "=")
			switch key {
			case "id":
				id = value
			case "name":
				name = value
			}
		}
		if id != "" && name != ProgramName && !strings.HasPrefix(name, "sentinel-") {
			ids = append(ids, id)
		}
	}
	return ids
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

const (
	// longestName is what PostgreSQL keeps of an identifier, in bytes.
	longestName = 63
	// slotPrefix marks the replication slots that are the operator's.
	slotPrefix = "compose_"
	// nobody stands in synchronous_standby_names where commits are to wait and no node could
	// be named.
	nobody = "compose-operator-nobody"
)

// slotOf is the name of the slot of a node: different for different nodes.
func slotOf(node string) string {
	plain := strings.ReplaceAll(node, "-", "_")
	if name := slotPrefix + plain; !strings.Contains(node, ".") && len(name) <= longestName {
		return name
	}
	const digits, kept = 10, 40
	sum := sha256.Sum256([]byte(node))
	plain = strings.ReplaceAll(plain, ".", "_")
	// Two underscores: no short name has them before its end, where a node's name has no '-'.
	return slotPrefix + plain[:min(kept, len(plain))] + "__" + hex.EncodeToString(sum[:])[:digits]
}

// applicationName is what a standby calls itself at its primary: the node's name, or the
// slot's where that is too long.
func applicationName(node string) string {
	if len(node) <= longestName {
		return node
	}
	return slotOf(node)
}

// ours says whether a slot is the operator's.
func ours(slot string) bool { return strings.HasPrefix(slot, slotPrefix) }

// syncNames is synchronous_standby_names for nodes; "" for none.
func syncNames(nodes []string) string {
	if len(nodes) == 0 {
		return ""
	}
	quoted := make([]string, len(nodes))
	for i, n := range nodes {
		quoted[i] = `"` + applicationName(n) + `"`
	}
	slices.Sort(quoted)
	return "ANY 1 (" + strings.Join(quoted, ", ") + ")"
}

var ownSyncNames = regexp.MustCompile(`^ANY 1 \((("[^"]*"(, )?)+)\)$`)

// parseSyncNames reads what syncNames has made; false: it is somebody else's.
func parseSyncNames(text string) ([]string, bool) {
	found := ownSyncNames.FindStringSubmatch(text)
	if found == nil {
		return nil, text == ""
	}
	var out []string
	for part := range strings.SplitSeq(found[1], ", ") {
		out = append(out, strings.Trim(part, `"`))
	}
	return out, true
}

// literal makes an SQL string.
func literal(s string) string {
	s = strings.ReplaceAll(s, "'", "''")
	if strings.Contains(s, `\`) {
		return " E'" + strings.ReplaceAll(s, `\`, `\\`) + "'"
	}
	return "'" + s + "'"
}

// parameter is "key=value" of a libpq connection string.
func parameter(key, value string) string {
	if value == "" || strings.ContainsAny(value, ` '\`) {
		value = "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value) + "'"
	}
	return key + "=" + value
}

// upstreamOf reads host and port of a libpq connection string; "" when there are none to be
// found. Nothing else of it is looked at: it may have a password.
func upstreamOf(conninfo string) (host, port string) {
	rest := conninfo
	for {
		rest = strings.TrimLeft(rest, " \t\n")
		key, after, found := strings.Cut(rest, "=")
		if !found {
			break
		}
		after = strings.TrimLeft(after, " ")
		var value strings.Builder
		quoted := strings.HasPrefix(after, "'")
		i := 0
		if quoted {
			i = 1
		}
		for ; i < len(after); i++ {
			c := after[i]
			if quoted && c == '\'' || !quoted && (c == ' ' || c == '\t' || c == '\n') {
				i++
				break
			}
			if c == '\\' && i+1 < len(after) {
				i++
				c = after[i]
			}
			value.WriteByte(c)
		}
		rest = after[min(i, len(after)):]
		switch strings.TrimSpace(key) {
		case "host", "hostaddr":
			host = value.String()
		case "port":
			port = value.String()
		}
	}
	if host != "" && port == "" {
		port = fmt.Sprint(defaultPort)
	}
	return host, port
}

const defaultPort = 5432

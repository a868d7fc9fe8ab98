// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"fmt"
	"strconv"
	"strings"
)

// Version of a server, e.g. 8.0.36.
type Version struct{ Major, Minor, Patch int }

// String is e.g. "8.0.36".
func (v Version) String() string { return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch) }

// AtLeast says whether v is o or newer.
func (v Version) AtLeast(o Version) bool {
	if v.Major != o.Major {
		return v.Major > o.Major
	}
	if v.Minor != o.Minor {
		return v.Minor > o.Minor
	}
	return v.Patch >= o.Patch
}

// ParseVersion reads the beginning of @@version: "8.0.36-28.1", "9.7.0-1".
func ParseVersion(text string) (Version, error) {
	number, _, _ := strings.Cut(text, "-")
	parts := strings.Split(number, ".")
	var out [3]int
	if len(parts) < len(out) {
		return Version{}, fmt.Errorf("not a version of MySQL: %q", text)
	}
	for i := range out {
		n, err := strconv.Atoi(parts[i])
		if err != nil {
			return Version{}, fmt.Errorf("not a version of MySQL: %q", text)
		}
		out[i] = n
	}
	return Version{out[0], out[1], out[2]}, nil
}

// oldestVersion is the oldest server that is looked after.
var oldestVersion = Version{8, 0, 0}

// Unsupported says why a server cannot be looked after; "" when it can.
func Unsupported(text string, v Version) string {
	switch {
	case strings.Contains(text, "MariaDB"):
		return "the server is MariaDB " + text + ": its GTIDs are of another kind; only MySQL 8.0 and newer is looked after"
	case !v.AtLeast(oldestVersion):
		return "the server is MySQL " + v.String() + ": upgrade it to 8.0 or newer"
	}
	return ""
}

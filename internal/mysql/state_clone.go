// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"fmt"
	"slices"
	"time"

	"github.com/upmio/compose-operator/internal/mysql/conn"
)

// Privileges that cloning needs of the operator's user.
const (
	// privilegeClone is needed where a server is made anew.
	privilegeClone = "CLONE_ADMIN"
	// privilegeBackup is needed where it is copied from.
	privilegeBackup = "BACKUP_ADMIN"
)

// CloneView is what a server says of the CLONE plugin.
type CloneView struct {
	// Instrumented: performance_schema is ON. Without it nobody sees a clone.
	Instrumented bool
	// Plugin: it is installed and active.
	Plugin bool
	// Privileges of the operator's user, as far as they concern cloning.
	Privileges []string
	// Run is the clone that is at work, or the last one; nil: none was ever made.
	Run *CloneRun
	// Sent: this process has sent the statement, and it has not ended.
	Sent bool
	// Outcome is the error of the statement that this process has sent last.
	Outcome string
}

// lacks says what is missing for a clone; "" when nothing is.
func (c *CloneView) lacks(privilege string) string {
	switch {
	case c == nil:
		return "it was not asked yet"
	case !c.Instrumented:
		return "performance_schema is OFF: without it the progress of a clone cannot be seen. Set performance_schema=ON and restart it"
	case !c.Plugin:
		return "the plugin mysql_clone.so is not installed: add plugin_load_add=mysql_clone.so to its configuration, or INSTALL PLUGIN clone SONAME 'mysql_clone.so'"
	case !slices.Contains(c.Privileges, privilege):
		return fmt.Sprintf("the operator's user lacks the privilege %s: GRANT %s ON *.* to it", privilege, privilege)
	}
	return ""
}

// CloneRun is one clone, as the server that is made anew tells of it.
type CloneRun struct {
	// Running: a session is at work with it, or the restart that completes it.
	Running bool
	// Completed: the server runs with the copy.
	Completed bool
	// Dropped: what the server held may be gone.
	Dropped bool
	// Donor is host:port.
	Donor string
	// Age is the time since it began, by the server's clock.
	Age time.Duration
	// Session is the connection that makes it; 0: none any more.
	Session int64
	// Error in the server's words; "" when there is none.
	Error string
	// Bytes that were copied, and how many there are to copy as the server estimates.
	Bytes, TotalBytes int64
}

// clonesInSeries is the first version that copies servers of other versions of its series.
var clonesInSeries = conn.Version{Major: 8, Minor: 0, Patch: 37}

// sameSeries says whether one server can be a copy of another:
// https://dev.mysql.com/doc/refman/8.0/en/clone-plugin-limitations.html
func sameSeries(a, b string) bool {
	one, err := conn.ParseVersion(a)
	if err != nil {
		return false
	}
	two, err := conn.ParseVersion(b)
	if err != nil {
		return false
	}
	return one == two || one.Major == two.Major && one.Minor == two.Minor && one.AtLeast(clonesInSeries) && two.AtLeast(clonesInSeries)
}

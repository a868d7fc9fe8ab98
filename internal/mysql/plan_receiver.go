// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"fmt"
	"regexp"

	"github.com/upmio/compose-operator/internal/mysql/conn"
	"github.com/upmio/compose-operator/internal/mysql/grants"
)

// registerRefused is in the receiver's error when its source lets it in and refuses it the
// binary log; the number that the source gave is behind it. (The error's own number is
// 13120, and was another one before 8.0.)
var registerRefused = regexp.MustCompile(`COM_REGISTER_(?:REPLICA|SLAVE) failed: .*\(Errno: (1045|1142|1227)\)`)

// receiverTrouble is the error of a channel's receiver with what to do about it. The
// operator's user cannot see what the replication user may do on the source: the
// receiver's own error tells.
func (c *Channel) receiverTrouble() string {
	text := fmt.Sprintf("the receiver reports error %d: %s", c.IOErrno, shorten(c.IOError))
	errno := c.IOErrno
	user := grants.Quote(c.User) + "@'%'"
	switch {
	case registerRefused.MatchString(c.IOError), errno == conn.NumberPrivilege, errno == conn.NumberTableDenied:
		// It got in: its password is right.
		return text + fmt.Sprintf(". The replication user lacks REPLICATION SLAVE on its source: GRANT REPLICATION SLAVE ON *.* TO %s", user)
	case errno == conn.NumberAccessDenied:
		return text + fmt.Sprintf(". The source refuses the replication user: create %s on it, or put its password under the key %q of the Secret", user, c.User)
	case errno == conn.NumberHostBlocked, errno == conn.NumberHostNotAllowed:
		return text + fmt.Sprintf(". The source accepts no connection of the replication user from this address: it must be %s", user)
	case errno == conn.NumberMustChangePassword, errno == conn.NumberPasswordExpired, errno == conn.NumberAccountLocked, errno == conn.NumberAccountBlocked:
		return text + ". The account of the replication user is not usable: unlock it or renew its password"
	}
	return text
}

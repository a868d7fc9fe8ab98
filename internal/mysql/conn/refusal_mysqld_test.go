// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build mysqld

package conn_test

import (
	"strings"
	"testing"

	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/test/mysqld"
)

// A wrong password costs one login, however often a look comes back to it, and a locked
// account is told from a wrong password.
func TestFailedLoginsAreCounted(t *testing.T) {
	t.Parallel()
	s := mysqld.New(t, mysqld.Options{})
	s.SQL("SET sql_log_bin=0", "CREATE USER 'counted'@'%' IDENTIFIED BY 'right-p4ss' FAILED_LOGIN_ATTEMPTS 4 PASSWORD_LOCK_TIME 1")
	wrong := func() string {
		h := open(t, s, "counted", "wrong-p4ss", credential.Credentials{})
		var text string
		for range 5 {
			err := h.DB.PingContext(t.Context())
			if err == nil {
				t.Fatal("a wrong password is taken")
			}
			text = h.Fail("connect", err).Error()
		}
		return text
	}
	if text := wrong(); !strings.Contains(text, "1045") {
		t.Errorf("the first look: %s", text)
	}
	if err := open(t, s, "counted", "right-p4ss", credential.Credentials{}).DB.PingContext(t.Context()); err != nil {
		t.Fatalf("it was locked by one look: %v", err)
	}
	text := ""
	for range 4 {
		text = wrong()
	}
	if !strings.Contains(text, "3955") || !strings.Contains(text, "ACCOUNT UNLOCK") {
		t.Errorf("locked: %s", text)
	}
}

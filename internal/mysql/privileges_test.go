// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"slices"
	"testing"

	"github.com/upmio/compose-operator/internal/mysql/conn"
	"github.com/upmio/compose-operator/internal/mysql/grants"
)

// A server that does not tell what an account may do has not given it what was missing.
func TestUnknownPrivilegesStayAsTheyWere(t *testing.T) {
	h, err := newHandle(conn.Access{Host: "db", Port: 3306, User: "operator"})
	if err != nil {
		t.Fatal(err)
	}
	h.Close()
	if account, missing := h.lacks(t.Context(), words{}); account != "" || missing != nil {
		t.Errorf("never told: %q lacks %v", account, missing)
	}
	h.may.Store(&permission{account: "'operator'@'%'", missing: []grants.Privilege{grants.Reload}})
	for range 2 {
		account, missing := h.lacks(t.Context(), words{})
		if account != "'operator'@'%'" || !slices.Equal(missing, []grants.Privilege{grants.Reload}) {
			t.Errorf("not told any more: %q lacks %v", account, missing)
		}
	}
}

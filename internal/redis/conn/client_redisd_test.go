// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build redisd

package conn_test

import (
	"testing"

	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/internal/redis/conn"
	"github.com/upmio/compose-operator/test/redisd"
)

// TestBatch: a reply of nothing and a refusal are replies, not errors of the way.
func TestBatch(t *testing.T) {
	s := redisd.New(t, redisd.Options{})
	c, err := conn.Open(conn.Access{Host: s.Host, Port: s.Port, Password: credential.NewPassword(redisd.Password)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	replies, err := c.Batch(t.Context(), []any{"GET", "nothing"}, []any{"NONSENSE"}, []any{"PING"})
	if err != nil || len(replies) != 3 {
		t.Fatalf("replies %v, error %v", replies, err)
	}
	if nothing := replies[0]; nothing.Value != nil || nothing.Err != nil {
		t.Errorf("nothing is %+v", nothing)
	}
	if !conn.Answered(replies[1].Err) || conn.Code(replies[1].Err) != "ERR" {
		t.Errorf("the refusal is %v", replies[1].Err)
	}
	if replies[2].Value != "PONG" {
		t.Errorf("PING is answered with %v", replies[2].Value)
	}
}

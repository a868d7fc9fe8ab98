// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package redisd

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"
)

// cliTimeout of one command of redis-cli. It moves slots one by one, with a write to the disk of every
// source for each.
const cliTimeout = 30 * time.Minute

// CLI runs redis-cli, or Valkey's, with the password of the servers, and returns how long it took.
func CLI(t testing.TB, words ...string) time.Duration {
	t.Helper()
	line := tool("cli")
	if line == nil {
		t.Fatal("there is no redis-cli: set " + RootFSVariable + ", e.g. to what \"bin/testbed rootfs redis\" prints")
	}
	ctx, cancel := context.WithTimeout(context.Background(), cliTimeout)
	defer cancel()
	line = append(line, words...)
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Env = append(os.Environ(), "REDISCLI_AUTH="+Password)
	began := time.Now()
	said, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("redis-cli %v: %v\n%s", words, err, said)
	}
	return time.Since(began)
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysqld

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// initTimeout bounds the making of a data directory; it takes about 4 s.
const initTimeout = 2 * time.Minute

// template returns a data directory to copy. It is made once for one mysqld and
// one set of users, and kept beside the other caches. It is made under another
// name and renamed, so that several test processes may do so at once.
var template = sync.OnceValues(func() (string, error) {
	root := findRootFS()
	version, err := root.id()
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no place for the template data directory: %w", err)
	}
	users := sha256.Sum256([]byte(initStatements()))
	parent := filepath.Join(cache, "compose-operator", "mysqld")
	final := filepath.Join(parent, version+"-"+hex.EncodeToString(users[:4]))
	if _, err := os.Stat(final); err == nil {
		return final, nil
	}
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return "", err
	}
	work, err := os.MkdirTemp(parent, "new-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work) //nolint:errcheck // what is left is only rubbish in a cache
	data := filepath.Join(work, "data")
	if err := initialize(root, work, data); err != nil {
		return "", err
	}
	if err := os.Rename(data, final); err != nil && !errors.Is(err, fs.ErrExist) {
		if _, other := os.Stat(final); other != nil {
			return "", err
		}
	}
	return final, nil
})

func initialize(root rootFS, work, data string) error {
	ctx, cancel := context.WithTimeout(context.Background(), initTimeout)
	defer cancel()
	init := filepath.Join(work, "init.sql")
	if err := os.WriteFile(init, []byte(initStatements()), 0o600); err != nil {
		return err
	}
	line := root.command("--no-defaults", "--initialize-insecure", "--datadir="+data, "--init-file="+init,
		"--innodb-redo-log-capacity=8M", "--innodb-use-native-aio=OFF", "--skip-log-bin")
	out, err := exec.CommandContext(ctx, line[0], line[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("initialize a MySQL data directory: %w\n%s", err, out)
	}
	// Every server makes its own UUID.
	if err := os.Remove(filepath.Join(data, "auto.cnf")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// writeFile puts content at path, readable by its owner only. The file appears
// complete or not at all, and one that is there already is replaced only by a
// complete one.
func writeFile(path string, content []byte) (err error) {
	// In the same directory, because a rename does not cross file systems.
	// os.CreateTemp makes files with mode 0600.
	temporary, err := os.CreateTemp(filepath.Dir(path), ".aes-tool-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			_ = temporary.Close()
			_ = os.Remove(temporary.Name())
			err = fmt.Errorf("write %s: %w", path, err)
		}
	}()
	if _, err = temporary.Write(content); err != nil {
		return err
	}
	if err = temporary.Sync(); err != nil {
		return err
	}
	if err = temporary.Close(); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
)

// clearRemains takes down what the testbed of another checkout left whose processes have all
// ended: somebody killed them, or the checkout is gone. One that lives is left alone.
func clearRemains(ctx context.Context, l layout, p *progress) error {
	owner, err := os.ReadFile(ownerFile)
	if err != nil || string(owner) == l.repo {
		return nil //nolint:nilerr // No owner, no remains; checkMachine speaks of an owner that cannot be read.
	}
	other := layout{repo: string(owner), state: filepath.Join(string(owner), filepath.Base(l.state)), cache: l.cache}
	lives, err := anyAlive(other)
	if err != nil || lives {
		return err
	}
	kept := exists(other.state)
	p.printf("the testbed of %s has died: clearing away what it left", other.repo)
	if err := down(ctx, other, p); err != nil || kept {
		return err
	}
	// It was made for the lock only.
	return errors.Join(os.RemoveAll(other.state), removeEmpty(other.repo))
}

// anyAlive says whether a process of a testbed runs, recorded or in its network.
func anyAlive(l layout) (bool, error) {
	if recorded, err := recordedAlive(l); err != nil || recorded {
		return recorded, err
	}
	inside, err := findProcesses(inNamespace)
	return len(inside) > 0, err
}

// recordedAlive says whether a component of a testbed runs.
func recordedAlive(l layout) (bool, error) {
	r, err := readRecord(l)
	if err != nil {
		return false, err
	}
	for _, process := range r.Processes {
		if process.alive() {
			return true, nil
		}
	}
	return false, nil
}

// removeEmpty removes a directory that nothing is in.
func removeEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil || len(entries) > 0 {
		return err
	}
	return os.Remove(dir)
}

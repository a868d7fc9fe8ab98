// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
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
	repo := string(owner)
	if !filepath.IsAbs(repo) {
		return fmt.Errorf("%s should name the checkout whose testbed this machine has, and says %q: take that testbed down, or reboot", ownerFile, repo)
	}
	other := layout{repo: repo, state: filepath.Join(repo, filepath.Base(l.state)), cache: l.cache}
	lives, err := anyAlive(other)
	if err != nil || lives {
		return err
	}
	stayed := exists(repo)
	p.printf("the testbed of %s has died: clearing away what it left", repo)
	if err := down(ctx, other, p); err != nil || stayed {
		return err
	}
	// The checkout is gone, and its directory was made for the lock only.
	return errors.Join(os.RemoveAll(other.state), os.Remove(repo))
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

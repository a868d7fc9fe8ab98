// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"

	"github.com/upmio/compose-operator/internal/credential/aesctr"
)

func encrypt(opts options, in inputs, stdout io.Writer) error {
	key, err := in.key(opts.key)
	if err != nil {
		return err
	}
	plaintext, err := in.plaintext(opts.plaintext)
	if err != nil {
		return err
	}
	sealed, err := aesctr.Encrypt(key, plaintext)
	if err != nil {
		return fmt.Errorf("encrypt: %w", err)
	}
	if err := writeFile(opts.path(), sealed); err != nil {
		return err
	}
	// The file stands; that nobody reads this line does not change that.
	_, _ = fmt.Fprintf(stdout, "wrote %s\n", opts.path())
	return nil
}

func decrypt(opts options, in inputs, stdout io.Writer) error {
	key, err := in.key(opts.key)
	if err != nil {
		return err
	}
	sealed, err := readFile(opts.file.value)
	if err != nil {
		return err
	}
	plaintext, err := aesctr.Decrypt(key, sealed)
	if err != nil {
		return fmt.Errorf("decrypt %s: %w", opts.file.value, err)
	}
	if err := aesctr.Plausible(plaintext); err != nil {
		return fmt.Errorf("decrypt %s: %w", opts.file.value, err)
	}
	if _, err := fmt.Fprintf(stdout, "%s\n", plaintext); err != nil {
		return fmt.Errorf("print the plaintext: %w", err)
	}
	return nil
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/upmio/compose-operator/internal/credential/aesctr"
)

// maxInputBytes is the size of the largest Secret; nothing longer can be one.
const maxInputBytes = 1 << 20

// inputs is where secrets can come from besides the command line.
type inputs struct {
	stdin     io.Reader
	lookupEnv func(string) (string, bool)
}

// key returns the AES key.
func (in inputs) key(o option) ([]byte, error) {
	value, source, err := in.secret("key", o, "AES_TOOL_KEY", "AES_SECRET_KEY")
	if err != nil {
		return nil, err
	}
	key, err := aesctr.ParseKey(value)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", source, err)
	}
	return key, nil
}

// plaintext returns the password to encrypt. What the operator would refuse
// after decrypting is refused here.
func (in inputs) plaintext(o option) ([]byte, error) {
	value, source, err := in.secret("plaintext", o, "AES_TOOL_PLAINTEXT")
	if err != nil {
		return nil, err
	}
	if len(value) == 0 {
		return nil, fmt.Errorf("%s: %w", source, aesctr.ErrEmpty)
	}
	if aesctr.Plausible(value) != nil {
		return nil, fmt.Errorf("%s: a password must be UTF-8 text without control characters and line ends", source)
	}
	return value, nil
}

// secret returns the value of a flag, of standard input if that is "-", or else
// of the first variable that is set, and says which it was.
func (in inputs) secret(flagName string, o option, variables ...string) (value []byte, source string, err error) {
	if o.given && o.value == "-" {
		value, err = readLimited(in.stdin)
		if err != nil {
			return nil, "", fmt.Errorf("read -%s from standard input: %w", flagName, err)
		}
		return aesctr.TrimLineEnd(value), "-" + flagName + " from standard input", nil
	}
	if o.given {
		return []byte(o.value), "-" + flagName, nil
	}
	for _, name := range variables {
		if text, ok := in.lookupEnv(name); ok && text != "" {
			return []byte(text), name, nil
		}
	}
	return nil, "", fmt.Errorf("-%s is missing: give it, or \"-\" to read it from standard input, or set %s", flagName, variables[0])
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	value, err := readLimited(f)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return value, nil
}

func readLimited(r io.Reader) ([]byte, error) {
	value, err := io.ReadAll(io.LimitReader(r, maxInputBytes+1))
	if err != nil {
		return nil, err
	}
	if len(value) > maxInputBytes {
		return nil, errors.New("it is larger than a Secret can be (1 MiB)")
	}
	return value, nil
}

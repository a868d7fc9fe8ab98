// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package aesctr

import (
	"bytes"
	"fmt"
)

// ParseKey returns the key that a Secret, a file or a variable holds. One line
// end after it is tolerated, because editors and echo leave one. It fails with
// ErrKeyLength.
func ParseKey(value []byte) ([]byte, error) {
	if len(value) == KeySize {
		return value, nil
	}
	if trimmed := TrimLineEnd(value); len(trimmed) == KeySize {
		return trimmed, nil
	}
	return nil, fmt.Errorf("%w (it has %d)", ErrKeyLength, len(value))
}

// TrimLineEnd removes one "\n" or "\r\n" at the end of value.
func TrimLineEnd(value []byte) []byte {
	trimmed, found := bytes.CutSuffix(value, []byte("\n"))
	if !found {
		return value
	}
	return bytes.TrimSuffix(trimmed, []byte("\r"))
}

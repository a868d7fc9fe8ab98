// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package aesctr

import (
	"errors"
	"unicode"
	"unicode/utf8"
)

// ErrNotPlausible says that a decrypted value is not something that a person
// would have encrypted as a password.
var ErrNotPlausible = errors.New("the value does not decrypt to printable text: " +
	"the key is probably not the one that it was encrypted with, or the value is damaged")

// Plausible returns nil when text can be a password: UTF-8, not empty, and
// without control characters. Otherwise it returns ErrNotPlausible.
//
// Random bytes pass with a chance of about 0.4 for each byte, so a wrong key
// is as good as always noticed from some ten characters on, and not always
// below that.
func Plausible(text []byte) error {
	if len(text) == 0 || !utf8.Valid(text) {
		return ErrNotPlausible
	}
	for _, r := range string(text) {
		// Format characters (Cf) join emoji and letters of some scripts: they
		// are not graphic by themselves, but they are text.
		if !unicode.IsGraphic(r) && !unicode.Is(unicode.Cf, r) {
			return ErrNotPlausible
		}
	}
	return nil
}

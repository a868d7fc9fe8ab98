// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package credential

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// Password is a secret text that shows its content to nobody but a caller of
// Reveal. The zero value is the empty password.
type Password struct {
	// A pointer, because fmt prints a value that sits in an unexported field of
	// another struct without calling its methods: it then shows an address.
	content *string
}

// NewPassword wraps text.
func NewPassword(text string) Password { return Password{content: &text} }

// Reveal returns the content. Hand it to a database driver, and to nothing
// that prints.
func (p Password) Reveal() string {
	if p.content == nil {
		return ""
	}
	return *p.content
}

// String returns "[redacted]".
func (p Password) String() string { return redacted }

// GoString returns "[redacted]".
func (p Password) GoString() string { return redacted }

// Format writes "[redacted]" for every verb.
func (p Password) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalJSON returns "[redacted]" as a JSON string.
func (p Password) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText returns "[redacted]"; YAML and structured loggers use it.
func (p Password) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue returns "[redacted]".
func (p Password) LogValue() slog.Value { return slog.StringValue(redacted) }

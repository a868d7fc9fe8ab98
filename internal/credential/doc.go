// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package credential finds the passwords of a set's database users: it reads
// the Secret that a custom resource names, finds the AES key that belongs to
// it, and decrypts. It reads the certificates for the way to the servers as well.
//
// Nothing in this package writes a password or a key into an error or a log.
// Passwords travel as Password, which prints as "[redacted]" wherever it ends
// up, and are read only where a connection is made.
package credential

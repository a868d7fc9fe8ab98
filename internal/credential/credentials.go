// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package credential

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
)

// Credentials are the passwords of one set, by user name. A user's name is the
// name of the Secret's key that holds the password.
type Credentials struct {
	Passwords map[string]Password
	// Version is the same for the same users, passwords and certificates as long as this
	// process lives, and different for others. It reveals nothing and can key
	// connection pools.
	Version string
	// TLS says how connections are secured; zero: where the server offers it.
	TLS TLS
}

// Password returns the password of user, and the empty one for a user that
// Resolve was not asked for.
func (c Credentials) Password(user string) Password { return c.Passwords[user] }

// versionSalt keeps Version from being a hash that somebody who sees it could
// test guesses against.
var versionSalt = func() []byte {
	salt := make([]byte, sha256.Size)
	// crypto/rand.Read never returns an error; it ends the process instead.
	_, _ = rand.Read(salt)
	return salt
}()

const versionBytes = 12

func newCredentials(passwords map[string]Password) Credentials {
	c := Credentials{Passwords: passwords}
	c.Version = version(c)
	return c
}

func version(c Credentials) string {
	mac := hmac.New(sha256.New, versionSalt)
	write := func(text string) {
		// Length first, so that no two different lists make the same bytes.
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(text)))
		mac.Write(length[:])
		mac.Write([]byte(text))
	}
	for _, user := range slices.Sorted(maps.Keys(c.Passwords)) {
		write(user)
		write(c.Passwords[user].Reveal())
	}
	write(string(c.TLS.Mode))
	if c.TLS.held != nil {
		for _, text := range c.TLS.held.pem {
			write(string(text))
		}
	}
	return hex.EncodeToString(mac.Sum(nil)[:versionBytes])
}

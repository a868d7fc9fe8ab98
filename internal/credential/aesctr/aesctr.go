// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package aesctr is the envelope in which Secrets hold passwords: AES-256 in
// counter mode, a random 16-byte IV followed by the ciphertext.
//
// Counter mode has no authentication: a wrong key or a changed byte decrypts
// without an error, to something else. Plausible is what can be checked
// afterwards, and callers check it before they use a result as a password.
package aesctr

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
)

const (
	// KeySize is the length of a key in bytes. A key is text of this length,
	// not the encoding of one.
	KeySize = 32
	// IVSize is the length in bytes of the IV that comes before the ciphertext.
	IVSize = aes.BlockSize
)

var (
	// ErrKeyLength says that a key is not exactly KeySize bytes.
	ErrKeyLength = errors.New("the AES key must be exactly 32 bytes of text")
	// ErrShort says that a value holds no byte after its IV, so it cannot have
	// come from Encrypt.
	ErrShort = errors.New("the encrypted value is too short: it must be a 16-byte IV followed by the ciphertext")
	// ErrEmpty says that there was nothing to encrypt.
	ErrEmpty = errors.New("the plaintext is empty")
)

// Encrypt returns a fresh random IV followed by the encrypted plaintext. It
// fails with ErrKeyLength or ErrEmpty.
func Encrypt(key, plaintext []byte) ([]byte, error) {
	block, err := newBlock(key)
	if err != nil {
		return nil, err
	}
	if len(plaintext) == 0 {
		return nil, ErrEmpty
	}
	out := make([]byte, IVSize+len(plaintext))
	if _, err := rand.Read(out[:IVSize]); err != nil {
		return nil, fmt.Errorf("read a random IV: %w", err)
	}
	cipher.NewCTR(block, out[:IVSize]).XORKeyStream(out[IVSize:], plaintext)
	return out, nil
}

// Decrypt undoes Encrypt. It fails with ErrKeyLength or ErrShort. It cannot
// notice a wrong key; see Plausible.
func Decrypt(key, ciphertext []byte) ([]byte, error) {
	block, err := newBlock(key)
	if err != nil {
		return nil, err
	}
	if len(ciphertext) <= IVSize {
		return nil, fmt.Errorf("%w (it has %d bytes)", ErrShort, len(ciphertext))
	}
	out := make([]byte, len(ciphertext)-IVSize)
	cipher.NewCTR(block, ciphertext[:IVSize]).XORKeyStream(out, ciphertext[IVSize:])
	return out, nil
}

func newBlock(key []byte) (cipher.Block, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("%w (it has %d)", ErrKeyLength, len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("set up AES-256: %w", err)
	}
	return block, nil
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package credential

import (
	"fmt"

	"k8s.io/apimachinery/pkg/types"
)

// Reason says in one word why credentials could not be resolved. It is fit to
// be a condition's or an event's reason.
type Reason string

const (
	// ReasonSecretNotFound: the Secret with the passwords does not exist.
	ReasonSecretNotFound Reason = "SecretNotFound"
	// ReasonKeyMissing: the Secret has no such key, or nothing in it.
	ReasonKeyMissing Reason = "SecretKeyMissing"
	// ReasonAESKeyMissing: there is no AES key in the set's namespace and no
	// usable one in the operator's.
	ReasonAESKeyMissing Reason = "AESKeyMissing"
	// ReasonAESKeyInvalid: the AES key in the set's namespace is not 32 bytes.
	ReasonAESKeyInvalid Reason = "AESKeyInvalid"
	// ReasonCiphertextInvalid: a value is too short to have been encrypted.
	ReasonCiphertextInvalid Reason = "CiphertextInvalid"
	// ReasonWrongKey: a value decrypts to something that is not text.
	ReasonWrongKey Reason = "WrongAESKey"
	// ReasonCertificateInvalid: a value is no certificate, or no private key that
	// belongs to it.
	ReasonCertificateInvalid Reason = "CertificateInvalid"
	// ReasonReadFailed: the API server did not let the operator read a Secret.
	ReasonReadFailed Reason = "SecretReadFailed"
)

// Error says which Secret and which key of it stand in the way, and what to
// do. It never holds content of a Secret.
type Error struct {
	// Secret is the Secret that a person has to look at.
	Secret types.NamespacedName
	// Key is the key in that Secret, or empty when the Secret as a whole is meant.
	Key    string
	Reason Reason
	// Err is the cause, or nil.
	Err error

	// message is the sentence with the remedy; Err is added to it.
	message string
}

// Error returns one sentence that names the Secret, the key and the remedy.
func (e *Error) Error() string {
	text := e.message
	if text == "" {
		text = fmt.Sprintf("Secret %s, key %q: %s", e.Secret, e.Key, e.Reason)
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Temporary reports whether trying again can help without anybody changing a
// Secret.
func (e *Error) Temporary() bool { return e.Reason == ReasonReadFailed }

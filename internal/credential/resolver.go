// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package credential

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/internal/credential/aesctr"
)

// Resolver reads and decrypts the credentials that custom resources name.
type Resolver struct {
	// Reader gets Secrets. The caller's context carries the deadline.
	Reader client.Reader
	// OperatorNamespace is where an AES key is looked up that is absent in the
	// set's namespace. Empty switches that off.
	OperatorNamespace string
}

// Resolve returns the decrypted values of keys in the Secret
// namespace/secretName. A failure is an *Error, and is for the first key, in
// the order of keys, that could not be resolved.
func (r *Resolver) Resolve(ctx context.Context, namespace, secretName string, keys []string, aes AESRef) (Credentials, error) {
	name := types.NamespacedName{Namespace: namespace, Name: secretName}
	secret, err := r.get(ctx, name)
	if apierrors.IsNotFound(err) {
		return Credentials{}, &Error{Secret: name, Reason: ReasonSecretNotFound, message: fmt.Sprintf(
			"Secret %s does not exist: create it with values that aes-tool has encrypted, or correct spec.secret.name", name)}
	}
	if err != nil {
		return Credentials{}, readFailed(name, err)
	}
	// Checked before the AES key is looked for, so that the message is about
	// what the user has to mend first.
	for _, key := range keys {
		if len(secret.Data[key]) == 0 {
			return Credentials{}, &Error{Secret: name, Key: key, Reason: ReasonKeyMissing, message: fmt.Sprintf(
				"Secret %s has no value under key %q: add one that aes-tool has encrypted, or correct spec.secret", name, key)}
		}
	}
	aesKey, err := r.aesKey(ctx, namespace, aes.withDefaults())
	if err != nil {
		return Credentials{}, err
	}
	passwords := make(map[string]Password, len(keys))
	for _, key := range keys {
		text, err := decrypt(secret.Data[key], name, key, aesKey)
		if err != nil {
			return Credentials{}, err
		}
		passwords[key] = NewPassword(string(text))
	}
	return newCredentials(passwords), nil
}

// Secrets lists the Secrets that Resolve and Secure may read for the same arguments,
// those that do not exist included. A change of any of them can change the
// result.
func (r *Resolver) Secrets(namespace, secretName string, aes AESRef, secured TLSRef) []types.NamespacedName {
	aesName := aes.withDefaults().Name
	names := []types.NamespacedName{
		{Namespace: namespace, Name: secretName},
		{Namespace: namespace, Name: aesName},
	}
	if r.hasFallback(namespace) {
		names = append(names, types.NamespacedName{Namespace: r.OperatorNamespace, Name: aesName})
	}
	if secured.Secret != "" {
		names = append(names, types.NamespacedName{Namespace: namespace, Name: secured.Secret})
	}
	return names
}

func (r *Resolver) get(ctx context.Context, name types.NamespacedName) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	if err := r.Reader.Get(ctx, name, secret); err != nil {
		return nil, err
	}
	return secret, nil
}

// decrypt returns the text of one value. The error names the Secret that holds
// the value and the one that holds the key.
func decrypt(value []byte, secret types.NamespacedName, key string, aes aesKey) ([]byte, error) {
	text, err := aesctr.Decrypt(aes.value, value)
	if err != nil {
		reason := ReasonCiphertextInvalid
		if errors.Is(err, aesctr.ErrKeyLength) {
			reason = ReasonAESKeyInvalid
		}
		return nil, &Error{Secret: secret, Key: key, Reason: reason, Err: err, message: fmt.Sprintf(
			"Secret %s, key %q cannot be decrypted: write the file that aes-tool made into it, unchanged", secret, key)}
	}
	if err := aesctr.Plausible(text); err != nil {
		return nil, &Error{Secret: secret, Key: key, Reason: ReasonWrongKey, Err: err, message: fmt.Sprintf(
			"Secret %s, key %q cannot be decrypted with the AES key of Secret %s, key %q: encrypt the password again with that key, or put the right key there",
			secret, key, aes.secret, aes.key)}
	}
	return text, nil
}

func readFailed(name types.NamespacedName, err error) *Error {
	message := fmt.Sprintf("Secret %s could not be read and will be tried again", name)
	if apierrors.IsForbidden(err) {
		message = fmt.Sprintf("the operator may not read Secret %s: grant its service account \"get\" on Secrets in that namespace", name)
	}
	return &Error{Secret: name, Reason: ReasonReadFailed, Err: err, message: message}
}

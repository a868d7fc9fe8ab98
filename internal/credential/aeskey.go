// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package credential

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/upmio/compose-operator/internal/credential/aesctr"
)

const (
	// DefaultAESSecretName is the Secret with the AES key when spec.aesSecret
	// does not name one, and the one that the operator creates for itself.
	DefaultAESSecretName = "aes-secret-key"
	// DefaultAESSecretKey is the key in that Secret.
	DefaultAESSecretKey = "AES_SECRET_KEY"
)

// AESRef is spec.aesSecret. An empty field means its default.
type AESRef struct {
	Name string
	Key  string
}

func (a AESRef) withDefaults() AESRef {
	if a.Name == "" {
		a.Name = DefaultAESSecretName
	}
	if a.Key == "" {
		a.Key = DefaultAESSecretKey
	}
	return a
}

// aesKey is a key and where it was found.
type aesKey struct {
	value  []byte
	secret types.NamespacedName
	key    string
}

// errNoUsableKey is all that is ever said about a Secret in the operator's
// namespace. Who may write a custom resource may not be able to read there, and
// must not learn from an error which Secrets exist and what keys they have.
var errNoUsableKey = errors.New("no usable AES key in the operator's namespace either")

// aesKey finds the AES key for a set: in the set's own namespace, and only when
// that has no Secret of the name, in the operator's.
func (r *Resolver) aesKey(ctx context.Context, namespace string, ref AESRef) (aesKey, error) {
	own := types.NamespacedName{Namespace: namespace, Name: ref.Name}
	secret, err := r.get(ctx, own)
	if apierrors.IsNotFound(err) {
		return r.fallbackAESKey(ctx, own, ref)
	}
	if err != nil {
		return aesKey{}, readFailed(own, err)
	}
	data, found := secret.Data[ref.Key]
	if !found {
		return aesKey{}, &Error{Secret: own, Key: ref.Key, Reason: ReasonAESKeyMissing, message: fmt.Sprintf(
			"Secret %s has no key %q: put the AES key there, correct spec.aesSecret.key, or delete that Secret to use the operator's own key",
			own, ref.Key)}
	}
	value, err := aesctr.ParseKey(data)
	if err != nil {
		return aesKey{}, &Error{Secret: own, Key: ref.Key, Reason: ReasonAESKeyInvalid, Err: err, message: fmt.Sprintf(
			"Secret %s, key %q is not an AES key: put the 32 characters there that the passwords were encrypted with", own, ref.Key)}
	}
	return aesKey{value: value, secret: own, key: ref.Key}, nil
}

func (r *Resolver) hasFallback(namespace string) bool {
	return r.OperatorNamespace != "" && r.OperatorNamespace != namespace
}

func (r *Resolver) fallbackAESKey(ctx context.Context, own types.NamespacedName, ref AESRef) (aesKey, error) {
	missing := &Error{Secret: own, Key: ref.Key, Reason: ReasonAESKeyMissing, message: fmt.Sprintf(
		"Secret %s does not exist: create it with the 32-character AES key under key %q, or correct spec.aesSecret", own, ref.Key)}
	if !r.hasFallback(own.Namespace) {
		return aesKey{}, missing
	}
	missing.Err = errNoUsableKey

	fallback := types.NamespacedName{Namespace: r.OperatorNamespace, Name: ref.Name}
	secret, err := r.get(ctx, fallback)
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
		return aesKey{}, missing
	}
	if err != nil {
		return aesKey{}, readFailed(fallback, err)
	}
	value, err := aesctr.ParseKey(secret.Data[ref.Key])
	if err != nil {
		return aesKey{}, missing
	}
	return aesKey{value: value, secret: fallback, key: ref.Key}, nil
}

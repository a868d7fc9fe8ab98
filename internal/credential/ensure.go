// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package credential

import (
	"context"
	"crypto/rand"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/upmio/compose-operator/internal/credential/aesctr"
)

// EnsureAESSecret creates the Secret DefaultAESSecretName with a random key in
// namespace, the operator's own, unless there is one. An existing Secret is
// never changed, whatever it holds: passwords may be encrypted with it. It
// needs the permission to create Secrets there and none to read them.
func EnsureAESSecret(ctx context.Context, c client.Client, namespace string) error {
	key, err := randomKey()
	if err != nil {
		return err
	}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace,
			Name:      DefaultAESSecretName,
			Labels:    map[string]string{"app.kubernetes.io/managed-by": "compose-operator"},
		},
		Type: corev1.SecretTypeOpaque,
		Data: map[string][]byte{DefaultAESSecretKey: key},
	}
	err = c.Create(ctx, secret)
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("create Secret %s/%s for the AES key: %w", namespace, DefaultAESSecretName, err)
	}
	log.FromContext(ctx).Info("Created the Secret with the AES key",
		"namespace", namespace, "secret", DefaultAESSecretName, "key", DefaultAESSecretKey)
	return nil
}

// keyAlphabet is what a person can copy by a double click and hand to a shell
// unquoted. 32 of its characters have 190 bits.
const keyAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

func randomKey() ([]byte, error) {
	// Bytes above the greatest multiple of the alphabet's length are dropped:
	// folding them in would make the first characters likelier.
	limit := byte(256 / len(keyAlphabet) * len(keyAlphabet))
	key := make([]byte, 0, aesctr.KeySize)
	for buffer := make([]byte, 2*aesctr.KeySize); len(key) < aesctr.KeySize; {
		if _, err := rand.Read(buffer); err != nil {
			return nil, fmt.Errorf("make a random AES key: %w", err)
		}
		for _, b := range buffer {
			if b < limit && len(key) < aesctr.KeySize {
				key = append(key, keyAlphabet[int(b)%len(keyAlphabet)])
			}
		}
	}
	return key, nil
}

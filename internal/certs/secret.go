// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// store reads and writes the Secret.
type store struct {
	reader client.Reader
	writer client.Writer
	name   types.NamespacedName
}

// load returns the Secret, nil when there is none, and the set in it. What cannot
// be used counts as empty: the certificates serve this process alone and are made again.
func (s store) load(ctx context.Context) (*corev1.Secret, set, error) {
	secret := &corev1.Secret{}
	err := s.reader.Get(ctx, s.name, secret)
	if apierrors.IsNotFound(err) {
		return nil, set{}, nil
	}
	if err != nil {
		return nil, set{}, fmt.Errorf("read Secret %s: %w", s.name, err)
	}
	if len(secret.Data) == 0 {
		return secret, set{}, nil
	}
	current, err := parseSet(secret.Data)
	if err != nil {
		log.FromContext(ctx).Info("The webhook's certificates cannot be used and are made again",
			"namespace", s.name.Namespace, "secret", s.name.Name, "cause", err.Error())
		return secret, set{}, nil
	}
	return secret, current, nil
}

// save creates the Secret or replaces what it holds. Another replica that was
// faster makes it fail with AlreadyExists or Conflict: load again and decide anew.
func (s store) save(ctx context.Context, old *corev1.Secret, next set) (*corev1.Secret, error) {
	if old == nil {
		secret := &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: s.name.Namespace,
				Name:      s.name.Name,
				Labels:    map[string]string{"app.kubernetes.io/managed-by": "compose-operator"},
			},
			Type: corev1.SecretTypeOpaque,
			Data: next.data(),
		}
		if err := s.writer.Create(ctx, secret); err != nil {
			return nil, fmt.Errorf("create Secret %s: %w", s.name, err)
		}
		return secret, nil
	}
	secret := old.DeepCopy()
	secret.Data = next.data()
	// The resourceVersion that was read goes along and is the lock.
	if err := s.writer.Update(ctx, secret); err != nil {
		return nil, fmt.Errorf("update Secret %s: %w", s.name, err)
	}
	return secret, nil
}

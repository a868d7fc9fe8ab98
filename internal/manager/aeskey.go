// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"context"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/upmio/compose-operator/internal/credential"
)

const (
	aesKeyTimeout = 10 * time.Second
	aesKeyRetry   = 15 * time.Second
)

// aesKey creates the operator's own AES key once when it is missing. A RunnableFunc
// runs in the leader only.
func aesKey(c client.Client, namespace string) manager.RunnableFunc {
	return func(ctx context.Context) error {
		for {
			err := ensureAESKey(ctx, c, namespace)
			if err == nil {
				return nil
			}
			// Sets that bring a key of their own do not need this one: no reason to end.
			log.FromContext(ctx).Error(err, "The operator's own AES key could not be made; trying again", "after", aesKeyRetry.String())
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(aesKeyRetry):
			}
		}
	}
}

func ensureAESKey(ctx context.Context, c client.Client, namespace string) error {
	ctx, cancel := context.WithTimeout(ctx, aesKeyTimeout)
	defer cancel()
	return credential.EnsureAESSecret(ctx, c, namespace)
}

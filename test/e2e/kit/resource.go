// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"context"
	"fmt"
	"time"

	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// create an object. Admission is asked again for a while: its webhook may have just started.
func (c *Cluster) create(ctx context.Context, object client.Object) error {
	return Wait(ctx, 30*time.Second, func(ctx context.Context) error {
		fresh, is := object.DeepCopyObject().(client.Object)
		if !is {
			return fmt.Errorf("a copy of %T is not an object", object)
		}
		return c.Client.Create(ctx, fresh)
	})
}

// get the resource of the set.
func (s *Set) get(ctx context.Context, kind string, into client.Object) error {
	if err := s.Cluster.Client.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: s.Name}, into); err != nil {
		return fmt.Errorf("%s %s: %w", kind, s.Name, err)
	}
	return nil
}

// edit what read returns, once more when somebody else has written it meanwhile. It
// returns what was written.
func edit[T client.Object](ctx context.Context, c *Cluster, read func(context.Context) (T, error), change func(T)) (written T, err error) {
	err = retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		if written, err = read(ctx); err != nil {
			return err
		}
		change(written)
		return c.Client.Update(ctx, written)
	})
	if err != nil {
		return written, fmt.Errorf("edit %T: %w", written, err)
	}
	return written, nil
}

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
func (p *Pods) get(ctx context.Context, kind string, into client.Object) error {
	if err := p.Cluster.Client.Get(ctx, client.ObjectKey{Namespace: p.Namespace, Name: p.Name}, into); err != nil {
		return fmt.Errorf("%s %s: %w", kind, p.Name, err)
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

// watched edits the resource of a set and shows every version of it from then on, however
// short-lived, to look, until that has seen enough.
func watched[T client.Object](ctx context.Context, p *Pods, list client.ObjectList, timeout time.Duration, describe func(T) string,
	edit func(context.Context) (T, error), look func(T) (enough bool, err error)) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	changes, err := p.Cluster.Client.Watch(ctx, list, client.InNamespace(p.Namespace), client.MatchingFields{"metadata.name": p.Name})
	if err != nil {
		return fmt.Errorf("watch %s: %w", p.Name, err)
	}
	defer changes.Stop()
	last, err := edit(ctx)
	if err != nil {
		return err
	}
	written := last.GetGeneration()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("not seen within %s: %s", timeout, describe(last))
		case event, open := <-changes.ResultChan():
			now, is := event.Object.(T)
			if !open || !is {
				return fmt.Errorf("the watch of %s ended", p.Name)
			}
			if now.GetGeneration() < written {
				continue
			}
			last = now
			if enough, err := look(now); enough || err != nil {
				return err
			}
		}
	}
}

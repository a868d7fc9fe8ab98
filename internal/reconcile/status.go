// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// figuresInterval is how long figures that move by themselves wait to be written
// when nothing else has changed.
const figuresInterval = time.Minute

// errRaced means that somebody else has written the resource meanwhile.
var errRaced = errors.New("the resource was changed meanwhile")

// write writes the status if a person can see a difference, or if only figures
// have moved and the last write is long ago. With rebase, a status that
// nobody else has written is written over a newer spec.
func (p *pass[T, S, D]) write(ctx context.Context, rebase bool) error {
	if p.unchanged() {
		return nil
	}
	err := p.patchStatus(ctx)
	if !apierrors.IsConflict(err) {
		return err
	}
	before := p.known.newest
	if err := p.readLive(ctx); err != nil {
		return err
	}
	foreign, err := statusChanged(before, p.known.newest)
	if err != nil {
		return err
	}
	if !rebase || foreign || before.GetUID() != p.known.newest.GetUID() {
		return errRaced
	}
	if err := p.patchStatus(ctx); !apierrors.IsConflict(err) {
		return err
	}
	return errRaced
}

// unchanged says whether there is nothing to write, or only figures that can wait. Every
// quiet pass asks, so what is cheap comes first.
func (p *pass[T, S, D]) unchanged() bool {
	if equality.Semantic.DeepEqual(p.known.newest, p.object) {
		return true
	}
	if !sameWhenCalm(p.engine, p.known.newest, p.object) {
		return false
	}
	if p.now().Sub(p.known.lastWrite) < figuresInterval {
		return true
	}
	changed, err := statusChanged(p.known.newest, p.object)
	return !changed && err == nil
}

// patchStatus writes the status of the working copy over the newest version that
// is known, and remembers what came of it.
func (p *pass[T, S, D]) patchStatus(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	patch, err := statusPatch(p.known.newest, p.object)
	if err != nil {
		return err
	}
	written := copyOf(p.object)
	if err := p.client.Status().Patch(ctx, written, patch); err != nil {
		return fmt.Errorf("write the status of %s %s: %w", p.engine.Kind(), p.key, err)
	}
	p.known.remember(written)
	p.known.lastWrite = p.now()
	return nil
}

func (p *pass[T, S, D]) readLive(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	object := p.engine.New()
	if err := p.live.Get(ctx, p.key, object); err != nil {
		return fmt.Errorf("read %s %s again: %w", p.engine.Kind(), p.key, err)
	}
	p.known.remember(object)
	return nil
}

// statusDiff is the JSON merge patch from the status of one version to that of
// another; nil when they are equal.
func statusDiff(from, to client.Object) (json.RawMessage, error) {
	data, err := client.MergeFrom(from).Data(to)
	if err != nil {
		return nil, fmt.Errorf("compare two versions of %s: %w", to.GetName(), err)
	}
	var diff struct {
		Status json.RawMessage `json:"status"`
	}
	if err := json.Unmarshal(data, &diff); err != nil {
		return nil, fmt.Errorf("compare two versions of %s: %w", to.GetName(), err)
	}
	return diff.Status, nil
}

func statusChanged(from, to client.Object) (bool, error) {
	diff, err := statusDiff(from, to)
	return diff != nil, err
}

// statusPatch is the merge patch that gives base the status of object. The API
// server refuses it when base is not its newest version.
func statusPatch(base, object client.Object) (client.Patch, error) {
	diff, err := statusDiff(base, object)
	if err != nil {
		return nil, err
	}
	patch := map[string]any{"metadata": map[string]any{
		"uid": base.GetUID(), "resourceVersion": base.GetResourceVersion(),
	}}
	if diff != nil {
		patch["status"] = diff
	}
	data, err := json.Marshal(patch)
	if err != nil {
		return nil, fmt.Errorf("encode the status of %s: %w", object.GetName(), err)
	}
	return client.RawPatch(client.Merge.Type(), data), nil
}

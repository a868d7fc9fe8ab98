// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"context"
	"fmt"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// inject puts the bundle into every webhook of the ValidatingWebhookConfiguration
// and writes nothing when it is there already. A configuration that does not
// exist needs none.
func (r *Rotator) inject(ctx context.Context, bundle []byte) error {
	configuration := &admissionregistrationv1.ValidatingWebhookConfiguration{}
	err := r.Reader.Get(ctx, types.NamespacedName{Name: r.WebhookConfiguration}, configuration)
	if apierrors.IsNotFound(err) {
		log.FromContext(ctx).V(1).Info("No webhook configuration to put the CA bundle into", "name", r.WebhookConfiguration)
		return nil
	}
	if err != nil {
		return fmt.Errorf("read ValidatingWebhookConfiguration %s: %w", r.WebhookConfiguration, err)
	}
	before := configuration.DeepCopy()
	differs := false
	for i := range configuration.Webhooks {
		target := &configuration.Webhooks[i].ClientConfig.CABundle
		if !bytes.Equal(*target, bundle) {
			*target = bundle
			differs = true
		}
	}
	if !differs {
		return nil
	}
	// Merged by the webhooks' names, and only onto what was read.
	patch := client.StrategicMergeFrom(before, client.MergeFromWithOptimisticLock{})
	if err := r.Writer.Patch(ctx, configuration, patch); err != nil {
		return fmt.Errorf("put the CA bundle into ValidatingWebhookConfiguration %s: %w", r.WebhookConfiguration, err)
	}
	log.FromContext(ctx).Info("Put the CA bundle into the webhook configuration", "name", r.WebhookConfiguration)
	return nil
}

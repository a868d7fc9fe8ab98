// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

const (
	// interval between two looks: a replica serves what another one renewed, and a
	// deleted Secret or a removed bundle is back, at the latest after it.
	interval = time.Minute
	// retryInterval follows a look that failed.
	retryInterval = 5 * time.Second
	// passTimeout bounds all calls of one look together.
	passTimeout = 20 * time.Second
	// attempts at a write that another replica was faster with.
	attempts = 5
)

// Rotator keeps the webhook's certificates. It runs in every replica of the
// manager, since each of them serves. Make one with its fields set and do not
// change them afterwards.
type Rotator struct {
	// Reader must not be a cache: it reads a Secret and the webhook configuration
	// that the manager has no permission to watch.
	Reader client.Reader
	Writer client.Writer
	// Secret that holds the certificates.
	Secret types.NamespacedName
	// WebhookConfiguration is the name of the ValidatingWebhookConfiguration.
	WebhookConfiguration string
	// DNSNames under which the API server calls the webhook.
	DNSNames []string
	// Now is the clock; time.Now when nil.
	Now func() time.Time

	serving atomic.Pointer[tls.Certificate]
}

// NeedLeaderElection makes every replica run it.
func (r *Rotator) NeedLeaderElection() bool { return false }

// Start keeps the certificates until the context ends.
func (r *Rotator) Start(ctx context.Context) error {
	ctx = log.IntoContext(ctx, log.FromContext(ctx).WithName("certs"))
	for {
		wait := interval
		if err := r.Once(ctx); err != nil && ctx.Err() == nil {
			wait = retryInterval
			log.FromContext(ctx).Error(err, "The webhook's certificates could not be kept; trying again", "after", wait.String())
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// Once looks at the certificates, renews what is due, and serves the result. It
// serves the certificate that it has even when it returns an error.
func (r *Rotator) Once(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, passTimeout)
	defer cancel()
	var err error
	for range attempts {
		err = r.pass(ctx)
		if !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err) {
			return err
		}
	}
	return err
}

// pass trusts first and serves then: a certificate of a new authority is made and
// served only after the API server has been told to trust that authority.
func (r *Rotator) pass(ctx context.Context) error {
	store := store{reader: r.Reader, writer: r.Writer, name: r.Secret}
	secret, current, err := store.load(ctx)
	if err != nil {
		return err
	}
	now := r.now()

	next, changed, err := current.withFreshAuthority(now)
	if err != nil {
		return err
	}
	if changed {
		if secret, err = r.save(ctx, store, secret, next, "authority", next.authority); err != nil {
			return err
		}
	}
	if err := r.inject(ctx, next.bundle()); err != nil {
		if usable(next.serving.cert, now) {
			r.serve(next)
			return err
		}
		// Better served and not yet trusted than not served.
		return errors.Join(err, r.renewAndServe(ctx, store, secret, next, now))
	}
	return r.renewAndServe(ctx, store, secret, next, now)
}

func (r *Rotator) renewAndServe(ctx context.Context, store store, secret *corev1.Secret, current set, now time.Time) error {
	next, changed, err := current.withFreshServing(now, r.DNSNames)
	if err != nil {
		return err
	}
	if changed {
		if _, err := r.save(ctx, store, secret, next, "serving certificate", next.serving); err != nil {
			if usable(current.serving.cert, now) {
				r.serve(current)
			}
			return err
		}
	}
	r.serve(next)
	return nil
}

func (r *Rotator) serve(s set) {
	if old := r.serving.Load(); old == nil || !old.Leaf.Equal(s.serving.cert) {
		r.serving.Store(s.certificate())
	}
}

func (r *Rotator) save(ctx context.Context, store store, old *corev1.Secret, next set, what string, made pair) (*corev1.Secret, error) {
	secret, err := store.save(ctx, old, next)
	if err != nil {
		return nil, err
	}
	log.FromContext(ctx).Info("Made a new "+what+" for the webhook",
		"namespace", r.Secret.Namespace, "secret", r.Secret.Name, "notAfter", made.cert.NotAfter)
	return secret, nil
}

// GetCertificate is for tls.Config. It fails until the first certificate is there.
func (r *Rotator) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if cert := r.serving.Load(); cert != nil {
		return cert, nil
	}
	return nil, fmt.Errorf("the webhook has no certificate yet: Secret %s is made or read at start, see the log of %q", r.Secret, "certs")
}

// Ready is nil once there is a certificate to serve.
func (r *Rotator) Ready() error {
	_, err := r.GetCertificate(nil)
	return err
}

func (r *Rotator) now() time.Time {
	if r.Now != nil {
		return r.Now()
	}
	return time.Now()
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/internal/kube"
)

// resolvedCredentials are kept while the Secrets they came from stay as they are.
type resolvedCredentials struct {
	value *credential.Credentials
	// last outlives a failure to read them again.
	last *credential.Credentials
	// from is the fingerprint of the Secrets and of what was asked of them.
	from string
}

// resolve decrypts the passwords of a resource, and reads its certificates. It reads Secrets only when
// their metadata, which is watched, or the question has changed.
func (r *Reconciler[T, S, D]) resolve(ctx context.Context, namespace string, of Description, held *resolvedCredentials) (*credential.Credentials, error) {
	if of.SecretName == "" {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	aes := credential.AESRef{Name: of.AESSecretName, Key: of.AESSecretKey}
	// Taken before the Secrets are read: were one changed in between, the next
	// fingerprint differs and it is read again.
	from := r.fingerprint(ctx, r.resolver.Secrets(namespace, of.SecretName, aes, of.TLS), of)
	if from != "" && held.value != nil && held.from == from {
		return held.value, nil
	}
	*held = resolvedCredentials{last: held.last}
	resolved, err := r.resolver.Resolve(ctx, namespace, of.SecretName, of.SecretKeys, aes)
	if err == nil {
		resolved, err = r.resolver.Secure(ctx, namespace, of.TLS, resolved)
	}
	if err != nil && of.InFlight && held.last != nil {
		return held.last, nil
	}
	if err != nil {
		return nil, err
	}
	*held = resolvedCredentials{value: &resolved, last: &resolved, from: from}
	return &resolved, nil
}

// fingerprint of the Secrets as the cache knows them; empty: it cannot tell,
// e.g. because it does not cover the operator's namespace.
func (r *Reconciler[T, S, D]) fingerprint(ctx context.Context, secrets []types.NamespacedName, of Description) string {
	parts := []string{fmt.Sprintf("%q %q %q %q %q", of.SecretName, of.SecretKeys, of.AESSecretName, of.AESSecretKey, of.TLS)}
	for _, name := range secrets {
		secret := kube.NewSecret()
		err := r.client.Get(ctx, name, secret, client.UnsafeDisableDeepCopy)
		switch {
		case apierrors.IsNotFound(err):
			parts = append(parts, name.String()+" absent")
		case err != nil:
			return ""
		default:
			parts = append(parts, fmt.Sprintf("%s %s %s", name, secret.GetUID(), secret.GetResourceVersion()))
		}
	}
	return strings.Join(parts, "\n")
}

// credentialVerdict is what is reported while the passwords are not to be had:
// the conditions, the event, and whether trying again can help.
func credentialVerdict(err error, judged []string) (conditions []metav1.Condition, warning Event, temporary bool) {
	reason := reasonCredentialsError
	if known := (*credential.Error)(nil); errors.As(err, &known) {
		reason, temporary = string(known.Reason), known.Temporary()
	}
	for _, condition := range judged {
		conditions = append(conditions, metav1.Condition{
			Type: condition, Status: metav1.ConditionFalse, Reason: reason, Message: err.Error(),
		})
	}
	if !temporary {
		conditions = append(conditions, metav1.Condition{
			Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: reason, Message: err.Error(),
		})
	}
	return conditions, Event{Warning: true, Reason: reason, Message: err.Error()}, temporary
}

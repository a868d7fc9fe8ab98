// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package credential_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/internal/credential"
)

// creator is a client.Client that can only create Secrets: any other call
// panics, which is what EnsureAESSecret has no permission for.
type creator struct {
	client.Client
	made map[string]*corev1.Secret
	fail error
}

func (c *creator) Create(_ context.Context, obj client.Object, _ ...client.CreateOption) error {
	if c.fail != nil {
		return c.fail
	}
	name := client.ObjectKeyFromObject(obj).String()
	if c.made[name] != nil {
		return apierrors.NewAlreadyExists(schema.GroupResource{Resource: "secrets"}, obj.GetName())
	}
	c.made[name] = obj.(*corev1.Secret)
	return nil
}

func TestEnsureAESSecretCreatesOnce(t *testing.T) {
	c := &creator{made: map[string]*corev1.Secret{}}
	if err := credential.EnsureAESSecret(t.Context(), c, "upm-system"); err != nil {
		t.Fatal(err)
	}
	secret := c.made["upm-system/aes-secret-key"]
	if secret == nil {
		t.Fatalf("not created, but %v", c.made)
	}
	key := string(secret.Data["AES_SECRET_KEY"])
	if len(key) != 32 || strings.Trim(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") != "" {
		t.Errorf("the key is not 32 letters and digits: %d bytes", len(key))
	}
	if secret.Labels["app.kubernetes.io/managed-by"] != "compose-operator" {
		t.Errorf("labels = %v", secret.Labels)
	}
	if secret.Immutable != nil {
		t.Error("the Secret is immutable: its key could not be changed")
	}

	if err := credential.EnsureAESSecret(t.Context(), c, "upm-system"); err != nil {
		t.Errorf("the second time: %v", err)
	}
	if got := string(c.made["upm-system/aes-secret-key"].Data["AES_SECRET_KEY"]); got != key {
		t.Error("the second time has replaced the key")
	}
}

func TestEnsureAESSecretMakesDifferentKeys(t *testing.T) {
	c := &creator{made: map[string]*corev1.Secret{}}
	seen := map[string]bool{}
	for _, namespace := range []string{"a", "b", "c", "d"} {
		if err := credential.EnsureAESSecret(t.Context(), c, namespace); err != nil {
			t.Fatal(err)
		}
		seen[string(c.made[namespace+"/aes-secret-key"].Data["AES_SECRET_KEY"])] = true
	}
	if len(seen) != 4 {
		t.Errorf("4 Secrets have %d keys", len(seen))
	}
}

func TestEnsureAESSecretReportsFailure(t *testing.T) {
	cause := apierrors.NewServiceUnavailable("later")
	err := credential.EnsureAESSecret(t.Context(), &creator{fail: cause}, "upm-system")
	if !errors.Is(err, cause) || !strings.Contains(err.Error(), "upm-system/aes-secret-key") {
		t.Errorf("err = %v", err)
	}
}

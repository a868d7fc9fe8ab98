// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/yaml"

	"github.com/upmio/compose-operator/internal/certs"
)

func TestCacheIsLimitedToTheWatchedNamespaces(t *testing.T) {
	all := cacheOptions(nil, "ops")
	if all.DefaultNamespaces != nil {
		t.Errorf("all namespaces: %v", all.DefaultNamespaces)
	}
	some := cacheOptions([]string{"a", "b"}, "ops")
	if len(some.DefaultNamespaces) != 2 {
		t.Errorf("two namespaces: %v", some.DefaultNamespaces)
	}
	found := false
	for object, limits := range some.ByObject {
		if _, secrets := object.(*corev1.Secret); !secrets {
			if limits.Namespaces != nil {
				t.Errorf("%T does not follow the watched namespaces", object)
			}
			continue
		}
		found = true
		for _, name := range []string{"a", "b", "ops"} {
			if _, has := limits.Namespaces[name]; !has {
				t.Errorf("Secrets of %s are not watched", name)
			}
		}
	}
	if !found {
		t.Error("Secrets are cached without limits")
	}
}

type syncedAfter struct{ done chan struct{} }

func (s syncedAfter) WaitForCacheSync(ctx context.Context) bool {
	select {
	case <-s.done:
		return true
	case <-ctx.Done():
		return false
	}
}

func TestReadyOnceTheCachesAreSynced(t *testing.T) {
	caches := syncedAfter{done: make(chan struct{})}
	check := cachesSynced(caches)
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil)
	if err := check(req); err == nil {
		t.Error("ready before the caches are synced")
	}
	close(caches.done)
	if err := check(req); err != nil {
		t.Error(err)
	}
}

func TestReadyOnceTheWebhookHasACertificate(t *testing.T) {
	asked := false
	started := func(*http.Request) error { asked = true; return nil }
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil)
	if err := webhookServes(&certs.Rotator{}, started)(req); err == nil || asked {
		t.Errorf("without a certificate: %v, server asked: %t", err, asked)
	}
	if err := webhookServes(nil, started)(req); err != nil || !asked {
		t.Errorf("with somebody else's certificate: %v, server asked: %t", err, asked)
	}
}

func TestAESKeyIsMadeOnce(t *testing.T) {
	creations := 0
	c := interceptor.NewClient(fake.NewClientBuilder().Build(), interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
			creations++
			return c.Create(ctx, obj, opts...)
		},
	})
	for range 2 {
		if err := aesKey(c, "ops").Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	secret := &corev1.Secret{}
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: "ops", Name: "aes-secret-key"}, secret); err != nil {
		t.Fatal(err)
	}
	if creations != 2 {
		t.Errorf("%d attempts to create it", creations)
	}
}

func TestAESKeyDoesNotHoldUpTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	tried := make(chan struct{}, 1)
	c := interceptor.NewClient(fake.NewClientBuilder().Build(), interceptor.Funcs{
		Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error {
			tried <- struct{}{}
			return errors.New("the API server is away")
		},
	})
	done := make(chan error, 1)
	go func() { done <- aesKey(c, "ops").Start(ctx) }()
	<-tried
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("it ends the manager: %v", err)
		}
	case <-time.After(aesKeyRetry):
		t.Error("it goes on after the end")
	}
}

func TestSchemeKnowsWhatIsUsed(t *testing.T) {
	scheme := Scheme()
	for _, gvk := range []schema.GroupVersionKind{
		{Group: "upm.syntropycloud.io", Version: "v1alpha1", Kind: "MysqlReplication"},
		{Version: "v1", Kind: "Service"},
		{Group: "admissionregistration.k8s.io", Version: "v1", Kind: "ValidatingWebhookConfiguration"},
	} {
		if !scheme.Recognizes(gvk) {
			t.Errorf("unknown: %s", gvk)
		}
	}
}

// TestManifestsAgree: names and times that the manifests and the code both have.
func TestManifestsAgree(t *testing.T) {
	configuration := &admissionregistrationv1.ValidatingWebhookConfiguration{}
	read(t, "webhook/manifests.yaml", configuration)
	if configuration.Name != webhookConfiguration {
		t.Errorf("webhook configuration %q, want %q", configuration.Name, webhookConfiguration)
	}
	for _, hook := range configuration.Webhooks {
		if hook.ClientConfig.Service.Name != webhookService || hook.ClientConfig.Service.Namespace != defaultOperatorNamespace {
			t.Errorf("%s calls %s", hook.Name, hook.ClientConfig.Service)
		}
	}
	service := &corev1.Service{}
	read(t, "webhook/service.yaml", service)
	if service.Name != webhookService {
		t.Errorf("Service %q, want %q", service.Name, webhookService)
	}
	deployment := &appsv1.Deployment{}
	read(t, "manager/manager.yaml", deployment)
	pod := deployment.Spec.Template.Spec
	if grace := time.Duration(*pod.TerminationGracePeriodSeconds) * time.Second; grace <= shutdownTimeout {
		t.Errorf("a grace period of %s leaves no room for a shutdown of %s", grace, shutdownTimeout)
	}
	// An upgrade is a hand-over from one pod to the next, not a time without any.
	if s := deployment.Spec.Strategy.RollingUpdate; s == nil || s.MaxUnavailable == nil || s.MaxUnavailable.String() != "0" {
		t.Errorf("the old pod is ended before the new one is ready: %v", deployment.Spec.Strategy)
	}
	if _, err := ParseOptions(pod.Containers[0].Args, func(string) string { return "" }, os.Stderr); err != nil {
		t.Errorf("the Deployment's arguments: %v", err)
	}
	for label, value := range service.Spec.Selector {
		if deployment.Spec.Template.Labels[label] != value {
			t.Errorf("the webhook's Service selects %s=%s, which the pods do not have", label, value)
		}
	}
	names := []string{}
	for _, port := range pod.Containers[0].Ports {
		names = append(names, port.Name)
	}
	if !slices.Contains(names, service.Spec.Ports[0].TargetPort.StrVal) {
		t.Errorf("the webhook's Service asks for port %q of %q", service.Spec.Ports[0].TargetPort.StrVal, names)
	}
}

func read(t *testing.T, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "config", file))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(data, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

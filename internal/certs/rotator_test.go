// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

const dnsName = "compose-operator-webhook.upm-system.svc"

var (
	secretName = types.NamespacedName{Namespace: "upm-system", Name: "compose-operator-webhook-cert"}
	start      = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

// world is an API server, a clock that tests move, and a count of writes.
type world struct {
	t      *testing.T
	client client.WithWatch
	now    time.Time
	writes int
	// refuse is asked before each write.
	refuse func(verb string, obj client.Object) error
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, now: start, refuse: func(string, client.Object) error { return nil }}
	configuration := &admissionregistrationv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "compose-operator"},
		Webhooks: []admissionregistrationv1.ValidatingWebhook{
			{Name: "one.example.com", TimeoutSeconds: new(int32(5))},
			{Name: "two.example.com"},
		},
	}
	w.client = fake.NewClientBuilder().WithObjects(configuration).WithInterceptorFuncs(interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
			return w.write("create", obj, func() error { return c.Create(ctx, obj, opts...) })
		},
		Update: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.UpdateOption) error {
			return w.write("update", obj, func() error { return c.Update(ctx, obj, opts...) })
		},
		Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
			return w.write("patch", obj, func() error { return c.Patch(ctx, obj, patch, opts...) })
		},
	}).Build()
	return w
}

func (w *world) write(verb string, obj client.Object, do func() error) error {
	if err := w.refuse(verb, obj); err != nil {
		return err
	}
	w.writes++
	return do()
}

func (w *world) replica() *Rotator {
	return &Rotator{
		Reader: w.client, Writer: w.client,
		Secret: secretName, WebhookConfiguration: "compose-operator", DNSNames: []string{dnsName},
		Now: func() time.Time { return w.now },
	}
}

func (w *world) once(r *Rotator) {
	w.t.Helper()
	if err := r.Once(w.t.Context()); err != nil {
		w.t.Fatalf("at %s: %v", w.now, err)
	}
}

func (w *world) secret() *corev1.Secret {
	w.t.Helper()
	secret := &corev1.Secret{}
	if err := w.client.Get(w.t.Context(), secretName, secret); err != nil {
		w.t.Fatal(err)
	}
	return secret
}

func (w *world) bundle() []byte {
	w.t.Helper()
	configuration := &admissionregistrationv1.ValidatingWebhookConfiguration{}
	if err := w.client.Get(w.t.Context(), types.NamespacedName{Name: "compose-operator"}, configuration); err != nil {
		w.t.Fatal(err)
	}
	first, second := configuration.Webhooks[0].ClientConfig.CABundle, configuration.Webhooks[1].ClientConfig.CABundle
	if !bytes.Equal(first, second) {
		w.t.Fatal("the webhooks of the configuration trust different authorities")
	}
	if timeout := configuration.Webhooks[0].TimeoutSeconds; timeout == nil || *timeout != 5 {
		w.t.Fatal("putting in the bundle changed another field of the webhook")
	}
	return first
}

func (w *world) leaf(r *Rotator) *x509.Certificate {
	w.t.Helper()
	cert, err := r.GetCertificate(&tls.ClientHelloInfo{})
	if err != nil {
		w.t.Fatal(err)
	}
	return cert.Leaf
}

// mustTrust fails the test unless the API server accepts what the replica serves.
func (w *world) mustTrust(r *Rotator) {
	w.t.Helper()
	if err := w.trusts(r); err != nil {
		w.t.Fatalf("at %s the API server does not accept what is served: %v", w.now, err)
	}
}

func (w *world) trusts(r *Rotator) error {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(w.bundle())
	_, err := w.leaf(r).Verify(x509.VerifyOptions{DNSName: dnsName, Roots: roots, CurrentTime: w.now})
	return err
}

func TestFirstStartMakesWhatAClientAccepts(t *testing.T) {
	w := newWorld(t)
	r := w.replica()
	if _, err := r.GetCertificate(nil); err == nil {
		t.Error("a certificate before the first look")
	}
	w.once(r)
	w.mustTrust(r)
	if got := w.leaf(r).NotAfter; !got.Equal(start.Add(servingLife)) {
		t.Errorf("the serving certificate ends at %s", got)
	}
}

func TestARealHandshake(t *testing.T) {
	w := newWorld(t)
	w.now = time.Now()
	r := w.replica()
	w.once(r)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetCertificate: r.GetCertificate})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			_ = conn.(*tls.Conn).HandshakeContext(context.WithoutCancel(t.Context()))
			_ = conn.Close()
		}
	}()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(w.bundle())
	conn, err := tls.Dial("tcp", listener.Addr().String(), &tls.Config{RootCAs: roots, ServerName: dnsName})
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
}

func TestNothingIsWrittenWhileNothingIsDue(t *testing.T) {
	w := newWorld(t)
	r := w.replica()
	w.once(r)
	first, writes := w.leaf(r), w.writes
	for range 5 {
		w.now = w.now.Add(24 * time.Hour)
		w.once(r)
	}
	w.once(w.replica())
	if w.writes != writes {
		t.Errorf("%d writes in steady state", w.writes-writes)
	}
	if !w.leaf(r).Equal(first) {
		t.Error("another certificate is served")
	}
}

func TestServingCertificateIsRenewedAtTwoThirds(t *testing.T) {
	w := newWorld(t)
	r := w.replica()
	w.once(r)
	first, bundle := w.leaf(r), w.bundle()
	w.now = start.Add(servingLife * 2 / 3)
	w.once(r)
	w.mustTrust(r)
	if w.leaf(r).Equal(first) {
		t.Error("the certificate was not renewed")
	}
	if !bytes.Equal(bundle, w.bundle()) {
		t.Error("the authority changed although it was not due")
	}
}

func TestAuthorityIsRenewedWithoutARefusedRequest(t *testing.T) {
	w := newWorld(t)
	a, b := w.replica(), w.replica()
	// Twelve years, a month at a time; b is always later than a, and sometimes much.
	w.once(a)
	w.once(b)
	authority := w.bundle()
	most := 0
	for month := range 12 * 12 {
		w.now = start.AddDate(0, month, 0)
		w.once(a)
		w.mustTrust(a)
		w.mustTrust(b)
		if month%3 == 0 {
			w.once(b)
			w.mustTrust(b)
		}
		trusted, err := parseCertificates(w.bundle())
		if err != nil {
			t.Fatal(err)
		}
		most = max(most, len(trusted))
	}
	if bytes.Contains(w.bundle(), authority) {
		t.Error("the first authority is still trusted after it has expired")
	}
	if most != 2 {
		t.Errorf("%d authorities were trusted at the same time, want 2 during a rotation", most)
	}
}

func TestNewAuthorityIsTrustedBeforeItIsServed(t *testing.T) {
	w := newWorld(t)
	r := w.replica()
	w.once(r)
	first := w.leaf(r)
	w.now = start.Add(authorityLife * 2 / 3)
	// A year-old certificate is due at that time as well; give it a fresh one first.
	secret := w.secret()
	current, err := parseSet(secret.Data)
	if err != nil {
		t.Fatal(err)
	}
	current.serving, err = newServing(w.now, current.authority, []string{dnsName})
	if err != nil {
		t.Fatal(err)
	}
	secret.Data = current.data()
	if err := w.client.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}

	w.refuse = func(verb string, _ client.Object) error {
		if verb == "patch" {
			return errors.New("not now")
		}
		return nil
	}
	if err := r.Once(t.Context()); err == nil {
		t.Fatal("a bundle that could not be put in is not reported")
	}
	w.mustTrust(r)
	if w.leaf(r).Equal(first) {
		t.Error("the renewed certificate is not served while the bundle cannot be put in")
	}
	w.refuse = func(string, client.Object) error { return nil }
	w.once(r)
	w.mustTrust(r)
	renewed, err := parseSet(w.secret().Data)
	if err != nil {
		t.Fatal(err)
	}
	if w.leaf(r).CheckSignatureFrom(renewed.authority.cert) != nil || renewed.authority.cert.Equal(current.authority.cert) {
		t.Error("what is served is not signed by the new authority")
	}
}

func TestTwoReplicasShareOneSecret(t *testing.T) {
	w := newWorld(t)
	a, b := w.replica(), w.replica()
	// b makes everything just before a's first write.
	raced := false
	w.refuse = func(verb string, _ client.Object) error {
		if verb == "create" && !raced {
			raced = true
			w.once(b)
		}
		return nil
	}
	w.once(a)
	if !w.leaf(a).Equal(w.leaf(b)) {
		t.Error("the two replicas serve different certificates")
	}
	w.mustTrust(a)
}

func TestALostUpdateIsDecidedAnew(t *testing.T) {
	w := newWorld(t)
	a, b := w.replica(), w.replica()
	w.once(a)
	w.now = start.Add(servingLife * 2 / 3)
	raced := false
	w.refuse = func(verb string, _ client.Object) error {
		if verb == "update" && !raced {
			raced = true
			w.once(b)
		}
		return nil
	}
	w.once(a)
	if !raced || !w.leaf(a).Equal(w.leaf(b)) {
		t.Error("a overwrote what b had renewed")
	}
}

func TestWhatWasTakenAwayComesBack(t *testing.T) {
	for name, damage := range map[string]func(w *world){
		"the Secret is deleted": func(w *world) {
			if err := w.client.Delete(w.t.Context(), w.secret()); err != nil {
				w.t.Fatal(err)
			}
		},
		"the Secret is garbage": func(w *world) {
			secret := w.secret()
			secret.Data = map[string][]byte{keyAuthorityCert: []byte("garbage"), "note": []byte("mine")}
			if err := w.client.Update(w.t.Context(), secret); err != nil {
				w.t.Fatal(err)
			}
		},
		"the serving key is another one": func(w *world) {
			secret := w.secret()
			secret.Data[keyServingKey] = secret.Data[keyAuthorityKey]
			if err := w.client.Update(w.t.Context(), secret); err != nil {
				w.t.Fatal(err)
			}
		},
		"the bundle is emptied": func(w *world) {
			configuration := &admissionregistrationv1.ValidatingWebhookConfiguration{}
			if err := w.client.Get(w.t.Context(), types.NamespacedName{Name: "compose-operator"}, configuration); err != nil {
				w.t.Fatal(err)
			}
			configuration.Webhooks[0].ClientConfig.CABundle = nil
			configuration.Webhooks[1].ClientConfig.CABundle = nil
			if err := w.client.Update(w.t.Context(), configuration); err != nil {
				w.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			r := w.replica()
			w.once(r)
			damage(w)
			w.once(r)
			w.mustTrust(r)
			other := w.replica()
			w.once(other)
			w.mustTrust(other)
		})
	}
}

func TestAWebhookConfigurationIsNotNeeded(t *testing.T) {
	w := newWorld(t)
	r := w.replica()
	r.WebhookConfiguration = "absent"
	w.once(r)
	w.leaf(r)
}

func TestErrorsSayWhatFailedAndShowNoKey(t *testing.T) {
	w := newWorld(t)
	r := w.replica()
	w.refuse = func(verb string, obj client.Object) error {
		return apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, obj.GetName(), errors.New("no "+verb))
	}
	err := r.Once(t.Context())
	if err == nil {
		t.Fatal("no error")
	}
	if want := "create Secret upm-system/compose-operator-webhook-cert"; !bytes.Contains([]byte(err.Error()), []byte(want)) {
		t.Errorf("%q does not say %q", err, want)
	}
	if bytes.Contains([]byte(err.Error()), []byte("PRIVATE")) {
		t.Error("a key in an error")
	}
	if _, err := parsePair([]byte("x"), []byte("hunter2")); err == nil || bytes.Contains([]byte(err.Error()), []byte("hunter2")) {
		t.Errorf("the error repeats what should be a key: %v", err)
	}
}

func TestStartEndsWithItsContext(t *testing.T) {
	w := newWorld(t)
	r := w.replica()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Start(ctx) }()
	deadline := time.After(20 * time.Second)
	for r.serving.Load() == nil {
		select {
		case <-deadline:
			t.Fatal("no certificate within 20 s")
		case <-time.After(time.Millisecond):
		}
	}
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("Start goes on after its context has ended")
	}
}

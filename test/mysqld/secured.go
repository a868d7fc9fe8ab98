// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysqld

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/credential"
)

// Material is what a Secret with certificates holds, by key.
type Material map[string][]byte

// Trusting is a Secret with CAs and nothing else.
func Trusting(cas ...*CA) Material {
	var all []byte
	for _, ca := range cas {
		all = append(all, ca.PEM...)
	}
	return Material{credential.CAKey: all}
}

// With adds a client certificate.
func (m Material) With(issuer *CA) Material {
	cert, key := issuer.Issue("client")
	return Material{credential.CAKey: m[credential.CAKey], credential.CertificateKey: cert, credential.PrivateKeyKey: key}
}

// Secured are credentials with the TLS of a spec, as the kernel resolves them; no
// Material: spec.tls names no Secret.
func Secured(t testing.TB, of credential.Credentials, mode v1alpha1.DatabaseTLSMode, m Material) credential.Credentials {
	t.Helper()
	spec, secrets := &v1alpha1.DatabaseTLS{Mode: mode}, fake.NewClientBuilder()
	if m != nil {
		spec.SecretName = "tls"
		secrets = secrets.WithObjects(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "tls"}, Data: m})
	}
	out, err := (&credential.Resolver{Reader: secrets.Build()}).Secure(t.Context(), "team", credential.NewTLSRef(spec), of)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

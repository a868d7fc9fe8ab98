// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package credential_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/test/mysqld"
)

// secure resolves a spec whose Secret team/tls holds data; nil: there is none.
func secure(t *testing.T, mode v1alpha1.DatabaseTLSMode, data map[string]string) (credential.Credentials, error) {
	t.Helper()
	s := world(t)
	if data != nil {
		s.data["team/tls"] = data
	}
	r := &credential.Resolver{Reader: s}
	return r.Secure(t.Context(), "team", credential.NewTLSRef(&v1alpha1.DatabaseTLS{Mode: mode, SecretName: "tls"}), credential.Credentials{})
}

func TestSecure(t *testing.T) {
	ca := mysqld.NewCA(t, "a")
	certPEM, keyPEM := ca.Issue("client")
	_, otherPEM := ca.Issue("client")
	root, cert, key, other := string(ca.PEM), string(certPEM), string(keyPEM), string(otherPEM)
	const required, verify = v1alpha1.TLSRequired, v1alpha1.TLSVerifyFull
	for name, test := range map[string]struct {
		mode          v1alpha1.DatabaseTLSMode
		data          map[string]string
		roots, client bool
		reason        credential.Reason
		key           string
	}{
		"everything":                    {mode: verify, data: map[string]string{"ca.crt": root, "tls.crt": cert, "tls.key": key}, roots: true, client: true},
		"a CA alone":                    {mode: verify, data: map[string]string{"ca.crt": root}, roots: true},
		"a certificate alone":           {mode: required, data: map[string]string{"tls.crt": cert, "tls.key": key}, client: true},
		"nothing, and nothing is asked": {mode: required, data: map[string]string{}},
		"not read when preferred":       {mode: v1alpha1.TLSPreferred},
		"not read when disabled":        {mode: v1alpha1.TLSDisable, data: map[string]string{"ca.crt": "rubbish"}},
		"no Secret":                     {mode: required, reason: credential.ReasonSecretNotFound},
		"no CA":                         {mode: v1alpha1.TLSVerifyCA, data: map[string]string{"tls.crt": cert, "tls.key": key}, reason: credential.ReasonKeyMissing, key: "ca.crt"},
		"no private key":                {mode: required, data: map[string]string{"tls.crt": cert}, reason: credential.ReasonKeyMissing, key: "tls.key"},
		"no certificate":                {mode: required, data: map[string]string{"tls.key": key}, reason: credential.ReasonKeyMissing, key: "tls.crt"},
		"a CA that is rubbish":          {mode: required, data: map[string]string{"ca.crt": "rubb1sh"}, reason: credential.ReasonCertificateInvalid, key: "ca.crt"},
		"a CA that is a private key":    {mode: verify, data: map[string]string{"ca.crt": key}, reason: credential.ReasonCertificateInvalid, key: "ca.crt"},
		"a certificate that is rubbish": {mode: required, data: map[string]string{"tls.crt": "rubb1sh", "tls.key": key}, reason: credential.ReasonCertificateInvalid, key: "tls.crt"},
		"another private key":           {mode: required, data: map[string]string{"tls.crt": cert, "tls.key": other}, reason: credential.ReasonCertificateInvalid, key: "tls.key"},
		"a private key that is rubbish": {mode: required, data: map[string]string{"tls.crt": cert, "tls.key": "rubb1sh"}, reason: credential.ReasonCertificateInvalid, key: "tls.key"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := secure(t, test.mode, test.data)
			if test.reason == "" {
				if err != nil || (got.TLS.Roots() != nil) != test.roots || (got.TLS.Certificate() != nil) != test.client || got.TLS.Mode != test.mode {
					t.Errorf("got %+v, %v", got.TLS, err)
				}
				return
			}
			var known *credential.Error
			if !errors.As(err, &known) || known.Reason != test.reason || known.Key != test.key || known.Temporary() {
				t.Fatalf("got %v", err)
			}
			text := err.Error()
			if !strings.Contains(text, "team/tls") || !strings.Contains(text, test.key) {
				t.Errorf("%q does not name Secret and key", text)
			}
			for _, hidden := range []string{"rubb1sh", "BEGIN", cert, key} {
				if strings.Contains(text, hidden) {
					t.Errorf("%q shows what the Secret holds", text)
				}
			}
		})
	}
}

func TestVersionFollowsTLS(t *testing.T) {
	ca := mysqld.NewCA(t, "a")
	version := func(mode v1alpha1.DatabaseTLSMode, data map[string]string) string {
		t.Helper()
		got, err := secure(t, mode, data)
		if err != nil {
			t.Fatal(err)
		}
		return got.Version
	}
	one := map[string]string{"ca.crt": string(ca.PEM)}
	base := version(v1alpha1.TLSVerifyCA, one)
	if again := version(v1alpha1.TLSVerifyCA, map[string]string{"ca.crt": one["ca.crt"], "other": "key"}); again != base {
		t.Error("the version changes with what is not used: every connection would be made anew")
	}
	for what, other := range map[string]string{
		"mode": version(v1alpha1.TLSVerifyFull, one),
		"CA":   version(v1alpha1.TLSVerifyCA, map[string]string{"ca.crt": string(mysqld.NewCA(t, "b").PEM)}),
	} {
		if other == base {
			t.Errorf("the version does not depend on the %s", what)
		}
	}
}

func TestTLSNeverShows(t *testing.T) {
	ca := mysqld.NewCA(t, "a")
	cert, key := ca.Issue("client")
	got, err := secure(t, v1alpha1.TLSRequired, map[string]string{"tls.crt": string(cert), "tls.key": string(key)})
	if err != nil {
		t.Fatal(err)
	}
	shown, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{fmt.Sprintf("%v %+v %#v", got, got, got), string(shown)} {
		if strings.Contains(text, "PRIVATE") || len(text) > 1500 {
			t.Errorf("shows too much: %s", text)
		}
	}
}

func TestSecretsListsTheOneOfTLS(t *testing.T) {
	r := &credential.Resolver{}
	ref := credential.NewTLSRef(&v1alpha1.DatabaseTLS{Mode: v1alpha1.TLSRequired, SecretName: "tls"})
	if got := r.Secrets("team", "db", credential.AESRef{}, ref); !slices.Contains(got, types.NamespacedName{Namespace: "team", Name: "tls"}) {
		t.Errorf("got %v: a change of the certificates would not be noticed", got)
	}
}

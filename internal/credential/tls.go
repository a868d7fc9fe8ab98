// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package credential

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// Keys of a Secret with certificates: those of the type kubernetes.io/tls, with the CA
// where cert-manager and others put it.
const (
	CAKey          = "ca.crt"
	CertificateKey = corev1.TLSCertKey
	PrivateKeyKey  = corev1.TLSPrivateKeyKey
)

// TLSRef is what spec.tls asks of the operator's own connections. The zero value is
// the mode preferred.
type TLSRef struct {
	Mode v1alpha1.DatabaseTLSMode
	// Secret in the set's namespace; it may be empty where the mode verifies nothing.
	Secret string
}

// NewTLSRef is what a spec asks for; of may be nil.
func NewTLSRef(of *v1alpha1.DatabaseTLS) TLSRef {
	ref := TLSRef{Mode: of.EffectiveMode()}
	if of != nil && ref.Mode.Demands() {
		ref.Secret = of.SecretName
	}
	return ref
}

// TLS is how the operator's own connections are secured. The zero value is the mode
// preferred. It shows no key to anybody who prints it.
type TLS struct {
	// Mode as asked for.
	Mode v1alpha1.DatabaseTLSMode
	// A pointer in an unexported field: fmt shows an address.
	held *certificates
}

type certificates struct {
	roots  *x509.CertPool
	client *tls.Certificate
	// pem is what they were made of, for the version.
	pem [][]byte
}

// Roots are the CAs that may have issued a server's certificate; nil: none was given.
func (t TLS) Roots() *x509.CertPool {
	if t.held == nil {
		return nil
	}
	return t.held.roots
}

// Certificate is the operator's client certificate; nil: none was given. Hand it to a
// connection, and to nothing that prints.
func (t TLS) Certificate() *tls.Certificate {
	if t.held == nil {
		return nil
	}
	return t.held.client
}

// Secure returns credentials with what ref asks for, and with a version that changes
// when the mode or a certificate does. A failure is an *Error.
func (r *Resolver) Secure(ctx context.Context, namespace string, ref TLSRef, of Credentials) (Credentials, error) {
	of.TLS = TLS{Mode: ref.Mode}
	if ref.Secret != "" {
		held, err := r.certificates(ctx, types.NamespacedName{Namespace: namespace, Name: ref.Secret}, ref.Mode)
		if err != nil {
			return Credentials{}, err
		}
		of.TLS.held = held
	}
	of.Version = version(of)
	return of, nil
}

func (r *Resolver) certificates(ctx context.Context, name types.NamespacedName, mode v1alpha1.DatabaseTLSMode) (*certificates, error) {
	secret, err := r.get(ctx, name)
	if apierrors.IsNotFound(err) {
		return nil, &Error{Secret: name, Reason: ReasonSecretNotFound, message: fmt.Sprintf(
			"Secret %s does not exist: create it with the CA under %q, or correct spec.tls.secretName", name, CAKey)}
	}
	if err != nil {
		return nil, readFailed(name, err)
	}
	ca, crt, key := secret.Data[CAKey], secret.Data[CertificateKey], secret.Data[PrivateKeyKey]
	missing := func(key, remedy string) error {
		return &Error{Secret: name, Key: key, Reason: ReasonKeyMissing, message: fmt.Sprintf(
			"Secret %s has no value under key %q: %s", name, key, remedy)}
	}
	broken := func(key, what string) error {
		return &Error{Secret: name, Key: key, Reason: ReasonCertificateInvalid, message: fmt.Sprintf(
			"Secret %s, key %q %s", name, key, what)}
	}
	switch {
	case len(ca) == 0 && mode.Verifies():
		return nil, missing(CAKey, "put the CA there that has issued the servers' certificates, or use spec.tls.mode: required")
	case len(crt) == 0 && len(key) != 0:
		return nil, missing(CertificateKey, fmt.Sprintf("put the operator's client certificate there, or take %q away", PrivateKeyKey))
	case len(crt) != 0 && len(key) == 0:
		return nil, missing(PrivateKeyKey, fmt.Sprintf("put the private key of the certificate under %q there", CertificateKey))
	}
	out := &certificates{pem: [][]byte{ca, crt, key}}
	// The parsers' errors are not passed on: some repeat what they read.
	if len(ca) != 0 {
		list := parseCertificates(ca)
		if len(list) == 0 {
			return nil, broken(CAKey, "is no certificate: put the CA's certificate there in PEM form, without anything else")
		}
		out.roots = x509.NewCertPool()
		for _, one := range list {
			out.roots.AddCert(one)
		}
	}
	if len(crt) != 0 {
		if len(parseCertificates(crt)) == 0 {
			return nil, broken(CertificateKey, "is no certificate: put the operator's client certificate there in PEM form")
		}
		pair, err := tls.X509KeyPair(crt, key)
		if err != nil {
			return nil, broken(PrivateKeyKey, fmt.Sprintf("is not the private key, in PEM form, of the certificate under %q: put the two there that belong together", CertificateKey))
		}
		out.client = &pair
	}
	return out, nil
}

// parseCertificates returns what a PEM file holds; none when a part of it is no certificate.
func parseCertificates(text []byte) []*x509.Certificate {
	var out []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		one, err := x509.ParseCertificate(block.Bytes)
		if block.Type != "CERTIFICATE" || err != nil {
			return nil
		}
		out = append(out, one)
	}
	return out
}

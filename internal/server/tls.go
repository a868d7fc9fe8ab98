// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/credential"
)

// ErrNoCA means that a mode verifies and that there is nothing to verify with.
var ErrNoCA = errors.New("spec.tls.mode has no CA to verify with: put it under ca.crt into the Secret of spec.tls.secretName")

// TLSConfig is how a connection to host is secured in the modes that demand TLS.
func TLSConfig(host string, of credential.TLS) (*tls.Config, error) {
	if of.Mode.Verifies() && of.Roots() == nil {
		return nil, fmt.Errorf("%s: %w", of.Mode, ErrNoCA)
	}
	c := &tls.Config{RootCAs: of.Roots(), ServerName: strings.TrimSuffix(host, ".")}
	if of.Mode != v1alpha1.TLSVerifyFull {
		c.InsecureSkipVerify = true //nolint:gosec // the name; verify-ca verifies the rest below
	}
	if of.Mode == v1alpha1.TLSVerifyCA {
		roots := of.Roots()
		// Not VerifyPeerCertificate: that is not called for a session that is resumed.
		c.VerifyConnection = func(s tls.ConnectionState) error { return verifyChain(s.PeerCertificates, roots) }
	}
	if own := of.Certificate(); own != nil {
		// Presented whichever issuers the server names: it says best itself what it minds.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return own, nil }
	}
	return c, nil
}

// verifyChain is the verification of crypto/tls without the host's name.
func verifyChain(chain []*x509.Certificate, roots *x509.CertPool) error {
	if len(chain) == 0 {
		return errors.New("the server has presented no certificate")
	}
	between := x509.NewCertPool()
	for _, one := range chain[1:] {
		between.AddCert(one)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between})
	if err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: chain, Err: err}
	}
	return nil
}

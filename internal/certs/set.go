// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"time"
)

// Keys of the Secret.
const (
	keyAuthorityCert = "ca.crt"
	keyAuthorityKey  = "ca.key"
	keyServingCert   = "tls.crt"
	keyServingKey    = "tls.key"
	keyBundle        = "ca-bundle.crt"
)

// set is what the Secret holds: a value that is made from another one and never
// changed. The zero set is that of a Secret that does not exist.
type set struct {
	// authority signs.
	authority pair
	// trusted are the authorities that a client has to trust, the signing one first.
	trusted []*x509.Certificate
	// serving is absent (nil cert) between the first authority and the first certificate.
	serving pair
}

// parseSet reads a Secret's data. A damaged authority is an error; a damaged or
// missing serving certificate only has to be made again.
func parseSet(data map[string][]byte) (set, error) {
	authority, err := parsePair(data[keyAuthorityCert], data[keyAuthorityKey])
	if err != nil {
		return set{}, fmt.Errorf("%s and %s: %w", keyAuthorityCert, keyAuthorityKey, err)
	}
	trusted, err := parseCertificates(data[keyBundle])
	if err != nil || len(trusted) == 0 || !trusted[0].Equal(authority.cert) {
		trusted = []*x509.Certificate{authority.cert}
	}
	s := set{authority: authority, trusted: trusted}
	if serving, err := parsePair(data[keyServingCert], data[keyServingKey]); err == nil {
		s.serving = serving
	}
	return s, nil
}

// data is the Secret's data for the set.
func (s set) data() map[string][]byte {
	data := map[string][]byte{
		keyAuthorityCert: s.authority.certPEM,
		keyAuthorityKey:  s.authority.keyPEM,
		keyBundle:        s.bundle(),
	}
	if s.serving.cert != nil {
		data[keyServingCert] = s.serving.certPEM
		data[keyServingKey] = s.serving.keyPEM
	}
	return data
}

// bundle is what a client has to trust, in PEM.
func (s set) bundle() []byte { return encodeCertificates(s.trusted) }

// certificate is what a server serves.
func (s set) certificate() *tls.Certificate {
	return &tls.Certificate{
		Certificate: [][]byte{s.serving.cert.Raw},
		PrivateKey:  s.serving.key,
		Leaf:        s.serving.cert,
	}
}

// withFreshAuthority returns the set with an authority that is not due and without
// trusted ones that have expired, and whether that is another set. The serving
// certificate stays: the authority that signed it is still trusted.
func (s set) withFreshAuthority(now time.Time) (set, bool, error) {
	next := s
	next.trusted = slices.DeleteFunc(slices.Clone(s.trusted), func(cert *x509.Certificate) bool {
		return !now.Before(cert.NotAfter)
	})
	if s.authority.cert == nil || due(s.authority.cert, now) {
		authority, err := newAuthority(now)
		if err != nil {
			return s, false, err
		}
		next.authority = authority
		next.trusted = append([]*x509.Certificate{authority.cert}, next.trusted...)
	}
	return next, !bytes.Equal(next.bundle(), s.bundle()), nil
}

// withFreshServing returns the set with a serving certificate for the names that
// is not due and is signed by the current authority, and whether that is another set.
func (s set) withFreshServing(now time.Time, dnsNames []string) (set, bool, error) {
	if cert := s.serving.cert; cert != nil && !due(cert, now) &&
		cert.CheckSignatureFrom(s.authority.cert) == nil && slices.Equal(cert.DNSNames, dnsNames) {
		return s, false, nil
	}
	serving, err := newServing(now, s.authority, dnsNames)
	if err != nil {
		return s, false, err
	}
	next := s
	next.serving = serving
	return next, true, nil
}

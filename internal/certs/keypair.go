// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"
)

const (
	// authorityLife and servingLife are how long a new certificate is valid.
	authorityLife = 10 * 365 * 24 * time.Hour
	servingLife   = 365 * 24 * time.Hour
	// backdate lets an API server whose clock is behind ours accept a certificate at once.
	backdate = time.Hour

	certificateBlock = "CERTIFICATE"
	privateKeyBlock  = "EC PRIVATE KEY"
)

// pair is a certificate and its private key, in PEM and parsed.
type pair struct {
	certPEM, keyPEM []byte
	cert            *x509.Certificate
	key             *ecdsa.PrivateKey
}

// newAuthority makes a self-signed certificate authority that is valid from now on.
func newAuthority(now time.Time) (pair, error) {
	serial, err := newSerial()
	if err != nil {
		return pair{}, err
	}
	return sign(&x509.Certificate{
		SerialNumber: serial,
		// The serial number tells two authorities apart that are trusted at the same
		// time: a verifier looks an issuer up by its name.
		Subject:               pkix.Name{CommonName: "compose-operator-webhook-ca", SerialNumber: serial.Text(16)},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(authorityLife),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}, nil)
}

// newServing makes a certificate for a TLS server of the given DNS names. It
// never outlives its authority.
func newServing(now time.Time, authority pair, dnsNames []string) (pair, error) {
	if len(dnsNames) == 0 {
		return pair{}, errors.New("a serving certificate needs a DNS name")
	}
	serial, err := newSerial()
	if err != nil {
		return pair{}, err
	}
	notAfter := now.Add(servingLife)
	if authority.cert.NotAfter.Before(notAfter) {
		notAfter = authority.cert.NotAfter
	}
	return sign(&x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: dnsNames[0]},
		DNSNames:     dnsNames,
		NotBefore:    now.Add(-backdate),
		NotAfter:     notAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, &authority)
}

func newSerial() (*big.Int, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("make a certificate's serial number: %w", err)
	}
	return serial, nil
}

// sign makes a key and has the certificate for it signed by issuer; nil means
// that it signs itself.
func sign(template *x509.Certificate, issuer *pair) (pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair{}, fmt.Errorf("make a private key: %w", err)
	}
	parent, signer := template, key
	if issuer != nil {
		parent, signer = issuer.cert, issuer.key
	}
	certDER, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return pair{}, fmt.Errorf("sign a certificate: %w", err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return pair{}, fmt.Errorf("encode a private key: %w", err)
	}
	return parsePair(
		pem.EncodeToMemory(&pem.Block{Type: certificateBlock, Bytes: certDER}),
		pem.EncodeToMemory(&pem.Block{Type: privateKeyBlock, Bytes: keyDER}),
	)
}

// parsePair reads a certificate and the key that belongs to it. Its errors never
// repeat what they were given.
func parsePair(certPEM, keyPEM []byte) (pair, error) {
	certs, err := parseCertificates(certPEM)
	if err != nil {
		return pair{}, err
	}
	if len(certs) != 1 {
		return pair{}, fmt.Errorf("%d certificates where one is expected", len(certs))
	}
	block, _ := pem.Decode(keyPEM)
	if block == nil || block.Type != privateKeyBlock {
		return pair{}, errors.New("no private key in PEM form")
	}
	key, err := x509.ParseECPrivateKey(block.Bytes)
	if err != nil {
		return pair{}, errors.New("the private key cannot be parsed")
	}
	if public, ok := certs[0].PublicKey.(*ecdsa.PublicKey); !ok || !public.Equal(key.Public()) {
		return pair{}, errors.New("the private key is not the certificate's")
	}
	return pair{certPEM: certPEM, keyPEM: keyPEM, cert: certs[0], key: key}, nil
}

func parseCertificates(data []byte) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	for rest := bytes.TrimSpace(data); len(rest) > 0; rest = bytes.TrimSpace(rest) {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		if block == nil || block.Type != certificateBlock {
			return nil, errors.New("not a list of certificates in PEM form")
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("parse a certificate: %w", err)
		}
		certs = append(certs, cert)
	}
	return certs, nil
}

func encodeCertificates(certs []*x509.Certificate) []byte {
	var out bytes.Buffer
	for _, cert := range certs {
		out.Write(pem.EncodeToMemory(&pem.Block{Type: certificateBlock, Bytes: cert.Raw}))
	}
	return out.Bytes()
}

// due says whether two thirds of a certificate's life are over, or whether it is
// not valid at all at that time.
func due(cert *x509.Certificate, now time.Time) bool {
	life := cert.NotAfter.Sub(cert.NotBefore)
	return now.Before(cert.NotBefore) || !now.Before(cert.NotBefore.Add(life/3*2))
}

// usable says whether there is a certificate and a client accepts it at that time.
func usable(cert *x509.Certificate, now time.Time) bool {
	return cert != nil && !now.Before(cert.NotBefore) && now.Before(cert.NotAfter)
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"time"
)

// keys make the servers' certificates. A mysqld makes an RSA key and a certificate of its
// own; here all have one key, because making thousands takes minutes, and each its own
// certificate, which is what a client has to keep.
type keys struct {
	key *rsa.PrivateKey
	ca  *x509.Certificate
}

func newKeys() (*keys, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	return &keys{key: key, ca: &x509.Certificate{Subject: pkix.Name{CommonName: "Stand-in CA"}}}, nil
}

// config for the server with a number and an address.
func (k *keys) config(number int, host string) (*tls.Config, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(number) + 2),
		Subject:      pkix.Name{CommonName: fmt.Sprintf("Stand-in %d", number)},
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.ParseIP(host)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, k.ca, k.key.Public(), k.key)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: k.key}},
		MinVersion:   tls.VersionTLS12,
	}, nil
}

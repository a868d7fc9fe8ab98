// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"
)

// certificate is a key pair in PEM, and what signs with it.
type certificate struct {
	cert    *x509.Certificate
	key     crypto.Signer
	certPEM []byte
	keyPEM  []byte
}

// certificateValidity is longer than any testbed lives.
const certificateValidity = 10 * 365 * 24 * time.Hour

// newCertificate makes a key and a certificate for subject. A nil signer makes a certificate
// authority, which signs itself.
func newCertificate(subject pkix.Name, signer *certificate, hosts ...string) (*certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("certificate %s: %w", subject.CommonName, err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("certificate %s: %w", subject.CommonName, err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: subject,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(certificateValidity),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	parent, parentKey := template, crypto.Signer(key)
	if signer == nil {
		template.IsCA, template.BasicConstraintsValid = true, true
		template.KeyUsage |= x509.KeyUsageCertSign
		template.ExtKeyUsage = nil
	} else {
		parent, parentKey = signer.cert, signer.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		return nil, fmt.Errorf("certificate %s: %w", subject.CommonName, err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("certificate %s: %w", subject.CommonName, err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("certificate %s: %w", subject.CommonName, err)
	}
	return &certificate{
		cert: cert, key: key,
		certPEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		keyPEM:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}),
	}, nil
}

// createCertificates makes the cluster's certificates and the kubeconfigs of its components, unless
// they are there. The administrator's kubeconfig comes last: when it is there, all are.
func createCertificates(l layout) error {
	if exists(l.kubeconfig()) {
		return nil
	}
	if err := os.MkdirAll(l.in("certs"), 0o700); err != nil {
		return fmt.Errorf("certificates: %w", err)
	}
	ca, err := newCertificate(pkix.Name{CommonName: "compose-testbed"}, nil)
	if err != nil {
		return err
	}
	proxyCA, err := newCertificate(pkix.Name{CommonName: "compose-testbed-front-proxy"}, nil)
	if err != nil {
		return err
	}
	for name, c := range map[string]*certificate{"ca": ca, "front-proxy-ca": proxyCA} {
		if err := c.write(l, name); err != nil {
			return err
		}
	}
	leaves := []struct {
		name    string
		signer  *certificate
		subject pkix.Name
		hosts   []string
	}{
		{"apiserver", ca, pkix.Name{CommonName: "kube-apiserver"}, []string{
			nodeIP, apiIP, "127.0.0.1", "localhost",
			"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
		}},
		{"apiserver-kubelet-client", ca, pkix.Name{CommonName: "kube-apiserver", Organization: []string{"system:masters"}}, nil},
		{"front-proxy-client", proxyCA, pkix.Name{CommonName: "front-proxy-client"}, nil},
		{"kubelet-serving", ca, pkix.Name{CommonName: "system:node:" + nodeName, Organization: []string{"system:nodes"}}, []string{nodeIP, nodeName}},
		{"service-account", ca, pkix.Name{CommonName: "service-accounts"}, nil},
	}
	for _, leaf := range leaves {
		c, err := newCertificate(leaf.subject, leaf.signer, leaf.hosts...)
		if err != nil {
			return err
		}
		if err := c.write(l, leaf.name); err != nil {
			return err
		}
	}
	users := []struct {
		file    string
		subject pkix.Name
	}{
		{l.cert("kube-controller-manager.kubeconfig"), pkix.Name{CommonName: "system:kube-controller-manager"}},
		{l.cert("kube-scheduler.kubeconfig"), pkix.Name{CommonName: "system:kube-scheduler"}},
		{l.cert("kube-proxy.kubeconfig"), pkix.Name{CommonName: "system:kube-proxy"}},
		{l.cert("kubelet.kubeconfig"), pkix.Name{CommonName: "system:node:" + nodeName, Organization: []string{"system:nodes"}}},
		{l.kubeconfig(), pkix.Name{CommonName: "testbed-admin", Organization: []string{"system:masters"}}},
	}
	for _, user := range users {
		c, err := newCertificate(user.subject, ca)
		if err != nil {
			return err
		}
		if err := writeKubeconfig(user.file, ca, c); err != nil {
			return err
		}
	}
	return nil
}

func (c *certificate) write(l layout, name string) error {
	if err := writeFile(l.cert(name+".crt"), c.certPEM, 0o644); err != nil {
		return err
	}
	return writeFile(l.cert(name+".key"), c.keyPEM, 0o600)
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"
)

func TestWhoseCertificates(t *testing.T) {
	server, rotator := admissionServer(Options{OperatorNamespace: "ops", WebhookPort: 9443})
	if server == nil || rotator == nil {
		t.Fatal("without a directory the operator makes its own certificates")
	}
	if !slices.Contains(rotator.DNSNames, "compose-operator-webhook.ops.svc") {
		t.Errorf("the API server calls another name than %q", rotator.DNSNames)
	}
	if rotator.Secret.Namespace != "ops" || rotator.Secret.Name != "compose-operator-webhook-cert" {
		t.Errorf("Secret %s", rotator.Secret)
	}
	if _, rotator := admissionServer(Options{OperatorNamespace: "ops", WebhookPort: 9443, WebhookCertDir: t.TempDir()}); rotator != nil {
		t.Error("the operator makes certificates beside those of the directory")
	}
}

// TestCertificatesOfOthersAreFollowed: a certificate that OLM or cert-manager puts
// in the place of another is served without a restart.
func TestCertificatesOfOthersAreFollowed(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	mountCertificate(t, dir, 1)
	server, _ := admissionServer(Options{WebhookPort: number, WebhookCertDir: dir})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Start(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	awaitSerial(t, address, 1)
	mountCertificate(t, dir, 2)
	awaitSerial(t, address, 2)
}

// awaitSerial waits until the certificate with this serial number is served.
func awaitSerial(t *testing.T, address string, want int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // which one it is, is what is asked
	for {
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err == nil {
			state := conn.(*tls.Conn).ConnectionState() //nolint:forcetypeassert // tls.Dialer promises it
			_ = conn.Close()
			if state.PeerCertificates[0].SerialNumber.Int64() == want {
				return
			}
		}
		select {
		case <-ctx.Done():
			t.Fatalf("certificate %d is not served: %v", want, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// mountCertificate does what kubelet does with a mounted Secret: the files are links
// into a directory that is exchanged as a whole.
func mountCertificate(t *testing.T, dir string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	data, link, next := filepath.Join(dir, "..data-"+strconv.FormatInt(serial, 10)), filepath.Join(dir, "..data"), filepath.Join(dir, "..next")
	old, _ := os.Readlink(link)
	for _, step := range []func() error{
		func() error { return os.Mkdir(data, 0o700) },
		func() error {
			return os.WriteFile(filepath.Join(data, "tls.crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}), 0o600)
		},
		func() error {
			return os.WriteFile(filepath.Join(data, "tls.key"), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}), 0o600)
		},
		func() error { return os.Symlink(filepath.Base(data), next) },
		func() error { return os.Rename(next, link) },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	if old != "" {
		if err := os.RemoveAll(filepath.Join(dir, old)); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, name := range []string{"tls.crt", "tls.key"} {
		if err := os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

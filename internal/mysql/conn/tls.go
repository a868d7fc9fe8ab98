// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	driver "github.com/go-sql-driver/mysql"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/server"
)

// secure puts the TLS of an access into the driver's configuration. Nothing is put
// into the driver's registry: that is global, and would grow with every rotation.
func (a Access) secure(cfg *driver.Config) error {
	mode := a.TLS.Mode
	switch mode {
	case v1alpha1.TLSDisable:
		return nil
	case "", v1alpha1.TLSPreferred:
		// The certificate is not verified: servers make their own, and nobody has told
		// the operator which to trust.
		cfg.TLS = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // what the mode says
		cfg.AllowFallbackToPlaintext = true
		return nil
	}
	made, err := server.TLSConfig(a.Host, a.TLS)
	if errors.Is(err, server.ErrNoCA) {
		return Refusal(fmt.Sprintf("spec.tls.mode %s has no CA to verify %s with: put it under ca.crt into the Secret of spec.tls.secretName", mode, a.Address()))
	}
	cfg.TLS = made
	return err
}

// connector opens connections with a configuration and a memory of its own for each:
// on a fallback to plain text the driver changes its configuration, and the next
// connection must ask for TLS again.
type connector struct {
	cfg     *driver.Config
	refused *refusal
}

// Driver implements sqldriver.Connector.
func (connector) Driver() sqldriver.Driver { return driver.MySQLDriver{} }

// Connect implements sqldriver.Connector.
func (c connector) Connect(ctx context.Context) (sqldriver.Conn, error) {
	began := time.Now()
	if err := c.refused.standing(began); err != nil {
		return nil, err
	}
	made, err := c.connect(ctx)
	c.refused.note(began, time.Now(), err)
	return made, err
}

func (c connector) connect(ctx context.Context) (sqldriver.Conn, error) {
	cfg, heard, words := c.cfg.Clone(), &hearsay{}, &lastWords{dial: c.cfg.DialFunc}
	cfg.Logger, cfg.DialFunc = heard, words.connect
	one, err := driver.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	made, err := one.Connect(ctx)
	words.over.Store(true)
	if cause := heard.last(); cause != nil && errors.Is(err, driver.ErrInvalidConn) {
		return nil, fmt.Errorf("%w: %w", err, cause)
	}
	return made, err
}

// hearsay remembers what the driver logs and does not return: with TLS 1.3 a server
// refuses a client certificate after the handshake, and the driver then says only that
// the connection is invalid.
type hearsay struct {
	mu  sync.Mutex
	err error
}

// Print implements driver.Logger.
func (h *hearsay) Print(values ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, v := range values {
		if err, is := v.(error); is {
			h.err = err
		}
	}
}

func (h *hearsay) last() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err
}

// insecure says in words why the way to the server could not be secured as wanted; ""
// when the error is another one. Whoever speaks TLS wrongly is there: it may be serving clients.
func (h *Handle) insecure(err error) string {
	mode := h.access.TLS.Mode
	if mode == "" {
		mode = v1alpha1.TLSPreferred
	}
	var host x509.HostnameError
	var authority x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var verification *tls.CertificateVerificationError
	var header tls.RecordHeaderError
	var op *net.OpError
	at := h.access.Address()
	switch {
	case errors.Is(err, driver.ErrNoTLS):
		return fmt.Sprintf("%s offers no TLS, and spec.tls.mode %s demands it: configure ssl_cert and ssl_key on the server, or use preferred", at, mode)
	case errors.As(err, &host):
		return fmt.Sprintf("the certificate of %s is not made out to the host of the spec, which spec.tls.mode %s demands (%v): issue one with that name, correct the host, or use verify-ca", at, mode, err)
	case errors.As(err, &authority):
		return fmt.Sprintf("the certificate of %s was issued by a CA that is not under ca.crt in the Secret of spec.tls.secretName (%v): put the CA there that has issued it", at, err)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Sprintf("the certificate of %s, or of its CA, is not valid now (%v): renew it, and load it with ALTER INSTANCE RELOAD TLS", at, err)
	case errors.As(err, &invalid), errors.As(err, &verification):
		return fmt.Sprintf("the certificate of %s cannot be verified with the CA in the Secret of spec.tls.secretName (%v)", at, err)
	case errors.As(err, &op) && op.Op == "remote error":
		return fmt.Sprintf("%s refuses the TLS of the operator (%v): with a client certificate under tls.crt, see that the server's ssl_ca has issued it", at, op.Err)
	case errors.As(err, &header), strings.HasPrefix(err.Error(), "tls: "):
		return fmt.Sprintf("no TLS could be agreed upon with %s (%v): see its tls_version and tls_ciphersuites", at, err)
	}
	return ""
}

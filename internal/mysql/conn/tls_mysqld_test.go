// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build mysqld

package conn_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/internal/mysql/conn"
	"github.com/upmio/compose-operator/test/mysqld"
)

// credentials without a password.
func credentials(t *testing.T, mode v1alpha1.DatabaseTLSMode, m mysqld.Material) credential.Credentials {
	t.Helper()
	return mysqld.Secured(t, credential.Credentials{}, mode, m)
}

// open makes a handle to a server.
func open(t *testing.T, s *mysqld.Server, user, password string, c credential.Credentials) *conn.Handle {
	t.Helper()
	h, err := conn.Open(conn.Access{Host: s.Host, Port: s.Port, User: user, Password: credential.NewPassword(password), TLS: c.TLS})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

// cipher is that of a connection; "" without TLS.
func cipher(t *testing.T, h *conn.Handle) (string, error) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	figures, err := h.Pairs(ctx, "SELECT VARIABLE_NAME, VARIABLE_VALUE FROM performance_schema.session_status WHERE VARIABLE_NAME='Ssl_cipher'")
	return figures["ssl_cipher"], err
}

const (
	plain     = "plain"
	encrypted = "encrypted"
)

// TestTLSModes opens connections in every mode to servers with every kind of trouble.
func TestTLSModes(t *testing.T) {
	t.Parallel()
	ca, other := mysqld.NewCA(t, "the set's"), mysqld.NewCA(t, "another")
	good := mysqld.New(t, mysqld.Options{CA: ca})
	renamed := mysqld.New(t, mysqld.Options{CA: ca, CertificateHost: "elsewhere.example"})
	without := mysqld.New(t, mysqld.Options{Args: []string{"--tls-version="}})
	strict := mysqld.New(t, mysqld.Options{CA: ca, Args: []string{"--require-secure-transport=ON"}})
	good.SQL("SET sql_log_bin=0",
		"CREATE USER 'proven'@'%' IDENTIFIED BY 'proven-p4ss' REQUIRE X509",
		"GRANT SELECT ON performance_schema.* TO 'proven'@'%'")

	const (
		disable, preferred, required = v1alpha1.TLSDisable, v1alpha1.TLSPreferred, v1alpha1.TLSRequired
		verifyCA, verifyFull         = v1alpha1.TLSVerifyCA, v1alpha1.TLSVerifyFull
	)
	for name, test := range map[string]struct {
		server   *mysqld.Server
		mode     v1alpha1.DatabaseTLSMode
		material mysqld.Material
		user     string // "": the usual one
		want     string // plain, encrypted, or a part of the error
	}{
		"nothing said":                   {server: good, want: encrypted},
		"disable":                        {server: good, mode: disable, want: plain},
		"preferred":                      {server: good, mode: preferred, want: encrypted},
		"required":                       {server: good, mode: required, want: encrypted},
		"required with a CA":             {server: good, mode: required, material: mysqld.Trusting(other), want: encrypted},
		"verify-ca":                      {server: good, mode: verifyCA, material: mysqld.Trusting(ca), want: encrypted},
		"verify-full":                    {server: good, mode: verifyFull, material: mysqld.Trusting(ca), want: encrypted},
		"verify-ca, two CAs":             {server: good, mode: verifyCA, material: mysqld.Trusting(other, ca), want: encrypted},
		"verify-ca, another CA":          {server: good, mode: verifyCA, material: mysqld.Trusting(other), want: "was issued by a CA that is not under ca.crt"},
		"verify-full, another CA":        {server: good, mode: verifyFull, material: mysqld.Trusting(other), want: "was issued by a CA that is not under ca.crt"},
		"another name, verify-ca":        {server: renamed, mode: verifyCA, material: mysqld.Trusting(ca), want: encrypted},
		"another name, verify-full":      {server: renamed, mode: verifyFull, material: mysqld.Trusting(ca), want: "is not made out to the host of the spec"},
		"no TLS there, nothing said":     {server: without, want: plain},
		"no TLS there, disable":          {server: without, mode: disable, want: plain},
		"no TLS there, preferred":        {server: without, mode: preferred, want: plain},
		"no TLS there, required":         {server: without, mode: required, want: "offers no TLS, and spec.tls.mode required demands it"},
		"no TLS there, verify-full":      {server: without, mode: verifyFull, material: mysqld.Trusting(ca), want: "offers no TLS, and spec.tls.mode verify-full demands it"},
		"TLS only, disable":              {server: strict, mode: disable, want: "the server demands TLS (error 3159) and spec.tls.mode is disable"},
		"TLS only, nothing said":         {server: strict, want: encrypted},
		"X509, no certificate":           {server: good, mode: required, user: "proven", want: "An account with REQUIRE X509 needs spec.tls with a client certificate"},
		"X509, disable":                  {server: good, mode: disable, user: "proven", want: "needs another spec.tls.mode"},
		"X509, required":                 {server: good, mode: required, user: "proven", material: mysqld.Trusting(ca).With(ca), want: encrypted},
		"X509, verify-full":              {server: good, mode: verifyFull, user: "proven", material: mysqld.Trusting(ca).With(ca), want: encrypted},
		"X509, another CA's certificate": {server: good, mode: required, user: "proven", material: mysqld.Trusting(ca).With(other), want: "refuses the TLS of the operator"},
	} {
		t.Run(name, func(t *testing.T) {
			user, password := mysqld.User, mysqld.Password
			if test.user != "" {
				user, password = test.user, test.user+"-p4ss"
			}
			got, err := cipher(t, open(t, test.server, user, password, credentials(t, test.mode, test.material)))
			switch {
			case test.want == plain || test.want == encrypted:
				if err != nil || (got == "") != (test.want == plain) {
					t.Errorf("cipher %q, error %v", got, err)
				}
			case err == nil || !strings.Contains(err.Error(), test.want):
				t.Errorf("error %v does not contain %q", err, test.want)
			case !conn.Answered(err):
				t.Errorf("%v: a server that answers counts as gone", err)
			default:
				t.Log(err)
			}
		})
	}
}

// TestPlainIsNotForEver: the driver would not ask for TLS again after a server had none.
func TestPlainIsNotForEver(t *testing.T) {
	t.Parallel()
	s := mysqld.New(t, mysqld.Options{Args: []string{"--tls-version="}})
	h := open(t, s, mysqld.User, mysqld.Password, credential.Credentials{})
	if got, err := cipher(t, h); got != "" || err != nil {
		t.Fatalf("cipher %q, error %v", got, err)
	}
	s.Stop()
	s.Start("--tls-version=TLSv1.3")
	s.Eventually("the next connection has TLS", func() bool {
		got, err := cipher(t, h)
		return got != "" && err == nil
	})
}

// TestCertificatesRotate on the server and in the Secret, with nothing restarted.
func TestCertificatesRotate(t *testing.T) {
	t.Parallel()
	before, after := mysqld.NewCA(t, "before"), mysqld.NewCA(t, "after")
	s := mysqld.New(t, mysqld.Options{CA: before})
	old := credentials(t, v1alpha1.TLSVerifyFull, mysqld.Trusting(before))
	if got, err := cipher(t, open(t, s, mysqld.User, mysqld.Password, old)); got == "" || err != nil {
		t.Fatalf("cipher %q, error %v", got, err)
	}

	cert, key := after.Files(t.TempDir(), s.Host)
	s.SQL("SET GLOBAL ssl_ca='"+after.File+"', GLOBAL ssl_cert='"+cert+"', GLOBAL ssl_key='"+key+"'", "ALTER INSTANCE RELOAD TLS")
	if _, err := cipher(t, open(t, s, mysqld.User, mysqld.Password, old)); err == nil || !conn.Answered(err) {
		t.Errorf("with the CA of before: %v", err)
	}
	renewed := credentials(t, v1alpha1.TLSVerifyFull, mysqld.Trusting(after))
	if renewed.Version == old.Version {
		t.Error("other certificates have the same version: the pool would keep the old connections")
	}
	if got, err := cipher(t, open(t, s, mysqld.User, mysqld.Password, renewed)); got == "" || err != nil {
		t.Errorf("with the new CA: cipher %q, error %v", got, err)
	}
}

// An external server is connected to at addresses that were looked up before: its certificate
// is made out to the host of the spec, not to those.
func TestTLSAtAnAddress(t *testing.T) {
	t.Parallel()
	ca := mysqld.NewCA(t, "the set's")
	s := mysqld.New(t, mysqld.Options{CA: ca, CertificateHost: "db.example"})
	tls := credentials(t, v1alpha1.TLSVerifyFull, mysqld.Trusting(ca)).TLS
	for host, want := range map[string]string{
		"db.example": "", "db.example.": "", "other.example": "is not made out to the host of the spec", s.Host: "is not made out to the host of the spec",
	} {
		h, err := conn.Open(conn.Access{
			Host: host, Port: s.Port, At: []netip.Addr{netip.MustParseAddr(s.Host)},
			User: mysqld.User, Password: credential.NewPassword(mysqld.Password), TLS: tls,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(h.Close)
		got, err := cipher(t, h)
		if want == "" && (got == "" || err != nil) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: cipher %q, error %v", host, got, err)
		}
	}
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package postgresd

import "github.com/upmio/compose-operator/test/mysqld"

// Secure gives a running server a certificate, and has it offer TLS.
func (s *Server) Secure() {
	s.t.Helper()
	cert, key := mysqld.NewCA(s.t, "test").Issue(s.Host)
	s.write("server.crt", string(cert))
	s.write("server.key", string(key))
	s.SQL("ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()")
	s.Eventually("it offers TLS", func() bool { return s.Value("SELECT current_setting('ssl')") == "on" })
}

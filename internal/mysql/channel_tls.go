// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"fmt"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/mysql/conn"
	"github.com/upmio/compose-operator/internal/mysql/shared"
)

// ChannelTLS is how a replication channel is secured. Files are on the replica's disk.
type ChannelTLS struct {
	// On is SOURCE_SSL: without TLS the receiver does not connect.
	On bool
	// VerifyIdentity is SOURCE_SSL_VERIFY_SERVER_CERT: the certificate is made out to the source's host.
	VerifyIdentity bool
	// CA is SOURCE_SSL_CA; with it, or with CAPath, the chain is verified.
	CA, CAPath string
	// Cert and Key are those of the client certificate.
	Cert, Key string
}

// mode is what it amounts to, in the words of spec.tls.mode.
func (c ChannelTLS) mode() v1alpha1.DatabaseTLSMode {
	switch {
	case !c.On:
		return v1alpha1.TLSDisable
	case c.VerifyIdentity:
		return v1alpha1.TLSVerifyFull
	case c.CA != "" || c.CAPath != "":
		return v1alpha1.TLSVerifyCA
	}
	return v1alpha1.TLSRequired
}

// securedAs says whether the channel is as wanted; nil wants nothing. What is not on
// may have any files.
func (c *Channel) securedAs(want *ChannelTLS) bool {
	return want == nil || c.TLS == *want || !c.TLS.On && !want.On
}

// options of CHANGE REPLICATION SOURCE TO. What TLS is off for keeps its files.
func (c *ChannelTLS) options() []string {
	switch {
	case c == nil:
		return nil
	case !c.On:
		return []string{"SSL=0"}
	}
	return []string{"SSL=1", "SSL_VERIFY_SERVER_CERT=?", "SSL_CA=?", "SSL_CAPATH=?", "SSL_CERT=?", "SSL_KEY=?"}
}

// arguments of the options.
func (c *ChannelTLS) arguments() []any {
	if c == nil || !c.On {
		return nil
	}
	verify := 0
	if c.VerifyIdentity {
		verify = 1
	}
	return []any{verify, c.CA, c.CAPath, c.Cert, c.Key}
}

// cloneClause is what CLONE INSTANCE is told of it; nil: the server uses TLS where it can.
func (c *ChannelTLS) cloneClause() string {
	switch {
	case c == nil:
		return ""
	case !c.On:
		return " REQUIRE NO SSL"
	}
	return " REQUIRE SSL"
}

// cloneFiles is the statement that sets the files for it, with its arguments.
func (c *ChannelTLS) cloneFiles() (statement string, args []any) {
	var set assignments
	for _, one := range []struct{ variable, file string }{
		{"clone_ssl_ca", c.CA}, {"clone_ssl_cert", c.Cert}, {"clone_ssl_key", c.Key},
	} {
		if one.file == "" {
			set.add(setGlobal, one.variable, "DEFAULT")
			continue
		}
		set.add(setGlobal, one.variable, "?")
		args = append(args, one.file)
	}
	return set.statement(), args
}

// defaultCAFile is what a server makes in its data directory when it has no ssl_ca. Where
// there is none the receiver does not connect, which is better than one that verifies nothing.
const defaultCAFile = "ca.pem"

// wantsTLS is how the channel of a server to a source is to be secured; nil: as it is.
// In the mode preferred that is what an administrator has set, or the server's own
// default. But newer servers insist on TLS by default, and a source may have none.
func (v *view) wantsTLS(s, source *Server) *ChannelTLS {
	mode := v.spec.TLS.EffectiveMode()
	switch {
	case mode == v1alpha1.TLSDisable, mode == v1alpha1.TLSPreferred && source.OK() && source.Plain:
		return &ChannelTLS{}
	case mode == v1alpha1.TLSPreferred:
		return nil
	}
	want := &ChannelTLS{On: true, VerifyIdentity: mode == v1alpha1.TLSVerifyFull}
	files := v.spec.TLS.ServerFiles
	if files != nil {
		want.Cert, want.Key = files.Cert, files.Key
	}
	if mode.Verifies() {
		want.CA = shared.OrDefault(s.CAFile, defaultCAFile)
		if files != nil && files.CA != "" {
			want.CA = files.CA
		}
	}
	return want
}

// wantsCloneTLS is how a copy of a donor is to be made. In the mode preferred the server
// does by itself what that says.
func (v *view) wantsCloneTLS(s, donor *Server) *ChannelTLS {
	if v.spec.TLS.EffectiveMode() == v1alpha1.TLSPreferred {
		return nil
	}
	return v.wantsTLS(s, donor)
}

// Errors of a receiver that are the client library's; others are its source's:
// https://dev.mysql.com/doc/mysql-errors/9.7/en/client-error-reference.html
const (
	receiverTLS      = 2026
	receiverNeedsTLS = 2061
)

// tlsHint says what an error of the receiver may have to do with spec.tls; "" nothing.
func (v *view) tlsHint(c *Channel) string {
	switch {
	case c.IOErrno == conn.NumberMustUseTLS:
		return ". The source has require_secure_transport=ON: set spec.tls.mode to required or more"
	case c.IOErrno == conn.NumberAccessDenied && !c.TLS.On:
		return ". A replication user with REQUIRE SSL or X509 needs spec.tls.mode required or more"
	case c.IOErrno == conn.NumberAccessDenied && c.TLS.Cert == "":
		return ". A replication user with REQUIRE X509 needs spec.tls.serverFiles with cert and key"
	case c.IOErrno != receiverTLS:
		return ""
	}
	hint := fmt.Sprintf(". The channel is set to %s", c.TLS.mode())
	if c.TLS.CA != "" {
		hint += fmt.Sprintf(": its CA is the file %q on this server, which must exist and have issued the source's certificate", c.TLS.CA)
	}
	if c.TLS.VerifyIdentity {
		hint += fmt.Sprintf(", and that must be made out to %s", c.SourceHost)
	}
	return hint
}

// resecured are the replicas whose channels are to get the TLS of the spec now. One that
// works is touched only while all that were changed before work: a mistake costs one
// replica, not all. In the middle of a change of the source there is none.
func (v *view) resecured(untouched map[string]bool) []*Server {
	if underWay(v.data.Switchover) {
		return nil
	}
	var idle, working []*Server
	for _, m := range v.replicasOf(v.source) {
		s := v.server(m.Name)
		if !v.attachable(s) || !s.Follows(v.source) || !s.Channel.AutoPosition || s.Channel.Elsewhere {
			continue
		}
		want := v.wantsTLS(s, v.source)
		switch {
		case want == nil || v.rejected(s):
		case s.Channel.securedAs(want):
			if s.Channel.IOErrno != 0 || s.Channel.IO == ThreadConnecting {
				return nil
			}
		case untouched[m.Name], !s.Fenced(), s.Channel.SQL != ThreadYes, s.Channel.SQLErrno != 0:
			// The server keeps a relay log only while the applier runs.
		case s.Channel.Streams():
			working = append(working, s)
		default:
			idle = append(idle, s)
		}
	}
	if len(idle) > 0 || len(working) == 0 {
		return idle
	}
	return working[:1]
}

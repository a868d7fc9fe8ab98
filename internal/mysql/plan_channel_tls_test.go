// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"testing"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/mysql/conn"
)

var (
	insisting = ChannelTLS{On: true}
	checking  = ChannelTLS{On: true, CA: "ca.pem"}
	full      = ChannelTLS{On: true, CA: "ca.pem", VerifyIdentity: true}
)

func TestPlanChannelTLS(t *testing.T) {
	const (
		disable, preferred, required = v1alpha1.TLSDisable, v1alpha1.TLSPreferred, v1alpha1.TLSRequired
		verifyCA, verifyFull         = v1alpha1.TLSVerifyCA, v1alpha1.TLSVerifyFull
	)
	secured := func(c ChannelTLS, names ...string) []*node {
		var out []*node
		for _, n := range names {
			out = append(out, replica(n, "a").channelTLS(c))
		}
		return out
	}
	route := "route: {a=rw b=ro c=ro}"
	runRows(t, []row{
		{name: "nothing said: channels keep what they have", scene: steadySet().seeing(secured(full, "b")...), steps: []string{route}, reason: "TopologyAsWanted"},
		{name: "preferred: channels keep what they have", scene: steadySet().tls(preferred, nil).seeing(secured(full, "b")...), steps: []string{route}, reason: "TopologyAsWanted"},
		{
			name:   "nothing said, the source has no TLS and the server's default insists on it",
			scene:  steadySet().seeing(source("a").plain(), replica("b", "a").channelTLS(insisting).ioError(receiverTLS)),
			steps:  []string{"secure-channels: attach b to a tls disable (optional)", route},
			reason: "ReplicaNotReady",
		},
		{
			name:   "nothing said, the source has no TLS: so is a new channel",
			scene:  steadySet().seeing(source("a").plain(), replica("b", "a").unattached()),
			steps:  []string{"attach: attach b to a tls disable (optional)", "route: {a=rw b=- c=ro}"},
			reason: "ReplicaNotReady",
		},
		{name: "disable, and it is so", scene: steadySet().tls(disable, nil), steps: []string{route}, reason: "TopologyAsWanted"},
		{
			name:  "one after the other",
			scene: steadySet().tls(required, nil), steps: []string{"secure-channels: attach b to a tls required (optional)", route},
			reason: "ReplicaNotReady", message: "not secured as spec.tls wants it yet (disable)",
		},
		{
			name:  "the second when the first works",
			scene: steadySet().tls(required, nil).seeing(secured(insisting, "b")...), steps: []string{"secure-channels: attach c to a tls required (optional)", route},
			reason: "ReplicaNotReady",
		},
		{
			name:  "not the second when the first does not work",
			scene: steadySet().tls(verifyFull, nil).seeing(replica("b", "a").channelTLS(full).ioError(receiverTLS)), steps: []string{route},
			reason: "ReplicaNotReady", message: `its CA is the file "ca.pem" on this server, which must exist and have issued the source's certificate, and that must be made out to a`,
		},
		{
			name:   "one that does not work has nothing to lose",
			scene:  steadySet().tls(required, nil).seeing(replica("b", "a").channelTLS(full).ioError(receiverTLS), replica("c", "a").channelTLS(full)),
			steps:  []string{"secure-channels: attach b to a tls required (optional)", route},
			reason: "ReplicaNotReady",
		},
		{
			name:   "the CA is the server's own",
			scene:  steadySet().tls(verifyCA, nil).seeing(replica("b", "a").ca("/etc/tls/ca.crt"), replica("c", "a").channelTLS(checking)),
			steps:  []string{"secure-channels: attach b to a tls verify-ca /etc/tls/ca.crt (optional)", route},
			reason: "ReplicaNotReady",
		},
		{
			name:   "files of the spec",
			scene:  steadySet().tls(verifyFull, &v1alpha1.DatabaseTLSFiles{CA: "/x/ca", Cert: "/x/crt", Key: "/x/key"}).seeing(replica("b", "a").ca("/etc/tls/ca.crt")),
			steps:  []string{"secure-channels: attach b to a tls verify-full /x/ca /x/crt /x/key (optional)", route},
			reason: "ReplicaNotReady",
		},
		{
			name:   "the relay log is kept while the applier runs only",
			scene:  steadySet().tls(required, nil).seeing(replica("b", "a").sqlError(1062), replica("c", "a").channelTLS(insisting)),
			steps:  []string{"route: {a=rw b=- c=ro}"},
			reason: "ReplicaNotReady",
		},
		{
			name:   "a refused password comes with the TLS",
			scene:  steadySet().tls(required, nil).seeing(replica("b", "a").ioError(conn.NumberAccessDenied), replica("c", "a").channelTLS(insisting)),
			steps:  []string{"renew-password: attach b to a renew tls required (optional)", route},
			reason: "ReplicaNotReady", message: "A replication user with REQUIRE SSL or X509 needs spec.tls.mode required or more",
		},
		{
			name:   "a channel without the source's public key",
			scene:  steadySet().seeing(replica("b", "a").ioError(receiverNeedsTLS)),
			steps:  []string{"renew-password: attach b to a renew (optional)", route},
			reason: "ReplicaNotReady",
		},
		{
			name:   "a source that takes nothing else",
			scene:  steadySet().seeing(replica("b", "a").ioError(conn.NumberMustUseTLS)),
			steps:  []string{route},
			reason: "ReplicaNotReady", message: "set spec.tls.mode to required or more",
		},
		{
			name:   "what cannot be attached is left as it is",
			scene:  steadySet().tls(required, nil).seeing(source("a").unseen(), replica("b", "a"), replica("c", "a")),
			steps:  []string{"route: {b=ro c=ro}"},
			reason: "SourceUnreachable",
		},
	})
}

// In the middle of a switchover nobody's TLS is changed, and whoever is re-pointed gets the right one.
func TestPlanSwitchoverTLS(t *testing.T) {
	for _, phase := range []v1alpha1.SwitchoverPhase{v1alpha1.SwitchoverPreparing, v1alpha1.SwitchoverSwitching} {
		p := Plan(switching(phase).tls(v1alpha1.TLSVerifyFull, nil).Input)
		attached := 0
		for _, s := range p.Steps {
			if s.Name == "secure-channels" {
				t.Errorf("%s: %v", phase, stepsOf(p))
			}
			for _, a := range s.Actions {
				if do, is := a.(Attach); is {
					attached++
					if do.TLS == nil || do.TLS.mode() != v1alpha1.TLSVerifyFull {
						t.Errorf("%s: %s", phase, describeAction(do))
					}
				}
			}
		}
		if phase == v1alpha1.SwitchoverSwitching && attached == 0 {
			t.Errorf("nobody is re-pointed: %v", stepsOf(p))
		}
	}
}

func TestChannelTLSWords(t *testing.T) {
	for want, c := range map[v1alpha1.DatabaseTLSMode]ChannelTLS{
		v1alpha1.TLSDisable: {CA: "left over", VerifyIdentity: true}, v1alpha1.TLSRequired: insisting,
		v1alpha1.TLSVerifyCA: {On: true, CAPath: "certs"}, v1alpha1.TLSVerifyFull: full,
	} {
		if got := c.mode(); got != want {
			t.Errorf("%+v: %s, not %s", c, got, want)
		}
	}
	if len((*ChannelTLS)(nil).arguments()) != 0 || len((&ChannelTLS{CA: "x"}).arguments()) != 0 || len(full.arguments()) != 5 {
		t.Error("arguments do not go with the options")
	}
}

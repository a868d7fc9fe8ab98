// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build admission

package admission

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

type edit = func(map[string]any)

func node(name, host string, port int64) map[string]any {
	return map[string]any{"name": name, "host": host, "port": port}
}

// TestRules has each rule of the CRD, with the message that a user reads.
func TestRules(t *testing.T) {
	namespace, err := env.namespace(t.Context(), "rules")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		edit edit
		want []string // parts of the refusal; none: accepted
	}{
		"a good set":        {edit: func(map[string]any) {}},
		"no replicas":       {edit: field("spec.replica", nil)},
		"an IPv4 host":      {edit: field("spec.source.host", "10.1.2.3")},
		"an IPv6 host":      {edit: field("spec.source.host", "fd00::1")},
		"a host with a dot": {edit: field("spec.source.host", "db.example.")},
		"two servers on a host": {edit: func(o map[string]any) {
			field("spec.replica.0", node("a", "h", 1))(o)
			field("spec.replica.1", node("b", "h", 2))(o)
		}},
		"ExternalName": {edit: field("spec.service", map[string]any{"type": "ExternalName", "externalName": "db.example"})},

		"an external node": {edit: field("spec.replica.0.external", true)},
		"an external node that is no neighbour": {edit: func(o map[string]any) {
			field("spec.replica.0.external", true)(o)
			field("spec.replica.0.host", "10.127.0.1")(o)
		}},
		"an external node at a loopback address": {
			edit: func(o map[string]any) {
				field("spec.source.external", true)(o)
				field("spec.source.host", "127.0.0.1")(o)
			},
			want: []string{"spec.source: Invalid value", "host of an external node must not be a loopback or link-local address"},
		},
		"an external replica at a link-local address": {
			edit: func(o map[string]any) {
				field("spec.replica.0.external", true)(o)
				field("spec.replica.0.host", "fe80::1")(o)
			},
			want: []string{"spec.replica[0]: Invalid value", "host of an external node must not be a loopback or link-local address"},
		},
		"a pod at a loopback address": {edit: field("spec.source.host", "127.0.0.1")},

		"no spec":                    {edit: field("spec", nil), want: []string{"spec", "Required value"}},
		"no source":                  {edit: field("spec.source", nil), want: []string{"spec.source: Required value"}},
		"a source that is null":      {edit: field("spec.source", map[string]any{}), want: []string{"spec.source.name: Required value", "spec.source.host: Required value", "spec.source.port: Required value"}},
		"no secret":                  {edit: field("spec.secret", nil), want: []string{"spec.secret: Required value"}},
		"no name of the secret":      {edit: field("spec.secret", map[string]any{"mysql": "root"}), want: []string{"spec.secret.name: Required value"}},
		"an empty key of the secret": {edit: field("spec.secret.mysql", ""), want: []string{"spec.secret.mysql: Invalid value", "at least 1 char"}},
		"no port":                    {edit: field("spec.replica.0.port", nil), want: []string{"spec.replica[0].port: Required value"}},
		"port 0":                     {edit: field("spec.source.port", int64(0)), want: []string{"spec.source.port: Invalid value: 0", "greater than or equal to 1"}},
		"port 65536":                 {edit: field("spec.source.port", int64(65536)), want: []string{"spec.source.port: Invalid value: 65536", "less than or equal to 65535"}},
		"an empty name":              {edit: field("spec.source.name", ""), want: []string{"spec.source.name: Invalid value", "at least 1 char"}},
		"a name in capitals": {
			edit: field("spec.source.name", "DB-0"),
			want: []string{"spec.source.name: Invalid value", "name must be the name of a pod: lower-case letters, digits, '-' and '.'"},
		},
		"a name that ends with a dash": {
			edit: field("spec.replica.1.name", "db-"),
			want: []string{"spec.replica[1].name: Invalid value", "beginning and ending with a letter or digit"},
		},
		"an empty host": {edit: field("spec.source.host", ""), want: []string{"spec.source.host: Invalid value", "at least 1 char"}},
		"a host with a scheme": {
			edit: field("spec.source.host", "tcp://db-0"),
			want: []string{"spec.source.host: Invalid value", "host must be an IP address or a DNS name, without a scheme or a port"},
		},
		"a host with a port": {
			edit: field("spec.replica.0.host", "db-0:3306"),
			want: []string{"spec.replica[0].host: Invalid value", "host must be an IP address or a DNS name, without a scheme or a port"},
		},
		"the source among the replicas": {
			edit: field("spec.replica.1.name", "good-0"),
			want: []string{"spec.replica names the node that is spec.source; a node is either the source or a replica: remove it from one of them"},
		},
		"a replica with the source's address": {
			edit: field("spec.replica.1.host", "good-0.invalid"),
			want: []string{"spec.replica has the host and port of spec.source; every node needs its own: correct host or port"},
		},
		"a replica twice": {
			edit: field("spec.replica.1.name", "good-1"),
			want: []string{"spec.replica names a node twice; remove one of them"},
		},
		"two replicas with one address": {
			edit: field("spec.replica.1.host", "good-1.invalid"),
			want: []string{"spec.replica has two nodes with the same host and port; correct one of them"},
		},
		"an unknown mode": {
			edit: field("spec.mode", "rpl_sync"),
			want: []string{`spec.mode: Unsupported value: "rpl_sync": supported values: "rpl_async", "rpl_semi_sync"`},
		},
		"an unknown type of Service": {
			edit: field("spec.service", map[string]any{"type": "Headless"}),
			want: []string{`spec.service.type: Unsupported value: "Headless"`, `"ClusterIP"`},
		},
		"ExternalName without a name": {
			edit: field("spec.service", map[string]any{"type": "ExternalName"}),
			want: []string{"spec.service.type ExternalName needs spec.service.externalName, the DNS name to point at; set it or use ClusterIP, NodePort or LoadBalancer"},
		},
		"as many acknowledgements as replicas": {edit: field("spec.semiSync", map[string]any{"waitForReplicaCount": int64(2)})},
		"more acknowledgements than replicas": {
			edit: field("spec.semiSync", map[string]any{"waitForReplicaCount": int64(3)}),
			want: []string{"spec.semiSync.waitForReplicaCount is more than spec.replica has nodes that are not isolated, so that every commit would wait for ever: lower it, or add or return replicas"},
		},
		"more acknowledgements than replicas that are not isolated": {
			edit: func(o map[string]any) {
				field("spec.semiSync", map[string]any{"waitForReplicaCount": int64(2)})(o)
				field("spec.replica.0.isolated", true)(o)
			},
			want: []string{"spec.semiSync.waitForReplicaCount is more than spec.replica has nodes that are not isolated"},
		},
		"two acknowledgements and no replica": {
			edit: func(o map[string]any) {
				field("spec.semiSync", map[string]any{"waitForReplicaCount": int64(2)})(o)
				field("spec.replica", nil)(o)
			},
			want: []string{"spec.semiSync.waitForReplicaCount is more than spec.replica has nodes that are not isolated"},
		},
		"a timeout and no replica": {
			edit: func(o map[string]any) {
				field("spec.semiSync", map[string]any{"timeout": "1m30s"})(o)
				field("spec.replica", nil)(o)
			},
		},
		"more acknowledgements than replicas in asynchronous mode": {
			edit: func(o map[string]any) {
				field("spec.semiSync", map[string]any{"waitForReplicaCount": int64(3)})(o)
				field("spec.mode", nil)(o)
			},
		},
		"no acknowledgement": {
			edit: field("spec.semiSync", map[string]any{"waitForReplicaCount": int64(0)}),
			want: []string{"spec.semiSync.waitForReplicaCount: Invalid value: 0", "greater than or equal to 1"},
		},
		"the shortest timeout": {edit: field("spec.semiSync", map[string]any{"timeout": "5s"})},
		"a timeout that is too short": {
			edit: field("spec.semiSync", map[string]any{"timeout": "4999ms"}),
			want: []string{"spec.semiSync.timeout must be 5s or more: a replica that is pointed at a new source may need that long until it acknowledges"},
		},
		"a timeout that is none": {
			edit: field("spec.semiSync", map[string]any{"timeout": "soon"}),
			want: []string{"spec.semiSync.timeout: Invalid value"},
		},
		"TLS with a Secret":             {edit: field("spec.tls", map[string]any{"mode": "verify-full", "secretName": "tls"})},
		"TLS without anything":          {edit: field("spec.tls", map[string]any{})},
		"TLS required without a Secret": {edit: field("spec.tls.mode", "required")},
		"an unknown mode of TLS": {
			edit: field("spec.tls.mode", "always"),
			want: []string{`spec.tls.mode: Unsupported value: "always": supported values: "disable", "preferred", "required", "verify-ca", "verify-full"`},
		},
		"verify-ca without a Secret": {
			edit: field("spec.tls.mode", "verify-ca"),
			want: []string{"spec.tls.mode verify-ca and verify-full need spec.tls.secretName, the Secret with the CA under ca.crt; set it or use required"},
		},
		"a key file without its certificate": {
			edit: field("spec.tls", map[string]any{"mode": "required", "serverFiles": map[string]any{"key": "/tls/tls.key"}}),
			want: []string{"spec.tls.serverFiles.cert and spec.tls.serverFiles.key belong together; set both or none"},
		},
		"33 replicas": {
			edit: func(o map[string]any) {
				var list []any
				for i := range 33 {
					list = append(list, node("n"+strings.Repeat("x", i), "h"+strings.Repeat("x", i), 3306))
				}
				field("spec.replica", list)(o)
			},
			want: []string{"spec.replica: Too many: 33: must have at most 32 items"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := env.admin.Create(t.Context(), set(namespace, "good", test.edit), client.DryRunAll)
			if err := refusal(err, test.want...); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestNames: the name is part of the Services' names.
func TestNames(t *testing.T) {
	namespace, err := env.namespace(t.Context(), "names")
	if err != nil {
		t.Fatal(err)
	}
	if err := env.admin.Create(t.Context(), set(namespace, strings.Repeat("n", 53)), client.DryRunAll); err != nil {
		t.Error(err)
	}
	err = env.admin.Create(t.Context(), set(namespace, strings.Repeat("n", 54)), client.DryRunAll)
	if err := refusal(err, "metadata.name must have 53 characters at the most"); err != nil {
		t.Error(err)
	}
}

// TestTheLargestSet is within the cost that the API server grants a rule.
func TestTheLargestSet(t *testing.T) {
	namespace, err := env.namespace(t.Context(), "large")
	if err != nil {
		t.Fatal(err)
	}
	label := strings.Repeat("x", 59)
	var list []any
	for i := range 32 {
		name := strings.Join([]string{string(rune('a'+i/26)) + string(rune('a'+i%26)) + label, label, label, label}, ".")
		list = append(list, node(name, name, 3306))
	}
	obj := set(namespace, "large", field("spec.replica", list))
	if err := env.admin.Create(t.Context(), obj); err != nil {
		t.Fatal(err)
	}
	if err := unstructured.SetNestedField(obj.Object, "rpl_async", "spec", "mode"); err != nil {
		t.Fatal(err)
	}
	patch := []byte(`{"spec":{"mode":"rpl_async"}}`)
	if err := env.admin.Patch(t.Context(), obj, client.RawPatch("application/merge-patch+json", patch)); err != nil {
		t.Fatal(err)
	}
}

func TestDefaults(t *testing.T) {
	namespace, err := env.namespace(t.Context(), "defaults")
	if err != nil {
		t.Fatal(err)
	}
	obj := set(namespace, "plain", field("spec.mode", nil), field("spec.aesSecret", map[string]any{}), field("spec.service", map[string]any{}))
	if err := env.admin.Create(t.Context(), obj, client.DryRunAll); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"spec.mode":               "rpl_async",
		"spec.secret.mysql":       "mysql",
		"spec.secret.replication": "replication",
		"spec.aesSecret.name":     "aes-secret-key",
		"spec.aesSecret.key":      "AES_SECRET_KEY",
		"spec.service.type":       "ClusterIP",
	} {
		got, _, err := unstructured.NestedString(obj.Object, strings.Split(path, ".")...)
		if err != nil || got != want {
			t.Errorf("%s is %q, want %q (%v)", path, got, want, err)
		}
	}
}

// TestFieldsAreKept: nothing that a user writes is dropped without a word.
func TestFieldsAreKept(t *testing.T) {
	namespace, err := env.namespace(t.Context(), "kept")
	if err != nil {
		t.Fatal(err)
	}
	obj := set(namespace, "kept", field("spec.replica.1.isolated", true))
	obj.SetAnnotations(map[string]string{
		"compose-operator.skip.reconcile": "true",
		"compose-operator/skip.reconcile": "true",
		"compose-operator/force-promote":  "kept-1",
	})
	strict := client.WithFieldValidation(env.admin, "Strict")
	if err := strict.Create(t.Context(), obj, client.DryRunAll); err != nil {
		t.Fatal(err)
	}
	replicas, _, _ := unstructured.NestedSlice(obj.Object, "spec", "replica")
	if len(replicas) != 2 || replicas[1].(map[string]any)["isolated"] != true {
		t.Errorf("isolated is lost: %v", replicas)
	}
	if len(obj.GetAnnotations()) != 3 {
		t.Errorf("annotations are lost: %v", obj.GetAnnotations())
	}
	if err := strict.Create(t.Context(), set(namespace, "typo", field("spec.replicas", []any{})), client.DryRunAll); err == nil {
		t.Error("an unknown field is accepted under strict validation")
	}
}

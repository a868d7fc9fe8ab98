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

// redisReplication is a good set of that name.
func redisReplication(namespace, name string) map[string]any {
	pod := func(suffix string) map[string]any { return node(name+suffix, name+suffix+".invalid", 6379) }
	return map[string]any{
		"apiVersion": "upm.syntropycloud.io/v1alpha1", "kind": "RedisReplication",
		"metadata": map[string]any{"namespace": namespace, "name": name},
		"spec": map[string]any{
			"secret":  map[string]any{"name": "redis"},
			"source":  pod("-0"),
			"replica": []any{pod("-1"), pod("-2")},
		},
	}
}

// TestRulesOfRedis has each rule of the CRD, with the message that a user reads.
func TestRulesOfRedis(t *testing.T) {
	namespace, err := env.namespace(t.Context(), "redis")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		edit edit
		want []string // parts of the refusal; none: accepted
	}{
		"good":        {edit: func(map[string]any) {}},
		"sentinels":   {edit: field("spec.sentinel", []any{"s-0", "s-1"})},
		"announced":   {edit: field("spec.source.announceHost", "203.0.113.7")},
		"an ACL user": {edit: field("spec.secret.user", "replicator")},
		"external":    {edit: field("spec.replica.0.external", true)},

		"no source": {edit: field("spec.source", nil), want: []string{"spec.source: Required value"}},
		"a node twice": {
			edit: field("spec.replica.0.name", "good-0"), want: []string{"spec.replica names the node that is spec.source"},
		},
		"a sentinel twice":        {edit: field("spec.sentinel", []any{"s-0", "s-0"}), want: []string{"spec.sentinel names a pod twice"}},
		"a sentinel with data":    {edit: field("spec.sentinel", []any{"good-1"}), want: []string{"a Sentinel is no data node"}},
		"an announced scheme":     {edit: field("spec.source.announceHost", "redis://a"), want: []string{"announceHost must be an IP address or a DNS name"}},
		"a user with a space":     {edit: field("spec.secret.user", "a b"), want: []string{"spec.secret.user"}},
		"an unknown policy":       {edit: field("spec.rejoinPolicy", "Clone"), want: []string{"spec.rejoinPolicy: Unsupported value"}},
		"files on the servers":    {edit: field("spec.tls", map[string]any{"serverFiles": map[string]any{"ca": "/ca"}}), want: []string{"spec.tls.serverFiles is not used with Redis"}},
		"ExternalName, no target": {edit: field("spec.service", map[string]any{"type": "ExternalName"}), want: []string{"needs spec.service.externalName"}},
	} {
		t.Run(name, func(t *testing.T) {
			object := redisReplication(namespace, "good")
			test.edit(object)
			err := env.admin.Create(t.Context(), &unstructured.Unstructured{Object: object}, client.DryRunAll)
			if err == nil {
				if len(test.want) > 0 {
					t.Error("it was accepted")
				}
				return
			}
			if len(test.want) == 0 {
				t.Fatalf("it was refused: %v", err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q", err, want)
				}
			}
		})
	}
}

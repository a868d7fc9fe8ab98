// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build admission

package admission

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Mistakes that objects from before the rules have.
var oldPostgresMistakes = map[string]edit{
	"primary-twice":         field("spec.standby.1.name", "primary-twice-0"),
	"primary-address":       field("spec.standby.1.host", "primary-address-0.invalid"),
	"standby-twice":         field("spec.standby.1.name", "standby-twice-1"),
	"standby-address":       field("spec.standby.1.host", "standby-address-1.invalid"),
	"postgres-name":         field("spec.service", map[string]any{"type": "ExternalName"}),
	"postgres-bad-host":     field("spec.primary.host", "tcp://bad"),
	"postgres-port":         field("spec.primary.port", int64(70000)),
	"postgres-unknown-mode": field("spec.mode", "rpl_semi_sync"),
	"postgres-claims-set":   field("spec.standby.1.name", "claims-one-1"),
}

// postgresReplication is a good set of that name.
func postgresReplication(namespace, name string, edits ...edit) *unstructured.Unstructured {
	pod := func(suffix string) map[string]any { return node(name+suffix, name+suffix+".invalid", 5432) }
	object := map[string]any{
		"apiVersion": "upm.syntropycloud.io/v1alpha1", "kind": "PostgresReplication",
		"metadata": map[string]any{"namespace": namespace, "name": name},
		"spec": map[string]any{
			"secret":  map[string]any{"name": "postgres"},
			"primary": pod("-0"),
			"standby": []any{pod("-1"), pod("-2")},
		},
	}
	for _, edit := range edits {
		edit(object)
	}
	return &unstructured.Unstructured{Object: object}
}

// TestRulesOfPostgres has each rule of the CRD, with the message that a user reads.
func TestRulesOfPostgres(t *testing.T) {
	namespace, err := env.namespace(t.Context(), "postgres")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		edit edit
		want []string // parts of the refusal; none: accepted
	}{
		"good":        {edit: func(map[string]any) {}},
		"synchronous": {edit: field("spec.mode", "rpl_sync")},
		"degrading":   {edit: field("spec.synchronous", map[string]any{"noStandby": "degrade"})},
		"alone":       {edit: field("spec.standby", nil)},
		"isolated":    {edit: field("spec.standby.0.isolated", true)},
		"external":    {edit: field("spec.standby.0.external", true)},
		"verify-full": {edit: field("spec.tls", map[string]any{"mode": "verify-full", "secretName": "tls", "serverFiles": map[string]any{"ca": "/ca"}})},

		"no primary":    {edit: field("spec.primary", nil), want: []string{"spec.primary: Required value"}},
		"no secret":     {edit: field("spec.secret", nil), want: []string{"spec.secret: Required value"}},
		"no host":       {edit: field("spec.primary.host", nil), want: []string{"spec.primary.host: Required value"}},
		"no port":       {edit: field("spec.standby.0.port", int64(0)), want: []string{"spec.standby[0].port"}},
		"a node twice":  {edit: field("spec.standby.0.name", "good-0"), want: []string{"spec.standby names the node that is spec.primary", "remove it from one of them"}},
		"two standbys":  {edit: field("spec.standby.0.name", "good-2"), want: []string{"spec.standby names a node twice; remove one of them"}},
		"its address":   {edit: field("spec.standby.0.host", "good-0.invalid"), want: []string{"spec.standby has the host and port of spec.primary"}},
		"one address":   {edit: field("spec.standby.0.host", "good-2.invalid"), want: []string{"spec.standby has two nodes with the same host and port"}},
		"a scheme":      {edit: field("spec.primary.host", "postgres://a"), want: []string{"host must be an IP address or a DNS name"}},
		"another mode":  {edit: field("spec.mode", "rpl_semi_sync"), want: []string{`spec.mode: Unsupported value: "rpl_semi_sync"`, `"rpl_async", "rpl_sync"`}},
		"a policy":      {edit: field("spec.synchronous", map[string]any{"noStandby": "fail"}), want: []string{"spec.synchronous.noStandby: Unsupported value"}},
		"no CA":         {edit: field("spec.tls", map[string]any{"mode": "verify-ca"}), want: []string{"need spec.tls.secretName"}},
		"half a client": {edit: field("spec.tls", map[string]any{"serverFiles": map[string]any{"cert": "/cert"}}), want: []string{"belong together; set both or none"}},
		"no target":     {edit: field("spec.service", map[string]any{"type": "ExternalName"}), want: []string{"needs spec.service.externalName"}},
		"a long name":   {edit: field("metadata.name", longName), want: []string{"metadata.name must have 53 characters at the most"}},
	} {
		t.Run(name, func(t *testing.T) {
			err := env.admin.Create(t.Context(), postgresReplication(namespace, "good", test.edit), client.DryRunAll)
			if err := refusal(err, test.want...); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestPostgresWarnings: the webhook is asked, and says what is allowed and unwise.
func TestPostgresWarnings(t *testing.T) {
	namespace, err := env.namespace(t.Context(), "postgres-warnings")
	if err != nil {
		t.Fatal(err)
	}
	mustEventually(t, "the warnings", func(ctx context.Context) error {
		env.warnings.take()
		if err := env.admin.Create(ctx, postgresReplication(namespace, "lonely", field("spec.mode", "rpl_sync"), field("spec.standby", nil)), client.DryRunAll); err != nil {
			return err
		}
		warnings := strings.Join(env.warnings.take(), "\n")
		for _, want := range []string{"spec.standby is empty: there is nothing to switch over to when the primary fails", "spec.mode is rpl_sync and spec.standby has 0 node(s)"} {
			if !strings.Contains(warnings, want) {
				return fmt.Errorf("the warnings are %q, want %q", warnings, want)
			}
		}
		return nil
	})
}

func patchOldPostgres(t *testing.T, name, patch string, options ...client.PatchOption) error {
	t.Helper()
	return env.admin.Patch(t.Context(), postgresReplication(oldNamespace, name), client.RawPatch(types.MergePatchType, []byte(patch)), options...)
}

// TestOldPostgresCanBeUpdated: no rule strands an object that was stored before it.
func TestOldPostgresCanBeUpdated(t *testing.T) {
	for name := range oldPostgresMistakes {
		t.Run(name, func(t *testing.T) {
			if err := patchOldPostgres(t, name, `{"metadata":{"annotations":{"note":"seen"},"finalizers":["upm.syntropycloud.io/test"]}}`); err != nil {
				t.Errorf("its metadata: %v", err)
			}
			if err := patchOldPostgres(t, name, `{"spec":{"secret":{"postgres":"admin"}}}`); err != nil {
				t.Errorf("another part of its spec: %v", err)
			}
			status := []byte(`{"status":{"ready":false,"primary":"x"}}`)
			if err := env.admin.Status().Patch(t.Context(), postgresReplication(oldNamespace, name), client.RawPatch(types.MergePatchType, status)); err != nil {
				t.Errorf("its status: %v", err)
			}
			if err := patchOldPostgres(t, name, `{"metadata":{"finalizers":null}}`); err != nil {
				t.Errorf("its finalizers: %v", err)
			}
		})
	}
	// The edit that matters in an emergency, beside a mistake that it does not touch.
	for _, name := range []string{"postgres-name", "postgres-unknown-mode"} {
		patch := fmt.Sprintf(`{"spec":{"primary":{"name":"%[1]s-1","host":"%[1]s-1.invalid"},"standby":[`+
			`{"name":"%[1]s-0","host":"%[1]s-0.invalid","port":5432},{"name":"%[1]s-2","host":"%[1]s-2.invalid","port":5432}]}}`, name)
		if err := patchOldPostgres(t, name, patch, client.DryRunAll); err != nil {
			t.Errorf("a switchover of %s: %v", name, err)
		}
	}
}

// TestOldPostgresGetsNoFurtherMistake: only what was there already is let through.
func TestOldPostgresGetsNoFurtherMistake(t *testing.T) {
	for name, test := range map[string]struct {
		object, patch, want string
	}{
		"another rule": {"primary-twice", `{"spec":{"service":{"type":"ExternalName"}}}`, "ExternalName needs spec.service.externalName"},
		"the same rule, once more": {
			"standby-twice", `{"spec":{"standby":[{"name":"standby-twice-1","host":"a","port":1},{"name":"standby-twice-1","host":"b","port":1},{"name":"standby-twice-1","host":"c","port":1}]}}`,
			`spec.standby[2].name: Duplicate value: "standby-twice-1": spec.standby[0].name has it already`,
		},
		"another's pod": {
			"postgres-claims-set", `{"spec":{"standby":[{"name":"claims-one-1","host":"a","port":1},{"name":"bad-host-1","host":"b","port":1}]}}`,
			`spec.standby[1].name: Forbidden: pod "bad-host-1" belongs to MysqlReplication "bad-host"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := refusal(patchOldPostgres(t, test.object, test.patch, client.DryRunAll), test.want); err != nil {
				t.Error(err)
			}
		})
	}
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build admission

package admission

import (
	"context"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// TestOnePodOneSet: the rule that no definition can have.
func TestOnePodOneSet(t *testing.T) {
	ctx := t.Context()
	namespace, err := env.namespace(ctx, "claims")
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, err := env.namespace(ctx, "elsewhere")
	if err != nil {
		t.Fatal(err)
	}
	first := set(namespace, "first")
	first.SetFinalizers([]string{"upm.syntropycloud.io/test"})
	if err := env.admin.Create(ctx, first); err != nil {
		t.Fatal(err)
	}
	second := set(namespace, "second", field("spec.replica.1.name", "first-0"))
	const message = `spec.replica[1].name: Forbidden: pod "first-0" belongs to MysqlReplication "first" of this namespace; a pod can be in one set only: ` +
		`remove it from the spec of MysqlReplication "first", or delete that, and try again`
	// The webhook's cache is a moment behind.
	mustEventually(t, "the second set is refused", func(ctx context.Context) error {
		return refusal(env.admin.Create(ctx, second.DeepCopy(), client.DryRunAll), message)
	})
	if err := env.admin.Create(ctx, set(elsewhere, "second", field("spec.replica.1.name", "first-0")), client.DryRunAll); err != nil {
		t.Errorf("a pod of that name in another namespace: %v", err)
	}
	// The first set's own update is no conflict, nor is a switchover.
	patch := []byte(`{"spec":{"source":{"name":"first-1","host":"first-1.invalid"},"replica":[{"name":"first-0","host":"first-0.invalid","port":3306}]}}`)
	if err := env.admin.Patch(ctx, set(namespace, "first"), client.RawPatch(types.MergePatchType, patch), client.DryRunAll); err != nil {
		t.Errorf("a switchover of the first set: %v", err)
	}

	if err := env.admin.Delete(ctx, set(namespace, "first")); err != nil {
		t.Fatal(err)
	}
	mustEventually(t, "a set on its way out claims nothing", func(ctx context.Context) error {
		return env.admin.Create(ctx, second.DeepCopy(), client.DryRunAll)
	})
	if err := env.admin.Patch(ctx, set(namespace, "first"), client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))); err != nil {
		t.Errorf("its finalizers: %v", err)
	}
}

func TestWarnings(t *testing.T) {
	namespace, err := env.namespace(t.Context(), "warnings")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		edit edit
		want []string
	}{
		"a good set":  {edit: func(map[string]any) {}},
		"no replicas": {edit: func(o map[string]any) { field("spec.replica", nil)(o); field("spec.mode", nil)(o) }, want: []string{"spec.replica is empty"}},
		"semi-sync with one replica": {
			edit: field("spec.replica.0.isolated", true),
			want: []string{"spec.mode is rpl_semi_sync and spec.replica has 1 node(s) that are not isolated"},
		},
		"async with one replica": {edit: func(o map[string]any) { field("spec.replica.0.isolated", true)(o); field("spec.mode", "rpl_async")(o) }},
	} {
		t.Run(name, func(t *testing.T) {
			env.warnings.take()
			if err := env.admin.Create(t.Context(), set(namespace, "one", test.edit), client.DryRunAll); err != nil {
				t.Fatal(err)
			}
			got := env.warnings.take()
			if len(got) != len(test.want) {
				t.Fatalf("warnings %q, want %d", got, len(test.want))
			}
			for i, want := range test.want {
				if !strings.HasPrefix(got[i], want) {
					t.Errorf("warning %q, want %q…", got[i], want)
				}
			}
		})
	}
}

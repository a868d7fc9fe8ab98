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

// Mistakes that MysqlGroupReplications from before the rules have. All of them can be
// updated: see TestOldGroupsCanBeUpdated.
var oldGroupMistakes = map[string]edit{
	"group-twice":         field("spec.member.1.name", "group-twice-0"),
	"group-address":       field("spec.member.1.host", "group-address-0.invalid"),
	"group-primary":       field("spec.primary", "nobody"),
	"group-external-name": field("spec.service", map[string]any{"type": "ExternalName"}),
	"group-bad-host":      field("spec.member.0.host", "tcp://bad"),
	"group-port":          field("spec.member.0.port", int64(70000)),
	"group-of-ten":        memberCount("group-of-ten", 10),
	"group-of-none":       field("spec.member", []any{}),
	"group-claims-set":    field("spec.member.2.name", "claims-one-2"),
	"group-claims-group":  field("spec.member.2.name", "group-primary-0"),
}

// memberCount gives the group of that name so many members.
func memberCount(name string, n int) edit {
	list := []any{}
	for i := range n {
		pod := fmt.Sprintf("%s-%d", name, i)
		list = append(list, node(pod, pod+".invalid", 3306))
	}
	return field("spec.member", list)
}

// TestRulesOfGroups has each rule of the CRD, with the message that a user reads.
func TestRulesOfGroups(t *testing.T) {
	namespace, err := env.namespace(t.Context(), "rules")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		edit edit
		want []string // parts of the refusal; none: accepted
	}{
		"a good group":     {edit: func(map[string]any) {}},
		"a wanted primary": {edit: field("spec.primary", "good-2")},
		"an empty primary": {edit: field("spec.primary", "")},
		"nine members":     {edit: memberCount("good", 9)},
		"one member":       {edit: memberCount("good", 1)},
		"two servers on a host": {edit: func(o map[string]any) {
			field("spec.member.0", node("a", "h", 1))(o)
			field("spec.member.1", node("b", "h", 2))(o)
		}},
		"ExternalName": {edit: field("spec.service", map[string]any{"type": "ExternalName", "externalName": "db.example"})},

		"no spec":     {edit: field("spec", nil), want: []string{"spec", "Required value"}},
		"no secret":   {edit: field("spec.secret", nil), want: []string{"spec.secret: Required value"}},
		"no members":  {edit: field("spec.member", nil), want: []string{"spec.member: Required value"}},
		"none":        {edit: memberCount("good", 0), want: []string{"spec.member: Invalid value: 0: spec.member in body should have at least 1 items"}},
		"ten members": {edit: memberCount("good", 10), want: []string{"spec.member: Too many: 10: must have at most 9 items"}},
		"a member twice": {
			edit: field("spec.member.1.name", "good-2"),
			want: []string{"spec.member names a node twice; remove one of them"},
		},
		"an address twice": {
			edit: field("spec.member.1.host", "good-2.invalid"),
			want: []string{"spec.member has two nodes with the same host and port; correct one of them"},
		},
		"an external member": {
			edit: field("spec.member.1.external", true),
			want: []string{"spec.member has a node with external: true; the members of a group are pods: leave it out"},
		},
		"a primary of no member": {
			edit: field("spec.primary", "good-3"),
			want: []string{"spec.primary is not the name of a node in spec.member; correct it, or leave it out to let the group elect"},
		},
		"a host with a port": {
			edit: field("spec.member.0.host", "good-0:3306"),
			want: []string{"spec.member[0].host: Invalid value", "host must be an IP address or a DNS name, without a scheme or a port"},
		},
		"a name in capitals": {edit: field("spec.member.0.name", "DB-0"), want: []string{"spec.member[0].name: Invalid value", "name must be the name of a pod"}},
		"port 0":             {edit: field("spec.member.0.port", int64(0)), want: []string{"spec.member[0].port: Invalid value: 0"}},
		"ExternalName without a name": {
			edit: field("spec.service", map[string]any{"type": "ExternalName"}),
			want: []string{"spec.service.type ExternalName needs spec.service.externalName"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := env.admin.Create(t.Context(), group(namespace, "good", test.edit), client.DryRunAll)
			if err := refusal(err, test.want...); err != nil {
				t.Error(err)
			}
		})
	}
	long := strings.Repeat("n", 54)
	if err := refusal(env.admin.Create(t.Context(), group(namespace, long), client.DryRunAll), "metadata.name must have 53 characters at the most"); err != nil {
		t.Error(err)
	}
}

// TestTheOriginalsGroupApplies: one that was written for the original Compose Operator,
// which has a Secret and members and nothing else.
func TestTheOriginalsGroupApplies(t *testing.T) {
	namespace, err := env.namespace(t.Context(), "original")
	if err != nil {
		t.Fatal(err)
	}
	obj := group(namespace, "plain", field("spec.secret", map[string]any{"name": "absent", "mysql": "radminuser", "replication": "replication"}))
	obj.SetAnnotations(map[string]string{"compose-operator.skip.reconcile": "true", "compose-operator/force-quorum": "plain-0"})
	if err := client.WithFieldValidation(env.admin, "Strict").Create(t.Context(), obj, client.DryRunAll); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"spec.secret.mysql": "radminuser", "spec.secret.replication": "replication"} {
		if got, _, err := unstructured.NestedString(obj.Object, strings.Split(path, ".")...); err != nil || got != want {
			t.Errorf("%s is %q, want %q (%v)", path, got, want, err)
		}
	}
	if len(obj.GetAnnotations()) != 2 {
		t.Errorf("annotations are lost: %v", obj.GetAnnotations())
	}
}

func TestWarningsOfGroups(t *testing.T) {
	namespace, err := env.namespace(t.Context(), "warnings")
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int]string{1: "spec.member has 1 node:", 2: "spec.member has 2 nodes:", 3: "", 4: "spec.member has 4 nodes, an even number:", 9: ""} {
		env.warnings.take()
		if err := env.admin.Create(t.Context(), group(namespace, "one", memberCount("one", n)), client.DryRunAll); err != nil {
			t.Fatal(err)
		}
		got := env.warnings.take()
		if want == "" && len(got) != 0 || want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], want)) {
			t.Errorf("%d members: warnings %q, want %q…", n, got, want)
		}
	}
	if err := env.admin.Create(t.Context(), set(namespace, "two")); err != nil {
		t.Fatal(err)
	}
	// The webhook's cache is a moment behind.
	mustEventually(t, "a warning of the Services", func(ctx context.Context) error {
		env.warnings.take()
		if err := env.admin.Create(ctx, group(namespace, "two", memberCount("x", 3)), client.DryRunAll); err != nil {
			return err
		}
		got := env.warnings.take()
		if len(got) != 1 || !strings.Contains(got[0], `MysqlReplication "two" of this namespace`) {
			return fmt.Errorf("warnings %q", got)
		}
		return nil
	})
}

// TestOnePodOneSetAcrossKinds: the rule that no definition can have, in both directions.
func TestOnePodOneSetAcrossKinds(t *testing.T) {
	ctx := t.Context()
	namespace, err := env.namespace(ctx, "claims")
	if err != nil {
		t.Fatal(err)
	}
	if err := env.admin.Create(ctx, set(namespace, "first")); err != nil {
		t.Fatal(err)
	}
	if err := env.admin.Create(ctx, group(namespace, "ring")); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		object *unstructured.Unstructured
		want   string
	}{
		{group(namespace, "second", field("spec.member.2.name", "first-0")), `spec.member[2].name: Forbidden: pod "first-0" belongs to MysqlReplication "first" of this namespace; a pod can be in one set only: ` +
			`remove it from the spec of MysqlReplication "first", or delete that, and try again`},
		{set(namespace, "second", field("spec.replica.1.name", "ring-2")), `spec.replica[1].name: Forbidden: pod "ring-2" belongs to MysqlGroupReplication "ring" of this namespace`},
		{group(namespace, "second", field("spec.member.0.name", "ring-1")), `spec.member[0].name: Forbidden: pod "ring-1" belongs to MysqlGroupReplication "ring" of this namespace`},
	} {
		mustEventually(t, "it is refused", func(ctx context.Context) error {
			return refusal(env.admin.Create(ctx, test.object.DeepCopy(), client.DryRunAll), test.want)
		})
	}
	patch := []byte(`{"spec":{"primary":"ring-1"}}`)
	if err := env.admin.Patch(ctx, group(namespace, "ring"), client.RawPatch(types.MergePatchType, patch), client.DryRunAll); err != nil {
		t.Errorf("a change of the primary: %v", err)
	}
}

func patchOldGroup(t *testing.T, name, patch string) error {
	t.Helper()
	return env.admin.Patch(t.Context(), group(oldNamespace, name), client.RawPatch(types.MergePatchType, []byte(patch)))
}

// TestOldGroupsCanBeUpdated: no rule strands an object that was stored before it.
func TestOldGroupsCanBeUpdated(t *testing.T) {
	for name := range oldGroupMistakes {
		t.Run(name, func(t *testing.T) {
			if err := patchOldGroup(t, name, `{"metadata":{"annotations":{"note":"seen"},"finalizers":["upm.syntropycloud.io/test"]}}`); err != nil {
				t.Errorf("its metadata: %v", err)
			}
			if err := patchOldGroup(t, name, `{"spec":{"secret":{"mysql":"root"}}}`); err != nil {
				t.Errorf("another part of its spec: %v", err)
			}
			status := []byte(`{"status":{"ready":false,"primary":"x"}}`)
			if err := env.admin.Status().Patch(t.Context(), group(oldNamespace, name), client.RawPatch(types.MergePatchType, status)); err != nil {
				t.Errorf("its status: %v", err)
			}
			if err := patchOldGroup(t, name, `{"metadata":{"finalizers":null}}`); err != nil {
				t.Errorf("its finalizers: %v", err)
			}
		})
	}
	// What matters in an emergency works beside a mistake that it does not touch.
	for _, name := range []string{"group-twice", "group-address", "group-bad-host", "group-claims-set", "group-claims-group"} {
		patch := []byte(fmt.Sprintf(`{"spec":{"primary":"%s-0"}}`, name))
		if err := env.admin.Patch(t.Context(), group(oldNamespace, name), client.RawPatch(types.MergePatchType, patch), client.DryRunAll); err != nil {
			t.Errorf("another primary of %s: %v", name, err)
		}
	}
}

// TestOldGroupsGetNoFurtherMistake: only what was there already is let through.
func TestOldGroupsGetNoFurtherMistake(t *testing.T) {
	for name, test := range map[string]struct {
		object, patch, want string
	}{
		"another rule":      {"group-twice", `{"spec":{"primary":"x"}}`, "spec.primary is not the name of a node in spec.member"},
		"a mistake changed": {"group-primary", `{"spec":{"primary":"somebody"}}`, `spec.primary: Invalid value: "somebody"`},
		"another's pod": {
			"group-claims-set", `{"spec":{"member":[{"name":"claims-one-2","host":"a","port":1},{"name":"bad-host-1","host":"b","port":1},{"name":"x","host":"c","port":1}]}}`,
			`spec.member[1].name: Forbidden: pod "bad-host-1" belongs to MysqlReplication "bad-host"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := env.admin.Patch(t.Context(), group(oldNamespace, test.object), client.RawPatch(types.MergePatchType, []byte(test.patch)), client.DryRunAll)
			if err := refusal(err, test.want); err != nil {
				t.Error(err)
			}
		})
	}
}

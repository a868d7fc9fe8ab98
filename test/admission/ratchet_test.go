// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build admission

package admission

import (
	"context"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const oldNamespace = "old"

// longName leaves no room for the names of Services.
var longName = strings.Repeat("n", 54)

// Mistakes that objects from before the rules have.
var oldMistakes = map[string]edit{
	"source-twice":      field("spec.replica.1.name", "source-twice-0"),
	"source-address":    field("spec.replica.1.host", "source-address-0.invalid"),
	"replica-twice":     field("spec.replica.1.name", "replica-twice-1"),
	"replica-address":   field("spec.replica.1.host", "replica-address-1.invalid"),
	"too-many-acks":     field("spec.semiSync", map[string]any{"waitForReplicaCount": int64(3)}),
	"external-name":     field("spec.service", map[string]any{"type": "ExternalName"}),
	"bad-host":          field("spec.source.host", "tcp://bad"),
	"bad-replica-host":  field("spec.replica.1.host", "tcp://bad"),
	"bad-name":          field("spec.source.name", "Bad_Name"),
	"unknown-mode":      field("spec.mode", "rpl_sync"),
	"port-out-of-range": field("spec.source.port", int64(70000)),
	longName:            func(map[string]any) {},
	"claims-one":        func(map[string]any) {},
	"claims-two":        field("spec.replica.1.name", "claims-one-0"),
}

// storeOldObjects stores objects with each mistake under definitions without rules.
func (e *environment) storeOldObjects(ctx context.Context, _ *rest.Config) error {
	definitions, err := crds()
	if err != nil {
		return err
	}
	for _, lax := range definitions {
		for i := range lax.Spec.Versions {
			removeRules(lax.Spec.Versions[i].Schema.OpenAPIV3Schema)
		}
		if err := e.admin.Create(ctx, lax); err != nil {
			return fmt.Errorf("definition without rules: %w", err)
		}
	}
	if err := e.admin.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: oldNamespace}}); err != nil {
		return err
	}
	var old []*unstructured.Unstructured
	for name, mistake := range oldMistakes {
		old = append(old, set(oldNamespace, name, mistake))
	}
	for name, mistake := range oldGroupMistakes {
		old = append(old, group(oldNamespace, name, mistake))
	}
	for name, mistake := range oldPostgresMistakes {
		old = append(old, postgresReplication(oldNamespace, name, mistake))
	}
	for name, mistake := range oldClusterMistakes {
		old = append(old, redisCluster(oldNamespace, name, mistake))
	}
	for name, mistake := range oldProxysqlMistakes {
		old = append(old, proxysqlSync(oldNamespace, name, mistake))
	}
	for _, one := range old {
		err := eventually(ctx, "store "+one.GetName(), func(ctx context.Context) error {
			return e.admin.Create(ctx, one.DeepCopy())
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// removeRules leaves the types only.
func removeRules(schema *apiextensionsv1.JSONSchemaProps) {
	schema.XValidations, schema.Enum = nil, nil
	schema.MinLength, schema.MaxLength, schema.Minimum, schema.Maximum, schema.MinItems, schema.MaxItems = nil, nil, nil, nil, nil, nil
	schema.MinProperties, schema.MaxProperties = nil, nil
	for name, property := range schema.Properties {
		removeRules(&property)
		schema.Properties[name] = property
	}
	if schema.Items != nil && schema.Items.Schema != nil {
		removeRules(schema.Items.Schema)
	}
	if schema.AdditionalProperties != nil && schema.AdditionalProperties.Schema != nil {
		removeRules(schema.AdditionalProperties.Schema)
	}
}

func patchOld(t *testing.T, name, patch string) error {
	t.Helper()
	return env.admin.Patch(t.Context(), set(oldNamespace, name), client.RawPatch(types.MergePatchType, []byte(patch)))
}

// TestOldObjectsCanBeUpdated: no rule strands an object that was stored before it.
func TestOldObjectsCanBeUpdated(t *testing.T) {
	for name := range oldMistakes {
		t.Run(name, func(t *testing.T) {
			if err := patchOld(t, name, `{"metadata":{"annotations":{"note":"seen"},"finalizers":["upm.syntropycloud.io/test"]}}`); err != nil {
				t.Errorf("its metadata: %v", err)
			}
			if err := patchOld(t, name, `{"spec":{"secret":{"mysql":"root"}}}`); err != nil {
				t.Errorf("another part of its spec: %v", err)
			}
			status := []byte(`{"status":{"ready":false,"source":"x"}}`)
			if err := env.admin.Status().Patch(t.Context(), set(oldNamespace, name), client.RawPatch(types.MergePatchType, status)); err != nil {
				t.Errorf("its status: %v", err)
			}
			if err := patchOld(t, name, `{"metadata":{"finalizers":null}}`); err != nil {
				t.Errorf("its finalizers: %v", err)
			}
		})
	}
}

// TestOldObjectsCanSwitchOver: the edit that matters in an emergency works beside
// a mistake that it does not touch.
func TestOldObjectsCanSwitchOver(t *testing.T) {
	for name, third := range map[string]string{"external-name": "external-name-2", "unknown-mode": "unknown-mode-2", "claims-two": "claims-one-0"} {
		patch := fmt.Sprintf(`{"spec":{"source":{"name":"%[1]s-1","host":"%[1]s-1.invalid"},"replica":[`+
			`{"name":"%[1]s-0","host":"%[1]s-0.invalid","port":3306},{"name":"%[2]s","host":"%[1]s-2.invalid","port":3306}]}}`, name, third)
		if err := env.admin.Patch(t.Context(), set(oldNamespace, name), client.RawPatch(types.MergePatchType, []byte(patch)), client.DryRunAll); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOldObjectsCanChangeTheirReplicas: beside two that were the same before.
func TestOldObjectsCanChangeTheirReplicas(t *testing.T) {
	for name, patch := range map[string]string{
		"replica-twice": `{"spec":{"replica":[{"name":"replica-twice-1","host":"replica-twice-1.invalid","port":3306,"isolated":true},` +
			`{"name":"replica-twice-1","host":"replica-twice-2.invalid","port":3306}]}}`,
		"replica-address": `{"spec":{"replica":[{"name":"replica-address-3","host":"replica-address-3.invalid","port":3306},` +
			`{"name":"replica-address-1","host":"replica-address-1.invalid","port":3306},{"name":"replica-address-2","host":"replica-address-1.invalid","port":3306}]}}`,
	} {
		if err := env.admin.Patch(t.Context(), set(oldNamespace, name), client.RawPatch(types.MergePatchType, []byte(patch)), client.DryRunAll); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOldObjectsGetNoFurtherMistake: only what was there already is let through.
func TestOldObjectsGetNoFurtherMistake(t *testing.T) {
	for name, test := range map[string]struct {
		object, patch, want string
	}{
		"another rule": {
			object: "source-twice", patch: `{"spec":{"service":{"type":"ExternalName"}}}`,
			want: "ExternalName needs spec.service.externalName",
		},
		"the same rule, once more": {
			object: "replica-twice",
			patch: `{"spec":{"replica":[{"name":"replica-twice-1","host":"a","port":1},{"name":"replica-twice-1","host":"b","port":1},` +
				`{"name":"replica-twice-1","host":"c","port":1}]}}`,
			want: `spec.replica[2].name: Duplicate value: "replica-twice-1": spec.replica[0].name has it already`,
		},
		"a mistake made worse": {
			object: "bad-host", patch: `{"spec":{"source":{"host":"tcp://worse"}}}`, want: "host must be an IP address or a DNS name",
		},
		"another's pod": {
			object: "claims-two",
			patch:  `{"spec":{"replica":[{"name":"claims-one-0","host":"a","port":1},{"name":"claims-one-1","host":"b","port":1}]}}`,
			// Another old object names it too.
			want: `pod "claims-one-1" belongs to `,
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := env.admin.Patch(t.Context(), set(oldNamespace, test.object), client.RawPatch(types.MergePatchType, []byte(test.patch)), client.DryRunAll)
			if err := refusal(err, test.want); err != nil {
				t.Error(err)
			}
		})
	}
}

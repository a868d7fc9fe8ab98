// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build admission

package admission

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// TestInstallManifest: it was applied by kubectl with strict validation; nothing of
// it made the API server warn, Pod Security "restricted" included.
func TestInstallManifest(t *testing.T) {
	if strings.Contains(env.installOutput, "Warning") {
		t.Errorf("kubectl apply warns:\n%s", env.installOutput)
	}
	// Applying again changes nothing that the manager or the API server has filled in.
	out, err := env.runKubectl(t.Context(), "diff", "--server-side", "--force-conflicts", "-f", filepath.Join(root, "dist", "crds.yaml"))
	if err != nil {
		t.Errorf("dist/crds.yaml differs from what dist/install.yaml brought: %v", err)
	}
	if out != "" {
		t.Errorf("kubectl diff:\n%s", out)
	}
}

// TestPodSecurity puts a pod of the Deployment's template where only restricted ones may be.
func TestPodSecurity(t *testing.T) {
	out, err := env.runKubectl(t.Context(), "get", "deployment", "compose-operator", "-n", operatorNamespace, "-o", "jsonpath={.spec.template}")
	if err != nil {
		t.Fatal(err)
	}
	pod := &templatePod{}
	if err := pod.fromTemplate(out); err != nil {
		t.Fatal(err)
	}
	if err := env.admin.Create(t.Context(), pod.object(operatorNamespace, "probe"), client.DryRunAll); err != nil {
		t.Errorf("the manager's pod is refused: %v", err)
	}
	pod.allowEscalation()
	if err := env.admin.Create(t.Context(), pod.object(operatorNamespace, "probe"), client.DryRunAll); err == nil {
		t.Error("Pod Security is not enforced: a pod that may gain privileges is accepted")
	}
}

// TestExamplesApply: what users copy is accepted, strictly and without a warning.
func TestExamplesApply(t *testing.T) {
	namespace, err := env.namespace(t.Context(), "examples")
	if err != nil {
		t.Fatal(err)
	}
	samples, err := filepath.Glob(filepath.Join(root, "config/samples/upm_*.yaml"))
	if err != nil || len(samples) == 0 {
		t.Fatalf("no samples (%v)", err)
	}
	for _, example := range []string{"mysqlreplication.yaml", "switchover.yaml", "external.yaml", "mysqlreplication-tls.yaml"} {
		samples = append(samples, filepath.Join(root, "examples/mysql", example))
	}
	for _, file := range samples {
		out, err := env.runKubectl(t.Context(), "apply", "--validate=strict", "-n", namespace, "-f", file)
		if err != nil {
			t.Error(err)
		}
		if strings.Contains(out, "Warning") {
			t.Errorf("%s: %s", file, out)
		}
	}
	// By its short names and its category.
	for _, resource := range []string{"mr", "myrepl", "mysqlreplication", "compose"} {
		out, err := env.runKubectl(t.Context(), "get", resource, "-n", namespace)
		if err != nil || !strings.Contains(out, "mysql") {
			t.Errorf("kubectl get %s: %v\n%s", resource, err, out)
		}
	}
}

func TestPrinterColumns(t *testing.T) {
	namespace, err := env.namespace(t.Context(), "columns")
	if err != nil {
		t.Fatal(err)
	}
	if err := env.admin.Create(t.Context(), set(namespace, "shown")); err != nil {
		t.Fatal(err)
	}
	status := `{"status":{"ready":true,"source":"shown-0","replicas":"2/2","conditions":[
	  {"type":"Ready","status":"True","reason":"AsWanted","message":"all is well","lastTransitionTime":"2026-01-01T00:00:00Z"}]}}`
	mustEventually(t, "columns", func(ctx context.Context) error {
		// The manager writes the status as well, with what it sees.
		if err := env.admin.Status().Patch(ctx, set(namespace, "shown"), client.RawPatch(types.MergePatchType, []byte(status))); err != nil {
			return err
		}
		short, err := env.runKubectl(ctx, "get", "mr", "shown", "-n", namespace)
		if err != nil {
			return err
		}
		wide, err := env.runKubectl(ctx, "get", "mr", "shown", "-n", namespace, "-o", "wide")
		if err != nil {
			return err
		}
		for _, want := range []struct{ table, header, row string }{
			{short, "NAME READY SOURCE REPLICAS MODE AGE", "shown True shown-0 2/2 rpl_semi_sync"},
			{wide, "NAME READY SOURCE REPLICAS MODE AGE WANTED SWITCHOVER REASON MESSAGE", "shown-0"},
		} {
			lines := strings.Split(strings.TrimSpace(want.table), "\n")
			if len(lines) != 2 {
				return fmt.Errorf("%d lines:\n%s", len(lines), want.table)
			}
			header, row := strings.Join(strings.Fields(lines[0]), " "), strings.Join(strings.Fields(lines[1]), " ")
			if header != want.header || !strings.Contains(row, want.row) {
				return fmt.Errorf("got\n%s\nwant\n%s\n%s", want.table, want.header, want.row)
			}
		}
		return nil
	})
}

// TestExplain: kubectl explain has something to say of every field of the spec.
func TestExplain(t *testing.T) {
	out, err := env.runKubectl(t.Context(), "explain", "mysqlreplication.spec.source.host")
	if err != nil || !strings.Contains(out, "IP address or a DNS name") {
		t.Errorf("kubectl explain: %v\n%s", err, out)
	}
	definition, err := crd()
	if err != nil {
		t.Fatal(err)
	}
	var walk func(path string, schema apiextensionsv1.JSONSchemaProps)
	walk = func(path string, schema apiextensionsv1.JSONSchemaProps) {
		if schema.Description == "" {
			t.Errorf("%s has no description", path)
		}
		for name, property := range schema.Properties {
			walk(path+"."+name, property)
		}
		if schema.Items != nil && schema.Items.Schema != nil {
			walk(path+"[]", *schema.Items.Schema)
		}
	}
	for _, version := range definition.Spec.Versions {
		walk("spec", version.Schema.OpenAPIV3Schema.Properties["spec"])
	}
}

// TestTheDefinitionIsWhatTheAPIServerHas: no rule was dropped on the way.
func TestTheDefinitionIsWhatTheAPIServerHas(t *testing.T) {
	stored := &apiextensionsv1.CustomResourceDefinition{}
	if err := env.admin.Get(t.Context(), types.NamespacedName{Name: crdName}, stored); err != nil {
		t.Fatal(err)
	}
	wanted, err := crd()
	if err != nil {
		t.Fatal(err)
	}
	spec := func(definition *apiextensionsv1.CustomResourceDefinition) apiextensionsv1.JSONSchemaProps {
		return definition.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
	}
	if got, want := len(spec(stored).XValidations), len(spec(wanted).XValidations); got != want || got == 0 {
		t.Errorf("%d rules on the spec, want %d", got, want)
	}
	for _, condition := range stored.Status.Conditions {
		if condition.Type == apiextensionsv1.NonStructuralSchema && condition.Status == apiextensionsv1.ConditionTrue {
			t.Errorf("the schema is not structural: %s", condition.Message)
		}
	}
}

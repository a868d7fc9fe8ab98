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

// TestExamplesApply: what users copy is accepted, strictly and without a warning. The
// files of a directory are about the same pods.
func TestExamplesApply(t *testing.T) {
	for _, pattern := range []string{"config/samples/upm_*.yaml", "examples/*/*.yaml"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(files) < 2 {
			t.Fatalf("%d files are like %s (%v)", len(files), pattern, err)
		}
		namespaces := map[string]string{}
		for _, file := range files {
			namespace := namespaces[filepath.Dir(file)]
			if namespace == "" {
				if namespace, err = env.namespace(t.Context(), "examples"); err != nil {
					t.Fatal(err)
				}
				namespaces[filepath.Dir(file)] = namespace
			}
			out, err := env.runKubectl(t.Context(), "apply", "--validate=strict", "-n", namespace, "-f", file)
			if err != nil {
				t.Error(err)
			}
			if strings.Contains(out, "Warning") {
				t.Errorf("%s: %s", file, out)
			}
		}
		if pattern != "config/samples/upm_*.yaml" {
			continue
		}
		// By their short names and their category.
		namespace := namespaces[filepath.Dir(files[0])]
		for resource, want := range map[string]string{
			"mr": "mysql", "myrepl": "mysql", "mysqlreplication": "mysql",
			"mgr": "mysql-group", "mygr": "mysql-group", "mysqlgroupreplication": "mysql-group",
			"compose": "mysqlgroupreplication.upm.syntropycloud.io/mysql-group",
		} {
			out, err := env.runKubectl(t.Context(), "get", resource, "-n", namespace)
			if err != nil || !strings.Contains(out, want) {
				t.Errorf("kubectl get %s: %v\n%s", resource, err, out)
			}
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
		if err := env.prints(ctx, []string{"get", "mr", "shown", "-n", namespace},
			"NAME READY SOURCE REPLICAS MODE AGE", "shown True shown-0 2/2 rpl_semi_sync"); err != nil {
			return err
		}
		return env.prints(ctx, []string{"get", "mr", "shown", "-n", namespace, "-o", "wide"},
			"NAME READY SOURCE REPLICAS MODE AGE WANTED SWITCHOVER REASON MESSAGE", "shown-0")
	})
}

func TestPrinterColumnsOfGroups(t *testing.T) {
	namespace, err := env.namespace(t.Context(), "columns")
	if err != nil {
		t.Fatal(err)
	}
	if err := env.admin.Create(t.Context(), group(namespace, "shown", field("spec.primary", "shown-1"))); err != nil {
		t.Fatal(err)
	}
	status := `{"status":{"ready":true,"primary":"shown-0","members":"3/3","conditions":[
	  {"type":"Ready","status":"True","reason":"AsWanted","message":"all is well","lastTransitionTime":"2026-01-01T00:00:00Z"}]}}`
	mustEventually(t, "columns", func(ctx context.Context) error {
		// The manager writes the status as well, with what it sees.
		if err := env.admin.Status().Patch(ctx, group(namespace, "shown"), client.RawPatch(types.MergePatchType, []byte(status))); err != nil {
			return err
		}
		return env.prints(ctx, []string{"get", "mgr", "shown", "-n", namespace, "-o", "wide"},
			"NAME READY PRIMARY MEMBERS AGE WANTED REASON MESSAGE", "shown True shown-0 3/3")
	})
}

// prints says what is wrong with a table of one row that kubectl writes.
func (e *environment) prints(ctx context.Context, args []string, wantHeader, wantRow string) error {
	out, err := e.runKubectl(ctx, args...)
	if err != nil {
		return err
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 2 {
		return fmt.Errorf("%d lines:\n%s", len(lines), out)
	}
	header, row := strings.Join(strings.Fields(lines[0]), " "), strings.Join(strings.Fields(lines[1]), " ")
	if header != wantHeader || !strings.Contains(row, wantRow) {
		return fmt.Errorf("got\n%s\nwant\n%s\n%s", out, wantHeader, wantRow)
	}
	return nil
}

// TestExplain: kubectl explain has something to say of every field of the spec.
func TestExplain(t *testing.T) {
	out, err := env.runKubectl(t.Context(), "explain", "mysqlreplication.spec.source.host")
	if err != nil || !strings.Contains(out, "IP address or a DNS name") {
		t.Errorf("kubectl explain: %v\n%s", err, out)
	}
	out, err = env.runKubectl(t.Context(), "explain", "mysqlgroupreplication.spec.primary")
	if err != nil || !strings.Contains(out, "name of the member that should be the primary") {
		t.Errorf("kubectl explain: %v\n%s", err, out)
	}
	definitions, err := crds()
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
		// An item that is a plain text is no field of its own.
		if schema.Items != nil && schema.Items.Schema != nil && len(schema.Items.Schema.Properties) > 0 {
			walk(path+"[]", *schema.Items.Schema)
		}
	}
	for _, definition := range definitions {
		for _, version := range definition.Spec.Versions {
			walk(definition.Spec.Names.Kind+".spec", version.Schema.OpenAPIV3Schema.Properties["spec"])
		}
	}
}

// TestTheDefinitionsAreWhatTheAPIServerHas: no rule was dropped on the way.
func TestTheDefinitionsAreWhatTheAPIServerHas(t *testing.T) {
	definitions, err := crds()
	if err != nil {
		t.Fatal(err)
	}
	spec := func(definition *apiextensionsv1.CustomResourceDefinition) apiextensionsv1.JSONSchemaProps {
		return definition.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
	}
	for _, wanted := range definitions {
		stored := &apiextensionsv1.CustomResourceDefinition{}
		if err := env.admin.Get(t.Context(), types.NamespacedName{Name: wanted.Name}, stored); err != nil {
			t.Fatal(err)
		}
		if got, want := len(spec(stored).XValidations), len(spec(wanted).XValidations); got != want || got == 0 {
			t.Errorf("%s: %d rules on the spec, want %d", wanted.Name, got, want)
		}
		for _, condition := range stored.Status.Conditions {
			if condition.Type == apiextensionsv1.NonStructuralSchema && condition.Status == apiextensionsv1.ConditionTrue {
				t.Errorf("the schema of %s is not structural: %s", wanted.Name, condition.Message)
			}
		}
	}
}

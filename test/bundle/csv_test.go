// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package bundle

import (
	"encoding/base64"
	"reflect"
	"slices"
	"testing"

	"github.com/operator-framework/api/pkg/manifests"
	"github.com/operator-framework/api/pkg/operators/v1alpha1"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	// minKubeVersion is the first Kubernetes whose rules in definitions know
	// optionalOldSelf without a feature gate.
	minKubeVersion = "1.30.0"
	// olmCertificates is where OLM mounts tls.crt and tls.key for a webhook.
	olmCertificates = "/tmp/k8s-webhook-server/serving-certs"
)

func TestIdentity(t *testing.T) {
	icon := base64.StdEncoding.EncodeToString(read(t, "config/manifests/icon.svg"))
	eachBundle(t, func(t *testing.T, bundle *manifests.Bundle) {
		csv := bundle.CSV
		if got := csv.Spec.Version.String(); got != version(t, bundle) {
			t.Errorf("%s says that its version is %s", csv.Name, got)
		}
		if csv.Spec.MinKubeVersion != minKubeVersion {
			t.Errorf("minKubeVersion is %s, want %s", csv.Spec.MinKubeVersion, minKubeVersion)
		}
		if csv.Spec.Replaces != "" || len(csv.Spec.Skips) > 0 {
			t.Error("what is replaced is said in the catalog, not in the bundle")
		}
		if csv.Spec.Cleanup.Enabled {
			t.Error("removing the operator would delete its resources: spec.cleanup.enabled must be false")
		}
		if len(csv.Spec.Icon) != 1 || csv.Spec.Icon[0].Data != icon {
			t.Error("the icon is not config/manifests/icon.svg")
		}
		if len(csv.Spec.Maintainers) == 0 || len(csv.Spec.Links) == 0 || len(csv.Spec.Keywords) == 0 || len(csv.Spec.Description) < 1000 {
			t.Error("maintainers, links, keywords or a description is missing")
		}
		for key, want := range map[string]string{
			"categories": "Database",
			"operatorframework.io/suggested-namespace": "upm-system",
		} {
			if got := csv.Annotations[key]; got != want {
				t.Errorf("annotation %s is %q, want %q", key, got, want)
			}
		}
		for _, feature := range []string{"disconnected", "fips-compliant", "proxy-aware", "tls-profiles", "token-auth-aws", "token-auth-azure", "token-auth-gcp"} {
			if got := csv.Annotations["features.operators.openshift.io/"+feature]; got != "true" && got != "false" {
				t.Errorf("the annotation of the feature %s is %q", feature, got)
			}
		}
	})
}

// TestCreatedAt: a build makes the time of the base, not its own.
func TestCreatedAt(t *testing.T) {
	base := decode[v1alpha1.ClusterServiceVersion](t, "config/manifests/bases/compose-operator.clusterserviceversion.yaml")
	if got, want := load(t, current).CSV.Annotations["createdAt"], base.Annotations["createdAt"]; got != want || want == "" {
		t.Errorf("createdAt is %q, the base has %q", got, want)
	}
}

func TestInstallModes(t *testing.T) {
	eachBundle(t, func(t *testing.T, bundle *manifests.Bundle) {
		supported := map[v1alpha1.InstallModeType]bool{}
		for _, mode := range bundle.CSV.Spec.InstallModes {
			supported[mode.Type] = mode.Supported
		}
		for _, mode := range []v1alpha1.InstallModeType{
			v1alpha1.InstallModeTypeOwnNamespace, v1alpha1.InstallModeTypeSingleNamespace,
			v1alpha1.InstallModeTypeMultiNamespace, v1alpha1.InstallModeTypeAllNamespaces,
		} {
			if !supported[mode] {
				t.Errorf("install mode %s is not supported", mode)
			}
		}
		env := manager(t, bundle).Env
		i := slices.IndexFunc(env, func(e corev1.EnvVar) bool { return e.Name == "WATCH_NAMESPACE" })
		if i < 0 || env[i].ValueFrom == nil || env[i].ValueFrom.FieldRef == nil ||
			env[i].ValueFrom.FieldRef.FieldPath != "metadata.annotations['olm.targetNamespaces']" {
			t.Error("WATCH_NAMESPACE does not come from the OperatorGroup's namespaces")
		}
	})
}

func TestPod(t *testing.T) {
	eachBundle(t, func(t *testing.T, bundle *manifests.Bundle) {
		pod, container := podSpec(t, bundle), manager(t, bundle)
		for _, want := range []struct {
			list corev1.ResourceList
			name corev1.ResourceName
			size string
		}{
			{container.Resources.Requests, corev1.ResourceCPU, "100m"},
			{container.Resources.Requests, corev1.ResourceMemory, "128Mi"},
			{container.Resources.Limits, corev1.ResourceCPU, "200m"},
			{container.Resources.Limits, corev1.ResourceMemory, "256Mi"},
		} {
			if got := want.list[want.name]; got.Cmp(resource.MustParse(want.size)) != 0 {
				t.Errorf("%s is %s, want %s", want.name, got.String(), want.size)
			}
		}
		// Pod Security "restricted".
		security := container.SecurityContext
		if pod.SecurityContext == nil || security == nil {
			t.Fatal("there is no security context")
		}
		if !is(pod.SecurityContext.RunAsNonRoot, true) || !is(security.AllowPrivilegeEscalation, false) || !is(security.ReadOnlyRootFilesystem, true) {
			t.Error("the pod may be root, gain privileges or write to its image")
		}
		if security.Capabilities == nil || !slices.Contains(security.Capabilities.Drop, "ALL") || len(security.Capabilities.Add) > 0 {
			t.Error("the pod keeps capabilities")
		}
		if profile := pod.SecurityContext.SeccompProfile; profile == nil || profile.Type != corev1.SeccompProfileTypeRuntimeDefault {
			t.Error("the pod has no seccomp profile")
		}
		if pod.HostNetwork || pod.HostPID || pod.HostIPC {
			t.Error("the pod shares a namespace with its node")
		}
	})
}

// TestRights: what OLM grants in every namespace that is watched must not be more than
// what is needed there. Whoever creates Secrets in a namespace has its service accounts.
func TestRights(t *testing.T) {
	eachBundle(t, func(t *testing.T, bundle *manifests.Bundle) {
		strategy := bundle.CSV.Spec.InstallStrategy.StrategySpec
		if len(strategy.Permissions) == 0 {
			t.Error("everything is granted in the whole cluster: what needs the watched namespaces only belongs in permissions")
		}
		for _, permissions := range slices.Concat(strategy.Permissions, strategy.ClusterPermissions) {
			for _, rule := range permissions.Rules {
				if slices.Contains(rule.Resources, "secrets") && !onlyReads(rule.Verbs) {
					t.Errorf("%v on secrets in each watched namespace", rule.Verbs)
				}
				if slices.Contains(rule.APIGroups, "admissionregistration.k8s.io") {
					t.Error("OLM writes the webhook configuration; the operator needs no right to do so")
				}
				for _, part := range [][]string{rule.Verbs, rule.Resources, rule.APIGroups} {
					if slices.Contains(part, "*") {
						t.Errorf("a rule has a wildcard: %v", rule)
					}
				}
			}
		}
		for _, permissions := range strategy.ClusterPermissions {
			for _, rule := range permissions.Rules {
				for _, resource := range rule.Resources {
					if resource != "tokenreviews" && resource != "subjectaccessreviews" {
						t.Errorf("%v on %s in the whole cluster, whatever the install mode", rule.Verbs, resource)
					}
				}
			}
		}
	})
}

func onlyReads(verbs []string) bool {
	return !slices.ContainsFunc(verbs, func(verb string) bool { return verb != "get" && verb != "list" && verb != "watch" })
}

// TestWebhooks: OLM makes the same configuration as a plain installation has.
func TestWebhooks(t *testing.T) {
	bundle := load(t, current)
	plain := decode[admissionv1.ValidatingWebhookConfiguration](t, "config/webhook/manifests.yaml")
	if got, want := len(bundle.CSV.Spec.WebhookDefinitions), len(plain.Webhooks); got != want || want == 0 {
		t.Fatalf("the bundle has %d webhooks, config/webhook has %d", got, want)
	}
	deployment := bundle.CSV.Spec.InstallStrategy.StrategySpec.DeploymentSpecs[0].Name
	for _, want := range plain.Webhooks {
		i := slices.IndexFunc(bundle.CSV.Spec.WebhookDefinitions, func(d v1alpha1.WebhookDescription) bool { return d.GenerateName == want.Name })
		if i < 0 {
			t.Errorf("the bundle lacks the webhook %s", want.Name)
			continue
		}
		got := bundle.CSV.Spec.WebhookDefinitions[i]
		if got.WebhookPath == nil || *got.WebhookPath != *want.ClientConfig.Service.Path ||
			!reflect.DeepEqual(got.Rules, want.Rules) || !reflect.DeepEqual(got.FailurePolicy, want.FailurePolicy) ||
			!reflect.DeepEqual(got.SideEffects, want.SideEffects) || !reflect.DeepEqual(got.TimeoutSeconds, want.TimeoutSeconds) {
			t.Errorf("webhook %s differs from that of config/webhook", want.Name)
		}
		if got.DeploymentName != deployment {
			t.Errorf("webhook %s is served by %s, which is not %s", want.Name, got.DeploymentName, deployment)
		}
	}
	if want := "--webhook-cert-dir=" + olmCertificates; !slices.Contains(manager(t, bundle).Args, want) {
		t.Errorf("the manager lacks %s", want)
	}
}

// TestObjects: OLM fails an installation that has a kind which the cluster does not
// know, and puts what has no namespace where the operator is.
func TestObjects(t *testing.T) {
	known := []string{"ClusterServiceVersion", "CustomResourceDefinition", "ClusterRole", "Role", "RoleBinding", "Service", "NetworkPolicy"}
	eachBundle(t, func(t *testing.T, bundle *manifests.Bundle) {
		for _, object := range bundle.Objects {
			if !slices.Contains(known, object.GetKind()) {
				t.Errorf("%s %s: not every cluster has this kind", object.GetKind(), object.GetName())
			}
			if namespace := object.GetNamespace(); namespace != "" {
				t.Errorf("%s %s is bound to the namespace %s", object.GetKind(), object.GetName(), namespace)
			}
		}
	})
}

// TestDefinitions: the bundle brings what a plain installation does.
func TestDefinitions(t *testing.T) {
	for _, definition := range load(t, current).V1CRDs {
		file := "config/crd/bases/" + definition.Spec.Group + "_" + definition.Spec.Names.Plural + ".yaml"
		plain := decode[unstructured.Unstructured](t, file)
		for _, object := range load(t, current).Objects {
			if object.GetName() == definition.Name && !reflect.DeepEqual(object.Object["spec"], plain.Object["spec"]) {
				t.Errorf("%s differs from %s", definition.Name, file)
			}
		}
	}
}

func podSpec(t *testing.T, bundle *manifests.Bundle) corev1.PodSpec {
	t.Helper()
	deployments := bundle.CSV.Spec.InstallStrategy.StrategySpec.DeploymentSpecs
	if len(deployments) != 1 {
		t.Fatalf("the bundle has %d Deployments", len(deployments))
	}
	return deployments[0].Spec.Template.Spec
}

func manager(t *testing.T, bundle *manifests.Bundle) corev1.Container {
	t.Helper()
	containers := podSpec(t, bundle).Containers
	i := slices.IndexFunc(containers, func(c corev1.Container) bool { return c.Name == "manager" })
	if i < 0 {
		t.Fatal("no container is called manager")
	}
	return containers[i]
}

func is(value *bool, want bool) bool { return value != nil && *value == want }

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build admission

package olm

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/operator-framework/api/pkg/manifests"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/upmio/compose-operator/internal/manager"
)

const (
	// installer is the service account of config/olm-v1, installed where it is.
	installer = "system:serviceaccount:" + installed + ":compose-operator-installer"
	installed = "upm-system"
	// generated is a name as OLM v1 makes it up for a ClusterRole.
	generated = "compose-operator.v0.2.0-1dhiybrldl1gyks"
)

// made is an object that OLM v1 makes of the bundle.
type made struct {
	group, resource, name string
	cluster               bool
}

// TestInstallerMayKeepTheBundle: OLM v1 can create, watch, update and remove all that it
// makes of the bundle with the rights of config/olm-v1/installer.yaml.
func TestInstallerMayKeepTheBundle(t *testing.T) {
	applyInstaller(t)
	for _, object := range madeOf(t) {
		for _, verb := range []string{"create", "get", "list", "watch", "update", "patch", "delete"} {
			ask := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
				User: installer, Groups: []string{"system:authenticated"},
				ResourceAttributes: &authorizationv1.ResourceAttributes{Group: object.group, Resource: object.resource, Verb: verb},
			}}
			// None of these three is asked about with a name.
			if !slices.Contains([]string{"create", "list", "watch"}, verb) {
				ask.Spec.ResourceAttributes.Name = object.name
			}
			if !object.cluster {
				ask.Spec.ResourceAttributes.Namespace = installed
			}
			must(t, admin.Create(t.Context(), ask))
			if !ask.Status.Allowed {
				t.Errorf("the installer may not %s %s %s", verb, object.resource, object.name)
			}
		}
	}
}

// TestInstallerMayGrantTheBundle: the API server lets nobody grant what they do not have.
// So the roles are really created, by the installer.
func TestInstallerMayGrantTheBundle(t *testing.T) {
	applyInstaller(t)
	c := as(t, installer)
	bundle := loadBundle(t)
	strategy := bundle.CSV.Spec.InstallStrategy.StrategySpec
	account := []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: installed, Name: account}}

	// In the mode AllNamespaces OLM v1 makes ClusterRoles of both kinds of permissions, and
	// adds the namespaces.
	for i, permissions := range slices.Concat(strategy.Permissions, strategy.ClusterPermissions) {
		name := fmt.Sprintf("%s-%d", generated, i)
		rules := slices.Concat(permissions.Rules, []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"namespaces"}, Verbs: []string{"get", "list", "watch"}}})
		createAs(t, c, &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: rules})
		createAs(t, c, &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: name}, Subjects: account,
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
		})
	}
	for _, object := range bundle.Objects {
		switch object.GetKind() {
		case "Role", "RoleBinding":
			object.SetNamespace(installed)
		case "ClusterRole":
		default:
			continue
		}
		createAs(t, c, object)
	}

	// And no more than that.
	for _, rule := range []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"create"}},
		{APIGroups: []string{"apps"}, Resources: []string{"deployments"}, Verbs: []string{"delete"}},
		{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}},
	} {
		err := c.Create(t.Context(), &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "too-much"}, Rules: []rbacv1.PolicyRule{rule}}, client.DryRunAll)
		if !apierrors.IsForbidden(err) {
			t.Errorf("the installer may grant %v on %v: %v", rule.Verbs, rule.Resources, err)
		}
	}
}

// createAs creates an object that the API server really keeps, until the test ends.
func createAs(t *testing.T, c client.Client, object client.Object) {
	t.Helper()
	if err := c.Create(t.Context(), object); err != nil {
		t.Errorf("the installer cannot create %T %s: %v", object, object.GetName(), err)
		return
	}
	t.Cleanup(func() { must(t, client.IgnoreNotFound(admin.Delete(context.Background(), object))) })
}

// applyInstaller creates the service account and its roles, until the test ends.
func applyInstaller(t *testing.T) {
	t.Helper()
	err := admin.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: installed}})
	must(t, client.IgnoreAlreadyExists(err))
	text, err := os.ReadFile(filepath.Join(root, "config/olm-v1/installer.yaml"))
	must(t, err)
	for document := range strings.SplitSeq(string(text), "\n---\n") {
		object := &unstructured.Unstructured{}
		must(t, yaml.UnmarshalStrict([]byte(document), &object.Object))
		must(t, admin.Create(t.Context(), object))
		t.Cleanup(func() { must(t, admin.Delete(context.Background(), object)) })
	}
}

// as is a client of somebody else's.
func as(t *testing.T, user string) client.Client {
	t.Helper()
	config := rest.CopyConfig(cluster)
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:authenticated"}}
	c, err := client.New(config, client.Options{Scheme: manager.Scheme()})
	must(t, err)
	return c
}

func loadBundle(t *testing.T) *manifests.Bundle {
	t.Helper()
	bundle, err := manifests.GetBundleFromDir(filepath.Join(root, "bundle"))
	must(t, err)
	return bundle
}

// madeOf are the objects that operator-controller renders of the bundle
// (internal/operator-controller/rukpak/render there), with cert-manager's.
func madeOf(t *testing.T) []made {
	t.Helper()
	bundle := loadBundle(t)
	resources := map[string]made{
		"CustomResourceDefinition": {group: "apiextensions.k8s.io", resource: "customresourcedefinitions", cluster: true},
		"ClusterRole":              {group: rbacv1.GroupName, resource: "clusterroles", cluster: true},
		"Role":                     {group: rbacv1.GroupName, resource: "roles"},
		"RoleBinding":              {group: rbacv1.GroupName, resource: "rolebindings"},
		"Service":                  {resource: "services"},
		"NetworkPolicy":            {group: "networking.k8s.io", resource: "networkpolicies"},
	}
	all := []made{
		{group: rbacv1.GroupName, resource: "clusterroles", name: generated, cluster: true},
		{group: rbacv1.GroupName, resource: "clusterrolebindings", name: generated, cluster: true},
		{group: "apps", resource: "deployments", name: "compose-operator"},
		{resource: "serviceaccounts", name: "compose-operator"},
		{resource: "services", name: "compose-operator-service"},
		{group: "cert-manager.io", resource: "certificates", name: "compose-operator-service-cert"},
		{group: "cert-manager.io", resource: "issuers", name: "compose-operator-service-cert-selfsigned-issuer"},
	}
	for _, webhook := range bundle.CSV.Spec.WebhookDefinitions {
		all = append(all, made{group: "admissionregistration.k8s.io", resource: "validatingwebhookconfigurations", name: webhook.GenerateName, cluster: true})
	}
	for _, object := range bundle.Objects {
		if object.GetKind() == "ClusterServiceVersion" {
			continue
		}
		one, known := resources[object.GetKind()]
		if !known {
			t.Errorf("the bundle has a %s, which this test and config/olm-v1 do not know", object.GetKind())
			continue
		}
		one.name = object.GetName()
		all = append(all, one)
	}
	return all
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"

	"github.com/operator-framework/api/pkg/manifests"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

const (
	// name of the service account and of its roles. The operator's own is another one.
	name      = "compose-operator-installer"
	namespace = "upm-system"
	// extension is the name of the ClusterExtension in docs/install.md.
	extension = "compose-operator"
)

// installer is the service account with its rights: to keep what the bundle brings, and
// everything that it hands on to the operator and to users, because nobody can grant in
// Kubernetes what they do not have.
func installer(bundle *manifests.Bundle) ([]any, error) {
	keeping := keepingOf(bundle)
	granted, err := grantedBy(bundle)
	if err != nil {
		return nil, err
	}
	subjects := []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: name, Namespace: namespace}}
	api := rbacv1.SchemeGroupVersion.String()
	clusterMeta, meta := metav1.ObjectMeta{Name: name}, metav1.ObjectMeta{Name: name, Namespace: namespace}
	return []any{
		&corev1.ServiceAccount{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"}, ObjectMeta: meta},
		&rbacv1.ClusterRole{
			TypeMeta: metav1.TypeMeta{APIVersion: api, Kind: "ClusterRole"}, ObjectMeta: clusterMeta,
			Rules: append(keeping.cluster, granted.cluster...),
		},
		&rbacv1.ClusterRoleBinding{
			TypeMeta: metav1.TypeMeta{APIVersion: api, Kind: "ClusterRoleBinding"}, ObjectMeta: clusterMeta,
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name}, Subjects: subjects,
		},
		&rbacv1.Role{
			TypeMeta: metav1.TypeMeta{APIVersion: api, Kind: "Role"}, ObjectMeta: meta,
			Rules: append(keeping.namespace, granted.namespace...),
		},
		&rbacv1.RoleBinding{
			TypeMeta: metav1.TypeMeta{APIVersion: api, Kind: "RoleBinding"}, ObjectMeta: meta,
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name}, Subjects: subjects,
		},
	}, nil
}

// rights in the cluster and in the operator's namespace.
type rights struct{ cluster, namespace []rbacv1.PolicyRule }

// keepingOf is what it takes to create, update and delete the objects that OLM v1 makes of
// a bundle. "create", "list" and "watch" cannot be limited to names. What OLM v1 makes up
// names for (the ClusterRoles of the permissions) cannot be named at all.
func keepingOf(bundle *manifests.Bundle) rights {
	named := map[string][]string{}
	for _, object := range bundle.Objects {
		named[object.GetKind()] = append(named[object.GetKind()], object.GetName())
	}
	strategy := bundle.CSV.Spec.InstallStrategy.StrategySpec
	var deployments, services, certificates, issuers, accounts []string
	for _, deployment := range strategy.DeploymentSpecs {
		// The names that OLM v1 gives (CertProvisionerFor in operator-controller).
		service := deployment.Name + "-service"
		deployments = append(deployments, deployment.Name)
		accounts = append(accounts, deployment.Spec.Template.Spec.ServiceAccountName)
		services = append(services, service)
		certificates = append(certificates, service+"-cert")
		issuers = append(issuers, service+"-cert-selfsigned-issuer")
	}
	var webhooks []string
	for _, webhook := range bundle.CSV.Spec.WebhookDefinitions {
		webhooks = append(webhooks, webhook.GenerateName)
	}
	var r rights
	// For clusters with OwnerReferencesPermissionEnforcement.
	r.cluster = append(r.cluster,
		rbacv1.PolicyRule{
			APIGroups: []string{"olm.operatorframework.io"}, Resources: []string{"clusterextensions/finalizers"},
			ResourceNames: []string{extension}, Verbs: []string{"update"},
		},
		rbacv1.PolicyRule{
			APIGroups: []string{"olm.operatorframework.io"}, Resources: []string{"clusterextensionrevisions/finalizers"}, Verbs: []string{"update"},
		},
	)
	r.cluster = append(r.cluster, keep("apiextensions.k8s.io", "customresourcedefinitions", named["CustomResourceDefinition"])...)
	r.cluster = append(r.cluster, keep("admissionregistration.k8s.io", "validatingwebhookconfigurations", webhooks)...)
	r.cluster = append(r.cluster, keep(rbacv1.GroupName, "clusterroles", nil)...)
	r.cluster = append(r.cluster, keep(rbacv1.GroupName, "clusterrolebindings", nil)...)
	r.namespace = append(r.namespace, keep("apps", "deployments", deployments)...)
	r.namespace = append(r.namespace, keep("", "serviceaccounts", accounts)...)
	r.namespace = append(r.namespace, keep("", "services", append(services, named["Service"]...))...)
	r.namespace = append(r.namespace, keep("networking.k8s.io", "networkpolicies", named["NetworkPolicy"])...)
	r.namespace = append(r.namespace, keep(rbacv1.GroupName, "roles", named["Role"])...)
	r.namespace = append(r.namespace, keep(rbacv1.GroupName, "rolebindings", named["RoleBinding"])...)
	r.namespace = append(r.namespace, keep("cert-manager.io", "certificates", certificates)...)
	r.namespace = append(r.namespace, keep("cert-manager.io", "issuers", issuers)...)
	return r
}

// keep objects of these names; none: of any name.
func keep(group, resource string, names []string) []rbacv1.PolicyRule {
	groups, resources := []string{group}, []string{resource}
	return []rbacv1.PolicyRule{
		{APIGroups: groups, Resources: resources, Verbs: []string{"create", "list", "watch"}},
		{APIGroups: groups, Resources: resources, ResourceNames: names, Verbs: []string{"get", "update", "patch", "delete"}},
	}
}

// grantedBy is what the bundle's roles grant. In the mode AllNamespaces, which is the one
// of OLM v1, permissions are for the whole cluster, and namespaces are added to them.
func grantedBy(bundle *manifests.Bundle) (rights, error) {
	var r rights
	strategy := bundle.CSV.Spec.InstallStrategy.StrategySpec
	for _, permissions := range slices.Concat(strategy.Permissions, strategy.ClusterPermissions) {
		r.cluster = append(r.cluster, permissions.Rules...)
	}
	r.cluster = append(r.cluster, rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"namespaces"}, Verbs: []string{"get", "list", "watch"}})
	for _, object := range bundle.Objects {
		kind := object.GetKind()
		if kind != "ClusterRole" && kind != "Role" {
			continue
		}
		// A Role and a ClusterRole have the same rules.
		var role rbacv1.Role
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &role); err != nil {
			return r, fmt.Errorf("%s %s: %w", kind, object.GetName(), err)
		}
		if kind == "Role" {
			r.namespace = append(r.namespace, role.Rules...)
		} else {
			r.cluster = append(r.cluster, role.Rules...)
		}
	}
	return r, nil
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build admission

package olm

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

const account = "compose-operator"

// rules reads the rules of a role of config/rbac, which the bundle is made of.
func rules(t *testing.T, kind, name string) []rbacv1.PolicyRule {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "config", "rbac", "role.yaml"))
	must(t, err)
	documents := utilyaml.NewDocumentDecoder(io.NopCloser(bytes.NewReader(data)))
	for {
		buffer := make([]byte, len(data))
		n, err := documents.Read(buffer)
		if errors.Is(err, io.EOF) {
			t.Fatalf("config/rbac/role.yaml has no %s %s", kind, name)
		}
		must(t, err)
		// A Role and a ClusterRole have the same rules.
		role := &rbacv1.Role{}
		must(t, yaml.Unmarshal(buffer[:n], role))
		if role.Kind == kind && role.Name == name {
			return role.Rules
		}
	}
}

// grant gives the operator of a namespace what OLM gives it: the permissions of the
// ClusterServiceVersion as Roles in its own and in each watched namespace, or in the
// whole cluster when none is named, the Role that the bundle brings, and what OLM
// does not limit to namespaces.
func grant(t *testing.T, own string, watched ...string) {
	t.Helper()
	permissions := rules(t, "ClusterRole", "compose-operator-manager")
	if len(watched) == 0 {
		grantEverywhere(t, own, "permissions", permissions)
	}
	granted := map[string]bool{}
	for _, where := range append([]string{own}, watched...) {
		if !granted[where] {
			grantIn(t, where, own, "permissions", permissions)
		}
		granted[where] = true
	}
	// Its subject has no namespace, as in the bundle.
	grantIn(t, own, "", "own", rules(t, "Role", "compose-operator-own"))
	grantEverywhere(t, own, "metrics", rules(t, "ClusterRole", "compose-operator-metrics-auth"))
}

// grantCondition is what OLM does by itself for the OperatorCondition.
func grantCondition(t *testing.T, own, name string) {
	t.Helper()
	grantIn(t, own, "", name, []rbacv1.PolicyRule{{
		APIGroups: []string{"operators.coreos.com"}, Resources: []string{"operatorconditions"}, ResourceNames: []string{name},
		Verbs: []string{"get", "update", "patch"},
	}})
}

func grantIn(t *testing.T, where, own, name string, rules []rbacv1.PolicyRule) {
	t.Helper()
	create(t,
		&rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: where, Name: name}, Rules: rules},
		&rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: where, Name: name},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: own, Name: account}},
		})
}

func grantEverywhere(t *testing.T, own, name string, rules []rbacv1.PolicyRule) {
	t.Helper()
	create(t,
		&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: own + "-" + name}, Rules: rules},
		&rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: own + "-" + name},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: own + "-" + name},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: own, Name: account}},
		})
}

func create(t *testing.T, objects ...client.Object) {
	t.Helper()
	for _, object := range objects {
		must(t, admin.Create(t.Context(), object))
	}
}

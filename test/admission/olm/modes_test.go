// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build admission

package olm

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// TestInstallModes: with the permissions of each mode the manager looks after the
// namespaces of that mode, and asks for nothing else.
func TestInstallModes(t *testing.T) {
	own := func() string { return namespace(t, "operator") }
	for _, mode := range []struct {
		name string
		own  string
		// watched are the target namespaces; none: all.
		watched []string
	}{
		{name: "OwnNamespace", own: own()},
		{name: "SingleNamespace", own: own(), watched: []string{namespace(t, "single")}},
		{name: "MultiNamespace", own: own(), watched: []string{namespace(t, "one"), namespace(t, "two")}},
		{name: "AllNamespaces", own: own()},
	} {
		t.Run(mode.name, func(t *testing.T) {
			if mode.name == "OwnNamespace" {
				mode.watched = []string{mode.own}
			}
			grant(t, mode.own, mode.watched...)
			elsewhere := namespace(t, "elsewhere")
			outside := set(elsewhere, "outside")
			create(t, outside, labeledPod(elsewhere))
			logged.take()
			// As OLM writes them into the annotation olm.targetNamespaces.
			o := runOperator(t, mode.own, strings.Join(mode.watched, ","), "")
			eventually(t, "ready", o.ready)
			key := aesKey(t, mode.own)
			// All: that namespace is not outside at all.
			where := mode.watched
			if len(where) == 0 {
				where = []string{namespace(t, "anywhere")}
			}
			for _, name := range where {
				create(t, labeledPod(name), passwordsIn(t, name, key), set(name, "db"))
			}
			for _, name := range where {
				eventually(t, "a set in "+name, func(ctx context.Context) error {
					return caredFor(ctx, types.NamespacedName{Namespace: name, Name: "db"})
				})
				eventually(t, "a pod in "+name, func(ctx context.Context) error { return unlabeled(ctx, name) })
			}
			eventually(t, "the lease in the operator's namespace", func(ctx context.Context) error {
				var leases coordinationv1.LeaseList
				if err := admin.List(ctx, &leases, client.InNamespace(mode.own)); err != nil {
					return err
				}
				if len(leases.Items) != 1 {
					return errors.New("there is none")
				}
				return nil
			})
			o.stop(t)
			if mode.watched != nil {
				untouched(t, outside)
			}
			for _, line := range logged.take() {
				if strings.Contains(line, "forbidden") {
					t.Errorf("the manager asked for what it may not have: %s", line)
				}
			}
		})
	}
}

// TestThePermissionsCount: what the modes are tested with is what makes them work.
func TestThePermissionsCount(t *testing.T) {
	for _, rule := range rules(t, "ClusterRole", "compose-operator-manager") {
		if slices.Contains(rule.Resources, "secrets") && slices.Contains(rule.Verbs, "create") {
			t.Error("Secrets could be created in every watched namespace")
		}
	}
	for _, rule := range rules(t, "ClusterRole", "compose-operator-metrics-auth") {
		for _, resource := range rule.Resources {
			if resource != "tokenreviews" && resource != "subjectaccessreviews" {
				t.Errorf("%s is asked for in the whole cluster", resource)
			}
		}
	}
}

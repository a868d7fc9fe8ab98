// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"errors"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// What is used wakes whoever uses it, by kind and name.
func TestUsedResourcesWakeTheirUsers(t *testing.T) {
	user := types.NamespacedName{Namespace: "here", Name: "sync"}
	r := &testKit{used: newIndex()}
	r.used.put(user, usedKey("here", &v1alpha1.MysqlReplication{}, "db"))
	meta := metav1.ObjectMeta{Namespace: "here", Name: "db"}
	if got := r.resourcesOfUsed(t.Context(), &v1alpha1.MysqlReplication{ObjectMeta: meta}); len(got) != 1 || got[0].NamespacedName != user {
		t.Errorf("woken: %v", got)
	}
	if got := r.resourcesOfUsed(t.Context(), &v1alpha1.RedisReplication{ObjectMeta: meta}); len(got) != 0 {
		t.Errorf("another kind of that name wakes %v", got)
	}
	meta.Namespace = "there"
	if got := r.resourcesOfUsed(t.Context(), &v1alpha1.MysqlReplication{ObjectMeta: meta}); len(got) != 0 {
		t.Errorf("one of another namespace wakes %v", got)
	}
	r.used.put(user)
	meta.Namespace = "here"
	if got := r.resourcesOfUsed(t.Context(), &v1alpha1.MysqlReplication{ObjectMeta: meta}); len(got) != 0 {
		t.Errorf("not used any more, and wakes %v", got)
	}
}

// Without passwords a kind with conditions of its own reports those.
func TestCredentialVerdictOfOwnConditions(t *testing.T) {
	err := errors.New("no password")
	own, _, _ := credentialVerdict(err, Description{Conditions: []string{"ServerReady", "UserReady"}}.judged())
	if len(own) != 3 || own[0].Type != "ServerReady" || own[1].Type != "UserReady" || own[2].Type != v1alpha1.ConditionStalled {
		t.Errorf("conditions: %+v", own)
	}
	plain, _, _ := credentialVerdict(err, Description{}.judged())
	if len(plain) != 2 || plain[0].Type != v1alpha1.ConditionTopologyReady {
		t.Errorf("conditions: %+v", plain)
	}
}

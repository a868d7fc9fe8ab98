// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build admission

package olm

import (
	"context"
	"errors"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/credential/aesctr"
)

const (
	passwords = "passwords"
	// ghost is a resource that does not exist; pods are labeled for it.
	ghost = "ghost"
)

// set is a set of three servers that nobody runs.
func set(namespace, name string) *v1alpha1.MysqlReplication {
	node := func(i int32) v1alpha1.Node {
		return v1alpha1.Node{Name: fmt.Sprintf("%s-%d", name, i), Host: "127.0.0.1", Port: 1 + i}
	}
	return &v1alpha1.MysqlReplication{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.MysqlReplicationSpec{
			Secret: v1alpha1.MysqlReplicationSecret{Name: passwords, Mysql: "mysql", Replication: "replication"},
			Source: new(node(0)), Replica: []v1alpha1.ReplicaNode{{Node: node(1)}, {Node: node(2)}},
		},
	}
}

// labeledPod carries the labels of a resource that is gone.
func labeledPod(namespace string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "left-over", Labels: map[string]string{
			v1alpha1.LabelMysqlReplicationName: ghost, v1alpha1.LabelMysqlReplicationReadonly: "true",
		}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "mysql", Image: "mysql"}}},
	}
}

// aesKey waits for the key that the operator makes in its own namespace.
func aesKey(t *testing.T, own string) []byte {
	t.Helper()
	secret := &corev1.Secret{}
	eventually(t, "the operator's AES key", func(ctx context.Context) error {
		return admin.Get(ctx, types.NamespacedName{Namespace: own, Name: "aes-secret-key"}, secret)
	})
	return secret.Data["AES_SECRET_KEY"]
}

// passwordsIn makes the Secret of a set, encrypted with the operator's key.
func passwordsIn(t *testing.T, namespace string, key []byte) *corev1.Secret {
	t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: passwords}, Data: map[string][]byte{}}
	for _, user := range []string{"mysql", "replication"} {
		text, err := aesctr.Encrypt(key, []byte("a password"))
		must(t, err)
		secret.Data[user] = text
	}
	return secret
}

// caredFor says what is missing for a set to be looked after.
func caredFor(ctx context.Context, key types.NamespacedName) error {
	is := &v1alpha1.MysqlReplication{}
	if err := admin.Get(ctx, key, is); err != nil {
		return err
	}
	// There are none without passwords.
	if len(is.Status.Topology) != 3 {
		return fmt.Errorf("%d nodes are reported: %+v", len(is.Status.Topology), is.Status.Conditions)
	}
	return admin.Get(ctx, types.NamespacedName{Namespace: key.Namespace, Name: key.Name + "-readwrite"}, &corev1.Service{})
}

func unlabeled(ctx context.Context, namespace string) error {
	pod := &corev1.Pod{}
	if err := admin.Get(ctx, types.NamespacedName{Namespace: namespace, Name: "left-over"}, pod); err != nil {
		return err
	}
	if pod.Labels[v1alpha1.LabelMysqlReplicationName] != "" {
		return errors.New("the pod still has the label of a resource that is gone")
	}
	return nil
}

// untouched checks that nobody has looked after what is in a namespace.
func untouched(t *testing.T, made *v1alpha1.MysqlReplication) {
	t.Helper()
	ctx, here := t.Context(), client.InNamespace(made.Namespace)
	is := &v1alpha1.MysqlReplication{}
	must(t, admin.Get(ctx, client.ObjectKeyFromObject(made), is))
	if is.ResourceVersion != made.ResourceVersion {
		t.Errorf("%s was written: %+v", made.Namespace, is.Status)
	}
	if unlabeled(ctx, made.Namespace) == nil {
		t.Errorf("the labels of a pod in %s were taken off", made.Namespace)
	}
	var services corev1.ServiceList
	must(t, admin.List(ctx, &services, here))
	var events eventsv1.EventList
	must(t, admin.List(ctx, &events, here))
	var secrets corev1.SecretList
	must(t, admin.List(ctx, &secrets, here))
	if len(services.Items)+len(events.Items)+len(secrets.Items) > 0 {
		t.Errorf("%s has %d Services, %d events, %d Secrets", made.Namespace, len(services.Items), len(events.Items), len(secrets.Items))
	}
}

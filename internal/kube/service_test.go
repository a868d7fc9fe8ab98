// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"errors"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

var (
	owner = Owner{
		GVK:       schema.GroupVersionKind{Group: "upm.syntropycloud.io", Version: "v1alpha1", Kind: "MysqlReplication"},
		Namespace: "one", Name: "orders", UID: "u-orders",
	}
	keys = LabelKeys{Name: "compose-operator/mysql-replication.name", Readonly: "compose-operator/mysql-replication.readonly"}
	want = ServiceWant{Name: "orders-readonly", Readonly: true, PortName: "mysql", Port: 3306}
)

func newClient(t *testing.T, objects ...client.Object) client.WithWatch {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).
		WithIndex(&corev1.Service{}, ServiceIndex().Field, ServiceIndex().Values).Build()
}

func ensure(t *testing.T, c client.Client, want ServiceWant) *corev1.Service {
	t.Helper()
	if err := EnsureService(t.Context(), c, c, owner, keys, want); err != nil {
		t.Fatal(err)
	}
	service := &corev1.Service{}
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: owner.Namespace, Name: want.Name}, service); err != nil {
		t.Fatal(err)
	}
	return service
}

func TestTheServiceIsAsWanted(t *testing.T) {
	service := ensure(t, newClient(t), want)
	port := service.Spec.Ports[0]
	if port.Name != "mysql" || port.Port != 3306 || port.TargetPort != intstr.FromInt32(3306) || port.Protocol != corev1.ProtocolTCP {
		t.Errorf("port: %+v", port)
	}
	if len(service.Spec.Selector) != 2 || service.Spec.Selector[keys.Name] != "orders" || service.Spec.Selector[keys.Readonly] != "true" {
		t.Errorf("selector: %v", service.Spec.Selector)
	}
	if service.Labels[LabelManagedBy] != ManagedBy || service.Labels[LabelInstance] != "orders" {
		t.Errorf("labels: %v", service.Labels)
	}
	if reference := metav1.GetControllerOf(service); reference == nil || reference.UID != owner.UID || reference.APIVersion != "upm.syntropycloud.io/v1alpha1" {
		t.Errorf("controller: %+v", reference)
	}
}

// Each change must be noticed, and undone by one write after which there is none.
// What a fake API server gets wrong is tested in internal/reconcile on a real one.
func TestChangesAreNoticedAndUndone(t *testing.T) {
	external := want
	external.Type, external.ExternalName = corev1.ServiceTypeExternalName, "db.example.com"
	for name, change := range map[string]struct {
		want ServiceWant
		by   func(*corev1.Service)
	}{
		"type":          {want, func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeNodePort }},
		"selector":      {want, func(s *corev1.Service) { s.Spec.Selector[keys.Readonly] = "false" }},
		"more selector": {want, func(s *corev1.Service) { s.Spec.Selector["app"] = "mysql" }},
		"port":          {want, func(s *corev1.Service) { s.Spec.Ports[0].TargetPort = intstr.FromInt32(1) }},
		"no port":       {want, func(s *corev1.Service) { s.Spec.Ports = nil }},
		"label":         {want, func(s *corev1.Service) { delete(s.Labels, LabelManagedBy) }},
		"external name": {external, func(s *corev1.Service) { s.Spec.ExternalName = "elsewhere.example.com" }},
	} {
		t.Run(name, func(t *testing.T) {
			applies := 0
			c := interceptor.NewClient(newClient(t), interceptor.Funcs{
				Apply: func(ctx context.Context, c client.WithWatch, object runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
					applies++
					return c.Apply(ctx, object, opts...)
				},
			})
			service := ensure(t, c, change.want)
			change.by(service)
			if err := c.Update(t.Context(), service); err != nil {
				t.Fatal(err)
			}
			repaired := ensure(t, c, change.want)
			if applies != 2 || !serviceAsWanted(repaired, owner, keys, change.want) {
				t.Errorf("%d writes; %+v", applies, repaired)
			}
			ensure(t, c, change.want)
			if applies != 2 {
				t.Errorf("%d writes", applies)
			}
		})
	}
}

func TestWhatOthersAddStays(t *testing.T) {
	c := newClient(t)
	service := ensure(t, c, want)
	service.Labels["team"] = "payments"
	service.Annotations = map[string]string{"load-balancer": "internal"}
	service.Spec.ClusterIP = "10.96.0.7"
	service.Spec.Ports = append(service.Spec.Ports, corev1.ServicePort{Name: "metrics", Port: 9104, Protocol: corev1.ProtocolTCP})
	if err := c.Update(t.Context(), service); err != nil {
		t.Fatal(err)
	}
	if !serviceAsWanted(service, owner, keys, want) {
		t.Error("what others added asks for a write")
	}
	moved := want
	moved.Port = 3307
	after := ensure(t, c, moved)
	if after.Labels["team"] == "" || after.Annotations["load-balancer"] == "" || after.Spec.ClusterIP != "10.96.0.7" || len(after.Spec.Ports) != 2 {
		t.Errorf("after a write: %+v", after)
	}
}

func TestAServiceOfSomebodyElse(t *testing.T) {
	references := map[string][]metav1.OwnerReference{
		"none":         nil,
		"another kind": {{APIVersion: "apps/v1", Kind: "Deployment", Name: "orders", UID: "u-orders", Controller: new(true)}},
		"another name": {{APIVersion: "upm.syntropycloud.io/v1alpha1", Kind: "MysqlReplication", Name: "others", UID: "u-others", Controller: new(true)}},
		"not ruling":   {{APIVersion: "upm.syntropycloud.io/v1alpha1", Kind: "MysqlReplication", Name: "orders", UID: "u-orders"}},
	}
	for name, reference := range references {
		t.Run(name, func(t *testing.T) {
			foreign := &corev1.Service{ObjectMeta: metav1.ObjectMeta{
				Namespace: "one", Name: want.Name, OwnerReferences: reference,
				Labels: map[string]string{LabelManagedBy: ManagedBy, LabelInstance: "orders"},
			}}
			live := newClient(t, foreign)
			// The cache holds what the operator made, so it may not know this one.
			for _, c := range []client.Client{live, newClient(t)} {
				if err := EnsureService(t.Context(), c, live, owner, keys, want); !errors.Is(err, ErrServiceNotOwned) {
					t.Errorf("ensure: %v", err)
				}
			}
			if err := DeleteServices(t.Context(), live, owner, func(string) bool { return false }); err != nil {
				t.Error(err)
			}
			if err := live.Get(t.Context(), client.ObjectKeyFromObject(foreign), &corev1.Service{}); err != nil {
				t.Errorf("it was deleted: %v", err)
			}
		})
	}
}

func TestServicesThatAreNotWantedAreDeleted(t *testing.T) {
	c := newClient(t)
	ensure(t, c, want)
	other := want
	other.Name = "orders-readwrite"
	ensure(t, c, other)
	if err := DeleteServices(t.Context(), c, owner, func(name string) bool { return name == other.Name }); err != nil {
		t.Fatal(err)
	}
	var list corev1.ServiceList
	if err := c.List(t.Context(), &list); err != nil || len(list.Items) != 1 || list.Items[0].Name != other.Name {
		t.Errorf("left: %+v, %v", list.Items, err)
	}
}

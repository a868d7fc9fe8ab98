// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

var wantSlice = SliceWant{
	Service: "orders-readonly", Node: "mysql-1", Host: "db.example.com", PortName: "mysql", Port: 3307, Address: netip.MustParseAddr("192.0.2.7"),
}

func sliceClient(t *testing.T, objects ...client.Object) client.WithWatch {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, discoveryv1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build()
}

func TestTheSliceIsAsWanted(t *testing.T) {
	slice := EndpointSliceFor(owner, wantSlice)
	if slice.AddressType != discoveryv1.AddressTypeIPv4 || slice.Labels[discoveryv1.LabelServiceName] != "orders-readonly" ||
		slice.Labels[discoveryv1.LabelManagedBy] != SliceManager || slice.Labels[LabelManagedBy] != ManagedBy || slice.Labels[LabelInstance] != "orders" {
		t.Errorf("%+v", slice)
	}
	if reference := metav1.GetControllerOf(slice); reference == nil || reference.UID != owner.UID {
		t.Errorf("controller: %+v", reference)
	}
	endpoint, port := slice.Endpoints[0], slice.Ports[0]
	if endpoint.Addresses[0] != "192.0.2.7" || !*endpoint.Conditions.Ready || endpoint.TargetRef != nil || *port.Name != "mysql" || *port.Port != 3307 {
		t.Errorf("endpoint %+v, port %+v", endpoint, port)
	}
	six := wantSlice
	six.Address = netip.MustParseAddr("2001:db8::7")
	if got := EndpointSliceFor(owner, six); got.AddressType != discoveryv1.AddressTypeIPv6 || got.Name == slice.Name {
		t.Errorf("IPv6: %+v", got)
	}
}

func TestSliceNamesAreNames(t *testing.T) {
	long := wantSlice
	long.Service, long.Node = strings.Repeat("s", 63), strings.Repeat("a.", 126)+"b"
	other := long
	other.Node += "c"
	if errs := validation.IsDNS1123Subdomain(long.Name()); len(errs) > 0 || long.Name() == other.Name() {
		t.Errorf("%s and %s: %v", long.Name(), other.Name(), errs)
	}
}

// Each change must be noticed, and undone by one write.
func TestChangesOfASliceAreNoticedAndUndone(t *testing.T) {
	for name, change := range map[string]func(*discoveryv1.EndpointSlice){
		"address":     func(s *discoveryv1.EndpointSlice) { s.Endpoints[0].Addresses[0] = "192.0.2.8" },
		"endpoints":   func(s *discoveryv1.EndpointSlice) { s.Endpoints = append(s.Endpoints, s.Endpoints[0]) },
		"none":        func(s *discoveryv1.EndpointSlice) { s.Endpoints = nil },
		"ready":       func(s *discoveryv1.EndpointSlice) { s.Endpoints[0].Conditions.Ready = new(false) },
		"not said":    func(s *discoveryv1.EndpointSlice) { s.Endpoints[0].Conditions.Ready = nil },
		"terminating": func(s *discoveryv1.EndpointSlice) { s.Endpoints[0].Conditions.Terminating = new(true) },
		"port":        func(s *discoveryv1.EndpointSlice) { s.Ports[0].Port = new(int32(1)) },
		"port name":   func(s *discoveryv1.EndpointSlice) { s.Ports[0].Name = new("other") },
		"service":     func(s *discoveryv1.EndpointSlice) { s.Labels[discoveryv1.LabelServiceName] = "other" },
		"manager":     func(s *discoveryv1.EndpointSlice) { delete(s.Labels, discoveryv1.LabelManagedBy) },
		"node":        func(s *discoveryv1.EndpointSlice) { s.Annotations[AnnotationNode] = "other" },
		"host":        func(s *discoveryv1.EndpointSlice) { s.Annotations[AnnotationHost] = "other" },
	} {
		t.Run(name, func(t *testing.T) {
			c := sliceClient(t)
			made, err := PutEndpointSlice(t.Context(), c, c, owner, nil, wantSlice)
			if err != nil {
				t.Fatal(err)
			}
			changed := made.DeepCopy()
			change(changed)
			changed.Labels["team"] = "payments"
			if SliceAsWanted(changed, owner, wantSlice) {
				t.Fatal("not noticed")
			}
			if err := c.Update(t.Context(), changed); err != nil {
				t.Fatal(err)
			}
			repaired, err := PutEndpointSlice(t.Context(), c, c, owner, changed, wantSlice)
			if err != nil || !SliceAsWanted(repaired, owner, wantSlice) || repaired.Labels["team"] == "" {
				t.Errorf("%+v, %v", repaired, err)
			}
			again, err := PutEndpointSlice(t.Context(), c, c, owner, repaired, wantSlice)
			if err != nil || again.ResourceVersion != repaired.ResourceVersion {
				t.Errorf("a slice that is right was written: %v", err)
			}
		})
	}
}

func TestASliceThatTheCallerDoesNotKnow(t *testing.T) {
	c := sliceClient(t)
	made, err := PutEndpointSlice(t.Context(), c, c, owner, nil, wantSlice)
	if err != nil {
		t.Fatal(err)
	}
	moved := wantSlice
	moved.Address = netip.MustParseAddr("192.0.2.8")
	again, err := PutEndpointSlice(t.Context(), c, c, owner, nil, moved)
	if err != nil || again.Name != made.Name || again.Endpoints[0].Addresses[0] != "192.0.2.8" {
		t.Errorf("%+v, %v", again, err)
	}

	theirs := EndpointSliceFor(owner, wantSlice)
	theirs.OwnerReferences = nil
	c = sliceClient(t, theirs)
	if _, err := PutEndpointSlice(t.Context(), c, c, owner, nil, moved); !errors.Is(err, ErrSliceNotOwned) {
		t.Errorf("of somebody else: %v", err)
	}
	if err := DeleteEndpointSlices(t.Context(), c, owner); err != nil {
		t.Fatal(err)
	}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(theirs), &discoveryv1.EndpointSlice{}); err != nil {
		t.Errorf("it was deleted: %v", err)
	}
}

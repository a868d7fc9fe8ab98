// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// SliceManager is the value of discoveryv1.LabelManagedBy on our slices. The
	// EndpointSlice controller of Kubernetes looks after those that name it, and leaves
	// all others of a Service alone; kube-proxy takes every slice of a Service.
	SliceManager = "compose-operator.upm.syntropycloud.io"
	// AnnotationNode is the name of the node that a slice is for. A node's name can be
	// too long for a label.
	AnnotationNode = "compose-operator/node"
	// AnnotationHost is the host that the slice's address was found under.
	AnnotationHost = "compose-operator/host"
)

// SliceWant is one EndpointSlice: the way from a Service to an external node by one
// address family.
type SliceWant struct {
	// Service that leads to the node.
	Service string
	// Node, and the Host that Address was found under.
	Node, Host string
	// PortName is that of the Service's port, Port the one that the node listens on.
	PortName string
	Port     int32
	// Address is an IPv4 or IPv6 address, see RefusedAddress.
	Address netip.Addr
}

// ErrSliceNotOwned means that an EndpointSlice of the name exists which somebody else made.
var ErrSliceNotOwned = errors.New("an EndpointSlice of this name exists that the operator did not make")

// RefusedAddress says why the API server takes no such address into an
// EndpointSlice; "" when it does.
func RefusedAddress(address netip.Addr) string {
	switch {
	case !address.IsValid():
		return "no IP address"
	case address.Zone() != "":
		return "an address with a zone"
	case address.IsUnspecified():
		return "the unspecified address"
	case address.IsLoopback():
		return "a loopback address"
	case address.IsLinkLocalUnicast(), address.IsLinkLocalMulticast():
		return "a link-local address"
	}
	return ""
}

// Name of the slice. The type of a slice's addresses cannot be changed, so that each
// family has a slice of its own.
func (w SliceWant) Name() string {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(w.Node))
	family := "ipv4"
	if w.addressType() == discoveryv1.AddressTypeIPv6 {
		family = "ipv6"
	}
	return fmt.Sprintf("%s-external-%016x-%s", w.Service, sum.Sum64(), family)
}

func (w SliceWant) addressType() discoveryv1.AddressType {
	if w.Address.Is6() {
		return discoveryv1.AddressTypeIPv6
	}
	return discoveryv1.AddressTypeIPv4
}

// EndpointSliceFor is the slice that want describes. It is pure.
func EndpointSliceFor(owner Owner, want SliceWant) *discoveryv1.EndpointSlice {
	slice := &discoveryv1.EndpointSlice{}
	slice.Namespace, slice.Name = owner.Namespace, want.Name()
	slice.AddressType = want.addressType()
	want.into(owner, slice)
	return slice
}

// into writes what the operator cares for, and leaves other labels and annotations.
func (w SliceWant) into(owner Owner, slice *discoveryv1.EndpointSlice) {
	if slice.Labels == nil {
		slice.Labels = map[string]string{}
	}
	maps.Copy(slice.Labels, sliceLabels(owner, w.Service))
	if slice.Annotations == nil {
		slice.Annotations = map[string]string{}
	}
	slice.Annotations[AnnotationNode], slice.Annotations[AnnotationHost] = w.Node, w.Host
	slice.OwnerReferences = []metav1.OwnerReference{{
		APIVersion: owner.GVK.GroupVersion().String(), Kind: owner.GVK.Kind, Name: owner.Name, UID: owner.UID,
		Controller: new(true), BlockOwnerDeletion: new(true),
	}}
	slice.Endpoints = []discoveryv1.Endpoint{{
		Addresses:  []string{w.Address.String()},
		Conditions: discoveryv1.EndpointConditions{Ready: new(true), Serving: new(true), Terminating: new(false)},
	}}
	slice.Ports = []discoveryv1.EndpointPort{{Name: new(w.PortName), Protocol: new(corev1.ProtocolTCP), Port: new(w.Port)}}
}

func sliceLabels(owner Owner, service string) map[string]string {
	labels := serviceLabels(owner)
	labels[discoveryv1.LabelServiceName] = service
	labels[discoveryv1.LabelManagedBy] = SliceManager
	return labels
}

// SliceAsWanted says whether existing needs no write. What others added to its
// metadata does not count.
func SliceAsWanted(existing *discoveryv1.EndpointSlice, owner Owner, want SliceWant) bool {
	if !owner.controls(existing) || existing.DeletionTimestamp != nil {
		return false
	}
	wanted := EndpointSliceFor(owner, want)
	for key, value := range wanted.Labels {
		if existing.Labels[key] != value {
			return false
		}
	}
	for key, value := range wanted.Annotations {
		if existing.Annotations[key] != value {
			return false
		}
	}
	if existing.AddressType != wanted.AddressType || len(existing.Endpoints) != 1 || len(existing.Ports) != 1 {
		return false
	}
	endpoint, port := existing.Endpoints[0], existing.Ports[0]
	return slices.Equal(endpoint.Addresses, wanted.Endpoints[0].Addresses) &&
		is(endpoint.Conditions.Ready, true) && is(endpoint.Conditions.Serving, true) && is(endpoint.Conditions.Terminating, false) &&
		is(port.Name, want.PortName) && is(port.Protocol, corev1.ProtocolTCP) && is(port.Port, want.Port)
}

func is[V comparable](pointer *V, value V) bool { return pointer != nil && *pointer == value }

// PutEndpointSlice makes the slice as wanted and returns it; existing is the one that
// is there as far as the caller knows, or nil. It writes nothing when that needs no
// write. The error is ErrSliceNotOwned when somebody else's slice has the name.
func PutEndpointSlice(ctx context.Context, writer client.Client, live client.Reader, owner Owner, existing *discoveryv1.EndpointSlice, want SliceWant) (*discoveryv1.EndpointSlice, error) {
	if existing != nil && SliceAsWanted(existing, owner, want) {
		return existing, nil
	}
	name := fmt.Sprintf("EndpointSlice %s/%s", owner.Namespace, want.Name())
	if existing == nil {
		made := EndpointSliceFor(owner, want)
		err := writer.Create(ctx, made)
		if err == nil {
			return made, nil
		}
		if !apierrors.IsAlreadyExists(err) {
			return nil, fmt.Errorf("create %s: %w", name, err)
		}
		existing = &discoveryv1.EndpointSlice{}
		if err := live.Get(ctx, client.ObjectKey{Namespace: owner.Namespace, Name: want.Name()}, existing); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		if SliceAsWanted(existing, owner, want) {
			return existing, nil
		}
	}
	if !owner.Made(existing) {
		return nil, fmt.Errorf("%s: %w", name, ErrSliceNotOwned)
	}
	changed := existing.DeepCopy()
	want.into(owner, changed)
	if err := writer.Update(ctx, changed); err != nil {
		return nil, fmt.Errorf("update %s: %w", name, err)
	}
	return changed, nil
}

// EndpointSlicesOf lists the slices that were made for owner, as reader knows them.
func EndpointSlicesOf(ctx context.Context, reader client.Reader, owner Owner) ([]discoveryv1.EndpointSlice, error) {
	labels := client.MatchingLabels(serviceLabels(owner))
	labels[discoveryv1.LabelManagedBy] = SliceManager
	var list discoveryv1.EndpointSliceList
	if err := reader.List(ctx, &list, client.InNamespace(owner.Namespace), labels); err != nil {
		return nil, fmt.Errorf("list EndpointSlices of %s/%s: %w", owner.Namespace, owner.Name, err)
	}
	return slices.DeleteFunc(list.Items, func(slice discoveryv1.EndpointSlice) bool { return !owner.Made(&slice) }), nil
}

// Way is one that a resource's slices lead to.
type Way struct {
	// By is the resource.
	By types.NamespacedName
	// Host and Port of the external node.
	Host string
	Port int32
}

// LedTo lists where the slices of the resources of a kind lead to, in all namespaces that
// reader knows.
func LedTo(ctx context.Context, reader client.Reader, kind string) ([]Way, error) {
	var list discoveryv1.EndpointSliceList
	// They are only looked at: no copies.
	if err := reader.List(ctx, &list, client.MatchingLabels{discoveryv1.LabelManagedBy: SliceManager}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list the EndpointSlices of all resources: %w", err)
	}
	var out []Way
	for i := range list.Items {
		slice := &list.Items[i]
		owner := metav1.GetControllerOfNoCopy(slice)
		if owner == nil || owner.Kind != kind || len(slice.Ports) != 1 || slice.Ports[0].Port == nil {
			continue
		}
		out = append(out, Way{
			By:   types.NamespacedName{Namespace: slice.Namespace, Name: owner.Name},
			Host: slice.Annotations[AnnotationHost], Port: *slice.Ports[0].Port,
		})
	}
	return out, nil
}

// DeleteEndpointSlice deletes this very slice. One that is gone is no error.
func DeleteEndpointSlice(ctx context.Context, c client.Client, slice *discoveryv1.EndpointSlice) error {
	uid := slice.UID
	err := c.Delete(ctx, slice, client.Preconditions{UID: &uid})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("delete EndpointSlice %s/%s: %w", slice.Namespace, slice.Name, err)
	}
	return nil
}

// DeleteEndpointSlices deletes all slices that were made for owner.
func DeleteEndpointSlices(ctx context.Context, c client.Client, owner Owner) error {
	list, err := EndpointSlicesOf(ctx, c, owner)
	if err != nil {
		return err
	}
	var errs []error
	for i := range list {
		errs = append(errs, DeleteEndpointSlice(ctx, c, &list[i]))
	}
	return errors.Join(errs...)
}

// ServiceOfOthers says whether a Service of that name exists that was not made for
// owner. cached may hold only what the operator made.
func ServiceOfOthers(ctx context.Context, cached, live client.Reader, owner Owner, name string) (bool, error) {
	key := client.ObjectKey{Namespace: owner.Namespace, Name: name}
	service := &corev1.Service{}
	err := cached.Get(ctx, key, service)
	if apierrors.IsNotFound(err) {
		service = &corev1.Service{}
		err = live.Get(ctx, key, service)
	}
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read Service %s: %w", key, err)
	}
	return !owner.Made(service), nil
}

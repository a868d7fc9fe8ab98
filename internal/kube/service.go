// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"errors"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// ServiceWant is one managed Service.
type ServiceWant struct {
	Name string
	// Type of the Service; empty means ClusterIP.
	Type corev1.ServiceType
	// ExternalName that a Service of that type points at.
	ExternalName string
	// Readonly is the value of the label that its selector asks for.
	Readonly bool
	// Selects is which of the labelled pods it leads to.
	Selects Selection
	// Headless: it has no address of its own, and its name resolves to those of the pods.
	Headless bool
	// PortName and Port, e.g. "mysql" and 3306.
	PortName string
	Port     int32
}

// Selection says which of the labelled pods a Service leads to.
type Selection int

// The values of Selection.
const (
	// SelectsAccess are those whose label says what Readonly does.
	SelectsAccess Selection = iota
	// SelectsAll are all of the resource.
	SelectsAll
)

// ErrServiceNotOwned means that a Service of the name exists which somebody else made.
var ErrServiceNotOwned = errors.New("a Service of this name exists that the operator did not make")

// ServiceFor is the Service that want describes, as the operator applies it. It
// is pure. It names only what the operator cares for: cluster IPs and node ports
// stay as the API server has given them, and what others add stays theirs.
func ServiceFor(owner Owner, keys LabelKeys, want ServiceWant) *corev1ac.ServiceApplyConfiguration {
	spec := corev1ac.ServiceSpec().
		WithType(want.serviceType()).
		WithPublishNotReadyAddresses(false).
		WithPorts(corev1ac.ServicePort().
			WithName(want.PortName).
			WithProtocol(corev1.ProtocolTCP).
			WithPort(want.Port).
			WithTargetPort(intstr.FromInt32(want.Port)))
	if want.serviceType() == corev1.ServiceTypeExternalName {
		spec.WithExternalName(want.ExternalName)
	} else {
		spec.WithSelector(want.selector(owner, keys))
	}
	if want.Headless {
		spec.WithClusterIP(corev1.ClusterIPNone)
	}
	return corev1ac.Service(want.Name, owner.Namespace).
		WithLabels(serviceLabels(owner)).
		WithOwnerReferences(metav1ac.OwnerReference().
			WithAPIVersion(owner.GVK.GroupVersion().String()).
			WithKind(owner.GVK.Kind).
			WithName(owner.Name).
			WithUID(owner.UID).
			WithController(true).
			WithBlockOwnerDeletion(true)).
		WithSpec(spec)
}

// serviceAsWanted says whether existing needs no write. What others added to it
// does not count.
func serviceAsWanted(existing *corev1.Service, owner Owner, keys LabelKeys, want ServiceWant) bool {
	if !owner.controls(existing) {
		return false
	}
	for key, value := range serviceLabels(owner) {
		if existing.Labels[key] != value {
			return false
		}
	}
	spec := existing.Spec
	if spec.Type != want.serviceType() || spec.PublishNotReadyAddresses {
		return false
	}
	if want.serviceType() == corev1.ServiceTypeExternalName {
		if spec.ExternalName != want.ExternalName {
			return false
		}
	} else if spec.ExternalName != "" || !maps.Equal(spec.Selector, want.selector(owner, keys)) {
		return false
	}
	if want.Headless && spec.ClusterIP != corev1.ClusterIPNone {
		return false
	}
	for _, port := range spec.Ports {
		if port.Name == want.PortName {
			return port.Port == want.Port && port.Protocol == corev1.ProtocolTCP &&
				port.TargetPort == intstr.FromInt32(want.Port)
		}
	}
	return false
}

func (w ServiceWant) serviceType() corev1.ServiceType {
	if w.Type == "" {
		return corev1.ServiceTypeClusterIP
	}
	return w.Type
}

func (w ServiceWant) selector(owner Owner, keys LabelKeys) map[string]string {
	if w.Selects == SelectsAll {
		return map[string]string{keys.Name: owner.Name}
	}
	return map[string]string{keys.Name: owner.Name, keys.Readonly: ReadonlyValue(w.Readonly)}
}

func serviceLabels(owner Owner) map[string]string {
	return map[string]string{LabelManagedBy: ManagedBy, LabelInstance: owner.Name}
}

// EnsureService makes the Service as wanted, and writes nothing when it is.
// cached may lag behind or hold only Services with the label LabelManagedBy; a
// Service that it does not know is looked up in live before one is made. The
// error is ErrServiceNotOwned when somebody else's Service has the name.
func EnsureService(ctx context.Context, writer client.Client, live client.Reader, owner Owner, keys LabelKeys, want ServiceWant) error {
	key := types.NamespacedName{Namespace: owner.Namespace, Name: want.Name}
	existing := &corev1.Service{}
	// It is only looked at: no copy.
	err := writer.Get(ctx, key, existing, client.UnsafeDisableDeepCopy)
	if apierrors.IsNotFound(err) {
		existing = &corev1.Service{}
		err = live.Get(ctx, key, existing)
	}
	switch {
	case apierrors.IsNotFound(err):
	case err != nil:
		return fmt.Errorf("read Service %s: %w", key, err)
	case !owner.Made(existing):
		return fmt.Errorf("service %s: %w", key, ErrServiceNotOwned)
	case serviceAsWanted(existing, owner, keys, want):
		return nil
	}
	if err := writer.Apply(ctx, ServiceFor(owner, keys, want), client.FieldOwner(FieldOwner), client.ForceOwnership); err != nil {
		return fmt.Errorf("apply Service %s: %w", key, err)
	}
	return nil
}

// DeleteServices deletes the Services that were made for owner, except those
// whose names keep says. c reads from a cache with ServiceIndex.
func DeleteServices(ctx context.Context, c client.Client, owner Owner, keep func(name string) bool) error {
	var services corev1.ServiceList
	// They are only looked at: no copies.
	if err := c.List(ctx, &services, client.InNamespace(owner.Namespace), ServiceIndex().Is(owner.Name), client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list Services of %s/%s: %w", owner.Namespace, owner.Name, err)
	}
	var errs []error
	for i := range services.Items {
		service := &services.Items[i]
		if !owner.Made(service) || keep(service.Name) || service.DeletionTimestamp != nil {
			continue
		}
		uid := service.UID
		err := c.Delete(ctx, service, client.Preconditions{UID: &uid})
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			errs = append(errs, fmt.Errorf("delete Service %s/%s: %w", service.Namespace, service.Name, err))
		}
	}
	return errors.Join(errs...)
}

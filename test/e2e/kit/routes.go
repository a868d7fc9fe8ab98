// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"context"
	"fmt"
	"sort"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/kube"
)

// ReadWriteService is the name of the Service of the source.
func (p *Pods) ReadWriteService() string { return p.Name + v1alpha1.ServiceSuffixReadWrite }

// ReadOnlyService is the name of the Service of the replicas.
func (p *Pods) ReadOnlyService() string { return p.Name + v1alpha1.ServiceSuffixReadOnly }

// ServiceAddress returns host:port of a Service's cluster IP.
func (p *Pods) ServiceAddress(ctx context.Context, name string) (string, error) {
	svc := &corev1.Service{}
	if err := p.Cluster.Client.Get(ctx, client.ObjectKey{Namespace: p.Namespace, Name: name}, svc); err != nil {
		return "", fmt.Errorf("service %s: %w", name, err)
	}
	if svc.Spec.ClusterIP == "" || len(svc.Spec.Ports) == 0 {
		return "", fmt.Errorf("service %s has no cluster IP or no port", name)
	}
	return fmt.Sprintf("%s:%d", svc.Spec.ClusterIP, svc.Spec.Ports[0].Port), nil
}

// Routed returns the names of the nodes behind a Service, in order: pods and external ones.
func (p *Pods) Routed(ctx context.Context, service string) ([]string, error) {
	var slices discoveryv1.EndpointSliceList
	if err := p.Cluster.Client.List(ctx, &slices, client.InNamespace(p.Namespace), client.MatchingLabels{discoveryv1.LabelServiceName: service}); err != nil {
		return nil, fmt.Errorf("endpoints of %s: %w", service, err)
	}
	names := []string{}
	for _, slice := range slices.Items {
		for _, e := range slice.Endpoints {
			if e.Conditions.Ready != nil && !*e.Conditions.Ready {
				continue
			}
			if e.TargetRef != nil {
				names = append(names, e.TargetRef.Name)
			} else if node := slice.Annotations[kube.AnnotationNode]; node != "" {
				names = append(names, node)
			}
		}
	}
	sort.Strings(names)
	return names, nil
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package monitoring

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// TestServiceMonitorFindsTheService of a plain installation, and that of OLM.
func TestServiceMonitorFindsTheService(t *testing.T) {
	monitor := decode[struct {
		Spec struct {
			Selector struct {
				MatchLabels map[string]string
			}
			Endpoints []struct {
				Port, Scheme, Path string
				HonorLabels        bool
			}
		}
	}](t, "config/prometheus/monitor.yaml").Spec
	if len(monitor.Selector.MatchLabels) == 0 || len(monitor.Endpoints) != 1 {
		t.Fatalf("%+v", monitor)
	}
	// Without this the label namespace would be that of the operator's pod, for every set.
	if endpoint := monitor.Endpoints[0]; !endpoint.HonorLabels || endpoint.Scheme != "https" || endpoint.Path != "/metrics" {
		t.Errorf("endpoint %+v", endpoint)
	}
	for _, file := range []string{"config/manager/metrics_service.yaml", "bundle/manifests/compose-operator-metrics_v1_service.yaml"} {
		service := decode[corev1.Service](t, file)
		for label, value := range monitor.Selector.MatchLabels {
			if service.Labels[label] != value {
				t.Errorf("%s lacks the label %s=%s", file, label, value)
			}
		}
		if !slices.ContainsFunc(service.Spec.Ports, func(p corev1.ServicePort) bool { return p.Name == monitor.Endpoints[0].Port }) {
			t.Errorf("%s has no port %s", file, monitor.Endpoints[0].Port)
		}
		// The job, which a rule and the dashboard name, is the Service's name.
		if service.Name != "compose-operator-metrics" {
			t.Errorf("%s is called %s", file, service.Name)
		}
	}
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"k8s.io/client-go/kubernetes"
)

// olmTimeout bounds the start of OLM. On two idle processors it takes some 15 s.
const olmTimeout = 3 * time.Minute

// waitOLM waits until OLM would install an operator and the API of packages answers.
func waitOLM(ctx context.Context, l layout, s *step) error {
	client, err := newClient(l)
	if err != nil {
		return err
	}
	err = poll(ctx, olmTimeout, nil, func(ctx context.Context) error {
		err := olmReady(ctx, client)
		if err != nil {
			s.progress("%v", err)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("%w (see testbed kubectl -n olm describe pods)", err)
	}
	return nil
}

// olmReady says what of OLM is still missing.
func olmReady(ctx context.Context, client kubernetes.Interface) error {
	for _, o := range []struct {
		path  string
		ready func(status objectStatus) error
	}{
		{"/apis/apps/v1/namespaces/olm/deployments/olm-operator", hasCondition("Available")},
		{"/apis/apps/v1/namespaces/olm/deployments/catalog-operator", hasCondition("Available")},
		{"/apis/operators.coreos.com/v1alpha1/namespaces/olm/clusterserviceversions/packageserver", hasSucceeded},
		{"/apis/apiregistration.k8s.io/v1/apiservices/v1.packages.operators.coreos.com", hasCondition("Available")},
	} {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		data, err := client.Discovery().RESTClient().Get().AbsPath(o.path).DoRaw(ctx)
		cancel()
		if err != nil {
			return fmt.Errorf("%s: %w", o.path, err)
		}
		var object struct {
			Metadata struct {
				Generation int64 `json:"generation"`
			} `json:"metadata"`
			Status objectStatus `json:"status"`
		}
		if err := json.Unmarshal(data, &object); err != nil {
			return fmt.Errorf("%s: %w", o.path, err)
		}
		if seen := object.Status.ObservedGeneration; seen != 0 && seen < object.Metadata.Generation {
			return fmt.Errorf("%s: its newest change has not been seen", o.path)
		}
		if err := o.ready(object.Status); err != nil {
			return fmt.Errorf("%s: %w", o.path, err)
		}
	}
	return nil
}

// objectStatus is what Deployments, APIServices and ClusterServiceVersions say about themselves.
type objectStatus struct {
	ObservedGeneration int64  `json:"observedGeneration"`
	Phase              string `json:"phase"`
	Message            string `json:"message"`
	Conditions         []struct {
		Type    string `json:"type"`
		Status  string `json:"status"`
		Message string `json:"message"`
	} `json:"conditions"`
}

// hasCondition requires a condition to be true.
func hasCondition(name string) func(objectStatus) error {
	return func(status objectStatus) error {
		for _, c := range status.Conditions {
			if c.Type != name {
				continue
			}
			if c.Status == "True" {
				return nil
			}
			return fmt.Errorf("not %s: %s", name, c.Message)
		}
		return fmt.Errorf("not %s yet", name)
	}
}

// hasSucceeded requires a ClusterServiceVersion to be installed.
func hasSucceeded(status objectStatus) error {
	if status.Phase == "Succeeded" {
		return nil
	}
	return fmt.Errorf("phase is %q: %s", status.Phase, status.Message)
}

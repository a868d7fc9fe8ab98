// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Where CoreDNS runs, on the testbed and on most clusters.
const (
	dnsNamespace = "kube-system"
	dnsConfigMap = "coredns"
	dnsConfigKey = "Corefile"
	dnsSelector  = "k8s-app"
	dnsApp       = "kube-dns"
	dnsTimeout   = time.Minute
)

// Misdirect makes the cluster's DNS answer a name with a wrong address, until heal is
// called. It returns when CoreDNS answers so.
func (c *Cluster) Misdirect(ctx context.Context, host, address string) (heal func(context.Context) error, err error) {
	before := &corev1.ConfigMap{}
	if err := c.Client.Get(ctx, client.ObjectKey{Namespace: dnsNamespace, Name: dnsConfigMap}, before); err != nil {
		return nil, fmt.Errorf("the configuration of the cluster's DNS: %w", err)
	}
	corefile := before.Data[dnsConfigKey]
	open := strings.Index(corefile, "{\n")
	if open < 0 {
		return nil, fmt.Errorf("%s in ConfigMap %s/%s has no server block", dnsConfigKey, dnsNamespace, dnsConfigMap)
	}
	lie := fmt.Sprintf("  hosts {\n    ttl 5\n    %s %s\n    fallthrough\n  }\n", address, host)
	heal = func(ctx context.Context) error { return c.writeCorefile(ctx, corefile) }
	if err := c.writeCorefile(ctx, corefile[:open+2]+lie+corefile[open+2:]); err != nil {
		return nil, errors.Join(err, heal(context.WithoutCancel(ctx)))
	}
	return heal, nil
}

// writeCorefile and wait until CoreDNS runs with it. Pods are made anew, because a
// ConfigMap takes its time to reach one that runs.
func (c *Cluster) writeCorefile(ctx context.Context, corefile string) error {
	config := &corev1.ConfigMap{}
	if err := c.Client.Get(ctx, client.ObjectKey{Namespace: dnsNamespace, Name: dnsConfigMap}, config); err != nil {
		return fmt.Errorf("the configuration of the cluster's DNS: %w", err)
	}
	config.Data[dnsConfigKey] = corefile
	if err := c.Client.Update(ctx, config); err != nil {
		return fmt.Errorf("the configuration of the cluster's DNS: %w", err)
	}
	pods := func(ctx context.Context) (*corev1.PodList, error) {
		list := &corev1.PodList{}
		err := c.Client.List(ctx, list, client.InNamespace(dnsNamespace), client.MatchingLabels{dnsSelector: dnsApp})
		return list, err
	}
	old := map[string]bool{}
	list, err := pods(ctx)
	if err != nil {
		return fmt.Errorf("pods of the cluster's DNS: %w", err)
	}
	for i := range list.Items {
		old[string(list.Items[i].UID)] = true
		if err := client.IgnoreNotFound(c.Client.Delete(ctx, &list.Items[i], client.GracePeriodSeconds(0))); err != nil {
			return fmt.Errorf("restart the cluster's DNS: %w", err)
		}
	}
	return Wait(ctx, dnsTimeout, func(ctx context.Context) error {
		list, err := pods(ctx)
		if err != nil {
			return err
		}
		for i := range list.Items {
			if !old[string(list.Items[i].UID)] && podReady(&list.Items[i]) {
				return nil
			}
		}
		return fmt.Errorf("no new pod of the cluster's DNS is ready")
	})
}

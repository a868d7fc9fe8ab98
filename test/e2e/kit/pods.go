// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Pods are a StatefulSet in a namespace, and a resource over them. Sets of each database are made of it.
type Pods struct {
	Cluster   *Cluster
	Namespace string
	// Name of the resource.
	Name string

	// app is the name of the StatefulSet and of the container, and the label app of the pods.
	app string
	// process that the server runs as.
	process string
	// port that the servers listen on.
	port int32
	// disks of a limited size, where the set has them.
	disks disks
}

// PodName of the i-th pod.
func (p *Pods) PodName(i int) string { return p.app + "-" + strconv.Itoa(i) }

// Scale the StatefulSet and wait until it has so many ready pods. A pod that goes keeps its data.
func (p *Pods) Scale(ctx context.Context, pods int) error {
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		sts := &appsv1.StatefulSet{}
		if err := p.Cluster.Client.Get(ctx, client.ObjectKey{Namespace: p.Namespace, Name: p.app}, sts); err != nil {
			return err
		}
		n := int32(pods)
		sts.Spec.Replicas = &n
		return p.Cluster.Client.Update(ctx, sts)
	})
	if err != nil {
		return fmt.Errorf("scale %s to %d: %w", p.app, pods, err)
	}
	return p.WaitPods(ctx, pods)
}

// WaitPods waits until exactly so many pods exist and all are ready.
func (p *Pods) WaitPods(ctx context.Context, want int) error {
	return Wait(ctx, 3*time.Minute, func(ctx context.Context) error {
		var list corev1.PodList
		if err := p.Cluster.Client.List(ctx, &list, client.InNamespace(p.Namespace), client.MatchingLabels{"app": p.app}); err != nil {
			return err
		}
		ready := 0
		for i := range list.Items {
			if podReady(&list.Items[i]) {
				ready++
			}
		}
		if ready != want || len(list.Items) != want {
			return fmt.Errorf("%d pods of %s exist and %d are ready, %d are wanted", len(list.Items), p.app, ready, want)
		}
		return nil
	})
}

func podReady(p *corev1.Pod) bool {
	if p.DeletionTimestamp != nil || p.Status.PodIP == "" {
		return false
	}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// Pod returns a pod by name.
func (p *Pods) Pod(ctx context.Context, name string) (*corev1.Pod, error) {
	pod := &corev1.Pod{}
	if err := p.Cluster.Client.Get(ctx, client.ObjectKey{Namespace: p.Namespace, Name: name}, pod); err != nil {
		return nil, fmt.Errorf("pod %s: %w", name, err)
	}
	return pod, nil
}

// DeletePod deletes a pod and waits until another one of that name is ready.
func (p *Pods) DeletePod(ctx context.Context, name string, grace time.Duration) error {
	before, err := p.Pod(ctx, name)
	if err != nil {
		return err
	}
	if err := p.Cluster.Client.Delete(ctx, before, client.GracePeriodSeconds(int64(grace.Seconds()))); err != nil {
		return fmt.Errorf("delete pod %s: %w", name, err)
	}
	return Wait(ctx, 2*time.Minute, func(ctx context.Context) error {
		now, err := p.Pod(ctx, name)
		if err != nil {
			return err
		}
		if now.UID == before.UID || !podReady(now) {
			return fmt.Errorf("pod %s is not back", name)
		}
		return nil
	})
}

// KillPods deletes pods without a grace period, all at once, and waits until the set has
// as many ready pods again. Their data stays.
func (p *Pods) KillPods(ctx context.Context, names ...string) error {
	var list corev1.PodList
	if err := p.Cluster.Client.List(ctx, &list, client.InNamespace(p.Namespace), client.MatchingLabels{"app": p.app}); err != nil {
		return fmt.Errorf("the pods: %w", err)
	}
	killed := map[string]types.UID{}
	for i := range list.Items {
		pod := &list.Items[i]
		if !slices.Contains(names, pod.Name) {
			continue
		}
		killed[pod.Name] = pod.UID
		if err := p.Cluster.Client.Delete(ctx, pod, client.GracePeriodSeconds(0)); err != nil {
			return fmt.Errorf("delete pod %s: %w", pod.Name, err)
		}
	}
	if len(killed) != len(names) {
		return fmt.Errorf("of the pods %v only %d exist", names, len(killed))
	}
	return Wait(ctx, 3*time.Minute, func(ctx context.Context) error {
		for name, uid := range killed {
			if now, err := p.Pod(ctx, name); err != nil || now.UID == uid || !podReady(now) {
				return fmt.Errorf("pod %s is not back %s", name, errorText(err))
			}
		}
		return nil
	})
}

// Empty replaces the last of so many pods by one without data.
func (p *Pods) Empty(ctx context.Context, pods int) error {
	if err := p.Scale(ctx, pods-1); err != nil {
		return err
	}
	data := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: "data-" + p.PodName(pods-1)}}
	if err := p.Cluster.Client.Delete(ctx, data); err != nil {
		return fmt.Errorf("delete the data of %s: %w", p.PodName(pods-1), err)
	}
	err := Wait(ctx, time.Minute, func(ctx context.Context) error {
		err := p.Cluster.Client.Get(ctx, client.ObjectKeyFromObject(data), &corev1.PersistentVolumeClaim{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("the data of %s is still there %s", p.PodName(pods-1), errorText(err))
	})
	if err != nil {
		return err
	}
	return p.Scale(ctx, pods)
}

// Host is the DNS name of a pod.
func (p *Pods) Host(pod string) string { return pod + "." + p.domain() }

// domain that the DNS names of the pods are below.
func (p *Pods) domain() string {
	return fmt.Sprintf("%s.%s.svc.%s", p.app, p.Namespace, p.Cluster.Settings.ClusterDomain)
}

// IPs of pods, by name.
func (p *Pods) IPs(ctx context.Context, pods ...string) ([]string, error) {
	var out []string
	for _, name := range pods {
		of, err := p.Pod(ctx, name)
		if err != nil {
			return nil, err
		}
		if of.Status.PodIP == "" {
			return nil, fmt.Errorf("pod %s has no IP", name)
		}
		out = append(out, of.Status.PodIP)
	}
	return out, nil
}

// Address of a pod's server, host:port with the pod's present IP.
func (p *Pods) Address(ctx context.Context, pod string) (string, error) {
	of, err := p.Pod(ctx, pod)
	if err != nil {
		return "", err
	}
	if of.Status.PodIP == "" {
		return "", fmt.Errorf("pod %s has no IP", pod)
	}
	return net.JoinHostPort(of.Status.PodIP, strconv.Itoa(int(p.port))), nil
}

// labels returns two labels of a pod as "name/readonly".
func (p *Pods) labels(ctx context.Context, pod, nameKey, readonlyKey string) (string, error) {
	of, err := p.Pod(ctx, pod)
	if err != nil {
		return "", err
	}
	name, hasName := of.Labels[nameKey]
	readonly, hasReadonly := of.Labels[readonlyKey]
	if !hasName && !hasReadonly {
		return "", nil
	}
	return name + "/" + readonly, nil
}

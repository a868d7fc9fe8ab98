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
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// fieldOwner of everything that the kit applies.
const fieldOwner = client.FieldOwner("compose-operator-tests")

// Cluster is an API server that answers.
type Cluster struct {
	Settings Settings
	// Client without a cache.
	Client client.WithWatch
	// Typed client, for logs and events.
	Typed kubernetes.Interface
	// Config of both.
	Config *rest.Config
}

// Connect to the cluster of the settings.
func Connect(settings Settings) (*Cluster, error) {
	config, err := clientcmd.BuildConfigFromFlags("", settings.Kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig %s: %w; bring the testbed up or set KUBECONFIG", settings.Kubeconfig, err)
	}
	// Without limits of its own: a poll of many objects is not an attack.
	config.QPS = -1
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, fmt.Errorf("scheme: %w", err)
	}
	c, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("client of %s: %w", config.Host, err)
	}
	typed, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("client of %s: %w", config.Host, err)
	}
	return &Cluster{Settings: settings, Client: c, Typed: typed, Config: config}, nil
}

// apply an object as its field owner.
func (c *Cluster) apply(ctx context.Context, obj client.Object) error {
	gvk, err := c.Client.GroupVersionKindFor(obj)
	if err != nil {
		return fmt.Errorf("apply %s: %w", obj.GetName(), err)
	}
	obj.GetObjectKind().SetGroupVersionKind(gvk)
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
	if err != nil {
		return fmt.Errorf("apply %s %s: %w", gvk.Kind, obj.GetName(), err)
	}
	return c.applyContent(ctx, content)
}

// CreateNamespace makes a namespace with a generated name.
func (c *Cluster) CreateNamespace(ctx context.Context, prefix string) (string, error) {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		GenerateName: prefix + "-", Labels: map[string]string{"compose-operator-tests": "true"},
	}}
	if err := c.Client.Create(ctx, ns); err != nil {
		return "", fmt.Errorf("create a namespace: %w", err)
	}
	return ns.Name, nil
}

// EnsureNamespace makes a namespace unless it exists.
func (c *Cluster) EnsureNamespace(ctx context.Context, name string) error {
	return c.apply(ctx, newNamespace(name))
}

func newNamespace(name string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"compose-operator-tests": "true"}}}
}

// DeleteNamespace asks for its deletion and does not wait.
func (c *Cluster) DeleteNamespace(ctx context.Context, name string) error {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if err := client.IgnoreNotFound(c.Client.Delete(ctx, ns)); err != nil {
		return fmt.Errorf("delete namespace %s: %w", name, err)
	}
	return nil
}

// RemoveNamespace deletes a namespace and waits until it is gone.
func (c *Cluster) RemoveNamespace(ctx context.Context, name string) error {
	if err := c.DeleteNamespace(ctx, name); err != nil {
		return err
	}
	return Wait(ctx, 2*time.Minute, func(ctx context.Context) error {
		err := c.Client.Get(ctx, client.ObjectKey{Name: name}, &corev1.Namespace{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return errors.Join(err, fmt.Errorf("namespace %s still exists", name))
	})
}

// leftoverAge: a namespace that is younger may belong to a run that goes on.
const leftoverAge = time.Hour

// DeleteLeftovers asks for the deletion of namespaces that an earlier run left.
func (c *Cluster) DeleteLeftovers(ctx context.Context, prefix string) error {
	var list corev1.NamespaceList
	if err := c.Client.List(ctx, &list, client.MatchingLabels{"compose-operator-tests": "true"}); err != nil {
		return fmt.Errorf("list namespaces: %w", err)
	}
	for _, ns := range list.Items {
		if strings.HasPrefix(ns.Name, prefix+"-") && time.Since(ns.CreationTimestamp.Time) > leftoverAge {
			if err := c.DeleteNamespace(ctx, ns.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

// Interval between two looks at a condition.
const Interval = 150 * time.Millisecond

// Wait until ready says nil, or return its last error at the timeout.
func Wait(ctx context.Context, timeout time.Duration, ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	ticker := time.NewTicker(Interval)
	defer ticker.Stop()
	var last error
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		// The error of a look that the deadline cut off says less than the one before it.
		if last == nil || ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not within %s: %w", timeout, last)
		case <-ticker.C:
		}
	}
}

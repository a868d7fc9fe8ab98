// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// The kinds of the Operator Lifecycle Manager that an installation is made of.
var (
	kindCatalogSource     = schema.GroupVersionKind{Group: "operators.coreos.com", Version: "v1alpha1", Kind: "CatalogSource"}
	kindOperatorGroup     = schema.GroupVersionKind{Group: "operators.coreos.com", Version: "v1", Kind: "OperatorGroup"}
	kindSubscription      = schema.GroupVersionKind{Group: "operators.coreos.com", Version: "v1alpha1", Kind: "Subscription"}
	kindInstallPlan       = schema.GroupVersionKind{Group: "operators.coreos.com", Version: "v1alpha1", Kind: "InstallPlan"}
	kindCSV               = schema.GroupVersionKind{Group: "operators.coreos.com", Version: "v1alpha1", Kind: "ClusterServiceVersion"}
	kindOperatorCondition = schema.GroupVersionKind{Group: "operators.coreos.com", Version: "v2", Kind: "OperatorCondition"}
)

// PackageName of the operator in its catalog. The CatalogSource, the OperatorGroup
// and the Subscription have the same name.
const PackageName = "compose-operator"

// Timeouts of OLM's own work: it pulls images, runs a Job and polls.
const (
	catalogTimeout = 2 * time.Minute
	installTimeout = 4 * time.Minute
	removalTimeout = 2 * time.Minute
)

// Package is an installation of the operator by the Operator Lifecycle Manager.
type Package struct {
	cluster   *Cluster
	namespace string
}

// SubscribeOptions say how the operator is installed by OLM.
type SubscribeOptions struct {
	// CatalogImage that offers it.
	CatalogImage string
	// Channel; "stable-v0".
	Channel string
	// Targets are the namespaces that it looks after; none: all of them.
	Targets []string
	// Manual approval of install plans.
	Manual bool
}

// DefaultChannel of the package.
const DefaultChannel = "stable-v0"

// Subscribe has OLM install the operator into the operator's namespace. It waits
// for nothing but the catalog.
func (c *Cluster) Subscribe(ctx context.Context, options SubscribeOptions) (*Package, error) {
	if options.Channel == "" {
		options.Channel = DefaultChannel
	}
	p := &Package{cluster: c, namespace: c.Settings.OperatorNamespace}
	// As docs/install.md has it: whatever OLM runs there has to keep to it.
	namespace := newNamespace(p.namespace)
	namespace.Labels["pod-security.kubernetes.io/enforce"] = "restricted"
	if err := c.apply(ctx, namespace); err != nil {
		return nil, err
	}
	if err := p.Publish(ctx, options.CatalogImage); err != nil {
		return nil, err
	}
	group := map[string]any{}
	if len(options.Targets) > 0 {
		group["targetNamespaces"] = toAny(options.Targets)
	}
	if err := p.apply(ctx, kindOperatorGroup, group); err != nil {
		return nil, err
	}
	approval := "Automatic"
	if options.Manual {
		approval = "Manual"
	}
	return p, p.apply(ctx, kindSubscription, map[string]any{
		"name": PackageName, "channel": options.Channel, "installPlanApproval": approval,
		"source": PackageName, "sourceNamespace": p.namespace,
	})
}

// Publish makes an image the package's catalog, and waits until it is served.
func (p *Package) Publish(ctx context.Context, image string) error {
	err := p.apply(ctx, kindCatalogSource, map[string]any{
		"sourceType": "grpc", "image": image, "displayName": "Compose Operator", "publisher": "Compose Operator",
		"grpcPodConfig": map[string]any{"securityContextConfig": "restricted"},
	})
	if err != nil {
		return err
	}
	return Wait(ctx, catalogTimeout, func(ctx context.Context) error {
		u, err := p.get(ctx, kindCatalogSource, PackageName)
		if err != nil {
			return err
		}
		state, _, _ := unstructured.NestedString(u.Object, "status", "connectionState", "lastObservedState")
		if state != "READY" {
			return fmt.Errorf("the catalog %s is %q", image, state)
		}
		return nil
	})
}

// WaitInstalled waits until a release is installed and nothing older is left, and
// returns the operator.
func (p *Package) WaitInstalled(ctx context.Context, csv string) (*Operator, error) {
	err := Wait(ctx, installTimeout, func(ctx context.Context) error {
		list, err := p.list(ctx, kindCSV)
		if err != nil {
			return err
		}
		var seen []string
		succeeded := false
		for _, u := range list {
			phase, message := phaseOf(&u)
			seen = append(seen, fmt.Sprintf("%s %s (%s)", u.GetName(), phase, message))
			succeeded = succeeded || u.GetName() == csv && phase == "Succeeded"
		}
		if !succeeded || len(list) != 1 {
			return fmt.Errorf("waiting for %s alone to have succeeded; there is: %s", csv, strings.Join(seen, "; "))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("OLM does not install the operator: %w\n%s", err, p.Describe(context.WithoutCancel(ctx)))
	}
	o, err := p.Operator(ctx)
	if err != nil {
		return nil, err
	}
	return o, o.WaitReady(ctx)
}

// Operator returns the installed operator.
func (p *Package) Operator(ctx context.Context) (*Operator, error) {
	list, err := p.list(ctx, kindCSV)
	if err != nil {
		return nil, err
	}
	if len(list) != 1 {
		return nil, fmt.Errorf("%d ClusterServiceVersions are there, not one", len(list))
	}
	u := list[0]
	deployments, _, err := unstructured.NestedSlice(u.Object, "spec", "install", "spec", "deployments")
	if err != nil || len(deployments) != 1 {
		return nil, fmt.Errorf("%s has not one Deployment: %w", u.GetName(), err)
	}
	first, _ := deployments[0].(map[string]any)
	name, _ := first["name"].(string)
	return &Operator{cluster: p.cluster, name: name, csv: u.GetName()}, nil
}

// Phase of a release as OLM reports it, "" when there is none, with its message.
func (p *Package) Phase(ctx context.Context, csv string) (phase, message string, err error) {
	u, err := p.get(ctx, kindCSV, csv)
	if apierrors.IsNotFound(err) {
		return "", "", nil
	}
	if err != nil {
		return "", "", err
	}
	phase, message = phaseOf(u)
	return phase, message, nil
}

func phaseOf(u *unstructured.Unstructured) (phase, message string) {
	phase, _, _ = unstructured.NestedString(u.Object, "status", "phase")
	message, _, _ = unstructured.NestedString(u.Object, "status", "message")
	return phase, message
}

// PendingPlan returns the install plan of a release that waits for approval.
func (p *Package) PendingPlan(ctx context.Context, csv string) (string, error) {
	list, err := p.list(ctx, kindInstallPlan)
	if err != nil {
		return "", err
	}
	for _, u := range list {
		names, _, _ := unstructured.NestedStringSlice(u.Object, "spec", "clusterServiceVersionNames")
		approved, _, _ := unstructured.NestedBool(u.Object, "spec", "approved")
		if !approved && len(names) == 1 && names[0] == csv {
			return u.GetName(), nil
		}
	}
	return "", fmt.Errorf("no install plan of %s waits for approval", csv)
}

// Approve an install plan.
func (p *Package) Approve(ctx context.Context, plan string) error {
	u := p.object(kindInstallPlan, plan)
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"approved":true}}`))
	if err := p.cluster.Client.Patch(ctx, u, patch); err != nil {
		return fmt.Errorf("approve install plan %s: %w", plan, err)
	}
	return nil
}

// Upgradeable is what the operator of a release tells OLM: the condition
// Upgradeable of its OperatorCondition, nil when it has not said anything.
func (p *Package) Upgradeable(ctx context.Context, csv string) (*metav1.Condition, error) {
	u, err := p.get(ctx, kindOperatorCondition, csv)
	if err != nil {
		return nil, err
	}
	list, _, err := unstructured.NestedSlice(u.Object, "spec", "conditions")
	if err != nil {
		return nil, fmt.Errorf("conditions of %s: %w", csv, err)
	}
	var conditions []metav1.Condition
	for _, one := range list {
		of, _ := one.(map[string]any)
		text := func(key string) string { s, _ := of[key].(string); return s }
		conditions = append(conditions, metav1.Condition{
			Type: text("type"), Status: metav1.ConditionStatus(text("status")), Reason: text("reason"), Message: text("message"),
		})
	}
	return meta.FindStatusCondition(conditions, "Upgradeable"), nil
}

// Uninstall deletes the Subscription and the releases, as the documentation tells
// people to, and the catalog and the group. Databases, resources and Services stay.
func (p *Package) Uninstall(ctx context.Context) error {
	installed, err := p.list(ctx, kindCSV)
	if err != nil {
		return err
	}
	for _, kind := range []schema.GroupVersionKind{kindSubscription, kindCSV, kindInstallPlan, kindCatalogSource, kindOperatorGroup} {
		list, err := p.list(ctx, kind)
		if err != nil {
			return err
		}
		for i := range list {
			if err := client.IgnoreNotFound(p.cluster.Client.Delete(ctx, &list[i])); err != nil {
				return fmt.Errorf("delete %s %s: %w", kind.Kind, list[i].GetName(), err)
			}
		}
	}
	return Wait(ctx, removalTimeout, func(ctx context.Context) error {
		list, err := p.list(ctx, kindCSV)
		if err != nil {
			return err
		}
		if len(list) > 0 {
			return fmt.Errorf("%s is still there", list[0].GetName())
		}
		if len(installed) == 0 {
			return nil // A pod that is there was not installed by OLM.
		}
		return p.cluster.operatorGone(ctx)
	})
}

// Installed returns what is in the operator's namespace, to look at or to remove.
func (c *Cluster) Installed() *Package {
	return &Package{cluster: c, namespace: c.Settings.OperatorNamespace}
}

// HasOLM says whether the cluster knows OLM's kinds.
func (c *Cluster) HasOLM() bool {
	_, err := c.Client.RESTMapper().RESTMapping(kindCSV.GroupKind(), kindCSV.Version)
	return err == nil
}

// Describe OLM's view of the installation.
func (p *Package) Describe(ctx context.Context) string {
	var b strings.Builder
	for _, kind := range []schema.GroupVersionKind{kindCatalogSource, kindSubscription, kindInstallPlan, kindCSV, kindOperatorCondition} {
		list, err := p.list(ctx, kind)
		if err != nil {
			fmt.Fprintf(&b, "%v\n", err)
			continue
		}
		for _, u := range list {
			spec, status := u.Object["spec"], u.Object["status"]
			if kind == kindCSV || kind == kindInstallPlan {
				spec = nil
			}
			fmt.Fprintf(&b, "%s %s: spec %v status %.1500v\n", kind.Kind, u.GetName(), spec, fmt.Sprint(status))
		}
	}
	return b.String()
}

func (p *Package) object(kind schema.GroupVersionKind, name string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(kind)
	u.SetNamespace(p.namespace)
	u.SetName(name)
	return u
}

func (p *Package) apply(ctx context.Context, kind schema.GroupVersionKind, spec map[string]any) error {
	u := p.object(kind, PackageName)
	u.Object["spec"] = spec
	return p.cluster.applyContent(ctx, u.Object)
}

func (p *Package) get(ctx context.Context, kind schema.GroupVersionKind, name string) (*unstructured.Unstructured, error) {
	u := p.object(kind, name)
	if err := p.cluster.Client.Get(ctx, client.ObjectKeyFromObject(u), u); err != nil {
		return nil, fmt.Errorf("%s %s: %w", kind.Kind, name, err)
	}
	return u, nil
}

// list what belongs to the operator: copies that OLM makes of others are left out.
func (p *Package) list(ctx context.Context, kind schema.GroupVersionKind) ([]unstructured.Unstructured, error) {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
	if err := p.cluster.Client.List(ctx, list, client.InNamespace(p.namespace)); err != nil {
		return nil, fmt.Errorf("list %s: %w", kind.Kind, err)
	}
	var own []unstructured.Unstructured
	for _, u := range list.Items {
		if _, copied := u.GetLabels()["olm.copiedFrom"]; !copied {
			own = append(own, u)
		}
	}
	return own, nil
}

func toAny(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

// RemovePlainInstallation deletes what Install made, but not the
// CustomResourceDefinitions with the resources, so that OLM can install instead.
func (c *Cluster) RemovePlainInstallation(ctx context.Context) error {
	documents, err := c.manifest()
	if err != nil {
		return err
	}
	for _, u := range documents {
		if kind := u.GetKind(); kind == "CustomResourceDefinition" || kind == "Namespace" {
			continue
		}
		if err := client.IgnoreNotFound(c.Client.Delete(ctx, u)); err != nil {
			return fmt.Errorf("delete %s %s: %w", u.GetKind(), u.GetName(), err)
		}
	}
	return Wait(ctx, removalTimeout, c.operatorGone)
}

// operatorGone fails while a pod of the operator exists, however it was installed.
func (c *Cluster) operatorGone(ctx context.Context) error {
	var list corev1.PodList
	err := c.Client.List(ctx, &list, client.InNamespace(c.Settings.OperatorNamespace), client.MatchingLabels{"control-plane": "compose-operator"})
	if err != nil {
		return fmt.Errorf("the operator's pods: %w", err)
	}
	if len(list.Items) > 0 {
		return fmt.Errorf("%d pod(s) of the operator are still there", len(list.Items))
	}
	return nil
}

// editCSV changes the pod that the release's Deployment is made of: OLM puts back
// what is changed in the Deployment itself.
func (o *Operator) editCSV(ctx context.Context, change func(*corev1.PodTemplateSpec)) error {
	u := (&Package{cluster: o.cluster, namespace: o.cluster.Settings.OperatorNamespace}).object(kindCSV, o.csv)
	if err := o.cluster.Client.Get(ctx, client.ObjectKeyFromObject(u), u); err != nil {
		return err
	}
	path := []string{"spec", "install", "spec", "deployments"}
	deployments, _, err := unstructured.NestedSlice(u.Object, path...)
	if err != nil || len(deployments) != 1 {
		return fmt.Errorf("%s has not one Deployment: %w", o.csv, err)
	}
	first, ok := deployments[0].(map[string]any)
	if !ok {
		return fmt.Errorf("the Deployment of %s is no object", o.csv)
	}
	content, _, err := unstructured.NestedMap(first, "spec", "template")
	if err != nil {
		return fmt.Errorf("the Deployment of %s: %w", o.csv, err)
	}
	var template corev1.PodTemplateSpec
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(content, &template); err != nil {
		return fmt.Errorf("the Deployment of %s: %w", o.csv, err)
	}
	change(&template)
	if content, err = runtime.DefaultUnstructuredConverter.ToUnstructured(&template); err != nil {
		return fmt.Errorf("the Deployment of %s: %w", o.csv, err)
	}
	if err := unstructured.SetNestedMap(first, content, "spec", "template"); err != nil {
		return fmt.Errorf("the Deployment of %s: %w", o.csv, err)
	}
	if err := unstructured.SetNestedSlice(u.Object, deployments, path...); err != nil {
		return fmt.Errorf("the Deployment of %s: %w", o.csv, err)
	}
	return o.cluster.Client.Update(ctx, u)
}

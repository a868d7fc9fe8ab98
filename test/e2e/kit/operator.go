// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// Operator is the operator's Deployment.
type Operator struct {
	cluster *Cluster
	name    string
	// csv is the ClusterServiceVersion that the Deployment is made of; "": none, it
	// was applied.
	csv   string
	fault Fault
	// stamp of the newest deployment, which its pods carry; "": as installed.
	stamp string
}

// OperatorReference names an installed operator to another process.
type OperatorReference struct {
	// Deployment of the operator.
	Deployment string
	// CSV that the Deployment is made of; "": none, it was applied.
	CSV string
}

// Reference to the operator.
func (o *Operator) Reference() OperatorReference {
	return OperatorReference{Deployment: o.name, CSV: o.csv}
}

// Attach returns the operator that another process has installed.
func (c *Cluster) Attach(r OperatorReference) *Operator {
	return &Operator{cluster: c, name: r.Deployment, csv: r.CSV}
}

// stampAnnotation tells one deployment of the operator from the next.
const stampAnnotation = "compose-operator-tests/deployed"

// Install brings the operator to the cluster as the settings say, in the place of
// one that came the other way, and waits until it runs.
func (c *Cluster) Install(ctx context.Context) (*Operator, error) {
	if c.Settings.Install != InstallByOLM {
		if c.HasOLM() {
			if err := c.Installed().Uninstall(ctx); err != nil {
				return nil, err
			}
		}
		return c.applyManifest(ctx)
	}
	if !c.HasOLM() {
		return nil, errors.New("OLM does not run on this cluster: make testbed-olm, or INSTALL=manifest")
	}
	head, _, err := Releases()
	if err != nil {
		return nil, err
	}
	installed, err := c.Installed().list(ctx, kindCSV)
	if err != nil {
		return nil, err
	}
	// Both ways make objects of the same names: what OLM has made stays.
	if len(installed) == 0 {
		if err := c.RemovePlainInstallation(ctx); err != nil {
			return nil, err
		}
	}
	p, err := c.Subscribe(ctx, SubscribeOptions{CatalogImage: c.Settings.CatalogImage})
	if err != nil {
		return nil, err
	}
	return p.WaitInstalled(ctx, head)
}

// applyManifest with the image of the settings and wait until the operator runs.
func (c *Cluster) applyManifest(ctx context.Context) (*Operator, error) {
	documents, err := c.manifest()
	if err != nil {
		return nil, err
	}
	o := &Operator{cluster: c}
	for _, u := range documents {
		if u.GetKind() == "Deployment" {
			o.name = u.GetName()
			if err := setImage(u, c.Settings.OperatorImage); err != nil {
				return nil, fmt.Errorf("%s: %w", c.Settings.Manifest, err)
			}
		}
		// A kind whose CustomResourceDefinition has just been applied takes a moment.
		err = Wait(ctx, 20*time.Second, func(ctx context.Context) error { return c.applyContent(ctx, u.Object) })
		if err != nil {
			return nil, fmt.Errorf("install the operator: %w", err)
		}
	}
	if o.name == "" {
		return nil, fmt.Errorf("%s has no Deployment", c.Settings.Manifest)
	}
	return o, o.WaitReady(ctx)
}

// manifest reads the objects of a plain installation.
func (c *Cluster) manifest() ([]*unstructured.Unstructured, error) {
	data, err := os.ReadFile(c.Settings.Manifest)
	if err != nil {
		return nil, fmt.Errorf("the operator's manifest: %w; make dist writes it, or set INSTALL_MANIFEST", err)
	}
	var out []*unstructured.Unstructured
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Settings.Manifest, err)
		}
		content := map[string]any{}
		if err := yaml.Unmarshal(document, &content); err != nil {
			return nil, fmt.Errorf("%s: %w", c.Settings.Manifest, err)
		}
		if len(content) > 0 {
			out = append(out, &unstructured.Unstructured{Object: content})
		}
	}
}

// applyContent applies an object as it is.
func (c *Cluster) applyContent(ctx context.Context, content map[string]any) error {
	u := &unstructured.Unstructured{Object: content}
	u.SetManagedFields(nil)
	u.SetResourceVersion("")
	unstructured.RemoveNestedField(u.Object, "metadata", "creationTimestamp")
	unstructured.RemoveNestedField(u.Object, "status")
	if err := c.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(u), fieldOwner, client.ForceOwnership); err != nil {
		return fmt.Errorf("apply %s %s: %w", u.GetKind(), u.GetName(), err)
	}
	return nil
}

// setImage of the first container of a Deployment.
func setImage(u *unstructured.Unstructured, image string) error {
	containers, _, err := unstructured.NestedSlice(u.Object, "spec", "template", "spec", "containers")
	if err != nil || len(containers) == 0 {
		return fmt.Errorf("the Deployment %s has no container", u.GetName())
	}
	first, ok := containers[0].(map[string]any)
	if !ok {
		return fmt.Errorf("the Deployment %s has no container", u.GetName())
	}
	first["image"], first["imagePullPolicy"] = image, string(corev1.PullIfNotPresent)
	// The same name may be another image by now: a new pod in any case.
	if err := unstructured.SetNestedField(u.Object, time.Now().Format(time.RFC3339Nano), "spec", "template", "metadata", "annotations", "compose-operator-tests/installed"); err != nil {
		return fmt.Errorf("the Deployment %s: %w", u.GetName(), err)
	}
	return unstructured.SetNestedSlice(u.Object, containers, "spec", "template", "spec", "containers")
}

// Fault tells an operator built with the tag "faults" where to die, once.
// The zero value is an ordinary operator.
type Fault string

// The variables and the volume of a fault.
const (
	faultVariable     = "COMPOSE_FAULT_CRASH_AT"
	faultOnceVariable = "COMPOSE_FAULT_ONCE"
	faultVolume       = "faults"
	faultDirectory    = "/faults"
)

// Deploy the operator with a fault, or an ordinary one, and wait until it runs.
// An ordinary one that runs already stays.
func (o *Operator) Deploy(ctx context.Context, fault Fault) error {
	if fault == "" && o.fault == "" {
		return nil
	}
	o.fault = fault
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		if o.csv != "" {
			return o.editCSV(ctx, func(t *corev1.PodTemplateSpec) { o.arm(t, fault) })
		}
		d := &appsv1.Deployment{}
		if err := o.cluster.Client.Get(ctx, client.ObjectKey{Namespace: o.cluster.Settings.OperatorNamespace, Name: o.name}, d); err != nil {
			return err
		}
		o.arm(&d.Spec.Template, fault)
		return o.cluster.Client.Update(ctx, d)
	})
	if err != nil {
		return fmt.Errorf("deploy the operator with fault %q: %w", fault, err)
	}
	return o.WaitReady(ctx)
}

// arm makes the operator's pod one with a fault, or an ordinary one.
func (o *Operator) arm(template *corev1.PodTemplateSpec, fault Fault) {
	pod := &template.Spec
	c := &pod.Containers[0]
	c.Env = deleteWhere(c.Env, func(e corev1.EnvVar) bool { return e.Name == faultVariable || e.Name == faultOnceVariable })
	c.VolumeMounts = deleteWhere(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == faultVolume })
	pod.Volumes = deleteWhere(pod.Volumes, func(v corev1.Volume) bool { return v.Name == faultVolume })
	c.Image = o.cluster.Settings.OperatorImage
	// A pod of its own for each deployment, also when only the occasion differs.
	o.stamp = time.Now().Format(time.RFC3339Nano)
	metav1.SetMetaDataAnnotation(&template.ObjectMeta, stampAnnotation, o.stamp)
	if fault == "" {
		return
	}
	c.Image = o.cluster.Settings.FaultsImage
	// An emptyDir outlives the container, so that the restarted one does not die again.
	c.Env = append(c.Env, corev1.EnvVar{Name: faultVariable, Value: string(fault)}, corev1.EnvVar{Name: faultOnceVariable, Value: faultDirectory + "/once"})
	c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: faultVolume, MountPath: faultDirectory})
	pod.Volumes = append(pod.Volumes, corev1.Volume{Name: faultVolume, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
}

func deleteWhere[T any](list []T, gone func(T) bool) []T {
	var kept []T
	for _, x := range list {
		if !gone(x) {
			kept = append(kept, x)
		}
	}
	return kept
}

// WaitReady waits until exactly the pods of the newest revision run and are ready.
func (o *Operator) WaitReady(ctx context.Context) error {
	key := client.ObjectKey{Namespace: o.cluster.Settings.OperatorNamespace, Name: o.name}
	err := Wait(ctx, 2*time.Minute, func(ctx context.Context) error {
		d := &appsv1.Deployment{}
		if err := o.cluster.Client.Get(ctx, key, d); err != nil {
			return err
		}
		// OLM makes the Deployment, a moment after its own object has changed.
		if o.stamp != "" && d.Spec.Template.Annotations[stampAnnotation] != o.stamp {
			return errors.New("the Deployment is the one before still")
		}
		want := int32(1)
		if d.Spec.Replicas != nil {
			want = *d.Spec.Replicas
		}
		if d.Status.ObservedGeneration < d.Generation || d.Status.UpdatedReplicas != want ||
			d.Status.AvailableReplicas != want || d.Status.Replicas != want {
			return fmt.Errorf("%d of %d pods are available, %d are new, %d exist", d.Status.AvailableReplicas, want, d.Status.UpdatedReplicas, d.Status.Replicas)
		}
		pods, err := o.Pods(ctx)
		if err != nil {
			return err
		}
		if len(pods) != int(want) {
			return fmt.Errorf("%d pods exist and %d are wanted", len(pods), want)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("the operator does not run: %w\n%s", err, o.Log(context.WithoutCancel(ctx), 40))
	}
	return nil
}

// Pods of the operator.
func (o *Operator) Pods(ctx context.Context) ([]corev1.Pod, error) {
	d := &appsv1.Deployment{}
	key := client.ObjectKey{Namespace: o.cluster.Settings.OperatorNamespace, Name: o.name}
	if err := o.cluster.Client.Get(ctx, key, d); err != nil {
		return nil, fmt.Errorf("the operator's Deployment: %w", err)
	}
	selector, err := metav1.LabelSelectorAsSelector(d.Spec.Selector)
	if err != nil {
		return nil, fmt.Errorf("the operator's selector: %w", err)
	}
	var list corev1.PodList
	if err := o.cluster.Client.List(ctx, &list, client.InNamespace(key.Namespace), client.MatchingLabelsSelector{Selector: selector}); err != nil {
		return nil, fmt.Errorf("the operator's pods: %w", err)
	}
	return list.Items, nil
}

// Kill deletes the operator's pods; grace 0 is as good as a crash.
func (o *Operator) Kill(ctx context.Context, grace time.Duration) error {
	pods, err := o.Pods(ctx)
	if err != nil {
		return err
	}
	for i := range pods {
		if err := client.IgnoreNotFound(o.cluster.Client.Delete(ctx, &pods[i], client.GracePeriodSeconds(int64(grace.Seconds())))); err != nil {
			return fmt.Errorf("delete the operator's pod %s: %w", pods[i].Name, err)
		}
	}
	return nil
}

// ReleaseLease lets a new process lead at once, after one that died without
// giving its lease back. It tells nothing to the process that leads.
func (o *Operator) ReleaseLease(ctx context.Context) error {
	var list coordinationv1.LeaseList
	if err := o.cluster.Client.List(ctx, &list, client.InNamespace(o.cluster.Settings.OperatorNamespace)); err != nil {
		return fmt.Errorf("the operator's lease: %w", err)
	}
	for i := range list.Items {
		if err := client.IgnoreNotFound(o.cluster.Client.Delete(ctx, &list.Items[i])); err != nil {
			return fmt.Errorf("the operator's lease: %w", err)
		}
	}
	return nil
}

// Restarts of the operator's containers, over its present pods.
func (o *Operator) Restarts(ctx context.Context) (int, error) {
	pods, err := o.Pods(ctx)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, p := range pods {
		for _, s := range p.Status.ContainerStatuses {
			n += int(s.RestartCount)
		}
	}
	return n, nil
}

// Log returns the last lines of every pod's log, of a container that died too.
func (o *Operator) Log(ctx context.Context, lines int64) string {
	pods, err := o.Pods(ctx)
	if err != nil {
		return err.Error()
	}
	var out bytes.Buffer
	for _, p := range pods {
		for _, previous := range []bool{true, false} {
			text, err := o.cluster.Typed.CoreV1().Pods(p.Namespace).GetLogs(p.Name, &corev1.PodLogOptions{TailLines: &lines, Previous: previous}).DoRaw(ctx)
			if err != nil {
				continue // Most pods have no previous container.
			}
			fmt.Fprintf(&out, "--- log of %s (previous container: %t)\n%s\n", p.Name, previous, text)
		}
	}
	return out.String()
}

// LogSince returns the logs of the operator's pods since a point in time.
func (o *Operator) LogSince(ctx context.Context, since time.Time) (string, error) {
	pods, err := o.Pods(ctx)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	at := metav1.NewTime(since.Add(-time.Second))
	for _, p := range pods {
		text, err := o.cluster.Typed.CoreV1().Pods(p.Namespace).GetLogs(p.Name, &corev1.PodLogOptions{SinceTime: &at}).DoRaw(ctx)
		if err != nil {
			return "", fmt.Errorf("log of %s: %w", p.Name, err)
		}
		out.Write(text)
	}
	return out.String(), nil
}

// PodIPs of the operator's pods.
func (o *Operator) PodIPs(ctx context.Context) ([]string, error) {
	pods, err := o.Pods(ctx)
	if err != nil {
		return nil, err
	}
	var ips []string
	for i := range pods {
		if ip := pods[i].Status.PodIP; ip != "" {
			ips = append(ips, ip)
		}
	}
	if len(ips) == 0 {
		return nil, errors.New("no pod of the operator has an IP")
	}
	return ips, nil
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package live

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Labels of everything that a test creates: who made it, and for which test.
const (
	labelMadeBy = "app.kubernetes.io/managed-by"
	madeBy      = "compose-operator-scorecard"
	labelTest   = "compose-operator-scorecard/test"
)

func (r *run) labels() map[string]string {
	return map[string]string{labelMadeBy: madeBy, labelTest: r.kind.Name()}
}

// create objects in the test's namespace, marked as the test's.
func (r *run) create(ctx context.Context, objects ...client.Object) error {
	for _, object := range objects {
		object.SetNamespace(r.Namespace)
		labels := object.GetLabels()
		if labels == nil {
			labels = map[string]string{}
		}
		for key, value := range r.labels() {
			labels[key] = value
		}
		object.SetLabels(labels)
		object.SetOwnerReferences(r.owner)
		gvk, err := r.cluster.Client.GroupVersionKindFor(object)
		if err != nil {
			return fmt.Errorf("create %s: %w", object.GetName(), err)
		}
		err = r.wait(ctx, webhookTimeout, func(ctx context.Context) error {
			err := r.cluster.Client.Create(ctx, object)
			if err == nil || apierrors.IsInternalError(err) || apierrors.IsTimeout(err) || apierrors.IsServerTimeout(err) {
				return err
			}
			return &final{err}
		})
		if apierrors.IsAlreadyExists(err) {
			err = advise(err, "namespace %s has a %s %s that this test did not make: run the scorecard in another namespace", r.Namespace, gvk.Kind, object.GetName())
		}
		if err != nil {
			return fmt.Errorf("create %s %s: %w", gvk.Kind, object.GetName(), err)
		}
	}
	return nil
}

// kinds that tests create, in the order in which they go: the custom resource first,
// so that the operator lets go of the pods while they still exist.
func (r *run) createdKinds() []schema.GroupVersionKind {
	kinds := append([]schema.GroupVersionKind{r.gvk}, r.also...)
	for _, kind := range []string{"Pod", "Service", "Secret", "ConfigMap"} {
		kinds = append(kinds, corev1.SchemeGroupVersion.WithKind(kind))
	}
	return kinds
}

// clean deletes what this test made, in this run or before, and waits until it is gone.
func (r *run) clean(ctx context.Context) error {
	timeout := cleanupTimeout
	for _, gvk := range r.createdKinds() {
		made, err := r.made(ctx, gvk)
		if err != nil {
			return err
		}
		for i := range made {
			// The data is the test's own: nothing is lost by a short farewell.
			err := r.cluster.Client.Delete(ctx, &made[i], client.GracePeriodSeconds(1), client.PropagationPolicy(metav1.DeletePropagationBackground))
			if client.IgnoreNotFound(err) != nil {
				return fmt.Errorf("delete %s %s: %w", gvk.Kind, made[i].Name, err)
			}
		}
		err = r.wait(ctx, timeout, func(ctx context.Context) error { return r.gone(ctx, gvk) })
		if err != nil {
			return advise(err, "kubectl -n %s delete %s,pod,service,secret,configmap -l %s=%s", r.Namespace, r.plural, labelTest, r.kind.Name())
		}
	}
	return nil
}

// gone says what of a kind is left: what the test made, and what the operator made for it.
func (r *run) gone(ctx context.Context, gvk schema.GroupVersionKind) error {
	made, err := r.made(ctx, gvk)
	if err != nil {
		return err
	}
	for i := range made {
		return fmt.Errorf("%s %s is still there", gvk.Kind, made[i].Name)
	}
	if gvk.Kind != "Service" {
		return nil
	}
	for _, suffix := range serviceSuffixes {
		service := &corev1.Service{}
		err := r.cluster.Client.Get(ctx, client.ObjectKey{Namespace: r.Namespace, Name: r.name + suffix}, service)
		if err == nil && len(service.OwnerReferences) > 0 {
			return fmt.Errorf("the operator's Service %s is still there", service.Name)
		}
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("look for Service %s: %w", r.name+suffix, err)
		}
	}
	return nil
}

// made lists what this test has made of a kind, metadata only: nobody needs to read a Secret.
func (r *run) made(ctx context.Context, gvk schema.GroupVersionKind) ([]metav1.PartialObjectMetadata, error) {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
	err := r.cluster.Client.List(ctx, list, client.InNamespace(r.Namespace), client.MatchingLabels(r.labels()))
	if unknownKind(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list %s of an earlier run: %w", gvk.Kind, err)
	}
	for i := range list.Items {
		list.Items[i].SetGroupVersionKind(gvk)
	}
	return list.Items, nil
}

// ownPod is the owner of everything that is created: the pod that the test runs in.
// Outside a cluster there is none.
func (r *run) ownPod(ctx context.Context) ([]metav1.OwnerReference, error) {
	if r.Pod == "" {
		return nil, nil
	}
	pod := &corev1.Pod{}
	err := r.cluster.Client.Get(ctx, client.ObjectKey{Namespace: r.Namespace, Name: r.Pod}, pod)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for the test's own pod %s: %w", r.Pod, err)
	}
	return []metav1.OwnerReference{{APIVersion: "v1", Kind: "Pod", Name: pod.Name, UID: pod.UID}}, nil
}

// waitPods until they are ready. It gives up at once when one cannot start.
func (r *run) waitPods(ctx context.Context, timeout time.Duration, names []string, ofImage string) error {
	return r.wait(ctx, timeout, func(ctx context.Context) error {
		for _, name := range names {
			pod := &corev1.Pod{}
			if err := r.cluster.Client.Get(ctx, client.ObjectKey{Namespace: r.Namespace, Name: name}, pod); err != nil {
				return fmt.Errorf("look at pod %s: %w", name, err)
			}
			if err := podReady(pod, ofImage); err != nil {
				return err
			}
		}
		return nil
	})
}

// podReady says why a pod is not ready. The error is final when waiting does not help.
func podReady(pod *corev1.Pod, ofImage string) error {
	for _, status := range pod.Status.ContainerStatuses {
		waiting := status.State.Waiting
		if waiting == nil {
			continue
		}
		switch waiting.Reason {
		case "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull":
			return &final{advise(fmt.Errorf("pod %s cannot get its image %s: %s %s", pod.Name, status.Image, waiting.Reason, waiting.Message),
				"name an image that the cluster can pull: entrypoint [compose-operator-scorecard, …, %s] in the scorecard's configuration", ofImage)}
		case "CreateContainerConfigError", "CreateContainerError", "RunContainerError":
			return &final{fmt.Errorf("pod %s cannot start: %s %s", pod.Name, waiting.Reason, waiting.Message)}
		case "CrashLoopBackOff":
			return &final{advise(fmt.Errorf("pod %s ends again and again: %s", pod.Name, waiting.Message),
				"see that the image keeps the contract that docs/scorecard.md describes: %s", ofImage)}
		}
	}
	if pod.DeletionTimestamp != nil {
		return fmt.Errorf("pod %s is being deleted", pod.Name)
	}
	why := ""
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue && pod.Status.PodIP != "" {
			return nil
		}
		if c.Status == corev1.ConditionFalse && c.Message != "" {
			why = ": " + c.Message
		}
	}
	return fmt.Errorf("pod %s is not ready (%s)%s", pod.Name, pod.Status.Phase, why)
}

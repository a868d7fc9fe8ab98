// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

const (
	storageClass    = "standard"
	provisionerName = "compose-testbed/local"
)

// provisioner makes a local volume, which is a directory, for every claim of the default class,
// and removes it with the claim. The directory outlives pods: a deleted pod comes back to its data.
type provisioner struct {
	client kubernetes.Interface
	dir    string // holds the volumes' directories
	out    func(format string, args ...any)
}

// resyncPeriod is how soon something that failed is tried again.
const resyncPeriod = 10 * time.Second

// run works until ctx ends.
func (p *provisioner) run(ctx context.Context) error {
	factory := informers.NewSharedInformerFactory(p.client, resyncPeriod)
	handle := func(f func(context.Context, any) error) cache.ResourceEventHandlerFuncs {
		each := func(obj any) {
			if err := f(ctx, obj); err != nil && ctx.Err() == nil {
				p.out("error: %v", err)
			}
		}
		return cache.ResourceEventHandlerFuncs{AddFunc: each, UpdateFunc: func(_, obj any) { each(obj) }}
	}
	if _, err := factory.Core().V1().PersistentVolumeClaims().Informer().AddEventHandler(handle(p.provision)); err != nil {
		return fmt.Errorf("watch claims: %w", err)
	}
	if _, err := factory.Core().V1().PersistentVolumes().Informer().AddEventHandler(handle(p.release)); err != nil {
		return fmt.Errorf("watch volumes: %w", err)
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	p.out("providing volumes below %s", p.dir)
	<-ctx.Done()
	factory.Shutdown()
	return nil
}

// volumeName is derived from the claim's UID: the same claim never gets two volumes.
func volumeName(claim *corev1.PersistentVolumeClaim) string { return "pvc-" + string(claim.UID) }

func (p *provisioner) provision(ctx context.Context, obj any) error {
	claim, ok := obj.(*corev1.PersistentVolumeClaim)
	if !ok || !wantsVolume(claim) {
		return nil
	}
	volume := newVolume(claim, filepath.Join(p.dir, volumeName(claim)))
	// Open to every user, because not every pod sets fsGroup.
	if err := os.MkdirAll(volume.Spec.Local.Path, 0o777); err != nil {
		return fmt.Errorf("volume for %s/%s: %w", claim.Namespace, claim.Name, err)
	}
	if err := os.Chmod(volume.Spec.Local.Path, 0o777); err != nil {
		return fmt.Errorf("volume for %s/%s: %w", claim.Namespace, claim.Name, err)
	}
	_, err := p.client.CoreV1().PersistentVolumes().Create(ctx, volume, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("volume for %s/%s: %w", claim.Namespace, claim.Name, err)
	}
	p.out("%s for %s/%s", volume.Name, claim.Namespace, claim.Name)
	return nil
}

// wantsVolume says whether a claim waits for a volume from here.
func wantsVolume(claim *corev1.PersistentVolumeClaim) bool {
	return claim.Status.Phase == corev1.ClaimPending && claim.Spec.VolumeName == "" && claim.DeletionTimestamp == nil &&
		claim.Spec.StorageClassName != nil && *claim.Spec.StorageClassName == storageClass
}

// newVolume is a local volume bound to the claim before anybody else can take it.
func newVolume(claim *corev1.PersistentVolumeClaim, path string) *corev1.PersistentVolume {
	mode := corev1.PersistentVolumeFilesystem
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{
			Name:        volumeName(claim),
			Annotations: map[string]string{"pv.kubernetes.io/provisioned-by": provisionerName},
		},
		Spec: corev1.PersistentVolumeSpec{
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: claim.Spec.Resources.Requests[corev1.ResourceStorage]},
			AccessModes:                   claim.Spec.AccessModes,
			VolumeMode:                    &mode,
			StorageClassName:              storageClass,
			PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimDelete,
			ClaimRef: &corev1.ObjectReference{
				APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID,
			},
			PersistentVolumeSource: corev1.PersistentVolumeSource{Local: &corev1.LocalVolumeSource{Path: path}},
			NodeAffinity: &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{
				NodeSelectorTerms: []corev1.NodeSelectorTerm{{
					MatchExpressions: []corev1.NodeSelectorRequirement{{
						Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{nodeName},
					}},
				}},
			}},
		},
	}
}

// release deletes a volume and its data when its claim is gone.
func (p *provisioner) release(ctx context.Context, obj any) error {
	volume, ok := obj.(*corev1.PersistentVolume)
	if !ok || !released(volume) {
		return nil
	}
	path := volume.Spec.Local.Path
	if filepath.Dir(path) != p.dir {
		return fmt.Errorf("volume %s: %s is not below %s, not deleted", volume.Name, path, p.dir)
	}
	if err := os.RemoveAll(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("volume %s: %w", volume.Name, err)
	}
	err := p.client.CoreV1().PersistentVolumes().Delete(ctx, volume.Name, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("volume %s: %w", volume.Name, err)
	}
	p.out("%s deleted", volume.Name)
	return nil
}

// released says whether a volume was made here and its claim is gone. The controller manager has no
// deleter for local volumes and may report that it failed.
func released(volume *corev1.PersistentVolume) bool {
	return volume.Annotations["pv.kubernetes.io/provisioned-by"] == provisionerName &&
		volume.DeletionTimestamp == nil && volume.Spec.Local != nil &&
		volume.Spec.PersistentVolumeReclaimPolicy == corev1.PersistentVolumeReclaimDelete &&
		(volume.Status.Phase == corev1.VolumeReleased || volume.Status.Phase == corev1.VolumeFailed)
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

func pendingClaim() *corev1.PersistentVolumeClaim {
	class := storageClass
	return &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "data-0", UID: "uid-1"},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: &class, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		},
		Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimPending},
	}
}

func testProvisioner(t *testing.T) *provisioner {
	t.Helper()
	return &provisioner{client: fake.NewClientset(), dir: t.TempDir(), out: t.Logf}
}

func TestProvisionAndRelease(t *testing.T) {
	ctx := context.Background()
	p := testProvisioner(t)
	volumes := p.client.CoreV1().PersistentVolumes()
	for range 2 { // a claim is seen more than once before it is bound
		must(t, p.provision(ctx, pendingClaim()))
	}
	volume, err := volumes.Get(ctx, "pvc-uid-1", metav1.GetOptions{})
	must(t, err)
	if ref := volume.Spec.ClaimRef; ref == nil || ref.UID != "uid-1" || ref.Name != "data-0" || ref.Namespace != "ns" {
		t.Errorf("claim = %+v", ref)
	}
	data := filepath.Join(volume.Spec.Local.Path, "data")
	must(t, os.WriteFile(data, []byte("x"), 0o600))

	volume.Status.Phase = corev1.VolumeBound
	must(t, p.release(ctx, volume))
	if !exists(data) {
		t.Fatal("the data of a bound volume is gone")
	}
	volume.Status.Phase = corev1.VolumeReleased
	must(t, p.release(ctx, volume))
	if exists(volume.Spec.Local.Path) {
		t.Error("the directory of a released volume is still there")
	}
	if _, err := volumes.Get(ctx, volume.Name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the volume is still there: %v", err)
	}
}

func TestProvisionLeavesOthersAlone(t *testing.T) {
	other := "other"
	for name, change := range map[string]func(*corev1.PersistentVolumeClaim){
		"other class": func(c *corev1.PersistentVolumeClaim) { c.Spec.StorageClassName = &other },
		"no class":    func(c *corev1.PersistentVolumeClaim) { c.Spec.StorageClassName = nil },
		"bound":       func(c *corev1.PersistentVolumeClaim) { c.Status.Phase = corev1.ClaimBound },
		"being deleted": func(c *corev1.PersistentVolumeClaim) {
			now := metav1.Now()
			c.DeletionTimestamp = &now
		},
	} {
		claim := pendingClaim()
		change(claim)
		if wantsVolume(claim) {
			t.Errorf("%s: wants a volume", name)
		}
	}
}

func TestReleaseStaysInItsDirectory(t *testing.T) {
	p := testProvisioner(t)
	outside := t.TempDir()
	volume := newVolume(pendingClaim(), outside)
	volume.Status.Phase = corev1.VolumeReleased
	if err := p.release(context.Background(), volume); err == nil || !exists(outside) {
		t.Errorf("a directory elsewhere was deleted: %v", err)
	}
}

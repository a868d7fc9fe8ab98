// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// disks are file systems of a limited size below the volumes of a set, on the node's
// own machine: local volumes are directories, which are as large as the machine's disk.
type disks struct {
	// dir holds the images, volumes the directories by pod.
	dir     string
	volumes map[string]string
}

// limitDisks makes the volumes of a set's pods before the pods, each with a file system
// of so many bytes.
func (p *Pods) limitDisks(ctx context.Context, pods int, storageClass string, bytes int64) (err error) {
	p.disks = disks{volumes: map[string]string{}}
	if p.disks.dir, err = os.MkdirTemp("", "compose-operator-disks-"); err != nil {
		return fmt.Errorf("limited disks: %w", err)
	}
	for i := range pods {
		claim := dataClaim(storageClass)
		claim.Namespace, claim.Name = p.Namespace, claim.Name+"-"+p.PodName(i)
		claim.Labels = map[string]string{"app": p.app}
		if err := p.Cluster.apply(ctx, &claim); err != nil {
			return err
		}
		path, err := p.volumePath(ctx, claim.Name)
		if err != nil {
			return err
		}
		image := filepath.Join(p.disks.dir, p.PodName(i))
		for _, command := range [][]string{
			{"truncate", "-s", strconv.FormatInt(bytes, 10), image},
			{"mkfs.ext4", "-q", "-m", "0", image},
			{"mount", "-o", "loop", image, path},
			{"chmod", "0777", path},
			// mysqld takes a directory with something in it for its data.
			{"rmdir", filepath.Join(path, "lost+found")},
		} {
			if err := onMachine(ctx, command...); err != nil {
				return err
			}
		}
		p.disks.volumes[p.PodName(i)] = path
	}
	return nil
}

// volumePath waits for a claim's volume and returns its directory on this machine.
func (p *Pods) volumePath(ctx context.Context, claim string) (path string, err error) {
	return path, Wait(ctx, time.Minute, func(ctx context.Context) error {
		bound := &corev1.PersistentVolumeClaim{}
		if err := p.Cluster.Client.Get(ctx, client.ObjectKey{Namespace: p.Namespace, Name: claim}, bound); err != nil {
			return err
		}
		if bound.Spec.VolumeName == "" {
			return fmt.Errorf("claim %s has no volume yet", claim)
		}
		volume := &corev1.PersistentVolume{}
		if err := p.Cluster.Client.Get(ctx, client.ObjectKey{Name: bound.Spec.VolumeName}, volume); err != nil {
			return err
		}
		if volume.Spec.Local == nil {
			return fmt.Errorf("volume %s is not a directory of the node", volume.Name)
		}
		path = volume.Spec.Local.Path
		_, err := os.Stat(path)
		return err
	})
}

// FillDisk leaves no byte free on a pod's limited disk, until mend is called.
func (p *Pods) FillDisk(_ context.Context, pod string) (mend func(context.Context) error, err error) {
	path := p.disks.volumes[pod]
	if path == "" {
		return nil, fmt.Errorf("pod %s has no limited disk", pod)
	}
	name := filepath.Join(path, "filler")
	filler, err := os.Create(name) //nolint:gosec // a volume that this set has made
	if err != nil {
		return nil, fmt.Errorf("fill the disk of pod %s: %w", pod, err)
	}
	mend = func(context.Context) error {
		if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("empty the disk of pod %s: %w", pod, err)
		}
		return nil
	}
	// Large pieces first, then what is left.
	for _, size := range []int{1 << 20, 4 << 10, 1} {
		piece := make([]byte, size)
		for err = nil; err == nil; {
			_, err = filler.Write(piece)
		}
		if !errors.Is(err, syscall.ENOSPC) {
			return nil, errors.Join(fmt.Errorf("fill the disk of pod %s: %w", pod, err), filler.Close(), mend(context.Background()))
		}
	}
	return mend, errors.Join(filler.Sync(), filler.Close())
}

// release detaches the disks; pods that still run keep theirs until they end.
func (d *disks) release() {
	for _, path := range d.volumes {
		_ = onMachine(context.Background(), "umount", "-l", path)
	}
	if d.dir != "" {
		_ = os.RemoveAll(d.dir)
	}
	*d = disks{}
}

// onMachine runs a command on this machine.
func onMachine(ctx context.Context, command ...string) error {
	ctx, cancel := context.WithTimeout(ctx, machineTimeout)
	defer cancel()
	if out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput(); err != nil { //nolint:gosec // the commands above
		return fmt.Errorf("%v: %w: %s", command, err, out)
	}
	return nil
}

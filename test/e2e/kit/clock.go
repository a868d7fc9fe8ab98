// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Clocks of pods, by libfaketime: a library that is loaded before all others and changes
// what the C library says of the time. It reads a file on the pod's volume once a second,
// so that a clock jumps while the server runs.
const (
	clockMap = "faketime"
	// clockLibraries is where Debian's package libfaketime has the library for programs
	// with threads.
	clockLibraries = "/usr/lib/*/faketime/libfaketimeMT.so.1"
	clockLibrary   = "libfaketimeMT.so.1"
	clockDirectory = "/faketime"
	clockFile      = "clock"
	clockTimeout   = 15 * time.Second
)

// giveClocks gives the pods to be what SkewClock needs. The library is this machine's: a
// ConfigMap brings it into the pods, so that no image is needed but the one that is tested.
func (s *Set) giveClocks(ctx context.Context, pod *corev1.PodSpec) error {
	found, err := filepath.Glob(clockLibraries)
	if err != nil || len(found) == 0 {
		return errors.Join(fmt.Errorf("clocks of pods: %s is not there: install Debian's package libfaketime", clockLibraries), err)
	}
	library, err := os.ReadFile(found[0])
	if err != nil {
		return fmt.Errorf("clocks of pods: %w", err)
	}
	err = s.Cluster.apply(ctx, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: clockMap},
		BinaryData: map[string][]byte{clockLibrary: library},
	})
	if err != nil {
		return err
	}
	pod.Volumes = append(pod.Volumes, corev1.Volume{Name: clockMap, VolumeSource: corev1.VolumeSource{
		ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: clockMap}},
	}})
	server := &pod.Containers[0]
	server.VolumeMounts = append(server.VolumeMounts, corev1.VolumeMount{Name: clockMap, MountPath: clockDirectory, ReadOnly: true})
	server.Env = append(server.Env, []corev1.EnvVar{
		{Name: "LD_PRELOAD", Value: clockDirectory + "/" + clockLibrary},
		{Name: "FAKETIME_TIMESTAMP_FILE", Value: dataMount + "/" + clockFile},
		{Name: "FAKETIME_CACHE_DURATION", Value: "1"},
		// Time that passes passes as ever. Without the second one InnoDB's threads never sleep:
		// they wait by the monotonic clock, and the library would take that for the other one.
		{Name: "FAKETIME_DONT_FAKE_MONOTONIC", Value: "1"},
		{Name: "FAKETIME_FORCE_MONOTONIC_FIX", Value: "0"},
	}...)
	return nil
}

// SkewClock lets the clock of a pod's server jump, ahead or back, and returns when the server
// says so. mend lets it jump to the right time.
func (s *Set) SkewClock(ctx context.Context, pod string, by time.Duration) (mend func(context.Context) error, err error) {
	path, err := s.volumePath(ctx, "data-"+pod)
	if err != nil {
		return nil, err
	}
	name := filepath.Join(path, clockFile)
	mend = func(context.Context) error {
		if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("clock of pod %s: %w", pod, err)
		}
		return nil
	}
	if err := os.WriteFile(name, fmt.Appendf(nil, "%+d\n", int(by.Seconds())), 0o644); err != nil { //nolint:gosec // the pod's user reads it
		return nil, fmt.Errorf("clock of pod %s: %w", pod, err)
	}
	jumped := func(ctx context.Context) error {
		text, err := s.Query(ctx, pod, "SELECT FLOOR(UNIX_TIMESTAMP(SYSDATE(6)))")
		if err != nil {
			return err
		}
		says, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("the time of pod %s: %w", pod, err)
		}
		if off := time.Until(time.Unix(says, 0)) - by; off.Abs() > time.Minute {
			return fmt.Errorf("the clock of pod %s is %s away from what it should be: was the set made with OwnClocks?", pod, off.Round(time.Second))
		}
		return nil
	}
	if err := Wait(ctx, clockTimeout, jumped); err != nil {
		return nil, errors.Join(err, mend(ctx))
	}
	return mend, nil
}

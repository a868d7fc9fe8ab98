// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package replication

import (
	"cmp"

	corev1 "k8s.io/api/core/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// Route is what the Services of a set follow from.
type Route struct {
	// Name of the resource.
	Name string
	// Service of the spec; nil: ClusterIP.
	Service  *v1alpha1.ServiceSpec
	PortName string
	// Wanted names the source of the spec, Present that of the status ("": none yet).
	Wanted, Present string
	Members         []Member
}

// Services lists those that should exist: -readonly only while the spec has a replica that
// takes part. None without a source. Pure.
func (r Route) Services() []reconcile.ServiceWant {
	if r.Wanted == "" {
		return nil
	}
	base := reconcile.ServiceWant{Type: corev1.ServiceTypeClusterIP, PortName: r.PortName}
	if s := r.Service; s != nil && s.Type != "" {
		base.Type, base.ExternalName = s.Type, s.ExternalName
	}
	readWrite, readOnly := base, base
	readWrite.Name = r.Name + v1alpha1.ServiceSuffixReadWrite
	readOnly.Name, readOnly.Readonly = r.Name+v1alpha1.ServiceSuffixReadOnly, true
	readWrite.Port, readOnly.Port = r.Ports()
	out := []reconcile.ServiceWant{readWrite}
	for _, m := range r.Members {
		if m.Name != r.Wanted && !m.Isolated && !m.Leaving {
			return append(out, readOnly)
		}
	}
	return out
}

// Ports of -readwrite, which is the present source's, and of -readonly: that of the first
// replica that takes part. A port is that of the nodes which are led to, so that a change of
// the source changes it with the route and not before. A pod that listens on another port
// cannot be behind the same Service; an external node can, and is asked only where no pod
// takes part. The node that is to become the source is the last to be asked.
func (r Route) Ports() (readWrite, readOnly int32) {
	source := cmp.Or(r.Present, r.Wanted)
	var wanted Member
	var outside int32
	for _, m := range r.Members {
		if m.Name == r.Wanted {
			wanted = m
		}
		switch {
		case m.Name == source:
			readWrite = m.Port
		case m.Name == r.Wanted || m.Isolated || m.Leaving:
		case m.External && outside == 0:
			outside = m.Port
		case !m.External && readOnly == 0:
			readOnly = m.Port
		}
	}
	readWrite = cmp.Or(readWrite, wanted.Port)
	if readOnly == 0 && !wanted.External {
		readOnly = wanted.Port
	}
	return readWrite, cmp.Or(readOnly, outside, wanted.Port)
}

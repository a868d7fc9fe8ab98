// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"net/netip"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/internal/kube"
)

// Description is what the kernel must know of a resource before anything is
// asked of a database: a pure function of the object.
type Description struct {
	// Pods that the resource names, by node name. A pod that has its labels and is
	// neither here nor in a Routing of the plan loses them, so one that the status
	// still names (an old source) belongs here as well.
	Pods []string
	// External are the nodes that are no pods. None of them is in Pods.
	External []ExternalNode
	// Leaving are those of Pods and External that the spec no longer names: they may be missing.
	Leaving []string
	// SecretName and SecretKeys of the passwords; a key is also the user's name.
	SecretName string
	SecretKeys []string
	// AESSecretName and AESSecretKey of the key they are encrypted with.
	AESSecretName, AESSecretKey string
	// TLS is what the operator's own connections are to be secured with.
	TLS credential.TLSRef
	// LabelName and LabelReadonly are the keys of the managed pod labels.
	LabelName, LabelReadonly string
	// Marks are the keys of labels on further pods, which are none of the nodes (Plan.Labels).
	Marks kube.MarkKeys
	// Marked are those pods: the resource is looked at when one of them changes.
	Marked []string
	// Uses are further resources of the namespace that the observation needs (Depender).
	Uses []Use
	// Conditions that are the planner's; empty: TopologyReady. They are what is reported
	// of while nothing can be looked at.
	Conditions []string
	// Services that should exist. A managed Service that is not listed is deleted.
	Services []ServiceWant
	// InFlight: a record says that something is half done. It is finished or undone
	// with the last passwords that worked when the present ones cannot be read.
	InFlight bool
	// UnderWay: a change that a user asked for is on record, from its first
	// preparations until it has ended or was undone. This is no time to exchange
	// the operator.
	UnderWay bool
	// Skip: observe and route only.
	Skip bool
}

// ServiceWant is one managed Service.
type ServiceWant = kube.ServiceWant

// Pod is what the kernel knows of a node without asking the database.
type Pod struct {
	// Exists, UID and Terminating are those of the pod; of an external node they say nothing.
	Exists      bool
	UID         types.UID
	Terminating bool
	// Labels that are managed. For an external node they say what its EndpointSlices do:
	// which Service leads to it.
	Name, Readonly string

	// External: the node is no pod.
	External bool
	// Addresses of an external node, each usable in an EndpointSlice: one, or one of
	// each family of one server. The node is to be asked there, so that the one that was
	// seen is the one that is led to.
	Addresses []netip.Addr
	// Unresolved says why an external node has none.
	Unresolved string
}

// Gone says whether the node is known to have no server: its pod does not exist. Of an
// external node nobody knows.
func (p Pod) Gone() bool { return !p.Exists && !p.External }

// Scene is what one pass works with.
type Scene[T client.Object] struct {
	Key types.NamespacedName
	// Object is a copy; its status is the newest that this process knows.
	Object T
	// Credentials are nil when they could not be resolved.
	Credentials *credential.Credentials
	// CredentialError says why, then.
	CredentialError error
	// Pods by node name.
	Pods map[string]Pod
	// Used are the objects of Description.Uses, in that order; nil: it does not exist.
	// Nobody changes them.
	Used []client.Object
	Now  time.Time
}

// Engine is what one kind of resource brings to the kernel: T is the resource,
// S the state that it observes, D what its planner wants to have remembered.
type Engine[T client.Object, S, D any] interface {
	// Kind is the kind's name in API terms, e.g. "MysqlReplication".
	Kind() string
	// New returns an empty resource.
	New() T
	// NewList returns an empty list of the resource.
	NewList() client.ObjectList
	// Describe is pure. It must work on an empty object too: the label keys are
	// asked for before there is a resource.
	Describe(T) Description
	// Observe asks every node, in parallel, with deadlines, and changes nothing.
	// It never fails: a node that cannot be seen is unknown in the state.
	Observe(context.Context, Scene[T]) S
	// Plan is pure.
	Plan(Scene[T], S) Plan[D]
	// Act runs one action. facts holds what earlier steps learned (read only);
	// what it returns is merged into them.
	Act(ctx context.Context, scene Scene[T], action Action, facts Facts) (Facts, error)
	// Project writes the engine's part of the status into the object: pure.
	// The kernel adds conditions, ready and observedGeneration.
	Project(Scene[T], S, Plan[D])
	// StatusOf gives the kernel the parts of the status that every kind has.
	StatusOf(T) CommonStatus
	// Calm returns a copy of the object's status without figures that move by
	// themselves (log positions, lag): what is left decides whether a status is written.
	Calm(T) any
	// Measure sets the kind's metrics from a pass.
	Measure(Scene[T], S, Plan[D])
	// Forget releases what is held for a resource that is gone: connections, metrics.
	Forget(types.NamespacedName)
}

// CommonStatus points into an object's status.
type CommonStatus struct {
	Conditions         *[]metav1.Condition
	Ready              *bool
	ObservedGeneration *int64
	ReadWriteService   *string
	ReadOnlyService    *string
}

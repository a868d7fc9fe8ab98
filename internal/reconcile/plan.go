// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Action is one thing to do to one database server: a plain value, made by a
// planner and run by the engine of the same kind. Running it twice does no harm,
// and it checks on the server itself that it still applies.
type Action interface {
	// Node that it is done to.
	Node() string
	// About is what a person reads in events and logs, e.g. "fence". Never a secret.
	About() string
}

// Deadliner is an Action that sets its own time limit instead of DefaultDeadline.
type Deadliner interface {
	Deadline() time.Duration
}

// DefaultDeadline is the time that an action has.
const DefaultDeadline = 15 * time.Second

// Access says which Service reaches a pod.
type Access string

// The values of Access. A node that a Routing does not name keeps its labels.
const (
	// AccessReadWrite puts the pod behind <name>-readwrite.
	AccessReadWrite Access = "readwrite"
	// AccessReadOnly puts the pod behind <name>-readonly.
	AccessReadOnly Access = "readonly"
	// AccessNone takes the managed labels away.
	AccessNone Access = "none"
)

// Routing is the access of each node by name.
type Routing map[string]Access

// Step is a set of actions that run at the same time, and the routing that is
// put in place once they have all succeeded.
type Step struct {
	// Name of the step, for logs, metrics and fault points, e.g. "fence".
	Name string
	// Actions run in parallel.
	Actions []Action
	// Routing is applied after the actions, back to back.
	Routing Routing
	// StopsWrites: from this step on nobody can write, until the end of the step
	// that RestoresWrites. The time between is measured.
	StopsWrites, RestoresWrites bool
	// Whole: what follows builds on every one of the actions. The step fails, and none
	// of them is done, where one is on a node whose pod belongs to another resource.
	// While writes are stopped every step that is not Optional is like that.
	Whole bool
	// Optional: a failure is reported and does not stop the steps after it.
	Optional bool
	// Background: the steps after it do not wait for it. The kernel waits for it
	// at the end of the plan. Its failure is treated as if it were Optional.
	Background bool
}

// Plan is what a planner decided. The kernel carries it out in this order:
// Persist (write the status first), Steps, Services, status, events.
type Plan[D any] struct {
	// Data is the engine's own part: what it wants to have remembered in the status.
	Data D
	// Persist demands that the status, with Data, is written before any step runs:
	// a new operator must find the record of what this one was about to do.
	Persist bool
	// MustFinish: the steps are run to the end also when the process is asked to
	// stop meanwhile (bounded by their own deadlines).
	MustFinish bool
	// Steps in order. A step that fails ends the pass unless it is Optional.
	Steps []Step
	// Labels of further pods, which are none of the nodes: by pod the value of each key of
	// Description.Marks; "" is no label. A pod that is not here any more loses them.
	Labels map[string]map[string]string
	// Conditions to report, without ObservedGeneration and times.
	Conditions []metav1.Condition
	// Events to announce. The same event is not repeated while it stays true.
	Events []Event
	// Again asks for another observation right after the steps.
	Again bool
	// Next is when to look again at the latest; zero: the kind's poll interval.
	Next time.Duration
}

// Event is something that a person should be told once.
type Event struct {
	// Warning or else Normal.
	Warning bool
	// Reason is a typed word, e.g. "SwitchoverFinished".
	Reason string
	// Message for a person, naming what to do where something is to be done.
	Message string
	// Once identifies the occurrence: the same Reason with the same Once is
	// announced one time only by a process. Empty: the message is used.
	Once string
}

// Facts are what actions learned and later steps of the same pass need, e.g. the
// position of a fenced source.
type Facts map[string]string

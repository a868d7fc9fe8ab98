// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Package metrics holds the operator's own Prometheus metrics. They are served
// beside controller-runtime's, from its registry.
package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

const namespace = "compose_operator"

// Labels that the metrics have.
const (
	labelKind      = "kind"
	labelNamespace = "namespace"
	labelName      = "name"
	labelNode      = "node"
	labelRole      = "role"
	labelPhase     = "phase"
	labelResult    = "result"
	labelStep      = "step"
	labelCondition = "condition"
	labelReason    = "reason"
)

// ofSet are the labels of a metric of one custom resource.
var ofSet = []string{labelKind, labelNamespace, labelName}

func ofSetAnd(more ...string) []string { return append(append([]string{}, ofSet...), more...) }

var (
	rejoins = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: namespace, Name: "rejoins_total",
		Help: "Nodes that were made anew from another one, by result: finished, failed.",
	}, ofSetAnd(labelResult))
	setReady = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: namespace, Name: "set_ready",
		Help: "1 when the condition Ready of the resource is true, else 0.",
	}, ofSet)
	switchoverInFlight = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: namespace, Name: "switchover_in_flight",
		Help: "1 for the phase of a switchover in progress. Absent when there is none.",
	}, ofSetAnd(labelPhase))
	switchovers = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: namespace, Name: "switchovers_total",
		Help: "Switchovers by result: finished, undone, refused, failover.",
	}, ofSetAnd(labelResult))
	switchoverDuration = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: namespace, Name: "switchover_duration_seconds",
		Help:    "Time from the beginning of a switchover to its end, preparation included.",
		Buckets: []float64{.1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300},
	}, ofSet)
	switchoverFenced = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: namespace, Name: "switchover_fenced_seconds",
		Help:    "Time from the fence of the old source to the route to the new one: no writes are taken.",
		Buckets: []float64{.01, .025, .05, .075, .1, .15, .25, .5, 1, 2.5, 5, 10, 30},
	}, ofSet)
	stepDuration = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: namespace, Name: "step_duration_seconds",
		Help:    "Time that one step of a plan took, its routing included.",
		Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15},
	}, []string{labelKind, labelStep})
	panics = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: namespace, Name: "panics_total",
		Help: "Panics in the operator's own code that ended one pass or one action. Please report them.",
	}, []string{labelKind})
)

func init() {
	metrics.Registry.MustRegister(nodes, rejoins, setReady, setCondition,
		switchoverInFlight, switchovers, switchoverDuration, switchoverFenced, stepDuration, panics)
}

// Set is the custom resource that a metric is about.
type Set struct {
	Kind, Namespace, Name string
}

func (s Set) labels() prometheus.Labels {
	return prometheus.Labels{labelKind: s.Kind, labelNamespace: s.Namespace, labelName: s.Name}
}

// SetReady reports the condition Ready. It also begins the counters that alerts look
// at: an increase from nothing to one is none to Prometheus, one from zero is.
func SetReady(set Set, ready bool) {
	setReady.With(set.labels()).Set(number(ready))
	for _, result := range []Result{Finished, Undone, Refused, Failover} {
		switchovers.WithLabelValues(set.Kind, set.Namespace, set.Name, string(result))
	}
	panics.WithLabelValues(set.Kind)
}

// SetSwitchover reports the phase of the switchover in progress; empty: there is none.
func SetSwitchover(set Set, phase string) {
	switchoverInFlight.DeletePartialMatch(set.labels())
	if phase == "" {
		return
	}
	labels := set.labels()
	labels[labelPhase] = phase
	switchoverInFlight.With(labels).Set(1)
}

// Result of a switchover.
type Result string

// The values of Result.
const (
	Finished Result = "finished"
	Undone   Result = "undone"
	Refused  Result = "refused"
	Failover Result = "failover"
)

// CountSwitchover counts the end of a switchover. The caller sees to it that
// each is counted once.
func CountSwitchover(set Set, result Result) {
	labels := set.labels()
	labels[labelResult] = string(result)
	switchovers.With(labels).Inc()
}

// Results of making a node anew.
const (
	RejoinFinished Result = "finished"
	RejoinFailed   Result = "failed"
)

// CountRejoin counts the end of making a node anew. The caller sees to it that each is
// counted once.
func CountRejoin(set Set, result Result) {
	rejoins.WithLabelValues(set.Kind, set.Namespace, set.Name, string(result)).Inc()
}

// ObserveSwitchover records how long a finished switchover took.
func ObserveSwitchover(set Set, duration time.Duration) {
	switchoverDuration.With(set.labels()).Observe(duration.Seconds())
}

// ObserveFenced records for how long a set took no writes while its source changed.
func ObserveFenced(set Set, fenced time.Duration) {
	switchoverFenced.With(set.labels()).Observe(fenced.Seconds())
}

// ObserveStep records how long a step took.
func ObserveStep(kind, step string, duration time.Duration) {
	stepDuration.WithLabelValues(kind, step).Observe(duration.Seconds())
}

// CountPanic counts a panic that was caught.
func CountPanic(kind string) { panics.WithLabelValues(kind).Inc() }

// ForgetObject deletes every series of a resource that is gone.
func ForgetObject(kind, namespace, name string) {
	set := Set{Kind: kind, Namespace: namespace, Name: name}
	ForgetNodes(set)
	forgetConditions(set)
	labels := set.labels()
	for _, metric := range []interface {
		DeletePartialMatch(prometheus.Labels) int
	}{setReady, switchoverInFlight, switchovers, switchoverDuration, switchoverFenced, rejoins, slotsServed, slotsToMove, keysMoved} {
		metric.DeletePartialMatch(labels)
	}
}

func truth(is *bool) *float64 {
	if is == nil {
		return nil
	}
	value := number(*is)
	return &value
}

func number(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

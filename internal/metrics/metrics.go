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
	nodeUp = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: namespace, Name: "node_up",
		Help: "1 when the operator could observe the node at its last look, else 0.",
	}, ofSetAnd(labelNode))
	nodeRole = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: namespace, Name: "node_role",
		Help: "1 for the role that the node was last observed in. A node has one series.",
	}, ofSetAnd(labelNode, labelRole))
	nodeLag = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: namespace, Name: "node_lag_seconds",
		Help: "Seconds that the node is behind its source, as the server says. Absent when the server gives no figure.",
	}, ofSetAnd(labelNode))
	nodeReadOnly = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: namespace, Name: "node_read_only",
		Help: "1 when the node refuses writes, 0 when it takes them. Absent when unknown.",
	}, ofSetAnd(labelNode))
	nodeReplicating = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: namespace, Name: "node_replicating",
		Help: "1 when the node follows its set's source and both replication threads run, else 0. Absent when unknown, and for a node that should not replicate.",
	}, ofSetAnd(labelNode))
	nodeErrant = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: namespace, Name: "node_errant_transactions",
		Help: "Transactions that the node holds and its set's source lacks. Absent when the two could not be compared.",
	}, ofSetAnd(labelNode))
	nodeDiverged = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: namespace, Name: "node_diverged",
		Help: "1 when the node holds, or may hold, writes that its set's source lacks, else 0. Redis cannot count them. Absent when the two could not be compared.",
	}, ofSetAnd(labelNode))
	nodeClone = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: namespace, Name: "node_clone_progress",
		Help: "Part of the data that is copied while a node is made anew, from 0 to 1. Absent when none is.",
	}, ofSetAnd(labelNode))
	nodeSemiSync = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: namespace, Name: "node_semi_sync",
		Help: "1 when the source's commits wait for replicas, or the replica acknowledges, else 0. Absent in asynchronous mode and when unknown.",
	}, ofSetAnd(labelNode))
	nodeVouchedBy = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: namespace, Name: "node_vouched_by",
		Help: "Replicas that have each transaction which the source has acknowledged, in semi-synchronous mode. Absent for all other nodes.",
	}, ofSetAnd(labelNode))
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

// ofNode are the metrics of one node.
var ofNode = []*prometheus.GaugeVec{nodeUp, nodeRole, nodeLag, nodeReadOnly, nodeReplicating, nodeErrant, nodeDiverged, nodeClone, nodeSemiSync, nodeVouchedBy}

func init() {
	metrics.Registry.MustRegister(nodeUp, nodeRole, nodeLag, nodeReadOnly, nodeReplicating, nodeErrant, nodeDiverged, nodeClone, nodeSemiSync, nodeVouchedBy, rejoins, setReady, setCondition,
		switchoverInFlight, switchovers, switchoverDuration, switchoverFenced, stepDuration, panics)
}

// Set is the custom resource that a metric is about.
type Set struct {
	Kind, Namespace, Name string
}

func (s Set) labels() prometheus.Labels {
	return prometheus.Labels{labelKind: s.Kind, labelNamespace: s.Namespace, labelName: s.Name}
}

func (s Set) node(node string) prometheus.Labels {
	labels := s.labels()
	labels[labelNode] = node
	return labels
}

// Node is what is measured of one node.
type Node struct {
	Up bool
	// Role that was observed, as the status has it. Empty: none is reported.
	Role string
	// LagSeconds is nil when the server gave no figure.
	LagSeconds *float64
	// ReadOnly is nil when unknown.
	ReadOnly *bool
	// Replicating is nil when unknown, and for a node that should not replicate.
	Replicating *bool
	// Errant is how many transactions the node has and its source lacks; nil when the
	// two could not be compared.
	Errant *float64
	// Diverged says whether it has, or may have, something that its source lacks; nil when
	// the two could not be compared, and where Errant counts it.
	Diverged *bool
	// Clone is the part that is copied while the node is made anew; nil when it is not.
	Clone *float64
	// SemiSync is nil when unknown, and for a node that has no part in it.
	SemiSync *bool
	// VouchedBy is how many replicas have what the source has acknowledged; nil for all
	// other nodes.
	VouchedBy *float64
}

// SetNode replaces the series of one node.
func SetNode(set Set, name string, node Node) {
	labels := set.node(name)
	nodeUp.With(labels).Set(number(node.Up))
	// Another role has another series: without this, both would be there.
	if before := nodeRoles.exchange(set, name, node.Role); before != "" && before != node.Role {
		nodeRole.DeleteLabelValues(set.Kind, set.Namespace, set.Name, name, before)
	}
	if node.Role != "" {
		nodeRole.WithLabelValues(set.Kind, set.Namespace, set.Name, name, node.Role).Set(1)
	}
	replace(nodeLag, labels, node.LagSeconds)
	replace(nodeReadOnly, labels, truth(node.ReadOnly))
	replace(nodeReplicating, labels, truth(node.Replicating))
	replace(nodeErrant, labels, node.Errant)
	replace(nodeDiverged, labels, truth(node.Diverged))
	replace(nodeClone, labels, node.Clone)
	replace(nodeSemiSync, labels, truth(node.SemiSync))
	replace(nodeVouchedBy, labels, node.VouchedBy)
}

// replace sets a series, or deletes it when there is no figure.
func replace(metric *prometheus.GaugeVec, labels prometheus.Labels, value *float64) {
	if value == nil {
		metric.Delete(labels)
		return
	}
	metric.With(labels).Set(*value)
}

// ForgetNode deletes the series of a node that left its set.
func ForgetNode(set Set, name string) {
	nodeRoles.exchange(set, name, "")
	forgetNodes(set.node(name))
}

// ForgetNodes deletes the series of all nodes of a set that is not looked at: what
// was seen of them is not known any more.
func ForgetNodes(set Set) {
	nodeRoles.forget(set)
	forgetNodes(set.labels())
}

func forgetNodes(labels prometheus.Labels) {
	for _, metric := range ofNode {
		metric.DeletePartialMatch(labels)
	}
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
	}{setReady, switchoverInFlight, switchovers, switchoverDuration, switchoverFenced, rejoins} {
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

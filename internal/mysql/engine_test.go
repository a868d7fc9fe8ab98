// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/internal/reconcile"
)

func sceneOf(o *v1alpha1.MysqlReplication) Scene {
	return Scene{Key: types.NamespacedName{Namespace: o.Namespace, Name: o.Name}, Object: o, Now: time.Now()}
}

// Without passwords nothing is known of a server, least of all that it is gone.
func TestWithoutPasswords(t *testing.T) {
	e, scene := NewEngine(), sceneOf(described())
	scene.CredentialError = errors.New("Secret team/passwords does not exist")
	state := e.Observe(t.Context(), scene)
	for _, name := range []string{"a", "b"} {
		if s := state.Nodes[name]; s == nil || s.Reach != ReachError || !strings.Contains(s.Problem, "team/passwords") {
			t.Errorf("%s: %+v", name, s)
		}
	}
	if _, err := e.Act(t.Context(), scene, StopReceiver{target{"a"}}, nil); err == nil {
		t.Error("an action without a password succeeded")
	}
}

// Handles follow addresses and credentials.
func TestHandlesFollowTheSpec(t *testing.T) {
	e, o := NewEngine(), described()
	scene := sceneOf(o)
	observe := func(version string) {
		scene.Credentials = &credential.Credentials{Version: version}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		e.Observe(ctx, scene)
	}
	observe("1")
	first := map[string]*handle{}
	for _, m := range Members(o) {
		h, err := e.open(scene, m)
		if err != nil {
			t.Fatal(err)
		}
		first[m.Name] = h
	}
	o.Spec.Replica[0].Host = "elsewhere"
	observe("1")
	for _, m := range Members(o) {
		h, _ := e.open(scene, m)
		if same := h == first[m.Name]; same != (m.Name == "a") {
			t.Errorf("%s: same handle: %v", m.Name, same)
		}
	}
	observe("2")
	if h, _ := e.open(scene, Members(o)[0]); h == first["a"] {
		t.Error("another credential uses the old handle")
	}
	if e.handles.Len() != 2 {
		t.Errorf("%d handles", e.handles.Len())
	}
	e.Forget(scene.Key)
	if e.handles.Len() != 0 {
		t.Errorf("%d handles after Forget", e.handles.Len())
	}
	if _, err := e.Act(t.Context(), scene, StopReceiver{target{"nobody"}}, nil); err == nil {
		t.Error("an action on an unknown node succeeded")
	}
}

func TestMeasure(t *testing.T) {
	e, o := NewEngine(), described()
	o.Generation = 7
	scene := sceneOf(o)
	lag := int64(3)
	state := State{Nodes: map[string]*Server{
		"a": {Name: "a", Reach: ReachOK},
		"b": {Name: "b", Reach: ReachOK, ReadOnly: true, SuperReadOnly: true, Channel: &Channel{Lag: &lag}},
		"c": {Name: "c", Reach: ReachNone},
	}}
	plan := reconcile.Plan[Data]{Data: Data{
		Roles:      map[string]v1alpha1.MysqlRole{"a": v1alpha1.MysqlRoleSource, "b": v1alpha1.MysqlRoleReplica},
		Switchover: &v1alpha1.SwitchoverStatus{Phase: v1alpha1.SwitchoverPreparing},
		Result:     "refused",
	}}
	// A refusal is planned in every pass until the spec changes, and counted once.
	for range 3 {
		e.Measure(scene, state, plan)
	}
	for series, want := range map[string]float64{
		"node_up/a": 1, "node_up/c": 0, "node_lag_seconds/b": 3, "node_read_only/a": 0, "node_read_only/b": 1,
		"switchovers_total/refused": 1, "switchover_in_flight/Preparing": 1,
	} {
		if got, there := seriesOf(t, series); !there || got != want {
			t.Errorf("%s = %v (%v), want %v", series, got, there, want)
		}
	}
	if _, there := seriesOf(t, "node_read_only/c"); there {
		t.Error("a server that is not seen has read_only")
	}

	plan.Data = Data{Drop: map[string]bool{"c": true}, Result: "finished", Last: &v1alpha1.LastSwitchover{
		StartedAt: metav1.NewMicroTime(scene.Now), FinishedAt: metav1.NewMicroTime(scene.Now.Add(time.Second)),
	}}
	e.Measure(scene, state, plan)
	e.Measure(scene, state, plan)
	if got, _ := seriesOf(t, "switchovers_total/finished"); got != 1 {
		t.Errorf("%v switchovers are counted, want 1", got)
	}
	for _, gone := range []string{"node_up/c", "switchover_in_flight/Preparing"} {
		if _, there := seriesOf(t, gone); there {
			t.Errorf("%s is still there", gone)
		}
	}
}

// seriesOf finds a series of the resource "db" by name and one label's value.
func seriesOf(t *testing.T, name string) (float64, bool) {
	t.Helper()
	name, label, _ := strings.Cut(name, "/")
	families, err := metrics.Registry.(prometheus.Gatherer).Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "compose_operator_"+name {
			continue
		}
		for _, m := range family.GetMetric() {
			if labeled(m, "db") && labeled(m, label) {
				return m.GetGauge().GetValue() + m.GetCounter().GetValue(), true
			}
		}
	}
	return 0, false
}

func labeled(m *dto.Metric, value string) bool {
	for _, pair := range m.GetLabel() {
		if pair.GetValue() == value {
			return true
		}
	}
	return false
}

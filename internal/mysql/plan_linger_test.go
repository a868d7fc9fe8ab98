// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// finished remembers a switchover that ended at t0.
func (s *scene) finished(from, to string) *scene {
	s.Object.Status.LastSwitchover = &v1alpha1.LastSwitchover{From: from, To: to, FinishedAt: metav1.NewMicroTime(t0)}
	return s
}

func TestPlanAfterASwitchover(t *testing.T) {
	after := func(d time.Duration, spec ...string) *scene {
		return given(spec...).knowing("b", spec...).finished("a", "b").after(d)
	}
	b := func() *node { return server("b").has("a:1-100").labelled("false") }
	runRows(t, []row{
		{
			name:   "the old source is kept from readers for a moment",
			scene:  after(time.Second, "b", "a", "c").seeing(replica("a", "b").labelled(""), b(), replica("c", "b")),
			steps:  []string{"route: {a=- b=rw c=ro}"},
			reason: "TopologyAsWanted",
		},
		{
			name:   "not where nobody else serves readers",
			scene:  after(time.Second, "b", "a").seeing(replica("a", "b").labelled(""), b()),
			steps:  []string{"expel: expel clients of a (optional)", "route: {a=ro b=rw}"},
			reason: "TopologyAsWanted",
		},
		{
			name:   "then those who came to it by mistake go, and readers come",
			scene:  after(2*time.Second, "b", "a", "c").seeing(replica("a", "b").labelled(""), b(), replica("c", "b")),
			steps:  []string{"expel: expel clients of a (optional)", "route: {a=ro b=rw c=ro}"},
			reason: "TopologyAsWanted",
		},
		{
			name:   "an old source that takes long to follow has nobody left of them",
			scene:  after(expelTime+time.Second, "b", "a", "c").seeing(replica("a", "b").labelled(""), b(), replica("c", "b")),
			steps:  []string{"route: {a=ro b=rw c=ro}"},
			reason: "TopologyAsWanted",
		},
		{
			name:   "readers are left alone",
			scene:  after(2*time.Second, "b", "a", "c").seeing(replica("a", "b"), b(), replica("c", "b")),
			steps:  []string{"route: {a=ro b=rw c=ro}"},
			reason: "TopologyAsWanted",
		},
	})
}

func TestPlanLooksAgainWhenTheOldSourceMayServeReaders(t *testing.T) {
	s := given("b", "a", "c").knowing("b", "a", "b", "c").finished("a", "b").after(time.Second).
		seeing(replica("a", "b").labelled(""), server("b").has("a:1-100").labelled("false"), replica("c", "b"))
	if next := Plan(s.Input).Next; next != lingerTime-time.Second {
		t.Errorf("next look after %s", next)
	}
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"strings"
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

func TestPlanAfterAFailoverFromANodeThatLeft(t *testing.T) {
	after := func(a *node) *scene {
		return given("b", "c").knowing("b", "a", "b", "c").failedOver("a", "b").
			seeing(a, server("b").has("a:1-100 b:1-5").labelled("false"), replica("c", "b").has("a:1-100 b:1-5"))
	}
	unroute := "unroute: {a=-}"
	fence := "fence-old-source: fence a kill persist release (optional)"
	runRows(t, []row{
		{
			name:   "it is not seen",
			scene:  after(source("a").unseen()),
			steps:  []string{unroute, "route: {a=- b=rw c=ro}"},
			reason: "TopologyAsWanted",
		},
		{
			name:   "it is back and takes writes",
			scene:  after(source("a").has("a:1-150")),
			steps:  []string{unroute, fence, "route: {a=- b=rw c=ro}"},
			reason: "OldSourceReturned", message: "a was the source before b",
		},
		{
			name:   "it is back and half fenced",
			scene:  after(source("a").halfFenced()),
			steps:  []string{unroute, fence, "route: {a=- b=rw c=ro}"},
			reason: "OldSourceReturned",
		},
		{
			name:   "another resource has taken it",
			scene:  after(source("a").has("a:1-150").taken()),
			steps:  []string{unroute, "route: {a=- b=rw c=ro}"},
			reason: "TopologyAsWanted",
		},
		{
			name:   "its pod is made anew",
			scene:  after(source("a").podGone()),
			steps:  []string{unroute, "route: {a=- b=rw c=ro}"},
			reason: "TopologyAsWanted",
		},
		{
			name:   "it was fenced for as long as it runs",
			scene:  after(source("a").fenced().unpersisted()),
			steps:  []string{fence, "route: {a=- b=rw c=ro}"},
			reason: "OldSourceReturned", message: "after a restart",
		},
		{
			name: "it is back after a planned switchover to c",
			scene: given("c", "b").knowing("c", "a", "b", "c").failedOver("a", "b").switchedOver("b", "c").after(time.Hour).seeing(
				source("a").has("a:1-110").labelled(""), source("c").has("a:1-100 b:1-5"), replica("b", "c").has("a:1-100 b:1-5")),
			steps:  []string{fence, "route: {a=- b=ro c=rw}"},
			reason: "OldSourceReturned", message: "a was the source before c",
		},
		{
			name:   "it is fenced",
			scene:  after(source("a").has("a:1-150").fenced()),
			steps:  []string{"route: {a=- b=rw c=ro}"},
			reason: "TopologyAsWanted",
		},
		{
			name:   "it is back while the new source is not seen",
			scene:  after(source("a").has("a:1-150")).seeing(server("b").unseen().labelled("false")),
			steps:  []string{fence, "route: {a=- c=ro}"},
			reason: "SourceUnreachable",
		},
		{
			name:   "another server has its name",
			scene:  after(fresh("a").uuid("e")),
			steps:  []string{"route: {a=- b=rw c=ro}"},
			reason: "TopologyAsWanted",
		},
		{
			name: "it restarted unfenced when it had been switched over and had left",
			scene: given("b", "c").knowing("a", "a", "b", "c").record("a", "b", v1alpha1.SwitchoverSwitching).
				seeing(source("a").labelled(""), replica("b", "a").stopped().writable(), replica("c", "b")),
			steps: []string{
				"persist", "unroute: {a=-}", strings.TrimSuffix(fence, " (optional)"), "route: {a=- b=rw}", "source-settings: settle b",
				"route: {a=- b=rw c=ro}",
			},
			reason: "OldSourceReturned",
		},
		{
			// It may have acknowledged something since it was looked at: the switchover begins anew.
			name: "the same, and clients are led to it still",
			scene: given("b", "c").knowing("a", "a", "b", "c").record("a", "b", v1alpha1.SwitchoverSwitching).
				seeing(source("a"), replica("b", "a").stopped().writable(), replica("c", "b")),
			steps: []string{
				"fence-extra: fence b kill persist release", "attach: attach b to a, attach c to a (optional)", "route: {a=rw b=- c=-}",
			},
			reason: "SwitchoverRefused", source: "a",
		},
	})
}

func TestPlanTellsOnceWhatAnOldSourceHolds(t *testing.T) {
	told := func(a *node, failover bool) string {
		s := given("b", "c").knowing("b", "a", "b", "c").failedOver("a", "b").
			seeing(a, server("b").has("a:1-100 b:1-5").labelled("false"), replica("c", "b").has("a:1-100 b:1-5"))
		if !failover {
			// A switchover leaves nobody behind.
			s.Object.Status.DeposedSourceUUIDs = nil
			s.switchedOver("a", "b")
		}
		p := Plan(s.Input)
		for _, e := range p.Events {
			if e.Reason == "OldSourceReturned" && p.Data.Drop["a"] {
				return e.Message
			}
		}
		return ""
	}
	for _, c := range []struct {
		name     string
		a        *node
		failover bool
		want     string
	}{
		{"it is not fenced yet", source("a").has("a:1-150"), true, ""},
		{"it holds more", source("a").has("a:1-150").fenced(), true, "50 transaction(s) that b lacks: " + uuidOf("a") + ":101-150"},
		{"it holds nothing more", source("a").fenced(), true, "0 transaction(s) that b lacks"},
		{"it was switched over from", source("a").fenced(), false, ""},
		{"it was switched over from and was written to since", source("a").has("a:1-150").fenced(), false, "50 transaction(s)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := told(c.a, c.failover); !strings.Contains(got, c.want) || (got == "") != (c.want == "") {
				t.Errorf("told %q, want %q", got, c.want)
			}
		})
	}
}

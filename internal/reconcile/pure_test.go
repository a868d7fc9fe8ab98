// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

func TestCalmText(t *testing.T) {
	for text, want := range map[string]string{
		"mysql-1 is 12 s behind":           "mysql-1 is # s behind",
		"12s behind, 3 of 10":              "#s behind, # of #",
		"shard-0-1 lacks 3.5 MiB":          "shard-0-1 lacks #.# MiB",
		"db2.one.svc:3306 said 1045":       "db2.one.svc:# said #",
		"aa11bb:1-500:502":                 "aa11bb:#-#:#",
		"after 5.001s (mysql-10, try 2/3)": "after #.#s (mysql-10, try #/#)",
		"":                                 "",
	} {
		if got := CalmText(text); got != want {
			t.Errorf("CalmText(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestWait(t *testing.T) {
	for _, c := range []struct {
		name   string
		of     outlook
		random float64
		want   time.Duration
	}{
		{"quiet, late", outlook{}, 0, 10 * time.Second},
		{"quiet, early", outlook{}, 1, 8500 * time.Millisecond},
		{"busy", outlook{busy: true}, 0, time.Second},
		{"the planner's wish", outlook{busy: true, next: 3 * time.Second}, 0, 3 * time.Second},
		{"failing", outlook{failures: 3, busy: true}, 0, 4 * time.Second},
		{"failing, with a deadline of the planner", outlook{failures: 3, next: time.Second}, 0, time.Second},
		{"failing for long", outlook{failures: 1000}, 0, 10 * time.Second},
		{"raced", outlook{raced: true, failures: 3}, 0, soon},
	} {
		if got := c.of.wait(DefaultPoll, c.random); got.Round(time.Millisecond) != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestWhatIsRememberedOfEventsIsBounded(t *testing.T) {
	var known announcements
	for i := range 3 * maxAnnounced {
		_, known = known.next([]Event{{Reason: "Finished", Once: fmt.Sprint(i)}})
	}
	if len(known) != maxAnnounced {
		t.Errorf("%d remembered", len(known))
	}
	if news, _ := known.next([]Event{{Reason: "Finished", Once: fmt.Sprint(3*maxAnnounced - 1)}}); len(news) != 0 {
		t.Error("the latest was forgotten")
	}
}

func TestEventsFitTheAPI(t *testing.T) {
	long := Event{Message: strings.Repeat("ä", 3000), Once: strings.Repeat("x", 500)}
	if got := len(shorten(long.Message, maxEventNote)); got > maxEventNote || got < maxEventNote-4 {
		t.Errorf("note of %d bytes", got)
	}
	if got := len(actionOf(long)); got > maxEventAction {
		t.Errorf("action of %d bytes", got)
	}
	if actionOf(Event{Message: "a"}) == actionOf(Event{Message: "b"}) {
		t.Error("two messages would be one series")
	}
}

func TestConditionsAreValid(t *testing.T) {
	old := []metav1.Condition{{Type: "Old"}, {Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue}}
	list := verdict{planned: []metav1.Condition{
		{Type: v1alpha1.ConditionTopologyReady, Status: metav1.ConditionTrue},
		{Type: "UserReady", Status: metav1.ConditionFalse, Reason: "UserMissing", Message: strings.Repeat("x", 5000)},
		{Type: v1alpha1.ConditionReconciling, Status: metav1.ConditionTrue, Reason: "Switching"},
	}, generation: 4, now: metav1.NewTime(time.Unix(1, 0))}.conditions(old)
	var types []string
	for _, c := range list {
		types = append(types, c.Type+"="+string(c.Status))
		if errs := validation.IsQualifiedName(c.Reason); len(errs) != 0 || c.ObservedGeneration != 4 || c.LastTransitionTime.IsZero() || len(c.Message) > maxConditionMessage {
			t.Errorf("%+v", c)
		}
	}
	want := []string{"Ready=False", "TopologyReady=True", "UserReady=False", "Reconciling=True", "Stalled=False"}
	if !slices.Equal(types, want) {
		t.Errorf("%v, want %v", types, want)
	}
	if list[0].Reason != "UserMissing" {
		t.Errorf("Ready says %s", list[0].Reason)
	}
	silent := verdict{now: metav1.Now()}.conditions(nil)
	if silent[0].Status != metav1.ConditionFalse || silent[1].Status != metav1.ConditionUnknown {
		t.Errorf("a planner that says nothing: %+v", silent)
	}
}

func TestIndex(t *testing.T) {
	name := func(n string) types.NamespacedName { return types.NamespacedName{Name: n} }
	i := newIndex()
	i.put(name("a"), name("p"), name("q"))
	i.put(name("b"), name("q"))
	if len(i.of(name("q"))) != 2 || len(i.of(name("p"))) != 1 {
		t.Error("not found")
	}
	i.put(name("a"), name("p"))
	if got := i.of(name("q")); !slices.Equal(got, []types.NamespacedName{name("b")}) {
		t.Errorf("q wakes %v", got)
	}
	i.put(name("a"))
	i.put(name("b"))
	if len(i.forward)+len(i.reverse) != 0 {
		t.Errorf("left over: %v %v", i.forward, i.reverse)
	}
}

// Where there is more to look at than time, a change under way goes first, and all else waits for
// its turn.
func TestChangesUnderWayComeFirst(t *testing.T) {
	for _, o := range []outlook{{}, {busy: true}, {next: time.Second}, {failures: 1}} {
		if o.priority() != handler.LowPriority {
			t.Errorf("%+v goes before those that nobody has looked at yet", o)
		}
	}
	for _, o := range []outlook{{underWay: true}, {raced: true}} {
		if o.priority() != 0 {
			t.Errorf("%+v waits for looks at others", o)
		}
	}
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package rediscluster

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// steady works on a cluster that is there, in an order in which each thing makes the next one
// possible: reach everybody, know who owns what, finish what is open, roles, slots, farewells.
func (v *view) steady() reconcile.Plan[Data] {
	v.adopt()
	p, beside := v.plan(), v.plan()
	optional(&beside, "configure", v.configures())
	optional(&beside, "meet", v.introductions(v.company()))
	v.reviewMoves()
	v.foreignMarks()
	v.lost()
	var work []reconcile.Step
	for _, stage := range []func() []reconcile.Step{v.assigns, v.gives, v.finishes, v.replicates, v.promotes, v.resharding, v.farewells} {
		if work = v.due(stage()); len(work) > 0 {
			break
		}
	}
	v.dropLeaving()
	v.prefer()
	v.notes()
	v.sum()
	p.Data = v.data
	// What was seen is old after steps that wait for others: what depends on it comes first.
	p.Steps = append(p.Steps, work...)
	if !v.forcing {
		p.Steps = append(p.Steps, v.due(beside.Steps)...)
	}
	p.Steps = append(p.Steps, v.route())
	p.Persist = v.mustRecord()
	p.Conditions = v.condition()
	p.Events = v.events
	switch {
	case len(work) > 0:
		p.Next = atOnce
	case !v.data.Joined || !v.data.Synced:
		p.Next = busy
	}
	return p
}

// due leaves out actions that have failed just now: other work goes on meanwhile.
func (v *view) due(steps []reconcile.Step) []reconcile.Step {
	var out []reconcile.Step
	for _, step := range steps {
		var actions []reconcile.Action
		for _, action := range step.Actions {
			if v.in.State.Waits[nameOf(action)] {
				v.problem("ActionFailed", "%s on %s has failed and is tried again in a while: see the events", action.About(), action.Node())
				continue
			}
			actions = append(actions, action)
		}
		whole := len(actions) == len(step.Actions)
		if step.Actions = actions; len(actions) > 0 {
			out = append(out, step)
		}
		if !whole && !step.Optional {
			// What follows needs all of it.
			break
		}
	}
	return out
}

// adopt takes note of a cluster that is there, and of one whose slots are all given.
func (v *view) adopt() {
	if v.data.Creating {
		if v.unowned.Empty() && v.disputed.Empty() {
			v.data.Creating, v.data.Established = false, true
			v.events = append(v.events, reconcile.Event{Reason: "ClusterCreated", Message: "the cluster is made: all slots have a source"})
		}
		return
	}
	if !v.data.Established {
		v.data.Established = true
		v.events = append(v.events, reconcile.Event{Reason: "ClusterAdopted", Message: fmt.Sprintf("a cluster that was there is adopted: %d sources own slots", len(v.owned))})
	}
}

// company are the nodes that should reach one another: those of the cluster, and newcomers that
// the spec names. One that leaves and owns nothing is on its way out. One whom nobody of the
// others knows any more comes back only without anything of its own.
func (v *view) company() []*Server {
	var out, late []*Server
	for _, s := range v.ours() {
		m := v.member(s.ID)
		if m.Leaving && s.Slots.Empty() {
			continue
		}
		known := slices.ContainsFunc(v.ours(), func(o *Server) bool { return o != s && o.knows(s.ID) })
		switch {
		case known || len(v.ours()) == 1:
			out = append(out, s)
		case s.Slots.Empty() && (s.Keys == 0 || s.Replica), v.data.Creating:
			// While the cluster is made, nobody has had slots from elsewhere.
			late = append(late, s)
		default:
			v.data.Notes[m.Name] = fmt.Sprintf("the cluster does not know it any more, and it holds %d keys and claims slots: see what it holds, then empty it and run CLUSTER RESET on it", s.Keys)
		}
	}
	for _, s := range v.newcomers {
		if m := v.member(s.ID); !m.Leaving && !v.deaf(s) {
			late = append(late, s)
		}
	}
	return append(out, late...)
}

// assigns gives slots in a cluster that is being made.
func (v *view) assigns() []reconcile.Step {
	if !v.data.Creating {
		return nil
	}
	v.problem("Creating", "slots are given to the sources: %d of %d are", v.data.Slots, slotCount)
	if !v.disputed.Empty() {
		v.problem("Creating", "the nodes do not agree on slots %s: one that was given them was lost before all had heard of it. If it stays so, run CLUSTER RESET on every node (it is refused by one that holds keys), and the cluster is made anew", v.disputed)
		return nil
	}
	for _, m := range v.members {
		// One that was given slots may have told nobody yet.
		if id := v.data.IDs[m.Name]; id != "" && !v.server(m.Name).OK() && !v.gifts[id] {
			v.problem("Creating", "%s is not seen, and may have been given slots before: bring it back, or say with the annotation %s: %s that it is gone for good", m.Name, v1alpha1.AnnotationGiveUpSlots, id)
			return nil
		}
	}
	if actions := v.assignments(); len(actions) > 0 {
		return []reconcile.Step{{Name: "assign", Optional: true, Actions: actions}}
	}
	return nil
}

// calm says whether the sources that are seen agree on all slots.
func (v *view) calm() bool { return v.disputed.Empty() && !v.data.Creating }

// replicates makes replicas of the nodes that should be.
func (v *view) replicates() []reconcile.Step {
	if !v.calm() {
		return nil
	}
	var actions []reconcile.Action
	for _, m := range v.wanted() {
		if action := v.replication(m); action != nil {
			actions = append(actions, action)
		}
	}
	if len(actions) == 0 {
		return nil
	}
	return []reconcile.Step{{Name: "replicate", Optional: true, Actions: actions}}
}

// replication makes a node the replica that it should be, if nothing is lost with what it holds.
func (v *view) replication(m Member) reconcile.Action {
	s := v.server(m.Name)
	id, _ := v.sourceOf(m.Shard)
	if id == "" || !s.OK() || v.byID[s.ID] != s || s.ID == id {
		return nil
	}
	source := v.byID[id]
	if s.Replica && s.MasterID == id || !source.Master() {
		return nil
	}
	do := Replicate{target: target{m.Name}, ID: s.ID, Source: source.Name, SourceID: id, MasterID: s.MasterID}
	switch {
	case !s.knows(id):
		return nil
	case v.owns(s.ID):
		// Its slots are moved first.
		return nil
	case !s.Replica && v.inMove(s.ID):
		v.data.Notes[m.Name] = "it holds keys of slots that are being moved, which nobody else may have: it is left as it is"
		return nil
	case !s.Replica && !s.Bare():
		v.data.Notes[m.Name] = fmt.Sprintf("it holds %d keys and owns no slot: as a replica of %s it would lose them: %s", s.Keys, source.Name, v.strayKeys())
		return nil
	case s.Replica && !v.dispensable(s.MasterID, s.Keys > 0):
		v.data.Notes[m.Name] = fmt.Sprintf("it replicates from %s, which is not seen: it may hold the only copy, and is left as it is", v.nameOf(s.MasterID))
		return nil
	}
	if master := v.byID[s.MasterID]; s.Replica && s.Keys > 0 && master.Master() {
		do.Master = master.Name
	}
	return do
}

// dispensable says of a replica of a node whether what it holds is elsewhere. Keys that were moved
// to a node which owns nothing yet, and is gone, are with its replica alone.
func (v *view) dispensable(masterID string, keys bool) bool {
	if v.byID[masterID].Master() || !keys && !v.owns(masterID) {
		return true
	}
	marks := slices.ContainsFunc(v.ours(), func(s *Server) bool { return s.Open() })
	return !v.owns(masterID) && v.unowned.Empty() && v.disputed.Empty() && len(v.moves) == 0 && !marks
}

// strayKeys says what to do about keys on a master without slots. While slots are moved they may
// be the only copy.
func (v *view) strayKeys() string {
	if len(v.moves) > 0 || slices.ContainsFunc(v.ours(), (*Server).Open) {
		return "slots are being moved or are open, and these may be the only copy of their keys: do not empty it before that is finished"
	}
	return "see what they are, and empty it (FLUSHALL)"
}

// nameOf a node, for a person.
func (v *view) nameOf(id string) string {
	if name, is := v.names[id]; is {
		return name
	}
	for _, f := range v.data.Former {
		if f.ID == id {
			return f.Name + " (as it was: " + id + ")"
		}
	}
	return "node " + id
}

// prefer takes note of the first node of each shard, unless that is a wish which is still open.
func (v *view) prefer() {
	preferred := map[string]string{}
	for _, shard := range shardsOf(v.obj) {
		first := v.ofShard(shard)
		if len(first) == 0 {
			continue
		}
		was, known := v.data.Preferred[shard]
		id, _ := v.sourceOf(shard)
		if !known || was == first[0].Name || id != "" && id == v.data.IDs[first[0].Name] {
			preferred[shard] = first[0].Name
		} else {
			preferred[shard] = was
		}
	}
	v.data.Preferred = preferred
}

// mustRecord: what is about to be done must be found by whoever comes after.
func (v *view) mustRecord() bool {
	st := &v.obj.Status
	return v.data.Creating != st.Creating || v.data.Established != st.Established || !slices.Equal(v.data.Moves, st.Moves) ||
		!slices.Equal(v.data.Former, st.FormerNodes)
}

// farewells forgets nodes that are no members any more and that nothing depends on.
func (v *view) farewells() []reconcile.Step {
	if !v.calm() || len(v.data.Unknown) > 0 {
		return nil
	}
	ids, reset := v.leaving()
	if len(ids) == 0 {
		return nil
	}
	for _, m := range v.wanted() {
		if s := v.server(m.Name); !s.OK() || v.byID[s.ID] != s {
			// It would bring them back.
			v.problem("ForgetWaits", "nodes that left are forgotten by all others at once, and %s is not seen or not in the cluster: bring it back, or take it out of the spec", m.Name)
			return nil
		}
	}
	var forget []reconcile.Action
	for _, s := range v.ours() {
		known := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id == s.ID || s.View[id] == nil })
		// One that leaves too, and stays until its slots are moved, would bring them back.
		if len(known) > 0 && !slices.Contains(ids, s.ID) {
			forget = append(forget, Forget{target: target{s.Name}, ID: s.ID, IDs: known})
		}
	}
	var steps []reconcile.Step
	if len(forget) > 0 {
		steps = append(steps, reconcile.Step{Name: "forget", Actions: forget})
	}
	if len(reset) > 0 {
		steps = append(steps, reconcile.Step{Name: "reset", Optional: true, Actions: reset})
	}
	return steps
}

// leaving are the ids that can be forgotten, and the bare nodes among them, which are to
// forget the cluster too. Replicas come before their sources.
func (v *view) leaving() (ids []string, reset []reconcile.Action) {
	candidates := map[string]string{}
	var order []string
	for _, m := range v.members {
		if id := v.data.IDs[m.Name]; m.Leaving && id != "" {
			candidates[id] = m.Name
			order = append(order, id)
		}
	}
	for _, f := range v.data.Former {
		candidates[f.ID] = f.Name
		order = append(order, f.ID)
	}
	for _, id := range order {
		why := v.keeps(id, candidates)
		if why == "" {
			ids = append(ids, id)
			if s := v.byID[id]; s.OK() && s.Bare() && !s.Alone() {
				reset = append(reset, Reset{target: target{s.Name}, ID: id})
			}
			continue
		}
		if why != knownByNobody {
			v.problem("NodeNotForgotten", "%s, which the spec does not name any more, stays in the cluster: %s", v.nameOf(id), why)
		}
	}
	return ids, reset
}

const knownByNobody = "nobody knows it"

// keeps says why a node that is no member any more must stay; "" where it can be forgotten.
func (v *view) keeps(id string, leaving map[string]string) string {
	s := v.byID[id]
	master := ""
	for _, o := range v.ours() {
		if p := o.View[id]; p != nil && o.ID != id && p.Replica {
			master = p.MasterID
		}
	}
	if s.OK() && s.Replica {
		master = s.MasterID
	}
	if !v.known(id) && (!s.OK() || s.Alone() || !s.Bare()) {
		// Everybody has forgotten it, and it keeps what it holds.
		return knownByNobody
	}
	if v.owns(id) {
		slots := v.slotsOf(id)
		return fmt.Sprintf("it owns %d slots", slots.Count())
	}
	if v.inMove(id) {
		return "slots are moved from it or to it"
	}
	if master != "" && !v.dispensable(master, !s.OK() || s.Keys > 0) {
		return fmt.Sprintf("it replicates from %s, which is not seen, and may hold the only copy of its data: put it back into the spec to promote it", v.nameOf(master))
	}
	if _, goes := leaving[master]; goes && v.byID[master].Master() && v.keeps(master, leaving) != "" {
		// Its source would bring it back.
		return "it goes together with its source"
	}
	if s.Master() && s.Keys > 0 {
		return fmt.Sprintf("it holds %d keys of no slot of its own: %s", s.Keys, v.strayKeys())
	}
	for _, o := range v.ours() {
		if _, goes := leaving[o.ID]; goes {
			continue
		}
		if o.Replica && o.MasterID == id {
			return o.Name + " replicates from it"
		}
		// Who forgets a node has nobody own its slots, and all nodes hear that one has forgotten it.
		if p := o.View[id]; p != nil && !p.Slots.Empty() {
			return o.Name + " has not heard yet that it owns no slots any more"
		}
	}
	if s.OK() && s.Bare() && s.Quiet < farewellQuiet {
		// Reset it would tell them that the cluster is down, and many ask nobody else then.
		return "clients ask it still, and it sends them on: it is let go once it has not been asked for 10 s. If they never stop, delete its pod"
	}
	return ""
}

// known says whether a node that stays in the cluster knows another one.
func (v *view) known(id string) bool {
	return slices.ContainsFunc(v.ours(), func(o *Server) bool { return o.ID != id && !v.member(o.ID).Leaving && o.View[id] != nil })
}

// dropLeaving ends the record of nodes that nobody knows any more.
func (v *view) dropLeaving() {
	complete := !slices.ContainsFunc(v.wanted(), func(m Member) bool {
		s := v.server(m.Name)
		return !s.OK() && v.data.IDs[m.Name] != ""
	})
	if !complete {
		return
	}
	for _, m := range v.members {
		if !m.Leaving {
			continue
		}
		id, s := v.data.IDs[m.Name], v.server(m.Name)
		// One that is bare is made to forget the cluster first.
		if id == "" || !v.known(id) && !v.owns(id) && (!s.OK() || v.byID[id] != s || s.Alone() || !s.Bare()) {
			v.data.Drop[m.Name] = true
		}
	}
	v.data.Former = slices.DeleteFunc(v.data.Former, func(f v1alpha1.RedisClusterFormerNode) bool { return !v.known(f.ID) && !v.owns(f.ID) })
}

// notes say of each node what is wrong with it, and whether it is as wanted.
func (v *view) notes() {
	for _, m := range v.members {
		s := v.server(m.Name)
		note := v.note(m, s)
		if v.data.Notes[m.Name] == "" {
			v.data.Notes[m.Name] = note
		}
		v.data.Ready[m.Name] = note == "" && !m.Leaving
	}
}

func (v *view) note(m Member, s *Server) string {
	id, headless := "", false
	if !m.Leaving {
		id, headless = v.sourceOf(m.Shard)
	}
	switch {
	case s == nil:
		return "not looked at"
	case !s.OK():
		return s.Problem
	case v.refused[m.Name] != "":
		return v.refused[m.Name]
	case v.byID[s.ID] != s:
		return "it is not in the cluster yet"
	case m.Leaving:
		return "it leaves: the spec does not name it any more"
	case headless && !v.owns(s.ID):
		return "the source of its shard came back as another node, and what it held is not here"
	case id == "":
		return "its shard has no source"
	case s.Config == nil:
		return "the operator's user may not run CONFIG GET on it: whether masterauth is right, and whether Redis moves replicas by itself, is not known. Grant it"
	case s.ID == id && s.Replica:
		return "it is a replica, and owns slots as others see it"
	case s.ID == id && !v.owns(id):
		return "it owns no slots yet"
	case s.ID == id && !s.ClusterOK:
		return "it says that the cluster is down (cluster_state:fail)"
	case s.ID == id:
		return ""
	case v.owns(s.ID):
		return "it owns slots, and its shard has another source: they are moved there"
	case !s.Replica:
		return "it is to be a replica of " + v.nameOf(id)
	case s.MasterID != id:
		return fmt.Sprintf("it replicates from %s instead of %s", v.nameOf(s.MasterID), v.nameOf(id))
	case s.SyncInProgress:
		return "it is sent a full copy"
	case !s.LinkUp:
		return "it is not connected to its source"
	}
	return ""
}

// sum finds out whether all is as wanted.
func (v *view) sum() {
	wanted := v.wanted()
	v.data.Joined = true
	for _, m := range wanted {
		s := v.server(m.Name)
		if !s.OK() || v.byID[s.ID] != s {
			v.data.Joined = false
			continue
		}
		v.data.Joined = v.data.Joined && s.misled(v.ours()) == nil
		for _, o := range wanted {
			if id := v.data.IDs[o.Name]; o.Name != m.Name && !s.reaches(id) {
				v.data.Joined = false
			}
		}
	}
	v.data.Synced = v.disputed.Empty() && v.unowned.Empty() && len(v.data.Moves) == 0 && len(wanted) > 0
	for id := range v.owned {
		m := v.member(id)
		v.data.Synced = v.data.Synced && v.byID[id].Master() && m.Name != "" && v.isSource(m)
	}
	for _, s := range v.ours() {
		v.data.Synced = v.data.Synced && !s.Open()
	}
	for _, m := range wanted {
		v.data.Synced = v.data.Synced && v.data.Ready[m.Name]
	}
}

// condition says whether everything is as wanted, and otherwise what is not.
func (v *view) condition() []metav1.Condition {
	problems := v.problems
	for _, m := range v.members {
		switch s := v.server(m.Name); {
		case m.Leaving || v.data.Ready[m.Name] && v.data.Notes[m.Name] == "":
		case !s.OK():
			problems = append(problems, problem{"NodeUnreachable", m.Name + ": " + v.data.Notes[m.Name]})
		case v.refused[m.Name] != "":
			problems = append(problems, problem{"NodeRefused", m.Name + ": " + v.data.Notes[m.Name]})
		default:
			problems = append(problems, problem{"NodeNotReady", m.Name + ": " + v.data.Notes[m.Name]})
		}
	}
	if len(v.data.Unknown) > 0 {
		problems = append(problems, problem{"UnknownNodes", fmt.Sprintf("the cluster has nodes that the spec does not name (%s): add them to the spec, or remove them from the cluster by hand (CLUSTER FORGET); until then no slots are moved and no node is forgotten", strings.Join(v.data.Unknown, ", "))})
	}
	if len(problems) == 0 && !v.data.Joined {
		problems = append(problems, problem{"NotJoined", "not every node reaches every other one"})
	}
	for _, m := range v.members {
		if len(problems) == 0 && m.Leaving && !v.data.Drop[m.Name] {
			problems = append(problems, problem{"NodeLeaving", m.Name + ": it leaves the cluster"})
		}
	}
	if len(problems) > 0 {
		texts := make([]string, len(problems))
		for i, one := range problems {
			texts[i] = one.text
		}
		return reconcile.Topology(false, problems[0].reason, strings.Join(texts, "; "))
	}
	return reconcile.Topology(true, "TopologyAsWanted", fmt.Sprintf("%d sources own all slots", v.data.Shards))
}

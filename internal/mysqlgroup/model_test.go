// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysqlgroup

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/mysql/gtid"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// modelRuns is how many schedules are tried; MODEL_RUNS overrides it.
func modelRuns(t *testing.T) int {
	text := os.Getenv("MODEL_RUNS")
	if text == "" {
		return 400
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestModel runs the planner against random schedules of crashes, partitions, lost
// answers, edits and deaths of the operator, and looks for a broken law after each step.
func TestModel(t *testing.T) {
	ends := map[string]int{}
	did := map[string]int{}
	for seed := range uint64(modelRuns(t)) {
		w := newWorld(seed, "")
		w.play(did)
		if w.broken == "" {
			ends[w.rest(t)]++
		}
		if w.broken != "" {
			t.Fatalf("seed %d: %s\n%s", seed, w.broken, w.story())
		}
	}
	t.Logf("ends %v; actions %v", ends, did)
	// What never happens is not shown to be right.
	for _, what := range []string{"bootstrap the group", "join", "leave the group", "stop without quorum", "fence", "catch up", "elect", "expel clients", "force quorum"} {
		if did[what] < 10 {
			t.Errorf("%q was done %d times: the schedules show nothing about it", what, did[what])
		}
	}
}

// Mistakes that the model must find.
var flaws = []string{
	"bootstraps without those that are not seen",
	"bootstraps from the first in the spec",
	"does not ask the others again before a bootstrap",
	"forces a quorum unasked",
	"leads writes to the wanted primary",
	"leads writes to whoever is writable",
	"joins whoever is out",
	"dissolves although some are not seen",
	"forgets members whose pods are gone",
	"looks at no seeds, and records nobody whom the spec does not name",
}

func TestModelFindsFlaws(t *testing.T) {
	for _, flaw := range flaws {
		t.Run(flaw, func(t *testing.T) {
			for seed := range uint64(20000) {
				w := newWorld(seed, flaw)
				w.play(map[string]int{})
				if w.broken != "" {
					t.Logf("seed %d: %s", seed, w.broken)
					return
				}
			}
			t.Error("the model does not find it")
		})
	}
}

// play runs one schedule.
func (w *world) play(did map[string]int) {
	for range 60 {
		if w.broken != "" {
			return
		}
		for range w.rng.IntN(4) {
			w.happens()
			w.check()
		}
		if w.chance(1) {
			w.makeAgain()
		}
		w.forceSometimes()
		w.pass(did, true)
	}
}

// forceSometimes is a user who has given up on what is not seen.
func (w *world) forceSometimes() {
	w.object.Annotations = nil
	if w.flaw != "" || !w.chance(4) {
		return
	}
	var names []string
	for _, s := range w.nodes {
		if w.named(s.name) && s.runs() && !s.hidden && w.chance(80) {
			names = append(names, s.name)
		}
	}
	if len(names) > 0 {
		w.object.Annotations = map[string]string{v1alpha1.AnnotationForceQuorum: strings.Join(names, ",")}
	}
}

// rest ends all trouble: the group must come to be as wanted by itself, unless somebody has
// written behind its back.
func (w *world) rest(t *testing.T) string {
	w.heal()
	w.object.Annotations = nil
	// Whom the record does not know, a user has to name.
	for _, s := range w.nodes {
		if w.lost && !w.named(s.name) {
			w.object.Spec.Member = append(w.object.Spec.Member, v1alpha1.Node{Name: s.name, Host: s.name, Port: 3306})
			delete(w.gone, s.name)
		}
	}
	reason := ""
	for round := range 60 {
		for _, s := range w.nodes {
			if s.hidden = false; !s.up {
				w.start(s)
			}
		}
		for range 8 {
			w.tick()
			w.check()
		}
		reason = w.pass(map[string]int{}, false)
		if reason == "TopologyAsWanted" && round > 3 {
			return reason
		}
		if reason == "GroupDiverged" {
			w.nameAgain()
		}
	}
	if !w.rogue && !w.forced && !w.untracked() {
		w.breaks("all is well again, and the group ends as %s", reason)
		for name, n := range w.object.Status.Topology {
			t.Logf("%s: %+v", name, n)
		}
		t.Logf("%+v", w.object.Status)
	}
	return reason
}

// nameAgain does what the condition says when the user has taken the only node out of the
// spec that holds everything. No group is started from that node: it may have been taken
// out for what is wrong with it. And none is started without what it holds (laws 2 and 6).
// So the planner cannot mend that by itself, and one edit must be enough.
func (w *world) nameAgain() {
	for _, s := range w.nodes {
		needed := !w.named(s.name) && strings.Contains(w.told, "to keep that name "+s.name+" again")
		if needed && !slices.ContainsFunc(w.nodes, func(o *modelServer) bool { return o.inGroup() }) {
			w.log("%s is named again as told", s.name)
			w.object.Spec.Member = append(slices.Clone(w.object.Spec.Member), v1alpha1.Node{Name: s.name, Host: s.name, Port: 3306})
		}
	}
}

// untracked: a member without a quorum lists somebody whom nobody looks after any more. A
// user has to say that he is gone.
func (w *world) untracked() bool {
	tracked := map[string]bool{}
	for _, n := range Nodes(w.object) {
		tracked[n.Name] = true
	}
	for _, s := range w.nodes {
		if s.inGroup() && slices.ContainsFunc(s.believes, func(name string) bool { return !tracked[name] }) {
			return true
		}
	}
	return false
}

// pass is a pass of an operator that may be cut off anywhere.
func (w *world) pass(did map[string]int, trouble bool) string {
	dies := trouble && w.chance(10)
	pods := map[string]reconcile.Pod{}
	for _, s := range w.nodes {
		pods[s.name] = reconcile.Pod{Exists: !w.gone[s.name]}
		switch w.labels[s.name] {
		case reconcile.AccessReadWrite:
			pods[s.name] = reconcile.Pod{Exists: true, Name: "db", Readonly: "false"}
		case reconcile.AccessReadOnly:
			pods[s.name] = reconcile.Pod{Exists: true, Name: "db", Readonly: "true"}
		}
	}
	object := w.object.DeepCopy()
	state := State{Nodes: map[string]*Server{}}
	for _, n := range Nodes(object) {
		state.Nodes[n.Name] = w.seen(w.node(n.Name))
		if trouble && w.chance(10) {
			w.happens()
		}
	}
	w.flawedInput(object, &state)
	plan := Plan(Input{Object: object, State: state, Pods: pods})
	w.flawedPlan(object, state, &plan)
	Project(object, state, plan)
	w.told = plan.Conditions[0].Message
	if plan.Persist {
		w.object.Status = object.Status
	}
	for _, step := range plan.Steps {
		if dies && w.chance(40) {
			w.log("the operator dies")
			return ""
		}
		failed := false
		for _, action := range step.Actions {
			if trouble && w.chance(15) {
				w.happens()
			}
			err := w.act(action)
			if err == nil && trouble && w.chance(5) {
				err = errors.New("the answer was lost")
			}
			w.log("%s on %s: %v", action.About(), action.Node(), err)
			did[action.About()]++
			failed = failed || err != nil
			w.check()
		}
		if failed && !step.Optional {
			w.object.Status = object.Status
			return plan.Conditions[0].Reason
		}
		if !failed {
			w.route(step.Routing)
		}
	}
	w.object.Status = object.Status
	return plan.Conditions[0].Reason
}

// route changes labels as the kernel does: who comes to -readwrite goes first.
func (w *world) route(routing reconcile.Routing) {
	for _, first := range []bool{true, false} {
		for _, s := range w.nodes {
			if access, is := routing[s.name]; is && first == (access == reconcile.AccessReadWrite) {
				if w.labels[s.name] != access {
					w.log("%s becomes %s", s.name, access)
				}
				w.labels[s.name] = access
				w.check()
			}
		}
	}
}

// reach is a server that the operator asks in the middle of an action.
func (w *world) reach(name string) (*modelServer, error) {
	s := w.node(name)
	if !s.runs() || s.hidden {
		return s, errors.New("no answer")
	}
	return s, nil
}

// act does what the action does on a real server, with the same looks before it.
func (w *world) act(action reconcile.Action) error {
	s, err := w.reach(action.Node())
	if err != nil {
		return err
	}
	switch do := action.(type) {
	case Bootstrap:
		return w.bootstrap(s, do)
	case Join:
		return w.join(s, do)
	case Leave:
		if s.inGroup() {
			seen := w.seen(s)
			if !seen.OK() || seen.cannotLeave() != "" || w.majority(s.group, false) == nil {
				return errors.New("it cannot leave")
			}
			g, part := s.group, w.majority(s.group, false)
			g.members = slices.DeleteFunc(slices.Clone(g.members), func(name string) bool { return name == s.name })
			g.number++
			for _, o := range part {
				if o != s && slices.Contains(g.members, g.primary) {
					w.informs(g, o)
				}
			}
		}
		s.state, s.group, s.believes, s.readOnly = MemberOffline, nil, nil, true
	case Dissolve:
		if s.inGroup() {
			if seen := w.seen(s); !seen.OK() || seen.reachesMajority() {
				return errors.New("it sees a majority")
			}
			s.state, s.group, s.believes, s.readOnly = MemberOffline, nil, nil, true
		}
	case Fence:
		s.readOnly, s.armed = s.readOnly || !s.inGroup(), s.armed || do.Persist && !s.inGroup()
	case Disarm:
		s.boot = false
	case SetSeeds:
		s.seeds = do.Seeds
	case CatchUp:
		s.executed, s.queued = s.holds(), gtid.Set{}
		if !s.executed.Contains(do.Set) {
			return errors.New("it has not caught up")
		}
	case SetPrimary:
		return w.elect(s)
	case ForceMembers:
		return w.forceMembers(s, do)
	case Welcome, SetRecoveryUser, ExpelClients:
	default:
		return fmt.Errorf("%T is not modelled", action)
	}
	return nil
}

func (w *world) bootstrap(s *modelServer, do Bootstrap) error {
	if s.inGroup() {
		return errors.New("it is in a group")
	}
	for _, name := range do.Others {
		if w.flaw == "does not ask the others again before a bootstrap" {
			break
		}
		o, err := w.reach(name)
		if err != nil || o.inGroup() || !s.holds().Contains(o.holds()) && w.flaw != "bootstraps from the first in the spec" {
			return errors.New("somebody stands against it")
		}
	}
	if w.standsAgainst(do.Lost, s.holds()) {
		return errors.New("one of the lost stands against it")
	}
	if w.object.Annotations[v1alpha1.AnnotationForceQuorum] != "" && (w.lost || len(do.Others)+1 < len(Nodes(w.object))) {
		// The user has given up what the others hold.
		w.giveUp(append(slices.Clone(do.Others), s.name))
	} else {
		for _, g := range w.groups {
			if w.majority(g, true) != nil {
				w.breaks("%s makes a second group while a majority of group %d exists", s.name, g.id)
			}
		}
		for _, o := range w.nodes {
			if o.runs() && !o.hidden && w.named(o.name) && !s.holds().Contains(o.holds()) {
				w.breaks("%s starts the group and lacks what %s holds", s.name, o.name)
			}
		}
	}
	if do.Settings.Seeds != "" {
		s.seeds = do.Settings.Seeds
	}
	g := &modelGroup{id: len(w.groups) + 1, members: []string{s.name}, number: 1, primary: s.name}
	w.groups = append(w.groups, g)
	s.group, s.state, s.misses, s.number, s.armed = g, MemberOnline, map[string]bool{}, 0, true
	w.informs(g, s)
	return nil
}

// standsAgainst says whether one of those that were given up is there after all.
func (w *world) standsAgainst(names []string, holds gtid.Set) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		o, err := w.reach(name)
		return err == nil && (o.inGroup() || !holds.Contains(o.holds()))
	})
}

// giveUp is what a user does who names the members to go on with.
func (w *world) giveUp(names []string) {
	var kept gtid.Set
	for _, name := range names {
		kept = kept.Union(w.node(name).holds())
	}
	w.acked = w.acked.Subtract(w.acked.Subtract(kept))
	w.forced = true
	for _, s := range w.nodes {
		if slices.Contains(names, s.name) {
			continue
		}
		// They are lost for good: whatever they were is not there any more.
		w.log("%s is given up", s.name)
		s.state, s.group, s.believes, s.readOnly, s.up, s.frozen = MemberOffline, nil, nil, true, false, false
		s.executed, s.queued = gtid.Set{}, gtid.Set{}
	}
}

func (w *world) join(s *modelServer, do Join) error {
	if s.inGroup() {
		return nil
	}
	donor, err := w.reach(do.Donor)
	if err != nil || !donor.inGroup() {
		return errors.New("the donor is gone")
	}
	part := w.majority(donor.group, false)
	if extra := s.holds().Subtract(donor.holds()); !extra.Empty() && w.flaw != "joins whoever is out" {
		return errors.New("it holds more")
	}
	if part == nil || !w.connected(s, donor) || !has(part, donor) {
		return errors.New("the group does not answer")
	}
	if extra := s.holds().Subtract(donor.holds()); !extra.Empty() {
		w.breaks("%s joins with transactions that the group lacks", s.name)
	}
	if do.Settings.Seeds != "" {
		s.seeds = do.Settings.Seeds
	}
	g := donor.group
	if !slices.Contains(g.members, s.name) {
		g.members = append(slices.Clone(g.members), s.name)
		g.number++
	}
	s.group, s.state, s.misses, s.readOnly, s.number, s.armed = g, MemberRecovering, map[string]bool{}, true, 0, true
	s.queued = s.queued.Union(donor.holds().Subtract(s.executed))
	// They have agreed upon it.
	for _, o := range append(part, s) {
		w.informs(g, o)
	}
	return nil
}

func (w *world) elect(s *modelServer) error {
	if s.state != MemberOnline {
		return errors.New("it is not ONLINE")
	}
	g := s.group
	part := w.majority(g, false)
	if len(part) != len(g.members) || !has(part, s) {
		return errors.New("not all members are there")
	}
	for _, o := range part {
		if o.state != MemberOnline {
			return errors.New("a member recovers")
		}
	}
	g.primary = s.name
	for _, o := range part {
		w.informs(g, o)
	}
	return nil
}

func (w *world) forceMembers(s *modelServer, do ForceMembers) error {
	if seen := w.seen(s); !seen.OK() || seen.HasMajority() || s.state != MemberOnline {
		return errors.New("it sees a majority, or nothing")
	}
	g := s.group
	for _, name := range do.Names {
		o, err := w.reach(name)
		if err != nil || o.state != MemberOnline || o.group != g || !w.connected(o, s) {
			return errors.New("one of them is gone")
		}
	}
	var holds gtid.Set
	for _, name := range do.Names {
		holds = holds.Union(w.node(name).holds())
	}
	if w.flaw == "" && w.standsAgainst(do.Others, holds) {
		return errors.New("one of the others is there")
	}
	if w.flaw == "" {
		w.giveUp(do.Names)
	} else if w.majority(g, true) != nil {
		w.breaks("a majority of group %d exists, and %v are forced", g.id, do.Names)
	}
	forced := &modelGroup{id: g.id, members: slices.Clone(do.Names), number: g.number + 1, primary: do.Names[0]}
	w.groups = append(w.groups, forced)
	for _, name := range do.Names {
		o := w.node(name)
		o.group = forced
		w.informs(forced, o)
	}
	return nil
}

// flawedInput makes the mistakes that are made in judging.
func (w *world) flawedInput(o *v1alpha1.MysqlGroupReplication, state *State) {
	switch w.flaw {
	case "bootstraps without those that are not seen":
		o.Spec.Member = slices.DeleteFunc(slices.Clone(o.Spec.Member), func(n v1alpha1.Node) bool { return !state.Nodes[n.Name].OK() })
		for name := range o.Status.Topology {
			if !state.Nodes[name].OK() {
				delete(o.Status.Topology, name)
			}
		}
	case "forgets members whose pods are gone":
		for _, n := range o.Status.Topology {
			n.Member = false
		}
	case "looks at no seeds, and records nobody whom the spec does not name":
		o.Status.UnknownMembers = nil
		for _, s := range state.Nodes {
			s.Config.Seeds = ""
		}
	case "forces a quorum unasked":
		var names []string
		for _, n := range o.Spec.Member {
			if s := state.Nodes[n.Name]; s.InGroup() && !s.HasMajority() {
				names = append(names, n.Name)
			}
		}
		o.Annotations = map[string]string{v1alpha1.AnnotationForceQuorum: strings.Join(names, ",")}
	}
}

// flawedPlan makes the mistakes that are made in deciding.
func (w *world) flawedPlan(o *v1alpha1.MysqlGroupReplication, state State, p *reconcile.Plan[Data]) {
	switch w.flaw {
	case "bootstraps from the first in the spec":
		for i, step := range p.Steps {
			if step.Name == "bootstrap" {
				do := step.Actions[0].(Bootstrap)
				do.Others = slices.DeleteFunc(append(slices.Clone(do.Others), do.On), func(name string) bool { return name == o.Spec.Member[0].Name })
				do.On = o.Spec.Member[0].Name
				p.Steps[i].Actions = []reconcile.Action{do}
			}
		}
	case "leads writes to the wanted primary":
		if o.Spec.Primary != "" && p.Data.Bootstrapped {
			p.Steps = append(p.Steps, reconcile.Step{Name: "flaw", Routing: reconcile.Routing{o.Spec.Primary: reconcile.AccessReadWrite}})
		}
	case "leads writes to whoever is writable":
		for name, s := range state.Nodes {
			if s.Writable() {
				p.Steps = append(p.Steps, reconcile.Step{Name: "flaw", Routing: reconcile.Routing{name: reconcile.AccessReadWrite}})
			}
		}
	case "joins whoever is out":
		for name, s := range state.Nodes {
			if donor := o.Status.Primary; s.Out() && donor != "" && p.Data.Primary != "" {
				p.Steps = append(p.Steps, reconcile.Step{Name: "flaw", Optional: true, Actions: []reconcile.Action{Join{target: target{name}, Donor: p.Data.Primary}}})
			}
		}
	case "dissolves although some are not seen":
		if p.Conditions[0].Reason != "QuorumLost" {
			return
		}
		var seen []string
		for name, s := range state.Nodes {
			switch {
			case s.InGroup():
				p.Steps = append(p.Steps, reconcile.Step{Name: "flaw", Actions: []reconcile.Action{Dissolve{target{name}}}})
				seen = append(seen, name)
			case s.OK():
				seen = append(seen, name)
			}
		}
		if len(seen) > 0 {
			slices.Sort(seen)
			p.Steps = append(p.Steps, reconcile.Step{Name: "flaw", Actions: []reconcile.Action{Bootstrap{target: target{seen[0]}, Others: seen[1:]}}})
		}
	}
}

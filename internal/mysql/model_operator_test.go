// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// flaws are bugs to plant: the model must find every one of them.
type flaws struct {
	fenceUnverified, promoteWithoutWaiting, attachAnyway, releaseBeforeKill, releaseAnyway, aheadAnyway, cloneAnyway bool
	// input and plan change what the planner is given and what it says.
	input func(*Input)
	plan  func(Input, *reconcile.Plan[Data])
	// near is the first seed that is tried: a schedule that shows the bug is known there.
	near uint64
	// counts has all of them change spec.semiSync.
	counts bool
	// profile makes schedules more likely to meet the bug.
	profile func(*profile)
}

// store is the API server's copy of the resource.
type store struct {
	object *v1alpha1.MysqlReplication
	// version counts every write, statusVersion those of the status.
	version, statusVersion int
}

// operator is the kernel of the model: one process that leads.
type operator struct {
	w     *world
	api   *store
	flaws flaws
	// newest is what this process knows of the resource; nil after its start.
	newest                 *v1alpha1.MysqlReplication
	version, statusVersion int
	// dies is the number of statements after which the process dies; 0: it does not.
	dies int
	dead bool
	// skew is how far its clock is ahead of the others.
	skew time.Duration
	// late are statements of a leader that was cut off, which still run one day.
	late *[]func()

	object *v1alpha1.MysqlReplication
	last   reconcile.Plan[Data]
	// silent says since when this process has had no answer of a node.
	silent map[string]time.Time
	// waits is what it saw last of WaitsAfterRestart.
	waits map[string]bool
	// pods that the round knows; a patch is refused for another one of that name.
	pods map[string]int
}

// pass is one pass of the kernel: see internal/reconcile/pass.go.
func (o *operator) pass() time.Duration {
	if o.newest == nil || o.w.calm || o.w.chance(95) {
		o.newest, o.version, o.statusVersion = o.api.object.DeepCopy(), o.api.version, o.api.statusVersion
	}
	o.object = o.newest.DeepCopy()
	failed, failure := 0, ""
	for round := 1; ; round++ {
		again, failing, stop := o.round()
		if o.dead {
			return 0
		}
		if stop {
			return time.Second
		}
		if failing != "" {
			if failing != failure {
				failed, failure = 0, failing
			}
			if failed++; failed > 2 {
				break
			}
		} else if failed, failure = 0, ""; !again {
			break
		}
		if round == 12 || o.edited() {
			break
		}
	}
	if failure == "" {
		// The kernel takes the labels from pods that nobody names.
		for _, name := range o.w.names {
			if o.pods[name] == o.w.pod[name] && o.w.label[name] != "" && !slices.ContainsFunc(Members(o.object), func(m Member) bool { return m.Name == name }) {
				o.w.label[name] = ""
			}
		}
	}
	o.write(true)
	switch {
	case failure != "":
		return 2 * time.Second
	case o.last.Next > 0:
		return o.last.Next
	}
	return 10 * time.Second
}

func (o *operator) edited() bool {
	return o.api.object.Generation != o.object.Generation || !maps.Equal(o.api.object.Annotations, o.object.Annotations)
}

// round observes, plans and acts. stop: the pass ends without a report.
func (o *operator) round() (again bool, failing string, stop bool) {
	in := o.gather()
	p := Plan(in)
	for _, broken := range brokenLaws(in, p) {
		o.w.violate("plan: %s", broken)
	}
	if p.Conditions[0].Reason == "SourceLostData" && o.w.anew == 0 && o.w.tail.of == nil {
		o.w.violate("law 10: nobody has lost anything: %s", p.Conditions[0].Message)
	}
	if o.flaws.plan != nil {
		o.flaws.plan(in, &p)
	}
	o.last = p
	if p.Data.Switchover == nil && p.Data.Result != "failover" {
		o.w.deposed[p.Data.Source] = false
	}
	if p.Data.Result == "failover" {
		o.w.behind[p.Data.Last.From] = true
	}
	delete(o.w.behind, p.Data.Source)
	switch {
	case p.Data.Result == "failover":
		// It may take more than one plan until its label is there.
		if s := p.Data.Source; o.w.deposed[s] || o.w.lateTo == s {
			o.w.takesOver = s
		}
	case p.Data.Source != o.w.takesOver:
		o.w.takesOver = ""
	}
	o.w.claims = claim(o.object, p)
	o.w.unsure = !o.w.claims && o.object.Spec.Mode == v1alpha1.MysqlSemiSync
	o.w.failingOver, o.w.switchingFrom = false, ""
	if r := p.Data.Switchover; r != nil && r.Failover {
		o.w.failingOver = true
	} else if r != nil {
		o.w.switchingFrom = r.From
	}
	if o.w.tracing {
		o.w.tracef("plan %s %s | %s | record %s | source %s", p.Conditions[0].Reason, p.Conditions[0].Message, strings.Join(stepsOf(p), " | "), recordOf(p.Data.Switchover), p.Data.Source)
	}
	Project(o.object, in.State, p)
	if p.Persist && !o.write(false) {
		return false, "", true
	}
	var background []func() error
	facts := reconcile.Facts{}
	for _, s := range p.Steps {
		act := func() error { return o.step(s, facts) }
		if s.Background {
			background = append(background, act)
			continue
		}
		err := act()
		if err == nil && o.w.strikes != nil && o.w.strikes(s.Name) {
			o.dead = true
			o.w.tracef("the operator dies after %s", s.Name)
		}
		if o.dead {
			return false, "", true
		}
		if err != nil && !s.Optional {
			o.runBackground(background)
			return false, s.Name + err.Error(), o.dead
		}
	}
	o.runBackground(background)
	return p.Again, "", o.dead
}

func (o *operator) runBackground(acts []func() error) {
	for _, act := range acts {
		if !o.dead {
			_ = act()
		}
	}
}

// gather reads pods and observes server by server; the world goes on in between.
// The sets of those that may be a source are read last: see observe.go.
func (o *operator) gather() Input {
	w := o.w
	in := Input{Object: o.object, State: State{Nodes: map[string]*Server{}}, Pods: map[string]reconcile.Pod{}, Now: w.now.Add(o.skew)}
	members := Members(o.object)
	o.pods = maps.Clone(w.pod)
	w.seen = map[string]int{}
	for _, n := range w.names {
		w.seen[n] = w.servers[n].restarts
	}
	for _, m := range members {
		if w.external[m.Name] {
			in.Pods[m.Name] = reconcile.Pod{External: true, Readonly: w.label[m.Name]}
		} else if s := w.servers[m.Name]; !s.dead && !s.podless {
			in.Pods[m.Name] = reconcile.Pod{Exists: true, UID: podUID(m.Name, w.pod[m.Name]), Readonly: w.label[m.Name]}
		}
	}
	for _, i := range w.rng.Perm(len(members)) {
		in.State.Nodes[members[i].Name] = w.observeOne(members[i])
		w.drift()
	}
	for _, m := range members {
		if s := in.State.Nodes[m.Name]; o.maySource(in, s) {
			now := w.observeOne(m)
			if now.OK() && now.UUID == s.UUID {
				s.Before, s.Executed = s.Executed, now.Executed
			} else {
				in.State.Nodes[m.Name] = now
			}
		}
	}
	o.listen(in.State)
	w.asked = func(name string) bool {
		s := in.State.Nodes[name]
		return s.OK()
	}
	if s := w.unfencedOne; s != nil && w.asked(s.name) {
		w.unfencedOne = nil
	}
	w.tail.evidence = func(name string) bool {
		return w.asked(name) && !w.hollow(w.servers[name]) && slices.ContainsFunc(members, func(m Member) bool { return m.Name == name && !m.Leaving })
	}
	if o.flaws.input != nil {
		o.flaws.input(&in)
	}
	return in
}

// listen remembers who is silent: see observe_silent.go.
func (o *operator) listen(seen State) {
	if o.silent == nil {
		o.silent, o.waits = map[string]time.Time{}, map[string]bool{}
	}
	for name, s := range seen.Nodes {
		if s.OK() {
			o.waits[name] = s.WaitsAfterRestart
		}
		if s.Reach != ReachNone {
			delete(o.silent, name)
			continue
		}
		if _, known := o.silent[name]; !known {
			o.silent[name] = o.w.now
		}
		s.Silent, s.WaitsAfterRestart = o.w.now.Sub(o.silent[name]), o.waits[name]
	}
}

// step runs actions in any order, each of which may fail, be cut off, or succeed
// without an answer, and then routes.
func (o *operator) step(s reconcile.Step, facts reconcile.Facts) error {
	var failed error
	for _, i := range o.w.rng.Perm(len(s.Actions)) {
		if err := o.act(s.Actions[i], facts); err != nil {
			failed = err
		}
		if o.dead {
			return errDied
		}
	}
	if failed != nil {
		return failed
	}
	return o.route(s.Routing)
}

type modelError string

func (e modelError) Error() string { return string(e) }

const (
	errDied = modelError("the operator died")
	errLost = modelError("the answer was lost")
	errCut  = modelError("the connection broke")
	errAPI  = modelError("the API server does not answer")
)

// mortal counts down to the death of the process.
func (o *operator) mortal() bool {
	if o.dies > 0 {
		if o.dies--; o.dies == 0 {
			o.dead = true
			o.w.tracef("the operator dies")
		}
	}
	return o.dead
}

func (o *operator) act(a reconcile.Action, facts reconcile.Facts) error {
	w := o.w
	do := w.perform(a, facts, o.flaws)
	cut := -1
	if !w.calm && w.chance(4) {
		cut = w.rng.IntN(len(do) + 1)
	}
	w.tracef("> %s", describeAction(a))
	for i, statement := range do {
		w.drift()
		if o.mortal() {
			rest := do[i:]
			if i > 0 {
				// Its deadline is over by then: only what the server was told already happens.
				rest = rest[:1]
				switch a.(type) {
				case Attach, Detach, Clone:
					rest = nil
				}
			}
			if w.chance(50) && len(rest) > 0 {
				// A leader that was frozen, not killed: it goes on one day, with this action only.
				name := describeAction(a)
				*o.late = append(*o.late, func() {
					w.tracef("late: %s", name)
					w.runsLate = true
					defer func() { w.runsLate = false }()
					for _, statement := range rest {
						if err := statement(); err != nil {
							return
						}
						w.check()
					}
				})
			}
			return errDied
		}
		if i == cut {
			w.tracef("  cut before statement %d", i)
			return errCut
		}
		w.now = w.now.Add(20 * time.Millisecond)
		if err := statement(); err != nil {
			w.now = w.now.Add(time.Second)
			w.tracef("  failed: %v", err)
			return err
		}
		w.check()
	}
	if cut == len(do) {
		w.tracef("  its answer is lost")
		for name := range facts {
			if strings.HasSuffix(name, " "+a.Node()) {
				delete(facts, name)
			}
		}
		return errLost
	}
	w.tracef("  -> %s", w.describe(w.servers[a.Node()]))
	return nil
}

// route labels pods: first who comes to -readwrite, then all others in any order. The
// world goes on in between, and not all of them need succeed.
func (o *operator) route(r reconcile.Routing) error {
	w := o.w
	names := slices.Sorted(maps.Keys(r))
	w.rng.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	slices.SortStableFunc(names, func(a, b string) int {
		return cmp.Compare(order(r[a]), order(r[b]))
	})
	var failed error
	for _, name := range names {
		for range 3 {
			w.drift()
		}
		w.check()
		want := map[reconcile.Access]string{reconcile.AccessReadWrite: "false", reconcile.AccessReadOnly: "true"}[r[name]]
		if w.label[name] == want || w.servers[name] == nil || w.servers[name].dead && !w.external[name] {
			continue
		}
		if o.mortal() {
			return errDied
		}
		if !w.calm && w.chance(w.hangs) || o.pods[name] != w.pod[name] {
			failed = errAPI
			continue
		}
		w.label[name] = want
		if want == "false" {
			if w.takesOver == name {
				w.lateTo, w.takesOver = "", ""
				// It was writable already, so that nobody had to promote it.
				w.failoverDone(w.servers[name])
			}
			w.leavesUnfenced(w.servers[name])
			w.deposed[name] = false
		}
		delete(w.loosened, name)
		w.tracef("label %s %s", name, r[name])
		w.check()
	}
	w.check()
	return failed
}

func order(a reconcile.Access) int {
	if a == reconcile.AccessReadWrite {
		return 0
	}
	return 1
}

// write puts the status into the store. A record that must be found is not
// written over a change by somebody else.
func (o *operator) write(rebase bool) bool {
	w := o.w
	if o.mortal() {
		return false
	}
	if !w.calm && w.chance(4) {
		w.tracef("the status is not written")
		return false
	}
	if o.api.version != o.version && (!rebase || o.api.statusVersion != o.statusVersion) {
		w.tracef("the status is not written: conflict")
		return false
	}
	before := o.api.object.DeepCopy()
	o.api.object.Status = *o.object.Status.DeepCopy()
	o.api.version++
	o.api.statusVersion++
	o.w.ledWithoutPromotion(before, o.api.object)
	if !w.calm && w.chance(2) {
		w.tracef("the status is written, and the answer lost")
		return false
	}
	o.version, o.statusVersion = o.api.version, o.api.statusVersion
	o.newest = o.object.DeepCopy()
	if rebase {
		o.newest.Spec, o.newest.Generation = o.api.object.Spec, o.api.object.Generation
	}
	return !o.mortal()
}

// maySource says whether others may replicate from a server: see observe.go.
func (o *operator) maySource(in Input, s *Server) bool {
	if !s.OK() {
		return false
	}
	if s.Name == o.object.Status.Source || s.Writable() || !s.Channel.Streams() {
		return true
	}
	for _, other := range in.State.Nodes {
		if other.OK() && other != s && other.Follows(s) {
			return true
		}
	}
	return false
}

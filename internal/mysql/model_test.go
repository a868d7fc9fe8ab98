// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/mysql/gtid"
)

// Replay one schedule with its trace: MODEL_SEED=n go test -v -run "TestModel$" ./internal/mysql
// MODEL_RUNS=n makes that many schedules, from MODEL_SEED on if both are given; without it, as many as fit into the budget
// and no more than modelMost, so that a fast machine does not try seeds nobody has seen.
const (
	modelSeed = "MODEL_SEED"
	modelRuns = "MODEL_RUNS"
	// modelBudget is how long the schedules take when nobody says how many.
	modelBudget = 15 * time.Second
	modelMost   = 4000
	// firstSeed of a run.
	firstSeed = 1
)

// profile is what a schedule may suffer.
type profile struct {
	semi, running                                            bool
	nodes                                                    int
	crashes, cuts, errors, humans, death, anew, purges, dies bool
	edits, detaches, feeds, newPods                          bool
	// skews: the clock of each operator is another one.
	skews bool
	// outside: some nodes are no pods.
	outside bool
	// rejoins: spec.rejoinPolicy is Clone.
	rejoins bool
	// byHand: somebody has failed over before the operator came.
	byHand bool
	// tails: a source may lose its last commits in a crash.
	tails bool
	// forgets: semi-sync of sources is not persisted.
	forgets bool
}

// schedule is one run of the model: a world, an operator, and mischief.
type schedule struct {
	*world
	profile
	api     *store
	op      *operator
	late    []func()
	flaws   flaws
	lateRan bool
	// busy keeps mischief from mischief.
	busy bool
	// clocks has its own randomness, so that schedules without skew stay what they are.
	clocks *rand.Rand
	// loose is that of fences which a restart takes away, loosely in how many of a hundred
	// moments, and unfenced is how often that was.
	loose             *rand.Rand
	loosely, unfenced int
}

func newSchedule(seed uint64, tracing bool, f flaws) *schedule {
	rng := rand.New(rand.NewPCG(seed, 7)) //nolint:gosec // a schedule must be repeatable
	flip := func(percent int) bool { return rng.IntN(100) < percent }
	s := &schedule{flaws: f, profile: profile{
		semi: flip(50), running: flip(80), nodes: 2 + rng.IntN(3), edits: flip(90),
		crashes: flip(60), cuts: flip(50), errors: flip(30), humans: flip(25), death: flip(20), anew: flip(10), purges: flip(10), dies: flip(60),
		detaches: flip(25), feeds: flip(20), newPods: flip(20),
	}}
	s.clocks = rand.New(rand.NewPCG(seed, 11)) //nolint:gosec // a schedule must be repeatable
	s.skews = s.clocks.IntN(100) < 20
	places := rand.New(rand.NewPCG(seed, 13)) //nolint:gosec // a schedule must be repeatable
	s.outside = places.IntN(100) < 25
	s.rejoins = rand.New(rand.NewPCG(seed, 17)).IntN(100) < 25 //nolint:gosec // a schedule must be repeatable
	s.byHand = rand.New(rand.NewPCG(seed, 23)).IntN(100) < 8   //nolint:gosec // a schedule must be repeatable
	tail := rand.New(rand.NewPCG(seed, 29))                    //nolint:gosec // a schedule must be repeatable
	s.tails = tail.IntN(100) < 12
	s.loose = rand.New(rand.NewPCG(seed, 31)) //nolint:gosec // a schedule must be repeatable
	if s.loose.IntN(100) < 40 {
		s.loosely = 60
	}
	if f.profile != nil {
		f.profile(&s.profile)
	}
	w := &world{
		hangs: map[bool]int{false: 5, true: 40}[s.newPods],
		rng:   rng, now: t0, tracing: tracing, servers: map[string]*mServer{}, label: map[string]string{}, pod: map[string]int{},
		opCut: map[string]bool{}, clientCut: map[string]bool{}, failing: map[string]bool{}, lacking: map[string]bool{}, nodeCut: map[link]bool{},
		seq: map[string]int64{}, cache: map[txs]gtid.Set{}, deposed: map[string]bool{}, behind: map[string]bool{}, external: map[string]bool{},
	}
	w.tail.rng = tail
	s.world = w
	var spec []string
	for _, n := range []string{"a", "b", "c", "d"}[:s.nodes] {
		w.names = append(w.names, n)
		w.servers[n] = &mServer{name: n, up: true, since: t0.Add(-time.Hour), forgets: s.forgets}
		spec = append(spec, n)
	}
	s.api = &store{object: given(spec...).Object}
	for _, n := range w.names {
		w.external[n] = s.outside && places.IntN(100) < 50
	}
	for _, n := range nodesOf(s.api.object) {
		n.External = w.external[n.Name]
	}
	if s.semi {
		s.api.object.Spec.Mode = v1alpha1.MysqlSemiSync
	}
	w.acksRng = rand.New(rand.NewPCG(seed, 19)) //nolint:gosec // a schedule must be repeatable
	w.counts = w.acksRng.IntN(100) < 30 || f.counts
	if w.counts {
		s.countEdit()
	}
	w.recovers = rand.New(rand.NewPCG(seed, 37)).IntN(100) < 50 //nolint:gosec // a schedule must be repeatable
	if s.rejoins {
		s.api.object.Spec.RejoinPolicy = v1alpha1.MysqlRejoinClone
	}
	if s.running {
		s.settle()
	}
	s.hire()
	w.mischief = s.mischief
	if roots := rand.New(rand.NewPCG(seed, 29)); roots.IntN(100) < 25 { //nolint:gosec // a schedule must be repeatable
		w.roots = roots
	}
	if s.loosely > 0 {
		w.strikes = func(step string) bool {
			return !s.calm && (step == "promote" || step == "route") && underWay(s.api.object.Status.Switchover) && s.loose.IntN(100) < 30
		}
	}
	return s
}

// settle begins with a set that replicates and is known.
func (s *schedule) settle() {
	src := s.servers["a"]
	for range 3 {
		s.write(src, nil)
	}
	for _, n := range s.names[1:] {
		r := s.servers[n]
		r.executed, r.log = src.executed, slices.Clone(src.log)
		r.ro, r.super, r.roPersisted, r.semiRep, r.semiRepP = true, true, true, s.semi, s.semi
		r.ch = &mChannel{to: "a", io: true, sql: true, active: s.semi}
		s.label[n] = "true"
	}
	src.semiSource, src.semiSourceP = s.semi, s.semi
	if want := wantedAcks(s.api.object); s.semi {
		s.wait(src, want, true)
	}
	s.label["a"] = "false"
	s.acked = src.executed
	if s.byHand {
		s.failOverByHand(src, s.servers["b"])
	} else if s.chance(80) {
		s.hire()
		s.calm = true
		s.op.pass()
		s.calm = false
	}
}

// failOverByHand: the source was away, and somebody has stopped the replication of another
// node, made that writable and pointed the others at it. Nobody has removed its channel, and
// the spec names the new source. There was no operator, so that no pod has a label.
func (s *schedule) failOverByHand(from, to *mServer) {
	clear(s.label)
	to.ro, to.super, to.roPersisted = false, false, false
	to.ch.io, to.ch.sql, to.ch.active, to.semiRep, to.semiRepP = false, false, false, false, false
	for range 2 {
		s.write(to, nil)
	}
	s.acked |= to.executed
	s.deposed[from.name], s.stale = true, from
	for _, n := range s.names[2:] {
		s.servers[n].ch.to = to.name
	}
	if s.semi && s.nodes > 2 {
		to.semiSource, to.semiSourceP = true, true
		s.wait(to, wantedAcks(s.api.object), true)
	}
	if s.chance(50) {
		from.ro, from.super = true, true
	}
	spec := &s.api.object.Spec
	for i, r := range spec.Replica {
		if r.Name == to.name {
			was := *spec.Source
			spec.Source, spec.Replica[i] = r.Node.DeepCopy(), v1alpha1.ReplicaNode{Node: was}
		}
	}
}

// hire starts a new operator.
func (s *schedule) hire() {
	s.op = &operator{w: s.world, api: s.api, flaws: s.flaws, late: &s.late}
	if s.skews {
		s.op.skew = []time.Duration{-time.Hour, -5 * time.Second, 0, 5 * time.Second, time.Hour}[s.clocks.IntN(5)]
	}
	if s.dies && s.chance(30) {
		s.op.dies = 1 + s.rng.IntN(60)
	}
}

// run lives through the chaos and then through the calm.
func (s *schedule) run() {
	for range 14 + s.rng.IntN(20) {
		s.turn()
		if len(s.broken) > 0 || s.tail.over {
			return
		}
	}
	s.heal()
	for range 45 {
		s.settleDown()
		s.obey()
		s.obeyLost()
		s.turn()
		if len(s.broken) > 0 || s.tail.over {
			return
		}
	}
	s.final()
}

func (s *schedule) turn() {
	if s.op.dead {
		s.unfence()
		s.hire()
	}
	if s.tracing {
		s.tracef("pass, spec %s gen %d, %s", specOf(s.api.object), s.api.object.Generation, s.world)
	}
	wait := s.op.pass()
	for range s.rng.IntN(6) {
		s.drift()
	}
	if len(s.late) > 0 && (s.calm || s.chance(20)) {
		do := s.late[0]
		s.late = s.late[1:]
		s.lateRan, s.world.lateRan = true, true
		do()
	}
	if s.chance(30) {
		wait = wait * time.Duration(s.rng.IntN(100)) / 100
	}
	s.now = s.now.Add(max(wait, time.Millisecond))
}

func specOf(o *v1alpha1.MysqlReplication) string {
	out := []string{o.Spec.Source.Name}
	for _, r := range o.Spec.Replica {
		if r.Isolated {
			r.Name += "!"
		}
		out = append(out, r.Name)
	}
	return fmt.Sprint(out, " ", o.Spec.Mode, " ", acksInWords(wantedAcks(o)), " ", o.Spec.TLS.EffectiveMode(), " ", o.Annotations)
}

// mischief is what happens to the world at any moment.
func (s *schedule) mischief() {
	if s.busy || s.calm {
		return
	}
	s.busy = true
	defer func() { s.busy = false }()
	if r := s.api.object.Status.Switchover; s.newPods && r != nil && s.label[r.To] == "false" && s.chance(30) {
		s.podAnew(s.servers[r.To])
		if s.edits {
			s.exchange()
		}
		return
	}
	n := pick(s.world, s.names)
	v := s.servers[n]
	switch s.rng.IntN(17) {
	case 0, 1, 2, 3:
		if s.edits {
			s.edit()
		}
	case 4, 5:
		if s.crashes && v.up {
			s.crash(v)
			if o := s.api.object; s.tails && s.tail.of == nil && o.Status.Source == n && o.Status.Switchover == nil && (s.op.object == nil || s.op.object.Status.Switchover == nil) {
				s.loseTail(v)
			}
		}
	case 6, 7, 8:
		for _, n := range s.names {
			if !s.servers[n].up {
				s.start(s.servers[n])
				break
			}
		}
	case 9:
		if s.cuts {
			if to := s.routed(); len(to) > 0 && s.chance(60) {
				n = to[0]
			}
			s.opCut[n] = !s.opCut[n]
			s.tracef("operator to %s cut: %t", n, s.opCut[n])
			if s.opCut[n] && s.edits && s.chance(60) {
				// The user takes it for dead, and may have tried by hand before.
				if s.detaches {
					s.meddle(s.servers[pick(s.world, s.names)])
				}
				s.exchange()
			}
		}
	case 10:
		if s.cuts {
			if s.chance(50) {
				s.clientCut[n] = !s.clientCut[n]
				break
			}
			if o := pick(s.world, s.names); o != n {
				l := link{min(n, o), max(n, o)}
				s.nodeCut[l] = !s.nodeCut[l]
				s.tracef("%s to %s cut: %t", l.a, l.b, s.nodeCut[l])
			}
		}
	case 11:
		if s.errors {
			if s.chance(40) {
				s.lacking[n] = !s.lacking[n]
				s.tracef("%s lacks a privilege: %t", n, s.lacking[n])
				break
			}
			s.failing[n] = !s.failing[n]
			s.tracef("%s fails: %t", n, s.failing[n])
		}
	case 12:
		if s.humans {
			s.human(v)
		}
	case 13:
		if s.death && v.up && s.chance(30) {
			for _, o := range s.names {
				if s.servers[o].dead {
					return
				}
			}
			s.crash(v)
			v.dead = true
			s.unlabel(n)
			s.tracef("%s is dead", n)
		}
	case 14:
		// A new pod has no labels; that a server outside is made anew where clients are led to
		// can only be seen once they have been (docs/mysqlreplication.md, External nodes).
		if r := s.api.object.Status.Switchover; s.world.anew > 0 || s.external[n] || r != nil && r.To == n {
			return
		}
		// That a new source loses its data before anybody has written down that it is the
		// source is beyond what can be told afterwards.
		if r := s.op.object; s.profile.anew && v.up && s.chance(40) && (r == nil || r.Status.Switchover == nil || r.Status.Switchover.To != n) {
			s.unlabel(n)
			s.renew(v)
		}
	case 15:
		if s.crashes && s.chance(30) {
			s.podAnew(v)
		}
		if s.purges && v.up && s.chance(50) {
			v.purged = v.executed
			s.purgeds++
			s.tracef("%s purges its binary log", n)
		}
	case 16:
		s.meddle(v)
	}
}

// restartTime is what Kubernetes takes to start a container anew.
const restartTime = 1500 * time.Millisecond

// unfence: between two operators the old source of a switchover restarts without the fence
// that was persisted (persisted_globals_load=OFF), when the candidate was promoted already.
func (s *schedule) unfence() {
	r := s.api.object.Status.Switchover
	if s.calm || r == nil || r.Failover || r.Phase == v1alpha1.SwitchoverPreparing || s.loose.IntN(100) >= s.loosely {
		return
	}
	from, to := s.servers[r.From], s.servers[r.To]
	if from.dead || !from.up || !to.writable() || s.servers[r.From].fed {
		return
	}
	s.crash(from)
	s.now = s.now.Add(restartTime)
	s.start(from)
	from.ro, from.super = false, false
	s.unfencedOne, s.unfencedHad = from, from.executed
	s.tracef("%s has restarted unfenced", from.name)
	s.loosened = nil
	if both := len(s.routed()) > 1; both {
		// Clients were led to the new source, and some come here all the same.
		s.loosened = map[string]bool{from.name: true}
		s.setApart(from)
	}
	if s.loose.IntN(2) == 0 {
		s.write(from, nil)
	}
	s.unfenced++
}

// podAnew: the pod is made anew with its data, and has no labels.
func (s *schedule) podAnew(v *mServer) {
	s.crash(v)
	s.unlabel(v.name)
	v.podless = !s.external[v.name]
}

// unlabel: the pod of a node goes, and its labels with it. One outside has no pod, and
// its slices stay.
func (s *schedule) unlabel(name string) {
	if !s.external[name] {
		s.label[name] = ""
		s.pod[name]++
	}
}

// nodesOf a spec.
func nodesOf(o *v1alpha1.MysqlReplication) []*v1alpha1.Node {
	nodes := []*v1alpha1.Node{o.Spec.Source}
	for i := range o.Spec.Replica {
		nodes = append(nodes, &o.Spec.Replica[i].Node)
	}
	return nodes
}

// human does what people do to servers behind the operator's back.
func (s *schedule) human(v *mServer) {
	switch s.rng.IntN(5) {
	case 0:
		if v.ch != nil {
			v.ch.io, v.ch.sql, v.ch.byHand = false, false, true
			s.tracef("somebody stops replication on %s", v.name)
		}
	case 1:
		if v.ch != nil {
			v.ch.sql, v.ch.byHand = false, true
			s.tracef("somebody stops the applier on %s", v.name)
		}
	case 2:
		if v.ch != nil {
			v.ch.io, v.ch.byHand = false, true
			s.tracef("somebody stops the receiver on %s", v.name)
		}
	case 3:
		if v.up && v.ch != nil && v.ch.sql {
			v.ch.sql, v.ch.sqlErr, v.ch.byHand = false, 1062, true
			s.tracef("the applier of %s breaks", v.name)
		}
	case 4:
		if v.up && s.label[v.name] == "false" && s.chance(50) {
			s.closeByHand(v, s.chance(50))
		}
	}
}

// closeByHand: SET GLOBAL read_only waits for commits in flight, whoever says it. While they
// wait for an acknowledgement it hangs, and the person ends it.
func (s *schedule) closeByHand(v *mServer, super bool) {
	if v.pending != 0 {
		s.tracef("somebody cannot make %s read-only: commits wait for an acknowledgement", v.name)
		return
	}
	v.ro, v.super = true, super
	s.tracef("somebody makes %s read-only", v.name)
}

// meddle does what people do to replication who know nothing of the operator. Nobody
// begins with it in the middle of a change of the source.
func (s *schedule) meddle(v *mServer) {
	switch {
	case s.api.object.Status.Switchover != nil:
	case s.detaches && v.ch != nil && len(v.ch.relay) == 0:
		v.ch = nil
		s.tracef("somebody takes %s out of replication", v.name)
	case s.feeds && s.label[v.name] == "false" && v.writable():
		v.fed = !v.fed
		s.tracef("somebody feeds %s: %t", v.name, v.fed)
	}
}

// edit changes the spec as users do.
func (s *schedule) edit() {
	o := s.api.object
	spec := &o.Spec
	if s.counts && s.acksRng.IntN(100) < 25 {
		s.countEdit()
		o.Generation++
		s.api.version++
		s.tracef("spec %s gen %d", specOf(o), o.Generation)
		return
	}
	switch k := s.rng.IntN(12); {
	case k < 6:
		s.exchange()
		return
	case k == 6 && len(spec.Replica) > 1:
		i := s.rng.IntN(len(spec.Replica))
		spec.Replica = slices.Delete(slices.Clone(spec.Replica), i, i+1)
	case k == 7:
		for _, n := range s.names {
			named := spec.Source.Name == n
			for _, r := range spec.Replica {
				named = named || r.Name == n
			}
			if !named {
				spec.Replica = append(spec.Replica, v1alpha1.ReplicaNode{Node: v1alpha1.Node{Name: n, Host: n, Port: 3306}})
				break
			}
		}
	case k == 8 && len(spec.Replica) > 0:
		i := s.rng.IntN(len(spec.Replica))
		spec.Replica[i].Isolated = !spec.Replica[i].Isolated
	case k == 9:
		if spec.Mode == v1alpha1.MysqlSemiSync {
			spec.Mode = v1alpha1.MysqlAsync
		} else {
			spec.Mode = v1alpha1.MysqlSemiSync
		}
	case k == 10 && s.errors:
		if o.Annotations != nil {
			o.Annotations = nil
		} else {
			o.Annotations = map[string]string{v1alpha1.AnnotationForcePromote: spec.Source.Name}
			s.forced = true
		}
		s.api.version++
		s.tracef("annotations %v", o.Annotations)
		return
	case k == 11 && spec.TLS == nil:
		spec.TLS = &v1alpha1.DatabaseTLS{Mode: v1alpha1.TLSRequired}
	case k == 11 && spec.TLS.Mode == v1alpha1.TLSRequired:
		spec.TLS = &v1alpha1.DatabaseTLS{Mode: v1alpha1.TLSDisable}
	case k == 11:
		spec.TLS = nil
	default:
		return
	}
	s.admitCount()
	o.Generation++
	s.api.version++
	s.tracef("spec %s gen %d", specOf(o), o.Generation)
}

// exchange makes another node the wanted source.
func (s *schedule) exchange() {
	o := s.api.object
	spec := &o.Spec
	if len(spec.Replica) == 0 {
		return
	}
	i := s.rng.IntN(len(spec.Replica))
	was := *spec.Source
	spec.Source = spec.Replica[i].Node.DeepCopy()
	spec.Replica = slices.Clone(spec.Replica)
	spec.Replica[i] = v1alpha1.ReplicaNode{Node: was}
	o.Generation++
	s.api.version++
	s.tracef("spec %s gen %d", specOf(o), o.Generation)
}

// heal ends all faults. What people have stopped on servers they start again.
func (s *schedule) heal() {
	s.tracef("calm begins")
	s.calm = true
	s.op.dies = 0
	clear(s.opCut)
	clear(s.clientCut)
	clear(s.failing)
	clear(s.lacking)
	clear(s.nodeCut)
	for _, n := range s.names {
		v := s.servers[n]
		if !v.up {
			s.start(v)
		}
		v.fed = false
		if v.ch != nil && v.ch.byHand {
			v.ch.sqlErr, v.ch.io, v.ch.sql = 0, true, true
			delete(s.starved, n)
		}
	}
}

// obey does what the condition tells a person to do.
func (s *schedule) obey() {
	if s.op.last.Conditions == nil || !strings.HasSuffix(s.op.last.Conditions[0].Message, "Run START REPLICA on it") {
		return
	}
	if v := s.servers[s.api.object.Spec.Source.Name]; v.ch != nil && v.up {
		s.tracef("somebody starts replication on %s as told", v.name)
		_ = s.startThreads(v)
	}
}

func (s *schedule) settleDown() {
	for _, n := range s.names {
		for v := s.servers[n]; v.clone != nil && v.clone.running; {
			s.cloning(v)
		}
		// A server that has stopped by itself is started again.
		if v := s.servers[n]; !v.up {
			s.start(v)
		}
	}
	for range 200 {
		if !s.replicate() {
			return
		}
	}
}

// final checks what must be the case once everything is calm (laws 2, 3 and 5).
func (s *schedule) final() {
	st, cond := &s.api.object.Status, s.op.last.Conditions[0]
	routed := s.routed()
	src := s.servers[st.Source]
	lost := false
	for _, n := range s.names {
		lost = lost || s.servers[n].dead
	}
	fit := len(routed) == 1 && src != nil && routed[0] == st.Source && src.writable()
	explained := lost || s.world.anew > 0 || s.tail.of != nil
	switch {
	case fit:
	case explained && cond.Status == metav1.ConditionFalse:
		return
	case s.lateRan && strings.Contains(cond.Message, "which is none of the nodes"):
		// A frozen leader pointed it at a node that is forgotten since: that is said.
		return
	case (!s.running || s.byHand) && st.Source == "":
		return
	default:
		s.violate("law 3: no writable source is routed: %v, source %s (%s: %s)", routed, st.Source, cond.Reason, cond.Message)
		return
	}
	if !src.executed.contains(s.acked) {
		s.violate("law 2: the source %s lacks acknowledged %s", src.name, s.show(s.acked&^src.executed))
	}
	errant := false
	for _, n := range s.names {
		v := s.servers[n]
		if v.executed&^(src.executed|src.pending) == 0 {
			continue
		}
		errant = true
		if s.label[n] != "" {
			s.violate("law 5: %s is routed and holds %s", n, s.show(v.executed&^src.executed))
		}
	}
	for _, n := range s.names {
		if s.behind[n] && s.servers[n].writable() && st.Topology[n] == nil && s.world.anew == 0 {
			s.violate("law 5: %s was left behind by a failover, takes writes, and nobody looks after it", n)
		}
	}
	wanted := s.api.object.Spec.Source.Name
	if st.Source != wanted && cond.Status == metav1.ConditionTrue {
		s.violate("law 3: %s is wanted as the source, %s is it, and all is said to be well", wanted, st.Source)
	}
	for _, n := range st.Topology {
		// A clone that has failed waits longer for its next attempt than a schedule does.
		explained = explained || n.Clone != nil && n.Clone.State == v1alpha1.MysqlCloneFailed
	}
	if errant || explained || s.purgeds > 0 {
		return
	}
	undone := st.Switchover != nil && st.Switchover.Phase == v1alpha1.SwitchoverUndone
	if st.Source != wanted && !undone {
		s.violate("law 3: %s is wanted as the source and %s is it (%s: %s)", wanted, st.Source, cond.Reason, cond.Message)
	}
	if cond.Status != metav1.ConditionTrue && !undone {
		s.violate("law 3: nothing is in the way and yet: %s: %s", cond.Reason, cond.Message)
	}
	s.finalReplicas(src)
}

// finalReplicas: everybody plays the part that the spec says.
func (s *schedule) finalReplicas(src *mServer) {
	semi := s.api.object.Spec.Mode == v1alpha1.MysqlSemiSync
	attached := 0
	for _, r := range s.api.object.Spec.Replica {
		v := s.servers[r.Name]
		if v == src {
			continue
		}
		if !v.ro || !v.super || !v.roPersisted {
			s.violate("law 1: %s is not held read-only", r.Name)
		}
		if r.Isolated {
			if v.ch.running() || s.label[r.Name] != "" {
				s.violate("%s is isolated and replicates or is routed", r.Name)
			}
			continue
		}
		attached++
		if v.ch == nil || v.ch.to != src.name || !v.ch.io || !v.ch.sql || v.semiRep != semi || v.ch.active != semi {
			s.violate("law 3: %s does not follow %s as it should", r.Name, src.name)
			continue
		}
		if mode := s.api.object.Spec.TLS.EffectiveMode(); mode != v1alpha1.TLSPreferred && v.ch.tls.mode() != mode {
			s.violate("the channel of %s has the TLS %s, not %s", r.Name, v.ch.tls.mode(), mode)
		}
	}
	if src.ch != nil || src.roPersisted {
		s.violate("the source %s is not settled", src.name)
	}
	if want := semi && attached > 0; src.semiSource != want && s.api.object.Spec.Source.Name == src.name {
		s.violate("semi-sync of the source %s is %t", src.name, src.semiSource)
	}
	s.finalAcks(src, attached)
}

func runSchedule(seed uint64, tracing bool, f flaws) *schedule {
	s := newSchedule(seed, tracing, f)
	s.run()
	return s
}

// TestModel runs the planner against worlds in which anything fails at any moment.
func TestModel(t *testing.T) {
	t.Parallel()
	first := uint64(firstSeed)
	if text := os.Getenv(modelSeed); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", modelSeed, err)
		}
		first = seed
	}
	if os.Getenv(modelSeed) != "" && os.Getenv(modelRuns) == "" {
		seed := first
		s := runSchedule(seed, true, flaws{})
		t.Logf("profile %+v\n%s", s.profile, strings.Join(s.trace, "\n"))
		if len(s.broken) > 0 {
			t.Errorf("seed %d: %s", seed, strings.Join(s.broken, "\n"))
		}
		return
	}
	runs, limit := modelMost, time.Now().Add(modelBudget)
	if text := os.Getenv(modelRuns); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("%s: %v", modelRuns, err)
		}
		runs, limit = n, time.Now().Add(time.Hour)
	}
	done, failovers, sure, switches, clones, tails, left, unfenced, broken := 0, 0, 0, 0, 0, 0, 0, 0, 0
	for seed := first; done < runs && time.Now().Before(limit); seed++ {
		s := runSchedule(seed, false, flaws{})
		done++
		failovers += s.failovers
		sure += s.claimed
		clones += s.clones
		if s.tail.of != nil {
			if tails++; s.deposed[s.tail.of.name] {
				left++
			}
		}
		unfenced += s.unfenced
		if l := s.api.object.Status.LastSwitchover; l != nil {
			switches++
		}
		if len(s.broken) == 0 {
			continue
		}
		if broken++; broken == 1 {
			s = runSchedule(seed, true, flaws{})
			t.Errorf("seed %d: %s\nprofile %+v\n%s", seed, strings.Join(s.broken, "\n"), s.profile, strings.Join(s.trace, "\n"))
		} else {
			t.Errorf("seed %d: %s", seed, s.broken[0])
		}
		if broken == 20 {
			break
		}
	}
	t.Logf("%d schedules; in %d the source changed; %d failovers, %d of them sure to lose nothing; %d nodes were made anew; %d sources lost their tails, of which %d were left; %d old sources restarted unfenced", done, switches, failovers, sure, clones, tails, left, unfenced)
	if done > 200 && (failovers < done/50 || switches < done/4 || clones < done/500 || sure < done/200 || unfenced < done/500) {
		t.Error("the schedules do not try what they are for")
	}
}

// Servers say when they were started, and say the same later on. (With the zero time they
// seemed to start anew all the time, and nobody was believed to vouch for a source.)
func TestModelServersRunOn(t *testing.T) {
	t.Parallel()
	s := newSchedule(firstSeed, false, flaws{profile: func(p *profile) { p.running = true }})
	m := Member{Name: "a", Host: "a", Port: 3306}
	before := s.observeOne(m).Uptime
	s.now = s.now.Add(time.Minute)
	if got := s.observeOne(m).Uptime - before; got != time.Minute {
		t.Errorf("within a minute it has run for %s", got)
	}
}

// A person's SET GLOBAL read_only waits for the same commits as the operator's fence. (One
// that did not made a fenced source whose commit nobody saw: a set that no server can be in.)
func TestModelPeopleWaitForCommits(t *testing.T) {
	t.Parallel()
	for super, pending := range map[bool]bool{false: false, true: true} {
		s := newSchedule(firstSeed, false, flaws{profile: func(p *profile) { p.running = true }})
		v := s.servers["a"]
		if v.pending = 0; pending {
			v.pending.add(0)
		}
		if s.closeByHand(v, super); v.writable() != pending || v.super != (super && !pending) {
			t.Errorf("commits wait: %t, and then writable: %t, super_read_only: %t", pending, v.writable(), v.super)
		}
	}
}

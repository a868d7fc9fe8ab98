// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/internal/server"
)

// view is the input seen through the questions that rules ask.
type view struct {
	in     Input
	spec   *v1alpha1.RedisReplicationSpec
	status *v1alpha1.RedisReplicationStatus
	gen    int64
	force  string
	skip   bool
	tls    bool
	// skips is skip as the user has set it; resolves: something is under way that is finished or
	// undone in spite of it.
	skips, resolves bool

	members  []Member
	nodes    map[string]*Server
	pods     map[string]reconcile.Pod
	now      time.Time
	readers  int32
	recorded *v1alpha1.RedisSwitchoverStatus

	// source is the node that is the source now, as far as known; nil: unknown.
	// It may be unseen.
	source *Server
	// moved says that somebody else made another node the source.
	moved bool
	// lineage is what the source holds; where it is not seen, what is on record of it.
	lineage history
	// lost: the source has restarted without what it held, and another node holds what it held.
	lost bool
	// keeper is that node.
	keeper string
	// distrusted: somebody has lost the trust of the last switchover. That is recorded before he
	// is fenced: a fenced one cannot be told from one that was fenced all the time.
	distrusted bool
	data       Data
	events     []reconcile.Event
}

func look(in Input) *view {
	o := in.Object
	v := &view{
		in: in, spec: &o.Spec, status: &o.Status, gen: o.Generation,
		force: o.Annotations[v1alpha1.AnnotationForcePromote],
		skips: v1alpha1.SkipsReconcile(o.Annotations), tls: o.Spec.TLS.EffectiveMode().Demands(),
		pods: in.Pods, now: in.Now, members: Members(o), recorded: o.Status.Switchover.DeepCopy(),
		data: Data{
			Source: o.Status.Source, ReplicationID: o.Status.ReplicationID, History: slices.Clone(o.Status.History),
			Switchover: o.Status.Switchover.DeepCopy(), Last: o.Status.LastSwitchover.DeepCopy(), Drop: map[string]bool{},
		},
	}
	_, v.readers = route(o).Ports()
	// A server that the observation left out is unknown, like one that does not answer.
	v.nodes = maps.Clone(in.State.Nodes)
	if v.nodes == nil {
		v.nodes = map[string]*Server{}
	}
	for _, m := range v.members {
		if v.nodes[m.Name] == nil {
			v.nodes[m.Name] = &Server{
				Name: m.Name, Host: m.Host, Port: m.Port, AnnounceHost: m.AnnounceHost, AnnouncePort: m.AnnouncePort,
				Reach: server.ReachNone, Problem: "not observed",
			}
		}
	}
	if v.force != "" && v.force == v.data.Source {
		v.data.Forced = o.Status.ForcedRunID
	}
	v.forgetUndone()
	// A fence may be up: it is resolved first, whatever is asked since.
	v.resolves = v.skips && v.inFlight()
	v.skip = v.skips && !v.resolves
	if v.skip {
		// Nothing is begun and nothing goes on; the record stays for later.
		v.data.Switchover = nil
	}
	v.findSource()
	v.withdrawTrust()
	v.judgeSource()
	v.assess()
	return v
}

// withdrawTrust takes those from the record of the last switchover who are seen to take
// writes: what they hold is compared from now on, also once they are fenced.
func (v *view) withdrawTrust() {
	last := v.data.Last
	if last == nil || v.source == nil || last.To != v.source.Name {
		return
	}
	for _, s := range v.nodes {
		if s == v.source || !s.OK() || s.takesNone() || s.RunID == "" {
			continue
		}
		if last.FromRunID == s.RunID {
			last.FromRunID, v.distrusted = "", true
		}
		if i := slices.Index(last.BehindRunIDs, s.RunID); i >= 0 {
			last.BehindRunIDs, v.distrusted = slices.Delete(last.BehindRunIDs, i, i+1), true
		}
	}
}

// inFlight says whether a change of the source is on record that has touched something.
func (v *view) inFlight() bool {
	r := v.data.Switchover
	return r != nil && (r.Phase == v1alpha1.SwitchoverSwitching || r.Phase == v1alpha1.SwitchoverUndoing)
}

// forgetUndone drops the record of an undone switchover once the spec has changed
// or asks for the old source again.
func (v *view) forgetUndone() {
	r := v.data.Switchover
	if r != nil && r.Phase == v1alpha1.SwitchoverUndone && (r.Generation != v.gen || v.spec.Source.Name == r.From) {
		v.data.Switchover = nil
	}
}

// server by name; nil when no member has that name.
func (v *view) server(name string) *Server {
	if name == "" {
		return nil
	}
	return v.nodes[name]
}

// ours are the members that the spec names.
func (v *view) ours() []Member {
	return slices.DeleteFunc(slices.Clone(v.members), func(m Member) bool { return m.Leaving })
}

// wanted is the node that the spec wants as the source.
func (v *view) wanted() *Server { return v.server(v.spec.Source.Name) }

// replicasOf lists the members that the spec names as attached replicas of s.
func (v *view) replicasOf(s *Server) []Member {
	return slices.DeleteFunc(v.ours(), func(m Member) bool { return m.Isolated || m.Name == s.Name })
}

// findSource decides who is the source now. The record counts, unless the servers show
// that somebody else moved it: the recorded one follows a member that takes writes.
func (v *view) findSource() {
	rec := v.server(v.data.Source)
	if rec == nil {
		v.source = v.head()
	} else if v.source = rec; rec.OK() && rec.Replica && !v.inFlight() {
		for _, m := range v.ours() {
			if s := v.server(m.Name); s.Master() && !s.Fenced() && rec.Follows(s) && (rec.LinkUp || s.holds(rec)) {
				v.source, v.moved = s, true
			}
		}
	}
	if v.source == nil {
		return
	}
	if v.moved {
		switch id := v.data.ReplicationID; {
		case v.source.ReplID == id:
		case v.source.continues() && v.source.ReplID2 == id:
			v.inherit(v.source.SecondOffset - 1)
		default:
			// Moved more than once: how much of the past it holds, its offsets do not tell.
			v.data.ReplicationID, v.data.History, v.data.Anew = v.source.ReplID, nil, true
		}
		v.events = append(v.events, reconcile.Event{Warning: true, Reason: "SourceMovedByOthers", Once: v.source.Name,
			Message: fmt.Sprintf("%s is the source now, and the operator did not make it so; it was %s", v.source.Name, v.data.Source)})
	}
	v.data.Source = v.source.Name
}

// head is the one member that others follow and that follows no member itself.
func (v *view) head() *Server {
	var found *Server
	for _, m := range v.ours() {
		lead := v.server(m.Name)
		if !lead.Master() || !v.isFollowed(lead) {
			continue
		}
		if found != nil {
			return nil
		}
		found = lead
	}
	return found
}

// isFollowed says whether a member is seen to follow the server.
func (v *view) isFollowed(lead *Server) bool {
	return slices.ContainsFunc(v.ours(), func(m Member) bool { return v.server(m.Name).Follows(lead) })
}

// appendHistory remembers how far an id is held. No earlier one is held any further: a replica
// takes over its source's id with the first byte that it asks for, also where it lacks some of
// the history before that still. Offsets begin anew where an id is held to its end.
func appendHistory(past []v1alpha1.RedisReplicationHistory, id string, offset int64) []v1alpha1.RedisReplicationHistory {
	if id == "" || id == noReplID {
		return past
	}
	past = slices.DeleteFunc(slices.Clone(past), func(one v1alpha1.RedisReplicationHistory) bool { return one.ID == id })
	for i := len(past) - 1; offset != whole && i >= 0 && past[i].Offset != whole; i-- {
		past[i].Offset = min(past[i].Offset, offset)
	}
	past = append(past, v1alpha1.RedisReplicationHistory{ID: id, Offset: offset})
	return past[max(0, len(past)-historyLength):]
}

// onRecord is what the source held when it was seen last.
func (v *view) onRecord() history {
	h := history{}
	for _, one := range v.data.History {
		h.add(one.ID, one.Offset)
	}
	h.add(v.data.ReplicationID, whole)
	return h
}

// judgeSource says whether the source is what it was, and what it holds.
func (v *view) judgeSource() {
	src, id := v.source, v.data.ReplicationID
	v.lost, v.data.Lost, v.data.Unjudged = false, false, ""
	v.lineage = v.onRecord()
	if !src.OK() {
		return
	}
	was := v.status.Topology[src.Name]
	sameProcess := was != nil && was.RunID != "" && was.RunID == src.RunID
	switch {
	case v.inFlight():
		// The record of the change has the id that counts.
		v.data.Unjudged = src.Name
		return
	case src.Replica || src.ReplID == id:
	case id == "":
		v.data.ReplicationID = src.ReplID
	case src.ReplID2 == id && (sameProcess || v.ahead(src) == ""):
		v.inherit(src.SecondOffset - 1)
		if !sameProcess {
			v.forgetTrust()
		}
	case sameProcess, src.ReplID2 != id && src.Keys > 0 && src.AOF && v.outgrown(src) == "":
		// A source without replicas gives up its id after repl-backlog-ttl. One that has read
		// its append-only file does not know it any more.
		v.inherit(v.held())
	case !v.forced(src) && cmp.Or(v.ahead(src), v.keeperOf(src)) != "":
		// Without an append-only file it has an older snapshot at the most; Redis before 7.0 does
		// not say how old. One that holds what was written since was led to until it was seen:
		// those writes are fewer.
		v.lost, v.data.Lost, v.keeper = true, true, cmp.Or(v.ahead(src), v.keeperOf(src))
		return
	default:
		if src.Empty() && was != nil && was.HeldData {
			v.events = append(v.events, reconcile.Event{Warning: true, Reason: "SourceLostData", Once: src.RunID, Message: fmt.Sprintf(
				"%s has restarted without what it held, and no other node is seen that holds what it held. Turn persistence on (appendonly yes)", src.Name)})
		}
		// What others hold of its past is theirs now.
		v.data.ReplicationID, v.data.History = src.ReplID, nil
		v.forgetTrust()
	}
	if v.force == src.Name && v.data.Forced == "" {
		// It is spent: one that is left in place must not open the source after its next restart.
		v.data.Forced = src.RunID
	}
	v.lineage = historyOf(src, v.data.History)
}

// forced: the user says that the source goes on with whatever it holds. That counts for the
// process that is the source when the annotation is first seen to name it, and for no later one.
func (v *view) forced(s *Server) bool {
	return v.force == s.Name && (v.data.Forced == "" || v.data.Forced == s.RunID)
}

// inherit: the source continues the recorded id up to an offset.
func (v *view) inherit(until int64) {
	v.data.History = appendHistory(v.data.History, v.data.ReplicationID, until)
	v.data.ReplicationID = v.source.ReplID
}

// held is how far the source held the recorded id when it was seen last: all of it, unless the
// history has an entry of its own for that (see end).
func (v *view) held() int64 {
	for _, one := range v.data.History {
		if one.ID == v.data.ReplicationID {
			return one.Offset
		}
	}
	return whole
}

// forgetTrust: the source has restarted with less than it held, or may have. Nobody is known any
// more to hold only what it does, unless that can be compared; nor does it have for certain what
// it took over in the last switchover.
func (v *view) forgetTrust() {
	v.data.Anew = true
	if v.data.Last != nil {
		v.data.Last.FromRunID, v.data.Last.BehindRunIDs = "", nil
	}
}

// keeperOf names a node that holds data of the source's recorded history, as far as is known:
// one that is seen, or else one of the spec that held it when it was seen last; "" when there is none.
func (v *view) keeperOf(src *Server) string {
	for _, m := range v.holders(src) {
		if s := v.server(m.Name); v.ofRecord(m, s) {
			return m.Name
		}
	}
	return v.unseenHolder(v.ours())
}

// holders are the seen nodes other than the source that hold something, and were not found
// before to hold something of their own.
func (v *view) holders(src *Server) []Member {
	return slices.DeleteFunc(slices.Clone(v.members), func(m Member) bool {
		s := v.server(m.Name)
		return s == src || !s.OK() || s.Keys == 0 || v.onFile(m.Name).Diverged
	})
}

// ofRecord says whether a seen node holds data of the source's recorded history, and not what
// the source has since it restarted.
func (v *view) ofRecord(m Member, s *Server) bool {
	r, _ := v.onRecord().compare(s)
	return s.ReplID != v.source.ReplID && (r != unrelated || v.returned(m, s))
}

// unseenHolder names a node that is not seen and held data of the source when it was seen last:
// one that is not seen is not empty. "" when there is none.
func (v *view) unseenHolder(members []Member) string {
	for _, m := range members {
		was := v.onFile(m.Name)
		// One that was not seen connected may have got its copy in between: the id tells.
		of := was.Replicated || was.ReplicationID != "" && was.ReplicationID == v.data.ReplicationID
		if m.Name != v.source.Name && !v.server(m.Name).OK() && was.HeldData && of && !was.Diverged {
			return m.Name
		}
	}
	return ""
}

// ahead names a node that holds, or may hold, more of the recorded history than a source that
// has restarted from a snapshot and knows how far that goes; "" when there is none. A replica
// that has read its append-only file does not know how far it is. While a node is not seen, one
// that has exactly what the snapshot has is the witness that there was no more. One that is
// isolated has received nothing for long: only what is seen of it counts.
func (v *view) ahead(src *Server) string {
	id := v.data.ReplicationID
	end := position{id, src.SecondOffset - 1}
	if src.ReplID == id {
		end.offset = src.Offset
	} else if src.ReplID2 != id {
		return ""
	}
	has, witness := historyOf(src, v.data.History), false
	for _, m := range v.holders(src) {
		s := v.server(m.Name)
		if s.ReplID == src.ReplID && src.ReplID != id {
			// It has gone on with the source since: where it left the history is what it had.
			witness = witness || s.ReplID2 == id && s.SecondOffset-1 == end.offset
			continue
		}
		switch r, _ := has.compare(s); {
		case r == beyond, r == unrelated && v.ofRecord(m, s) && !m.Isolated && !m.Leaving:
			return m.Name
		case slices.Contains(s.positions(), end):
			witness = true
		}
	}
	if witness {
		return ""
	}
	return v.unseenHolder(v.replicasOf(src))
}

// outgrown names a node that kept what the source held and has more than twice as many keys as
// it, although clients have written to it since it restarted; "" when there is none. What was
// written since is not what it held: its append-only file was not the one it had before.
func (v *view) outgrown(src *Server) string {
	if src.Untouched {
		return ""
	}
	for _, m := range v.holders(src) {
		if s := v.server(m.Name); v.ofRecord(m, s) && s.Keys/2 > src.Keys {
			return m.Name
		}
	}
	return ""
}

// onFile is what is on record of a node; never nil.
func (v *view) onFile(name string) *v1alpha1.RedisReplicationNode {
	if n := v.status.Topology[name]; n != nil {
		return n
	}
	return &v1alpha1.RedisReplicationNode{}
}

// returned: a replica that has restarted, without knowing of whom or not connected yet, and
// was not written to since.
func (v *view) returned(m Member, s *Server) bool {
	was := v.onFile(m.Name)
	if !was.Replicated || was.Diverged {
		return false
	}
	// Once it is attached, a full copy may have to be waited for (repl-diskless-sync-delay).
	return s.Master() && s.Untouched || s.takesNone() && s.Replica && (was.RunID == s.RunID || s.Untouched) && (s.Follows(v.source) || s.Detached())
}

// former: the source before, which was fenced when the present one had all of it, and runs
// since, fenced or as a replica. What it may have sent its followers after that are signs
// of life.
func (v *view) former(s *Server) bool {
	last := v.data.Last
	return last != nil && v.source != nil && !v.lost && last.To == v.source.Name && s.takesNone() && s.RunID != "" &&
		(last.FromRunID == s.RunID || slices.Contains(last.BehindRunIDs, s.RunID))
}

// takesNone says whether a seen server refuses every client's writes.
func (s *Server) takesNone() bool { return s.OK() && (s.Replica && !s.WritableReplica || s.Fenced()) }

// behind are the processes that hold nothing but what the source before does, and that
// take no writes.
func (v *view) behind() []string {
	var out []string
	for _, m := range v.members {
		if s := v.server(m.Name); s.takesNone() && !v.data.Diverged[m.Name] {
			out = append(out, s.RunID)
		}
	}
	return out
}

// trails: a replica that has received signs of life of the fenced source before, and nothing
// else beyond what the present one has: nobody could write there any more.
func (v *view) trails(s *Server) bool {
	last, past := v.data.Last, v.data.History
	if last == nil || last.Failover || v.lost || v.source == nil || last.To != v.source.Name || last.FromRunID == "" || len(past) == 0 ||
		!s.Replica || s.WritableReplica || s.ReplID != past[len(past)-1].ID {
		return false
	}
	from := v.server(last.From)
	return from != nil && (!from.OK() || from.RunID != last.FromRunID || from.Replica || from.Fenced())
}

// standing says how what a seen node holds stands to the source.
func (v *view) standing(m Member, s *Server) (relation, int64) {
	switch {
	case s.Keys == 0, v.former(s), v.trails(s):
		return within, 0
	case s.Replica && s.LinkUp && s.Follows(v.source):
		// It may have been seen a moment after the source.
		return within, 0
	case s.Replica && s.SyncInProgress && s.Follows(v.source):
		return within, 0
	}
	rel, extra := v.lineage.compare(s)
	if rel == unrelated && v.returned(m, s) && !v.source.Empty() && !v.data.Anew {
		return within, 0
	}
	return rel, extra
}

// assess fills roles, notes and readiness of every node, relative to the source.
func (v *view) assess() {
	d := &v.data
	d.Notes, d.Roles, d.Ready = map[string]string{}, map[string]v1alpha1.RedisRole{}, map[string]bool{}
	d.Diverged, d.Extra, d.Compared = map[string]bool{}, map[string]int64{}, map[string]bool{}
	for _, m := range v.members {
		s := v.server(m.Name)
		d.Roles[m.Name] = v1alpha1.RedisRoleNone
		switch {
		case !s.OK():
			d.Notes[m.Name] = s.Problem
			// What it was found to hold stays true until it is seen again.
			d.Diverged[m.Name] = v.onFile(m.Name).Diverged && s != v.source
		case v.source == nil:
			v.assessUnattached(s)
		case s == v.source:
			v.assessSource(s)
		default:
			v.assessReplica(m, s)
		}
	}
}

func (v *view) assessUnattached(s *Server) {
	if s.Replica && !s.Detached() {
		v.data.Notes[s.Name] = fmt.Sprintf("replicates from %s:%d", s.MasterHost, s.MasterPort)
	}
}

func (v *view) assessSource(s *Server) {
	d := &v.data
	note := ""
	switch {
	case v.lost:
		note = "it has restarted " + v.lack()
	case s.Replica && s.Detached():
		note = "the source is detached and takes no writes"
	case s.Replica:
		note = fmt.Sprintf("the source replicates from %s:%d: end that first (REPLICAOF NO ONE)", s.MasterHost, s.MasterPort)
	case s.Fenced():
		note = "the source is fenced"
	case s.tooFewReplicas():
		note = fmt.Sprintf("the source refuses writes: its min-replicas-to-write is %d, and %d replica(s) keep up", s.Config.MinReplicas, s.GoodReplicas)
	}
	if !s.Replica && !v.lost {
		d.Roles[s.Name] = v1alpha1.RedisRoleSource
	}
	d.Notes[s.Name], d.Ready[s.Name] = note, note == ""
	if note == "" && v.forgetful() {
		// That is what its user may want: it is said, and is no fault.
		d.Notes[s.Name] = forgets
	}
}

// forgets is what is said of a source without an append-only file. Redis does that by itself
// within a second, and may be faster than the operator, who detaches the replicas.
const forgets = "it has no append-only file: when its process starts again by itself, its replicas take over what it has then, which may be nothing. Turn appendonly on, or have nothing start it again by itself"

// forgetful: the source takes writes, and would not have them after a restart.
func (v *view) forgetful() bool { return v.source.Master() && !v.lost && !v.source.AOF }

func (v *view) assessReplica(m Member, s *Server) {
	d := &v.data
	if v.source.OK() && !v.lost {
		d.Compared[m.Name] = true
	}
	rel, extra := v.standing(m, s)
	if rel == beyond && extra > 0 {
		d.Extra[m.Name] = extra
	}
	d.Diverged[m.Name] = rel != within && !m.Leaving
	if s.Follows(v.source) {
		d.Roles[m.Name] = v1alpha1.RedisRoleReplica
	}
	d.Notes[m.Name] = v.replicaProblem(m, s)
	d.Ready[m.Name] = d.Notes[m.Name] == ""
}

// replicaProblem says in words what keeps a seen node from being what the spec wants; "" when nothing.
func (v *view) replicaProblem(m Member, s *Server) string {
	src := v.source
	switch {
	case m.Leaving:
		return "no longer named by the spec"
	case m.Isolated && s.Detached() && !s.WritableReplica:
		return ""
	case m.Isolated:
		return "is to be isolated and is not detached yet"
	case v.data.Diverged[m.Name]:
		what := "may hold writes that the source " + src.Name + " lacks: their replication ids have nothing in common"
		if extra := v.data.Extra[m.Name]; extra > 0 {
			what = fmt.Sprintf("holds %d byte(s) of replication stream that the source %s lacks", extra, src.Name)
		}
		return what + ". It is kept apart: make it the source, or give it up with spec.rejoinPolicy: Resync"
	case !s.Replica:
		return "does not replicate yet"
	case s.WritableReplica:
		return "is a replica and not read-only"
	case s.Detached():
		return "is detached, and keeps what it holds"
	case !s.Follows(src):
		return fmt.Sprintf("replicates from %s:%d and not from the source %s", s.MasterHost, s.MasterPort, src.Name)
	case s.SyncInProgress:
		return "receives a full copy from the source"
	case !s.LinkUp && s.Config != nil && !s.Config.AuthOK:
		return "the link to the source is down, and masterauth is not the password of the Secret"
	case !s.LinkUp:
		return "the link to the source is down"
	case v.elsewhere(s):
		return fmt.Sprintf("its link is up, and what comes over it is not what the source %s has (another replication id): %s:%d leads it to another server", src.Name, s.MasterHost, s.MasterPort)
	}
	return ""
}

// elsewhere: a replica is pointed at the source's address and connected, but not to the source:
// an address of a pod that is gone may be another's, and one behind a translation is not the
// same for everybody.
func (v *view) elsewhere(s *Server) bool {
	src := v.source
	return src.Master() && !v.lost && s.LinkUp && s.Follows(src) && s.ReplID != src.ReplID
}

// route is who may be reached through the Services, as observed.
func (v *view) route() reconcile.Step { return reconcile.Step{Name: "route", Routing: v.routing()} }

// routing names the source only when it is seen writable; a node that was the source and is
// not any more is named always.
func (v *view) routing() reconcile.Routing {
	r := reconcile.Routing{}
	for _, m := range v.members {
		s := v.server(m.Name)
		switch {
		case v.source != nil && s == v.source:
			if v.lost || s.Master() && s.Fenced() && !v.inFlight() {
				r[m.Name] = reconcile.AccessNone
			} else if s.Writable() && s.Master() {
				r[m.Name] = reconcile.AccessReadWrite
			}
		case m.Leaving || m.Isolated:
			r[m.Name] = reconcile.AccessNone
		case !s.OK():
			if v.pods[m.Name].Readonly == "false" {
				r[m.Name] = reconcile.AccessNone
			}
		case v.source == nil && s.Replica:
			// Readers stay where they are until somebody knows better.
		case v.serves(m, s) && v.lingers(m) == 0:
			r[m.Name] = reconcile.AccessReadOnly
		default:
			r[m.Name] = reconcile.AccessNone
		}
	}
	return r
}

// serves says whether a replica is fit for readers: it holds nothing but what the source
// does, and listens where -readonly leads to. (The way to an external node has a port of
// its own.) One that is detached while the source is away serves on.
func (v *view) serves(m Member, s *Server) bool {
	if v.lost && s.Keys == 0 {
		// It has followed the empty node.
		return false
	}
	if s.Keys == 0 && !s.LinkUp && v.sourceHolds() {
		// It has not received its copy yet: readers would find nothing.
		return false
	}
	return v.source != nil && s.OK() && s.Replica && !s.WritableReplica && !s.SyncInProgress && !v.elsewhere(s) && !v.data.Diverged[m.Name] &&
		(m.External || m.Port == v.readers) && (s.Follows(v.source) || s.Detached() || v.followsReplica(s))
}

// sourceHolds says whether the source holds keys, or did when it was seen last.
func (v *view) sourceHolds() bool {
	if v.source == nil {
		return false
	}
	return v.source.OK() && v.source.Keys > 0 || !v.source.OK() && v.onFile(v.source.Name).HeldData
}

// followsReplica: it gets everything by way of another replica, as after a FAILOVER.
func (v *view) followsReplica(s *Server) bool {
	return s.LinkUp && slices.ContainsFunc(v.ours(), func(m Member) bool {
		between := v.server(m.Name)
		return s.Follows(between) && between.OK() && between.Follows(v.source) && between.LinkUp
	})
}

// lingers says for how long the old source of the last switchover is kept from
// readers still; zero when it need not be, or when nobody else could serve them.
func (v *view) lingers(m Member) time.Duration {
	last := v.data.Last
	if last == nil || last.From != m.Name || v.source == nil || !v.othersServe(m.Name) {
		return 0
	}
	return max(0, last.FinishedAt.Add(lingerTime).Sub(v.now))
}

// othersServe says whether readers have a replica other than the named one.
func (v *view) othersServe(name string) bool {
	return slices.ContainsFunc(v.replicasOf(v.source), func(m Member) bool {
		return m.Name != name && v.serves(m, v.server(m.Name))
	})
}

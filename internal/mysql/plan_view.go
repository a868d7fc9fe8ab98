// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/mysql/gtid"
	"github.com/upmio/compose-operator/internal/mysql/shared"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// errant is what a node holds and the source lacks.
type errant struct {
	set   gtid.Set
	count int64
}

// view is the input seen through the questions that rules ask.
type view struct {
	name   string
	spec   *v1alpha1.MysqlReplicationSpec
	status *v1alpha1.MysqlReplicationStatus
	gen    int64
	force  string
	// givenUp are the nodes that the user gives up by name.
	givenUp []string
	skip    bool
	// skips is skip as the user has set it, also while what is under way is resolved.
	skips bool
	// resolves: something is under way that is resolved in spite of skip.
	resolves bool
	// deleting: the resource is about to go.
	deleting bool
	members  []Member
	state    State
	pods     map[string]reconcile.Pod
	now      time.Time
	semi     bool
	// readers is the port of -readonly.
	readers  int32
	recorded *v1alpha1.SwitchoverStatus

	// source is the node that is the source now, as far as known; nil: unknown.
	// It may be unseen.
	source *Server
	// moved says that somebody else made another node the source.
	moved bool
	data  Data
}

func look(in Input) *view {
	o := in.Object
	v := &view{
		name: o.Name, spec: &o.Spec, status: &o.Status, gen: o.Generation,
		force: o.Annotations[v1alpha1.AnnotationForcePromote], givenUp: shared.Names(o.Annotations[v1alpha1.AnnotationGiveUp]),
		skips: v1alpha1.SkipsReconcile(o.Annotations), deleting: !o.DeletionTimestamp.IsZero(),
		state: in.State, pods: in.Pods, now: in.Now,
		semi:     o.Spec.Mode == v1alpha1.MysqlSemiSync,
		members:  Members(o),
		recorded: o.Status.Switchover.DeepCopy(),
		data: Data{
			Source: o.Status.Source, SourceUUID: o.Status.SourceUUID,
			Switchover: o.Status.Switchover.DeepCopy(), Last: o.Status.LastSwitchover.DeepCopy(),
			Deposed: slices.Clone(o.Status.DeposedSourceUUIDs), Unassured: slices.Clone(o.Status.UnassuredSourceUUIDs), Notes: map[string]string{},
			Roles: map[string]v1alpha1.MysqlRole{}, Ready: map[string]bool{}, Errant: map[string]errant{}, Drop: map[string]bool{}, Misled: map[string]string{},
			Clones: map[string]*v1alpha1.MysqlCloneStatus{}, Refused: map[string]string{},
		},
	}
	_, v.readers = route(o).Ports()
	// A server that the observation left out is unknown, like one that does not answer.
	nodes := maps.Clone(in.State.Nodes)
	if nodes == nil {
		nodes = map[string]*Server{}
	}
	for _, m := range v.members {
		if nodes[m.Name] == nil {
			nodes[m.Name] = &Server{Name: m.Name, Host: m.Host, Port: m.Port, Reach: ReachNone, Problem: "not observed"}
		}
	}
	v.state.Nodes = nodes
	v.tellTwinsApart()
	v.dropAliases()
	v.resolveChannels()
	v.resolveClones()
	v.forgetUndone()
	// A fence may be up: it is resolved first, whatever is asked since.
	r := v.data.Switchover
	v.skip = v.skips && (r == nil || r.Phase == v1alpha1.SwitchoverUndone || r.Phase == v1alpha1.SwitchoverPreparing)
	v.resolves = v.skips && !v.skip
	if v.skip {
		// Nothing is begun and nothing goes on; the record stays for later.
		v.data.Switchover = nil
	}
	v.findSource()
	v.assess()
	v.forgetDeposed()
	return v
}

// forgetUndone drops the record of an undone switchover once the spec has changed
// or asks for the old source again.
func (v *view) forgetUndone() {
	r := v.data.Switchover
	if r != nil && r.Phase == v1alpha1.SwitchoverUndone && (r.Generation != v.gen || v.spec.Source.Name == r.From) {
		v.data.Switchover = nil
	}
}

// findSource decides who is the source now. The record counts, unless the servers
// show that somebody else moved it: the recorded one is fenced and follows a
// member that is writable and lacks nothing of it. (It may be a moment ahead of what
// was seen of that one.) One that was promoted, and restarted before its channel was
// removed, follows its old source too, but holds writes of its own.
func (v *view) findSource() {
	known := v.data.Source
	if rec := v.server(known); rec != nil {
		v.source = rec
		if rec.OK() && !rec.Writable() && rec.Channel != nil && (v.data.Switchover == nil || v.data.Switchover.Phase == v1alpha1.SwitchoverUndone) {
			for _, m := range v.ours() {
				if s := v.server(m.Name); s.Writable() && s != rec && rec.Follows(s) && onlyOf(rec.Executed.Subtract(s.Executed), s.UUID) {
					v.source, v.moved = s, true
				}
			}
		}
	} else {
		v.source = v.adopt()
	}
	if v.source != nil {
		v.data.Source = v.source.Name
		if v.moved || v.data.SourceUUID == "" && v.source.OK() && v.lostBefore(v.source) == "" || known != v.source.Name {
			v.data.SourceUUID = v.source.UUID
		}
	}
}

// adopt is the head of a set that replicates already, unless it is not what it was, or
// somebody else has taken writes since.
func (v *view) adopt() *Server {
	if found := v.head(); v.lostBefore(found) == "" && v.lostTail(found) == "" && v.rival(found) == nil {
		return found
	}
	return nil
}

// head is the one member that others follow and that follows no member itself.
func (v *view) head() *Server {
	var found *Server
	for _, m := range v.ours() {
		lead := v.server(m.Name)
		followed, follows := false, false
		for _, o := range v.ours() {
			s := v.server(o.Name)
			if s == lead || !s.OK() {
				continue
			}
			followed = followed || s.Follows(lead) && !leftItsSource(s)
		}
		if lead.OK() && !leftItsSource(lead) {
			for _, o := range v.ours() {
				follows = follows || o.Name != m.Name && lead.Follows(v.server(o.Name))
			}
		}
		if followed && !follows {
			if found != nil {
				return nil
			}
			found = lead
		}
	}
	return found
}

// leftItsSource: it takes writes and its replication is stopped. That is how somebody
// promotes a node by hand who leaves the channel where it was.
func leftItsSource(s *Server) bool { return s.Writable() && !s.Channel.Running() }

// rival is a member that takes writes beside the head of a set that is to be adopted, and
// holds what that lacks: nothing is on record that says which of the two is the source. Of
// a head that is not seen nobody knows what it lacks: then it is one that has committed
// something itself, unless the spec names it as the source.
func (v *view) rival(head *Server) *Server {
	if head == nil {
		return nil
	}
	for _, m := range v.ours() {
		s := v.server(m.Name)
		if s == head || m.Isolated || !s.Writable() || v.hollow(s) {
			continue
		}
		if !head.OK() && s != v.wanted() && holdsOf(s.Received(), s.UUID) || head.OK() && !v.comesFrom(head, s) {
			return s
		}
	}
	return nil
}

// comesFrom says whether the head has all that a member holds, or is about to commit it.
func (v *view) comesFrom(head, s *Server) bool {
	extra := s.Received().Subtract(head.Executed)
	return extra.Empty() || s.Follows(head) && s.Channel.Running() && onlyOf(extra, head.UUID)
}

// lostBefore names a node that replicates from a seen server and shows that this one is
// not what it was: it has received through it what the server lacks and neither of them has
// committed. (With a server that holds nothing at all, what the node committed itself
// counts as well.) Nobody has written down which server the source was, so that no
// server_uuid tells; "" when there is no such node.
func (v *view) lostBefore(src *Server) string {
	if !src.OK() {
		return ""
	}
	for _, m := range v.ours() {
		s := v.server(m.Name)
		if s == src || !s.OK() || !s.Follows(src) || v.hollow(s) {
			continue
		}
		for _, uuid := range origins(s.Received().Subtract(src.Executed)) {
			if !isOf(src.UUID)(uuid) && (src.Executed.Empty() || !isOf(s.UUID)(uuid)) {
				return m.Name
			}
		}
	}
	return ""
}

// server by name; nil when no member has that name.
func (v *view) server(name string) *Server {
	if name == "" {
		return nil
	}
	return v.state.Nodes[name]
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

// assess fills roles, notes and readiness of every node, relative to the source.
func (v *view) assess() {
	src := v.source
	v.data.Overtaken = false
	for _, m := range v.members {
		s := v.server(m.Name)
		d := &v.data
		d.Roles[m.Name] = v1alpha1.MysqlRoleNone
		switch {
		case !s.OK():
			d.Notes[m.Name] = s.Problem
			if v.awaited(m) {
				d.Notes[m.Name] += ". " + v.awaitedNote(m.Name)
			}
		case src == nil:
		case s == src:
			d.Roles[m.Name] = v1alpha1.MysqlRoleSource
			d.Ready[m.Name] = s.Writable() && v.ackProblem(s) == ""
			d.Notes[m.Name] = v.ackProblem(s)
			if !s.Writable() {
				d.Notes[m.Name] = "the source is read-only"
			}
			if ahead := v.overtakenBy(s); ahead != "" {
				d.Overtaken = true
				d.Notes[m.Name] += fmt.Sprintf(" and stays so: %s holds transactions of another source that it lacks. To keep them make %s spec.source and then stop the pod of %s; to lose them set the annotation %s: %s", ahead, ahead, s.Name, v1alpha1.AnnotationForcePromote, s.Name)
			}
			if s.Channel.Running() && !v.followsMember(s) {
				d.Notes[m.Name] += fmt.Sprintf(" and replicates from %s:%d, which is none of the nodes: end that first (STOP REPLICA; RESET REPLICA ALL)", s.Channel.SourceHost, s.Channel.SourcePort)
			}
		default:
			v.assessReplica(m, s)
		}
	}
}

// overtakenBy names a seen node that holds what a read-only source lacks and what
// neither of them has committed itself: somebody else has been the source since. That one
// is named itself where it is seen to take the writes.
func (v *view) overtakenBy(src *Server) string {
	holder, theirs := v.overtaking(src)
	for _, m := range v.ours() {
		if s := v.server(m.Name); s != src && s.Writable() && hasPartIn(s, theirs) {
			return m.Name
		}
	}
	return holder
}

// overtaking finds the first such node, and all that such nodes hold of others.
func (v *view) overtaking(src *Server) (holder string, theirs gtid.Set) {
	if !src.OK() || src.Writable() || v.force == src.Name {
		return "", gtid.Set{}
	}
	// What sources held back that failovers left behind was given up then. So was what a
	// node was reported to have of its own, whoever has it from there.
	had := src.Executed
	for _, n := range v.status.Topology {
		had = had.Union(reportedErrant(n))
	}
	for _, m := range v.ours() {
		s := v.server(m.Name)
		if s == src || !s.OK() || v.hollow(s) {
			continue
		}
		extra := s.Received().Subtract(had)
		if slices.ContainsFunc(origins(extra), func(uuid string) bool {
			return !isOf(s.UUID)(uuid) && !isOf(src.UUID)(uuid) && !slices.ContainsFunc(v.data.Deposed, isOf(uuid))
		}) {
			holder, theirs = cmp.Or(holder, m.Name), theirs.Union(extra)
		}
	}
	return holder, theirs
}

// hasPartIn says whether a server holds some of the transactions.
func hasPartIn(s *Server, of gtid.Set) bool {
	return !of.Empty() && !s.Received().Subtract(of).Equal(s.Received())
}

// uuidOf a node as it is seen, or was seen last.
func (v *view) uuidOf(name string) string {
	if s := v.server(name); s.OK() {
		return s.UUID
	}
	if n := v.status.Topology[name]; n != nil {
		return n.ServerUUID
	}
	return ""
}

// told is the server_uuid of a source that is not seen, as a replica tells it that is
// connected to it. Where nobody has ever seen that source, a failover would not know whom it
// leaves behind: what others have of it would be taken for that of a source since.
func (v *view) told(src *Server) string {
	if src == nil || src.OK() {
		return ""
	}
	for _, m := range v.members {
		if s := v.server(m.Name); s.OK() && s != src && s.Follows(src) && s.Channel.IO == ThreadYes && !s.Channel.Elsewhere {
			return s.Channel.SourceUUID
		}
	}
	return ""
}

// followsMember says whether the channel of a server points at another member.
func (v *view) followsMember(s *Server) bool { return v.followed(s) != nil }

// followed is the member that the channel of a server points at; nil: none.
func (v *view) followed(s *Server) *Server {
	for _, m := range v.members {
		if o := v.server(m.Name); m.Name != s.Name && s.Follows(o) {
			return o
		}
	}
	return nil
}

// followsOurs is followsMember of those that the spec names.
func (v *view) followsOurs(s *Server) bool {
	return slices.ContainsFunc(v.ours(), func(m Member) bool { return m.Name != s.Name && s.Follows(v.server(m.Name)) })
}

// errantOn is what a server holds and a seen source lacks. What a running replica has
// of the source's own is not errant: it was seen before the source, or, with
// semi-sync, the source has still to commit it.
func (v *view) errantOn(s, src *Server) gtid.Set {
	if !src.OK() {
		return gtid.Set{}
	}
	extra := s.Executed.Subtract(src.Executed)
	if v.streamsFrom(s, src) && onlyOf(extra, src.UUID) || v.stillCommits(s, extra) || src == v.source && v.awaitsMore(s, extra) {
		return gtid.Set{}
	}
	return extra
}

// streamsFrom says whether a server replicates from a source, or from a replica of it
// like the one that was led ahead of a switchover.
func (v *view) streamsFrom(s, src *Server) bool {
	return s.Channel.Streams() && (s.Follows(src) || slices.ContainsFunc(v.ours(), func(m Member) bool {
		between := v.server(m.Name)
		return between.OK() && s.Follows(between) && between.Follows(src) && between.Channel.Streams()
	}))
}

func (v *view) assessReplica(m Member, s *Server) {
	d, src := &v.data, v.source
	// What a source that was made anew lacks is not wrong with the others.
	if extra := v.errantOn(s, src); !extra.Empty() && !v.sourceMadeAnew() && !v.hollow(s) {
		d.Errant[m.Name] = errant{extra, extra.Count()}
	}
	follows := s.Channel != nil && s.Follows(src)
	if follows {
		d.Roles[m.Name] = v1alpha1.MysqlRoleReplica
	}
	note := v.replicaProblem(m, s)
	if r := d.Clones[m.Name]; r != nil && r.State == v1alpha1.MysqlCloneFailed && !v.hollow(s) {
		if note == "" {
			// Somebody has mended it.
			delete(d.Clones, m.Name)
		} else {
			note += ". It " + v.cloneNote(s)
		}
	}
	d.Notes[m.Name] = note
	d.Ready[m.Name] = note == ""
}

// replicaProblem says in words what keeps a seen node from being what the spec wants; "" when nothing.
func (v *view) replicaProblem(m Member, s *Server) string {
	src := v.source
	if m.Leaving {
		return "no longer named by the spec"
	}
	if v.hollow(s) {
		return v.cloneNote(s)
	}
	if m.Isolated {
		if s.Channel != nil && (s.Channel.IO != ThreadNo || s.Channel.SQL != ThreadNo) {
			return "is to be isolated and still replicates"
		}
		if !s.Fenced() {
			return "is isolated and not read-only"
		}
		return ""
	}
	if e, bad := v.data.Errant[m.Name]; bad {
		text := fmt.Sprintf("holds %d transaction(s) that the source %s lacks: %s. ", e.count, src.Name, shorten(e.set.String()))
		if holdsOf(e.set, src.UUID) {
			return text + src.Name + " itself has committed some of them: it has lost them, or has still to commit them. Do not rebuild this node: it may be the only one that has them"
		}
		return text + fmt.Sprintf("They are kept apart: save what you need of them and rebuild the node from the source. To make it the source in spite of what %[1]s has, stop the pod of %[1]s and fail over", src.Name)
	}
	if !s.Fenced() {
		return "is a replica and not read-only"
	}
	c := s.Channel
	switch {
	case c == nil:
		if src.OK() && !s.Executed.Contains(src.Purged) {
			return fmt.Sprintf("needs transactions that the source %s has purged from its binary log: fill it by CLONE or from a backup first", src.Name)
		}
		return "does not replicate yet"
	case !s.Follows(src):
		return fmt.Sprintf("replicates from %s:%d and not from the source %s", c.SourceHost, c.SourcePort, src.Name)
	case c.SQLErrno != 0:
		return fmt.Sprintf("the applier stopped with error %d: %s. Mend the cause and run START REPLICA", c.SQLErrno, shorten(c.SQLError))
	case c.IOErrno != 0:
		return c.receiverTrouble() + v.tlsHint(c)
	case c.SQL != ThreadYes:
		return "the applier (SQL thread) is stopped"
	case c.IO == ThreadNo:
		return "the receiver (IO thread) is stopped"
	case c.IO != ThreadYes:
		return "the receiver (IO thread) is connecting"
	case !c.AutoPosition:
		return "replicates without auto-position"
	case !c.securedAs(v.wantsTLS(s, src)):
		return fmt.Sprintf("its channel is not secured as spec.tls wants it yet (%s)", c.TLS.mode())
	case v.semi && !s.SemiSync.ReplicaPlugin:
		return "rpl_semi_sync needs the plugin semisync_replica.so on this replica: INSTALL PLUGIN rpl_semi_sync_replica SONAME 'semisync_replica.so'"
	case v.semi && (!s.SemiSync.ReplicaEnabled || !s.SemiSync.ReplicaActive):
		return "does not acknowledge semi-synchronously yet"
	case !v.semi && s.SemiSync.ReplicaEnabled:
		return "still acknowledges semi-synchronously"
	}
	return ""
}

// routing is who may be reached through the Services, as observed. The source is
// named only when it is seen writable; a node that was the source and is not
// any more is named always.
func (v *view) routing() reconcile.Routing {
	r := reconcile.Routing{}
	for name := range v.data.Drop {
		r[name] = reconcile.AccessNone
	}
	for _, m := range v.members {
		s := v.server(m.Name)
		switch {
		case v.source != nil && s == v.source:
			if s.Writable() {
				r[m.Name] = reconcile.AccessReadWrite
			}
		case m.Leaving || m.Isolated:
			r[m.Name] = reconcile.AccessNone
		case !s.OK():
			if v.pods[m.Name].Readonly == "false" || v.missed(m, s) {
				r[m.Name] = reconcile.AccessNone
			}
		case v.serves(m, s) && v.lingers(m) == 0:
			r[m.Name] = reconcile.AccessReadOnly
		default:
			r[m.Name] = reconcile.AccessNone
		}
	}
	return r
}

// missed: readers are led to an external node that gives no answer, and others serve
// them. Nobody else probes it, as Kubernetes does a pod. One that is the last they have
// stays: it may be cut off from the operator alone.
func (v *view) missed(m Member, s *Server) bool {
	return m.External && s.Reach == ReachNone && v.pods[m.Name].Readonly == "true" && v.source != nil && v.othersServe(m.Name)
}

// serves says whether a replica is fit for readers: it follows the source, applies, and
// listens where -readonly leads to. (The way to an external node has a port of its own.)
func (v *view) serves(m Member, s *Server) bool {
	_, bad := v.data.Errant[m.Name]
	return !bad && (m.External || m.Port == v.readers) && s.Fenced() && v.source != nil && (s.Follows(v.source) || v.streamsFrom(s, v.source)) &&
		s.Channel.SQL == ThreadYes && s.Channel.SQLErrno == 0 && s.Channel.IO != ThreadNo
}

// holdsOf says whether some of the transactions were first committed on the server with that uuid.
func holdsOf(s gtid.Set, uuid string) bool { return slices.ContainsFunc(origins(s), isOf(uuid)) }

// onlyOf says whether all of them were.
func onlyOf(s gtid.Set, uuid string) bool {
	return !slices.ContainsFunc(origins(s), func(o string) bool { return !isOf(uuid)(o) })
}

func isOf(uuid string) func(string) bool {
	return func(origin string) bool { return uuid != "" && strings.EqualFold(origin, uuid) }
}

// origins are the server_uuids in a set.
func origins(s gtid.Set) []string {
	var out []string
	for part := range strings.SplitSeq(s.String(), ",") {
		if uuid, _, found := strings.Cut(part, ":"); found {
			out = append(out, uuid)
		}
	}
	return out
}

func shorten(s string) string { return shared.Shorten(s) }

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/internal/server"
)

// view is the input seen through the questions that rules ask.
type view struct {
	in     Input
	spec   *v1alpha1.PostgresReplicationSpec
	status *v1alpha1.PostgresReplicationStatus
	gen    int64
	// force is the node that force-promote names and has not served for yet.
	force    string
	skip     bool
	members  []Member
	nodes    map[string]*Server
	pods     map[string]reconcile.Pod
	now      time.Time
	readers  int32
	recorded *v1alpha1.PostgresSwitchoverStatus

	// primary is the node that is the primary now, as far as known; nil: unknown. It may be unseen.
	primary *Server
	// lost says why the primary is not what it was; "": it is.
	lost string
	// notSet says why commits do not wait as they should in the mode rpl_sync.
	notSet string
	// renamed are the names before of nodes that the spec calls otherwise by now.
	renamed map[string]string
	data    Data
	events  []reconcile.Event
}

func look(in Input) *view {
	o := in.Object
	v := &view{
		in: in, spec: &o.Spec, status: &o.Status, gen: o.Generation,
		force: o.Annotations[v1alpha1.AnnotationForcePromote],
		skip:  v1alpha1.SkipsReconcile(o.Annotations),
		pods:  in.Pods, now: in.Now, members: Members(o), recorded: o.Status.Switchover.DeepCopy(),
		data: Data{
			Primary: o.Status.Primary, SystemID: o.Status.SystemIdentifier,
			Timeline: uint32(o.Status.Timeline), LSN: o.Status.LSN, //nolint:gosec // a timeline has 32 bits
			SyncNodes: slices.Clone(o.Status.SynchronousStandbys), Sync: o.Status.Synchronous,
			Switchover: o.Status.Switchover.DeepCopy(), Last: o.Status.LastSwitchover.DeepCopy(), Drop: map[string]bool{},
		},
	}
	if v.force != "" && v.force == o.Status.ForceSpent {
		v.force, v.data.ForceSpent = "", o.Status.ForceSpent
	}
	_, v.readers = route(o).Ports()
	// A server that the observation left out is unknown, like one that does not answer.
	v.nodes = maps.Clone(in.State.Nodes)
	if v.nodes == nil {
		v.nodes = map[string]*Server{}
	}
	for _, m := range v.members {
		if v.nodes[m.Name] == nil {
			v.nodes[m.Name] = &Server{Name: m.Name, Host: m.Host, Port: m.Port, Reach: server.ReachNone, Problem: "not observed"}
		}
	}
	v.rename()
	v.forgetUndone()
	if v.skip && !v.inFlight() {
		// Nothing is begun and nothing goes on; the record stays for later.
		v.data.Switchover = nil
	} else if v.inFlight() {
		// A fence may be up: it is resolved first, whatever is asked since.
		v.skip = false
	}
	v.findPrimary()
	v.judge()
	v.spend()
	v.assess()
	return v
}

// spend: an annotation that names the primary has nothing left to do. One that is left in place
// must not promote that node again one day.
func (v *view) spend() {
	if v.force != "" && v.force == v.data.Primary && v.lost == "" && v.primary.OK() && !v.inFlight() {
		v.data.ForceSpent, v.force = v.force, ""
	}
}

// rename: a node that left the spec and is a node of the spec by another name is that one.
func (v *view) rename() {
	v.renamed = map[string]string{}
	for _, old := range slices.Clone(v.members) {
		if !old.Leaving {
			continue
		}
		for _, m := range v.ours() {
			a, b := v.server(old.Name), v.server(m.Name)
			process := a.OK() && b.OK() && a.Started != "" && a.Started == b.Started && a.SystemID == b.SystemID
			if a.Address() != b.Address() && !process {
				continue
			}
			v.renamed[m.Name] = old.Name
			v.members = slices.DeleteFunc(v.members, func(x Member) bool { return x.Name == old.Name })
			delete(v.nodes, old.Name)
			v.data.Drop[old.Name] = true
			again := func(name *string) {
				if *name == old.Name {
					*name = m.Name
				}
			}
			again(&v.data.Primary)
			for i := range v.data.SyncNodes {
				again(&v.data.SyncNodes[i])
			}
			if r := v.data.Switchover; r != nil {
				again(&r.From)
				again(&r.To)
			}
			break
		}
	}
	for _, old := range v.renamed {
		// Its slot is dropped first: nobody else knows whose it is.
		if p := v.server(v.data.Primary); p.OK() {
			_, kept := p.slot(slotOf(old))
			v.data.Drop[old] = !kept
		}
	}
}

// inFlight says whether a change of the primary is on record that has touched something.
func (v *view) inFlight() bool { return inFlight(v.data.Switchover) }

// forgetUndone drops the record of an undone switchover once the spec has changed or asks for
// the old primary again.
func (v *view) forgetUndone() {
	r := v.data.Switchover
	if r != nil && r.Phase == v1alpha1.SwitchoverUndone && (r.Generation != v.gen || v.spec.Primary.Name == r.From) {
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

// wanted is the node that the spec wants as the primary.
func (v *view) wanted() *Server { return v.server(v.spec.Primary.Name) }

// standbysOf lists the members that the spec names as attached standbys of s.
func (v *view) standbysOf(s *Server) []Member {
	return slices.DeleteFunc(v.ours(), func(m Member) bool { return m.Isolated || m.Name == s.Name })
}

// onFile is what is on record of a node; never nil.
func (v *view) onFile(name string) *v1alpha1.PostgresReplicationNode {
	if n := v.status.Topology[name]; n != nil {
		return n
	}
	if n := v.status.Topology[v.renamed[name]]; n != nil {
		return n
	}
	return &v1alpha1.PostgresReplicationNode{}
}

// same says whether a server is seen and has a copy of this database cluster.
func (v *view) same(s *Server) bool { return s.OK() && s.SystemID == v.data.SystemID }

// recordedAt is what the primary had when it was seen last.
func (v *view) recordedAt() (Position, bool) {
	lsn, ok := ParseLSN(v.data.LSN)
	return Position{Fork: Fork{TLI: v.data.Timeline, LSN: lsn}}, ok && v.data.Timeline > 0
}

// findPrimary decides who is the primary now. The record counts. Somebody else may have made
// another node the primary: that is followed only where the spec names that node, the recorded
// one is a standby by itself, and nobody who is seen has what it lacks.
func (v *view) findPrimary() {
	v.primary = v.server(v.data.Primary)
	w := v.wanted()
	if v.primary == nil || v.inFlight() || w == v.primary || !v.primary.Standby() || !v.same(v.primary) || !w.Primary() || !v.same(w) {
		return
	}
	for _, m := range v.members {
		if s := v.server(m.Name); v.same(s) && s != w && (s.Primary() || !s.Known || !s.At.within(w.At)) {
			return
		}
	}
	if at, known := v.recordedAt(); known && !at.within(w.At) {
		return
	}
	v.events = append(v.events, reconcile.Event{Warning: true, Reason: "PrimaryMovedByOthers", Once: w.Name,
		Message: fmt.Sprintf("%s is the primary, as the spec says, and the operator did not make it so; it was %s", w.Name, v.primary.Name)})
	v.primary, v.data.Primary, v.data.Switchover = w, w.Name, nil
}

// judge says whether the primary is what it was, and remembers what it is.
func (v *view) judge() {
	s := v.primary
	v.lost = ""
	if !s.OK() || v.inFlight() {
		return
	}
	if v.data.SystemID == "" {
		v.data.SystemID = s.SystemID
	}
	if s.SystemID != v.data.SystemID {
		v.lost = fmt.Sprintf("it holds another database cluster than it did (system identifier %s, not %s)", s.SystemID, v.data.SystemID)
		return
	}
	if s.Recovery {
		return
	}
	if why := v.lacks(s); why != "" {
		if v.force != s.Name {
			v.lost = why
			return
		}
		v.data.ForceSpent = v.force
		v.events = append(v.events, reconcile.Event{Warning: true, Reason: "PromotionForced", Once: s.Started, Message: fmt.Sprintf("%s goes on as the primary with less than it had (%s)", s.Name, v1alpha1.AnnotationForcePromote)})
	}
	v.data.Timeline, v.data.LSN = s.At.TLI, s.At.LSN.String()
}

// lacks says what a primary that is seen lacks of what it had; "" when nothing.
func (v *view) lacks(s *Server) string {
	if was, known := v.recordedAt(); known && !was.within(s.At) {
		return fmt.Sprintf("it has less than it had: %s, and it had come to %s", s.At, was)
	}
	return ""
}

// relation says how what one server holds stands to what the primary does.
type relation int

const (
	// unknown: they could not be compared.
	unknown relation = iota
	// within: the primary has all of it.
	within
	// beyond: it has something that the primary lacks, or may have.
	beyond
	// foreign: it is another database cluster.
	foreign
)

// standing says how what a seen node holds stands to the primary, by how many bytes it is
// beyond, and from where on.
func (v *view) standing(s *Server) (relation, uint64, LSN) {
	p := v.primary
	switch {
	case v.data.SystemID != "" && s.SystemID != v.data.SystemID:
		return foreign, 0, 0
	case !p.Primary() || v.lost != "":
		return unknown, 0, 0
	case s.Streams(p):
		return within, 0, 0
	case !s.Known:
		return unknown, 0, 0
	}
	extra, at, known := s.At.beyond(p.At)
	switch {
	case !known:
		return beyond, 0, 0
	case !s.Recovery:
		// Whoever takes writes beside the primary has a log of its own, even if it is on the same timeline.
		return beyond, extra, at
	case extra == 0 && v.onFile(s.Name).Diverged && v.onFile(s.Name).Timeline == int64(p.At.TLI):
		// It had a log of its own on a timeline of the same number: LSNs do not tell the two apart.
		return beyond, 0, 0
	case extra == 0:
		return within, 0, 0
	case s.At.TLI == p.At.TLI && v.onFile(s.Name).WalReceiver != down:
		// It may have been seen a moment after the primary.
		return unknown, 0, 0
	}
	return beyond, extra, at
}

// down is what the status says of a WAL receiver that there is none.
const down = "down"

// assess fills roles, notes and readiness of every node, relative to the primary.
func (v *view) assess() {
	d := &v.data
	d.Notes, d.Roles, d.Ready = map[string]string{}, map[string]v1alpha1.PostgresRole{}, map[string]bool{}
	d.Diverged, d.Extra, d.Compared = map[string]bool{}, map[string]uint64{}, map[string]bool{}
	for _, m := range v.members {
		s := v.server(m.Name)
		d.Roles[m.Name] = v1alpha1.PostgresRoleNone
		switch {
		case !s.OK():
			d.Notes[m.Name] = v.unseenNote(m, s)
			// What it was found to hold stays true until it is seen again.
			d.Diverged[m.Name] = v.onFile(m.Name).Diverged && s != v.primary
		case v.primary == nil:
		case s == v.primary:
			v.assessPrimary(s)
		default:
			v.assessStandby(m, s)
		}
	}
}

// unseenNote says why a node is not seen, and what to do where it may be one that was never filled.
func (v *view) unseenNote(m Member, s *Server) string {
	if s == v.primary || m.Leaving || m.Isolated || !s.Refused || v.onFile(m.Name).SystemIdentifier != "" || !v.primary.OK() {
		return s.Problem
	}
	return s.Problem + ". If its data directory is empty, fill it: " + v.baseBackup()
}

// baseBackup is the command that fills an empty data directory. It asks for the password.
func (v *view) baseBackup() string {
	p := v.primary
	return fmt.Sprintf("pg_basebackup --host=%s --port=%d --username=%s --pgdata=DIR --wal-method=stream --checkpoint=fast && touch DIR/standby.signal, and start it",
		p.Host, p.Port, replicationUserOf(v.in.Object))
}

// rewind is the command with which a node comes back that has diverged.
func (v *view) rewind(s *Server) string {
	p := v.primary
	if s.At.TLI == p.At.TLI {
		return "take it out of the spec, stop it, empty its data directory, run " + v.baseBackup() + ", and put it back into the spec (pg_rewind does not see the difference between two timelines of the same number)"
	}
	if !s.Rewindable {
		return "stop it, empty its data directory and run " + v.baseBackup() + " (pg_rewind needs wal_log_hints=on or checksums, and it has neither)"
	}
	return fmt.Sprintf("stop it in order, run pg_rewind --target-pgdata=DIR --source-server=\"host=%s port=%d user=%s dbname=%s\" && touch DIR/standby.signal, and start it; or empty its data directory and run %s",
		p.Host, p.Port, userOf(v.in.Object), database, v.baseBackup())
}

func (v *view) assessPrimary(s *Server) {
	d := &v.data
	note := ""
	switch {
	case v.lost != "":
		note = v.lost
	case s.Recovery:
		note = "the primary is a standby"
	case s.ReadOnly:
		note = "the primary takes no writes: default_transaction_read_only is on. If it is not meant to be: " + unfence
	case s.Signal:
		note = "the primary becomes a standby when it is started again: remove standby.signal from its data directory"
	case s.Hindrance != "":
		note = s.Hindrance
	}
	if !s.Recovery && v.lost == "" {
		d.Roles[s.Name] = v1alpha1.PostgresRolePrimary
	}
	d.Notes[s.Name], d.Ready[s.Name] = note, note == ""
}

func (v *view) assessStandby(m Member, s *Server) {
	d := &v.data
	rel, extra, at := v.standing(s)
	d.Compared[m.Name] = rel != unknown
	d.Diverged[m.Name] = rel == beyond || rel == unknown && v.onFile(m.Name).Diverged
	if rel == beyond && extra > 0 {
		d.Extra[m.Name] = extra
	}
	if s.Follows(v.primary) || s.Streams(v.primary) {
		d.Roles[m.Name] = v1alpha1.PostgresRoleStandby
	}
	d.Notes[m.Name] = v.standbyProblem(m, s, rel, at)
	d.Ready[m.Name] = d.Notes[m.Name] == ""
}

// standbyProblem says in words what keeps a seen node from being what the spec wants; "" when nothing.
func (v *view) standbyProblem(m Member, s *Server, rel relation, at LSN) string {
	p := v.primary
	slot, reserved := p.slot(slotOf(m.Name))
	switch {
	case m.Leaving && rel == beyond:
		return "is no longer named by the spec, and " + v.divergedNote(s, at)
	case m.Leaving:
		return "no longer named by the spec"
	case m.Isolated && s.Detached():
		return ""
	case rel == foreign:
		return fmt.Sprintf("holds another database cluster (system identifier %s, and the primary's is %s): it is never made a standby over that. To give up what it holds, stop it, empty its data directory and run %s", s.SystemID, v.data.SystemID, v.baseBackup())
	case v.data.Diverged[m.Name]:
		return v.divergedNote(s, at) + ". It gets no part in replication. To give that up: " + v.rewind(s)
	case m.Isolated:
		return "is to be isolated and is not detached yet"
	case !s.Recovery:
		return "is no standby"
	case s.Hindrance != "":
		return s.Hindrance
	case s.Paused:
		return "its replay is paused: SELECT pg_wal_replay_resume()"
	case p.Primary() && reserved && slot.Lost && !s.Streams(p):
		return fmt.Sprintf("the primary has removed log that it needs (slot %s is lost). Stop it, empty its data directory and run %s", slot.Name, v.baseBackup())
	case s.Detached():
		return "is detached, and keeps what it has"
	case !s.Follows(p):
		return fmt.Sprintf("streams from %s and not from the primary %s", server.OrDefault(s.Upstream, "nobody"), p.Name)
	case !s.Streams(p):
		return fmt.Sprintf("does not stream from the primary %s: see its log", p.Name)
	case !s.PassOK:
		return "its passfile does not have the password of the Secret"
	}
	return ""
}

func (v *view) divergedNote(s *Server, at LSN) string {
	what := "holds, or may hold, writes that the primary " + v.primary.Name + " lacks"
	if extra := v.data.Extra[s.Name]; extra > 0 {
		what = fmt.Sprintf("holds %d byte(s) of log that the primary %s lacks: from %s to %s on timeline %d", extra, v.primary.Name, at, s.At.LSN, s.At.TLI)
	}
	if s.Writable() {
		what += "; it takes writes"
	}
	return what
}

// conninfo is primary_conninfo of a node that is to stream from another one. It has no
// password: that is in the passfile.
func (v *view) conninfo(node string, on, from *Server) string {
	parts := []string{
		parameter("host", from.Host), parameter("port", fmt.Sprint(from.Port)),
		parameter("user", replicationUserOf(v.in.Object)),
		parameter("application_name", applicationName(node)),
		parameter("passfile", passfile), "connect_timeout=5",
	}
	t := v.spec.TLS
	switch mode := t.EffectiveMode(); mode {
	case v1alpha1.TLSPreferred:
		parts = append(parts, "sslmode=prefer")
	case v1alpha1.TLSRequired:
		parts = append(parts, "sslmode=require")
	default:
		parts = append(parts, "sslmode="+string(mode))
	}
	if t.EffectiveMode().Demands() {
		files := &v1alpha1.DatabaseTLSFiles{}
		if t.ServerFiles != nil {
			files = t.ServerFiles
		}
		if t.EffectiveMode().Verifies() {
			if ca := server.OrDefault(files.CA, on.CAFile); ca != "" {
				parts = append(parts, parameter("sslrootcert", ca))
			}
		}
		if files.Cert != "" {
			parts = append(parts, parameter("sslcert", files.Cert), parameter("sslkey", files.Key))
		}
	}
	return strings.Join(parts, " ")
}

// route is who may be reached through the Services, as observed.
func (v *view) route() reconcile.Step { return reconcile.Step{Name: "route", Routing: v.routing()} }

// routing names the primary only when it is seen writable; a node that was the primary and is
// not any more is named always.
func (v *view) routing() reconcile.Routing {
	r := reconcile.Routing{}
	for _, old := range v.renamed {
		r[old] = reconcile.AccessNone
	}
	for _, m := range v.members {
		s := v.server(m.Name)
		switch {
		case v.primary != nil && s == v.primary:
			switch {
			case v.lost == "" && s.Writable() && v.same(s):
				r[m.Name] = reconcile.AccessReadWrite
			case s.OK() && !v.inFlight():
				r[m.Name] = reconcile.AccessNone
			}
		case m.Leaving || m.Isolated:
			r[m.Name] = reconcile.AccessNone
		case !s.OK():
			if v.routed(s) {
				r[m.Name] = reconcile.AccessNone
			}
		case v.primary == nil && s.Recovery:
			// Readers stay where they are until somebody knows better.
		case v.serves(m, s) && v.lingers(m) == 0:
			r[m.Name] = reconcile.AccessReadOnly
		default:
			r[m.Name] = reconcile.AccessNone
		}
	}
	return r
}

// routed: clients are led to it for writes.
func (v *view) routed(s *Server) bool { return v.pods[s.Name].Readonly == "false" }

// serves says whether a standby is fit for readers: it has nothing but what the primary does,
// and listens where -readonly leads to. (The way to an external node has a port of its own.)
// One that is detached while the primary is away serves on.
func (v *view) serves(m Member, s *Server) bool {
	return v.primary != nil && v.same(s) && s.Recovery && !v.data.Diverged[m.Name] && (m.External || m.Port == v.readers) &&
		(s.Follows(v.primary) || s.Streams(v.primary) || s.Detached() || v.cascades(s))
}

// cascades: it gets everything by way of another standby, as right after a switchover.
func (v *view) cascades(s *Server) bool {
	return slices.ContainsFunc(v.ours(), func(m Member) bool {
		between := v.server(m.Name)
		return s.Streams(between) && between.Streams(v.primary)
	})
}

// lingers says for how long the old primary of the last switchover is kept from readers still;
// zero when it need not be, or when nobody else could serve them.
func (v *view) lingers(m Member) time.Duration {
	last := v.data.Last
	if last == nil || last.From != m.Name || v.primary == nil {
		return 0
	}
	if !slices.ContainsFunc(v.standbysOf(v.primary), func(o Member) bool { return o.Name != m.Name && v.serves(o, v.server(o.Name)) }) {
		return 0
	}
	return max(0, last.FinishedAt.Add(lingerTime).Sub(v.now))
}

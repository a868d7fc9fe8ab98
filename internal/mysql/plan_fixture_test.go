// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/mysql/grants"
	"github.com/upmio/compose-operator/internal/mysql/gtid"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// t0 is when every row begins.
var t0 = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// uuidOf the server with a name of one hexadecimal letter.
func uuidOf(name string) string { return strings.Repeat(name, 8) + "-0000-0000-0000-000000000000" }

// set reads "a:1-10 b:1-3", where the letters are the names of servers.
func set(text string) gtid.Set {
	var parts []string
	for _, part := range strings.Fields(text) {
		name, rest, _ := strings.Cut(part, ":")
		parts = append(parts, uuidOf(name)+":"+rest)
	}
	return gtid.MustParse(strings.Join(parts, ","))
}

// node builds an observed server.
type node struct {
	*Server
	// label is the managed label readonly of its pod.
	label string
	// takenBy is the other resource that the label is of.
	takenBy string
	gone    bool
	// pods that there have been of its name before.
	pods int
}

func server(name string) *node {
	return &node{Server: &Server{
		Name: name, Host: name, Port: 3306, Reach: ReachOK, UUID: uuidOf(name), Version: "8.4.0", Uptime: time.Hour,
		GTIDMode: true, LogBin: true, LogReplicaUpdates: true,
	}}
}

// fresh is a server that nobody has touched: writable, no data, no channel.
func fresh(name string) *node { return server(name) }

// source is a server that takes writes and is routed.
func source(name string) *node { return server(name).has("a:1-100").labelled("false") }

// replica is a server that follows another and is in order.
func replica(name, of string) *node {
	return server(name).has("a:1-100").fenced().follows(of).labelled("true")
}

func (n *node) has(text string) *node { n.Executed = set(text); return n }
func (n *node) received(text string) *node {
	n.Channel.Retrieved = set(text)
	return n
}
func (n *node) hasPurged(text string) *node    { n.Purged = set(text); return n }
func (n *node) labelled(readonly string) *node { n.label = readonly; return n }
func (n *node) uuid(name string) *node         { n.UUID = uuidOf(name); return n }
func (n *node) named(name string) *node        { n.Name, n.Host = name, name; return n }
func (n *node) at(host string) *node           { n.Host = host; return n }
func (n *node) readOnly(ro, super, persisted bool) *node {
	n.ReadOnly, n.SuperReadOnly, n.ReadOnlyPersisted = ro, super, persisted
	return n
}
func (n *node) fenced() *node      { return n.readOnly(true, true, true) }
func (n *node) halfFenced() *node  { return n.readOnly(true, false, true) }
func (n *node) writable() *node    { return n.readOnly(false, false, n.ReadOnlyPersisted) }
func (n *node) armed() *node       { n.ReadOnlyPersisted = true; return n }
func (n *node) unpersisted() *node { n.ReadOnlyPersisted = false; return n }

func (n *node) follows(of string) *node {
	lag := int64(0)
	n.Channel = &Channel{
		SourceHost: of, SourcePort: 3306, SourceUUID: uuidOf(of[:1]), User: "replication",
		IO: ThreadYes, SQL: ThreadYes, AutoPosition: true, Lag: &lag,
	}
	return n
}

// through: the channel has another address than the spec.
func (n *node) through(host string) *node { n.Channel.SourceHost = host; return n }
func (n *node) unattached() *node         { n.Channel = nil; return n }
func (n *node) threads(io, sql Thread) *node {
	n.Channel.IO, n.Channel.SQL = io, sql
	if sql != ThreadYes || io != ThreadYes {
		n.Channel.Lag = nil
	}
	return n
}
func (n *node) stopped() *node { return n.threads(ThreadNo, ThreadNo) }
func (n *node) ioError(errno int) *node {
	n.threads(ThreadConnecting, n.Channel.SQL)
	n.Channel.IOErrno, n.Channel.IOError = errno, "receiver broke"
	return n
}
func (n *node) filters(what string) *node {
	n.Channel.Filters = what
	return n
}
func (n *node) sqlError(errno int) *node {
	n.threads(n.Channel.IO, ThreadNo)
	n.Channel.SQLErrno, n.Channel.SQLError = errno, "applier broke"
	return n
}

// fed: a channel of the name feed runs.
func (n *node) fed() *node {
	n.ForeignChannels = []ForeignChannel{{Name: "idle"}, {Name: "feed", Running: true}}
	return n
}
func (n *node) lag(seconds int64) *node { n.Channel.Lag = &seconds; return n }
func (n *node) lagUnknown() *node       { n.Channel.Lag = nil; return n }
func (n *node) byPosition() *node       { n.Channel.AutoPosition = false; return n }

// plugins loads both semi-sync plugins.
func (n *node) plugins() *node {
	n.SemiSync.SourcePlugin, n.SemiSync.ReplicaPlugin = true, true
	return n
}

// waits: the semi-sync source is on.
func (n *node) waits() *node {
	n.plugins().SemiSync.SourceEnabled, n.SemiSync.SourceActive = true, true
	n.SemiSync.Timeout, n.SemiSync.WaitCount, n.SemiSync.WaitNoReplica = SemiSyncTimeout, 1, true
	n.WaitsAfterRestart = true
	return n
}

// forgetsToWait: a restart would take that away.
func (n *node) forgetsToWait() *node { n.WaitsAfterRestart = false; return n }

// waitsFor: the semi-sync source is on, for so many replicas, of which all are attached.
func (n *node) waitsFor(count int) *node {
	n.waits().SemiSync.WaitCount, n.SemiSync.Clients = count, count
	return n
}

// gaveUp: the source waited too long for an acknowledgement and goes on without.
func (n *node) gaveUp() *node { n.SemiSync.SourceActive = false; return n }

// acks: the semi-sync replica is on.
func (n *node) acks() *node {
	n.plugins().SemiSync.ReplicaEnabled, n.SemiSync.ReplicaActive = true, true
	return n
}

// withoutReplicaPlugin: it could not acknowledge to another source.
func (n *node) withoutReplicaPlugin() *node { n.SemiSync.ReplicaPlugin = false; return n }
func (n *node) withoutGTID() *node          { n.GTIDMode = false; return n }

// outdated: the channel has another password than the Secret, which its source takes.
func (n *node) outdated() *node { n.PasswordOutdated = true; return n }

// lacks: the operator's user may not do everything there.
func (n *node) lacks(missing ...grants.Privilege) *node {
	n.Account, n.Missing = "'mysql'@'%'", missing
	return n
}

// clonable: it was asked for the CLONE plugin, and has all that it takes.
func (n *node) clonable() *node {
	n.Clone = &CloneView{Instrumented: true, Plugin: true, Privileges: []string{privilegeBackup, privilegeClone}}
	return n
}

// copies: the newest clone of it is of a donor and began at t0 or some time before.
func (n *node) copies(donor string, run CloneRun) *node {
	run.Donor = donor + ":3306"
	n.clonable().Clone.Run = &run
	return n
}

// unseen servers give no answer, failing ones an error.
func (n *node) unseen() *node { return n.out(ReachNone, "connection refused") }

// waitsAfterRestart: it was seen to be set up so.
func (n *node) waitsAfterRestart() *node { n.WaitsAfterRestart = true; return n }

// refuses: nothing listens there. silentFor: there was no answer for that long.
func (n *node) refuses() *node                  { n.unseen().Refused = true; return n }
func (n *node) silentFor(d time.Duration) *node { n.unseen().Silent = d; return n }

func (n *node) failing() *node { return n.out(ReachError, "access denied") }
func (n *node) out(reach Reach, problem string) *node {
	n.Server = &Server{Name: n.Name, Host: n.Host, Port: n.Port, Reach: reach, Problem: problem}
	return n
}

// channelTLS is how its channel is secured.
func (n *node) channelTLS(c ChannelTLS) *node { n.Channel.TLS = c; return n }

// plain: it offers no TLS.
func (n *node) plain() *node { n.Plain = true; return n }

// ca is its ssl_ca.
func (n *node) ca(file string) *node { n.CAFile = file; return n }

// taken: another resource has it and takes writes through it.
func (n *node) taken() *node { n.takenBy = "others"; return n.labelled("false") }

// newPod: its pod was made anew, and has no labels.
func (n *node) newPod() *node { n.pods++; return n.labelled("") }

// podGone: the pod does not exist.
func (n *node) podGone() *node { n.unseen().gone = true; return n }

// podUID of the so-many-th pod of a name.
func podUID(name string, pods int) types.UID { return types.UID(fmt.Sprintf("%s-%d", name, pods)) }

// scene is the input of a row.
type scene struct{ Input }

// given is a spec with the source first, then replicas; "b!" is an isolated one.
func given(spec ...string) *scene {
	s := &scene{Input{
		Object: &v1alpha1.MysqlReplication{ObjectMeta: metav1.ObjectMeta{Name: "db", Namespace: "ns", Generation: 7}},
		State:  State{Nodes: map[string]*Server{}}, Pods: map[string]reconcile.Pod{}, Now: t0,
	}}
	s.Object.Spec.Mode = v1alpha1.MysqlAsync
	for i, name := range spec {
		name, isolated := strings.CutSuffix(name, "!")
		n := v1alpha1.Node{Name: name, Host: name, Port: 3306}
		if i == 0 {
			s.Object.Spec.Source = &n
		} else {
			s.Object.Spec.Replica = append(s.Object.Spec.Replica, v1alpha1.ReplicaNode{Node: n, Isolated: isolated})
		}
	}
	return s
}

// tls is spec.tls.
func (s *scene) tls(mode v1alpha1.DatabaseTLSMode, files *v1alpha1.DatabaseTLSFiles) *scene {
	s.Object.Spec.TLS = &v1alpha1.DatabaseTLS{Mode: mode, ServerFiles: files}
	return s
}

// seeing puts servers into the state, and their pods.
func (s *scene) seeing(nodes ...*node) *scene {
	for _, n := range nodes {
		s.State.Nodes[n.Name] = n.Server
		pod := reconcile.Pod{Exists: !n.gone, Readonly: n.label}
		if pod.Exists {
			pod.UID = podUID(n.Name, n.pods)
		}
		if n.label != "" {
			pod.Name = cmp.Or(n.takenBy, "db")
		}
		s.Pods[n.Name] = pod
	}
	return s
}

// knowing says what the status knows as the source, and which nodes it lists.
func (s *scene) knowing(source string, topology ...string) *scene {
	s.Object.Status.Source, s.Object.Status.SourceUUID = source, uuidOf(source)
	s.Object.Status.Topology = map[string]*v1alpha1.MysqlReplicationNode{}
	for _, name := range topology {
		s.Object.Status.Topology[name] = &v1alpha1.MysqlReplicationNode{Host: name, Port: 3306, ServerUUID: uuidOf(name)}
	}
	return s
}

// unknownServers forgets which servers nodes were.
func unknownServers(s *scene, names ...string) *scene {
	for _, name := range names {
		s.Object.Status.Topology[name].ServerUUID = ""
	}
	return s
}

// behindBefore names who replicated from the candidate when the change began.
func (s *scene) behindBefore(names ...string) *scene {
	s.Object.Status.Switchover.ToReplicas = names
	return s
}

// outside has nodes be external. It comes after those that say what is seen.
func (s *scene) outside(names ...string) *scene {
	for _, name := range names {
		if src := s.Object.Spec.Source; src.Name == name {
			src.External = true
		}
		for i, r := range s.Object.Spec.Replica {
			if r.Name == name {
				s.Object.Spec.Replica[i].External = true
			}
		}
		if n := s.Object.Status.Topology[name]; n != nil {
			n.External = true
		}
		s.Pods[name] = reconcile.Pod{External: true, Name: s.Pods[name].Name, Readonly: s.Pods[name].Readonly}
		if r := s.Object.Status.Switchover; r != nil && r.To == name {
			r.ToPodUID = ""
		}
	}
	return s
}

// startedAt is when a server began to run, as it is on record.
func (s *scene) startedAt(name string, at time.Time) *scene {
	s.Object.Status.Topology[name].StartedAt = &metav1.Time{Time: at}
	return s
}

// moved gives the source of the spec another host.
func (s *scene) moved(name, host string) *scene {
	if s.Object.Spec.Source.Name == name {
		s.Object.Spec.Source.Host = host
	}
	return s
}

// vouchedBy so many replicas was the source when it was seen last.
func (s *scene) vouchedBy(name string, count int32) *scene {
	n := s.wasActive(name).Object.Status.Topology[name]
	n.WaitForReplicaCount, n.VouchedBy = count, count
	return s
}

// wasActive: the source's commits waited for a replica when it was seen last.
func (s *scene) wasActive(name string) *scene {
	n := s.Object.Status.Topology[name]
	n.SemiSync, n.WaitForReplicaCount, n.VouchedBy = v1alpha1.MysqlSemiSyncActive, 1, 1
	return s
}

// on has a node listen on another port than all others.
func (s *scene) on(port int32, name string) *scene {
	if src := s.Object.Spec.Source; src.Name == name {
		src.Port = port
	}
	for i, r := range s.Object.Spec.Replica {
		if r.Name == name {
			s.Object.Spec.Replica[i].Port = port
		}
	}
	s.State.Nodes[name].Port = port
	for _, n := range s.State.Nodes {
		if c := n.Channel; c != nil && c.SourceHost == name {
			c.SourcePort = port
		}
	}
	return s
}

// reported says what the status remembers a node to hold and the source to lack.
func (s *scene) reported(name, errant string) *scene {
	n := s.Object.Status.Topology[name]
	n.ErrantTransactions, n.ErrantCount = set(errant).String(), set(errant).Count()
	return s
}

// cutShort: the report of what a node holds is longer than the status takes.
func (s *scene) cutShort(name string, count int64) *scene {
	n := s.Object.Status.Topology[name]
	n.ErrantTransactions, n.ErrantCount = n.ErrantTransactions+"…", count
	return s
}

// rejoining: nodes are to be made anew by CLONE.
func (s *scene) rejoining() *scene {
	s.Object.Spec.RejoinPolicy = v1alpha1.MysqlRejoinClone
	return s
}

// cloned puts the record of a clone of a node into the status, which began at t0.
func (s *scene) cloned(name, donor string, state v1alpha1.MysqlCloneState, change ...func(*v1alpha1.MysqlCloneStatus)) *scene {
	r := &v1alpha1.MysqlCloneStatus{State: state, Donor: donor, StartedAt: metav1.NewMicroTime(t0), Attempt: 1, HeldCount: 100}
	if state != v1alpha1.MysqlCloneInProgress {
		at := metav1.NewMicroTime(t0)
		r.FinishedAt = &at
	}
	for _, f := range change {
		f(r)
	}
	s.Object.Status.Topology[name].Clone = r
	return s
}

func emptied(r *v1alpha1.MysqlCloneStatus) { r.Emptied = true }

// counting is semi-sync mode with a count; timing has a timeout as well.
func (s *scene) counting(count int32) *scene {
	s.semiSync().Object.Spec.SemiSync = &v1alpha1.MysqlSemiSyncSettings{WaitForReplicaCount: count}
	return s
}

func (s *scene) timing(timeout time.Duration) *scene {
	s.semiSync().Object.Spec.SemiSync = &v1alpha1.MysqlSemiSyncSettings{WaitForReplicaCount: 1, Timeout: &metav1.Duration{Duration: timeout}}
	return s
}

func (s *scene) semiSync() *scene { s.Object.Spec.Mode = v1alpha1.MysqlSemiSync; return s }

func (s *scene) annotated(key, value string) *scene {
	s.Object.Annotations = map[string]string{key: value}
	return s
}
func (s *scene) skipping() *scene { return s.annotated(v1alpha1.AnnotationSkipReconcile, "true") }
func (s *scene) forcing(name string) *scene {
	return s.annotated(v1alpha1.AnnotationForcePromote, name)
}

// record puts a change of the source in progress into the status, which began at t0.
func (s *scene) record(from, to string, phase v1alpha1.SwitchoverPhase) *scene {
	r := &v1alpha1.SwitchoverStatus{From: from, To: to, Phase: phase, Generation: 7, StartedAt: metav1.NewMicroTime(t0), ToPodUID: podUID(to, 0)}
	if phase != v1alpha1.SwitchoverPreparing {
		at := metav1.NewMicroTime(t0)
		r.SwitchingAt = &at
	}
	s.Object.Status.Switchover = r
	return s
}
func (s *scene) failover(from, to string, phase v1alpha1.SwitchoverPhase) *scene {
	s.record(from, to, phase).Object.Status.Switchover.Failover = true
	return s
}

// begunWith is what the candidate had committed itself when the old source was left.
func (s *scene) begunWith(own string) *scene {
	r := s.Object.Status.Switchover
	r.ToServerUUID, r.ToTransactions = uuidOf(r.To), set(own).String()
	return s
}

// keepsRoute: the old source is to keep its label until the new one has its own.
func (s *scene) keepsRoute() *scene { s.Object.Status.Switchover.KeepsOldRoute = true; return s }

// doubted: the failover in progress is known not to be sure of what was acknowledged.
func (s *scene) doubted() *scene { s.Object.Status.Switchover.Unassured = true; return s }

// unassured are sources whose acknowledged transactions a failover may have lost.
func (s *scene) unassured(names ...string) *scene {
	for _, name := range names {
		s.Object.Status.UnassuredSourceUUIDs = append(s.Object.Status.UnassuredSourceUUIDs, uuidOf(name))
	}
	return s
}

// givingUp: the user gives nodes up by name.
func (s *scene) givingUp(names string) *scene { return s.annotated(v1alpha1.AnnotationGiveUp, names) }

// failedOver: the last change of the source was a failover.
func (s *scene) failedOver(from, to string) *scene {
	s.Object.Status.LastSwitchover = &v1alpha1.LastSwitchover{From: from, To: to, Failover: true}
	s.Object.Status.DeposedSourceUUIDs = append(s.Object.Status.DeposedSourceUUIDs, uuidOf(from))
	return s
}

// switchedOver: the last change of the source was planned.
func (s *scene) switchedOver(from, to string) *scene {
	s.Object.Status.LastSwitchover = &v1alpha1.LastSwitchover{From: from, To: to}
	return s
}

// edited: the spec has changed since the record.
func (s *scene) edited() *scene               { s.Object.Generation++; return s }
func (s *scene) after(d time.Duration) *scene { s.Now = t0.Add(d); return s }

// row is one case: a scene and what is planned for it.
type row struct {
	name  string
	scene *scene
	// steps, one string each: see describe.
	steps []string
	// reason of the condition.
	reason string
	// record that is remembered: "from>to phase", or "".
	record string
	// source that is remembered; "" means spec.source, "none" means none.
	source string
	// message is a part of the condition's message.
	message string
}

// runRows plans every row and compares. Every plan must keep the laws, too.
func runRows(t *testing.T, rows []row) {
	t.Helper()
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			before := r.scene.Object.DeepCopy()
			p := Plan(r.scene.Input)
			steps := stepsOf(p)
			if !slices.Equal(steps, r.steps) {
				t.Errorf("steps\n got:  %s\n want: %s", quoted(steps), quoted(r.steps))
			}
			if got := p.Conditions[0].Reason; got != r.reason {
				t.Errorf("reason: got %s, want %s (%s)", got, r.reason, p.Conditions[0].Message)
			}
			if !strings.Contains(p.Conditions[0].Message, r.message) {
				t.Errorf("message: got %q, want it to contain %q", p.Conditions[0].Message, r.message)
			}
			if got := recordOf(p.Data.Switchover); got != r.record {
				t.Errorf("record: got %q, want %q", got, r.record)
			}
			want := strings.TrimSuffix(r.source, "none")
			if r.source == "" {
				want = r.scene.Object.Spec.Source.Name
			}
			if p.Data.Source != want {
				t.Errorf("source: got %q, want %q", p.Data.Source, want)
			}
			for _, broken := range brokenLaws(r.scene.Input, p) {
				t.Errorf("law broken: %s", broken)
			}
			if r.scene.Object.Status.Source != before.Status.Source || recordOf(r.scene.Object.Status.Switchover) != recordOf(before.Status.Switchover) {
				t.Error("the planner changed its input")
			}
		})
	}
}

func quoted(steps []string) string {
	var b strings.Builder
	for _, s := range steps {
		fmt.Fprintf(&b, "%q, ", s)
	}
	return strings.TrimSuffix(b.String(), ", ")
}

func recordOf(r *v1alpha1.SwitchoverStatus) string {
	if r == nil {
		return ""
	}
	kind := ""
	if r.Failover {
		kind = "failover "
	}
	return fmt.Sprintf("%s%s>%s %s", kind, r.From, r.To, r.Phase)
}

// stepsOf describes a plan for people: a "!" before the first step says that the
// record is persisted first.
func stepsOf(p reconcile.Plan[Data]) []string {
	var out []string
	if p.Persist {
		out = append(out, "persist")
	}
	for _, s := range p.Steps {
		var parts []string
		for _, a := range s.Actions {
			parts = append(parts, describeAction(a))
		}
		text := s.Name + ": " + strings.Join(parts, ", ")
		if len(s.Routing) > 0 {
			text += " {" + describeRouting(s.Routing) + "}"
		}
		if s.Optional {
			text += " (optional)"
		}
		if s.Background {
			text += " (background)"
		}
		out = append(out, strings.Replace(text, ":  {", ": {", 1))
	}
	return out
}

func describeRouting(r reconcile.Routing) string {
	short := map[reconcile.Access]string{reconcile.AccessReadWrite: "rw", reconcile.AccessReadOnly: "ro", reconcile.AccessNone: "-"}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(r)) {
		parts = append(parts, name+"="+short[r[name]])
	}
	return strings.Join(parts, " ")
}

// describeAction says what an action does and to whom, with all that matters of it.
func describeAction(a reconcile.Action) string {
	flags := func(text string, on ...any) string {
		for i := 0; i+1 < len(on); i += 2 {
			if set, _ := on[i+1].(bool); set {
				text += " " + on[i].(string)
			}
		}
		return text
	}
	switch do := a.(type) {
	case FenceSource:
		return flags("fence "+do.On, "still", do.Still, "kill", do.KillClients, "persist", do.Persist, "release", do.ReleaseAcks)
	case ArmFence:
		return "arm " + do.On
	case SetWritable:
		return flags("writable "+do.On, "semi", do.SemiSync.Enabled) + acksInWords(do.SemiSync)
	case CatchUp:
		return flags(fmt.Sprintf("catch up %s to %s", do.On, letters(do.Set)), "unless it turns away "+do.Ahead.Name, do.Ahead.Name != "")
	case Promote:
		after := letters(do.AfterSet)
		if do.AfterFact != "" {
			after = strings.Replace(do.AfterFact, "gtid_executed of the ", "", 1)
		}
		return flags(fmt.Sprintf("promote %s after %s", do.On, after), "failover", do.Failover, "semi", do.SemiSync.Enabled) + acksInWords(do.SemiSync)
	case Settle:
		return flags("settle "+do.On, "semi", do.SemiSync.Enabled, "keep", do.KeepChannel) + acksInWords(do.SemiSync)
	case Attach:
		return flags(fmt.Sprintf("attach %s to %s", do.On, do.Source), "semi", do.SemiSync, "renew", do.RenewPassword) + tlsInWords(do.TLS)
	case FollowAhead:
		return flags(fmt.Sprintf("lead %s to %s", do.On, do.Source), "semi", do.SemiSync) + tlsInWords(do.TLS)
	case ExpelClients:
		return "expel clients of " + do.On
	case StopReceiver:
		return "stop receiver " + do.On
	case StartReplication:
		return "start " + do.On
	case Detach:
		return flags("detach "+do.On, "keep", do.KeepChannel)
	case Clone:
		return fmt.Sprintf("clone %s from %s discarding {%s}", do.On, do.Donor, letters(do.Discards)) + tlsInWords(do.TLS)
	case AbortClone:
		return fmt.Sprintf("abort the clone of %s in session %d", do.On, do.Session)
	case SetSemiSync:
		return flags("semi-sync "+do.On, "source", do.Source.Enabled, "replica", do.Replica)
	}
	return fmt.Sprintf("%T %s", a, a.Node())
}

// acksInWords says what is not as it is by default.
func acksInWords(w SemiSyncWant) string {
	text := ""
	if w.Count > 1 {
		text += fmt.Sprintf(" x%d", w.Count)
	}
	if w.Timeout > 0 {
		text += " for " + w.Timeout.String()
	}
	return text
}

func tlsInWords(c *ChannelTLS) string {
	if c == nil {
		return ""
	}
	text := " tls " + string(c.mode())
	for _, file := range []string{c.CA, c.Cert, c.Key} {
		if file != "" {
			text += " " + file
		}
	}
	return text
}

// letters is the inverse of set.
func letters(s gtid.Set) string {
	var parts []string
	for part := range strings.SplitSeq(s.String(), ",") {
		if part != "" {
			parts = append(parts, part[:1]+part[36:])
		}
	}
	return strings.Join(parts, " ")
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package proxysql

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
)

const (
	// settle is how long after a LOAD another one is not tried although run time or disk are
	// not as they were made: ProxySQL's monitor may be moving servers.
	settle = 5 * time.Second
	// busy is when to look again while the source changes, or a node has given no answer.
	busy = time.Second
	// named is how many things a message names.
	named = 5
)

// Reasons of ServerReady and UserReady, beside those of the topology.
const (
	reasonServersSynced   = "ServersSynced"
	reasonUsersSynced     = "UsersSynced"
	reasonSyncing         = "Syncing"
	reasonNodeUnreachable = "ProxysqlUnreachable"
	reasonSyncFailed      = "SyncFailed"
	reasonServerNotOwned  = "ServerNotOwned"
	reasonUserNotOwned    = "UserNotOwned"
	reasonSourceChanging  = "SourceChanging"
	reasonNoWriter        = "NoWriter"
	reasonWriterOffline   = "WriterOffline"
	reasonNotAsLoaded     = "NotAsLoaded"
	reasonUsersUnknown    = "UsersUnknown"
	reasonUserUnclear     = "UserUnclear"
	reasonBadRule         = "InvalidRule"
	reasonSkipped         = "Skipped"
)

// Reasons of events.
const (
	eventWriterChanged = "WriterChanged"
)

// Data is what the planner wants to have remembered in the status.
type Data struct {
	// By node: what it has once the plan is carried out.
	Synced  map[string]bool
	Users   map[string][]string
	Writer  map[string]string
	Readers map[string][]string
	Notes   map[string]string
	// Source that the nodes lead writers to, and its version; "": nobody knows.
	Source, Version string
	// WantedUsers is how many there are; -1: unknown.
	WantedUsers int
	// Gone are nodes that the status still has, and the spec has not.
	Gone []string
}

// Input is all that a plan depends on.
type Input struct {
	Object   *v1alpha1.ProxysqlSync
	Topology Topology
	State    State
	Now      time.Time
}

// view is what one plan is made of.
type view struct {
	in    Input
	spec  v1alpha1.ProxysqlSyncSpec
	mark  string
	topo  Topology
	rule  Rule
	users Users
	// usersUnknown says why nobody knows the users, with its reason.
	usersUnknown, usersReason string
	version                   string
	skip                      bool

	data Data
	// first are the changes of servers, rest are all others.
	first, rest []reconcile.Action

	events  []reconcile.Event
	servers verdict
	people  verdict
	waits   bool
}

// Plan decides. It is pure.
func Plan(in Input) reconcile.Plan[Data] {
	v := look(in)
	for _, n := range v.spec.Proxysql {
		v.plan(n.Name)
	}
	return v.finish()
}

var versionText = regexp.MustCompile(`^[0-9][0-9A-Za-z.+_-]{0,63}$`)

// look gathers what is the same for all nodes.
func look(in Input) *view {
	v := &view{
		in: in, spec: in.Object.Spec, mark: Mark(in.Object.Namespace, in.Object.Name), topo: in.Topology,
		skip: v1alpha1.SkipsReconcile(in.Object.Annotations),
		data: Data{
			Synced: map[string]bool{}, Users: map[string][]string{}, Writer: map[string]string{},
			Readers: map[string][]string{}, Notes: map[string]string{}, WantedUsers: -1,
		},
	}
	for name := range in.Object.Status.Topology {
		if !slices.ContainsFunc(v.spec.Proxysql, func(n v1alpha1.Node) bool { return n.Name == name }) {
			v.data.Gone = append(v.data.Gone, name)
		}
	}
	slices.Sort(v.data.Gone)
	v.judgeSource()
	var err error
	if v.rule, err = newRule(v.spec.Rule); err != nil && v.usersUnknown == "" {
		v.usersUnknown, v.usersReason = err.Error(), reasonBadRule
	}
	if v.usersUnknown == "" {
		v.users = usersOf(in.State.Source.Accounts, v.rule, append([]string{mysqlUser(v.spec)}, v.topo.Own...))
		v.data.WantedUsers = len(v.users.Wanted)
	}
	return v
}

// judgeSource takes back what the look at the source itself contradicts.
func (v *view) judgeSource() {
	s := v.in.State.Source
	name := v.topo.Source.Name
	another := s.OK() && v.topo.SourceUUID != "" && !strings.EqualFold(s.UUID, v.topo.SourceUUID)
	switch {
	case !v.topo.known():
		v.usersUnknown, v.usersReason = v.topo.Unknown, v.topo.UnknownReason
		return
	case v.topo.Changing:
		v.usersUnknown, v.usersReason = "the source is being changed", reasonSourceChanging
		return
	case s == nil:
		v.usersUnknown, v.usersReason = fmt.Sprintf("source %s was not asked", name), reasonUsersUnknown
	case !s.OK():
		v.usersUnknown, v.usersReason = fmt.Sprintf("the accounts of source %s cannot be read: %s", name, s.Problem), reasonUsersUnknown
	case another:
		v.usersUnknown, v.usersReason = fmt.Sprintf("where source %s was, another server answers (server_uuid %s, not %s)", name, s.UUID, v.topo.SourceUUID), reasonUsersUnknown
	}
	switch {
	case !s.OK():
	case another:
		v.topo.contradict("is another server than before")
	case !s.Writable:
		v.topo.contradict("is read-only")
	}
	if s.OK() && !another && versionText.MatchString(s.Version) {
		v.version = s.Version
		v.data.Version = s.Version
	}
}

// plan decides for one ProxySQL.
func (v *view) plan(name string) {
	n := v.in.State.Nodes[name]
	if !n.OK() {
		problem := "was not asked"
		if n != nil {
			problem = n.Problem
		}
		v.waits = true
		for _, verdict := range []*verdict{&v.servers, &v.people} {
			verdict.add(reasonNodeUnreachable, name+": "+problem)
		}
		return
	}
	s := Sync{On: name, Mark: v.mark, Writer: writerOf(v.spec)}
	var found ServerFindings
	s.Servers, found = planServers(v.wantServers(), n.Tables)
	var foundUsers UserFindings
	s.Users, foundUsers = v.planUsers(n.Tables)
	v.planVersion(&s, n.Tables)
	notes := v.calm(&s, n)
	v.report(name, n, s, found, foundUsers, notes)
	if v.skip {
		return
	}
	// Servers are for all nodes before anything else is.
	first, rest := s, s
	first.Users, first.Version, first.LoadVersion, first.SaveVersion = UserChanges{}, "", false, false
	rest.Servers = ServerChanges{}
	if first.Any() {
		v.first = append(v.first, first)
	}
	if rest.Any() {
		v.rest = append(v.rest, rest)
	}
}

func (v *view) wantServers() ServerWant {
	return ServerWant{
		Mark: v.mark, Writer: writerOf(v.spec), Reader: readerOf(v.spec),
		MaxConnections: orNumber(v.spec.MaxConnections, defaultMaxConnections), UseSSL: v.spec.UseSSL,
		WriterReads: v.spec.WriterIsAlsoReader, Hostgroup: hostgroupOf(v.spec), Weights: v.spec.Weights, Topology: v.topo,
	}
}

// planUsers leaves out the user of this ProxySQL's monitor, who is none of the clients.
func (v *view) planUsers(tables *Tables) (UserChanges, UserFindings) {
	if v.usersUnknown != "" {
		var f UserFindings
		for _, row := range tables.Users[memory] {
			if row.Comment == v.mark {
				f.Users = append(f.Users, row.Name)
			}
		}
		slices.Sort(f.Users)
		return UserChanges{}, f
	}
	want := UserWant{Mark: v.mark, DefaultHostgroup: writerOf(v.spec), Users: v.users.Wanted, Held: v.users.Unclear}
	if !slices.Contains(v.rule.include, tables.Monitor) {
		want.Users = slices.DeleteFunc(slices.Clone(want.Users), func(u User) bool { return u.Name == tables.Monitor })
	}
	return planUsers(want, tables)
}

// planVersion has ProxySQL greet clients with the version of the source.
func (v *view) planVersion(s *Sync, tables *Tables) {
	if v.version == "" || v.topo.Changing || v.shared(tables) {
		return
	}
	if tables.Version[memory] != v.version {
		s.Version = v.version
	}
	s.LoadVersion = s.Version != "" || tables.Version[runtime] != v.version
	s.SaveVersion = s.Version != "" || tables.Version[disk] != v.version
}

// shared: another resource has rows on this ProxySQL, which has one version to tell. Two would
// set it in turns for ever.
func (v *view) shared(tables *Tables) bool {
	other := func(comment string) bool { return strings.HasPrefix(comment, markPrefix) && comment != v.mark }
	return slices.ContainsFunc(tables.Servers[memory], func(r ServerRow) bool { return other(r.Comment) })
}

// calm takes out what was only just done and has not helped.
func (v *view) calm(s *Sync, n *Node) (notes []string) {
	if n.Loaded.IsZero() || v.in.Now.Sub(n.Loaded) >= settle {
		return nil
	}
	if !s.Servers.Memory() && (s.Servers.Load || s.Servers.Save) {
		s.Servers.Load, s.Servers.Save = false, false
		notes = append(notes, "servers are not as they were loaded: ProxySQL's monitor may have moved them by read_only")
	}
	if !s.Users.Memory() && (s.Users.Load || s.Users.Save) {
		s.Users.Load, s.Users.Save = false, false
		notes = append(notes, "users are not as they were loaded")
	}
	if s.Version == "" && (s.LoadVersion || s.SaveVersion) {
		s.LoadVersion, s.SaveVersion = false, false
		notes = append(notes, "mysql-server_version is not as it was loaded")
	}
	return notes
}

// report notes what is so of one ProxySQL.
func (v *view) report(name string, n *Node, s Sync, servers ServerFindings, users UserFindings, notes []string) {
	// What clients are led to now, and not what is about to be.
	v.data.Writer[name], v.data.Readers[name] = v.wantServers().named(n.Tables.Servers[runtime])
	v.data.Users[name] = atWork(users.Users, n.Tables)
	for _, note := range notes {
		verdict := &v.servers
		if strings.HasPrefix(note, "users") {
			verdict = &v.people
		}
		verdict.add(reasonNotAsLoaded, name+": "+note)
	}
	if len(servers.Conflicts) > 0 {
		v.servers.add(reasonServerNotOwned, fmt.Sprintf("%s: %s", name, list(servers.Conflicts)))
		v.warn(reasonServerNotOwned, fmt.Sprintf("ProxySQL %s has rows that are not ours and are left alone: %s. Delete them there, or set their comment to %s", name, list(servers.Conflicts), v.mark))
	}
	if servers.WriterOffline {
		v.servers.add(reasonWriterOffline, fmt.Sprintf("%s: %s", name, list(servers.Offline)))
	}
	if len(users.Conflicts) > 0 {
		v.people.add(reasonUserNotOwned, fmt.Sprintf("%s: %s", name, list(users.Conflicts)))
		v.warn(reasonUserNotOwned, fmt.Sprintf("ProxySQL %s has users that are not ours and are left alone: %s. Delete them there, or set their comment to %s", name, list(users.Conflicts), v.mark))
	}
	failing := ""
	if s.Any() && n.Failure != "" {
		failing = n.Failure
		v.warn(reasonSyncFailed, fmt.Sprintf("ProxySQL %s could not be changed: %s", name, failing))
	}
	what := func(verdict *verdict, some bool) {
		switch {
		case some && failing != "":
			verdict.add(reasonSyncFailed, name+": "+failing)
		case some && v.skip:
			verdict.add(reasonSkipped, name+" is not as it should be, and the annotation says to leave it")
		case some:
			verdict.add(reasonSyncing, name+" is being changed")
		}
	}
	what(&v.servers, s.Servers.Any() || s.version())
	what(&v.people, s.Users.Any())
	v.data.Synced[name] = !s.Any() && len(notes)+len(servers.Conflicts)+len(users.Conflicts) == 0 &&
		v.topo.known() && !v.topo.Changing && v.usersUnknown == "" && v.data.Writer[name] != ""
	v.data.Notes[name] = strings.Join(slices.Concat(notes, servers.Conflicts, servers.Offline, servers.Notes), "; ")
	if len(users.Conflicts) > 0 {
		v.data.Notes[name] = strings.TrimPrefix(v.data.Notes[name]+"; users that are not ours: "+list(users.Conflicts), "; ")
	}
}

// atWork are those of the users that may connect now.
func atWork(users []string, tables *Tables) []string {
	there := map[string]bool{}
	for _, row := range tables.Users[runtime] {
		there[row.Name] = there[row.Name] || row.Frontend
	}
	return slices.DeleteFunc(slices.Clone(users), func(name string) bool { return !there[name] })
}

func (v *view) warn(reason, message string) {
	v.events = append(v.events, reconcile.Event{Warning: true, Reason: reason, Message: message})
}

// finish makes the plan of what was decided for the nodes.
func (v *view) finish() reconcile.Plan[Data] {
	p := reconcile.Plan[Data]{}
	v.judgeServers()
	v.judgeUsers()
	for _, step := range []reconcile.Step{{Name: "servers", Actions: v.first, Optional: true}, {Name: "users", Actions: v.rest, Optional: true}} {
		if len(step.Actions) > 0 {
			// Optional: a node that cannot be changed holds nobody up.
			p.Steps = append(p.Steps, step)
			p.Again = true
		}
	}
	if v.waits || v.topo.Changing {
		p.Next = busy
	}
	p.Data, p.Events = v.data, v.events
	p.Conditions = []metav1.Condition{
		v.servers.condition(v1alpha1.ConditionServerReady, reasonServersSynced, "the hostgroups are as the topology is"),
		v.people.condition(v1alpha1.ConditionUserReady, reasonUsersSynced, "the users are those of the source"+v.leftOut()),
	}
	return p
}

// judgeServers adds what is so of all nodes.
func (v *view) judgeServers() {
	writers := map[string]bool{}
	for _, name := range v.data.Writer {
		writers[name] = true
	}
	if len(writers) == 1 {
		for name := range writers {
			v.data.Source = name
		}
	}
	switch {
	case !v.topo.known():
		v.servers.first(metav1.ConditionUnknown, v.topo.UnknownReason, v.topo.Unknown+". What ProxySQL has stays as it is")
	case v.topo.Changing:
		v.servers.first(metav1.ConditionFalse, reasonSourceChanging, "the source is being changed: the writer hostgroup is empty until it takes writes")
	case !v.topo.Admitted && (writers[""] || v.topo.Contradicted):
		v.servers.first(metav1.ConditionFalse, reasonNoWriter, fmt.Sprintf("source %s %s, so that it is not in the writer hostgroup", v.topo.Source.Name, v.topo.Doubt))
	case !v.topo.Admitted:
		// It stays where it is: who cannot be seen is not gone.
		v.servers.add(reasonTopologyUnknown, fmt.Sprintf("source %s %s; it stays in the writer hostgroup where it is", v.topo.Source.Name, v.topo.Doubt))
	}
	// In the middle of a change there was none.
	if now := v.data.Source; now != "" && now != v.in.Object.Status.Source {
		v.events = append(v.events, reconcile.Event{
			Reason: eventWriterChanged, Message: fmt.Sprintf("the writer hostgroup %d leads to %s", writerOf(v.spec), now),
		})
	}
}

func (v *view) judgeUsers() {
	if v.usersUnknown != "" {
		v.people.first(metav1.ConditionUnknown, v.usersReason, v.usersUnknown+". The users in ProxySQL stay as they are")
		return
	}
	if len(v.users.Unclear) > 0 {
		v.people.add(reasonUserUnclear, fmt.Sprintf("accounts of one user have different passwords, and ProxySQL knows one: %s. Narrow spec.rule.pattern, or give them one password", list(v.users.Unclear)))
	}
}

// leftOut names the users that ProxySQL cannot have.
func (v *view) leftOut() string {
	if len(v.users.Unusable) == 0 {
		return ""
	}
	var out []string
	for _, user := range slices.Sorted(maps.Keys(v.users.Unusable)) {
		out = append(out, fmt.Sprintf("%q (%s)", user, v.users.Unusable[user]))
	}
	return "; left out: " + list(out)
}

// verdict is what a condition is made of: the first word counts.
type verdict struct {
	status  metav1.ConditionStatus
	reason  string
	message []string
}

func (w *verdict) add(reason, message string) {
	if w.reason == "" {
		w.status, w.reason = metav1.ConditionFalse, reason
	}
	w.message = append(w.message, message)
}

func (w *verdict) first(status metav1.ConditionStatus, reason, message string) {
	w.status, w.reason = status, reason
	w.message = append([]string{message}, w.message...)
}

func (w *verdict) condition(name, reason, message string) metav1.Condition {
	if w.reason == "" {
		return metav1.Condition{Type: name, Status: metav1.ConditionTrue, Reason: reason, Message: message}
	}
	return metav1.Condition{Type: name, Status: w.status, Reason: w.reason, Message: strings.Join(w.message, "; ")}
}

// list names a few things.
func list(things []string) string {
	if len(things) <= named {
		return strings.Join(things, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(things[:named], ", "), len(things)-named)
}

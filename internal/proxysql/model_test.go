// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package proxysql

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/internal/server"
)

// modelRuns of TestModel; MODEL_RUNS says otherwise.
const modelRuns = 500

// world is a topology, and the ProxySQLs that follow it.
type world struct {
	*rand.Rand
	obj    *v1alpha1.ProxysqlSync
	mysql  *v1alpha1.MysqlReplication
	nodes  map[string]*Tables
	loaded map[string]time.Time
	unseen map[string]bool
	source *Source
	now    time.Time
	// foreign rows of others by node, which must stay as they are.
	foreign map[string]string
	story   []string
}

func newWorld(seed uint64) *world {
	w := &world{
		Rand: rand.New(rand.NewPCG(seed, 1)), obj: object("px-0", "px-1"), mysql: replication(), nodes: map[string]*Tables{},
		loaded: map[string]time.Time{}, unseen: map[string]bool{}, now: time.Unix(1000, 0), foreign: map[string]string{},
		source: &Source{Reach: server.ReachOK, UUID: "uuid-0", Version: "8.4.7", Writable: true, Accounts: []Account{account("app", "%", "h1"), account("mysql", "%", "m")}},
	}
	for _, n := range w.obj.Spec.Proxysql {
		w.nodes[n.Name] = &Tables{Monitor: "monitor", Version: [layers]string{"8.0.11", "8.0.11", "8.0.11"}}
	}
	return w
}

func (w *world) tell(format string, args ...any) {
	w.story = append(w.story, fmt.Sprintf(format, args...))
}

// happen is one thing that is not the operator's.
func (w *world) happen() {
	st := &w.mysql.Status
	name := func() string { return fmt.Sprintf("mysql-%d", w.IntN(3)) }
	switch w.IntN(13) {
	case 0:
		to := name()
		w.tell("source is %s", to)
		st.Switchover = nil
		for n, one := range st.Topology {
			one.Role, one.Readonly, one.SuperReadonly, one.Status = v1alpha1.MysqlRoleReplica, true, true, v1alpha1.NodeHealthy
			one.ReplicaIO, one.ReplicaSQL = "Yes", "Yes"
			if n == to {
				one.Role, one.Readonly, one.SuperReadonly = v1alpha1.MysqlRoleSource, false, false
			}
		}
		if st.Source != "" && st.Source != to {
			st.LastSwitchover = &v1alpha1.LastSwitchover{From: st.Source, To: to}
		}
		st.Source, st.SourceUUID = to, "uuid-"+to[len(to)-1:]
		w.source.UUID, w.source.Writable, w.source.Reach = st.SourceUUID, true, server.ReachOK
	case 1:
		if st.Source != "" {
			to := name()
			w.tell("switching to %s", to)
			st.Switchover = &v1alpha1.SwitchoverStatus{From: st.Source, To: to, Phase: v1alpha1.SwitchoverSwitching}
		}
	case 2:
		st.Switchover = nil
	case 3:
		n := name()
		w.tell("%s is not seen", n)
		st.Topology[n].Status = v1alpha1.NodeFailed
	case 4:
		n := name()
		w.tell("%s takes writes", n)
		st.Topology[n].Readonly, st.Topology[n].SuperReadonly = false, false
	case 5:
		w.tell("the source is not known")
		st.Source = ""
	case 6:
		w.source.Reach = []server.Reach{server.ReachOK, server.ReachNone, server.ReachError}[w.IntN(3)]
		w.source.Writable = w.IntN(2) == 0
	case 7:
		w.source.Accounts = []Account{account("mysql", "%", "m")}
		for i := range w.IntN(5) {
			w.source.Accounts = append(w.source.Accounts, account(fmt.Sprint("u", w.IntN(4)), "%", fmt.Sprint("h", i)))
		}
	case 8:
		n := fmt.Sprintf("px-%d", w.IntN(2))
		w.tell("%s starts from disk", n)
		t := w.nodes[n]
		t.Servers[memory], t.Hostgroups[memory], t.Users[memory], t.Version[memory] = t.Servers[disk], t.Hostgroups[disk], t.Users[disk], t.Version[disk]
		t.Servers[runtime], t.Hostgroups[runtime], t.Users[runtime], t.Version[runtime] = t.Servers[disk], t.Hostgroups[disk], sides(t.Users[disk]), t.Version[disk]
		w.refresh(n)
	case 9:
		n := fmt.Sprintf("px-%d", w.IntN(2))
		w.unseen[n] = !w.unseen[n]
	case 10:
		n := fmt.Sprintf("px-%d", w.IntN(2))
		w.tell("%s gets a row of somebody", n)
		t := w.nodes[n]
		one := row(int32(w.IntN(3)), fmt.Sprintf("mysql-%d", 5+w.IntN(3))).commented([]string{"", "mine"}[w.IntN(2)])
		if !slices.ContainsFunc(t.Servers[memory], func(r ServerRow) bool { return r.ServerKey == one.ServerKey }) {
			t.Servers[memory] = append(slices.Clone(t.Servers[memory]), one)
		}
		u := user(fmt.Sprint("u", w.IntN(4)), "foreign").commented([]string{"", "mine"}[w.IntN(2)])
		if !slices.ContainsFunc(t.Users[memory], func(r UserRow) bool { return r.Name == u.Name }) {
			t.Users[memory] = append(slices.Clone(t.Users[memory]), u)
		}
		w.refresh(n)
	case 11:
		n := fmt.Sprintf("px-%d", w.IntN(2))
		w.tell("%s begins empty", n)
		*w.nodes[n] = Tables{Monitor: "monitor", Version: [layers]string{"8.0.11", "8.0.11", "8.0.11"}}
		w.refresh(n)
	case 12:
		w.obj.Spec.WriterIsAlsoReader = w.IntN(2) == 0
		w.obj.Spec.ReplicationHostgroup = new(w.IntN(4) > 0)
	}
	w.now = w.now.Add(time.Duration(w.IntN(8)) * time.Second)
}

// strangers are the rows in memory that are not ours.
func (w *world) strangers(node string) string {
	var out []string
	for _, r := range w.nodes[node].Servers[memory] {
		if r.Comment != testMark {
			out = append(out, fmt.Sprint(r))
		}
	}
	for _, r := range w.nodes[node].Users[memory] {
		if r.Comment != testMark {
			out = append(out, fmt.Sprint(r.Name, r.Hash.Reveal(), r.Comment))
		}
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

func (w *world) refresh(node string) { w.foreign[node] = w.strangers(node) }

func (w *world) input() Input {
	state := State{Nodes: map[string]*Node{}}
	for name, t := range w.nodes {
		n := &Node{Name: name, Reach: server.ReachOK, Loaded: w.loaded[name]}
		copied := *t
		n.Tables = &copied
		if w.unseen[name] {
			n = &Node{Name: name, Reach: server.ReachNone, Problem: "no answer"}
		}
		state.Nodes[name] = n
	}
	topo := topologyOf(w.obj.Spec, w.mysql)
	if topo.known() {
		s := *w.source
		state.Source = &s
	}
	return Input{Object: w.obj, Topology: topo, State: state, Now: w.now}
}

// pass is one pass of the operator, which may die in its middle.
func (w *world) pass(dies bool) (Input, []Sync, error) {
	in := w.input()
	p := Plan(in)
	Project(w.obj, in.State, p)
	var made []Sync
	for _, step := range p.Steps {
		for _, action := range step.Actions {
			s := action.(Sync)
			made = append(made, s)
			if err := w.make(in, s, dies); err != nil {
				return in, made, err
			}
		}
	}
	return in, made, nil
}

// make makes one set of changes, or a part of it.
func (w *world) make(in Input, s Sync, dies bool) error {
	steps := all
	if dies {
		steps = w.IntN(6)
		// So it does not know any more what it has done.
		clear(w.loaded)
	}
	t := w.nodes[s.On]
	before := writersIn(t.Servers[memory])
	for n := 1; n <= steps; n++ {
		// Every beginning of it, as somebody else's LOAD would make it seen.
		half := *t
		more := apply(&half, s, n)
		if now := writersIn(half.Servers[memory]); now > max(1, before) {
			return fmt.Errorf("law 1: after %d steps of %s, %d writers", n, changesText(s.Servers), now)
		}
		if err := w.check(s.On, &half); err != nil {
			return fmt.Errorf("after %d steps of %s: %w", n, changesText(s.Servers), err)
		}
		if !more {
			break
		}
	}
	if !apply(t, s, steps) && !dies {
		w.loaded[s.On] = w.now
	}
	w.tell("%s: %s, users +%d ~%d -%d (%d steps)", s.On, changesText(s.Servers), len(s.Users.Insert), len(s.Users.Update), len(s.Users.Delete), steps)
	if dies {
		return nil
	}
	return w.arrived(in, s.On, t)
}

// writersIn counts those that clients could be led to, whoever's they are.
func writersIn(rows []ServerRow) (n int) {
	for _, r := range rows {
		n += b2i(r.Hostgroup == 0 && !r.offline())
	}
	return n
}

// check is what holds at every moment.
func (w *world) check(node string, t *Tables) error {
	for l := range t.Servers {
		writers := 0
		for _, r := range t.Servers[l] {
			if r.Comment == testMark && r.Hostgroup == 0 && !r.offline() {
				writers++
			}
		}
		if writers > 1 {
			return fmt.Errorf("law 1: %d writers in %s of %s", writers, layerNames[l], node)
		}
	}
	return nil
}

// arrived is what holds once a set of changes is made.
func (w *world) arrived(in Input, node string, t *Tables) error {
	// What was adopted is ours now.
	kept := map[string]bool{}
	for line := range strings.SplitSeq(w.strangers(node), "\n") {
		kept[line] = true
	}
	for line := range strings.SplitSeq(w.foreign[node], "\n") {
		if line != "" && !kept[line] && !strings.Contains(line, testMark) {
			return fmt.Errorf("law 9: %s has lost a row of somebody: %s", node, line)
		}
	}
	if !in.Topology.known() {
		return nil
	}
	wrong := in.Topology.Contradicted
	if one := in.State.Source; one.OK() && (!one.Writable || one.UUID != in.Topology.SourceUUID) {
		wrong = true
	}
	for _, r := range t.Servers[runtime] {
		switch {
		case r.Comment != testMark || r.Hostgroup != 0:
		case wrong:
			return fmt.Errorf("law 1: %s leads writers to what was seen to be no source", node)
		case in.Topology.Changing:
			return fmt.Errorf("law 1: %s has a writer while the source changes", node)
		case r.Address != in.Topology.Source.Address:
			return fmt.Errorf("law 1: the writer of %s is %s, the source %s", node, r.Host, in.Topology.Source.Name)
		}
	}
	return nil
}

// TestModel: whatever happens, in whatever order, and wherever the operator dies.
func TestModel(t *testing.T) {
	runs := modelRuns
	if text := os.Getenv("MODEL_RUNS"); text != "" {
		runs, _ = strconv.Atoi(text)
	}
	for seed := range uint64(runs) {
		w := newWorld(seed)
		fail := func(err error) {
			t.Fatalf("seed %d: %v\n%s", seed, err, strings.Join(w.story, "\n"))
		}
		for range 25 {
			w.happen()
			if _, _, err := w.pass(w.IntN(4) == 0); err != nil {
				fail(err)
			}
			for n, tables := range w.nodes {
				if err := w.check(n, tables); err != nil {
					fail(err)
				}
			}
		}
		// All is well again: it comes to rest, and to what the topology is.
		w.mysql = replication()
		w.unseen = map[string]bool{}
		*w.source = Source{Reach: server.ReachOK, UUID: "uuid-0", Version: "8.4.7", Writable: true, Accounts: []Account{account("app", "%", "h1")}}
		w.tell("all is well")
		for n, tables := range w.nodes {
			tables.Servers[memory] = slices.DeleteFunc(slices.Clone(tables.Servers[memory]), func(r ServerRow) bool { return r.Comment != testMark && r.Hostgroup == 0 })
			w.refresh(n)
		}
		for range 3 {
			w.now = w.now.Add(time.Minute)
			if _, _, err := w.pass(false); err != nil {
				fail(err)
			}
		}
		in := w.input()
		p := Plan(in)
		if len(p.Steps) > 0 {
			fail(fmt.Errorf("it does not come to rest: %v", p.Steps[0].Actions))
		}
		for n, tables := range w.nodes {
			for l := range tables.Servers {
				if !slices.ContainsFunc(tables.Servers[l], func(r ServerRow) bool { return r.Hostgroup == 0 && r.Address == address("mysql-0") }) {
					fail(fmt.Errorf("%s has no writer in %s", n, layerNames[l]))
				}
				if !slices.ContainsFunc(tables.Users[l], func(r UserRow) bool { return r.Name == "app" && r.Hash.Reveal() == "h1" }) {
					fail(fmt.Errorf("%s has no user in %s", n, layerNames[l]))
				}
			}
		}
	}
}

// Plans are made of values alone: the same twice.
func TestPlanIsPure(t *testing.T) {
	w := newWorld(7)
	for range 50 {
		w.happen()
		in := w.input()
		a, b := Plan(in), Plan(in)
		if fmt.Sprintf("%+v", a) != fmt.Sprintf("%+v", b) {
			t.Fatalf("two plans:\n%+v\n%+v", a, b)
		}
	}
	_ = credential.Password{}
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package proxysql

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/credential"
)

const testMark = "compose-operator/here/sync"

// address of a server of the tests by the last digit of its name.
func address(name string) Address { return Address{"10.0.0." + name[len(name)-1:], 3306} }

func member(name string, p place) Member { return Member{Name: name, Address: address(name), place: p} }

// topology with mysql-0 as the source that was seen to take writes, and two readers.
func topology() Topology {
	return Topology{
		Source: member("mysql-0", placeOut), Admitted: true, SourceUUID: "uuid-0",
		Members: []Member{member("mysql-0", placeOut), member("mysql-1", placeReader), member("mysql-2", placeReader)},
		Own:     []string{"mysql", "replication"},
	}
}

func wantOf(t Topology) ServerWant {
	return ServerWant{Mark: testMark, Writer: 0, Reader: 1, MaxConnections: 2000, Hostgroup: true, Topology: t}
}

// row of ours.
func row(hostgroup int32, name string) ServerRow {
	return ServerRow{ServerKey: ServerKey{hostgroup, address(name)}, Weight: 1, MaxConnections: 2000, Status: statusOnline, Comment: testMark}
}

func (r ServerRow) commented(comment string) ServerRow { r.Comment = comment; return r }
func (r ServerRow) heavy() ServerRow                   { r.Weight = 7; return r }
func (r ServerRow) is(status string) ServerRow         { r.Status = status; return r }

func everywhere(rows ...ServerRow) (out [layers][]ServerRow) {
	for l := range out {
		out[l] = slices.Clone(rows)
	}
	return out
}

var pair = HostgroupRow{Writer: 0, Reader: 1, CheckType: checkReadOnly, Comment: testMark}

// settled is a ProxySQL that is as topology() wants it.
func settled() *Tables {
	return &Tables{
		Servers:    everywhere(row(0, "mysql-0"), row(1, "mysql-1"), row(1, "mysql-2")),
		Hostgroups: [layers][]HostgroupRow{{pair}, {pair}, {pair}},
		Version:    [layers]string{"8.4.7", "8.4.7", "8.4.7"}, Monitor: "monitor",
	}
}

func user(name, hash string) UserRow {
	return UserRow{Name: name, Hash: credential.NewPassword(hash), Active: true, Backend: true, Frontend: true, Comment: testMark}
}

func (r UserRow) commented(comment string) UserRow { r.Comment = comment; return r }

// sides is how users look at run time.
func sides(rows []UserRow) (out []UserRow) {
	for _, r := range rows {
		front, back := r, r
		front.Backend, back.Frontend = false, false
		out = append(out, front, back)
	}
	return out
}

// apply makes the first steps of a set of changes, as statements does it, and says whether
// there were more.
func apply(t *Tables, s Sync, steps int) bool {
	var ops []func()
	op := func(f func()) { ops = append(ops, f) }
	servers := &t.Servers[memory]
	ours := func(key ServerKey, comment string) int {
		return slices.IndexFunc(*servers, func(r ServerRow) bool { return r.ServerKey == key && r.Comment == comment })
	}
	c := s.Servers
	for _, key := range c.Delete {
		op(func() {
			*servers = slices.DeleteFunc(slices.Clone(*servers), func(r ServerRow) bool { return r.ServerKey == key && r.Comment == s.Mark })
		})
	}
	groups := &t.Hostgroups[memory]
	for _, g := range c.DropHostgroup {
		op(func() {
			*groups = slices.DeleteFunc(slices.Clone(*groups), func(r HostgroupRow) bool {
				return r.Writer == g.Writer && r.Reader == g.Reader && r.Comment == s.Mark
			})
		})
	}
	for _, r := range c.Update {
		op(func() {
			if i := ours(r.ServerKey, s.Mark); i >= 0 {
				*servers = slices.Clone(*servers)
				r.Status = (*servers)[i].Status
				(*servers)[i] = r
			}
		})
	}
	for _, r := range c.Adopt {
		op(func() {
			if i := ours(r.ServerKey, ""); i >= 0 {
				*servers = slices.Clone(*servers)
				(*servers)[i].Comment = s.Mark
			}
		})
	}
	for _, g := range c.AdoptHostgroup {
		op(func() {
			*groups = slices.Clone(*groups)
			for i, r := range *groups {
				if r.Writer == g.Writer && r.Reader == g.Reader && r.Comment == "" {
					(*groups)[i].Comment = s.Mark
				}
			}
		})
	}
	for _, g := range c.InsertHG {
		op(func() { *groups = append(slices.Clone(*groups), g) })
	}
	for _, r := range c.Insert {
		op(func() {
			if r.Hostgroup == s.Writer && slices.ContainsFunc(*servers, func(o ServerRow) bool { return o.Hostgroup == s.Writer && !o.offline() }) {
				return
			}
			*servers = append(slices.Clone(*servers), r)
		})
	}
	to := func(l layer) {
		t.Servers[l], t.Hostgroups[l] = slices.Clone(t.Servers[memory]), slices.Clone(t.Hostgroups[memory])
	}
	if c.Load {
		op(func() { to(runtime) })
	}
	if c.Save {
		op(func() { to(disk) })
	}
	users := &t.Users[memory]
	for _, name := range s.Users.Delete {
		op(func() {
			*users = slices.DeleteFunc(slices.Clone(*users), func(r UserRow) bool { return r.Name == name && r.Comment == s.Mark })
		})
	}
	for _, list := range [][]UserRow{s.Users.Update, s.Users.Adopt} {
		for _, r := range list {
			op(func() {
				*users = slices.Clone(*users)
				for i, there := range *users {
					if there.Name == r.Name && (there.Comment == s.Mark || there.Comment == "" && there.like(r)) {
						(*users)[i] = r
					}
				}
			})
		}
	}
	for _, r := range s.Users.Insert {
		op(func() { *users = append(slices.Clone(*users), r) })
	}
	if s.Users.Load {
		op(func() { t.Users[runtime] = sides(t.Users[memory]) })
	}
	if s.Version != "" {
		op(func() { t.Version[memory] = s.Version })
	}
	if s.LoadVersion {
		op(func() { t.Version[runtime] = t.Version[memory] })
	}
	if s.Users.Save {
		op(func() { t.Users[disk] = slices.Clone(t.Users[memory]) })
	}
	if s.SaveVersion {
		op(func() { t.Version[disk] = t.Version[memory] })
	}
	for i, f := range ops {
		if i == steps {
			return true
		}
		f()
	}
	return false
}

const all = 1 << 20

func object(nodes ...string) *v1alpha1.ProxysqlSync {
	obj := &v1alpha1.ProxysqlSync{ObjectMeta: metav1.ObjectMeta{Namespace: "here", Name: "sync", Generation: 1}}
	obj.Spec.MysqlReplication = "db"
	for i, name := range nodes {
		obj.Spec.Proxysql = append(obj.Spec.Proxysql, v1alpha1.Node{Name: name, Host: fmt.Sprintf("10.1.0.%d", i), Port: 6032})
	}
	return obj
}

// replication is a MysqlReplication with mysql-0 as its source, as topology() reads it.
func replication() *v1alpha1.MysqlReplication {
	obj := &v1alpha1.MysqlReplication{ObjectMeta: metav1.ObjectMeta{Namespace: "here", Name: "db"}}
	node := func(name string) v1alpha1.Node {
		return v1alpha1.Node{Name: name, Host: address(name).Host, Port: 3306}
	}
	source := node("mysql-0")
	obj.Spec.Source = &source
	obj.Spec.Replica = []v1alpha1.ReplicaNode{{Node: node("mysql-1")}, {Node: node("mysql-2")}}
	obj.Status.Source, obj.Status.SourceUUID = "mysql-0", "uuid-0"
	obj.Status.Topology = map[string]*v1alpha1.MysqlReplicationNode{
		"mysql-0": {Host: address("mysql-0").Host, Port: 3306, Role: v1alpha1.MysqlRoleSource, Status: v1alpha1.NodeHealthy, ServerUUID: "uuid-0"},
	}
	for _, name := range []string{"mysql-1", "mysql-2"} {
		obj.Status.Topology[name] = &v1alpha1.MysqlReplicationNode{
			Host: address(name).Host, Port: 3306, Role: v1alpha1.MysqlRoleReplica, Status: v1alpha1.NodeHealthy, Readonly: true, SuperReadonly: true,
			ReplicaIO: "Yes", ReplicaSQL: "Yes", ServerUUID: "uuid-" + name[len(name)-1:],
		}
	}
	return obj
}

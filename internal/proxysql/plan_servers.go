// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package proxysql

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// markPrefix begins the comment of every row that is a ProxysqlSync's.
const markPrefix = "compose-operator/"

// Mark is the comment of the rows that belong to a ProxysqlSync.
func Mark(namespace, name string) string { return markPrefix + namespace + "/" + name }

const (
	statusOnline = "ONLINE"
	// checkReadOnly is the check_type of the replication hostgroup, and ProxySQL's default.
	checkReadOnly = "read_only"
)

// ServerWant is what is wanted of mysql_servers and mysql_replication_hostgroups.
type ServerWant struct {
	Mark           string
	Writer, Reader int32
	MaxConnections int32
	UseSSL         bool
	// WriterReads puts the source among the readers too.
	WriterReads bool
	// Hostgroup: the pair of hostgroups is one of mysql_replication_hostgroups.
	Hostgroup bool
	// Weights by name of the node.
	Weights  map[string]int32
	Topology Topology
}

// ServerChanges are the changes of a set. They are made in the order of the fields, so
// that no half of them has two writers.
type ServerChanges struct {
	Delete        []ServerKey
	DropHostgroup []HostgroupRow
	Update        []ServerRow
	// Adopt rows that are right, and nobody's.
	Adopt          []ServerRow
	AdoptHostgroup []HostgroupRow
	InsertHG       []HostgroupRow
	// Insert readers first.
	Insert     []ServerRow
	Load, Save bool
}

// Any says whether there is something to do.
func (c ServerChanges) Any() bool { return c.Memory() || c.Load || c.Save }

// Memory says whether rows change.
func (c ServerChanges) Memory() bool {
	return len(c.Delete)+len(c.DropHostgroup)+len(c.Update)+len(c.Adopt)+len(c.AdoptHostgroup)+len(c.InsertHG)+len(c.Insert) > 0
}

// ServerFindings are what is not as it should be, and stays.
type ServerFindings struct {
	// Conflicts are rows of others in the way.
	Conflicts []string
	// Notes are for a person, and no fault.
	Notes []string
	// Offline are rows of ours that somebody has taken out.
	Offline []string
	// Writer and Readers that the node will have: names of the topology.
	Writer  string
	Readers []string
	// WriterOffline: clients are kept from the writer.
	WriterOffline bool
}

// rows are the rows of mysql_servers that are wanted, given what there is: a server that
// is not seen stays where it is.
func (w ServerWant) rows(there []ServerRow) []ServerRow {
	t := w.Topology
	ours := map[ServerKey]bool{}
	for _, row := range there {
		if row.Comment == w.Mark {
			ours[row.ServerKey] = true
		}
	}
	row := func(hostgroup int32, m Member, weight int32) ServerRow {
		return ServerRow{
			ServerKey: ServerKey{hostgroup, m.Address}, Weight: weight, MaxConnections: w.MaxConnections,
			UseSSL: w.UseSSL, Status: statusOnline, Comment: w.Mark,
		}
	}
	weight := func(name string) int32 {
		if given, is := w.Weights[name]; is {
			return given
		}
		return 1
	}
	var out []ServerRow
	add := func(r ServerRow) {
		if !slices.ContainsFunc(out, func(o ServerRow) bool { return o.ServerKey == r.ServerKey }) {
			out = append(out, r)
		}
	}
	for _, m := range t.Members {
		if m.Name == t.Source.Name || m.Address == t.Source.Address {
			continue
		}
		keeps := m.place == placeKeep && ours[ServerKey{w.Reader, m.Address}] && !ours[ServerKey{w.Writer, m.Address}]
		if m.place == placeReader || keeps {
			add(row(w.Reader, m, weight(m.Name)))
		}
	}
	stays := !t.Contradicted && ours[ServerKey{w.Writer, t.Source.Address}]
	if !t.Changing && (t.Admitted || stays) {
		if w.WriterReads {
			add(row(w.Reader, t.Source, weight(t.Source.Name)))
		}
		add(row(w.Writer, t.Source, 1))
	}
	return out
}

// planServers compares what there is with what is wanted. Pure.
func planServers(w ServerWant, tables *Tables) (ServerChanges, ServerFindings) {
	var c ServerChanges
	var f ServerFindings
	if !w.Topology.known() {
		f.Writer, f.Readers = w.named(tables.Servers[memory])
		return c, f
	}
	// Some pair of the two hostgroups is at work, ours or somebody's.
	paired := slices.ContainsFunc(tables.Hostgroups[runtime], func(r HostgroupRow) bool { return r.Writer == w.Writer && r.Reader == w.Reader })
	wanted := w.rows(tables.Servers[memory])
	if reads := w.copied(wanted, tables.Servers[memory]); paired && reads != nil {
		wanted = append(wanted, *reads)
	}
	after := w.diffServers(wanted, tables.Servers[memory], &c, &f)
	groups := w.diffHostgroups(tables.Hostgroups[memory], &c, &f)
	c.Load = c.Memory() || !w.runs(after, tables.Servers[runtime], paired) || !hasHostgroups(w.Mark, groups, tables.Hostgroups[runtime])
	c.Save = c.Memory() || !sameServers(w.Mark, after, tables.Servers[disk]) || !hasHostgroups(w.Mark, groups, tables.Hostgroups[disk])
	f.Writer, f.Readers = w.named(after)
	return c, f
}

// copied is the row of the writer among the readers that ProxySQL's monitor makes, with our
// comment (mysql-monitor_writer_is_also_reader), and that a peer of a ProxySQL cluster then
// has in memory. Were it taken away, it would come again, without end.
func (w ServerWant) copied(wanted, there []ServerRow) *ServerRow {
	for _, want := range wanted {
		// A reader that becomes the writer is no copy of it.
		already := func(r ServerRow) bool { return r.ServerKey == want.ServerKey && r.Comment == w.Mark }
		if want.Hostgroup != w.Writer || !slices.ContainsFunc(there, already) {
			continue
		}
		for _, row := range there {
			if row.Comment == w.Mark && row.ServerKey == (ServerKey{w.Reader, want.Address}) &&
				!slices.ContainsFunc(wanted, func(r ServerRow) bool { return r.ServerKey == row.ServerKey }) {
				return &row
			}
		}
	}
	return nil
}

// diffServers returns the rows that are ours once the changes are made, and those of others
// that are right.
func (w ServerWant) diffServers(wanted, there []ServerRow, c *ServerChanges, f *ServerFindings) []ServerRow {
	byKey := map[ServerKey]ServerRow{}
	for _, row := range there {
		byKey[row.ServerKey] = row
	}
	// Somebody else's writer: ours does not come beside it.
	occupied := slices.ContainsFunc(there, func(r ServerRow) bool {
		return r.Hostgroup == w.Writer && r.Comment != w.Mark && !r.offline() && r.Address != w.Topology.Source.Address
	})
	isWanted := map[ServerKey]bool{}
	var after []ServerRow
	for _, want := range wanted {
		isWanted[want.ServerKey] = true
		has, is := byKey[want.ServerKey]
		if occupied && want.Hostgroup == w.Writer && (!is || has.Comment == "") {
			// What is in the way is reported below.
			continue
		}
		if is {
			// Who is taken out for maintenance stays so.
			want.Status = has.Status
		}
		switch {
		case !is:
			c.Insert = append(c.Insert, want)
		case has.Comment == w.Mark && !has.like(want):
			c.Update = append(c.Update, want)
		case has.Comment == w.Mark:
		case has.Comment == "" && has.like(want):
			c.Adopt = append(c.Adopt, want)
		case has.like(want):
			want.Comment = has.Comment
		default:
			f.Conflicts = append(f.Conflicts, fmt.Sprintf("server %s:%d in hostgroup %d has other values and is not ours", want.Host, want.Port, want.Hostgroup))
			continue
		}
		if has.offline() {
			f.Offline = append(f.Offline, fmt.Sprintf("%s:%d in hostgroup %d is %s", want.Host, want.Port, want.Hostgroup, has.Status))
			f.WriterOffline = f.WriterOffline || want.Hostgroup == w.Writer
		}
		after = append(after, want)
	}
	for _, row := range there {
		switch {
		case isWanted[row.ServerKey]:
		case row.Comment == w.Mark:
			c.Delete = append(c.Delete, row.ServerKey)
		case row.Hostgroup == w.Writer && !row.offline():
			f.Conflicts = append(f.Conflicts, fmt.Sprintf("server %s:%d in the writer hostgroup %d is not ours", row.Host, row.Port, row.Hostgroup))
		}
	}
	// Writers leave first and come last.
	slices.SortStableFunc(c.Delete, func(a, b ServerKey) int {
		return cmp.Compare(b2i(b.Hostgroup == w.Writer), b2i(a.Hostgroup == w.Writer))
	})
	slices.SortStableFunc(c.Insert, func(a, b ServerRow) int {
		return cmp.Compare(b2i(a.Hostgroup == w.Writer), b2i(b.Hostgroup == w.Writer))
	})
	return after
}

func b2i(is bool) int {
	if is {
		return 1
	}
	return 0
}

// diffHostgroups returns the rows that are ours, or right, once the changes are made.
func (w ServerWant) diffHostgroups(there []HostgroupRow, c *ServerChanges, f *ServerFindings) []HostgroupRow {
	var after []HostgroupRow
	want := HostgroupRow{Writer: w.Writer, Reader: w.Reader, CheckType: checkReadOnly, Comment: w.Mark}
	found := false
	for _, row := range there {
		ours := row.Comment == w.Mark
		same := row.Writer == want.Writer && row.Reader == want.Reader && strings.EqualFold(row.CheckType, want.CheckType)
		touches := row.Writer == want.Writer || row.Reader == want.Reader || row.Writer == want.Reader || row.Reader == want.Writer
		switch {
		case ours && w.Hostgroup && same:
			found = true
			after = append(after, row)
		case ours:
			c.DropHostgroup = append(c.DropHostgroup, row)
		case w.Hostgroup && same && row.Comment == "":
			found = true
			c.AdoptHostgroup = append(c.AdoptHostgroup, want)
			after = append(after, want)
		case w.Hostgroup && same:
			found = true
			after = append(after, row)
		case same:
			// Asked for or not, it is somebody's, and does what it says.
			f.Notes = append(f.Notes, fmt.Sprintf("replication hostgroup %d/%d is not ours: ProxySQL's monitor moves servers between the two by read_only", row.Writer, row.Reader))
		case touches:
			found = true
			f.Conflicts = append(f.Conflicts, fmt.Sprintf("replication hostgroup %d/%d (%s) is not ours", row.Writer, row.Reader, row.CheckType))
		}
	}
	if w.Hostgroup && !found {
		c.InsertHG = append(c.InsertHG, want)
		after = append(after, want)
	}
	return after
}

// runs says whether ProxySQL works with the rows that are ours and right. Its monitor shuns
// servers and moves them between the hostgroups of a replication hostgroup: that a source
// reads too, which mysql-monitor_writer_is_also_reader brings about, is its own affair.
func (w ServerWant) runs(after, there []ServerRow, paired bool) bool {
	byKey := map[ServerKey]ServerRow{}
	for _, row := range there {
		if row.Status != "OFFLINE_HARD" {
			byKey[row.ServerKey] = row
		}
	}
	wanted := map[ServerKey]bool{}
	for _, want := range after {
		wanted[want.ServerKey] = true
		has, is := byKey[want.ServerKey]
		if want.Status == "OFFLINE_HARD" && !is {
			continue
		}
		if !is || !has.like(want) || (want.Status == statusOnline && has.offline()) {
			return false
		}
	}
	for key, row := range byKey {
		if row.Comment != w.Mark || wanted[key] {
			continue
		}
		if paired && key.Hostgroup == w.Reader && wanted[ServerKey{w.Writer, key.Address}] {
			continue
		}
		return false
	}
	return true
}

// sameServers compares the rows of ours on disk.
func sameServers(mark string, after, there []ServerRow) bool {
	byKey := map[ServerKey]ServerRow{}
	for _, row := range there {
		if row.Comment == mark {
			byKey[row.ServerKey] = row
		}
	}
	n := 0
	for _, want := range after {
		if want.Comment != mark {
			continue
		}
		n++
		if has, is := byKey[want.ServerKey]; !is || !has.like(want) {
			return false
		}
	}
	return n == len(byKey)
}

// hasHostgroups compares the rows of ours in another layer.
func hasHostgroups(mark string, after, there []HostgroupRow) bool {
	mine := func(rows []HostgroupRow) (out []HostgroupRow) {
		for _, row := range rows {
			if row.Comment == mark {
				row.CheckType = strings.ToLower(row.CheckType)
				out = append(out, row)
			}
		}
		slices.SortFunc(out, func(a, b HostgroupRow) int { return cmp.Compare(a.Writer, b.Writer) })
		return out
	}
	return slices.Equal(mine(after), mine(there))
}

// named says which nodes of the topology rows put where. They are rows of ours, or right.
func (w ServerWant) named(rows []ServerRow) (writer string, readers []string) {
	name := func(a Address) string {
		for _, m := range append([]Member{w.Topology.Source}, w.Topology.Members...) {
			if m.Address == a && m.Name != "" {
				return m.Name
			}
		}
		return fmt.Sprintf("%s:%d", a.Host, a.Port)
	}
	var writers []string
	for _, row := range rows {
		switch {
		case row.offline(), !w.Topology.known() && row.Comment != w.Mark:
		case row.Hostgroup == w.Writer:
			writers = append(writers, name(row.Address))
		case row.Hostgroup == w.Reader:
			readers = append(readers, name(row.Address))
		}
	}
	slices.Sort(writers)
	slices.Sort(readers)
	return strings.Join(writers, ","), readers
}

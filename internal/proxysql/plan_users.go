// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package proxysql

import (
	"cmp"
	"slices"
)

// UserWant is what is wanted of mysql_users.
type UserWant struct {
	Mark             string
	DefaultHostgroup int32
	Users            []User
	// Held are users that stay as they are.
	Held []string
}

// UserChanges are the changes of a set.
type UserChanges struct {
	Delete []string
	Update []UserRow
	Adopt  []UserRow
	Insert []UserRow

	Load, Save bool
}

// Memory says whether rows change.
func (c UserChanges) Memory() bool {
	return len(c.Delete)+len(c.Update)+len(c.Adopt)+len(c.Insert) > 0
}

// Any says whether there is something to do.
func (c UserChanges) Any() bool { return c.Memory() || c.Load || c.Save }

// UserFindings are what is not as it should be, and stays.
type UserFindings struct {
	// Conflicts are users that somebody else has made.
	Conflicts []string
	// Users that the node will have of those that are wanted, sorted.
	Users []string
}

// planUsers compares what there is with what is wanted. Pure.
func planUsers(w UserWant, tables *Tables) (UserChanges, UserFindings) {
	var c UserChanges
	var f UserFindings
	there := map[string][]UserRow{}
	for _, row := range tables.Users[memory] {
		there[row.Name] = append(there[row.Name], row)
	}
	isWanted := map[string]bool{}
	var after []UserRow
	for _, user := range w.Users {
		isWanted[user.Name] = true
		want := UserRow{
			Name: user.Name, Hash: user.Hash, Active: true, DefaultHostgroup: w.DefaultHostgroup,
			Backend: true, Frontend: true, Comment: w.Mark,
		}
		rows := there[user.Name]
		switch {
		case len(rows) == 0:
			c.Insert = append(c.Insert, want)
		case len(rows) > 1:
			// Frontend and backend apart: nothing that the operator makes.
			f.Conflicts = append(f.Conflicts, user.Name)
			continue
		case rows[0].Comment == w.Mark && !rows[0].like(want):
			c.Update = append(c.Update, want)
		case rows[0].Comment == w.Mark:
		case rows[0].Comment == "" && rows[0].like(want):
			c.Adopt = append(c.Adopt, want)
		case rows[0].like(want):
			want.Comment = rows[0].Comment
		default:
			f.Conflicts = append(f.Conflicts, user.Name)
			continue
		}
		f.Users = append(f.Users, user.Name)
		after = append(after, want)
	}
	for _, row := range tables.Users[memory] {
		switch {
		case row.Comment != w.Mark || isWanted[row.Name]:
		case slices.Contains(w.Held, row.Name):
			after = append(after, row)
		case !slices.Contains(c.Delete, row.Name):
			c.Delete = append(c.Delete, row.Name)
		}
	}
	c.Load = c.Memory() || !runsUsers(w.Mark, after, tables.Users[runtime])
	c.Save = c.Memory() || !sameUsers(w.Mark, after, tables.Users[disk])
	slices.Sort(f.Users)
	return c, f
}

// runsUsers says whether ProxySQL works with the users that are ours and right. At run time
// each is there twice, for frontend and backend.
func runsUsers(mark string, after, there []UserRow) bool {
	front := map[string]UserRow{}
	for _, row := range there {
		if row.Frontend {
			front[row.Name] = row
		}
	}
	wanted := map[string]bool{}
	for _, want := range after {
		wanted[want.Name] = true
		has, is := front[want.Name]
		has.Backend = want.Backend
		if !want.Active && !is {
			continue
		}
		if !is || !has.like(want) {
			return false
		}
	}
	return !slices.ContainsFunc(there, func(row UserRow) bool { return row.Comment == mark && !wanted[row.Name] })
}

// sameUsers compares the rows of ours on disk.
func sameUsers(mark string, after, there []UserRow) bool {
	mine := func(rows []UserRow) (out []UserRow) {
		for _, row := range rows {
			if row.Comment == mark {
				out = append(out, row)
			}
		}
		slices.SortFunc(out, func(a, b UserRow) int {
			return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(b2i(a.Backend), b2i(b.Backend)))
		})
		return out
	}
	return slices.EqualFunc(mine(after), mine(there), UserRow.like)
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package grants

import (
	"slices"
	"strings"
)

// Query asks for the privileges of whoever asks it, those of the roles that are active
// in the session included. It needs no privilege:
// https://dev.mysql.com/doc/refman/8.4/en/show-grants.html
const Query = "SHOW GRANTS"

// Set is what an account may do.
type Set struct {
	// Account as a statement names it: 'mysql'@'%'. "" when no line was understood.
	Account string
	// lines that give or take privileges, in the order of the server.
	lines []line
}

// line is one GRANT or REVOKE.
type line struct {
	// revokes: a partial revoke, of what a global privilege gives on one schema.
	revokes    bool
	privileges []string
	// schema and table are "*" for all of them.
	schema, table string
}

// Parse reads the lines of SHOW GRANTS. Those that give no privilege on a schema or
// table (roles, PROXY, routines, columns) and those that it does not understand add nothing.
func Parse(lines []string) Set {
	var out Set
	for _, text := range lines {
		l, account, ok := parseLine(scan(text))
		if account != "" {
			out.Account = account
		}
		if ok {
			out.lines = append(out.lines, l)
		}
	}
	return out
}

func parseLine(words []word) (l line, account string, ok bool) {
	if len(words) == 0 || !words[0].is("GRANT") && !words[0].is("REVOKE") {
		return l, "", false
	}
	l.revokes = words[0].is("REVOKE")
	to := slices.IndexFunc(words, func(w word) bool { return w.is("TO") || w.is("FROM") })
	if to > 0 {
		account = accountOf(words[to+1:])
	}
	on := slices.IndexFunc(words, func(w word) bool { return w.is("ON") })
	if on < 0 || to < on {
		// A role.
		return l, account, false
	}
	l.privileges = privilegesOf(words[1:on])
	object := words[on+1 : to]
	if len(object) > 0 && object[0].is("TABLE") {
		object = object[1:]
	}
	// Else a routine, a library or PROXY.
	if len(object) != 3 || !object[1].is(".") {
		return l, account, false
	}
	l.schema, l.table = object[0].text, object[2].text
	return l, account, len(l.privileges) > 0
}

// accountOf reads 'user'@'host', and gives it as a statement wants it.
func accountOf(words []word) string {
	if len(words) == 0 {
		return ""
	}
	host := "%"
	if len(words) >= 3 && words[1].is("@") {
		host = words[2].text
	}
	return Quote(words[0].text) + "@" + Quote(host)
}

// Quote a user's or host's name for a statement.
func Quote(name string) string { return "'" + strings.ReplaceAll(name, "'", "''") + "'" }

// privilegesOf joins the words between commas. What has columns in brackets is left out:
// it is not a privilege on the whole table.
func privilegesOf(words []word) []string {
	var out []string
	var one []string
	depth, columns := 0, false
	end := func() {
		if len(one) > 0 && !columns {
			out = append(out, strings.ToUpper(strings.Join(one, " ")))
		}
		one, columns = nil, false
	}
	for _, w := range words {
		switch {
		case w.is("("):
			depth, columns = depth+1, true
		case w.is(")"):
			depth--
		case w.is(",") && depth == 0:
			end()
		case depth == 0:
			one = append(one, w.text)
		}
	}
	end()
	return out
}

// Has says whether the account has a privilege on *.*.
func (s Set) Has(privilege string) bool { return s.gives(privilege, "*", "*") }

// On says whether it has a privilege on a table, through whichever grant.
func (s Set) On(privilege, schema, table string) bool {
	if s.gives(privilege, schema, table) || s.gives(privilege, schema, "*") {
		return true
	}
	return s.Has(privilege) && !s.revoked(privilege, schema)
}

func (s Set) gives(privilege, schema, table string) bool {
	return slices.ContainsFunc(s.lines, func(l line) bool {
		return !l.revokes && l.names(privilege) && l.table == table &&
			(l.schema == schema || schema != "*" && l.schema != "*" && matches(l.schema, schema))
	})
}

func (s Set) revoked(privilege, schema string) bool {
	return slices.ContainsFunc(s.lines, func(l line) bool {
		return l.revokes && l.names(privilege) && l.schema == schema
	})
}

func (l line) names(privilege string) bool {
	return slices.ContainsFunc(l.privileges, func(has string) bool {
		return has == privilege || has == "ALL" || has == "ALL PRIVILEGES"
	})
}

// matches compares a schema's name with a pattern in which % and _ stand for others,
// unless a backslash is before them. (With partial_revokes=ON they stand for
// themselves; that the pattern matches more then is of no consequence here: the only
// schemas that are asked about have names of the server's own.)
func matches(pattern, name string) bool {
	for i := 0; i < len(pattern); i++ {
		switch {
		case pattern[i] == '%':
			for from := 0; from <= len(name); from++ {
				if matches(pattern[i+1:], name[from:]) {
					return true
				}
			}
			return false
		case name == "":
			return false
		case pattern[i] == '_':
		case pattern[i] == '\\' && i+1 < len(pattern):
			i++
			fallthrough
		default:
			if pattern[i] != name[0] {
				return false
			}
		}
		name = name[1:]
	}
	return name == ""
}

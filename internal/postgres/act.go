// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/internal/server"
)

// actor runs one action on one server.
type actor struct {
	*handle
	node  Member
	facts reconcile.Facts
	// other returns the handle of another node.
	other func(name string) (*handle, Member, error)
}

// run is the list of what can be done. It returns what was learned.
func (a *actor) run(ctx context.Context, action reconcile.Action) (facts reconcile.Facts, err error) {
	switch do := action.(type) {
	case Attach:
		err = a.attach(ctx, do)
	case Detach:
		err = a.detach(ctx, do)
	case AddSlots:
		err = a.addSlots(ctx, do)
	case DropSlots:
		err = a.dropSlots(ctx, do)
	case SetSync:
		err = a.setSync(ctx, do)
	case Shut:
		err = a.shut(ctx, do)
	case Open:
		err = a.open(ctx, do)
	case MakePrimary:
		err = a.makePrimary(ctx, do)
	case Prepare:
		err = a.prepare(ctx, do)
	case Checkpoint:
		err = a.checkpoint(ctx, do)
	case CatchUp:
		err = a.catchUp(ctx, do)
	case Fence:
		facts, err = a.fence(ctx, do)
	case Demote:
		facts, err = a.demote(ctx, do)
	case Promote:
		err = a.promote(ctx, do)
	default:
		return nil, fmt.Errorf("%T is not an action of PostgreSQL replication", action)
	}
	if err != nil {
		// A driver's error names a statement's connection; what a person reads is what was said.
		return facts, errors.New(words(err))
	}
	return facts, nil
}

// now looks at the server again.
func (a *actor) now(ctx context.Context) (*Server, error) { return a.look(ctx, a.node) }

// as looks at the server again, and fails when it is not the one that it was.
func (a *actor) as(ctx context.Context, want identity) (*Server, error) {
	s, err := a.now(ctx)
	if err != nil {
		return nil, err
	}
	if s.SystemID != want.SystemID {
		return nil, refusal("it is another database cluster than it was (another system identifier)")
	}
	return s, nil
}

var (
	errNoStandby = refusal("it is no standby")
	errNoPrimary = refusal("it is no primary")
)

func (a *actor) standby(ctx context.Context, want identity) (*Server, error) {
	s, err := a.as(ctx, want)
	if err == nil && !s.Recovery {
		return nil, errNoStandby
	}
	return s, err
}

func (a *actor) primary(ctx context.Context, want identity) (*Server, error) {
	s, err := a.as(ctx, want)
	if err == nil && s.Recovery {
		return nil, errNoPrimary
	}
	return s, err
}

func (a *actor) sql(ctx context.Context, statement string, args ...any) error {
	_, err := a.Exec(ctx, statement, args...)
	return err
}

// setting is one that ALTER SYSTEM changes; nil resets it.
type setting struct {
	name  string
	value *string
}

func to(name, value string) setting { return setting{name, &value} }
func reset(name string) setting     { return setting{name: name} }
func (s setting) statement() string {
	if s.value == nil {
		return "ALTER SYSTEM RESET " + s.name
	}
	return "ALTER SYSTEM SET " + s.name + " = " + literal(*s.value)
}

// alter changes settings, has the server read them, and waits until it has.
func (a *actor) alter(ctx context.Context, list ...setting) error {
	if len(list) == 0 {
		return nil
	}
	c, err := a.Acquire(ctx)
	if err != nil {
		return err
	}
	defer c.Release()
	for _, one := range list {
		if _, err := c.Exec(ctx, one.statement()); err != nil {
			return err
		}
	}
	if _, err := c.Exec(ctx, "SELECT pg_reload_conf()"); err != nil {
		return err
	}
	return await(ctx, func() (bool, error) {
		for _, one := range list {
			if one.value == nil {
				continue
			}
			var now string
			if err := c.QueryRow(ctx, "SELECT setting FROM pg_settings WHERE name = $1", one.name).Scan(&now); err != nil {
				return false, err
			}
			if now != *one.value {
				return false, nil
			}
		}
		return true, nil
	})
}

// awaitPause passes between two looks at what is waited for.
const awaitPause = 10 * time.Millisecond

// await asks again and again until it is so; the error is the context's when it ends before.
func await(ctx context.Context, so func() (bool, error)) error {
	for {
		if done, err := so(); done || err != nil {
			return err
		}
		if !server.Pause(ctx, awaitPause) {
			return ctx.Err()
		}
	}
}

// passfile has the password of the replication user, in the data directory, which is where a
// WAL receiver looks for a relative name.
const passfile = "compose_operator.pgpass"

// passLine is the line of the passfile. libpq takes ':' and '\' with a '\' before them.
func passLine(user string, password interface{ Reveal() string }) (string, error) {
	escape := strings.NewReplacer(`\`, `\\`, `:`, `\:`)
	line := "*:*:*:" + escape.Replace(user) + ":" + escape.Replace(password.Reveal())
	if strings.ContainsAny(line, "\n\r\x00\x01\x02") {
		return "", refusal("the password of the replication user has a character that a passfile cannot hold (a line break or a control character)")
	}
	return line, nil
}

// quiet are the settings with which nothing of a session comes into the server's log or
// statistics, as far as settings can do that. No statement has a secret in it: it is a
// parameter, and these keep parameters out as well.
var quiet = [][2]string{
	{"log_statement", "none"},
	{"log_min_duration_statement", "-1"},
	{"log_min_duration_sample", "-1"},
	{"log_transaction_sample_rate", "0"},
	{"log_duration", "off"},
	{"log_min_error_statement", "panic"},
	{"log_parameter_max_length", "0"},
	{"log_parameter_max_length_on_error", "0"},
	{"debug_print_parse", "off"},
	{"debug_print_rewritten", "off"},
	{"debug_print_plan", "off"},
	{"auto_explain.log_min_duration", "-1"},
	{"pgaudit.log", "none"},
	{"pgaudit.log_parameter", "off"},
}

// shell is what the server's host is asked to run, in the data directory: written beside and
// renamed, and nobody else's to read (COPY TO a file would make it so for all).
const writePassfile = "umask 077 && cat >" + passfile + ".new && mv -f " + passfile + ".new " + passfile

// writePass writes the passfile. The password goes to the server as a parameter, and on to
// the program on its standard input.
func (a *actor) writePass(ctx context.Context) error {
	line, err := passLine(a.replicationUser, a.replicationPassword)
	if err != nil {
		return err
	}
	c, err := a.Acquire(ctx)
	if err != nil {
		return err
	}
	defer c.Release()
	tx, err := c.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback(ctx) //nolint:errcheck // it has ended, or the connection has
	for _, one := range quiet {
		if _, err := tx.Exec(ctx, "SELECT set_config($1, $2, true)", one[0], one[1]); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, "SELECT set_config('compose_operator.passfile', $1, true)", line); err != nil {
		return err
	}
	// With these two no character of the line is special.
	if _, err := tx.Exec(ctx, "COPY (SELECT current_setting('compose_operator.passfile')) TO PROGRAM "+literal(writePassfile)+
		` WITH (FORMAT csv, DELIMITER E'\001', QUOTE E'\002')`); err != nil {
		return noShell(err)
	}
	return tx.Commit(ctx)
}

// noShell explains an error of a program.
func noShell(err error) error {
	if code(err) == "" {
		return err
	}
	return refusal("a program could not be run on the server's host (COPY TO PROGRAM; sh, cat, mv, rm, touch and kill are needed): " + words(err))
}

// program runs a shell command in the data directory of the server.
func (a *actor) program(ctx context.Context, command string) error {
	return noShell(a.sql(ctx, "COPY (SELECT 1 WHERE false) TO PROGRAM "+literal(command)))
}

// attach makes the standby stream from another server.
func (a *actor) attach(ctx context.Context, do Attach) error {
	s, err := a.standby(ctx, do.identity)
	if err != nil {
		return err
	}
	if !s.PassOK {
		if from, _, err := a.other(do.From); err == nil && s.Streams(&Server{Host: from.host, Port: from.port}) && from.refusesReplicationPassword(ctx) {
			// With the one that it has it comes back, until the primary's is changed.
			return refusal(fmt.Sprintf("%s does not take the password of %s that the Secret has: change it there (ALTER ROLE), or put the Secret back", do.From, a.replicationUser))
		}
		if err := a.writePass(ctx); err != nil {
			return err
		}
	}
	if do.Password {
		return nil
	}
	return a.alter(ctx, a.standbySettings(s, do.Conninfo, do.Slot)...)
}

// standbySettings are those that differ from what a standby should have.
func (a *actor) standbySettings(s *Server, conninfo, slot string) []setting {
	var list []setting
	if s.Conninfo != conninfo {
		list = append(list, to("primary_conninfo", conninfo))
	}
	if s.Slot != slot {
		list = append(list, to("primary_slot_name", slot))
	}
	if s.Fenced {
		list = append(list, reset("default_transaction_read_only"))
	}
	if _, own := parseSyncNames(s.SyncNames); own && s.SyncSet && s.SyncNames != "" {
		list = append(list, reset("synchronous_standby_names"))
	}
	return list
}

// detach has the standby receive from nobody, and waits until it does.
func (a *actor) detach(ctx context.Context, do Detach) error {
	s, err := a.standby(ctx, do.identity)
	if err != nil {
		return err
	}
	if s.Conninfo != "" {
		if err := a.alter(ctx, to("primary_conninfo", "")); err != nil {
			return err
		}
	}
	return await(ctx, func() (bool, error) {
		var left bool
		err := a.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_stat_wal_receiver WHERE pid IS NOT NULL)").Scan(&left)
		return !left, err
	})
}

func (a *actor) addSlots(ctx context.Context, do AddSlots) error {
	s, err := a.as(ctx, do.identity)
	if err != nil {
		return err
	}
	for _, name := range do.Slots {
		if _, there := s.slot(name); there {
			continue
		}
		// Reserved at once: what the standby lacks is kept from now on, and not only from when it comes.
		if err := a.sql(ctx, "SELECT pg_create_physical_replication_slot($1, $2)", name, !s.Recovery); err != nil && code(err) != "42710" {
			return err
		}
	}
	return nil
}

func (a *actor) dropSlots(ctx context.Context, do DropSlots) error {
	s, err := a.as(ctx, do.identity)
	if err != nil {
		return err
	}
	for _, name := range do.Slots {
		one, there := s.slot(name)
		if !there || one.Active || !ours(name) {
			continue
		}
		if err := a.sql(ctx, "SELECT pg_drop_replication_slot($1)", name); err != nil && code(err) != "42704" {
			return err
		}
	}
	return nil
}

func (a *actor) setSync(ctx context.Context, do SetSync) error {
	s, err := a.primary(ctx, do.identity)
	if err != nil || s.SyncNames == do.Names {
		return err
	}
	return a.alter(ctx, to("synchronous_standby_names", do.Names))
}

func (a *actor) checkpoint(ctx context.Context, do Checkpoint) error {
	if _, err := a.primary(ctx, do.identity); err != nil {
		return err
	}
	return a.sql(ctx, "CHECKPOINT")
}

// missing are those of a list that the server does not have.
func missing(s *Server, slots []string) []string {
	return slices.DeleteFunc(slices.Clone(slots), func(name string) bool { _, there := s.slot(name); return there })
}

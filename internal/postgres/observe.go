// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/upmio/compose-operator/internal/server"
)

// oldestVersion that is supported, as server_version_num.
const oldestVersion = 150000

// stillMargin is added to wal_retrieve_retry_interval.
const stillMargin = time.Second

// lookTimeout bounds the look at one server.
const lookTimeout = 3 * time.Second

// observe asks all members at the same time. It changes nothing and never fails: a server
// that cannot be seen is unknown in the state.
func observe(ctx context.Context, members []Member, open func(Member) (*handle, error)) State {
	servers := make([]*Server, len(members))
	server.Each(len(members), func(i int) {
		m := members[i]
		h, err := open(m)
		if err != nil {
			servers[i] = blank(m)
			servers[i].Reach, servers[i].Problem = server.ReachOf(err, answered), words(err)
			return
		}
		servers[i] = h.see(ctx, m)
	})
	state := State{Nodes: make(map[string]*Server, len(members))}
	for _, s := range servers {
		state.Nodes[s.Name] = s
	}
	return state
}

func blank(m Member) *Server { return &Server{Name: m.Name, Host: m.Host, Port: m.Port} }

// see looks at a server and says in the value itself whether that went well.
func (h *handle) see(ctx context.Context, m Member) *Server {
	began := time.Now()
	s, err := h.look(ctx, m)
	reach := server.ReachOf(err, answered)
	silent, unwell := h.listen(began, reach != server.ReachNone, reach == server.ReachOK)
	if err != nil {
		s = blank(m)
		s.Reach, s.Problem, s.Silent = reach, words(err), silent
		s.Unwell = unwell
		s.Refused, s.Starting = refused(err), code(err) == cannotConnectNow
	}
	return s
}

// refused says whether nothing listens there.
func refused(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, context.DeadlineExceeded)
}

// main is all that is one value. What a primary has and a standby has not, or the other way
// round, is only evaluated where it is.
const mainQuery = `SELECT current_setting('server_version_num')::int, pg_postmaster_start_time()::text,
 (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
 (SELECT system_identifier::text FROM pg_control_system()), r.recovers,
 CASE WHEN NOT r.recovers THEN pg_current_wal_flush_lsn()::text END,
 CASE WHEN NOT r.recovers THEN pg_walfile_name(pg_current_wal_insert_lsn()) END,
 CASE WHEN r.recovers THEN pg_last_wal_receive_lsn()::text END,
 CASE WHEN r.recovers THEN pg_last_wal_replay_lsn()::text END,
 CASE WHEN r.recovers THEN pg_is_wal_replay_paused() ELSE false END,
 (SELECT wait_event FROM pg_stat_activity WHERE backend_type = 'startup' LIMIT 1),
 (SELECT timeline_id::bigint FROM pg_control_checkpoint()),
 (SELECT min_recovery_end_timeline::bigint FROM pg_control_recovery()),
 (SELECT count(*) FROM pg_stat_progress_basebackup),
 (SELECT modification IS NOT NULL FROM pg_stat_file('standby.signal', true)),
 encode(sha256($1::bytea || pg_read_binary_file('` + passfile + `', 0, 65536, true)), 'hex'),
 EXISTS (SELECT FROM pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1'))
  OR EXISTS (SELECT FROM pg_class WHERE oid >= 16384 AND relkind IN ('r', 'p', 'm', 'S')),
 (SELECT data_page_checksum_version FROM pg_control_init()) > 0
FROM (SELECT pg_is_in_recovery() AS recovers) r`

const settingsQuery = `SELECT name, setting, coalesce(sourcefile, '') LIKE '%postgresql.auto.conf' FROM pg_settings WHERE name IN
 ('primary_conninfo', 'primary_slot_name', 'synchronous_commit', 'wal_retrieve_retry_interval', 'default_transaction_read_only', 'synchronous_standby_names', 'ssl_ca_file',
  'recovery_target', 'recovery_target_lsn', 'recovery_target_name', 'recovery_target_time', 'recovery_target_xid',
  'recovery_target_timeline', 'recovery_min_apply_delay', 'wal_log_hints', 'wal_level', 'max_wal_senders',
  'max_replication_slots', 'hot_standby', 'wal_segment_size')`

// look reads everything.
func (h *handle) look(ctx context.Context, m Member) (*Server, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	c, err := h.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Release()
	s := blank(m)
	s.Reach = server.ReachOK
	look := &looking{Server: s, handle: h, on: c.Conn()}
	for _, part := range []func(context.Context) error{look.main, look.settings, look.receiver, look.followers, look.slots, look.position} {
		if err := part(ctx); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// looking is a look under way.
type looking struct {
	*Server
	handle *handle
	on     *pgx.Conn

	flushed, walFile, received, replayed *string
	checkpointTLI, recoveryTLI           *int64
	receivedTLI                          *int64
	segment                              uint64
	checksums, waits                     bool
	retry                                time.Duration
}

func (l *looking) main(ctx context.Context) error {
	var super bool
	var wait, passes *string
	var signal, checksums *bool
	// The server compares: neither the password nor anything that stands for it twice is sent.
	salt := make([]byte, sha256.Size)
	_, _ = rand.Read(salt)
	if err := l.on.QueryRow(ctx, mainQuery, salt).Scan(&l.Version, &l.Started, &super, &l.SystemID, &l.Recovery, &l.flushed, &l.walFile,
		&l.received, &l.replayed, &l.Paused, &wait, &l.checkpointTLI, &l.recoveryTLI, &l.Backups, &signal, &passes, &l.HoldsData, &checksums); err != nil {
		if code(err) == "42501" {
			return refusal(notSuper(l.handle.user))
		}
		return err
	}
	if !super {
		return refusal(notSuper(l.handle.user))
	}
	if l.Version < oldestVersion {
		return refusal(fmt.Sprintf("server_version_num is %d: the operator needs PostgreSQL 15 or newer", l.Version))
	}
	l.Signal = signal != nil && *signal
	l.checksums = checksums != nil && *checksums
	// It has gone through all of the log that it has, and waits for more.
	l.waits = wait != nil && *wait == "RecoveryRetrieveRetryInterval"
	want, err := passLine(l.handle.replicationUser, l.handle.replicationPassword)
	sum := sha256.Sum256(append(salt, want+"\n"...))
	l.PassOK = err == nil && passes != nil && *passes == hex.EncodeToString(sum[:])
	return nil
}

func notSuper(user string) string {
	return fmt.Sprintf("the operator's user %s is no superuser, and what it does needs one (ALTER SYSTEM, COPY TO PROGRAM, pg_promote): ALTER ROLE %s SUPERUSER", user, user)
}

func (l *looking) settings(ctx context.Context) error {
	rows, err := l.on.Query(ctx, settingsQuery)
	if err != nil {
		return err
	}
	values, set := map[string]string{}, map[string]bool{}
	var name, value string
	var auto bool
	if _, err := pgx.ForEachRow(rows, []any{&name, &value, &auto}, func() error {
		values[name], set[name] = value, auto
		return nil
	}); err != nil {
		return err
	}
	l.Conninfo, l.Slot, l.CAFile = values["primary_conninfo"], values["primary_slot_name"], values["ssl_ca_file"]
	if host, port := upstreamOf(l.Conninfo); host != "" {
		l.Upstream = joined(host, port)
	}
	l.ReadOnly = values["default_transaction_read_only"] == "on"
	l.Fenced = l.ReadOnly && set["default_transaction_read_only"]
	l.SyncCommit = values["synchronous_commit"]
	if retry, err := strconv.ParseInt(values["wal_retrieve_retry_interval"], 10, 64); err == nil {
		l.retry = time.Duration(retry) * time.Millisecond
	}
	l.SyncNames, l.SyncSet = values["synchronous_standby_names"], set["synchronous_standby_names"]
	l.Rewindable = values["wal_log_hints"] == "on" || l.checksums
	if delay, err := strconv.ParseInt(values["recovery_min_apply_delay"], 10, 64); err == nil {
		l.Delay = time.Duration(delay) * time.Millisecond
	}
	l.Hindrance = hindrance(values)
	l.segment, err = strconv.ParseUint(values["wal_segment_size"], 10, 64)
	if err != nil || l.segment == 0 {
		return refusal("it does not say its wal_segment_size")
	}
	return nil
}

// hindrance says which setting is in the way; "" when none is.
func hindrance(values map[string]string) string {
	for _, name := range []string{"recovery_target", "recovery_target_lsn", "recovery_target_name", "recovery_target_time", "recovery_target_xid"} {
		if values[name] != "" {
			return name + " is set: a standby that has reached it goes no further. Take it out of the configuration"
		}
	}
	switch {
	case values["recovery_target_timeline"] != "latest":
		return "recovery_target_timeline is not latest: the standby would not follow a new primary. Set it to latest"
	case values["wal_level"] == "minimal":
		return "wal_level is minimal: nobody can stream from it. Set it to replica"
	case values["max_wal_senders"] == "0":
		return "max_wal_senders is 0: nobody can stream from it. Raise it"
	case values["max_replication_slots"] == "0":
		return "max_replication_slots is 0: standbys could not come back after an absence. Raise it"
	case values["hot_standby"] == "off":
		return "hot_standby is off: as a standby it takes no connections, the operator's neither. Set it to on"
	}
	return ""
}

func joined(host, port string) string {
	if n, err := strconv.ParseInt(port, 10, 32); err == nil {
		return address(host, int32(n))
	}
	return host + ":" + port
}

func (l *looking) receiver(ctx context.Context) error {
	if !l.Recovery {
		return nil
	}
	rows, err := l.on.Query(ctx, "SELECT coalesce(status, ''), coalesce(sender_host, ''), coalesce(sender_port, 0)::text, received_tli::bigint FROM pg_stat_wal_receiver WHERE pid IS NOT NULL")
	if err != nil {
		return err
	}
	var status, host, port string
	var tli *int64
	_, err = pgx.ForEachRow(rows, []any{&status, &host, &port, &tli}, func() error {
		l.Receiver, l.Sender, l.receivedTLI = status, joined(host, port), tli
		if status == "" {
			l.Receiver = "starting"
		}
		return nil
	})
	return err
}

func (l *looking) followers(ctx context.Context) error {
	rows, err := l.on.Query(ctx, "SELECT coalesce(application_name, ''), coalesce(state, '') = 'streaming', coalesce(sync_state, '') FROM pg_stat_replication ORDER BY 1")
	if err != nil {
		return err
	}
	var f Follower
	_, err = pgx.ForEachRow(rows, []any{&f.Name, &f.Streaming, &f.SyncState}, func() error {
		l.Followers = append(l.Followers, f)
		return nil
	})
	return err
}

func (l *looking) slots(ctx context.Context) error {
	rows, err := l.on.Query(ctx, "SELECT slot_name::text, active, coalesce(wal_status, '') = 'lost' FROM pg_replication_slots WHERE slot_type = 'physical' AND NOT temporary ORDER BY 1")
	if err != nil {
		return err
	}
	var one Slot
	_, err = pgx.ForEachRow(rows, []any{&one.Name, &one.Active, &one.Lost}, func() error {
		l.Slots = append(l.Slots, one)
		return nil
	})
	return err
}

// position finds out what the server holds.
func (l *looking) position(ctx context.Context) error {
	if !l.Recovery {
		if l.flushed == nil || l.walFile == nil {
			return refusal("it does not say where its log stands")
		}
		lsn, ok := ParseLSN(*l.flushed)
		tli, err := tliOf(*l.walFile)
		if !ok || err != nil {
			return refusal("it does not say where its log stands")
		}
		l.At.Fork, l.Known = Fork{TLI: tli, LSN: lsn}, true
		return l.past(ctx)
	}
	if l.replayed == nil {
		return refusal("it has not begun to replay its log")
	}
	l.Replay, _ = ParseLSN(*l.replayed)
	l.At.LSN = l.Replay
	if l.received != nil {
		if lsn, ok := ParseLSN(*l.received); ok {
			l.At.LSN = max(lsn, l.Replay)
		}
	}
	// It waits like this also with log that it has not read again yet: only the time tells.
	still := l.handle.still(rest{l.Started, l.Receiver, l.Replay, l.At.LSN})
	finds := l.waits && l.retry > 0 && still > l.retry+stillMargin
	if l.Settled = l.Receiver == "" && (l.received != nil && l.Replay == l.At.LSN || finds); finds && l.Settled {
		l.At.LSN = l.Replay
	}
	l.Known = l.received != nil || l.Settled
	if err := l.standbyTLI(ctx); err != nil {
		return err
	}
	return l.past(ctx)
}

// standbyTLI finds the timeline of what a standby has received last: PostgreSQL names it only
// while a WAL receiver runs. Otherwise the newest segment file with that place in the log tells.
func (l *looking) standbyTLI(ctx context.Context) error {
	if l.receivedTLI != nil && *l.receivedTLI > 0 && l.Receiver == streaming {
		l.At.TLI = uint32(*l.receivedTLI) //nolint:gosec // a timeline has 32 bits
		return nil
	}
	var file *string
	name := segmentName(0, l.At.LSN-1, l.segment)[8:]
	if err := l.on.QueryRow(ctx, "SELECT max(name) FROM pg_ls_waldir() WHERE length(name) = 24 AND substr(name, 9) = $1", name).Scan(&file); err != nil {
		return err
	}
	if file != nil {
		tli, err := tliOf(*file)
		l.At.TLI = tli
		return err
	}
	for _, tli := range []*int64{l.checkpointTLI, l.recoveryTLI} {
		if tli != nil {
			l.At.TLI = max(l.At.TLI, uint32(*tli)) //nolint:gosec // a timeline has 32 bits
		}
	}
	return nil
}

// past reads the timelines before. Without the file they are unknown, unless it is the first.
func (l *looking) past(ctx context.Context) error {
	if l.At.TLI <= 1 {
		return nil
	}
	var text *string
	if err := l.on.QueryRow(ctx, "SELECT pg_read_file($1, 0, 1048576, true)", fmt.Sprintf("pg_wal/%08X.history", l.At.TLI)).Scan(&text); err != nil {
		return err
	}
	if text != nil {
		l.At.Past = parseHistory(*text)
	}
	return nil
}

// tliOf is the timeline in the name of a segment file.
func tliOf(file string) (uint32, error) {
	const digits = 8
	if len(file) < digits {
		return 0, refusal("a segment file has a name that is none")
	}
	tli, err := strconv.ParseUint(file[:digits], 16, 32)
	if err != nil {
		return 0, refusal("a segment file has a name that is none")
	}
	return uint32(tli), nil
}

// segmentName is the name of the file that has the byte at an LSN.
func segmentName(tli uint32, at LSN, segment uint64) string {
	number := uint64(at) / segment
	each := uint64(1<<32) / segment
	return fmt.Sprintf("%08X%08X%08X", tli, number/each, number%each)
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Server is one database server under its own address, not a Service's.
type Server struct {
	Name    string
	Address string
}

// Servers to check a run against.
type Servers struct {
	// Source is the current source: what it holds decides what is lost.
	Source Server
	// Replicas that have to be compared. Each must hold what the source holds, once
	// it has executed what the source has.
	Replicas []Server
	// Others are not judged: isolated, broken or stopped on purpose. They are
	// asked only to explain a lost write.
	Others []Server
	// Login of a user that may read everything.
	Login Login
}

// Verdict on a run.
type Verdict struct {
	Source string
	Report Report
	// Lost are acknowledged writes that the current source does not have.
	Lost []LostWrite
	// GivenUp are those of them that GiveUp has set apart.
	GivenUp []LostWrite
	// ByServer says what each server acknowledged and how much of it is there, in the order of
	// their first acknowledgements; empty unless the run noted servers.
	ByServer []Tally
	// Phantoms are there without having been attempted.
	Phantoms []ID
	// Duplicates is how often an id that was sent once was refused as already there.
	Duplicates int
	// Diverged says, by replica, in how many rows it differs from the source
	// although it has executed all that the source has.
	Diverged map[string]string
	// NotCompared says, by replica, why it was not compared. That is not a loss, and
	// not all is well either: whoever expects it names the server among Others.
	NotCompared map[string]string
	// Executed is how far each server was, filled when something is wrong.
	Executed map[string]string
}

// OK says whether nothing is wrong.
func (v Verdict) OK() bool {
	return len(v.Lost) == 0 && len(v.Phantoms) == 0 && v.Duplicates == 0 && len(v.Diverged) == 0 && len(v.NotCompared) == 0
}

// GiveUp sets the losses of servers apart that replicate asynchronously and were replaced without
// having been asked: what nobody else had received is lost with them. ByServer counts it still.
func (v *Verdict) GiveUp(servers ...string) {
	v.Lost = slices.DeleteFunc(v.Lost, func(l LostWrite) bool {
		of := l.Server != "" && slices.Contains(servers, l.Server)
		if of {
			v.GivenUp = append(v.GivenUp, l)
		}
		return of
	})
}

// Tally is what one server has acknowledged, and how much of that the current source lacks.
type Tally struct {
	Server             string
	Acknowledged, Lost int
}

// String implements fmt.Stringer.
func (t Tally) String() string {
	return fmt.Sprintf("%s acknowledged %d writes, %d of them are there and %d lost", t.Server, t.Acknowledged, t.Acknowledged-t.Lost, t.Lost)
}

// tally counts by server, and says of each lost write who acknowledged it.
func (r *Run) tally(lost []LostWrite) []Tally {
	var acks []ack
	for _, j := range r.journals {
		acks = append(acks, j.acks()...)
	}
	slices.SortFunc(acks, func(a, b ack) int { return cmp.Compare(a.at, b.at) })
	var out []Tally
	at := map[string]int{}
	for _, a := range acks {
		i, known := at[a.server]
		if !known {
			i = len(out)
			at[a.server], out = i, append(out, Tally{Server: a.server})
		}
		out[i].Acknowledged++
	}
	for i := range lost {
		lost[i].Server = r.journals[lost[i].Writer].serverOf(lost[i].Seq)
		out[at[lost[i].Server]].Lost++
	}
	return out
}

// String is what a person needs in order to find out what happened.
func (v Verdict) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%d acknowledged writes lost on source %s, %d phantoms, %d duplicates\n",
		v.Report, len(v.Lost), v.Source, len(v.Phantoms), v.Duplicates)
	if len(v.GivenUp) > 0 {
		fmt.Fprintf(&b, "%d more were lost with servers that were replaced without having been asked\n", len(v.GivenUp))
	}
	for _, t := range v.ByServer {
		fmt.Fprintf(&b, "  %s\n", t)
	}
	const most = 20
	for i, l := range v.Lost {
		if i == most {
			fmt.Fprintf(&b, "  … and %d more\n", len(v.Lost)-most)
			break
		}
		fmt.Fprintf(&b, "  lost: writer %d seq %d, acknowledged at %s, held by %v\n",
			l.Writer, l.Seq, l.AcknowledgedAt.Format("15:04:05.000000"), l.On)
	}
	for i, id := range v.Phantoms {
		if i == most {
			break
		}
		fmt.Fprintf(&b, "  never attempted: writer %d seq %d\n", id.Writer, id.Seq)
	}
	for name, what := range v.Diverged {
		fmt.Fprintf(&b, "  replica %s differs: %s\n", name, what)
	}
	for name, why := range v.NotCompared {
		fmt.Fprintf(&b, "  replica %s not compared: %s\n", name, why)
	}
	for name, set := range v.Executed {
		fmt.Fprintf(&b, "  executed by %s: %s\n", name, set)
	}
	return b.String()
}

// Timeouts of a check.
const (
	checkTimeout   = 60 * time.Second
	catchUpTimeout = 60 * time.Second
)

// Check compares what the clients were told with what the servers hold. The run
// must have been stopped. It fails when the source cannot be asked; that is
// neither a loss nor the absence of one.
func (r *Run) Check(ctx context.Context, servers Servers) (Verdict, error) {
	return r.check(ctx, servers, func(ctx context.Context, server Server, after string) (map[ID]struct{}, string, error) {
		return r.options.Database.Read(ctx, server, servers.Login, r.id, after)
	})
}

// reading returns the run's rows on a server and how far it was, taken before
// them. With a value in after, it first waits until the server has executed that.
type reading func(ctx context.Context, server Server, after string) (rows map[ID]struct{}, executed string, err error)

// patient reads once more when the connection was ended: a source that has just been
// replaced ends its clients' connections, and the checker is one of those.
func patient(read reading, ended func(error) bool) reading {
	const tries = 3
	return func(ctx context.Context, server Server, after string) (rows map[ID]struct{}, executed string, err error) {
		for range tries {
			rows, executed, err = read(ctx, server, after)
			if err == nil || !ended(err) {
				break
			}
		}
		return rows, executed, err
	}
}

func (r *Run) check(ctx context.Context, servers Servers, read reading) (Verdict, error) {
	read = patient(read, r.options.Database.Ended)
	if r.stopped.IsZero() {
		return Verdict{}, fmt.Errorf("load: check a run after Stop, not while it writes")
	}
	v := Verdict{
		Source: servers.Source.Name, Report: r.Report(), Duplicates: int(r.duplicates.Load()),
		Diverged: map[string]string{}, NotCompared: map[string]string{}, Executed: map[string]string{},
	}
	source, executed, err := read(ctx, servers.Source, "")
	if err != nil {
		return v, fmt.Errorf("read the acknowledged writes on source %s: %w", servers.Source.Name, err)
	}
	answers := make([][]time.Duration, 0, len(r.journals))
	for _, j := range r.journals {
		answers = append(answers, j.copy())
	}
	v.Lost, v.Phantoms = compare(answers, source, r.started)
	if r.options.NoteServers {
		v.ByServer = r.tally(v.Lost)
	}
	for _, replica := range servers.Replicas {
		rows, _, err := read(ctx, replica, executed)
		if err != nil {
			v.NotCompared[replica.Name] = err.Error()
			continue
		}
		missing, extra := differ(source, rows)
		if len(missing)+len(extra) > 0 {
			// A commit that its client has given up may be in flight: look once more.
			if missing, extra, err = differAgain(ctx, servers.Source, replica, read); err != nil {
				v.NotCompared[replica.Name] = err.Error()
				continue
			}
		}
		if len(missing)+len(extra) > 0 {
			v.Diverged[replica.Name] = fmt.Sprintf("%d rows missing, %d rows that the source lacks", len(missing), len(extra))
		}
	}
	if !v.OK() {
		explain(ctx, servers, &v, read)
	}
	return v, nil
}

// differAgain compares a replica with what the source holds now.
func differAgain(ctx context.Context, from, replica Server, read reading) (missing, extra []ID, err error) {
	source, executed, err := read(ctx, from, "")
	if err != nil {
		return nil, nil, err
	}
	rows, _, err := read(ctx, replica, executed)
	if err != nil {
		return nil, nil, err
	}
	missing, extra = differ(source, rows)
	return missing, extra, nil
}

// explain asks every server what it holds.
func explain(ctx context.Context, servers Servers, v *Verdict, read reading) {
	all := append([]Server{servers.Source}, servers.Replicas...)
	for _, server := range append(all, servers.Others...) {
		rows, executed, err := read(ctx, server, "")
		if err != nil {
			v.Executed[server.Name] = "not known: " + err.Error()
			continue
		}
		v.Executed[server.Name] = strings.ReplaceAll(executed, "\n", "")
		for i := range v.Lost {
			if _, there := rows[v.Lost[i].ID]; there {
				v.Lost[i].On = append(v.Lost[i].On, server.Name)
			}
		}
	}
}

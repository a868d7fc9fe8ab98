// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// checked judges a run of three acknowledged writes and one of unknown outcome on
// servers that hold these rows; a server without an entry cannot be read.
func checked(t *testing.T, holds map[string]map[ID]struct{}) Verdict {
	t.Helper()
	run := &Run{
		options: Options{}.withDefaults(),
		started: time.Unix(100, 0), stopped: time.Unix(101, 0), writing: &errorCounts{}, reading: &errorCounts{},
		journals: []*journal{{answers: []time.Duration{1 * ms, noAnswer, 3 * ms}}, {answers: []time.Duration{2 * ms}}},
	}
	read := func(_ context.Context, server Server, _ string) (map[ID]struct{}, string, error) {
		rows, known := holds[server.Name]
		if !known {
			return nil, "", errors.New("no answer")
		}
		return rows, "executed by " + server.Name, nil
	}
	verdict, err := run.check(t.Context(), Servers{
		Source: Server{Name: "source"}, Replicas: []Server{{Name: "replica"}}, Others: []Server{{Name: "aside"}},
	}, read)
	if err != nil {
		t.Fatal(err)
	}
	return verdict
}

func TestCheck(t *testing.T) {
	all := func() map[ID]struct{} { return presentIDs(ID{0, 0}, ID{0, 2}, ID{1, 0}) }
	without := func(id ID) map[ID]struct{} {
		rows := all()
		delete(rows, id)
		return rows
	}
	with := func(id ID) map[ID]struct{} {
		rows := all()
		rows[id] = struct{}{}
		return rows
	}
	tests := map[string]struct {
		holds                                 map[string]map[ID]struct{}
		ok                                    bool
		lost, phantoms, diverged, notCompared int
	}{
		"all is there":                      {holds: map[string]map[ID]struct{}{"source": all(), "replica": all()}, ok: true},
		"an unknown outcome is there":       {holds: map[string]map[ID]struct{}{"source": with(ID{0, 1}), "replica": with(ID{0, 1})}, ok: true},
		"one row is missing on the source":  {holds: map[string]map[ID]struct{}{"source": without(ID{1, 0}), "replica": without(ID{1, 0})}, lost: 1},
		"a row that nobody wrote":           {holds: map[string]map[ID]struct{}{"source": with(ID{7, 0}), "replica": with(ID{7, 0})}, phantoms: 1},
		"one row is missing on the replica": {holds: map[string]map[ID]struct{}{"source": all(), "replica": without(ID{0, 2})}, diverged: 1},
		"a row that only the replica has":   {holds: map[string]map[ID]struct{}{"source": all(), "replica": with(ID{0, 1})}, diverged: 1},
		"the replica cannot be compared":    {holds: map[string]map[ID]struct{}{"source": all()}, notCompared: 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			v := checked(t, test.holds)
			if v.OK() != test.ok {
				t.Errorf("OK = %t, want %t", v.OK(), test.ok)
			}
			if len(v.Lost) != test.lost || len(v.Phantoms) != test.phantoms || len(v.Diverged) != test.diverged || len(v.NotCompared) != test.notCompared {
				t.Errorf("verdict:\n%s", v)
			}
			if test.ok == (len(v.Executed) > 0) {
				t.Errorf("what the servers executed: %v", v.Executed)
			}
		})
	}
}

// TestLossesAreCountedByServer: the first server's second write and the second server's only one
// are not there. The first server was replaced without having been asked, the second one was not.
func TestLossesAreCountedByServer(t *testing.T) {
	noted := func(server string, times ...time.Duration) *journal {
		j := &journal{answers: times}
		for _, at := range times {
			j.notes = append(j.notes, note{at, server})
		}
		return j
	}
	run := &Run{
		options: Options{NoteServers: true}.withDefaults(),
		started: time.Unix(100, 0), stopped: time.Unix(101, 0), writing: &errorCounts{}, reading: &errorCounts{},
		journals: []*journal{noted("new", 7*ms), noted("old", 1*ms, 3*ms, noAnswer)},
	}
	v, err := run.check(t.Context(), Servers{Source: Server{Name: "source"}}, func(context.Context, Server, string) (map[ID]struct{}, string, error) {
		return presentIDs(ID{1, 0}), "", nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := []Tally{{"old", 2, 1}, {"new", 1, 1}}; !slices.Equal(v.ByServer, want) {
		t.Errorf("counted %v, want %v", v.ByServer, want)
	}
	v.GiveUp("old", "nobody")
	if len(v.GivenUp) != 1 || v.GivenUp[0].ID != (ID{1, 1}) || len(v.Lost) != 1 || v.Lost[0].Server != "new" || v.OK() {
		t.Errorf("given up %v, lost %v", v.GivenUp, v.Lost)
	}
	v.GiveUp("new")
	if !v.OK() {
		t.Errorf("nothing is left to be lost: %s", v)
	}
}

func TestALostWriteIsLookedForOnTheOthers(t *testing.T) {
	v := checked(t, map[string]map[ID]struct{}{
		"source": presentIDs(ID{0, 0}, ID{0, 2}), "replica": presentIDs(ID{0, 0}, ID{0, 2}), "aside": presentIDs(ID{1, 0}),
	})
	if len(v.Lost) != 1 || !slices.Equal(v.Lost[0].On, []string{"aside"}) {
		t.Errorf("lost: %+v", v.Lost)
	}
}

// The operator ends the clients' connections to a source that was replaced.
func TestAConnectionThatIsEndedIsMadeAgain(t *testing.T) {
	for _, test := range []struct {
		broken int
		ok     bool
	}{{broken: 2, ok: true}, {broken: 3}} {
		left := test.broken
		read := patient(func(context.Context, Server, string) (map[ID]struct{}, string, error) {
			if left--; left >= 0 {
				return nil, "", fmt.Errorf("read: %w", mysql.ErrInvalidConn)
			}
			return presentIDs(), "", nil
		}, MySQL{}.Ended)
		if _, _, err := read(t.Context(), Server{}, ""); (err == nil) != test.ok {
			t.Errorf("after %d broken connections: %v", test.broken, err)
		}
	}
}

func TestASourceThatCannotBeReadIsNoVerdict(t *testing.T) {
	run := &Run{options: Options{}.withDefaults(), stopped: time.Unix(101, 0), writing: &errorCounts{}, reading: &errorCounts{}}
	_, err := run.check(t.Context(), Servers{Source: Server{Name: "source"}}, func(context.Context, Server, string) (map[ID]struct{}, string, error) {
		return nil, "", errors.New("no answer")
	})
	if err == nil {
		t.Error("a source that does not answer was judged")
	}
}

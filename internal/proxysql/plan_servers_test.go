// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package proxysql

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// changesText is a set of changes to compare.
func changesText(c ServerChanges) string {
	var out []string
	key := func(k ServerKey) string { return fmt.Sprintf("%d:%s", k.Hostgroup, k.Host[len("10.0.0."):]) }
	for _, k := range c.Delete {
		out = append(out, "-"+key(k))
	}
	for _, g := range c.DropHostgroup {
		out = append(out, fmt.Sprintf("-pair %d/%d", g.Writer, g.Reader))
	}
	for _, r := range c.Update {
		out = append(out, "~"+key(r.ServerKey))
	}
	for _, r := range c.Adopt {
		out = append(out, "="+key(r.ServerKey))
	}
	for range c.AdoptHostgroup {
		out = append(out, "=pair")
	}
	for range c.InsertHG {
		out = append(out, "+pair")
	}
	for _, r := range c.Insert {
		out = append(out, "+"+key(r.ServerKey))
	}
	if c.Load {
		out = append(out, "load")
	}
	if c.Save {
		out = append(out, "save")
	}
	return strings.Join(out, " ")
}

func TestPlanServers(t *testing.T) {
	for name, test := range map[string]struct {
		want      func(*ServerWant)
		there     func(*Tables)
		changes   string
		conflicts string
		writer    string
	}{
		"as it should be": {writer: "mysql-0"},
		"empty":           {there: func(t *Tables) { *t = Tables{} }, changes: "+pair +1:1 +1:2 +0:0 load save", writer: "mysql-0"},
		"source changed": {
			want: func(w *ServerWant) {
				w.Topology.Source = member("mysql-1", placeOut)
				w.Topology.Members = []Member{member("mysql-0", placeReader), member("mysql-1", placeOut), member("mysql-2", placeReader)}
			},
			changes: "-0:0 -1:1 +1:0 +0:1 load save", writer: "mysql-1",
		},
		"source changed and the new one is not seen": {
			want: func(w *ServerWant) {
				w.Topology.Source, w.Topology.Admitted, w.Topology.Doubt = member("mysql-1", placeOut), false, "is not seen"
				w.Topology.Members = []Member{member("mysql-0", placeKeep), member("mysql-1", placeOut), member("mysql-2", placeReader)}
			},
			changes: "-0:0 -1:1 load save", writer: "",
		},
		"the source changes": {
			want:    func(w *ServerWant) { w.Topology.Changing = true },
			changes: "-0:0 load save", writer: "",
		},
		"the source is not seen": {
			want: func(w *ServerWant) { w.Topology.Admitted = false }, writer: "mysql-0",
		},
		"nobody knows the source": {
			want:  func(w *ServerWant) { w.Topology = Topology{Unknown: "why"} },
			there: func(t *Tables) { t.Servers[memory] = t.Servers[memory][1:] }, writer: "",
		},
		"the source is another server": {
			want:    func(w *ServerWant) { w.Topology.contradict("is another server") },
			changes: "-0:0 load save", writer: "",
		},
		"somebody else's writer comes before ours": {
			there: func(t *Tables) {
				*t = Tables{Servers: everywhere(row(0, "mysql-8").commented("compose-operator/here/other"))}
			},
			changes: "+pair +1:1 +1:2 load save", conflicts: "server 10.0.0.8:3306 in the writer hostgroup 0 is not ours", writer: "",
		},
		"somebody else's writer is out of use": {
			there: func(t *Tables) {
				*t = Tables{Servers: everywhere(row(0, "mysql-8").commented("mine").is("OFFLINE_SOFT"))}
			},
			changes: "+pair +1:1 +1:2 +0:0 load save", writer: "mysql-0",
		},
		"the row that somebody has of the old source": {
			want: func(w *ServerWant) {
				w.Topology.Source = member("mysql-1", placeOut)
				w.Topology.Members = []Member{member("mysql-0", placeReader), member("mysql-1", placeOut), member("mysql-2", placeReader)}
			},
			there: func(t *Tables) {
				for l := range t.Servers {
					t.Servers[l][0].Comment = ""
				}
			},
			changes: "-1:1 +1:0 load save", conflicts: "server 10.0.0.0:3306 in the writer hostgroup 0 is not ours", writer: "",
		},
		"somebody's pair that nobody asked for": {
			want: func(w *ServerWant) { w.Hostgroup = false },
			there: func(t *Tables) {
				for l := range t.Servers {
					t.Hostgroups[l] = []HostgroupRow{{Writer: 0, Reader: 1, CheckType: "read_only"}}
				}
				t.Servers[runtime] = append(t.Servers[runtime], row(1, "mysql-0"))
			}, writer: "mysql-0",
		},
		"a replica is not seen": {
			want: func(w *ServerWant) { w.Topology.Members[1].place = placeKeep }, writer: "mysql-0",
		},
		"a replica that is not there is not seen": {
			want:  func(w *ServerWant) { w.Topology.Members[1].place = placeKeep },
			there: func(t *Tables) { t.Servers = everywhere(row(0, "mysql-0"), row(1, "mysql-2")) }, writer: "mysql-0",
		},
		"a replica may take writes": {
			want: func(w *ServerWant) { w.Topology.Members[1].place = placeOut }, changes: "-1:1 load save", writer: "mysql-0",
		},
		"a replica left": {
			want: func(w *ServerWant) { w.Topology.Members = w.Topology.Members[:2] }, changes: "-1:2 load save", writer: "mysql-0",
		},
		"writer reads too": {
			want: func(w *ServerWant) { w.WriterReads = true }, changes: "+1:0 load save", writer: "mysql-0",
		},
		"the monitor's copy of the writer came from a peer": {
			there: func(t *Tables) {
				t.Servers[runtime] = append(t.Servers[runtime], row(1, "mysql-0"))
				t.Servers[memory], t.Servers[disk] = slices.Clone(t.Servers[runtime]), slices.Clone(t.Servers[runtime])
			}, writer: "mysql-0",
		},
		"writer reads no more": {
			want: func(w *ServerWant) { w.Hostgroup = false },
			there: func(t *Tables) {
				t.Servers = everywhere(row(0, "mysql-0"), row(1, "mysql-0"), row(1, "mysql-1"), row(1, "mysql-2"))
				t.Hostgroups = [layers][]HostgroupRow{}
			},
			changes: "-1:0 load save", writer: "mysql-0",
		},
		"weights": {
			want: func(w *ServerWant) { w.Weights = map[string]int32{"mysql-1": 7, "mysql-0": 5} }, changes: "~1:1 load save", writer: "mysql-0",
		},
		"other hostgroups": {
			want:    func(w *ServerWant) { w.Writer, w.Reader = 10, 11 },
			changes: "-0:0 -1:1 -1:2 -pair 0/1 +pair +11:1 +11:2 +10:0 load save", writer: "mysql-0",
		},
		"no pair": {
			want: func(w *ServerWant) { w.Hostgroup = false }, changes: "-pair 0/1 load save", writer: "mysql-0",
		},
		"foreign rows": {
			there: func(t *Tables) {
				for l := range t.Servers {
					t.Servers[l] = append(t.Servers[l], row(1, "mysql-8").commented("mine"), row(5, "mysql-8").commented(""))
				}
			}, writer: "mysql-0",
		},
		"foreign row among the writers": {
			there: func(t *Tables) {
				for l := range t.Servers {
					t.Servers[l] = append(t.Servers[l], row(0, "mysql-8").commented(""))
				}
			}, conflicts: "server 10.0.0.8:3306 in the writer hostgroup 0 is not ours", writer: "mysql-0",
		},
		"right and nobody's": {
			there: func(t *Tables) {
				for l := range t.Servers {
					t.Servers[l][0].Comment, t.Hostgroups[l] = "", []HostgroupRow{{Writer: 0, Reader: 1, CheckType: "read_only"}}
				}
			}, changes: "=0:0 =pair load save", writer: "mysql-0",
		},
		"right and somebody's": {
			there: func(t *Tables) {
				for l := range t.Servers {
					t.Servers[l][1].Comment, t.Hostgroups[l] = "mine", []HostgroupRow{{Writer: 0, Reader: 1, CheckType: "READ_ONLY", Comment: "mine"}}
				}
			}, writer: "mysql-0",
		},
		"wrong and nobody's": {
			there: func(t *Tables) {
				for l := range t.Servers {
					t.Servers[l][1] = row(1, "mysql-1").commented("").heavy()
				}
			}, conflicts: "server 10.0.0.1:3306 in hostgroup 1 has other values and is not ours", writer: "mysql-0",
		},
		"another pair in the way": {
			there: func(t *Tables) {
				for l := range t.Servers {
					t.Hostgroups[l] = []HostgroupRow{{Writer: 0, Reader: 7, CheckType: "read_only"}}
				}
			}, conflicts: "replication hostgroup 0/7 (read_only) is not ours", writer: "mysql-0",
		},
		"died before LOAD": {
			there: func(t *Tables) { t.Servers[runtime], t.Servers[disk] = nil, nil }, changes: "load save", writer: "mysql-0",
		},
		"died before SAVE": {
			there: func(t *Tables) { t.Servers[disk] = t.Servers[disk][:1] }, changes: "save", writer: "mysql-0",
		},
		"pair not loaded": {
			there: func(t *Tables) { t.Hostgroups[runtime] = nil }, changes: "load", writer: "mysql-0",
		},
		"shunned": {
			there: func(t *Tables) { t.Servers[runtime][1].Status = "SHUNNED" }, writer: "mysql-0",
		},
		"the monitor has the writer read too": {
			there: func(t *Tables) { t.Servers[runtime] = append(t.Servers[runtime], row(1, "mysql-0")) }, writer: "mysql-0",
		},
		"the monitor has a replica write": {
			there: func(t *Tables) { t.Servers[runtime][1] = row(0, "mysql-1") }, changes: "load", writer: "mysql-0",
		},
		"waits for connections to end": {
			there: func(t *Tables) { t.Servers[runtime] = append(t.Servers[runtime], row(0, "mysql-1").is("OFFLINE_HARD")) }, writer: "mysql-0",
		},
		"taken out for maintenance": {
			there: func(t *Tables) {
				for l := range t.Servers {
					t.Servers[l][1].Status = "OFFLINE_SOFT"
				}
			}, writer: "mysql-0",
		},
	} {
		t.Run(name, func(t *testing.T) {
			want, there := wantOf(topology()), settled()
			if test.want != nil {
				test.want(&want)
			}
			if test.there != nil {
				test.there(there)
			}
			c, f := planServers(want, there)
			if got := changesText(c); got != test.changes {
				t.Errorf("changes: %q, not %q", got, test.changes)
			}
			if got := strings.Join(f.Conflicts, "; "); got != test.conflicts {
				t.Errorf("conflicts: %q, not %q", got, test.conflicts)
			}
			if f.Writer != test.writer && test.want == nil || want.Topology.known() && f.Writer != test.writer {
				t.Errorf("writer: %q, not %q", f.Writer, test.writer)
			}
			// Once they are made there is nothing left to do.
			apply(there, Sync{Servers: c, Mark: testMark, Writer: want.Writer}, all)
			if again, _ := planServers(want, there); again.Any() {
				t.Errorf("and then: %q", changesText(again))
			}
		})
	}
}

func TestTopologyOfReplication(t *testing.T) {
	places := func(t Topology) string {
		var out []string
		for _, m := range t.Members {
			if m.Name != t.Source.Name {
				out = append(out, fmt.Sprint(m.Name[len("mysql-"):], [...]string{"out", "keep", "reader"}[m.place]))
			}
		}
		slices.Sort(out)
		return strings.Join(out, " ")
	}
	r := replication()
	check := func(name string, want Topology, wantPlaces string) {
		t.Helper()
		got := topologyOf(object().Spec, r)
		if got.known() != want.known() || got.Changing != want.Changing || got.Admitted != want.Admitted || got.Source.Name != want.Source.Name || places(got) != wantPlaces {
			t.Errorf("%s: %+v, places %s", name, got, places(got))
		}
	}
	source := Topology{Source: member("mysql-0", placeOut), Admitted: true}
	unsure := source
	unsure.Admitted = false
	check("healthy", source, "1reader 2reader")
	r.Status.Topology["mysql-1"].ReplicaIO = "Connecting"
	check("replica connects", source, "1reader 2reader")
	r.Status.Topology["mysql-1"].ReplicaSQL = "No"
	check("replica does not apply", source, "1out 2reader")
	r.Status.Topology["mysql-2"].Status = "Failed"
	check("replica not seen", source, "1out 2keep")
	r.Spec.Replica[1].Isolated = true
	check("isolated", source, "1out 2out")
	r = replication()
	r.Status.Topology["mysql-2"].SuperReadonly = false
	check("replica takes writes", source, "1reader 2out")
	r = replication()
	r.Status.Topology["mysql-0"].Readonly = true
	check("source is read-only", unsure, "1reader 2reader")
	r = replication()
	r.Status.Topology["mysql-0"].Status = "Failed"
	check("source not seen", unsure, "1reader 2reader")
	if topologyOf(object().Spec, r).Contradicted {
		t.Error("not seen is no sighting")
	}
	for name, change := range map[string]func(*v1alpha1.MysqlReplication){
		"read-only":   func(r *v1alpha1.MysqlReplication) { r.Status.Topology["mysql-0"].SuperReadonly = true },
		"no source":   func(r *v1alpha1.MysqlReplication) { r.Status.Topology["mysql-0"].Role = v1alpha1.MysqlRoleNone },
		"another one": func(r *v1alpha1.MysqlReplication) { r.Status.Topology["mysql-0"].ServerUUID = "uuid-9" },
		"lost data": func(r *v1alpha1.MysqlReplication) {
			r.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionTopologyReady, Status: metav1.ConditionFalse, Reason: "SourceLostData"}}
		},
	} {
		r := replication()
		change(r)
		if got := topologyOf(object().Spec, r); !got.Contradicted || got.Admitted || got.Doubt == "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	r.Status.Source = ""
	check("no source", Topology{Unknown: "x"}, "")
	if got := topologyOf(object().Spec, nil); got.UnknownReason != reasonTopologyMissing || !strings.Contains(got.Unknown, `"db"`) {
		t.Errorf("missing: %+v", got)
	}
}

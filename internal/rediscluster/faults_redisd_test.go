// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build redisd

package rediscluster

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/internal/reconcile"
	"github.com/upmio/compose-operator/test/mysqld"
	"github.com/upmio/compose-operator/test/redisd"
)

// long says whether the long forms of the tests are wanted.
func long() bool { return os.Getenv("LONG_REDIS") != "" }

// fill writes keys through the cluster, on all replicas too.
func (f *fleet) fill(keys int) {
	f.t.Helper()
	c := redisd.ClusterClient(f.t, f.all())
	for i := range keys {
		if err := c.Set(f.t.Context(), fmt.Sprint("key", i), i, 0).Err(); err != nil {
			f.t.Fatal(err)
		}
	}
}

// filled says with an error which of them are not there.
func (f *fleet) filled(keys int) {
	f.t.Helper()
	c := redisd.ClusterClient(f.t, f.all())
	lost := 0
	for i := range keys {
		if got, err := c.Get(f.t.Context(), fmt.Sprint("key", i)).Int(); err != nil || got != i {
			if lost++; lost == 1 {
				f.t.Errorf("key%d is %d, %v", i, got, err)
			}
		}
	}
	if lost > 0 {
		f.t.Errorf("%d of %d keys are lost", lost, keys)
	}
}

// TestOperatorDies: wherever the operator ends, the next one goes on, and nothing is lost.
func TestOperatorDies(t *testing.T) {
	t.Parallel()
	f := newFleet(t, redisd.Options{}, 2, 1)
	every, count := 4, 0
	if long() {
		every = 2
	}
	f.dies = func(reconcile.Action) bool { count++; return count%every == 0 }
	f.settle("the cluster is made")
	load := redisd.StartClusterLoad(t, f.all(), 2)
	f.grow("c", 1)
	f.settle("a shard more")
	delete(f.object.Spec.Members, "a")
	f.object.Generation++
	f.settle("a shard less")
	f.whole()
	load.Check()
}

// TestMidSlot: the operator dies while a slot has keys on both ends. The next one finishes it.
func TestMidSlot(t *testing.T) {
	t.Parallel()
	f := newFleet(t, redisd.Options{}, 2, 1)
	f.settle("the cluster is made")
	f.fill(200)
	// What an operator leaves behind that dies in the middle of slot 0 … 99.
	a, b := f.servers["a0"], f.servers["b0"]
	var slot int64 = -1
	for n := range 8192 {
		if a.Do("CLUSTER", "COUNTKEYSINSLOT", n).(int64) > 0 {
			slot = int64(n)
			break
		}
	}
	for range 3 {
		// More than one key in it, by a hash tag of one that is there.
		key := a.Do("CLUSTER", "GETKEYSINSLOT", slot, 1).([]any)[0]
		for i := range 10 {
			a.Do("SET", fmt.Sprintf("{%v}%d", key, i), "x")
		}
	}
	keys := a.Do("CLUSTER", "GETKEYSINSLOT", slot, 100).([]any)
	b.Do("CLUSTER", "SETSLOT", slot, "IMPORTING", f.node("a0").ID)
	a.Do("CLUSTER", "SETSLOT", slot, "MIGRATING", f.node("b0").ID)
	a.Do("MIGRATE", b.Host, b.Port, keys[0], 0, 5000, "AUTH", redisd.Password)
	// One key is on both ends: its MIGRATE was not answered in time.
	a.Do("MIGRATE", b.Host, b.Port, keys[1], 0, 5000, "COPY", "AUTH", redisd.Password)

	// Of somebody else: it is left alone.
	f.reports("OpenSlots")
	f.pass()
	if n := a.Do("CLUSTER", "COUNTKEYSINSLOT", slot).(int64); n != int64(len(keys))-1 {
		t.Errorf("an open slot of somebody else was touched: %d of %d keys", n, len(keys))
	}
	// Of ours: it is finished.
	f.object.Status.Moves = []v1alpha1.RedisClusterMove{{
		Slots: fmt.Sprint(slot), From: f.node("a0").ID, To: f.node("b0").ID,
		FromRunID: strings.TrimSpace(runID(a)),
	}}
	f.settle("the slot is finished")
	if n := b.Do("CLUSTER", "COUNTKEYSINSLOT", slot).(int64); n != int64(len(keys)) {
		t.Errorf("%d of %d keys arrived", n, len(keys))
	}
	f.whole()
	f.filled(200)
	f.secrets()
}

func runID(s *redisd.Server) string {
	for line := range strings.Lines(fmt.Sprint(s.Do("INFO", "server"))) {
		if id, is := strings.CutPrefix(line, "run_id:"); is {
			return id
		}
	}
	return ""
}

// TestSourceDiesWithOpenSlots: its replica is promoted by Redis, and does not know of them. They
// are opened again, and what is on both ends and not the same is left to a person.
func TestSourceDiesWithOpenSlots(t *testing.T) {
	t.Parallel()
	f := newFleet(t, redisd.Options{}, 3, 2)
	f.settle("the cluster is made")
	f.fill(100)
	delete(f.object.Spec.Members, "a")
	f.object.Generation++
	stopped := false
	f.dies = func(a reconcile.Action) bool {
		_, is := a.(Migrate)
		stopped = stopped || is
		return is
	}
	f.until("slots are moved", func() bool { return stopped })
	f.servers["a0"].ReplicatedAll(1)
	f.servers["a0"].Kill9()
	f.dies = nil
	f.until("a replica is promoted by Redis", func() bool {
		return f.object.Status.Topology["a1"] == nil || len(f.object.Status.Topology["a1"].Slots) > 0 || !strings.Contains(f.show(), "a1")
	})
	f.until("the rest is moved", func() bool { return f.object.Status.NumberOfShard == 2 && len(f.object.Status.Moves) == 0 })
	f.whole()
	f.filled(100)
}

// TestSourceDies: Redis promotes, and the operator follows. The old source comes back as a
// replica, and the one that came back without its files as a new node.
func TestSourceDies(t *testing.T) {
	t.Parallel()
	f := newFleet(t, redisd.Options{}, 3, 2)
	f.settle("the cluster is made")
	f.fill(50)
	f.servers["a0"].ReplicatedAll(1)
	f.servers["a0"].Kill9()
	f.until("a1 is the source", func() bool { return f.node("a1").Role == v1alpha1.RedisRoleSource })
	if f.object.Status.ClusterSynced || f.object.Status.ClusterJoined {
		t.Errorf("status says joined %v and synced %v", f.object.Status.ClusterJoined, f.object.Status.ClusterSynced)
	}
	was := f.node("a0").ID
	f.servers["a0"].Lose()
	f.servers["a0"].Start()
	f.settle("a0 is a replica")
	if is := f.node("a0"); is.ID == was || is.MasterRef != f.node("a1").ID {
		t.Error(f.show())
	}
	f.until("the old node is forgotten", func() bool { return len(f.object.Status.FormerNodes) == 0 })
	f.whole()
	f.filled(50)
	if f.told("PromotionForced") {
		t.Error("the operator has promoted")
	}
}

// TestShardLost: nobody gives the slots of a dead shard away, until the user says so by name. Redis
// never calls a node dead that another one has taken the address of before.
func TestShardLost(t *testing.T) {
	t.Parallel()
	for name, waits := range map[string]bool{"back at once": false, "back once it is called dead": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			loseShard(t, waits)
		})
	}
}

func loseShard(t *testing.T, waits bool) {
	t.Helper()
	f := newFleet(t, redisd.Options{}, 3, 1)
	f.settle("the cluster is made")
	f.servers["a0"].Kill9()
	f.reports("SourceUnreachable")
	if waits {
		f.until("it is called dead", func() bool {
			return strings.Contains(fmt.Sprint(f.servers["b0"].Do("CLUSTER", "NODES")), "master,fail ")
		})
	}
	f.servers["a0"].Lose()
	f.servers["a0"].Start()
	f.until("a0 is a new node", func() bool {
		return len(f.object.Status.FormerNodes) == 1 && f.plan.Conditions[0].Reason == "SourceUnreachable"
	})
	for range 5 {
		f.pass()
	}
	if f.object.Status.SlotsAssigned == slotCount {
		t.Fatal("slots were given away")
	}
	f.object.Annotations = map[string]string{v1alpha1.AnnotationGiveUpSlots: f.object.Status.FormerNodes[0].ID}
	f.settle("the slots are given up")
	if !f.told("SlotsGivenUp") {
		t.Errorf("events are %v", f.events)
	}
	f.whole()
}

// TestAllAddressesChange: the nodes find one another by id.
func TestAllAddressesChange(t *testing.T) {
	t.Parallel()
	f := newFleet(t, redisd.Options{AOF: true}, 3, 1)
	f.settle("the cluster is made")
	f.fill(50)
	for _, s := range f.servers {
		s.Kill9()
	}
	var old []string
	for shard, list := range f.object.Spec.Members {
		for i := range list {
			s := f.servers[list[i].Name]
			old = append(old, s.Host+":")
			s.Relocate()
			f.object.Spec.Members[shard][i].Host = s.Host
		}
	}
	f.object.Generation++
	for _, s := range f.servers {
		s.Start()
	}
	f.settle("everybody is found")
	for _, s := range f.all() {
		for _, address := range old {
			if view := fmt.Sprint(s.Do("CLUSTER", "NODES")); strings.Contains(view, " "+address) {
				t.Errorf("%s leads clients to an old address:\n%s", s.Host, view)
			}
		}
	}
	f.whole()
	f.filled(50)
}

// TestAdoption: a cluster that is there is taken as it is, with another node than the first as
// a source; a stranger is refused, and two clusters are not merged.
func TestAdoption(t *testing.T) {
	t.Parallel()
	f := newFleet(t, redisd.Options{}, 3, 2)
	f.settle("the cluster is made")
	f.fill(20)
	f.servers["a0"].ReplicatedAll(1)
	for _, s := range f.all() {
		// Who has not heard that it is a replica does not hand over to it, or vote for it.
		s.Eventually("it knows a1 as a replica", func() bool {
			for line := range strings.Lines(fmt.Sprint(s.Do("CLUSTER", "NODES"))) {
				if strings.HasPrefix(line, f.node("a1").ID) {
					return strings.Contains(line, "slave "+f.node("a0").ID)
				}
			}
			return false
		})
	}
	f.servers["a1"].Do("CLUSTER", "FAILOVER")
	f.until("a1 is the source", func() bool { return f.node("a1").Role == v1alpha1.RedisRoleSource })
	f.object.Status = v1alpha1.RedisClusterStatus{}
	f.settle("it is adopted")
	if !f.told("ClusterAdopted") || f.node("a1").Role != v1alpha1.RedisRoleSource {
		t.Error(f.show())
	}
	// A node of another cluster.
	f.grow("b", 1)
	s := f.servers["b2"]
	s.Do("CLUSTER", "ADDSLOTS", 1, 2, 3)
	f.reports("NodeRefused")
	s.Do("CLUSTER", "RESET")
	f.settle("it is a replica once it is reset")
	f.whole()
	f.filled(20)
}

// TestReplicaMoves: a replica changes its shard, and a source is taken out of its own.
func TestReplicaMoves(t *testing.T) {
	t.Parallel()
	f := newFleet(t, redisd.Options{}, 3, 2)
	f.settle("the cluster is made")
	f.fill(20)
	members := f.object.Spec.Members
	members["b"], members["a"] = append(members["b"], members["a"][1]), members["a"][:1]
	f.object.Generation++
	f.settle("a1 is a replica in b")
	if f.node("a1").MasterRef != f.node("b0").ID {
		t.Error(f.show())
	}
	members["b"] = slices.Clone(members["b"][1:])
	f.object.Generation++
	f.settle("b1 has taken over from b0")
	f.until("b0 is forgotten", func() bool { return f.node("b0") == nil })
	if f.node("b1").Role != v1alpha1.RedisRoleSource {
		t.Error(f.show())
	}
	f.whole()
	f.filled(20)
}

// TestBusWithoutTLS: a bus that should speak TLS and does not is turned to it where its port is set.
// Otherwise it would listen at another port than it announces: the node is left alone.
func TestBusWithoutTLS(t *testing.T) {
	t.Parallel()
	for name, port := range map[string]bool{"its port is set": true, "its port follows from that of clients": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ca := mysqld.NewCA(t, "ca")
			f := newFleet(t, redisd.Options{CA: ca.File, Certificate: ca.Files, BusPort: port, Args: []string{"--tls-cluster", "no"}}, 3, 1)
			f.object.Spec.TLS = &v1alpha1.DatabaseTLS{Mode: v1alpha1.TLSRequired}
			f.creds.TLS = credential.TLS{Mode: v1alpha1.TLSRequired}
			if port {
				f.settle("the cluster is made")
				f.whole()
				return
			}
			f.reports("NodeNotReady")
			if text := f.plan.Conditions[0].Message; !strings.Contains(text, "start that anew") {
				t.Error(text)
			}
			for _, s := range f.all() {
				if info := fmt.Sprint(s.Do("CLUSTER", "INFO")); !strings.Contains(info, "cluster_known_nodes:1\r") {
					t.Error(info)
				}
			}
		})
	}
}

// TestTLSAndRotation: over TLS alone, slots with keys are moved and a new password is used.
func TestTLSAndRotation(t *testing.T) {
	t.Parallel()
	ca := mysqld.NewCA(t, "ca")
	f := newFleet(t, redisd.Options{CA: ca.File, Certificate: ca.Files}, 3, 1)
	f.object.Spec.TLS = &v1alpha1.DatabaseTLS{Mode: v1alpha1.TLSRequired}
	f.creds.TLS = credential.TLS{Mode: v1alpha1.TLSRequired}
	f.settle("the cluster is made")
	f.fill(20)
	f.grow("d", 1)
	f.settle("a shard more")
	f.whole()
	f.filled(20)
	const fresh = "battery staple"
	for _, s := range f.all() {
		s.Do("ACL", "SETUSER", "default", ">"+fresh)
	}
	f.as(fresh)
	f.creds.TLS = credential.TLS{Mode: v1alpha1.TLSRequired}
	f.settle("the new password is in use")
	for _, s := range f.all() {
		if got := s.Do("CONFIG", "GET", "masterauth").([]any)[1]; got != fresh {
			t.Error("masterauth does not follow the Secret")
		}
	}
	f.secrets()
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package proxysql

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/mysql/shared"
)

// place is what a server is fit for, as the topology has seen it.
type place int

const (
	// placeOut: it is in no hostgroup. ProxySQL's monitor moves a server that it knows by
	// read_only alone, so one that may take writes and is not the source is kept from it.
	placeOut place = iota
	// placeKeep: it was not seen. It stays a reader where it is one.
	placeKeep
	// placeReader: it was seen to follow the source, read-only.
	placeReader
)

// Member is a server of the topology.
type Member struct {
	Name string
	Address
	place place
}

// Topology is what is known of the MySQL servers. It is made of the other resource's spec
// and status alone.
type Topology struct {
	// Unknown says why nobody knows who the source is, with its reason; everything stays as
	// it is then.
	Unknown, UnknownReason string
	// Changing: a change of the source is in its middle. Nobody takes writes.
	Changing bool
	// Source takes writes; Admitted: it was seen to. One that was not seen to stays where it
	// is and comes nowhere.
	Source   Member
	Admitted bool
	// Doubt says why it is not Admitted.
	Doubt string
	// Contradicted: it was seen not to be a source that takes writes. It leaves the writers,
	// which one that was only not seen does not.
	Contradicted bool
	// SourceUUID is its server_uuid as it was seen last; "": not known.
	SourceUUID string
	Members    []Member
	// Own are users of the operator and of the replication channels.
	Own []string
}

// contradict notes a sighting of the source as what it must not be.
func (t *Topology) contradict(doubt string) {
	t.Admitted, t.Contradicted, t.Doubt = false, true, doubt
}

// known says whether somebody knows the source.
func (t Topology) known() bool { return t.Unknown == "" }

// reasonLostData is how a MysqlReplication says that its source has restarted without some of
// what it held, and is kept from clients.
const reasonLostData = "SourceLostData"

// Reasons of the conditions that come from the topology.
const (
	reasonTopologyMissing = "TopologyNotFound"
	reasonTopologyUnknown = "SourceUnknown"
)

// topologyOf reads the resource that is used: nil when it does not exist.
func topologyOf(spec v1alpha1.ProxysqlSyncSpec, used any) Topology {
	switch obj := used.(type) {
	case *v1alpha1.MysqlReplication:
		if obj != nil {
			return ofReplication(obj)
		}
	case *v1alpha1.MysqlGroupReplication:
		if obj != nil {
			return ofGroup(obj)
		}
	}
	kind, name := usedName(spec)
	return Topology{UnknownReason: reasonTopologyMissing, Unknown: fmt.Sprintf("%s %q does not exist in this namespace: create it, or correct the name", kind, name)}
}

// usedName names the resource that is used.
func usedName(spec v1alpha1.ProxysqlSyncSpec) (kind, name string) {
	if spec.MysqlReplication != "" {
		return "MysqlReplication", spec.MysqlReplication
	}
	return "MysqlGroupReplication", spec.MysqlGroupReplication
}

func ofReplication(obj *v1alpha1.MysqlReplication) Topology {
	st := &obj.Status
	t := Topology{Own: []string{shared.OperatorUser(obj.Spec.Secret), shared.ReplicationUser(obj.Spec.Secret)}}
	if st.Source == "" || st.Topology[st.Source] == nil {
		t.UnknownReason = reasonTopologyUnknown
		t.Unknown = fmt.Sprintf("MysqlReplication %s does not know its source yet: see its conditions", obj.Name)
		return t
	}
	if s := st.Switchover; s != nil && (s.Phase == v1alpha1.SwitchoverSwitching || s.Phase == v1alpha1.SwitchoverUndoing) {
		t.Changing = true
	}
	source := st.Topology[st.Source]
	t.Source = Member{Name: st.Source, Address: Address{source.Host, source.Port}}
	if t.Source.Host == "" && obj.Spec.Source != nil && obj.Spec.Source.Name == st.Source {
		t.Source.Address = Address{obj.Spec.Source.Host, obj.Spec.Source.Port}
	}
	t.SourceUUID = st.SourceUUID
	lost := meta.FindStatusCondition(st.Conditions, v1alpha1.ConditionTopologyReady)
	switch {
	case lost != nil && lost.Status != metav1.ConditionTrue && lost.Reason == reasonLostData:
		t.contradict("has lost what it held")
	case source.Status != v1alpha1.NodeHealthy:
		t.Doubt = "is not seen"
	case source.ServerUUID != "" && st.SourceUUID != "" && !strings.EqualFold(source.ServerUUID, st.SourceUUID):
		t.contradict("is another server than before")
	case source.Role != v1alpha1.MysqlRoleSource:
		t.contradict("was not seen as the source")
	case source.Readonly || source.SuperReadonly:
		t.contradict("is read-only")
	default:
		t.Admitted = true
	}
	add := func(name string, address Address, isolated bool) {
		m := Member{Name: name, Address: address}
		if n := st.Topology[name]; n != nil && !isolated && name != st.Source {
			m.place = replicaPlace(obj, name, n)
			if t.Changing && name == st.Switchover.To {
				// It may take writes any moment, and comes in as the source.
				m.place = placeOut
			}
			if n.Host != "" && m.place != placeKeep {
				m.Address = Address{n.Host, n.Port}
			}
		}
		t.Members = append(t.Members, m)
	}
	if s := obj.Spec.Source; s != nil {
		add(s.Name, Address{s.Host, s.Port}, false)
	}
	for _, r := range obj.Spec.Replica {
		add(r.Name, Address{r.Host, r.Port}, r.Isolated)
	}
	return t
}

// replicaPlace is what the Service -readonly would have of a node that is not the source:
// it follows and applies, and refuses writes.
func replicaPlace(obj *v1alpha1.MysqlReplication, name string, n *v1alpha1.MysqlReplicationNode) place {
	if n.Status != v1alpha1.NodeHealthy {
		// A source that a failover has left behind may come back taking writes.
		if last := obj.Status.LastSwitchover; last != nil && last.From == name {
			return placeOut
		}
		if n.ServerUUID != "" && slices.Contains(obj.Status.DeposedSourceUUIDs, n.ServerUUID) {
			return placeOut
		}
		if s := obj.Status.Switchover; s != nil && s.From == name {
			return placeOut
		}
		return placeKeep
	}
	if n.Role == v1alpha1.MysqlRoleReplica && n.Readonly && n.SuperReadonly && n.ErrantCount == 0 &&
		n.ReplicaSQL == "Yes" && n.ReplicaIO != "No" {
		return placeReader
	}
	return placeOut
}

func ofGroup(obj *v1alpha1.MysqlGroupReplication) Topology {
	st := &obj.Status
	t := Topology{Own: []string{shared.OperatorUser(obj.Spec.Secret), shared.ReplicationUser(obj.Spec.Secret)}}
	if st.Primary == "" || st.Topology[st.Primary] == nil {
		t.UnknownReason = reasonTopologyUnknown
		t.Unknown = fmt.Sprintf("MysqlGroupReplication %s does not know a primary: see its conditions", obj.Name)
		return t
	}
	primary := st.Topology[st.Primary]
	t.SourceUUID = primary.ServerUUID
	switch {
	case primary.Status != v1alpha1.NodeHealthy:
		t.Doubt = "is not seen"
	case primary.Role != v1alpha1.MysqlGroupRolePrimary:
		t.contradict("was not seen as the primary")
	case primary.Readonly || primary.SuperReadonly:
		t.contradict("is read-only")
	default:
		t.Admitted = true
	}
	for _, node := range obj.Spec.Member {
		m := Member{Name: node.Name, Address: Address{node.Host, node.Port}}
		if n := st.Topology[node.Name]; n != nil && node.Name != st.Primary {
			m.place = secondaryPlace(n)
		}
		if node.Name == st.Primary {
			t.Source = m
		}
		t.Members = append(t.Members, m)
	}
	if t.Source.Name == "" {
		t.Source = Member{Name: st.Primary, Address: Address{primary.Host, primary.Port}}
	}
	return t
}

// secondaryPlace: a member that is not seen is what the majority says of it.
func secondaryPlace(n *v1alpha1.MysqlGroupReplicationNode) place {
	switch {
	case n.Status != v1alpha1.NodeHealthy && (n.MemberState == "ONLINE" || n.MemberState == "UNREACHABLE"):
		return placeKeep
	case n.Status == v1alpha1.NodeHealthy && n.MemberState == "ONLINE" && n.Role == v1alpha1.MysqlGroupRoleSecondary && n.Readonly && n.SuperReadonly:
		return placeReader
	}
	return placeOut
}

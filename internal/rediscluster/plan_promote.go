// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package rediscluster

import (
	"cmp"
	"fmt"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// promotes has a replica take over that the user wants as the source: one at a time.
func (v *view) promotes() []reconcile.Step {
	for _, shard := range shardsOf(v.obj) {
		m, id, forced := v.desired(shard)
		if m.Name == "" {
			continue
		}
		way, why := v.promotion(m, id, forced)
		if why != "" {
			v.problem("PromotionWaits", "%s is to be the source of shard %s instead of %s: %s", m.Name, shard, v.nameOf(id), why)
			continue
		}
		v.forcing = way != ""
		v.problem("Promoting", "%s takes over shard %s from %s", m.Name, shard, v.nameOf(id))
		if way != "" {
			v.warn("PromotionForced", m.Name+" "+id, "%s takes over shard %s without its source %s, as the spec and the annotation %s say: what it had not received is lost%s", m.Name, shard, v.nameOf(id), v1alpha1.AnnotationForcePromote, v.passedOver(m, id))
		}
		s := v.server(m.Name)
		return []reconcile.Step{{Name: "promote", Optional: true, Actions: []reconcile.Action{Promote{target: target{m.Name}, ID: s.ID, MasterID: id, Way: way, Source: cmp.Or(v.names[id], v.formerName(id)), Replaced: v.replaced(id), Slots: v.owned[id]}}}}
	}
	return nil
}

// desired is the node that should be the source of a shard and is not, and the id of the one
// that is: the node that force-promote names (forced), or the first one, where the user has made
// it that; in a shard whose source the user has taken out, the first of its replicas.
func (v *view) desired(shard string) (m Member, sourceID string, forced bool) {
	list := v.ofShard(shard)
	id, headless := v.sourceOf(shard)
	switch {
	case id == "" && !headless:
		m, id = v.heir(list)
		return m, id, false
	case id == "":
		id = v.lostSource(shard)
	}
	if len(list) == 0 || id == "" || !v.owns(id) {
		return Member{}, "", false
	}
	if source := v.byID[id]; !source.Master() {
		// Redis promotes by itself. Without the source it is done only on word that came after its death.
		if v.force == list[0].Name && v.data.IDs[list[0].Name] != id {
			return list[0], id, true
		}
	}
	was, known := v.data.Preferred[shard]
	if !known || was == list[0].Name || v.data.IDs[list[0].Name] == id {
		return Member{}, "", false
	}
	return list[0], id, false
}

// lostSource is the node that owns the slots of a shard and came back as another one.
func (v *view) lostSource(shard string) string {
	for _, f := range v.data.Former {
		if f.Shard == shard && v.owns(f.ID) {
			return f.ID
		}
	}
	return ""
}

// heir is the first of some nodes that replicates from a source which the user has taken out of
// their shard, and the id of that.
func (v *view) heir(list []Member) (Member, string) {
	for _, m := range list {
		s := v.server(m.Name)
		if !s.OK() || v.byID[s.ID] != s || !s.Replica || !v.owns(s.MasterID) {
			continue
		}
		if source := v.member(s.MasterID); source.Name != "" && !v.isSource(source) {
			return m, s.MasterID
		}
	}
	return Member{}, ""
}

// promotion says in which way a node can take over, or why it cannot.
func (v *view) promotion(m Member, sourceID string, forced bool) (way, why string) {
	s, source := v.server(m.Name), v.byID[sourceID]
	switch {
	case !v.calm():
		return "", "the nodes do not agree on the slots"
	case !s.OK():
		return "", "it is not seen"
	case v.byID[s.ID] != s:
		return "", "it is not in the cluster"
	case !s.Replica || s.MasterID != sourceID:
		return "", "it does not replicate from there"
	case s.SyncInProgress:
		return "", "it is sent a full copy"
	case Promote{MasterID: sourceID, Slots: v.owned[sourceID]}.stale(s):
		return "", "it has not heard yet which slots its source has"
	case v.openSlots(sourceID):
		return "", "the shard has open slots, whose state is not known to replicas: they are finished first"
	case source.Master():
		return "", v.caughtUp(s, source)
	}
	if !forced {
		return "", fmt.Sprintf("its source is not seen, and Redis promotes a replica by itself. To promote %s without it, with what it has received, put it first and set the annotation %s: %s", m.Name, v1alpha1.AnnotationForcePromote, m.Name)
	}
	return v.promotionWithoutSource(m, s, sourceID)
}

// caughtUp says why a replica has not caught up with its source; "" where it has.
func (v *view) caughtUp(s, source *Server) string {
	switch {
	case !s.LinkUp:
		return "it is not connected to its source"
	case source.View[s.ID] == nil || !source.View[s.ID].Replica || source.View[s.ID].MasterID != source.ID:
		// It would not hand over.
		return "its source has not heard yet that it replicates from it"
	case s.Keys == 0 && source.Keys > 0:
		return "it is empty, and its source is not"
	case source.Offset-s.Offset > lagBound:
		return fmt.Sprintf("it is %d bytes behind", source.Offset-s.Offset)
	case !source.ClusterOK || !s.ClusterOK:
		return "the cluster is down for one of the two (cluster_state:fail)"
	}
	return ""
}

// promotionWithoutSource: the source is not seen, and the user says that the node takes over. It
// must have had all of it once.
func (v *view) promotionWithoutSource(m Member, s *Server, sourceID string) (way, why string) {
	n := v.obj.Status.Topology[m.Name]
	switch {
	case n == nil || n.Replicated != sourceID:
		return "", "its source is not seen, and it has never been seen to have a full copy"
	case s.Keys == 0:
		return "", fmt.Sprintf("its source is not seen, and it is empty itself. Bring the source back, or promote a node that has data; if there is none, give up what the source held with the annotation %s: %s", v1alpha1.AnnotationGiveUpSlots, sourceID)
	case s.LinkUp:
		return "", "its source is not seen, and serves it"
	case !v.gone(sourceID):
		return "", "its source is not seen by the operator, and the cluster does not say that it is dead"
	}
	if source := v.server(v.names[sourceID]); source != nil && source.Silent < failoverPatience && !source.Refused && !v.in.Pods[source.Name].Gone() {
		return "", "its source may be back in a moment"
	}
	// Without votes only where half of the sources are said to be dead, since more than half must
	// vote; not where the operator alone does not see them.
	dead := 0
	for id := range v.owned {
		if v.gone(id) {
			dead++
		}
	}
	if 2*dead >= len(v.owned) {
		return wayTakeOver, ""
	}
	return wayForce, ""
}

// passedOver names the replicas of a source that have, or may have, received more than one that
// is forced.
func (v *view) passedOver(m Member, sourceID string) string {
	text, s := "", v.server(m.Name)
	for _, o := range v.ofShard(m.Shard) {
		other := v.server(o.Name)
		switch {
		case o.Name == m.Name || v.data.IDs[o.Name] == sourceID:
		case !other.OK():
			text += fmt.Sprintf("; %s, which is not seen, may have received more", o.Name)
		case other.Replica && other.MasterID == sourceID && other.Offset > s.Offset:
			text += fmt.Sprintf("; %s has received %d bytes more", o.Name, other.Offset-s.Offset)
		}
	}
	return text
}

// openSlots says whether a node has open slots, at either of their ends.
func (v *view) openSlots(id string) bool {
	for _, s := range v.ours() {
		if s.ID == id && s.Open() {
			return true
		}
		for _, other := range s.Migrating {
			if other == id {
				return true
			}
		}
		for _, other := range s.Importing {
			if other == id {
				return true
			}
		}
	}
	return false
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package rediscluster

import (
	"fmt"
	"slices"
	"strings"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/reconcile"
)

// vanished: the cluster has existed, and of all that are seen nobody knows of it any more.
func (v *view) vanished() bool {
	return v.data.Established && len(v.clusters) == 0 && !v.gifts[giftAll]
}

func (v *view) reportVanished() reconcile.Plan[Data] {
	return v.reportOnly("ClusterLost", fmt.Sprintf("the cluster existed, and no node that is seen knows of it: they were restarted without what they held, or reset. Bring back a node that has its nodes.conf and data; or, to begin anew with nothing, set the annotation %s: %s",
		v1alpha1.AnnotationGiveUpSlots, giftAll))
}

// unmade: there is no cluster, or one without a slot that is being made.
func (v *view) unmade() bool { return len(v.clusters) == 0 }

// create makes a cluster of fresh nodes: configure, introduce them to one another, give them
// slots. All must be seen and empty before the first slot is given.
func (v *view) create() reconcile.Plan[Data] {
	p := v.plan()
	optional(&p, "configure", v.configures())
	p.Next = busy
	var missing, refused, deaf []string
	for _, m := range v.wanted() {
		switch s := v.server(m.Name); {
		case !s.OK():
			missing = append(missing, m.Name)
		case v.refused[m.Name] != "":
			refused = append(refused, m.Name)
		case v.deaf(s):
			deaf = append(deaf, m.Name)
		}
	}
	v.notes()
	p.Data = v.data
	switch {
	case len(refused) > 0:
		return v.waiting(p, "NodeRefused", fmt.Sprintf("the cluster is made of empty nodes only: %s: %s", refused[0], v.refused[refused[0]]))
	case len(missing) > 0:
		return v.waiting(p, "NodesMissing", "the cluster is made once all nodes are seen: "+strings.Join(missing, ", ")+" not yet")
	case len(deaf) > 0:
		return v.waiting(p, "NodeNotReady", deaf[0]+": "+v.data.Notes[deaf[0]])
	}
	// Whoever finds some nodes introduced and some slots given and others not has to know that those
	// others held nothing.
	v.data.Creating, v.data.Established = true, false
	p.Data, p.Persist = v.data, true
	nodes := slices.DeleteFunc(slices.Clone(v.newcomers), func(s *Server) bool { return v.member(s.ID).Leaving })
	if meets := v.introductions(nodes); len(meets) > 0 {
		p.Steps = append(p.Steps, reconcile.Step{Name: "meet", Actions: meets})
		return v.waiting(p, "Creating", "the nodes are introduced to one another")
	}
	for _, s := range nodes {
		for _, o := range nodes {
			if !s.reaches(o.ID) {
				// An introduction that is under way may still fail.
				return v.waiting(p, "Creating", "the nodes are introduced to one another")
			}
		}
	}
	p.Steps = append(p.Steps, reconcile.Step{Name: "assign", Actions: v.assignments()})
	p.Next = atOnce
	return v.waiting(p, "Creating", "slots are given to the sources")
}

// waiting ends a plan that has not come to its end.
func (v *view) waiting(p reconcile.Plan[Data], reason, text string) reconcile.Plan[Data] {
	p.Steps = append(p.Steps, v.route())
	p.Conditions = reconcile.Topology(false, reason, text)
	p.Events = append(p.Events, v.events...)
	return p
}

// assignments give each shard its part of the slots that nobody owns: the parts follow from the
// names of the shards alone.
func (v *view) assignments() []reconcile.Action {
	shards := shardsOf(v.obj)
	var out []reconcile.Action
	free := allSlots()
	if len(v.clusters) > 0 {
		free = v.unowned
	}
	for i, shard := range shards {
		var part Slots
		part.AddRange(i*slotCount/len(shards), (i+1)*slotCount/len(shards)-1)
		part = part.And(free)
		if part.Empty() {
			continue
		}
		if m, s := v.firstSource(shard); s != nil {
			out = append(out, Assign{target: target{m.Name}, ID: s.ID, Slots: part})
		}
	}
	return out
}

// firstSource is who gets the slots of a shard of a cluster that is made.
func (v *view) firstSource(shard string) (Member, *Server) {
	var first *Server
	var of Member
	for _, m := range v.ofShard(shard) {
		s := v.server(m.Name)
		if !s.Master() {
			continue
		}
		if !s.Slots.Empty() {
			return m, s
		}
		if first == nil && s.Bare() && v.refused[m.Name] == "" {
			of, first = m, s
		}
	}
	return of, first
}

// introductions are between nodes that do not reach one another. Who knows nobody is introduced
// by the first; the others hear of them from that one.
func (v *view) introductions(nodes []*Server) []reconcile.Action {
	others := map[string]map[string]string{}
	for i, s := range nodes {
		for _, o := range nodes[i+1:] {
			by, to := s, o
			if s.reaches(o.ID) && !o.reaches(s.ID) {
				by, to = o, s
			}
			known := s.knows(o.ID) || o.knows(s.ID)
			if by.reaches(to.ID) && to.reaches(by.ID) || by.shakes(to) || !known && i > 0 {
				continue
			}
			if others[by.Name] == nil {
				others[by.Name] = map[string]string{}
			}
			others[by.Name][to.Name] = to.ID
		}
	}
	for _, s := range nodes {
		if by := s.misled(nodes); by != nil && !by.shakes(s) {
			if others[by.Name] == nil {
				others[by.Name] = map[string]string{}
			}
			others[by.Name][s.Name] = s.ID
		}
	}
	var out []reconcile.Action
	for _, s := range nodes {
		if to := others[s.Name]; to != nil {
			out = append(out, Meet{target: target{s.Name}, ID: s.ID, Others: to})
		}
	}
	return out
}

// misled is a node that reaches a server at another address than the one that the server takes for its
// own; nil where there is none. A server learns its own address from whoever introduces it. One that
// has introduced all others itself, after its address had changed, tells clients the old one for ever.
func (s *Server) misled(nodes []*Server) *Server {
	own := s.View[s.ID]
	if own == nil || own.IP == "" {
		// Where it does not know any, clients stay at the address at which they have asked.
		return nil
	}
	for _, o := range nodes {
		if o != s && o.reaches(s.ID) && o.View[s.ID].IP != own.IP {
			return o
		}
	}
	return nil
}

// shakes says whether an introduction to another node is under way.
func (s *Server) shakes(o *Server) bool {
	own := o.View[o.ID]
	for _, p := range s.View {
		if p.Handshake && own != nil && p.Port == own.Port && (p.IP == own.IP || p.IP == o.Host) {
			return true
		}
	}
	return false
}

// configures sets what differs on nodes that are ours or are to be.
func (v *view) configures() []reconcile.Action {
	var out []reconcile.Action
	for _, m := range v.wanted() {
		s := v.server(m.Name)
		if !s.OK() || s.Config == nil || v.refused[m.Name] != "" {
			continue
		}
		// A node that is in no cluster can be given another bus, where its port is set; one that is
		// would be cut off.
		fresh, c := v.byID[s.ID] == nil, s.Config
		bus := fresh && c.BusPort
		if !c.AuthOK || !c.AnnounceOK || c.Migrates || c.TLSReplication != v.tls || bus && c.TLSCluster != v.tls {
			out = append(out, Configure{target: target{m.Name}, Bus: bus})
		}
		switch {
		case v.deaf(s):
			v.data.Notes[m.Name] = fmt.Sprintf("tls-cluster is %t and spec.tls says otherwise: set it in the configuration of the server and start that anew. A server that runs does not move its bus to the port that goes with it, unless cluster-port is set", c.TLSCluster)
		case !fresh && c.TLSCluster != v.tls:
			v.data.Notes[m.Name] = fmt.Sprintf("tls-cluster is %t and spec.tls says otherwise: changing it cuts the node off from the others, so it is left to you: set it in the configuration of all nodes, and start them anew", c.TLSCluster)
		}
	}
	return out
}

// deaf says of a node that is in no cluster whether its bus speaks TLS and should not, or the other
// way round, and cannot be changed while it runs. The bus listens where it did when the server was
// started: at the port of cluster-port, or else at that of the clients whom tls-cluster names (port
// or tls-port) plus 10000. The announced one follows tls-cluster at once, and nobody listens there.
func (v *view) deaf(s *Server) bool {
	return s.OK() && v.byID[s.ID] == nil && s.Config != nil && s.Config.TLSCluster != v.tls && !s.Config.BusPort
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package mysql

import (
	"slices"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// dropAliases forgets leaving nodes that are a member under another name: nothing is
// to be done to them, and nothing depends on them.
func (v *view) dropAliases() {
	byUUID := map[string]*Server{}
	v.members = slices.DeleteFunc(slices.Clone(v.members), func(m Member) bool {
		s := v.server(m.Name)
		if !s.OK() {
			return false
		}
		other, dup := byUUID[s.UUID]
		if !dup {
			byUUID[s.UUID] = s
			return false
		}
		if !m.Leaving || !v.isAlias(s, other) {
			return false
		}
		v.data.Drop[m.Name] = true
		if v.data.Source == m.Name {
			v.data.Source = other.Name
		}
		return true
	})
}

// isAlias: one server under two names, not two servers of which one is a copy. A copy
// that nothing depends on and that holds nothing more may be forgotten like one.
func (v *view) isAlias(s, other *Server) bool {
	if r := v.data.Switchover; r != nil && r.Phase != v1alpha1.SwitchoverUndone && (r.From == s.Name || r.To == s.Name) {
		return false
	}
	if s.Host == other.Host && s.Port == other.Port {
		return true
	}
	return v.data.Source != s.Name && other.Received().Contains(s.Received())
}

// resolveChannels finds members that are followed under another address than the spec's (an
// IP, another DNS name), and replicas that the name of a member has led to another one. The
// uuid that a channel tells is that of its last connection, so that it counts only while the
// receiver is connected.
func (v *view) resolveChannels() {
	for _, m := range v.members {
		s := v.server(m.Name)
		if !s.OK() || s.Channel == nil || s.Channel.IO != ThreadYes {
			continue
		}
		lead := v.connectedTo(s)
		if lead == nil || s.Follows(lead) {
			continue
		}
		resolved, channel := *s, *s.Channel
		channel.SourceHost, channel.SourcePort, channel.Elsewhere = lead.Host, lead.Port, true
		resolved.Channel = &channel
		v.state.Nodes[m.Name] = &resolved
	}
}

// connectedTo is the member that a connected replica follows where its address does not
// tell: nil where it does. An address that is a member's is not believed where that one is
// seen to be another server than the uuid tells.
func (v *view) connectedTo(s *Server) *Server {
	named := v.followed(s)
	for _, o := range v.members {
		lead := v.server(o.Name)
		switch {
		case o.Name == s.Name || lead == named:
		case named != nil && (!named.OK() || isOf(s.Channel.SourceUUID)(named.UUID)):
		case v.knownAs(lead, s.Channel.SourceUUID):
			return lead
		}
	}
	return nil
}

// knownAs says whether a node has that uuid, or had it when it was recorded: a server of
// before may run still, at an address of its own.
//
// A record that a look at a name left which led elsewhere counts for nothing against whoever
// is seen to have that uuid, or is the source with it.
func (v *view) knownAs(s *Server, uuid string) bool {
	was := isOf(uuid)
	for _, m := range v.members {
		if o := v.server(m.Name); o.OK() && was(o.UUID) {
			return o == s
		}
	}
	if was(v.status.SourceUUID) && v.server(v.status.Source) != nil {
		return s.Name == v.status.Source
	}
	n := v.status.Topology[s.Name]
	return was(v.uuidOf(s.Name)) || n != nil && was(n.ServerUUID) || s.Name == v.status.Source && was(v.status.SourceUUID)
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// RedisClusterMember is one server of a cluster, and the addresses that it announces.
type RedisClusterMember struct {
	RedisNode `json:",inline"`

	// AnnounceBusPort is the port of the cluster bus that goes with announceHost and
	// announcePort (cluster-announce-bus-port). When it is not given, it is what the server
	// has by itself: its own port and 10000.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=65535
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Announced bus port",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:number"}
	AnnounceBusPort int32 `json:"announceBusPort,omitempty"`
}

// RedisClusterShard lists the nodes that hold the same slots: the preferred source first.
// +kubebuilder:validation:MinItems=1
// +kubebuilder:validation:MaxItems=8
// +listType=atomic
type RedisClusterShard []RedisClusterMember

// RedisClusterSpec is the cluster that the user wants.
// A rule that the object broke before does not refuse an update (ratcheting). That no two
// nodes of different shards have the same name or address is for the webhook to say.
// +kubebuilder:validation:XValidation:optionalOldSelf=true,rule="self.members.all(s, self.members[s].all(a, self.members[s].exists_one(b, b.name == a.name))) || (oldSelf.hasValue() && !oldSelf.value().members.all(s, oldSelf.value().members[s].all(a, oldSelf.value().members[s].exists_one(b, b.name == a.name))))",message="spec.members names a node twice in one shard; remove one of them"
// +kubebuilder:validation:XValidation:optionalOldSelf=true,rule="self.members.all(s, self.members[s].all(a, self.members[s].exists_one(b, b.host == a.host && b.port == a.port))) || (oldSelf.hasValue() && !oldSelf.value().members.all(s, oldSelf.value().members[s].all(a, oldSelf.value().members[s].exists_one(b, b.host == a.host && b.port == a.port))))",message="spec.members has two nodes of one shard with the same host and port; correct one of them"
// +kubebuilder:validation:XValidation:optionalOldSelf=true,rule="self.members.all(s, self.members[s].all(m, !has(m.external) || !m.external)) || (oldSelf.hasValue() && !oldSelf.value().members.all(s, oldSelf.value().members[s].all(m, !has(m.external) || !m.external)))",message="spec.members has a node with external: true; the nodes of a cluster are pods: leave it out"
// +kubebuilder:validation:XValidation:optionalOldSelf=true,rule="self.members.all(s, s.matches('^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$') && size(s) <= 63) || (oldSelf.hasValue() && !oldSelf.value().members.all(s, s.matches('^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$') && size(s) <= 63))",message="spec.members has a shard whose name is not letters, digits, '-', '_' and '.', 63 at the most; give it another name"
// +kubebuilder:validation:XValidation:rule="!has(self.tls) || !has(self.tls.serverFiles)",message="spec.tls.serverFiles is not used with Redis: its servers have one certificate for all (tls-cert-file, tls-key-file, tls-ca-cert-file); remove it"
// +kubebuilder:validation:XValidation:rule="!has(self.service) || !has(self.service.type) || self.service.type != 'ExternalName'",message="spec.service.type ExternalName is not for a cluster, whose clients need all of its nodes; use ClusterIP, NodePort or LoadBalancer"
type RedisClusterSpec struct {
	// Secret with the password.
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Credentials"
	Secret RedisReplicationSecret `json:"secret"`

	// AESSecret names the key that the password is encrypted with.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Encryption key",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:advanced"}
	AESSecret *AESSecret `json:"aesSecret,omitempty"`

	// TLS says how the operator's connections and those of the servers among each other are
	// secured. A port of a Redis server speaks TLS or it does not: the modes disable and
	// preferred use none, the others use it, with tls-replication and tls-cluster on the servers.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="TLS",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:advanced"}
	TLS *DatabaseTLS `json:"tls,omitempty"`

	// Members are the shards by name, and the nodes of each: the first one should be its
	// source. To promote another node of the shard, put it first.
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=64
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Members"
	Members map[string]RedisClusterShard `json:"members"`

	// Service asks for two Services that lead to all nodes of the cluster and says how the
	// first of them is exposed: <name>, and <name>-headless, whose name resolves to the
	// addresses of the nodes. Without it there are none.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Services",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:advanced"}
	Service *ServiceSpec `json:"service,omitempty"`
}

// RedisClusterNode is what was observed of one node. A figure that the server did not give
// is absent, never zero.
type RedisClusterNode struct {
	// Host under which the node was asked.
	Host string `json:"host,omitempty"`
	// Port under which the node was asked.
	Port int32 `json:"port,omitempty"`
	// Role that the node plays.
	// +optional
	Role RedisRole `json:"role"`
	// Status of the node itself.
	// +optional
	Status NodeHealth `json:"status"`
	// Ready is true when the node does what the spec wants of it.
	// +optional
	Ready bool `json:"ready"`
	// Message says what is wrong, when something is.
	// +optional
	Message string `json:"message,omitempty"`

	// ID of the node in the cluster. It stays while the node is not seen.
	// +optional
	ID string `json:"id,omitempty"`
	// Shard of the spec that the node belongs to; of one that left it, the one it was in.
	// +optional
	Shard string `json:"shard,omitempty"`
	// Slots that the node owns as the cluster sees it: "0-5460" or "7".
	// +listType=atomic
	// +optional
	Slots []string `json:"slots,omitempty"`
	// MasterRef is the id of the node that it replicates from.
	// +optional
	MasterRef string `json:"masterRef,omitempty"`
	// MasterLinkStatus is the state of the link to that node: up or down.
	// +optional
	MasterLinkStatus string `json:"masterLinkStatus,omitempty"`
	// ReplOffset is where the node stands in its replication stream, in bytes.
	// +optional
	ReplOffset *int64 `json:"replOffset,omitempty"`
	// Keys that it holds.
	// +optional
	Keys *int64 `json:"keys,omitempty"`
	// AnnounceHost is the address that the spec has the node announce, where it has one.
	// +optional
	AnnounceHost string `json:"announceHost,omitempty"`
	// AnnouncePort that belongs to it.
	// +optional
	AnnouncePort int32 `json:"announcePort,omitempty"`
	// AnnounceBusPort that belongs to it.
	// +optional
	AnnounceBusPort int32 `json:"announceBusPort,omitempty"`
	// Replicated names the node, by its id, that this one was last seen to have a full copy of.
	// +optional
	Replicated string `json:"replicated,omitempty"`
}

// RedisClusterMove is slots that the operator moves from one node to another. It is on record
// before the first of them is opened, so that after a restart it is known whose they are.
type RedisClusterMove struct {
	// Slots that are to be moved: "0-99,200". Those that were stay listed until all are.
	// +kubebuilder:validation:MaxLength=65536
	Slots string `json:"slots"`
	// From is the id of the node that gives them, To of the one that gets them.
	From string `json:"from"`
	// To is the id of the node that gets them.
	To string `json:"to"`
	// FromRunID is the process that gave slots when the move was put on record. One that has
	// started since may have read an older snapshot, with keys that were moved already.
	// +optional
	FromRunID string `json:"fromRunID,omitempty"`
	// Inherited: one of the two was promoted while the slots were being moved. The marks of
	// those that were open may be gone, and their keys be on both.
	// +optional
	Inherited bool `json:"inherited,omitempty"`
}

// RedisClusterMigration is how far the moves on record have come.
type RedisClusterMigration struct {
	// StartedAt is when the first of the slots was put on record.
	StartedAt metav1.Time `json:"startedAt"`
	// Slots that are to be moved, in all, and how many of them are left.
	Slots int32 `json:"slots"`
	// SlotsLeft is how many of them are left.
	SlotsLeft int32 `json:"slotsLeft"`
	// Keys that have been moved, as far as they were counted.
	// +optional
	Keys int64 `json:"keys,omitempty"`
	// SlotsPerMinute since it began.
	// +optional
	SlotsPerMinute int32 `json:"slotsPerMinute,omitempty"`
	// SecondsLeft is how long the rest takes at that rate.
	// +optional
	SecondsLeft int64 `json:"secondsLeft,omitempty"`
}

// RedisClusterFormerNode is a node of the cluster that no member is any more: its pod has come
// back with another id, or it left the spec.
type RedisClusterFormerNode struct {
	// ID of the node in the cluster.
	ID string `json:"id"`
	// Name of the member that it was.
	Name string `json:"name"`
	// Shard that it was in.
	// +optional
	Shard string `json:"shard,omitempty"`
}

// RedisClusterStatus is what was observed.
type RedisClusterStatus struct {
	// Topology by node name.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Topology"
	Topology map[string]*RedisClusterNode `json:"topology,omitempty"`
	// Ready mirrors the condition of that name.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Ready"
	Ready bool `json:"ready"`
	// ObservedGeneration is the generation of the spec that this status is about.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Observed generation"
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Conditions say what is as it should be, what is not, and what to do: Ready,
	// TopologyReady, ResourceReady, Reconciling and Stalled.
	// +listType=map
	// +listMapKey=type
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Conditions",xDescriptors={"urn:alm:descriptor:io.kubernetes.conditions"}
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// NumberOfShard is how many sources own slots.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Shards"
	NumberOfShard int32 `json:"numberOfShard"`
	// ClusterJoined is true while every node of the spec is seen, and knows and reaches every other one.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Joined"
	ClusterJoined bool `json:"clusterJoined"`
	// ClusterSynced is true while every slot is owned by a source that is seen, all sources
	// agree on that, no slot is open or to be moved, and every replica follows the source
	// of its shard.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Synced"
	ClusterSynced bool `json:"clusterSynced"`
	// SlotsAssigned is how many of the 16384 slots are owned by a node that is seen.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Slots that are served"
	SlotsAssigned int32 `json:"slotsAssigned,omitempty"`
	// Nodes reads "ready/wanted".
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Nodes (ready/wanted)"
	Nodes string `json:"nodes,omitempty"`
	// Creating is true from before the first slot is given to a node until all are: slots that
	// nobody owns have held nothing.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Creating"
	Creating bool `json:"creating,omitempty"`
	// Established is true once the cluster has existed: it is never made a second time beside
	// its remains.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Established"
	Established bool `json:"established,omitempty"`
	// Preferred is the first node of each shard as it was last taken note of. A shard whose first
	// node is another one now is promoted there; one whose source Redis itself has changed is
	// left as it is.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Preferred sources"
	Preferred map[string]string `json:"preferred,omitempty"`
	// ForceSpent is the value that the annotation compose-operator/force-promote had while the
	// source in question was there: it does not count when that dies later.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Spent force-promote"
	ForceSpent string `json:"forceSpent,omitempty"`
	// GiveUpSpent is the same of the annotation compose-operator/give-up-slots.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Spent give-up-slots"
	GiveUpSpent string `json:"giveUpSpent,omitempty"`
	// Moves are the slots that the operator is moving.
	// +listType=atomic
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Moves"
	Moves []RedisClusterMove `json:"moves,omitempty"`
	// Migration is how far they have come.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Migration"
	Migration *RedisClusterMigration `json:"migration,omitempty"`
	// FormerNodes are nodes that the cluster may still know and that no member is any more.
	// +listType=atomic
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Former nodes"
	FormerNodes []RedisClusterFormerNode `json:"formerNodes,omitempty"`
	// UnknownNodes are nodes of the cluster that the spec does not name and never has.
	// +listType=atomic
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Nodes that the spec does not name"
	UnknownNodes []string `json:"unknownNodes,omitempty"`
}

// RedisCluster is a Redis Cluster or Valkey cluster of servers that exist as pods: its shards,
// and who should be the source of each.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +operator-sdk:csv:customresourcedefinitions:displayName="Redis Cluster",resources={{Service,v1},{Pod,v1},{Secret,v1},{Event,v1}}
// +kubebuilder:validation:XValidation:optionalOldSelf=true,rule="oldSelf.hasValue() || size(self.metadata.name) <= 53",message="metadata.name must have 53 characters at the most: it is part of the names of the Services"
// +kubebuilder:resource:path=redisclusters,singular=rediscluster,shortName=rc;rediscl,categories=compose
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Shards",type=integer,JSONPath=`.status.numberOfShard`
// +kubebuilder:printcolumn:name="Nodes",type=string,JSONPath=`.status.nodes`,description="ready/wanted"
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Slots",type=integer,priority=1,JSONPath=`.status.slotsAssigned`
// +kubebuilder:printcolumn:name="To move",type=integer,priority=1,JSONPath=`.status.migration.slotsLeft`
// +kubebuilder:printcolumn:name="Reason",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type RedisCluster struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what the user wants.
	Spec RedisClusterSpec `json:"spec"`
	// Status is what the operator observed.
	Status RedisClusterStatus `json:"status,omitempty"`
}

// RedisClusterList is a list of RedisCluster.
// +kubebuilder:object:root=true
type RedisClusterList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []RedisCluster `json:"items"`
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// RedisRejoinPolicy is what becomes of a replica that holds something that the source lacks.
// +kubebuilder:validation:Enum=Manual;Resync
type RedisRejoinPolicy string

// The values of RedisRejoinPolicy.
const (
	// RedisRejoinManual reports it and leaves it as it is.
	RedisRejoinManual RedisRejoinPolicy = "Manual"
	// RedisRejoinResync makes it a replica all the same: a full resynchronization replaces
	// all that it holds.
	RedisRejoinResync RedisRejoinPolicy = "Resync"
)

// RedisReplicationSecret names the Secret of the password and the key in it.
type RedisReplicationSecret struct {
	// Name of the Secret, in the namespace of this resource.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Credential secret",xDescriptors={"urn:alm:descriptor:io.kubernetes:Secret"}
	Name string `json:"name"`

	// Redis is the key of the password: requirepass of the servers, or that of the ACL user.
	// +kubebuilder:default=redis
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Key of the password",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:text"}
	Redis string `json:"redis,omitempty"`

	// User is the ACL user as whom the operator connects, and the replicas to their source
	// (masteruser). When it is not given, it is the default user, with requirepass.
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[^[:space:]]*$`
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="ACL user",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:text"}
	User string `json:"user,omitempty"`
}

// RedisNode is one Redis server, and the address that it announces.
type RedisNode struct {
	Node `json:",inline"`

	// AnnounceHost is the address under which the server is known to other servers and to
	// Sentinel (replica-announce-ip). When it is not given, it is host.
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self == '' || self.matches('^([A-Za-z0-9_]([-A-Za-z0-9_]*[A-Za-z0-9_])?[.])*[A-Za-z0-9_]([-A-Za-z0-9_]*[A-Za-z0-9_])?[.]?$') || self.matches('^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*$')",message="announceHost must be an IP address or a DNS name, without a scheme or a port"
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Announced host",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:text"}
	AnnounceHost string `json:"announceHost,omitempty"`

	// AnnouncePort belongs to it (replica-announce-port). When it is not given, it is port.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=65535
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Announced port",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:number"}
	AnnouncePort int32 `json:"announcePort,omitempty"`
}

// RedisReplicaNode is a server that replicates from the source.
type RedisReplicaNode struct {
	RedisNode `json:",inline"`

	// Isolated detaches the node from replication: it stays read-only, carries
	// no managed labels and is in no Service.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Isolated",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:booleanSwitch"}
	Isolated bool `json:"isolated,omitempty"`
}

// RedisReplicationSpec is the topology that the user wants.
// A rule that the object broke before does not refuse an update (ratcheting).
// +kubebuilder:validation:XValidation:optionalOldSelf=true,rule="!has(self.replica) || self.replica.all(r, r.name != self.source.name) || (oldSelf.hasValue() && has(oldSelf.value().replica) && !oldSelf.value().replica.all(r, r.name != oldSelf.value().source.name))",message="spec.replica names the node that is spec.source; a node is either the source or a replica: remove it from one of them"
// +kubebuilder:validation:XValidation:optionalOldSelf=true,rule="!has(self.replica) || self.replica.all(r, r.host != self.source.host || r.port != self.source.port) || (oldSelf.hasValue() && has(oldSelf.value().replica) && !oldSelf.value().replica.all(r, r.host != oldSelf.value().source.host || r.port != oldSelf.value().source.port))",message="spec.replica has the host and port of spec.source; every node needs its own: correct host or port"
// +kubebuilder:validation:XValidation:optionalOldSelf=true,rule="!has(self.replica) || self.replica.all(a, self.replica.exists_one(b, b.name == a.name)) || (oldSelf.hasValue() && has(oldSelf.value().replica) && !oldSelf.value().replica.all(a, oldSelf.value().replica.exists_one(b, b.name == a.name)))",message="spec.replica names a node twice; remove one of them"
// +kubebuilder:validation:XValidation:optionalOldSelf=true,rule="!has(self.replica) || self.replica.all(a, self.replica.exists_one(b, b.host == a.host && b.port == a.port)) || (oldSelf.hasValue() && has(oldSelf.value().replica) && !oldSelf.value().replica.all(a, oldSelf.value().replica.exists_one(b, b.host == a.host && b.port == a.port)))",message="spec.replica has two nodes with the same host and port; correct one of them"
// +kubebuilder:validation:XValidation:optionalOldSelf=true,rule="(!has(self.sentinel) || self.sentinel.all(a, self.sentinel.exists_one(b, b == a))) || (oldSelf.hasValue() && !((!has(oldSelf.value().sentinel) || oldSelf.value().sentinel.all(a, oldSelf.value().sentinel.exists_one(b, b == a)))))",message="spec.sentinel names a pod twice; remove one of them"
// +kubebuilder:validation:XValidation:optionalOldSelf=true,rule="(!has(self.sentinel) || self.sentinel.all(a, a != self.source.name && (!has(self.replica) || self.replica.all(r, r.name != a)))) || (oldSelf.hasValue() && !((!has(oldSelf.value().sentinel) || oldSelf.value().sentinel.all(a, a != oldSelf.value().source.name && (!has(oldSelf.value().replica) || oldSelf.value().replica.all(r, r.name != a))))))",message="spec.sentinel names a pod that is spec.source or in spec.replica; a Sentinel is no data node: remove it from one of them"
// +kubebuilder:validation:XValidation:rule="!has(self.tls) || !has(self.tls.serverFiles)",message="spec.tls.serverFiles is not used with Redis: its servers have one certificate for all (tls-cert-file, tls-key-file, tls-ca-cert-file); remove it"
type RedisReplicationSpec struct {
	// Secret with the password.
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Credentials"
	Secret RedisReplicationSecret `json:"secret"`

	// AESSecret names the key that the password is encrypted with.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Encryption key",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:advanced"}
	AESSecret *AESSecret `json:"aesSecret,omitempty"`

	// TLS says how the operator's connections and those of the replicas are secured. A
	// port of a Redis server speaks TLS or it does not: the modes disable and preferred use
	// none, the others use it, with tls-replication on the replicas.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="TLS",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:advanced"}
	TLS *DatabaseTLS `json:"tls,omitempty"`

	// Source is the node that takes writes. To switch over, exchange it with a replica.
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Source"
	Source *RedisNode `json:"source"`

	// Replica lists the nodes that replicate from the source.
	// +kubebuilder:validation:MaxItems=32
	// +listType=atomic
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Replicas"
	Replica []RedisReplicaNode `json:"replica,omitempty"`

	// Sentinel lists the pods of the Sentinels that watch over the servers. With one or
	// more, Sentinel decides who is the source, and the operator follows: it reports what it
	// observes and leads the labels and Services there.
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +listType=atomic
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Sentinel pods"
	Sentinel []string `json:"sentinel,omitempty"`

	// RejoinPolicy says what becomes of a replica that holds, or may hold, writes that the
	// source lacks. Manual leaves it to you. Resync replaces all that it holds by a full
	// resynchronization from the source.
	// +kubebuilder:default=Manual
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Rejoin policy",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:select:Manual","urn:alm:descriptor:com.tectonic.ui:select:Resync","urn:alm:descriptor:com.tectonic.ui:advanced"}
	RejoinPolicy RedisRejoinPolicy `json:"rejoinPolicy,omitempty"`

	// Service says how <name>-readwrite and <name>-readonly are exposed.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Services",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:advanced"}
	Service *ServiceSpec `json:"service,omitempty"`
}

// RedisRole is the part that a node was observed to play.
// +kubebuilder:validation:Enum=Source;Replica;None
type RedisRole string

// The values of RedisRole.
const (
	RedisRoleSource  RedisRole = "Source"
	RedisRoleReplica RedisRole = "Replica"
	RedisRoleNone    RedisRole = "None"
)

// RedisReplicationNode is what was observed of one node. A figure that the
// server did not give is absent, never zero.
type RedisReplicationNode struct {
	// Host under which the node was asked.
	Host string `json:"host,omitempty"`
	// Port under which the node was asked.
	Port int32 `json:"port,omitempty"`
	// External is true of a node that is no pod of the namespace.
	// +optional
	External bool `json:"external,omitempty"`
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

	// AnnounceHost is the address that the node announces.
	// +optional
	AnnounceHost string `json:"announceHost,omitempty"`
	// AnnouncePort that belongs to it.
	// +optional
	AnnouncePort int32 `json:"announcePort,omitempty"`
	// SourceHost that the node replicates from.
	// +optional
	SourceHost string `json:"sourceHost,omitempty"`
	// SourcePort that belongs to it.
	// +optional
	SourcePort int32 `json:"sourcePort,omitempty"`
	// MasterLinkStatus is the state of the link to the source: up or down.
	// +optional
	MasterLinkStatus string `json:"masterLinkStatus,omitempty"`
	// MasterSyncInProgress is true while the source sends a full copy.
	// +optional
	MasterSyncInProgress bool `json:"masterSyncInProgress,omitempty"`
	// SlaveReplOffset is how far a replica has applied the replication stream, in bytes.
	// +optional
	SlaveReplOffset *int64 `json:"slaveReplOffset,omitempty"`
	// MasterReplOffset is where the server's own replication stream stands, in bytes.
	// +optional
	MasterReplOffset *int64 `json:"masterReplOffset,omitempty"`
	// ReplicationID is the server's master_replid: it names the history that the offsets count.
	// It stays while the node is not seen.
	// +optional
	ReplicationID string `json:"replicationID,omitempty"`
	// RunID of the process that was observed last.
	// +optional
	RunID string `json:"runID,omitempty"`
	// HeldData is true when the node held keys when it was seen last.
	// +optional
	HeldData bool `json:"heldData,omitempty"`
	// Replicated is true once the node has replicated from the source, until it was the source
	// or was seen to hold something of its own.
	// +optional
	Replicated bool `json:"replicated,omitempty"`
	// ExtraBytes is how many bytes of replication stream the node holds and the source lacks,
	// where the two can be compared.
	// +optional
	ExtraBytes *int64 `json:"extraBytes,omitempty"`
	// Diverged is true when the node holds, or may hold, writes that the source lacks.
	// +optional
	Diverged bool `json:"diverged,omitempty"`
}

// RedisSwitchoverStatus is the record of a change of the source in progress.
type RedisSwitchoverStatus struct {
	SwitchoverStatus `json:",inline"`
	// FromRunID is the process that was the source when it began. It takes no writes any
	// more once the change has ended.
	// +optional
	FromRunID string `json:"fromRunID,omitempty"`
	// ToRunID is the process that is to be the source: another one has not been promoted.
	// +optional
	ToRunID string `json:"toRunID,omitempty"`
	// ReplicationID of the source when it began.
	// +optional
	ReplicationID string `json:"replicationID,omitempty"`
}

// RedisLastSwitchover is the result of the last change of the source.
type RedisLastSwitchover struct {
	LastSwitchover `json:",inline"`
	// FromRunID is the process that was the source, where it was fenced and the new source
	// had everything of it: what it holds while it runs is no more than that.
	// +optional
	FromRunID string `json:"fromRunID,omitempty"`
	// BehindRunIDs are further processes that held nothing then which the new source lacked,
	// and took no writes: the same counts for them.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +optional
	BehindRunIDs []string `json:"behindRunIDs,omitempty"`
}

// RedisReplicationHistory is a replication id of an earlier source, and how much of what was
// written under it the present source holds.
type RedisReplicationHistory struct {
	// ID is the replication id.
	ID string `json:"id"`
	// Offset up to which the source holds it, in bytes.
	Offset int64 `json:"offset"`
}

// RedisReplicationStatus is what was observed.
type RedisReplicationStatus struct {
	// Topology by node name.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Topology"
	Topology map[string]*RedisReplicationNode `json:"topology,omitempty"`
	// Ready mirrors the condition of that name.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Ready"
	Ready bool `json:"ready"`
	// ObservedGeneration is the generation of the spec that this status is about.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Observed generation"
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Conditions say what is as it should be, what is not, and what to do: Ready,
	// TopologyReady, ResourceReady, Reconciling and Stalled; with Sentinel AsSpecified too.
	// +listType=map
	// +listMapKey=type
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Conditions",xDescriptors={"urn:alm:descriptor:io.kubernetes.conditions"}
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// ReadWriteService is the Service that leads to the source, while it is in place.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Service for writes",xDescriptors={"urn:alm:descriptor:io.kubernetes:Service"}
	ReadWriteService string `json:"readwriteService,omitempty"`
	// ReadOnlyService is the Service that leads to the replicas, while it is in place.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Service for reads",xDescriptors={"urn:alm:descriptor:io.kubernetes:Service"}
	ReadOnlyService string `json:"readonlyService,omitempty"`

	// Source is the node that the operator knows as the source: the one that it set up,
	// adopted or promoted last, or, with Sentinel, observed last.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Source",xDescriptors={"urn:alm:descriptor:io.kubernetes:Pod"}
	Source string `json:"source,omitempty"`
	// ReplicationID of that node when it was last seen as the source. Another one that does
	// not continue it is a server that has lost what it held.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Replication id"
	ReplicationID string `json:"replicationID,omitempty"`
	// History are the replication ids before that one which the source continues, the last
	// one last.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Earlier replication ids"
	History []RedisReplicationHistory `json:"history,omitempty"`
	// ForcedRunID is the process of the source that the annotation force-promote counts for,
	// while it names the source. For a later process it does not.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Forced process"
	ForcedRunID string `json:"forcedRunID,omitempty"`
	// Replicas reads "ready/wanted".
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Replicas (ready/wanted)"
	Replicas string `json:"replicas,omitempty"`
	// Switchover in progress, or undone.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Switchover"
	Switchover *RedisSwitchoverStatus `json:"switchover,omitempty"`
	// LastSwitchover that finished.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Last switchover"
	LastSwitchover *RedisLastSwitchover `json:"lastSwitchover,omitempty"`
}

// RedisReplication is the replication topology of Redis or Valkey servers that exist as
// pods: who is the source, and who replicates from it.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +operator-sdk:csv:customresourcedefinitions:displayName="Redis Replication",resources={{Service,v1},{EndpointSlice,discovery.k8s.io/v1},{Pod,v1},{Secret,v1},{Event,v1}}
// +kubebuilder:validation:XValidation:optionalOldSelf=true,rule="oldSelf.hasValue() || size(self.metadata.name) <= 53",message="metadata.name must have 53 characters at the most: it is part of the names of the Services"
// +kubebuilder:resource:path=redisreplications,singular=redisreplication,shortName=rr;redisrepl,categories=compose
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Source",type=string,JSONPath=`.status.source`
// +kubebuilder:printcolumn:name="Replicas",type=string,JSONPath=`.status.replicas`,description="ready/wanted"
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Wanted",type=string,priority=1,JSONPath=`.spec.source.name`
// +kubebuilder:printcolumn:name="Switchover",type=string,priority=1,JSONPath=`.status.switchover.phase`
// +kubebuilder:printcolumn:name="Reason",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type RedisReplication struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what the user wants.
	Spec RedisReplicationSpec `json:"spec"`
	// Status is what the operator observed.
	Status RedisReplicationStatus `json:"status,omitempty"`
}

// RedisReplicationList is a list of RedisReplication.
// +kubebuilder:object:root=true
type RedisReplicationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []RedisReplication `json:"items"`
}

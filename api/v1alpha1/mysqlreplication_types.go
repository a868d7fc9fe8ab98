// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// MysqlReplicationMode is the way in which replicas receive the source's transactions.
// +kubebuilder:validation:Enum=rpl_async;rpl_semi_sync
type MysqlReplicationMode string

// The values of MysqlReplicationMode.
const (
	// MysqlAsync commits on the source without waiting for a replica.
	MysqlAsync MysqlReplicationMode = "rpl_async"
	// MysqlSemiSync commits once replicas have received the transaction: one, or as many
	// as spec.semiSync says.
	MysqlSemiSync MysqlReplicationMode = "rpl_semi_sync"
)

// MysqlSemiSyncTimeoutFloor is the shortest spec.semiSync.timeout: a replica that the
// operator points at a new source may need that long until it acknowledges.
const MysqlSemiSyncTimeoutFloor = 5 * time.Second

// MysqlSemiSyncSettings say for how many replicas a commit waits, and how long.
type MysqlSemiSyncSettings struct {
	// WaitForReplicaCount is how many replicas must have received a transaction before its
	// commit is acknowledged (rpl_semi_sync_source_wait_for_replica_count). No more than
	// there are replicas that are not isolated: commits would wait for ever. Have one replica
	// more than that, or commits wait while one is away, and after a failover.
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=32
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Replicas that acknowledge a commit",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:number"}
	WaitForReplicaCount int32 `json:"waitForReplicaCount,omitempty"`

	// Timeout after which a commit is acknowledged although too few replicas have received
	// it (rpl_semi_sync_source_timeout). The source then goes on without waiting, as in the
	// mode rpl_async, until enough replicas have caught up: a failover can lose writes that
	// were acknowledged meanwhile. When it is not given, commits wait as long as it takes.
	// At least 5s.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('5s')",message="spec.semiSync.timeout must be 5s or more: a replica that is pointed at a new source may need that long until it acknowledges. Leave it out to have commits wait as long as it takes"
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Timeout of a commit",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:text"}
	Timeout *metav1.Duration `json:"timeout,omitempty"`
}

// EffectiveCount is how many replicas a commit waits for: 1 when nothing is said.
func (s *MysqlSemiSyncSettings) EffectiveCount() int {
	if s == nil {
		return 1
	}
	return max(1, int(s.WaitForReplicaCount))
}

// MysqlRejoinPolicy is what becomes of a replica that cannot be attached as it is.
// +kubebuilder:validation:Enum=Manual;Clone
type MysqlRejoinPolicy string

// The values of MysqlRejoinPolicy.
const (
	// MysqlRejoinManual reports it and leaves it as it is.
	MysqlRejoinManual MysqlRejoinPolicy = "Manual"
	// MysqlRejoinClone has MySQL's CLONE plugin replace all that it holds.
	MysqlRejoinClone MysqlRejoinPolicy = "Clone"
)

// MysqlReplicationSecret names the Secret of the passwords and the keys in it.
// Each key is also the name of the database user.
type MysqlReplicationSecret struct {
	// Name of the Secret, in the namespace of this resource.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Credential secret",xDescriptors={"urn:alm:descriptor:io.kubernetes:Secret"}
	Name string `json:"name"`

	// Mysql is the key of the operator's own user.
	// +kubebuilder:default=mysql
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="MySQL user of the operator",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:text"}
	Mysql string `json:"mysql,omitempty"`

	// Replication is the key of the user of the replication channels.
	// +kubebuilder:default=replication
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="MySQL user of the replication channels",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:text"}
	Replication string `json:"replication,omitempty"`
}

// MysqlReplicationSpec is the topology that the user wants.
// A rule that the object broke before does not refuse an update (ratcheting).
// +kubebuilder:validation:XValidation:optionalOldSelf=true,rule="!has(self.replica) || self.replica.all(r, r.name != self.source.name) || (oldSelf.hasValue() && has(oldSelf.value().replica) && !oldSelf.value().replica.all(r, r.name != oldSelf.value().source.name))",message="spec.replica names the node that is spec.source; a node is either the source or a replica: remove it from one of them"
// +kubebuilder:validation:XValidation:optionalOldSelf=true,rule="!has(self.replica) || self.replica.all(r, r.host != self.source.host || r.port != self.source.port) || (oldSelf.hasValue() && has(oldSelf.value().replica) && !oldSelf.value().replica.all(r, r.host != oldSelf.value().source.host || r.port != oldSelf.value().source.port))",message="spec.replica has the host and port of spec.source; every node needs its own: correct host or port"
// +kubebuilder:validation:XValidation:optionalOldSelf=true,rule="!has(self.replica) || self.replica.all(a, self.replica.exists_one(b, b.name == a.name)) || (oldSelf.hasValue() && has(oldSelf.value().replica) && !oldSelf.value().replica.all(a, oldSelf.value().replica.exists_one(b, b.name == a.name)))",message="spec.replica names a node twice; remove one of them"
// +kubebuilder:validation:XValidation:optionalOldSelf=true,rule="!has(self.replica) || self.replica.all(a, self.replica.exists_one(b, b.host == a.host && b.port == a.port)) || (oldSelf.hasValue() && has(oldSelf.value().replica) && !oldSelf.value().replica.all(a, oldSelf.value().replica.exists_one(b, b.host == a.host && b.port == a.port)))",message="spec.replica has two nodes with the same host and port; correct one of them"
// +kubebuilder:validation:XValidation:optionalOldSelf=true,rule="!has(self.mode) || self.mode != 'rpl_semi_sync' || !has(self.semiSync) || !has(self.semiSync.waitForReplicaCount) || self.semiSync.waitForReplicaCount <= 1 || (has(self.replica) && self.semiSync.waitForReplicaCount <= size(self.replica.filter(r, !has(r.isolated) || !r.isolated))) || (oldSelf.hasValue() && !(!has(oldSelf.value().mode) || oldSelf.value().mode != 'rpl_semi_sync' || !has(oldSelf.value().semiSync) || !has(oldSelf.value().semiSync.waitForReplicaCount) || oldSelf.value().semiSync.waitForReplicaCount <= 1 || (has(oldSelf.value().replica) && oldSelf.value().semiSync.waitForReplicaCount <= size(oldSelf.value().replica.filter(r, !has(r.isolated) || !r.isolated)))))",message="spec.semiSync.waitForReplicaCount is more than spec.replica has nodes that are not isolated, so that every commit would wait for ever: lower it, or add or return replicas"
type MysqlReplicationSpec struct {
	// Mode of replication.
	// +kubebuilder:default=rpl_async
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Mode",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:select:rpl_async","urn:alm:descriptor:com.tectonic.ui:select:rpl_semi_sync"}
	Mode MysqlReplicationMode `json:"mode,omitempty"`

	// SemiSync says for how many replicas a commit waits, and how long. It matters in the
	// mode rpl_semi_sync only. When it is not given, a commit waits for one replica, as long
	// as it takes.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Semi-synchronous replication",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:advanced"}
	SemiSync *MysqlSemiSyncSettings `json:"semiSync,omitempty"`

	// Secret with the passwords.
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Credentials"
	Secret MysqlReplicationSecret `json:"secret"`

	// AESSecret names the key that the passwords are encrypted with.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Encryption key",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:advanced"}
	AESSecret *AESSecret `json:"aesSecret,omitempty"`

	// TLS says how the operator's connections to the servers and the replication
	// channels are secured. When it is not given, TLS is used where a server offers it.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="TLS",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:advanced"}
	TLS *DatabaseTLS `json:"tls,omitempty"`

	// Source is the node that takes writes. To switch over, exchange it with a replica.
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Source"
	Source *Node `json:"source"`

	// Replica lists the nodes that replicate from the source.
	// +kubebuilder:validation:MaxItems=32
	// +listType=atomic
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Replicas"
	Replica []ReplicaNode `json:"replica,omitempty"`

	// RejoinPolicy says what becomes of a replica that cannot be attached, because it holds
	// transactions that the source lacks or needs transactions that the source has purged.
	// Manual leaves it to you. Clone replaces all that it holds by a copy of a healthy replica.
	// +kubebuilder:default=Manual
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Rejoin policy",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:select:Manual","urn:alm:descriptor:com.tectonic.ui:select:Clone","urn:alm:descriptor:com.tectonic.ui:advanced"}
	RejoinPolicy MysqlRejoinPolicy `json:"rejoinPolicy,omitempty"`

	// Service says how <name>-readwrite and <name>-readonly are exposed.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Services",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:advanced"}
	Service *ServiceSpec `json:"service,omitempty"`
}

// MysqlRole is the part that a node was observed to play.
// +kubebuilder:validation:Enum=Source;Replica;None
type MysqlRole string

// The values of MysqlRole.
const (
	MysqlRoleSource  MysqlRole = "Source"
	MysqlRoleReplica MysqlRole = "Replica"
	MysqlRoleNone    MysqlRole = "None"
)

// MysqlSemiSyncState is what a server says of semi-synchronous replication.
// +kubebuilder:validation:Enum=Active;Inactive
type MysqlSemiSyncState string

// The values of MysqlSemiSyncState.
const (
	MysqlSemiSyncActive   MysqlSemiSyncState = "Active"
	MysqlSemiSyncInactive MysqlSemiSyncState = "Inactive"
)

// MysqlReplicationNode is what was observed of one node. A figure that the
// server did not give is absent, never zero.
type MysqlReplicationNode struct {
	// Host under which the node was asked.
	Host string `json:"host,omitempty"`
	// Port under which the node was asked.
	Port int32 `json:"port,omitempty"`
	// External is true of a node that is no pod of the namespace.
	// +optional
	External bool `json:"external,omitempty"`
	// Role that the node plays.
	// +optional
	Role MysqlRole `json:"role"`
	// Status of the node itself.
	// +optional
	Status NodeHealth `json:"status"`
	// Ready is true when the node does what the spec wants of it.
	// +optional
	Ready bool `json:"ready"`
	// Message says what is wrong, when something is.
	// +optional
	Message string `json:"message,omitempty"`

	// Readonly is the server's read_only.
	// +optional
	Readonly bool `json:"readonly,omitempty"`
	// SuperReadonly is the server's super_read_only.
	// +optional
	SuperReadonly bool `json:"superReadonly,omitempty"`
	// SourceHost that the node is configured to replicate from.
	// +optional
	SourceHost string `json:"sourceHost,omitempty"`
	// SourcePort that belongs to it.
	// +optional
	SourcePort int32 `json:"sourcePort,omitempty"`
	// ReplicaIO is the state of the receiver: Yes, No or Connecting.
	// +optional
	ReplicaIO string `json:"replicaIO,omitempty"`
	// ReplicaSQL is the state of the applier: Yes or No.
	// +optional
	ReplicaSQL string `json:"replicaSQL,omitempty"`
	// ReplicaTLS says how the channel is set to be secured, in the words of
	// spec.tls.mode.
	// +optional
	ReplicaTLS DatabaseTLSMode `json:"replicaTLS,omitempty"`
	// ReadSourceLogPos is the position in the source's binary log up to which the
	// node has received.
	// +optional
	ReadSourceLogPos int64 `json:"readSourceLogPos,omitempty"`
	// SourceLogFile is the source's binary log that the node receives.
	// +optional
	SourceLogFile string `json:"sourceLogFile,omitempty"`
	// SecondsBehindSource is absent while the server says NULL.
	// +optional
	SecondsBehindSource *int64 `json:"secondsBehindSource,omitempty"`
	// ExecSourceLogPos is the position in the source's binary log up to which the
	// node has executed.
	// +optional
	ExecSourceLogPos int64 `json:"execSourceLogPos,omitempty"`
	// SemiSync says whether the node has part in semi-synchronous replication: of a
	// source whether its commits wait, of a replica whether it acknowledges. It stays
	// while the node is not seen, and is absent in the mode rpl_async.
	// +optional
	SemiSync MysqlSemiSyncState `json:"semiSync,omitempty"`
	// WaitForReplicaCount is, of a source whose commits wait, for how many replicas they
	// do. It stays while the source is not seen.
	// +optional
	WaitForReplicaCount int32 `json:"waitForReplicaCount,omitempty"`
	// VouchedBy is, of a source whose commits wait as long as it takes, how many replicas
	// have every transaction that it has acknowledged. Of as many a failover must see all
	// but fewer than that, to be sure to lose none. It stays while the source is not seen,
	// and is absent when nobody vouches: in the mode rpl_async, with spec.semiSync.timeout,
	// and until the replicas of a new source have caught up.
	// +optional
	VouchedBy int32 `json:"vouchedBy,omitempty"`
	// StartedAt is when the server process began to run, by the operator's clock, in
	// semi-synchronous mode: a replica that was restarted may lack what it has acknowledged.
	// +optional
	StartedAt *metav1.Time `json:"startedAt,omitempty"`
	// ServerUUID of the server that was observed.
	// +optional
	ServerUUID string `json:"serverUUID,omitempty"`
	// ErrantTransactions is the GTID set that the node holds and the source
	// lacks, when there is one (shortened when long).
	// +optional
	ErrantTransactions string `json:"errantTransactions,omitempty"`
	// ErrantCount is the number of transactions in that set.
	// +optional
	ErrantCount int64 `json:"errantCount,omitempty"`
	// Clone is the last time that the node was made anew from another one, or is being.
	// +optional
	Clone *MysqlCloneStatus `json:"clone,omitempty"`
}

// MysqlCloneState is where the making anew of a node by CLONE stands.
// +kubebuilder:validation:Enum=InProgress;Completed;Failed
type MysqlCloneState string

// The values of MysqlCloneState.
const (
	// MysqlCloneInProgress: from the record on, until the server is back with the copy.
	MysqlCloneInProgress MysqlCloneState = "InProgress"
	// MysqlCloneCompleted: the server runs with the copy.
	MysqlCloneCompleted MysqlCloneState = "Completed"
	// MysqlCloneFailed: it is tried again while spec.rejoinPolicy is Clone.
	MysqlCloneFailed MysqlCloneState = "Failed"
)

// MysqlCloneStatus is the record of making a node anew by CLONE. It is written before
// anything is done to the node, and stays until the next one.
type MysqlCloneStatus struct {
	// State where it stands.
	State MysqlCloneState `json:"state"`
	// Donor is the node that is copied.
	Donor string `json:"donor"`
	// StartedAt is when the operator recorded it.
	StartedAt metav1.MicroTime `json:"startedAt"`
	// FinishedAt is when its end was seen.
	// +optional
	FinishedAt *metav1.MicroTime `json:"finishedAt,omitempty"`
	// Attempt counts the attempts in a row, from 1.
	Attempt int32 `json:"attempt"`
	// Bytes that were copied.
	// +optional
	Bytes int64 `json:"bytes,omitempty"`
	// TotalBytes as the server estimates them.
	// +optional
	TotalBytes int64 `json:"totalBytes,omitempty"`
	// Discarded is the GTID set that the node held, the source lacked, and which is thrown
	// away (shortened when long).
	// +optional
	Discarded string `json:"discarded,omitempty"`
	// DiscardedCount is the number of transactions in that set.
	// +optional
	DiscardedCount int64 `json:"discardedCount,omitempty"`
	// HeldCount is the number of transactions that the node had executed when it began.
	// +optional
	HeldCount int64 `json:"heldCount,omitempty"`
	// Emptied: what the node held is gone, and the copy is not there yet.
	// +optional
	Emptied bool `json:"emptied,omitempty"`
	// Message says what went wrong.
	// +optional
	Message string `json:"message,omitempty"`
}

// SwitchoverPhase is where a change of the source stands.
// +kubebuilder:validation:Enum=Preparing;Switching;Undoing;Undone
type SwitchoverPhase string

// The values of SwitchoverPhase. A finished switchover leaves no record in
// progress; its result is in lastSwitchover.
const (
	// SwitchoverPreparing touches nothing that clients notice: the candidate leaves the
	// -readonly Service and catches up.
	SwitchoverPreparing SwitchoverPhase = "Preparing"
	// SwitchoverSwitching covers fence, promotion and route.
	SwitchoverSwitching SwitchoverPhase = "Switching"
	// SwitchoverUndoing gives the old source back its writes.
	SwitchoverUndoing SwitchoverPhase = "Undoing"
	// SwitchoverUndone means that this generation of the spec was tried and undone;
	// it is not tried again until the spec changes.
	SwitchoverUndone SwitchoverPhase = "Undone"
)

// SwitchoverStatus is the record of a change of the source in progress: what a
// restarted operator needs in order to resume or to undo it.
type SwitchoverStatus struct {
	// From is the node that was the source.
	From string `json:"from"`
	// To is the node that becomes the source.
	To string `json:"to"`
	// Failover is true when the old source did not answer.
	// +optional
	Failover bool `json:"failover,omitempty"`
	// Unassured: of a failover in semi-synchronous mode, it is not sure that the nodes that
	// are seen have all that the old source has acknowledged.
	// +optional
	Unassured bool `json:"unassured,omitempty"`
	// KeepsOldRoute: of a failover in semi-synchronous mode, the old source keeps its label
	// until the new one has got its own, because nobody is left to acknowledge a commit of it.
	// +optional
	KeepsOldRoute bool `json:"keepsOldRoute,omitempty"`
	// Phase in which it is.
	Phase SwitchoverPhase `json:"phase"`
	// Generation of the spec that asked for it.
	Generation int64 `json:"generation"`
	// StartedAt is when the phase Preparing began.
	StartedAt metav1.MicroTime `json:"startedAt"`
	// ToPodUID is the UID of the pod of To when this began. A pod that was made anew
	// has lost the labels that would tell whether To was led to.
	// +optional
	ToPodUID types.UID `json:"toPodUID,omitempty"`
	// ToReplicas are the nodes that replicated from To when this began: that they do says
	// nothing of a promotion.
	// +optional
	// +listType=set
	ToReplicas []string `json:"toReplicas,omitempty"`
	// ToServerUUID is, of a failover, the server_uuid of To when the old source was left.
	// +optional
	ToServerUUID string `json:"toServerUUID,omitempty"`
	// ToTransactions is the GTID set that this server had committed itself by then, with
	// what it had still to execute of that. What it has of its own beyond that it has
	// committed since.
	// +optional
	ToTransactions string `json:"toTransactions,omitempty"`
	// SwitchingAt is when the phase Switching began; the deadline counts from it.
	// +optional
	SwitchingAt *metav1.MicroTime `json:"switchingAt,omitempty"`
	// Message says why it was undone.
	// +optional
	Message string `json:"message,omitempty"`
}

// LastSwitchover is the result of the last change of the source.
type LastSwitchover struct {
	// From is the node that was the source.
	From string `json:"from"`
	// To is the node that became the source.
	To string `json:"to"`
	// Failover is true when the old source did not answer.
	Failover bool `json:"failover,omitempty"`
	// StartedAt is when the operator began with it.
	StartedAt metav1.MicroTime `json:"startedAt"`
	// FinishedAt is when clients had their way to the new source.
	FinishedAt metav1.MicroTime `json:"finishedAt"`
}

// MysqlReplicationStatus is what was observed.
type MysqlReplicationStatus struct {
	// Topology by node name.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Topology"
	Topology map[string]*MysqlReplicationNode `json:"topology,omitempty"`
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
	// ReadWriteService is the Service that leads to the source, while it is in place.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Service for writes",xDescriptors={"urn:alm:descriptor:io.kubernetes:Service"}
	ReadWriteService string `json:"readwriteService,omitempty"`
	// ReadOnlyService is the Service that leads to the replicas, while it is in place.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Service for reads",xDescriptors={"urn:alm:descriptor:io.kubernetes:Service"}
	ReadOnlyService string `json:"readonlyService,omitempty"`

	// Source is the node that the operator knows as the source: the one that it
	// set up, adopted or promoted last.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Source",xDescriptors={"urn:alm:descriptor:io.kubernetes:Pod"}
	Source string `json:"source,omitempty"`
	// SourceUUID is the server_uuid of that node when it was last seen as the
	// source. Another one under the same name is a server made anew.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Server UUID of the source"
	SourceUUID string `json:"sourceUUID,omitempty"`
	// Replicas reads "ready/wanted".
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Replicas (ready/wanted)"
	Replicas string `json:"replicas,omitempty"`
	// Switchover in progress, or undone.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Switchover"
	Switchover *SwitchoverStatus `json:"switchover,omitempty"`
	// LastSwitchover that finished.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Last switchover"
	LastSwitchover *LastSwitchover `json:"lastSwitchover,omitempty"`
	// DeposedSourceUUIDs are the server_uuids of sources that a failover left behind and
	// that have not replicated from a source since, the last one last. What other nodes
	// hold of them and the source lacks was given up then.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Server UUIDs of deposed sources"
	DeposedSourceUUIDs []string `json:"deposedSourceUUIDs,omitempty"`
	// UnassuredSourceUUIDs are the server_uuids of sources of which acknowledged transactions
	// may be on nodes that were not seen when another node was promoted, the last one last.
	// No node that holds some of them, and the source lacks them, is made anew unless it is
	// given up by name.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Server UUIDs of sources whose acknowledged transactions may be missing"
	UnassuredSourceUUIDs []string `json:"unassuredSourceUUIDs,omitempty"`
}

// MysqlReplication is the replication topology of MySQL servers that exist as
// pods: who is the source, who replicates from it, and in which mode.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +operator-sdk:csv:customresourcedefinitions:displayName="MySQL Replication",resources={{Service,v1},{EndpointSlice,discovery.k8s.io/v1},{Pod,v1},{Secret,v1},{Event,v1}}
// +kubebuilder:validation:XValidation:optionalOldSelf=true,rule="oldSelf.hasValue() || size(self.metadata.name) <= 53",message="metadata.name must have 53 characters at the most: it is part of the names of the Services"
// +kubebuilder:resource:path=mysqlreplications,singular=mysqlreplication,shortName=mr;myrepl,categories=compose
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Source",type=string,JSONPath=`.status.source`
// +kubebuilder:printcolumn:name="Replicas",type=string,JSONPath=`.status.replicas`,description="ready/wanted"
// +kubebuilder:printcolumn:name="Mode",type=string,JSONPath=`.spec.mode`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Wanted",type=string,priority=1,JSONPath=`.spec.source.name`
// +kubebuilder:printcolumn:name="Switchover",type=string,priority=1,JSONPath=`.status.switchover.phase`
// +kubebuilder:printcolumn:name="Reason",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type MysqlReplication struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what the user wants.
	Spec MysqlReplicationSpec `json:"spec"`
	// Status is what the operator observed.
	Status MysqlReplicationStatus `json:"status,omitempty"`
}

// MysqlReplicationList is a list of MysqlReplication.
// +kubebuilder:object:root=true
type MysqlReplicationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []MysqlReplication `json:"items"`
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// PostgresReplicationMode is what a commit on the primary waits for.
// +kubebuilder:validation:Enum=rpl_async;rpl_sync
type PostgresReplicationMode string

// The values of PostgresReplicationMode.
const (
	// PostgresAsync commits on the primary without waiting for a standby.
	PostgresAsync PostgresReplicationMode = "rpl_async"
	// PostgresSync commits once one standby has written the transaction to its disk.
	PostgresSync PostgresReplicationMode = "rpl_sync"
)

// PostgresNoStandbyPolicy is what becomes of commits in the mode rpl_sync while no standby
// streams.
// +kubebuilder:validation:Enum=wait;degrade
type PostgresNoStandbyPolicy string

// The values of PostgresNoStandbyPolicy.
const (
	// PostgresWait lets commits wait until a standby streams again.
	PostgresWait PostgresNoStandbyPolicy = "wait"
	// PostgresDegrade lets commits go on without a standby, as in the mode rpl_async, until
	// one streams again.
	PostgresDegrade PostgresNoStandbyPolicy = "degrade"
)

// PostgresSyncSettings belong to the mode rpl_sync.
type PostgresSyncSettings struct {
	// NoStandby says what becomes of commits while no standby streams: wait lets them wait
	// until one does, degrade lets them go on without. What was acknowledged meanwhile is on
	// the primary alone. The status says so either way.
	// +kubebuilder:default=wait
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Without a standby",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:select:wait","urn:alm:descriptor:com.tectonic.ui:select:degrade"}
	NoStandby PostgresNoStandbyPolicy `json:"noStandby,omitempty"`
}

// Degrades says whether commits go on while no standby streams; s may be nil.
func (s *PostgresSyncSettings) Degrades() bool {
	return s != nil && s.NoStandby == PostgresDegrade
}

// PostgresReplicationSecret names the Secret of the passwords and the keys in it.
// Each key is also the name of the database user.
type PostgresReplicationSecret struct {
	// Name of the Secret, in the namespace of this resource.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Credential secret",xDescriptors={"urn:alm:descriptor:io.kubernetes:Secret"}
	Name string `json:"name"`

	// Postgres is the key of the operator's own user, a superuser.
	// +kubebuilder:default=postgres
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="PostgreSQL user of the operator",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:text"}
	Postgres string `json:"postgres,omitempty"`

	// Replication is the key of the user as whom standbys connect to the primary.
	// +kubebuilder:default=replication
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="PostgreSQL user of the standbys",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:text"}
	Replication string `json:"replication,omitempty"`
}

// PostgresReplicationSpec is the topology that the user wants.
// A rule that the object broke before does not refuse an update (ratcheting).
// +kubebuilder:validation:XValidation:optionalOldSelf=true,rule="!has(self.standby) || self.standby.all(s, s.name != self.primary.name) || (oldSelf.hasValue() && has(oldSelf.value().standby) && !oldSelf.value().standby.all(s, s.name != oldSelf.value().primary.name))",message="spec.standby names the node that is spec.primary; a node is either the primary or a standby: remove it from one of them"
// +kubebuilder:validation:XValidation:optionalOldSelf=true,rule="!has(self.standby) || self.standby.all(s, s.host != self.primary.host || s.port != self.primary.port) || (oldSelf.hasValue() && has(oldSelf.value().standby) && !oldSelf.value().standby.all(s, s.host != oldSelf.value().primary.host || s.port != oldSelf.value().primary.port))",message="spec.standby has the host and port of spec.primary; every node needs its own: correct host or port"
// +kubebuilder:validation:XValidation:optionalOldSelf=true,rule="!has(self.standby) || self.standby.all(a, self.standby.exists_one(b, b.name == a.name)) || (oldSelf.hasValue() && has(oldSelf.value().standby) && !oldSelf.value().standby.all(a, oldSelf.value().standby.exists_one(b, b.name == a.name)))",message="spec.standby names a node twice; remove one of them"
// +kubebuilder:validation:XValidation:optionalOldSelf=true,rule="!has(self.standby) || self.standby.all(a, self.standby.exists_one(b, b.host == a.host && b.port == a.port)) || (oldSelf.hasValue() && has(oldSelf.value().standby) && !oldSelf.value().standby.all(a, oldSelf.value().standby.exists_one(b, b.host == a.host && b.port == a.port)))",message="spec.standby has two nodes with the same host and port; correct one of them"
type PostgresReplicationSpec struct {
	// Mode of replication.
	// +kubebuilder:default=rpl_async
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Mode",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:select:rpl_async","urn:alm:descriptor:com.tectonic.ui:select:rpl_sync"}
	Mode PostgresReplicationMode `json:"mode,omitempty"`

	// Synchronous says more of the mode rpl_sync. In the mode rpl_async it has no effect.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Synchronous replication",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:advanced"}
	Synchronous *PostgresSyncSettings `json:"synchronous,omitempty"`

	// Secret with the passwords.
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Credentials"
	Secret PostgresReplicationSecret `json:"secret"`

	// AESSecret names the key that the passwords are encrypted with.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Encryption key",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:advanced"}
	AESSecret *AESSecret `json:"aesSecret,omitempty"`

	// TLS says how the operator's connections to the servers and those of the standbys to
	// their primary are secured. When it is not given, TLS is used where a server offers it.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="TLS",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:advanced"}
	TLS *DatabaseTLS `json:"tls,omitempty"`

	// Primary is the node that takes writes. To switch over, exchange it with a standby.
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Primary"
	Primary *Node `json:"primary"`

	// Standby lists the nodes that replicate from the primary.
	// +kubebuilder:validation:MaxItems=32
	// +listType=atomic
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Standbys"
	Standby []ReplicaNode `json:"standby,omitempty"`

	// Service says how <name>-readwrite and <name>-readonly are exposed.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Services",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:advanced"}
	Service *ServiceSpec `json:"service,omitempty"`
}

// PostgresRole is the part that a node was observed to play.
// +kubebuilder:validation:Enum=Primary;Standby;None
type PostgresRole string

// The values of PostgresRole.
const (
	PostgresRolePrimary PostgresRole = "Primary"
	PostgresRoleStandby PostgresRole = "Standby"
	PostgresRoleNone    PostgresRole = "None"
)

// PostgresReplicationNode is what was observed of one node. A figure that the
// server did not give is absent, never zero.
type PostgresReplicationNode struct {
	// Host under which the node was asked.
	Host string `json:"host,omitempty"`
	// Port under which the node was asked.
	Port int32 `json:"port,omitempty"`
	// External is true of a node that is no pod of the namespace.
	// +optional
	External bool `json:"external,omitempty"`
	// Role that the node plays.
	// +optional
	Role PostgresRole `json:"role"`
	// Status of the node itself.
	// +optional
	Status NodeHealth `json:"status"`
	// Ready is true when the node does what the spec wants of it.
	// +optional
	Ready bool `json:"ready"`
	// Message says what is wrong, when something is.
	// +optional
	Message string `json:"message,omitempty"`

	// WalDiff is how many bytes of write-ahead log the primary has written and a standby
	// has not replayed.
	// +optional
	WalDiff *int64 `json:"walDiff,omitempty"`
	// Timeline of the node.
	// +optional
	Timeline int64 `json:"timeline,omitempty"`
	// LSN up to which the node has written the log (primary) or received it (standby).
	// +optional
	LSN string `json:"lsn,omitempty"`
	// ReplayLSN up to which a standby has replayed it.
	// +optional
	ReplayLSN string `json:"replayLSN,omitempty"`
	// WalReceiver is the state of a standby's WAL receiver, e.g. streaming; down when there is none.
	// +optional
	WalReceiver string `json:"walReceiver,omitempty"`
	// SyncState is the part that a standby has in synchronous replication, as the primary
	// says: async, quorum or sync.
	// +optional
	SyncState string `json:"syncState,omitempty"`
	// SystemIdentifier of the database cluster that the node holds a copy of.
	// It stays while the node is not seen.
	// +optional
	SystemIdentifier string `json:"systemIdentifier,omitempty"`
	// ExtraBytes is how many bytes of log the node holds and the primary lacks.
	// +optional
	ExtraBytes *int64 `json:"extraBytes,omitempty"`
	// Diverged is true when the node holds, or may hold, writes that the primary lacks.
	// +optional
	Diverged bool `json:"diverged,omitempty"`
}

// PostgresSwitchoverStatus is the record of a change of the primary in progress.
type PostgresSwitchoverStatus struct {
	SwitchoverStatus `json:",inline"`
	// SystemIdentifier of the cluster when it began.
	// +optional
	SystemIdentifier string `json:"systemIdentifier,omitempty"`
	// Timeline of the old primary when it began.
	// +optional
	Timeline int64 `json:"timeline,omitempty"`
	// LSN of the old primary when it began, or, of a failover, what was known of it.
	// +optional
	LSN string `json:"lsn,omitempty"`
	// Forced: the annotation force-promote was followed.
	// +optional
	Forced bool `json:"forced,omitempty"`
}

// PostgresReplicationStatus is what was observed.
type PostgresReplicationStatus struct {
	// Topology by node name.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Topology"
	Topology map[string]*PostgresReplicationNode `json:"topology,omitempty"`
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
	// ReadWriteService is the Service that leads to the primary, while it is in place.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Service for writes",xDescriptors={"urn:alm:descriptor:io.kubernetes:Service"}
	ReadWriteService string `json:"readwriteService,omitempty"`
	// ReadOnlyService is the Service that leads to the standbys, while it is in place.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Service for reads",xDescriptors={"urn:alm:descriptor:io.kubernetes:Service"}
	ReadOnlyService string `json:"readonlyService,omitempty"`

	// Primary is the node that the operator knows as the primary: the one that it
	// adopted or promoted last.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Primary",xDescriptors={"urn:alm:descriptor:io.kubernetes:Pod"}
	Primary string `json:"primary,omitempty"`
	// SystemIdentifier of the database cluster. A server with another one holds something else.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="System identifier"
	SystemIdentifier string `json:"systemIdentifier,omitempty"`
	// Timeline of the primary when it was seen last.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Timeline"
	Timeline int64 `json:"timeline,omitempty"`
	// LSN of the primary when a status was written last.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="LSN of the primary"
	LSN string `json:"lsn,omitempty"`
	// SynchronousStandbys are the nodes of which one has to have a transaction before its
	// commit is acknowledged, in the mode rpl_sync: those that synchronous_standby_names of
	// the primary names, or is about to.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Synchronous standbys"
	SynchronousStandbys []string `json:"synchronousStandbys,omitempty"`
	// Synchronous says how commits fare in the mode rpl_sync: Active (a standby has every
	// transaction that was acknowledged), CommitsWait (no standby streams, and commits wait)
	// or Degraded (no standby streams, and commits do not wait: spec.synchronous.noStandby).
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Synchronous replication"
	Synchronous PostgresSyncState `json:"synchronous,omitempty"`
	// ForceSpent is the node that the annotation force-promote has served for: it does not
	// count again until it was taken off or names another one.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Spent force-promote"
	ForceSpent string `json:"forceSpent,omitempty"`
	// Standbys reads "ready/wanted".
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Standbys (ready/wanted)"
	Standbys string `json:"standbys,omitempty"`
	// Switchover in progress, or undone.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Switchover"
	Switchover *PostgresSwitchoverStatus `json:"switchover,omitempty"`
	// LastSwitchover that finished.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Last switchover"
	LastSwitchover *LastSwitchover `json:"lastSwitchover,omitempty"`
}

// PostgresSyncState says how commits fare in the mode rpl_sync.
// +kubebuilder:validation:Enum=Active;CommitsWait;Degraded
type PostgresSyncState string

// The values of PostgresSyncState.
const (
	PostgresSyncActive      PostgresSyncState = "Active"
	PostgresSyncCommitsWait PostgresSyncState = "CommitsWait"
	PostgresSyncDegraded    PostgresSyncState = "Degraded"
)

// PostgresReplication is the replication topology of PostgreSQL servers that exist as
// pods: who is the primary, and who replicates from it.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +operator-sdk:csv:customresourcedefinitions:displayName="PostgreSQL Replication",resources={{Service,v1},{EndpointSlice,discovery.k8s.io/v1},{Pod,v1},{Secret,v1},{Event,v1}}
// +kubebuilder:validation:XValidation:optionalOldSelf=true,rule="oldSelf.hasValue() || size(self.metadata.name) <= 53",message="metadata.name must have 53 characters at the most: it is part of the names of the Services"
// +kubebuilder:resource:path=postgresreplications,singular=postgresreplication,shortName=pr;pgrepl,categories=compose
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Primary",type=string,JSONPath=`.status.primary`
// +kubebuilder:printcolumn:name="Standbys",type=string,JSONPath=`.status.standbys`,description="ready/wanted"
// +kubebuilder:printcolumn:name="Mode",type=string,JSONPath=`.spec.mode`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Wanted",type=string,priority=1,JSONPath=`.spec.primary.name`
// +kubebuilder:printcolumn:name="Synchronous",type=string,priority=1,JSONPath=`.status.synchronous`
// +kubebuilder:printcolumn:name="Switchover",type=string,priority=1,JSONPath=`.status.switchover.phase`
// +kubebuilder:printcolumn:name="Reason",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type PostgresReplication struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what the user wants.
	Spec PostgresReplicationSpec `json:"spec"`
	// Status is what the operator observed.
	Status PostgresReplicationStatus `json:"status,omitempty"`
}

// PostgresReplicationList is a list of PostgresReplication.
// +kubebuilder:object:root=true
type PostgresReplicationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []PostgresReplication `json:"items"`
}

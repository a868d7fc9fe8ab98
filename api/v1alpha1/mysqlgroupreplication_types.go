// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// MysqlGroupReplicationSpec is the group that the user wants.
// A rule that the object broke before does not refuse an update (ratcheting).
// +kubebuilder:validation:XValidation:optionalOldSelf=true,rule="self.member.all(a, self.member.exists_one(b, b.name == a.name)) || (oldSelf.hasValue() && !oldSelf.value().member.all(a, oldSelf.value().member.exists_one(b, b.name == a.name)))",message="spec.member names a node twice; remove one of them"
// +kubebuilder:validation:XValidation:optionalOldSelf=true,rule="self.member.all(a, self.member.exists_one(b, b.host == a.host && b.port == a.port)) || (oldSelf.hasValue() && !oldSelf.value().member.all(a, oldSelf.value().member.exists_one(b, b.host == a.host && b.port == a.port)))",message="spec.member has two nodes with the same host and port; correct one of them"
// +kubebuilder:validation:XValidation:optionalOldSelf=true,rule="!has(self.primary) || size(self.primary) == 0 || self.member.exists(m, m.name == self.primary) || (oldSelf.hasValue() && has(oldSelf.value().primary) && size(oldSelf.value().primary) > 0 && !oldSelf.value().member.exists(m, m.name == oldSelf.value().primary))",message="spec.primary is not the name of a node in spec.member; correct it, or leave it out to let the group elect"
// +kubebuilder:validation:XValidation:optionalOldSelf=true,rule="self.member.all(m, !has(m.external) || !m.external) || (oldSelf.hasValue() && oldSelf.value().member.exists(m, has(m.external) && m.external))",message="spec.member has a node with external: true; the members of a group are pods: leave it out"
type MysqlGroupReplicationSpec struct {
	// Secret with the passwords.
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Credentials"
	Secret MysqlReplicationSecret `json:"secret"`

	// AESSecret names the key that the passwords are encrypted with.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Encryption key",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:advanced"}
	AESSecret *AESSecret `json:"aesSecret,omitempty"`

	// Member lists the servers of the group.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=9
	// +listType=atomic
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Members"
	Member []Node `json:"member"`

	// Primary is the name of the member that should be the primary. Empty: whichever
	// the group elects.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Primary",xDescriptors={"urn:alm:descriptor:io.kubernetes:Pod"}
	Primary string `json:"primary,omitempty"`

	// Service says how <name>-readwrite and <name>-readonly are exposed.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Services",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:advanced"}
	Service *ServiceSpec `json:"service,omitempty"`
}

// MysqlGroupRole is the part that a member was observed to play.
// +kubebuilder:validation:Enum=Primary;Secondary;None
type MysqlGroupRole string

// The values of MysqlGroupRole.
const (
	MysqlGroupRolePrimary   MysqlGroupRole = "Primary"
	MysqlGroupRoleSecondary MysqlGroupRole = "Secondary"
	MysqlGroupRoleNone      MysqlGroupRole = "None"
)

// MysqlGroupReplicationNode is what was observed of one member. A figure that the
// server did not give is absent, never zero.
type MysqlGroupReplicationNode struct {
	// Host under which the node was asked.
	Host string `json:"host,omitempty"`
	// Port under which the node was asked.
	Port int32 `json:"port,omitempty"`
	// Role that the node plays.
	// +optional
	Role MysqlGroupRole `json:"role"`
	// Status of the node itself.
	// +optional
	Status NodeHealth `json:"status"`
	// Ready is true when the node is an ONLINE member of the group.
	// +optional
	Ready bool `json:"ready"`
	// Message says what is wrong, when something is.
	// +optional
	Message string `json:"message,omitempty"`

	// GtidExecuted is the server's gtid_executed (shortened when long).
	// +optional
	GtidExecuted string `json:"gtidExecuted,omitempty"`
	// Member is true when the node belonged to the group as that was last known: as the
	// majority says, or, without one, as the node itself said when it was last seen.
	// +optional
	Member bool `json:"member,omitempty"`
	// MemberState in the server's own words: ONLINE, RECOVERING, OFFLINE, ERROR or
	// UNREACHABLE; of a node that cannot be seen, what the majority says of it.
	// +optional
	MemberState string `json:"memberState,omitempty"`
	// Readonly is the server's read_only.
	// +optional
	Readonly bool `json:"readonly,omitempty"`
	// SuperReadonly is the server's super_read_only.
	// +optional
	SuperReadonly bool `json:"superReadonly,omitempty"`
	// ServerUUID of the server that was observed.
	// +optional
	ServerUUID string `json:"serverUUID,omitempty"`
	// ErrantTransactions is the GTID set that the node holds and the group
	// lacks, when there is one (shortened when long).
	// +optional
	ErrantTransactions string `json:"errantTransactions,omitempty"`
	// ErrantCount is the number of transactions in that set.
	// +optional
	ErrantCount int64 `json:"errantCount,omitempty"`
}

// MysqlGroupUnknownMember is a server that belongs to the group, or may, and that the spec
// does not name.
type MysqlGroupUnknownMember struct {
	// Address is what the member calls itself, host:port; of one that only
	// group_replication_group_seeds name, what they say.
	Address string `json:"address"`
	// ServerUUID of the member, where that is known.
	// +optional
	ServerUUID string `json:"serverUUID,omitempty"`
}

// MysqlGroupReplicationStatus is what was observed.
type MysqlGroupReplicationStatus struct {
	// Topology by node name.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Topology"
	Topology map[string]*MysqlGroupReplicationNode `json:"topology,omitempty"`
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
	// ReadOnlyService is the Service that leads to the secondaries, while it is in place.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Service for reads",xDescriptors={"urn:alm:descriptor:io.kubernetes:Service"}
	ReadOnlyService string `json:"readonlyService,omitempty"`

	// Primary is the member that the group's majority sees as its primary.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Primary",xDescriptors={"urn:alm:descriptor:io.kubernetes:Pod"}
	Primary string `json:"primary,omitempty"`
	// GroupName is group_replication_group_name, the UUID of the group.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Group name"
	GroupName string `json:"groupName,omitempty"`
	// ViewID of the group's membership as the majority sees it.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="View"
	ViewID string `json:"viewID,omitempty"`
	// Members reads "online/wanted".
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Members (online/wanted)"
	Members string `json:"members,omitempty"`
	// Bootstrapped is true once this group has existed: a group that was is never made
	// a second time beside its remains.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Bootstrapped"
	Bootstrapped bool `json:"bootstrapped,omitempty"`
	// UnknownMembers are servers that the spec does not name and that were members of the
	// group when it was last seen. Without any record they are those that the servers' own
	// group_replication_group_seeds name. No group is started while one of them may be in it.
	// +listType=atomic
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Members that the spec does not name"
	UnknownMembers []MysqlGroupUnknownMember `json:"unknownMembers,omitempty"`
	// ForceQuorumSpent is the value that the annotation compose-operator/force-quorum had
	// while the group had a quorum: it does not count the next time that the quorum is lost.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Spent force-quorum"
	ForceQuorumSpent string `json:"forceQuorumSpent,omitempty"`
}

// MysqlGroupReplication is a single-primary MySQL group of servers that exist as
// pods: who belongs to it and, if wanted, who is its primary.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +operator-sdk:csv:customresourcedefinitions:displayName="MySQL Group Replication",resources={{Service,v1},{Pod,v1},{Secret,v1},{Event,v1}}
// +kubebuilder:validation:XValidation:optionalOldSelf=true,rule="oldSelf.hasValue() || size(self.metadata.name) <= 53",message="metadata.name must have 53 characters at the most: it is part of the names of the Services"
// +kubebuilder:resource:path=mysqlgroupreplications,singular=mysqlgroupreplication,shortName=mgr;mygr,categories=compose
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Primary",type=string,JSONPath=`.status.primary`
// +kubebuilder:printcolumn:name="Members",type=string,JSONPath=`.status.members`,description="online/wanted"
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Wanted",type=string,priority=1,JSONPath=`.spec.primary`
// +kubebuilder:printcolumn:name="Reason",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type MysqlGroupReplication struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what the user wants.
	Spec MysqlGroupReplicationSpec `json:"spec"`
	// Status is what the operator observed.
	Status MysqlGroupReplicationStatus `json:"status,omitempty"`
}

// MysqlGroupReplicationList is a list of MysqlGroupReplication.
// +kubebuilder:object:root=true
type MysqlGroupReplicationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []MysqlGroupReplication `json:"items"`
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ProxysqlSyncSecret names the Secret of the passwords and the keys in it.
// Each key is also the name of the user.
type ProxysqlSyncSecret struct {
	// Name of the Secret, in the namespace of this resource.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Credential secret",xDescriptors={"urn:alm:descriptor:io.kubernetes:Secret"}
	Name string `json:"name"`

	// Proxysql is the key of the user of ProxySQL's admin interface (admin-admin_credentials).
	// The user admin may connect from the server itself only.
	// +kubebuilder:default=proxysql
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="ProxySQL user of the operator",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:text"}
	Proxysql string `json:"proxysql,omitempty"`

	// Mysql is the key of the MySQL user that reads the accounts of the source.
	// +kubebuilder:default=mysql
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="MySQL user of the operator",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:text"}
	Mysql string `json:"mysql,omitempty"`
}

// ProxysqlSyncRule says which accounts of the source become users of ProxySQL.
type ProxysqlSyncRule struct {
	// Filter lists the names of users that are left out.
	// +kubebuilder:validation:MaxItems=1024
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=128
	// +listType=atomic
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Users to leave out"
	Filter []string `json:"filter,omitempty"`

	// Include lists the names of users that are copied although they would be left out: the
	// system's, the operator's, those of the replication channels and of ProxySQL's monitor.
	// Filter comes before it.
	// +kubebuilder:validation:MaxItems=1024
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=128
	// +listType=atomic
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Users to copy all the same",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:advanced"}
	Include []string `json:"include,omitempty"`

	// Pattern is compared with the host of an account (mysql.user.host): equal to it, e.g.
	// "%", or else a regular expression over the whole of it, e.g. ".*". When it is not
	// given, accounts of every host are copied but those of the server itself (localhost).
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:optionalOldSelf=true,rule="oldSelf.hasValue() && oldSelf.value() == self || ''.matches(self) in [true, false]",message="spec.rule.pattern must be a host as in mysql.user, e.g. \"%\", or a regular expression over the whole of it, e.g. \".*\""
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Pattern of hosts",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:text"}
	Pattern string `json:"pattern,omitempty"`
}

// ProxysqlSyncSpec says what is synced, and to where.
// A rule that the object broke before does not refuse an update (ratcheting).
// +kubebuilder:validation:XValidation:optionalOldSelf=true,rule="self.proxysql.all(a, self.proxysql.exists_one(b, b.name == a.name)) || (oldSelf.hasValue() && !oldSelf.value().proxysql.all(a, oldSelf.value().proxysql.exists_one(b, b.name == a.name)))",message="spec.proxysql names a node twice; remove one of them"
// +kubebuilder:validation:XValidation:optionalOldSelf=true,rule="self.proxysql.all(a, self.proxysql.exists_one(b, b.host == a.host && b.port == a.port)) || (oldSelf.hasValue() && !oldSelf.value().proxysql.all(a, oldSelf.value().proxysql.exists_one(b, b.host == a.host && b.port == a.port)))",message="spec.proxysql has two nodes with the same host and port; correct one of them"
// +kubebuilder:validation:XValidation:optionalOldSelf=true,rule="(has(self.mysqlReplication) && size(self.mysqlReplication) > 0) != (has(self.mysqlGroupReplication) && size(self.mysqlGroupReplication) > 0) || (oldSelf.hasValue() && (has(oldSelf.value().mysqlReplication) && size(oldSelf.value().mysqlReplication) > 0) == (has(oldSelf.value().mysqlGroupReplication) && size(oldSelf.value().mysqlGroupReplication) > 0))",message="exactly one of spec.mysqlReplication and spec.mysqlGroupReplication must be given: the name of the resource that is synced"
// +kubebuilder:validation:XValidation:optionalOldSelf=true,rule="(has(self.writerHostgroup) ? self.writerHostgroup : 0) != (has(self.readerHostgroup) ? self.readerHostgroup : 1) || (oldSelf.hasValue() && (has(oldSelf.value().writerHostgroup) ? oldSelf.value().writerHostgroup : 0) == (has(oldSelf.value().readerHostgroup) ? oldSelf.value().readerHostgroup : 1))",message="spec.writerHostgroup and spec.readerHostgroup must differ: they are 0 and 1 when they are not given"
type ProxysqlSyncSpec struct {
	// Proxysql lists the ProxySQL servers, with the port of their admin interface (6032).
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +listType=atomic
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="ProxySQL servers"
	Proxysql []Node `json:"proxysql"`

	// Secret with the passwords.
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Credentials"
	Secret ProxysqlSyncSecret `json:"secret"`

	// AESSecret names the key that the passwords are encrypted with.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Encryption key",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:advanced"}
	AESSecret *AESSecret `json:"aesSecret,omitempty"`

	// MysqlReplication is the name of the MysqlReplication, in the namespace of this
	// resource, whose servers and users are synced.
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:optionalOldSelf=true,rule="oldSelf.hasValue() && oldSelf.value() == self || self == '' || self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="must be the name of a resource of this namespace: lower-case letters, digits, '-' and '.'"
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="MySQL Replication",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:text"}
	MysqlReplication string `json:"mysqlReplication,omitempty"`

	// MysqlGroupReplication is the name of a MysqlGroupReplication instead.
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:optionalOldSelf=true,rule="oldSelf.hasValue() && oldSelf.value() == self || self == '' || self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="must be the name of a resource of this namespace: lower-case letters, digits, '-' and '.'"
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="MySQL Group Replication",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:text"}
	MysqlGroupReplication string `json:"mysqlGroupReplication,omitempty"`

	// Rule says which accounts of the source become users of ProxySQL. When it is not given,
	// all do but the system's, the operator's, and those of replication and monitor.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Users"
	Rule *ProxysqlSyncRule `json:"rule,omitempty"`

	// WriterHostgroup is the hostgroup of the source.
	// +kubebuilder:default=0
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Writer hostgroup",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:number","urn:alm:descriptor:com.tectonic.ui:advanced"}
	WriterHostgroup *int32 `json:"writerHostgroup,omitempty"`

	// ReaderHostgroup is the hostgroup of the replicas.
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Reader hostgroup",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:number","urn:alm:descriptor:com.tectonic.ui:advanced"}
	ReaderHostgroup *int32 `json:"readerHostgroup,omitempty"`

	// ReplicationHostgroup makes the two hostgroups a pair of mysql_replication_hostgroups:
	// ProxySQL's monitor then moves servers between them by read_only. A replica that comes to
	// take writes would be a second writer until the operator has looked again. Without it
	// servers are where the topology has them and nowhere else.
	// +kubebuilder:default=false
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Replication hostgroup",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:booleanSwitch","urn:alm:descriptor:com.tectonic.ui:advanced"}
	ReplicationHostgroup *bool `json:"replicationHostgroup,omitempty"`

	// MaxConnections that a ProxySQL opens to a server (mysql_servers.max_connections).
	// +kubebuilder:default=2000
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Connections to a server",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:number","urn:alm:descriptor:com.tectonic.ui:advanced"}
	MaxConnections *int32 `json:"maxConnections,omitempty"`

	// Weights of the MySQL servers among the readers, by the name of the node
	// (mysql_servers.weight). One that is not named has the weight 1.
	// +kubebuilder:validation:MaxProperties=64
	// +kubebuilder:validation:XValidation:rule="self.all(name, self[name] >= 0 && self[name] <= 10000000)",message="spec.weights must be from 0 to 10000000, which is what ProxySQL allows"
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Weights",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:advanced"}
	Weights map[string]int32 `json:"weights,omitempty"`

	// WriterIsAlsoReader puts the source among the readers too.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Writer is also reader",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:booleanSwitch","urn:alm:descriptor:com.tectonic.ui:advanced"}
	WriterIsAlsoReader bool `json:"writerIsAlsoReader,omitempty"`

	// UseSSL has ProxySQL use TLS to the MySQL servers (mysql_servers.use_ssl).
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="TLS to the MySQL servers",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:booleanSwitch","urn:alm:descriptor:com.tectonic.ui:advanced"}
	UseSSL bool `json:"useSSL,omitempty"`
}

// ProxysqlSyncNode is what was observed of one ProxySQL server.
type ProxysqlSyncNode struct {
	// Host under which the node was asked.
	Host string `json:"host,omitempty"`
	// Port under which the node was asked.
	Port int32 `json:"port,omitempty"`
	// Status of the node itself.
	// +optional
	Status NodeHealth `json:"status"`
	// Synced is true while servers and users on it, in memory, at run time and on disk, are
	// as they should be.
	// +optional
	Synced bool `json:"synced"`
	// Users of the source that the node has, sorted; the first 1000 of them. They stay while
	// the node is not seen.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=1000
	// +optional
	Users []string `json:"users,omitempty"`
	// UserCount is how many they are.
	// +optional
	UserCount int32 `json:"userCount,omitempty"`
	// Writer is the node of the topology in the writer hostgroup, as it was last seen.
	// +optional
	Writer string `json:"writer,omitempty"`
	// Readers are the nodes of the topology in the reader hostgroup, as it was last seen.
	// +listType=atomic
	// +optional
	Readers []string `json:"readers,omitempty"`
	// LastSync is when the operator last changed something on the node.
	// +optional
	LastSync *metav1.Time `json:"lastSync,omitempty"`
	// LastError says what went wrong, while it does.
	// +optional
	LastError string `json:"lastError,omitempty"`
	// Message says what is not as it should be, when something is.
	// +optional
	Message string `json:"message,omitempty"`
}

// ProxysqlSyncStatus is what was observed.
type ProxysqlSyncStatus struct {
	// Topology by name of the ProxySQL node.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Topology"
	Topology map[string]*ProxysqlSyncNode `json:"topology,omitempty"`
	// Ready mirrors the condition of that name.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Ready"
	Ready bool `json:"ready"`
	// ObservedGeneration is the generation of the spec that this status is about.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Observed generation"
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Conditions say what is as it should be, what is not, and what to do: Ready,
	// ServerReady, UserReady, Reconciling and Stalled.
	// +listType=map
	// +listMapKey=type
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Conditions",xDescriptors={"urn:alm:descriptor:io.kubernetes.conditions"}
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// Source is the node of the topology that the writer hostgroups lead to; empty while
	// nobody takes writes, or nobody knows.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Source",xDescriptors={"urn:alm:descriptor:io.kubernetes:Pod"}
	Source string `json:"source,omitempty"`
	// MysqlVersion of the source, which mysql-server_version follows.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="MySQL version"
	MysqlVersion string `json:"mysqlVersion,omitempty"`
	// Users is how many users are synced.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="Users"
	Users int32 `json:"users,omitempty"`
	// Synced reads "synced/wanted", in ProxySQL servers.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=status,displayName="ProxySQL servers (synced/wanted)"
	Synced string `json:"synced,omitempty"`
}

// ProxysqlSync keeps the servers and users of ProxySQL as a MySQL topology has them: who
// takes writes, who is read from, and who may connect.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +operator-sdk:csv:customresourcedefinitions:displayName="ProxySQL Sync",resources={{Pod,v1},{Secret,v1},{Event,v1}}
// +kubebuilder:resource:path=proxysqlsyncs,singular=proxysqlsync,shortName=ps;pxsync,categories=compose
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Synced",type=string,JSONPath=`.status.synced`,description="synced/wanted"
// +kubebuilder:printcolumn:name="Source",type=string,JSONPath=`.status.source`
// +kubebuilder:printcolumn:name="Users",type=integer,JSONPath=`.status.users`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="MySQL",type=string,priority=1,JSONPath=`.status.mysqlVersion`
// +kubebuilder:printcolumn:name="Reason",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type ProxysqlSync struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what the user wants.
	Spec ProxysqlSyncSpec `json:"spec"`
	// Status is what the operator observed.
	Status ProxysqlSyncStatus `json:"status,omitempty"`
}

// ProxysqlSyncList is a list of ProxysqlSync.
// +kubebuilder:object:root=true
type ProxysqlSyncList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ProxysqlSync `json:"items"`
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
)

// Node is one database server: a pod of the resource's namespace, or a server that is
// none (external), and the address under which the other servers and the operator reach it.
// +kubebuilder:validation:XValidation:rule="!has(self.external) || !self.external || !self.host.matches('^(0[.]|127[.]|169[.]254[.]|224[.]0[.]0[.]|::1?$|[fF][eE][89aAbB][0-9a-fA-F]:|[fF][fF]0[12]:|[lL]ocalhost[.]?$)')",message="host of an external node must not be a loopback or link-local address: the Services cannot lead there. Give an address that every node of the cluster reaches"
type Node struct {
	// Name of the pod, in the namespace of this resource. Of an external node it is a
	// name within this resource only, and a pod of that name has nothing to do with it.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="name must be the name of a pod: lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit"
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Pod",xDescriptors={"urn:alm:descriptor:io.kubernetes:Pod"}
	Name string `json:"name"`

	// Host is an IP address or a DNS name under which the server is reached.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^([A-Za-z0-9_]([-A-Za-z0-9_]*[A-Za-z0-9_])?[.])*[A-Za-z0-9_]([-A-Za-z0-9_]*[A-Za-z0-9_])?[.]?$') || self.matches('^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*$')",message="host must be an IP address or a DNS name, without a scheme or a port"
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Host",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:text"}
	Host string `json:"host"`

	// Port of the server.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Port",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:number"}
	Port int32 `json:"port"`

	// External says that the server is no pod of this namespace: it is known by host and
	// port only, gets no label, and the Services lead to it through EndpointSlices that
	// the operator owns. The host has to resolve to one address, or to one IPv4 and one
	// IPv6 address of the same server.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="External",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:booleanSwitch"}
	External bool `json:"external,omitempty"`
}

// ReplicaNode is a node that replicates from the source.
type ReplicaNode struct {
	Node `json:",inline"`

	// Isolated detaches the node from replication: it stays read-only, carries
	// no managed labels and is in no Service.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Isolated",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:booleanSwitch"}
	Isolated bool `json:"isolated,omitempty"`
}

// AESSecret names the Secret key that holds the AES-256 key of the passwords.
type AESSecret struct {
	// Name of the Secret. It is looked up in the resource's namespace first and
	// then in the operator's.
	// +kubebuilder:default="aes-secret-key"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="AES key secret",xDescriptors={"urn:alm:descriptor:io.kubernetes:Secret"}
	Name string `json:"name,omitempty"`

	// Key within the Secret. Its value is 32 bytes of text.
	// +kubebuilder:default="AES_SECRET_KEY"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Key in the secret",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:text"}
	Key string `json:"key,omitempty"`
}

// Defaults of AESSecret.
const (
	DefaultAESSecretName = "aes-secret-key"
	DefaultAESSecretKey  = "AES_SECRET_KEY"
)

// ServiceSpec says how the Services of a resource are exposed.
// +kubebuilder:validation:XValidation:optionalOldSelf=true,rule="!has(self.type) || self.type != 'ExternalName' || (has(self.externalName) && size(self.externalName) > 0) || (oldSelf.hasValue() && has(oldSelf.value().type) && oldSelf.value().type == 'ExternalName' && (!has(oldSelf.value().externalName) || size(oldSelf.value().externalName) == 0))",message="spec.service.type ExternalName needs spec.service.externalName, the DNS name to point at; set it or use ClusterIP, NodePort or LoadBalancer"
type ServiceSpec struct {
	// Type of both Services.
	// +kubebuilder:validation:Enum=ClusterIP;NodePort;LoadBalancer;ExternalName
	// +kubebuilder:default=ClusterIP
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Service type",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:select:ClusterIP","urn:alm:descriptor:com.tectonic.ui:select:NodePort","urn:alm:descriptor:com.tectonic.ui:select:LoadBalancer","urn:alm:descriptor:com.tectonic.ui:select:ExternalName"}
	Type corev1.ServiceType `json:"type,omitempty"`

	// ExternalName is the DNS name that the Services point at when type is ExternalName.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="External name",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:text","urn:alm:descriptor:com.tectonic.ui:fieldDependency:service.type:ExternalName"}
	ExternalName string `json:"externalName,omitempty"`
}

// NodeHealth says whether the operator could observe a node and found it working.
// +kubebuilder:validation:Enum=Healthy;Failed
type NodeHealth string

// The values of NodeHealth.
const (
	NodeHealthy NodeHealth = "Healthy"
	NodeFailed  NodeHealth = "Failed"
)

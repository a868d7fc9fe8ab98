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

// DatabaseTLSMode says how far a connection is secured. The words are those of
// the database clients' ssl-mode.
// +kubebuilder:validation:Enum=disable;preferred;required;verify-ca;verify-full
type DatabaseTLSMode string

// The values of DatabaseTLSMode.
const (
	// TLSDisable uses no TLS.
	TLSDisable DatabaseTLSMode = "disable"
	// TLSPreferred uses TLS where the server offers it, and verifies nothing.
	TLSPreferred DatabaseTLSMode = "preferred"
	// TLSRequired uses TLS or does not connect, and verifies nothing.
	TLSRequired DatabaseTLSMode = "required"
	// TLSVerifyCA is TLSRequired with a server certificate that the CA has issued.
	TLSVerifyCA DatabaseTLSMode = "verify-ca"
	// TLSVerifyFull is TLSVerifyCA with a certificate that is made out to the node's host.
	TLSVerifyFull DatabaseTLSMode = "verify-full"
)

// Verifies says whether the mode demands a CA.
func (m DatabaseTLSMode) Verifies() bool { return m == TLSVerifyCA || m == TLSVerifyFull }

// Demands says whether the mode does without TLS never.
func (m DatabaseTLSMode) Demands() bool { return m == TLSRequired || m.Verifies() }

// DatabaseTLS says how connections to the servers, and of the servers among each
// other, are secured.
// +kubebuilder:validation:XValidation:rule="!has(self.mode) || !(self.mode in ['verify-ca', 'verify-full']) || (has(self.secretName) && size(self.secretName) > 0)",message="spec.tls.mode verify-ca and verify-full need spec.tls.secretName, the Secret with the CA under ca.crt; set it or use required"
type DatabaseTLS struct {
	// Mode: disable, preferred (TLS where a server offers it), required (nothing is
	// verified), verify-ca (the server's certificate was issued by the CA) or
	// verify-full (and is made out to the node's host).
	// +kubebuilder:default=preferred
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="TLS mode",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:select:disable","urn:alm:descriptor:com.tectonic.ui:select:preferred","urn:alm:descriptor:com.tectonic.ui:select:required","urn:alm:descriptor:com.tectonic.ui:select:verify-ca","urn:alm:descriptor:com.tectonic.ui:select:verify-full"}
	Mode DatabaseTLSMode `json:"mode,omitempty"`

	// SecretName names a Secret in the namespace of this resource, with the keys of
	// the type kubernetes.io/tls: ca.crt, which verify-ca and verify-full need, and
	// tls.crt with tls.key, the operator's client certificate, where the servers ask
	// for one. It is read in the modes required, verify-ca and verify-full.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="TLS secret",xDescriptors={"urn:alm:descriptor:io.kubernetes:Secret"}
	SecretName string `json:"secretName,omitempty"`

	// ServerFiles are files on the servers that the replication channels use in the
	// modes required, verify-ca and verify-full. The operator does not write them.
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Files on the servers",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:advanced"}
	ServerFiles *DatabaseTLSFiles `json:"serverFiles,omitempty"`
}

// DatabaseTLSFiles are paths within the database pods, the same in each of them:
// absolute, or relative to the data directory.
// +kubebuilder:validation:XValidation:rule="(has(self.cert) && size(self.cert) > 0) == (has(self.key) && size(self.key) > 0)",message="spec.tls.serverFiles.cert and spec.tls.serverFiles.key belong together; set both or none"
type DatabaseTLSFiles struct {
	// CA is the file with the CA that a source's certificate is verified with. When it
	// is not given, the server's own is used (ssl_ca).
	// +kubebuilder:validation:MaxLength=511
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="CA file",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:text"}
	CA string `json:"ca,omitempty"`

	// Cert is the file with the client certificate of the channels. When it is not
	// given they present none.
	// +kubebuilder:validation:MaxLength=511
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Certificate file",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:text"}
	Cert string `json:"cert,omitempty"`

	// Key is the file with its private key.
	// +kubebuilder:validation:MaxLength=511
	// +optional
	// +operator-sdk:csv:customresourcedefinitions:type=spec,displayName="Key file",xDescriptors={"urn:alm:descriptor:com.tectonic.ui:text"}
	Key string `json:"key,omitempty"`
}

// EffectiveMode is the mode with the default applied; t may be nil.
func (t *DatabaseTLS) EffectiveMode() DatabaseTLSMode {
	if t == nil || t.Mode == "" {
		return TLSPreferred
	}
	return t.Mode
}

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

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package manager

// What the operator may do; config/rbac/role.yaml is made of it, and of
// zz_generated.rbac.go, which has the resources that users write. Each role is one
// scope, so that an installation can grant it there and nowhere else.
//
// ClusterRole compose-operator-manager: the watched namespaces. One that watches all
// has a ClusterRoleBinding, one that watches some has a RoleBinding in each of them.
//
// Labels of pods; Services by server-side apply; EndpointSlices of external nodes; events.
//+kubebuilder:rbac:groups="",resources=pods,verbs=get;list;watch;patch
//+kubebuilder:rbac:groups="",resources=services,verbs=get;list;watch;create;patch;delete
//+kubebuilder:rbac:groups=discovery.k8s.io,resources=endpointslices,verbs=get;list;watch;create;update;delete
//+kubebuilder:rbac:groups="",resources=events,verbs=create;patch
//+kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch
//
// Secrets are watched as metadata and read one by one when that has changed;
// there is no verb for the difference.
//+kubebuilder:rbac:groups="",resources=secrets,verbs=get;list;watch
//
// Role compose-operator-own: the operator's own namespace. The AES key is created
// once and read as a fallback. Whoever can create Secrets in a namespace can have a
// token of each of its service accounts: never grant this anywhere else. A name
// cannot limit "create". Leader election has events of its own.
//+kubebuilder:rbac:namespace=upm-system,roleName=compose-operator-own,groups="",resources=secrets,verbs=get;list;watch;create
//+kubebuilder:rbac:namespace=upm-system,roleName=compose-operator-own,groups=coordination.k8s.io,resources=leases,verbs=create
//+kubebuilder:rbac:namespace=upm-system,roleName=compose-operator-own,groups=coordination.k8s.io,resources=leases,resourceNames=compose-operator.upm.syntropycloud.io,verbs=get;update;patch
//+kubebuilder:rbac:namespace=upm-system,roleName=compose-operator-own,groups="",resources=events,verbs=create;patch
//
// The ServiceMonitor and the PrometheusRule of the operator, and its Deployment, which
// owns them. Server-side apply needs "create" for one that is not there.
//+kubebuilder:rbac:namespace=upm-system,roleName=compose-operator-own,groups=monitoring.coreos.com,resources=servicemonitors;prometheusrules,verbs=create
//+kubebuilder:rbac:namespace=upm-system,roleName=compose-operator-own,groups=monitoring.coreos.com,resources=servicemonitors;prometheusrules,resourceNames=compose-operator,verbs=get;patch
//+kubebuilder:rbac:namespace=upm-system,roleName=compose-operator-own,groups=apps,resources=deployments,resourceNames=compose-operator,verbs=get
//
// ClusterRole compose-operator-metrics-auth: who may read the metrics is the API
// server's decision. Neither resource has a namespace.
//+kubebuilder:rbac:roleName=compose-operator-metrics-auth,groups=authentication.k8s.io,resources=tokenreviews,verbs=create
//+kubebuilder:rbac:roleName=compose-operator-metrics-auth,groups=authorization.k8s.io,resources=subjectaccessreviews,verbs=create
//
// ClusterRole and Role compose-operator-webhook-cert: only where the operator makes
// the webhook's certificates itself, so neither with OLM nor with cert-manager.
//+kubebuilder:rbac:roleName=compose-operator-webhook-cert,groups=admissionregistration.k8s.io,resources=validatingwebhookconfigurations,resourceNames=compose-operator,verbs=get;patch
//+kubebuilder:rbac:namespace=upm-system,roleName=compose-operator-webhook-cert,groups="",resources=secrets,resourceNames=compose-operator-webhook-cert,verbs=get;update

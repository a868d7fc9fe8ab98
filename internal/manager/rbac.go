// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package manager

// What the operator may do; config/rbac/role.yaml is made of it.
//
// The resources that users write. The status is the only part that it writes;
// "finalizers" is what clusters with OwnerReferencesPermissionEnforcement ask for
// before a Service may name a resource as its owner.
//+kubebuilder:rbac:groups=upm.syntropycloud.io,resources=mysqlreplications,verbs=get;list;watch
//+kubebuilder:rbac:groups=upm.syntropycloud.io,resources=mysqlreplications/status,verbs=get;patch;update
//+kubebuilder:rbac:groups=upm.syntropycloud.io,resources=mysqlreplications/finalizers,verbs=update
//
// Labels of pods; Services by server-side apply; events.
//+kubebuilder:rbac:groups="",resources=pods,verbs=get;list;watch;patch
//+kubebuilder:rbac:groups="",resources=services,verbs=get;list;watch;create;patch;delete
//+kubebuilder:rbac:groups="",resources=events,verbs=create;patch
//+kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch
//
// Secrets are watched as metadata and read one by one when that has changed;
// there is no verb for the difference.
//+kubebuilder:rbac:groups="",resources=secrets,verbs=get;list;watch
//
// The operator's own Secrets, in its own namespace: the AES key is created once,
// the webhook's certificates are created and renewed.
//+kubebuilder:rbac:namespace=upm-system,groups="",resources=secrets,verbs=create
//+kubebuilder:rbac:namespace=upm-system,groups="",resources=secrets,resourceNames=compose-operator-webhook-cert,verbs=get;update
//+kubebuilder:rbac:groups=admissionregistration.k8s.io,resources=validatingwebhookconfigurations,resourceNames=compose-operator,verbs=get;patch
//
// Who may read the metrics is the API server's decision.
//+kubebuilder:rbac:groups=authentication.k8s.io,resources=tokenreviews,verbs=create
//+kubebuilder:rbac:groups=authorization.k8s.io,resources=subjectaccessreviews,verbs=create

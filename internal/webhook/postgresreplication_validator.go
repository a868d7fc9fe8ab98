// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"k8s.io/apimachinery/pkg/util/validation/field"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// Ignore, for the reason that mysqlreplication_validator.go gives.
//
//+kubebuilder:webhook:path=/validate-upm-syntropycloud-io-v1alpha1-postgresreplication,mutating=false,failurePolicy=ignore,sideEffects=None,timeoutSeconds=5,groups=upm.syntropycloud.io,resources=postgresreplications,verbs=create;update,versions=v1alpha1,name=postgresreplication.upm.syntropycloud.io,admissionReviewVersions=v1,serviceName=compose-operator-webhook,serviceNamespace=upm-system

var _ admission.Validator[*v1alpha1.PostgresReplication] = &Validator[*v1alpha1.PostgresReplication]{}

// postgresReplication has the rules of the kind.
var postgresReplication = rules[*v1alpha1.PostgresReplication]{
	kind:     "PostgresReplication",
	newList:  func() client.ObjectList { return &v1alpha1.PostgresReplicationList{} },
	spec:     func(obj *v1alpha1.PostgresReplication) any { return &obj.Spec },
	nodes:    func(obj *v1alpha1.PostgresReplication) []placedNode { return postgresReplicationNodes(&obj.Spec) },
	validate: func(obj *v1alpha1.PostgresReplication) field.ErrorList { return ValidatePostgresReplication(&obj.Spec) },
	warn:     func(obj *v1alpha1.PostgresReplication) admission.Warnings { return WarnPostgresReplication(&obj.Spec) },
}

// SetupPostgresReplication serves the admission of PostgresReplications.
func SetupPostgresReplication(mgr ctrl.Manager) error {
	return setup(mgr, &v1alpha1.PostgresReplication{}, postgresReplication)
}

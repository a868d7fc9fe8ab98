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

// Ignore, because an edit in an emergency must be possible while the operator
// restarts; the rules that protect the databases are in the CRD, the planner and,
// for a pod that two resources name, the kernel (internal/reconcile/claims.go).
//
//+kubebuilder:webhook:path=/validate-upm-syntropycloud-io-v1alpha1-mysqlreplication,mutating=false,failurePolicy=ignore,sideEffects=None,timeoutSeconds=5,groups=upm.syntropycloud.io,resources=mysqlreplications,verbs=create;update,versions=v1alpha1,name=mysqlreplication.upm.syntropycloud.io,admissionReviewVersions=v1,serviceName=compose-operator-webhook,serviceNamespace=upm-system

var _ admission.Validator[*v1alpha1.MysqlReplication] = &Validator[*v1alpha1.MysqlReplication]{}

// mysqlReplication has the rules of the kind.
var mysqlReplication = rules[*v1alpha1.MysqlReplication]{
	kind:     "MysqlReplication",
	newList:  func() client.ObjectList { return &v1alpha1.MysqlReplicationList{} },
	spec:     func(obj *v1alpha1.MysqlReplication) any { return &obj.Spec },
	nodes:    func(obj *v1alpha1.MysqlReplication) []placedNode { return mysqlReplicationNodes(&obj.Spec) },
	validate: func(obj *v1alpha1.MysqlReplication) field.ErrorList { return ValidateMysqlReplication(&obj.Spec) },
	warn:     func(obj *v1alpha1.MysqlReplication) admission.Warnings { return WarnMysqlReplication(&obj.Spec) },
}

// SetupMysqlReplication serves the admission of MysqlReplications.
func SetupMysqlReplication(mgr ctrl.Manager) error {
	return setup(mgr, &v1alpha1.MysqlReplication{}, mysqlReplication)
}

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

// Ignore, as for MysqlReplication.
//
//+kubebuilder:webhook:path=/validate-upm-syntropycloud-io-v1alpha1-mysqlgroupreplication,mutating=false,failurePolicy=ignore,sideEffects=None,timeoutSeconds=5,groups=upm.syntropycloud.io,resources=mysqlgroupreplications,verbs=create;update,versions=v1alpha1,name=mysqlgroupreplication.upm.syntropycloud.io,admissionReviewVersions=v1,serviceName=compose-operator-webhook,serviceNamespace=upm-system

var _ admission.Validator[*v1alpha1.MysqlGroupReplication] = &Validator[*v1alpha1.MysqlGroupReplication]{}

// mysqlGroupReplication has the rules of the kind.
var mysqlGroupReplication = rules[*v1alpha1.MysqlGroupReplication]{
	kind:    "MysqlGroupReplication",
	newList: func() client.ObjectList { return &v1alpha1.MysqlGroupReplicationList{} },
	spec:    func(obj *v1alpha1.MysqlGroupReplication) any { return &obj.Spec },
	nodes:   func(obj *v1alpha1.MysqlGroupReplication) []placedNode { return mysqlGroupReplicationNodes(&obj.Spec) },
	validate: func(obj *v1alpha1.MysqlGroupReplication) field.ErrorList {
		return ValidateMysqlGroupReplication(&obj.Spec)
	},
	warn: func(obj *v1alpha1.MysqlGroupReplication) admission.Warnings {
		return WarnMysqlGroupReplication(&obj.Spec)
	},
}

// SetupMysqlGroupReplication serves the admission of MysqlGroupReplications.
func SetupMysqlGroupReplication(mgr ctrl.Manager) error {
	return setup(mgr, &v1alpha1.MysqlGroupReplication{}, mysqlGroupReplication)
}

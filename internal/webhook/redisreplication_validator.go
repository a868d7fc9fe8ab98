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
//+kubebuilder:webhook:path=/validate-upm-syntropycloud-io-v1alpha1-redisreplication,mutating=false,failurePolicy=ignore,sideEffects=None,timeoutSeconds=5,groups=upm.syntropycloud.io,resources=redisreplications,verbs=create;update,versions=v1alpha1,name=redisreplication.upm.syntropycloud.io,admissionReviewVersions=v1,serviceName=compose-operator-webhook,serviceNamespace=upm-system

var _ admission.Validator[*v1alpha1.RedisReplication] = &Validator[*v1alpha1.RedisReplication]{}

// redisReplication has the rules of the kind.
var redisReplication = rules[*v1alpha1.RedisReplication]{
	kind:     "RedisReplication",
	newList:  func() client.ObjectList { return &v1alpha1.RedisReplicationList{} },
	spec:     func(obj *v1alpha1.RedisReplication) any { return &obj.Spec },
	nodes:    func(obj *v1alpha1.RedisReplication) []placedNode { return withoutAnnounced(redisNodes(&obj.Spec)) },
	validate: func(obj *v1alpha1.RedisReplication) field.ErrorList { return ValidateRedisReplication(&obj.Spec) },
	warn:     func(obj *v1alpha1.RedisReplication) admission.Warnings { return WarnRedisReplication(&obj.Spec) },
}

// SetupRedisReplication serves the admission of RedisReplications.
func SetupRedisReplication(mgr ctrl.Manager) error {
	return setup(mgr, &v1alpha1.RedisReplication{}, redisReplication)
}

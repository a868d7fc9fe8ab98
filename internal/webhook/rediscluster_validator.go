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
//+kubebuilder:webhook:path=/validate-upm-syntropycloud-io-v1alpha1-rediscluster,mutating=false,failurePolicy=ignore,sideEffects=None,timeoutSeconds=5,groups=upm.syntropycloud.io,resources=redisclusters,verbs=create;update,versions=v1alpha1,name=rediscluster.upm.syntropycloud.io,admissionReviewVersions=v1,serviceName=compose-operator-webhook,serviceNamespace=upm-system

var _ admission.Validator[*v1alpha1.RedisCluster] = &Validator[*v1alpha1.RedisCluster]{}

// redisCluster has the rules of the kind.
var redisCluster = rules[*v1alpha1.RedisCluster]{
	kind:     "RedisCluster",
	newList:  func() client.ObjectList { return &v1alpha1.RedisClusterList{} },
	spec:     func(obj *v1alpha1.RedisCluster) any { return &obj.Spec },
	nodes:    func(obj *v1alpha1.RedisCluster) []placedNode { return withoutAnnounced(redisClusterNodes(&obj.Spec)) },
	services: redisClusterServices,
	validate: func(obj *v1alpha1.RedisCluster) field.ErrorList { return ValidateRedisCluster(&obj.Spec) },
	warn:     func(obj *v1alpha1.RedisCluster) admission.Warnings { return WarnRedisCluster(&obj.Spec) },
}

// SetupRedisCluster serves the admission of RedisClusters.
func SetupRedisCluster(mgr ctrl.Manager) error {
	return setup(mgr, &v1alpha1.RedisCluster{}, redisCluster)
}

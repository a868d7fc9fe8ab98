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
//+kubebuilder:webhook:path=/validate-upm-syntropycloud-io-v1alpha1-proxysqlsync,mutating=false,failurePolicy=ignore,sideEffects=None,timeoutSeconds=5,groups=upm.syntropycloud.io,resources=proxysqlsyncs,verbs=create;update,versions=v1alpha1,name=proxysqlsync.upm.syntropycloud.io,admissionReviewVersions=v1,serviceName=compose-operator-webhook,serviceNamespace=upm-system

var _ admission.Validator[*v1alpha1.ProxysqlSync] = &Validator[*v1alpha1.ProxysqlSync]{}

// proxysqlSync has the rules of the kind.
var proxysqlSync = rules[*v1alpha1.ProxysqlSync]{
	kind:     "ProxysqlSync",
	unserved: true,
	newList:  func() client.ObjectList { return &v1alpha1.ProxysqlSyncList{} },
	spec:     func(obj *v1alpha1.ProxysqlSync) any { return &obj.Spec },
	nodes:    func(obj *v1alpha1.ProxysqlSync) []placedNode { return proxysqlSyncNodes(&obj.Spec) },
	validate: func(obj *v1alpha1.ProxysqlSync) field.ErrorList { return ValidateProxysqlSync(&obj.Spec) },
	warn:     func(obj *v1alpha1.ProxysqlSync) admission.Warnings { return WarnProxysqlSync(&obj.Spec) },
}

// SetupProxysqlSync serves the admission of ProxysqlSyncs.
func SetupProxysqlSync(mgr ctrl.Manager) error {
	return setup(mgr, &v1alpha1.ProxysqlSync{}, proxysqlSync)
}

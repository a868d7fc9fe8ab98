// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation/field"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

const mysqlReplicationKind = "MysqlReplication"

// Ignore, because an edit in an emergency must be possible while the operator
// restarts; the rules that protect the databases are in the CRD, the planner and,
// for a pod that two resources name, the kernel (internal/reconcile/claims.go).
//
//+kubebuilder:webhook:path=/validate-upm-syntropycloud-io-v1alpha1-mysqlreplication,mutating=false,failurePolicy=ignore,sideEffects=None,timeoutSeconds=5,groups=upm.syntropycloud.io,resources=mysqlreplications,verbs=create;update,versions=v1alpha1,name=mysqlreplication.upm.syntropycloud.io,admissionReviewVersions=v1,serviceName=compose-operator-webhook,serviceNamespace=upm-system

// MysqlReplicationValidator is the admission of MysqlReplications.
type MysqlReplicationValidator struct {
	// Reader lists the resources of a namespace, from a cache.
	Reader client.Reader
}

var _ admission.Validator[*v1alpha1.MysqlReplication] = &MysqlReplicationValidator{}

// SetupMysqlReplication serves the admission of MysqlReplications.
func SetupMysqlReplication(mgr ctrl.Manager) error {
	return ctrl.NewWebhookManagedBy(mgr, &v1alpha1.MysqlReplication{}).
		WithValidator(&MysqlReplicationValidator{Reader: mgr.GetClient()}).
		Complete()
}

// ValidateCreate refuses every mistake.
func (v *MysqlReplicationValidator) ValidateCreate(ctx context.Context, obj *v1alpha1.MysqlReplication) (admission.Warnings, error) {
	return v.validate(ctx, obj, nil)
}

// ValidateUpdate refuses mistakes that the old object did not have. It has nothing
// to say when the spec stays as it is, or when the object is being deleted: its
// finalizers must come off.
func (v *MysqlReplicationValidator) ValidateUpdate(ctx context.Context, old, updated *v1alpha1.MysqlReplication) (admission.Warnings, error) {
	if !updated.DeletionTimestamp.IsZero() || equality.Semantic.DeepEqual(old.Spec, updated.Spec) {
		return nil, nil
	}
	return v.validate(ctx, updated, &old.Spec)
}

// ValidateDelete allows it.
func (v *MysqlReplicationValidator) ValidateDelete(context.Context, *v1alpha1.MysqlReplication) (admission.Warnings, error) {
	return nil, nil
}

func (v *MysqlReplicationValidator) validate(ctx context.Context, obj *v1alpha1.MysqlReplication, old *v1alpha1.MysqlReplicationSpec) (admission.Warnings, error) {
	warnings := WarnMysqlReplication(&obj.Spec)
	errs := ValidateMysqlReplication(&obj.Spec)
	var oldNodes []placedNode
	if old != nil {
		errs = newErrors(errs, ValidateMysqlReplication(old))
		oldNodes = mysqlReplicationNodes(old)
	}
	claims, err := claimsOf(ctx, v.Reader, obj.Namespace, owner{kind: mysqlReplicationKind, name: obj.Name})
	if err != nil {
		// The same choice as failurePolicy Ignore: better let an edit pass than stop it.
		log.FromContext(ctx).Error(err, "Could not check whether another resource names the same pods")
		warnings = append(warnings, "it could not be checked whether another resource of this namespace names the same pods")
	}
	errs = append(errs, validateClaims(mysqlReplicationNodes(&obj.Spec), oldNodes, claims)...)
	return warnings, invalid(obj, errs)
}

// invalid is the API server's own form of a refusal, which clients show field by field.
func invalid(obj *v1alpha1.MysqlReplication, errs field.ErrorList) error {
	if len(errs) == 0 {
		return nil
	}
	return apierrors.NewInvalid(v1alpha1.GroupVersion.WithKind(mysqlReplicationKind).GroupKind(), obj.Name, errs)
}

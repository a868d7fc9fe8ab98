// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

var tlsModes = []v1alpha1.DatabaseTLSMode{
	v1alpha1.TLSDisable, v1alpha1.TLSPreferred, v1alpha1.TLSRequired, v1alpha1.TLSVerifyCA, v1alpha1.TLSVerifyFull,
}

// validateTLS checks spec.tls of any kind.
func validateTLS(path *field.Path, tls *v1alpha1.DatabaseTLS) field.ErrorList {
	if tls == nil {
		return nil
	}
	var errs field.ErrorList
	switch mode := tls.EffectiveMode(); {
	case mode != v1alpha1.TLSDisable && mode != v1alpha1.TLSPreferred && !mode.Demands():
		errs = append(errs, field.NotSupported(path.Child("mode"), tls.Mode, tlsModes))
	case mode.Verifies() && tls.SecretName == "":
		errs = append(errs, field.Required(path.Child("secretName"),
			fmt.Sprintf("mode %s needs the Secret with the CA under ca.crt; set it or use required", mode)))
	}
	if files := tls.ServerFiles; files != nil && (files.Cert == "") != (files.Key == "") {
		missing := "cert"
		if files.Key == "" {
			missing = "key"
		}
		errs = append(errs, field.Required(path.Child("serverFiles", missing), "cert and key belong together; set both or none"))
	}
	return errs
}

// warnTLS says what has no effect.
func warnTLS(tls *v1alpha1.DatabaseTLS) admission.Warnings {
	if tls == nil || tls.EffectiveMode().Demands() || tls.SecretName == "" && tls.ServerFiles == nil {
		return nil
	}
	return admission.Warnings{fmt.Sprintf(
		"spec.tls.mode is %s: secretName and serverFiles are not used; set required, verify-ca or verify-full to use them", tls.EffectiveMode())}
}

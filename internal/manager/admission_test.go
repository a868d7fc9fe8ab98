// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"slices"
	"testing"
)

func TestWhoseCertificates(t *testing.T) {
	server, rotator := admissionServer(Options{OperatorNamespace: "ops", WebhookPort: 9443})
	if server == nil || rotator == nil {
		t.Fatal("without a directory the operator makes its own certificates")
	}
	if !slices.Contains(rotator.DNSNames, "compose-operator-webhook.ops.svc") {
		t.Errorf("the API server calls another name than %q", rotator.DNSNames)
	}
	if rotator.Secret.Namespace != "ops" || rotator.Secret.Name != "compose-operator-webhook-cert" {
		t.Errorf("Secret %s", rotator.Secret)
	}
	if _, rotator := admissionServer(Options{OperatorNamespace: "ops", WebhookPort: 9443, WebhookCertDir: t.TempDir()}); rotator != nil {
		t.Error("the operator makes certificates beside those of the directory")
	}
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"crypto/tls"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	ctrlwebhook "sigs.k8s.io/controller-runtime/pkg/webhook"

	"github.com/upmio/compose-operator/internal/certs"
	"github.com/upmio/compose-operator/internal/webhook"
)

// Names of what the manifests of config/webhook and config/rbac are about.
const (
	webhookService       = "compose-operator-webhook"
	webhookSecret        = "compose-operator-webhook-cert"
	webhookConfiguration = "compose-operator"
)

// admissionServer returns the webhook server and, unless the certificates are
// somebody else's, what makes them. The rotator still needs its clients: they
// come with the manager, which needs the server.
func admissionServer(o Options) (ctrlwebhook.Server, *certs.Rotator) {
	options := ctrlwebhook.Options{
		Port:    o.WebhookPort,
		CertDir: o.WebhookCertDir,
		TLSOpts: []func(*tls.Config){withoutHTTP2},
	}
	if o.WebhookCertDir != "" {
		// The server watches the directory.
		return ctrlwebhook.NewServer(options), nil
	}
	host := webhookService + "." + o.OperatorNamespace + ".svc"
	rotator := &certs.Rotator{
		Secret:               types.NamespacedName{Namespace: o.OperatorNamespace, Name: webhookSecret},
		WebhookConfiguration: webhookConfiguration,
		DNSNames:             []string{host, host + ".cluster.local"},
	}
	options.TLSOpts = append(options.TLSOpts, func(c *tls.Config) { c.GetCertificate = rotator.GetCertificate })
	return ctrlwebhook.NewServer(options), rotator
}

// setupAdmission registers the webhooks, one line for each kind, and the rotator.
func setupAdmission(mgr ctrl.Manager, rotator *certs.Rotator) error {
	if rotator != nil {
		rotator.Reader, rotator.Writer = mgr.GetAPIReader(), mgr.GetClient()
		if err := mgr.Add(rotator); err != nil {
			return fmt.Errorf("add the webhook's certificates: %w", err)
		}
	}
	if err := webhook.SetupMysqlReplication(mgr); err != nil {
		return fmt.Errorf("set up the admission of MysqlReplication: %w", err)
	}
	if err := webhook.SetupMysqlGroupReplication(mgr); err != nil {
		return fmt.Errorf("set up the admission of MysqlGroupReplication: %w", err)
	}
	if err := webhook.SetupRedisReplication(mgr); err != nil {
		return fmt.Errorf("set up the admission of RedisReplication: %w", err)
	}
	if err := webhook.SetupProxysqlSync(mgr); err != nil {
		return fmt.Errorf("set up the admission of ProxysqlSync: %w", err)
	}
	return nil
}

// withoutHTTP2 keeps streams from being used against a server whose clients
// (the API server, Prometheus) need none.
func withoutHTTP2(c *tls.Config) { c.NextProtos = []string{"http/1.1"} }

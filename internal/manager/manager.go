// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"

	operatorsv2 "github.com/operator-framework/api/pkg/operators/v2"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/certs"
	"github.com/upmio/compose-operator/internal/kube"
	"github.com/upmio/compose-operator/internal/reconcile"
)

const (
	leaderElectionID = "compose-operator.upm.syntropycloud.io"
	leaseDuration    = 15 * time.Second
	renewDeadline    = 10 * time.Second
	// retryPeriod is how often the leader renews its lease. The others look for one
	// that was given away after 1 to 2.2 of it.
	retryPeriod = time.Second

	// shutdownTimeout lets a switchover's step be finished and its phase recorded. It
	// is below terminationGracePeriodSeconds in config/manager.
	shutdownTimeout = 25 * time.Second

	// A switchover writes a handful of objects back to back; the client library's own
	// limits (5 a second) would be felt as write outage. At its start the operator reads
	// three objects for each resource, a thousand resources within the half minute. The
	// API server guards itself (API priority and fairness), and the operator's share of a
	// CPU ends before these do.
	clientQPS   = 300
	clientBurst = 600
)

// Scheme knows every type that the operator reads or writes.
func Scheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	utilruntime.Must(operatorsv2.AddToScheme(scheme))
	return scheme
}

// New puts the operator together. Nothing runs before its Start.
func New(ctx context.Context, cluster *rest.Config, o Options) (manager.Manager, error) {
	cluster = rest.CopyConfig(cluster)
	cluster.QPS, cluster.Burst = clientQPS, clientBurst

	options := ctrl.Options{
		Scheme:                        Scheme(),
		Cache:                         cacheOptions(o.WatchNamespaces, o.OperatorNamespace),
		Metrics:                       metricsOptions(o.MetricsBindAddress),
		HealthProbeBindAddress:        o.HealthProbeBindAddress,
		PprofBindAddress:              o.PprofBindAddress,
		LeaderElection:                o.LeaderElect,
		LeaderElectionID:              leaderElectionID,
		LeaderElectionNamespace:       o.OperatorNamespace,
		LeaderElectionReleaseOnCancel: true,
		LeaseDuration:                 new(leaseDuration),
		RenewDeadline:                 new(renewDeadline),
		RetryPeriod:                   new(retryPeriod),
		GracefulShutdownTimeout:       new(shutdownTimeout),
		Controller: config.Controller{
			// Who waits for the lease knows all there is, and begins at once.
			EnableWarmup: new(true),
			// Tests run more than one manager in a process.
			SkipNameValidation: new(true),
		},
		// OLM allows its name only, and no watch.
		Client: client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&operatorsv2.OperatorCondition{}}}},
	}
	var rotator *certs.Rotator
	if o.EnableWebhook {
		options.WebhookServer, rotator = admissionServer(o)
	}
	mgr, err := ctrl.NewManager(cluster, options)
	if err != nil {
		return nil, fmt.Errorf("make the manager: %w", err)
	}
	if o.EnableWebhook {
		if err := setupAdmission(mgr, rotator); err != nil {
			return nil, err
		}
	}
	all := kinds()
	if err := addChecks(ctx, mgr, o, all, rotator); err != nil {
		return nil, err
	}
	if err := addUpgradeable(mgr, o, all); err != nil {
		return nil, err
	}
	if err := mgr.Add(aesKey(mgr.GetClient(), o.OperatorNamespace)); err != nil {
		return nil, fmt.Errorf("add the AES key: %w", err)
	}
	if err := addMonitoring(mgr, o); err != nil {
		return nil, err
	}
	if err := kube.ServiceIndex().Add(ctx, mgr.GetFieldIndexer()); err != nil {
		return nil, fmt.Errorf("make the manager: %w", err)
	}
	return mgr, setupKinds(mgr, all, reconcile.Options{
		OperatorNamespace: o.OperatorNamespace,
		MaxConcurrent:     o.MaxConcurrentReconciles,
		// A pod has one resource, of whatever kind.
		Claims: reconcile.NewClaims(),
	})
}

func metricsOptions(address string) metricsserver.Options {
	options := metricsserver.Options{BindAddress: address}
	if servesMetrics(address) {
		options.SecureServing = true
		options.FilterProvider = filters.WithAuthenticationAndAuthorization
		options.TLSOpts = []func(*tls.Config){withoutHTTP2}
	}
	return options
}

func servesMetrics(address string) bool { return address != Off && address != "" }

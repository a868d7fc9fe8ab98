// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/operator-framework/operator-lib/conditions"
	"go.uber.org/zap/zapcore"
	"sigs.k8s.io/controller-runtime/pkg/client/config"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/upmio/compose-operator/internal/reconcile"
)

// logTime is RFC 3339 with milliseconds: a switchover takes some hundred of them.
const logTime = "2006-01-02T15:04:05.000Z07:00"

// Off is the address that switches a server off.
const Off = "0"

// Options of the operator, from its flags and environment.
type Options struct {
	// LeaderElect lets one replica act at a time.
	LeaderElect bool
	// MetricsBindAddress serves metrics over TLS to clients that the API server
	// authenticates and authorizes; Off: none.
	MetricsBindAddress string
	// Monitoring has the operator keep its ServiceMonitor and its alerts where the
	// cluster knows these kinds.
	Monitoring bool
	// HealthProbeBindAddress serves /healthz and /readyz; Off: none.
	HealthProbeBindAddress string
	// PprofBindAddress serves Go's profiles to everybody who can reach it; Off: none.
	PprofBindAddress string
	// EnableWebhook serves admission.
	EnableWebhook bool
	WebhookPort   int
	// WebhookCertDir holds tls.crt and tls.key that somebody else keeps fresh
	// (cert-manager). Empty: the operator makes its own.
	WebhookCertDir string
	// MaxConcurrentReconciles of each kind.
	MaxConcurrentReconciles int
	// Version asks to print the version and end.
	Version bool
	Log     zap.Options

	// WatchNamespaces are those that the operator looks at; none: all.
	WatchNamespaces []string
	// OperatorNamespace is where the operator itself runs.
	OperatorNamespace string
	// OperatorCondition is the one that OLM has made for this version; empty: there
	// is no OLM, or it is OLM v1.
	OperatorCondition string
	// ConditionFactory makes the condition that OLM is told; nil: operator-lib's, for
	// a pod.
	ConditionFactory conditions.Factory
}

// ParseOptions reads the command line and, through getenv, the environment. It
// returns flag.ErrHelp after it has written the usage to usage.
func ParseOptions(args []string, getenv func(string) string, usage io.Writer) (Options, error) {
	o := Options{Log: zap.Options{
		TimeEncoder: zapcore.TimeEncoderOfLayout(logTime),
		// Errors are wrapped and say where they come from; a stack for each of them
		// hides the line that a person looks for.
		StacktraceLevel: zapcore.DPanicLevel,
	}}
	flags := flag.NewFlagSet("compose-operator", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.BoolVar(&o.LeaderElect, "leader-elect", true, "let one replica act at a time")
	flags.StringVar(&o.MetricsBindAddress, "metrics-bind-address", ":8443", "address of the metrics endpoint (TLS, with authentication and authorization); 0: none")
	flags.BoolVar(&o.Monitoring, "monitoring", true, "where the cluster has the Prometheus Operator, keep a ServiceMonitor and a PrometheusRule in the operator's namespace")
	flags.StringVar(&o.HealthProbeBindAddress, "health-probe-bind-address", ":8081", "address of /healthz and /readyz; 0: none")
	flags.StringVar(&o.PprofBindAddress, "pprof-bind-address", Off, "address of Go's profiles (/debug/pprof), without authentication: use a loopback address; 0: none")
	flags.BoolVar(&o.EnableWebhook, "enable-webhook", true, "serve the admission webhook")
	flags.IntVar(&o.WebhookPort, "webhook-port", 9443, "port of the admission webhook")
	flags.StringVar(&o.WebhookCertDir, "webhook-cert-dir", "", "directory with tls.crt and tls.key of the webhook, e.g. from cert-manager; empty: the operator makes and rotates its own")
	flags.IntVar(&o.MaxConcurrentReconciles, "max-concurrent-reconciles", reconcile.DefaultMaxConcurrent, "resources of a kind that are worked on at a time")
	flags.BoolVar(&o.Version, "version", false, "print the version and end")
	config.RegisterFlags(flags)
	o.Log.BindFlags(flags)
	if err := flags.Parse(args); err != nil {
		return Options{}, err
	}
	if flags.NArg() > 0 {
		return Options{}, fmt.Errorf("unexpected argument %q: options begin with --", flags.Arg(0))
	}
	o.WatchNamespaces = watchNamespaces(getenv("WATCH_NAMESPACE"))
	o.OperatorNamespace = operatorNamespace(getenv("POD_NAMESPACE"), serviceAccountNamespaceFile)
	o.OperatorCondition = getenv("OPERATOR_CONDITION_NAME")
	return o, o.validate()
}

func (o Options) validate() error {
	switch {
	case o.MaxConcurrentReconciles < 1:
		return errors.New("--max-concurrent-reconciles must be 1 or more")
	case o.EnableWebhook && (o.WebhookPort < 1 || o.WebhookPort > 65535):
		return errors.New("--webhook-port must be between 1 and 65535; use --enable-webhook=false to have none")
	case !o.EnableWebhook && o.WebhookCertDir != "":
		return errors.New("--webhook-cert-dir has no use without the webhook: leave it out, or --enable-webhook=false")
	}
	return nil
}

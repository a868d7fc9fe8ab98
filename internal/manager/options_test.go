// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package manager

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func environment(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

func TestDefaults(t *testing.T) {
	o, err := ParseOptions(nil, environment(map[string]string{"POD_NAMESPACE": "ops"}), &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	if !o.LeaderElect || !o.EnableWebhook || o.MetricsBindAddress != ":8443" || o.HealthProbeBindAddress != ":8081" || o.PprofBindAddress != Off ||
		!o.Monitoring || o.WebhookPort != 9443 || o.WebhookCertDir != "" || o.Version || o.MaxConcurrentReconciles < 1 {
		t.Errorf("got %+v", o)
	}
	if o.OperatorNamespace != "ops" || o.WatchNamespaces != nil || o.OperatorCondition != "" {
		t.Errorf("namespaces %q, %q, condition %q", o.OperatorNamespace, o.WatchNamespaces, o.OperatorCondition)
	}
	// What OLM sets.
	o, err = ParseOptions(nil, environment(map[string]string{
		"WATCH_NAMESPACE": "shop,blog", "POD_NAMESPACE": "ops", "OPERATOR_CONDITION_NAME": "compose-operator.v1.2.3",
	}), &bytes.Buffer{})
	if err != nil || o.OperatorCondition != "compose-operator.v1.2.3" || !slices.Equal(o.WatchNamespaces, []string{"blog", "shop"}) {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestFlagsThatDoNotFit(t *testing.T) {
	for want, args := range map[string][]string{
		"--max-concurrent-reconciles must be 1 or more": {"--max-concurrent-reconciles=0"},
		"--webhook-port must be between 1 and 65535":    {"--webhook-port=0"},
		"--webhook-cert-dir has no use":                 {"--enable-webhook=false", "--webhook-cert-dir=/certs"},
		`unexpected argument "serve"`:                   {"serve"},
		"flag provided but not defined":                 {"--no-such-flag"},
	} {
		_, err := ParseOptions(args, environment(nil), &bytes.Buffer{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", args, err, want)
		}
	}
	if _, err := ParseOptions([]string{"--enable-webhook=false", "--webhook-port=0"}, environment(nil), &bytes.Buffer{}); err != nil {
		t.Errorf("the port of a webhook that is off: %v", err)
	}
}

func TestHelpListsTheFlags(t *testing.T) {
	var usage bytes.Buffer
	if _, err := ParseOptions([]string{"-h"}, environment(nil), &usage); !errors.Is(err, flag.ErrHelp) {
		t.Fatalf("error %v", err)
	}
	for _, name := range []string{"leader-elect", "metrics-bind-address", "webhook-cert-dir", "zap-log-level", "kubeconfig"} {
		if !strings.Contains(usage.String(), "-"+name) {
			t.Errorf("the usage does not name --%s", name)
		}
	}
}

func TestWatchNamespaces(t *testing.T) {
	for value, want := range map[string][]string{
		"": nil, " , ": nil, "a": {"a"}, "b, a ,b,": {"a", "b"},
	} {
		if got := watchNamespaces(value); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", value, got, want)
		}
	}
}

func TestOperatorNamespace(t *testing.T) {
	file := filepath.Join(t.TempDir(), "namespace")
	if got := operatorNamespace("", file); got != "upm-system" {
		t.Errorf("without anything: %q", got)
	}
	if err := os.WriteFile(file, []byte("from-account\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := operatorNamespace("", file); got != "from-account" {
		t.Errorf("from the service account: %q", got)
	}
	if got := operatorNamespace("from-env", file); got != "from-env" {
		t.Errorf("from the environment: %q", got)
	}
}

func TestRunWithoutACluster(t *testing.T) {
	run := func(args ...string) (int, string, string) {
		var out, err bytes.Buffer
		code := Run(t.Context(), "1.2.3", args, &out, &err)
		return code, out.String(), err.String()
	}
	if code, out, _ := run("--version"); code != exitOK || !strings.HasPrefix(out, "compose-operator 1.2.3 ") {
		t.Errorf("--version: %d, %q", code, out)
	}
	if code, _, _ := run("--help"); code != exitOK {
		t.Errorf("--help: %d", code)
	}
	if code, _, err := run("--webhook-port=-1"); code != exitUsage || !strings.Contains(err, "--webhook-port") {
		t.Errorf("a wrong flag: %d, %q", code, err)
	}
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Command compose-operator-scorecard holds Compose Operator's own tests for
// operator-sdk scorecard, which runs it in a pod with the bundle at /bundle and the
// name of a test as the argument. It prints a TestStatus and ends with 0: what the
// scorecard reads is the status. docs/scorecard.md says how it is run.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"github.com/operator-framework/api/pkg/apis/scorecard/v1alpha3"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/upmio/compose-operator/test/e2e/kit"
	"github.com/upmio/compose-operator/test/scorecard/bundle"
	"github.com/upmio/compose-operator/test/scorecard/live"
	"github.com/upmio/compose-operator/test/scorecard/report"
	"github.com/upmio/compose-operator/test/scorecard/static"
)

func main() {
	quiet()
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := report.Print(os.Stdout, status(ctx, os.Args[1:], os.Getenv))
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "compose-operator-scorecard:", err)
		os.Exit(1)
	}
}

// quiet keeps libraries from writing: the scorecard reads both streams as one JSON document.
func quiet() {
	log.SetLogger(logr.Discard())
	klog.SetLogger(logr.Discard())
}

// arguments of the command.
type arguments struct {
	test       string
	bundle     string
	kubeconfig string
	live.Options
}

// status of the test that the arguments name.
func status(ctx context.Context, args []string, getenv func(string) string) v1alpha3.TestStatus {
	a, err := parse(args, getenv)
	if err != nil {
		return report.Status(report.Broken("compose-operator-scorecard", report.Problem{Error: err.Error(), Suggestion: "entrypoint: [compose-operator-scorecard, TEST, flags…] with one of the tests " + strings.Join(names(), ", ")}))
	}
	b, err := bundle.Read(a.bundle)
	if err != nil {
		return report.Status(report.Broken(a.test, report.Problem{Error: err.Error(), Suggestion: "hand operator-sdk scorecard a directory or an image that make bundle has made"}))
	}
	for _, test := range static.Tests() {
		if test.Name == a.test {
			log, problems := test.Run(b)
			return report.Status(report.Result(test.Name, log, problems))
		}
	}
	for _, kind := range live.Kinds() {
		if kind.Name() == a.test {
			return runLive(ctx, a, kind, b)
		}
	}
	return report.Status(report.Broken(a.test, report.Problem{Error: fmt.Sprintf("there is no test %q", a.test), Suggestion: "the tests are " + strings.Join(names(), ", ")}))
}

func runLive(ctx context.Context, a arguments, kind live.Kind, b *bundle.Bundle) v1alpha3.TestStatus {
	if a.Namespace == "" {
		return report.Status(report.Broken(a.test, report.Problem{Error: "SCORECARD_NAMESPACE is not set", Suggestion: "outside a pod of the scorecard's, name a namespace with --namespace"}))
	}
	cluster, err := kit.Connect(kit.Settings{Kubeconfig: a.kubeconfig})
	if err != nil {
		return report.Status(report.Broken(a.test, report.Problem{Error: err.Error(), Suggestion: "run it in a pod with a service account, or set KUBECONFIG"}))
	}
	return kind.Run(ctx, cluster, b, a.Options)
}

// names of all tests.
func names() []string {
	var names []string
	for _, test := range static.Tests() {
		names = append(names, test.Name)
	}
	for _, kind := range live.Kinds() {
		names = append(names, kind.Name())
	}
	return names
}

// parse the arguments. Flags may stand before and after the test's name.
func parse(args []string, getenv func(string) string) (arguments, error) {
	a := arguments{kubeconfig: getenv("KUBECONFIG")}
	if a.kubeconfig == "" {
		// A pod's host name is the pod's name.
		a.Pod = getenv("HOSTNAME")
	}
	flags := flag.NewFlagSet("compose-operator-scorecard", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&a.bundle, "bundle", "/bundle", "directory of the bundle")
	flags.StringVar(&a.Namespace, "namespace", getenv("SCORECARD_NAMESPACE"), "namespace to create things in")
	flags.StringVar(&a.MySQLImage, "mysql-image", cmp.Or(getenv("MYSQL_IMAGE"), "compose-testbed/mysql:9.7"), "image of the MySQL pods")
	flags.StringVar(&a.RedisImage, "redis-image", cmp.Or(getenv("REDIS_IMAGE"), "compose-testbed/redis:8"), "image of the Redis pods")
	flags.StringVar(&a.ProxysqlImage, "proxysql-image", cmp.Or(getenv("PROXYSQL_IMAGE"), "compose-testbed/proxysql:stand-in"), "image of the ProxySQL pods")
	flags.DurationVar(&a.Timeout, "timeout", 4*time.Minute, "limit of a test on the cluster, without its cleaning up")
	flags.DurationVar(&a.OperatorTimeout, "operator-timeout", 45*time.Second, "limit for the operator's first sign of life")
	for rest := args; ; {
		if err := flags.Parse(rest); err != nil {
			return a, fmt.Errorf("arguments %q: %w", args, err)
		}
		if flags.NArg() == 0 {
			break
		}
		if a.test != "" {
			return a, fmt.Errorf("arguments %q: one test at a time", args)
		}
		a.test, rest = flags.Arg(0), flags.Args()[1:]
	}
	if a.test == "" {
		return a, errors.New("no test is named")
	}
	return a, nil
}

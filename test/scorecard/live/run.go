// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/operator-framework/api/pkg/apis/scorecard/v1alpha3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/upmio/compose-operator/test/e2e/kit"
	"github.com/upmio/compose-operator/test/scorecard/bundle"
	"github.com/upmio/compose-operator/test/scorecard/report"
)

// Options of a run.
type Options struct {
	// Namespace in which everything is created.
	Namespace string
	// Pod that the test itself runs in; empty outside a cluster. What is created is
	// owned by it, so that nothing survives a test that was killed.
	Pod string
	// MySQLImage of the MySQL pods.
	MySQLImage string
	// RedisImage of the Redis pods.
	RedisImage string
	// ProxysqlImage of the ProxySQL pods.
	ProxysqlImage string
	// Timeout of the whole test without the cleaning up.
	Timeout time.Duration
	// OperatorTimeout after which a custom resource that nobody has touched means
	// that no operator looks at the namespace.
	OperatorTimeout time.Duration
}

const (
	// cleanupTimeout is below the 30 s that a pod has between SIGTERM and SIGKILL.
	cleanupTimeout = 25 * time.Second
	// webhookTimeout for an admission webhook that has just been installed.
	webhookTimeout = 30 * time.Second
	// settleTimeout is how long labels, endpoints and status may take after Ready.
	settleTimeout = 20 * time.Second
)

// step of a test. What it is named is the name of a result.
type step struct {
	name string
	do   func(context.Context) error
}

// run is one run of the test of a kind.
type run struct {
	Options
	cluster *kit.Cluster
	kind    Kind
	// gvk and plural of the kind, from the bundle.
	gvk    schema.GroupVersionKind
	plural string
	// also are kinds that the test makes resources of beside its own.
	also []schema.GroupVersionKind
	// example of the kind, from the bundle.
	example *unstructured.Unstructured
	// name of the custom resource, and what the names of everything else begin with.
	name string
	// owner of what is created; may be empty.
	owner []metav1.OwnerReference
	// settle is how long what is looked at may take to become true.
	settle time.Duration
	// log is what a step wants to be read whether it passes or fails.
	log string
	// table that the API server prints for kubectl get.
	table func(context.Context) (*metav1.Table, error)
}

// Run the test of the kind and clean up after it, also when ctx ends.
func (k Kind) Run(ctx context.Context, cluster *kit.Cluster, b *bundle.Bundle, options Options) v1alpha3.TestStatus {
	r, err := newRun(cluster, k, b, options)
	if err != nil {
		return report.Status(report.Broken(k.Name(), report.Problem{Error: err.Error(), Suggestion: "correct the bundle; the test examples says more about it"}))
	}
	return r.all(ctx)
}

func newRun(cluster *kit.Cluster, k Kind, b *bundle.Bundle, options Options) (*run, error) {
	example, owned, err := b.Example(k.Kind)
	if err != nil {
		return nil, err
	}
	if _, err := owned.Schema(); err != nil {
		return nil, err
	}
	r := &run{
		Options: options, cluster: cluster, kind: k, example: example, name: "scorecard-" + k.Name(), settle: settleTimeout,
		gvk:    schema.GroupVersionKind{Group: owned.Definition.Spec.Group, Version: owned.Version.Name, Kind: k.Kind},
		plural: owned.Definition.Spec.Names.Plural,
	}
	r.table = r.printed
	return r, nil
}

// all runs the steps until one fails, and cleans up whatever happened.
func (r *run) all(ctx context.Context) v1alpha3.TestStatus {
	status := v1alpha3.TestStatus{}
	steps := append([]step{{"leftovers", r.begin}}, r.kind.steps(r)...)
	limited, cancel := context.WithTimeout(ctx, r.Timeout)
	for _, s := range steps {
		result := r.result(limited, s)
		// That nothing was in the way is no news.
		if s.name != "leftovers" || result.State != v1alpha3.PassState {
			status.Results = append(status.Results, result)
		}
		if result.State != v1alpha3.PassState {
			break
		}
	}
	cancel()
	// Also after a signal, which has ended ctx.
	limited, cancel = context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	status.Results = append(status.Results, r.result(limited, step{"cleanup", r.clean}))
	return status
}

// result of one step.
func (r *run) result(ctx context.Context, s step) (result v1alpha3.TestResult) {
	name := r.kind.Name() + "-" + s.name
	r.log = ""
	begun := time.Now()
	defer func() {
		// A test that crashes must not leave its pods behind.
		if crash := recover(); crash != nil {
			result = report.Broken(name, report.Problem{Error: fmt.Sprintf("the test crashed: %v", crash), Suggestion: "report this as a bug of the test image"})
		}
	}()
	err := s.do(ctx)
	log := fmt.Sprintf("took %s", time.Since(begun).Round(100*time.Millisecond))
	if r.log != "" {
		log += "\n" + strings.TrimSpace(r.log)
	}
	if err == nil {
		return report.Result(name, log, nil)
	}
	return report.Result(name, log, r.problems(err))
}

// begin removes what a run before this one left, and finds the pod that owns what follows.
func (r *run) begin(ctx context.Context) error {
	owner, err := r.ownPod(ctx)
	if err != nil {
		return err
	}
	r.owner = owner
	return r.clean(ctx)
}

// wait until ready says nil or something final, for as long as ctx allows and at
// most for timeout.
func (r *run) wait(ctx context.Context, timeout time.Duration, ready func(context.Context) error) error {
	if deadline, has := ctx.Deadline(); has {
		timeout = min(timeout, time.Until(deadline).Round(time.Second))
	}
	var end *final
	err := kit.Wait(ctx, timeout, func(ctx context.Context) error {
		err := ready(ctx)
		if errors.As(err, &end) {
			return nil
		}
		return err
	})
	if end != nil {
		return end.error
	}
	return err
}

// final is an error that no waiting mends.
type final struct{ error }

func (f *final) Unwrap() error { return f.error }

// exampleInto converts the example into a typed object, without what the server
// and its author gave it beside the spec.
func (r *run) exampleInto(into any) error {
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(map[string]any{"spec": r.example.Object["spec"]}, into, true); err != nil {
		return fmt.Errorf("the example of %s in the bundle: %w", r.kind.Kind, err)
	}
	return nil
}

// settled gives a look a while to become true.
func (r *run) settled(look func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		return r.wait(ctx, r.settle, func(ctx context.Context) error {
			r.log = ""
			return look(ctx)
		})
	}
}

// printed asks for what kubectl get prints.
func (r *run) printed(ctx context.Context) (*metav1.Table, error) {
	data, err := r.cluster.Typed.CoreV1().RESTClient().Get().
		AbsPath("/apis", r.gvk.Group, r.gvk.Version, "namespaces", r.Namespace, r.plural, r.name).
		SetHeader("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io").DoRaw(ctx)
	if err != nil {
		return nil, fmt.Errorf("print %s %s: %w", r.kind.Kind, r.name, err)
	}
	table := &metav1.Table{}
	if err := json.Unmarshal(data, table); err != nil {
		return nil, fmt.Errorf("print %s %s: %w", r.kind.Kind, r.name, err)
	}
	return table, nil
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package live

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

// serviceSuffixes of the Services that the operator makes for a custom resource.
var serviceSuffixes = []string{v1alpha1.ServiceSuffixReadWrite, v1alpha1.ServiceSuffixReadOnly}

// service is what a Service of the operator's is expected to be.
type service struct {
	// suffix of its name.
	suffix string
	// portName and port of its one port.
	portName string
	port     int32
	// pods behind it, in order.
	pods []string
}

// serviceType that a spec asks for.
func serviceType(spec *v1alpha1.ServiceSpec) corev1.ServiceType {
	if spec == nil || spec.Type == "" {
		return corev1.ServiceTypeClusterIP
	}
	return spec.Type
}

// wantConditions of a resource that is as wanted, about its generation. parts are what Ready
// is made of, when that is something else than topology and resources.
func wantConditions(m *mismatches, conditions []metav1.Condition, generation int64, parts ...string) {
	if len(parts) == 0 {
		parts = []string{v1alpha1.ConditionTopologyReady, v1alpha1.ConditionResourceReady}
	}
	all := map[string]metav1.ConditionStatus{
		v1alpha1.ConditionReady: metav1.ConditionTrue, v1alpha1.ConditionReconciling: metav1.ConditionFalse, v1alpha1.ConditionStalled: metav1.ConditionFalse,
	}
	for _, part := range parts {
		all[part] = metav1.ConditionTrue
	}
	for condition, wanted := range all {
		c := meta.FindStatusCondition(conditions, condition)
		if c == nil {
			m.addf("the condition %s is missing", condition)
			continue
		}
		want(m, "the condition "+condition, c.Status, wanted)
		want(m, "observedGeneration of the condition "+condition, c.ObservedGeneration, generation)
	}
}

// noticed creates the resource and waits until somebody has acted on it.
func (r *run) noticed(ctx context.Context, resource client.Object, acted func(context.Context) (bool, error)) error {
	if err := r.create(ctx, resource); err != nil {
		return err
	}
	err := r.wait(ctx, r.OperatorTimeout, func(ctx context.Context) error {
		done, err := acted(ctx)
		if err == nil && !done {
			err = fmt.Errorf("nobody has acted on %s %s/%s: status.observedGeneration is not set", r.kind.Kind, r.Namespace, r.name)
		}
		return err
	})
	return advise(err, "install Compose Operator and let it watch namespace %s (an OperatorGroup that covers it, or WATCH_NAMESPACE), and see that its pod is Ready", r.Namespace)
}

// services are as expected: made for the custom resource, with these pods behind them.
func (r *run) services(ctx context.Context, owner metav1.Object, kind corev1.ServiceType, wanted ...service) error {
	var m mismatches
	for _, w := range wanted {
		name := r.name + w.suffix
		svc := &corev1.Service{}
		if err := r.cluster.Client.Get(ctx, client.ObjectKey{Namespace: r.Namespace, Name: name}, svc); err != nil {
			return fmt.Errorf("service %s: %w", name, err)
		}
		if !metav1.IsControlledBy(svc, owner) {
			m.addf("Service %s has no controller reference to %s %s", name, r.kind.Kind, r.name)
		}
		want(&m, "the type of Service "+name, svc.Spec.Type, kind)
		if len(svc.Spec.Ports) == 1 {
			want(&m, "the name of the port of Service "+name, svc.Spec.Ports[0].Name, w.portName)
			want(&m, "the port of Service "+name, svc.Spec.Ports[0].Port, w.port)
		} else {
			m.addf("Service %s has %d ports, expected one", name, len(svc.Spec.Ports))
		}
		pods, err := r.routed(ctx, name)
		if err != nil {
			return err
		}
		if !slices.Equal(pods, w.pods) {
			m.addf("behind Service %s are the pods %v, expected %v", name, pods, w.pods)
		}
	}
	return m.err()
}

// routed returns the names of the ready pods behind a Service, in order.
func (r *run) routed(ctx context.Context, service string) ([]string, error) {
	return r.cluster.Set(r.Namespace, r.name).Routed(ctx, service)
}

// columns that kubectl get prints are all filled in, and those that are named have
// the wanted text.
func (r *run) columns(ctx context.Context, wanted map[string]string) error {
	table, err := r.table(ctx)
	if err != nil {
		return err
	}
	if len(table.Rows) != 1 {
		return fmt.Errorf("kubectl get %s %s prints %d rows", r.plural, r.name, len(table.Rows))
	}
	var m mismatches
	printed := map[string]bool{}
	for i, column := range table.ColumnDefinitions {
		if column.Priority > 0 || i >= len(table.Rows[0].Cells) {
			continue
		}
		printed[column.Name] = true
		cell := table.Rows[0].Cells[i]
		text := ""
		if cell != nil {
			text = fmt.Sprint(cell)
		}
		r.log += fmt.Sprintf("%s=%s ", column.Name, text)
		if expected, named := wanted[column.Name]; named {
			want(&m, "the column "+column.Name+" of kubectl get", text, expected)
		} else if text == "" || text == "<none>" {
			m.addf("the column %s of kubectl get is empty", column.Name)
		}
	}
	for name := range wanted {
		if !printed[name] {
			m.addf("kubectl get prints no column %s", name)
		}
	}
	return m.err()
}

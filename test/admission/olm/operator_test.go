// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build admission

package olm

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	operatorsv2 "github.com/operator-framework/api/pkg/operators/v2"
	"github.com/operator-framework/operator-lib/conditions"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/upmio/compose-operator/internal/manager"
)

// operator is a manager that runs as OLM would have installed it.
type operator struct {
	probes string
	cancel context.CancelFunc
	done   chan error
}

// runOperator starts the manager of a namespace, with the permissions of its
// service account and with the environment that OLM sets. More arguments count more
// than those that it has here.
func runOperator(t *testing.T, own, watch, condition string, more ...string) *operator {
	t.Helper()
	user, err := controlPlane.AddUser(envtest.User{
		Name:   "system:serviceaccount:" + own + ":compose-operator",
		Groups: []string{"system:serviceaccounts", "system:serviceaccounts:" + own, "system:authenticated"},
	}, cluster)
	must(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	o := &operator{probes: listener.Addr().String(), done: make(chan error, 1)}
	must(t, listener.Close())
	variables := map[string]string{"POD_NAMESPACE": own, "WATCH_NAMESPACE": watch, "OPERATOR_CONDITION_NAME": condition}
	options, err := manager.ParseOptions(append([]string{
		"--leader-elect", "--metrics-bind-address=0", "--enable-webhook=false", "--health-probe-bind-address=" + o.probes,
	}, more...), func(name string) string { return variables[name] }, os.Stderr)
	must(t, err)
	options.ConditionFactory = outOfCluster{config: user.Config(), name: types.NamespacedName{Namespace: own, Name: condition}}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	o.cancel = cancel
	mgr, err := manager.New(ctx, user.Config(), options)
	must(t, err)
	go func() { o.done <- mgr.Start(ctx) }()
	t.Cleanup(func() { o.stop(t) })
	return o
}

// stop ends it as a pod is ended, and waits for that.
func (o *operator) stop(t *testing.T) {
	t.Helper()
	o.cancel()
	select {
	case err := <-o.done:
		o.done <- nil
		if err != nil {
			t.Errorf("the manager: %v", err)
		}
	case <-time.After(waitTimeout):
		t.Errorf("the manager did not end within %s", waitTimeout)
	}
}

func (o *operator) ready(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+o.probes+"/readyz", nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("/readyz answers %s", res.Status)
	}
	return nil
}

// outOfCluster makes conditions as operator-lib's own factory does, which asks the
// file system of a pod for the namespace.
type outOfCluster struct {
	config *rest.Config
	name   types.NamespacedName
}

func (f outOfCluster) NewCondition(kind operatorsv2.ConditionType) (conditions.Condition, error) {
	c, err := client.New(f.config, client.Options{Scheme: manager.Scheme()})
	return &condition{Client: c, name: f.name, kind: string(kind)}, err
}

func (f outOfCluster) GetNamespacedName() (*types.NamespacedName, error) { return &f.name, nil }

type condition struct {
	client.Client
	name types.NamespacedName
	kind string
}

func (c *condition) read(ctx context.Context) (*operatorsv2.OperatorCondition, error) {
	object := &operatorsv2.OperatorCondition{}
	return object, c.Client.Get(ctx, c.name, object)
}

func (c *condition) Get(ctx context.Context) (*metav1.Condition, error) {
	object, err := c.read(ctx)
	if err != nil {
		return nil, err
	}
	if is := meta.FindStatusCondition(object.Spec.Conditions, c.kind); is != nil {
		return is, nil
	}
	return nil, fmt.Errorf("%s has no condition %s", c.name, c.kind)
}

func (c *condition) Set(ctx context.Context, status metav1.ConditionStatus, options ...conditions.Option) error {
	object, err := c.read(ctx)
	if err != nil {
		return err
	}
	next := metav1.Condition{Type: c.kind, Status: status}
	for _, option := range options {
		option(&next)
	}
	meta.SetStatusCondition(&object.Spec.Conditions, next)
	return c.Update(ctx, object)
}

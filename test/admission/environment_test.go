// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build admission

package admission

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-logr/logr/funcr"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"

	"github.com/upmio/compose-operator/internal/manager"
)

const (
	root              = "../.."
	operatorNamespace = "upm-system"
	operatorUser      = "system:serviceaccount:upm-system:compose-operator"
	crdName           = "mysqlreplications.upm.syntropycloud.io"
	groupCRDName      = "mysqlgroupreplications.upm.syntropycloud.io"
)

type environment struct {
	controlPlane *envtest.Environment
	// admin may do everything.
	admin      client.WithWatch
	adminREST  *rest.Config
	warnings   *lines
	kubeconfig string
	kubectl    string
	// installOutput is what kubectl said when it applied dist/install.yaml.
	installOutput string
	// The manager that runs.
	probes, metrics string
	webhookPort     int
	managerLog      *lines
	stopManager     context.CancelFunc
	managerDone     chan error
	directory       string
}

func start(ctx context.Context) (*environment, error) {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		return nil, errors.New(`KUBEBUILDER_ASSETS is not set: run make test-admission, or set it to what "bin/testbed assets" prints`)
	}
	e := &environment{
		controlPlane: &envtest.Environment{ControlPlaneStartTimeout: startTimeout, ControlPlaneStopTimeout: time.Minute},
		warnings:     &lines{},
		managerDone:  make(chan error, 1),
		managerLog:   &lines{},
		stopManager:  func() {},
	}
	logger := funcr.New(func(prefix, args string) { e.managerLog.add(prefix + " " + args) }, funcr.Options{})
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)
	// The real chain: the manager's permissions count.
	e.controlPlane.ControlPlane.GetAPIServer().Configure().Set("authorization-mode", "RBAC")
	cluster, err := e.controlPlane.Start()
	if err != nil {
		return e, fmt.Errorf("start the API server: %w", err)
	}
	for _, step := range []struct {
		what string
		do   func(context.Context, *rest.Config) error
	}{
		{"make the clients", e.connect},
		{"store objects before the rules exist", e.storeOldObjects},
		{"apply dist/install.yaml", e.install},
		{"start the manager", e.startManager},
		{"wait for admission", e.waitForAdmission},
	} {
		if err := step.do(ctx, cluster); err != nil {
			return e, fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return e, nil
}

func (e *environment) stop() {
	e.stopManager()
	select {
	case err := <-e.managerDone:
		if err != nil {
			fmt.Fprintln(os.Stderr, "admission tests: the manager:", err)
		}
	case <-time.After(time.Minute):
		fmt.Fprintln(os.Stderr, "admission tests: the manager did not end within a minute")
	}
	if err := e.controlPlane.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "admission tests: stop the API server:", err)
	}
	if e.directory != "" {
		_ = os.RemoveAll(e.directory)
	}
}

func (e *environment) connect(_ context.Context, cluster *rest.Config) error {
	admin, err := e.controlPlane.AddUser(envtest.User{Name: "admin", Groups: []string{"system:masters"}}, cluster)
	if err != nil {
		return fmt.Errorf("user admin: %w", err)
	}
	e.adminREST = rest.CopyConfig(admin.Config())
	e.adminREST.WarningHandler = e.warnings
	scheme := manager.Scheme()
	if err := apiextensionsv1.AddToScheme(scheme); err != nil {
		return fmt.Errorf("scheme: %w", err)
	}
	if e.admin, err = client.NewWithWatch(e.adminREST, client.Options{Scheme: scheme}); err != nil {
		return fmt.Errorf("client: %w", err)
	}
	if e.directory, err = os.MkdirTemp("", "admission-"); err != nil {
		return fmt.Errorf("directory: %w", err)
	}
	data, err := admin.KubeConfig()
	if err != nil {
		return fmt.Errorf("kubeconfig: %w", err)
	}
	e.kubeconfig = filepath.Join(e.directory, "kubeconfig")
	e.kubectl = filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl")
	return os.WriteFile(e.kubeconfig, data, 0o600)
}

// runKubectl returns what kubectl wrote, warnings included.
func (e *environment) runKubectl(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, waitTimeout)
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, e.kubectl, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+e.kubeconfig)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("kubectl %s: %w\n%s", strings.Join(args, " "), err, out.String())
	}
	return out.String(), nil
}

// install applies dist/install.yaml as a user does, and then lets the API server
// find the webhook where this process serves it: a Service has no endpoints here.
func (e *environment) install(ctx context.Context, _ *rest.Config) error {
	var err error
	// The CRD was made laxer before, by another field manager.
	e.installOutput, err = e.runKubectl(ctx, "apply", "--server-side", "--force-conflicts", "--validate=strict", "-f", filepath.Join(root, "dist", "install.yaml"))
	if err != nil {
		return err
	}
	if e.webhookPort, err = freePort(); err != nil {
		return err
	}
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "compose-operator-webhook"}}
	if err := e.admin.Patch(ctx, service, client.RawPatch(types.MergePatchType, []byte(
		`{"spec":{"type":"ExternalName","externalName":"localhost","selector":null,"clusterIP":null,"clusterIPs":null,"ipFamilies":null,"ipFamilyPolicy":null}}`))); err != nil {
		return fmt.Errorf("point the webhook's Service at this process: %w", err)
	}
	configuration := &admissionregistrationv1.ValidatingWebhookConfiguration{}
	if err := e.admin.Get(ctx, types.NamespacedName{Name: "compose-operator"}, configuration); err != nil {
		return fmt.Errorf("the webhooks: %w", err)
	}
	var patch []map[string]any
	for i := range configuration.Webhooks {
		patch = append(patch, map[string]any{"op": "add", "path": fmt.Sprintf("/webhooks/%d/clientConfig/service/port", i), "value": e.webhookPort})
	}
	data, err := json.Marshal(patch)
	if err != nil {
		return fmt.Errorf("the ports of the webhooks: %w", err)
	}
	return e.admin.Patch(ctx, configuration, client.RawPatch(types.JSONPatchType, data))
}

// startManager runs the manager with the permissions of its service account.
func (e *environment) startManager(ctx context.Context, cluster *rest.Config) error {
	user, err := e.controlPlane.AddUser(envtest.User{
		Name:   operatorUser,
		Groups: []string{"system:serviceaccounts", "system:serviceaccounts:" + operatorNamespace, "system:authenticated"},
	}, cluster)
	if err != nil {
		return fmt.Errorf("the operator's user: %w", err)
	}
	probes, err := freePort()
	if err != nil {
		return err
	}
	metrics, err := freePort()
	if err != nil {
		return err
	}
	e.probes, e.metrics = fmt.Sprintf("127.0.0.1:%d", probes), fmt.Sprintf("127.0.0.1:%d", metrics)
	options, err := manager.ParseOptions([]string{
		"--leader-elect",
		"--health-probe-bind-address=" + e.probes,
		"--metrics-bind-address=" + e.metrics,
		fmt.Sprintf("--webhook-port=%d", e.webhookPort),
	}, func(name string) string { return map[string]string{"POD_NAMESPACE": operatorNamespace}[name] }, os.Stderr)
	if err != nil {
		return err
	}
	ctx, e.stopManager = context.WithCancel(ctx)
	mgr, err := manager.New(ctx, user.Config(), options)
	if err != nil {
		return err
	}
	go func() { e.managerDone <- mgr.Start(ctx) }()
	return nil
}

// waitForAdmission waits until the manager is ready and the API server applies
// the rules and asks the webhook, which takes it a moment each.
func (e *environment) waitForAdmission(ctx context.Context, _ *rest.Config) error {
	err := eventually(ctx, "ready", func(ctx context.Context) error {
		select {
		case err := <-e.managerDone:
			e.managerDone <- err
			return fmt.Errorf("the manager has ended: %w", err)
		default:
		}
		return e.probe(ctx, "/readyz")
	})
	if err != nil {
		return err
	}
	err = eventually(ctx, "the CRD's rules", func(ctx context.Context) error {
		return refusal(e.admin.Create(ctx, set("default", "probe", field("spec.replica.0.name", "probe-0")), client.DryRunAll), "spec.replica names the node")
	})
	if err != nil {
		return err
	}
	err = eventually(ctx, "the rules of the other CRD", func(ctx context.Context) error {
		return refusal(e.admin.Create(ctx, group("default", "probe", field("spec.primary", "x")), client.DryRunAll), "spec.primary is not the name")
	})
	if err != nil {
		return err
	}
	// Warnings that only the webhooks give.
	for _, unwise := range []*unstructured.Unstructured{
		set("default", "probe", field("spec.replica", []any{})),
		group("default", "probe", field("spec.member", []any{node("probe-0", "probe-0.invalid", 3306)})),
	} {
		err := eventually(ctx, "the webhook of "+unwise.GetKind(), func(ctx context.Context) error {
			e.warnings.take()
			if err := e.admin.Create(ctx, unwise.DeepCopy(), client.DryRunAll); err != nil {
				return err
			}
			if got := e.warnings.take(); len(got) == 0 {
				return errors.New("no warning")
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *environment) probe(ctx context.Context, path string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+e.probes+path, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", path, res.Status)
	}
	return nil
}

// namespace makes a namespace with a name of its own.
func (e *environment) namespace(ctx context.Context, prefix string) (string, error) {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: prefix + "-"}}
	err := e.admin.Create(ctx, ns)
	return ns.Name, err
}

// crds reads the definitions from config/crd/bases.
func crds() ([]*apiextensionsv1.CustomResourceDefinition, error) {
	files, err := filepath.Glob(filepath.Join(root, "config", "crd", "bases", "*.yaml"))
	if err != nil || len(files) < 2 {
		return nil, fmt.Errorf("only %d definitions were found: %w", len(files), err)
	}
	definitions := make([]*apiextensionsv1.CustomResourceDefinition, len(files))
	for i, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		definitions[i] = &apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.UnmarshalStrict(data, definitions[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	return definitions, nil
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

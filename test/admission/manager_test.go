// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build admission

package admission

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/manager"
)

func TestProbes(t *testing.T) {
	for _, path := range []string{"/healthz", "/readyz"} {
		if err := env.probe(t.Context(), path); err != nil {
			t.Error(err)
		}
	}
}

func TestTheLeaderHoldsTheLease(t *testing.T) {
	mustEventually(t, "lease", func(ctx context.Context) error {
		lease := &coordinationv1.Lease{}
		key := types.NamespacedName{Namespace: operatorNamespace, Name: "compose-operator.upm.syntropycloud.io"}
		if err := env.admin.Get(ctx, key, lease); err != nil {
			return err
		}
		if lease.Spec.HolderIdentity == nil || *lease.Spec.HolderIdentity == "" {
			return errors.New("nobody holds the lease")
		}
		if seconds := lease.Spec.LeaseDurationSeconds; seconds == nil || *seconds != 15 {
			return errors.New("the lease is not for 15 s")
		}
		return nil
	})
}

// TestTheAESKeyIsMade also shows that creating Secrets in its own namespace is
// all that the manager needs for it.
func TestTheAESKeyIsMade(t *testing.T) {
	mustEventually(t, "aes-secret-key", func(ctx context.Context) error {
		secret := &corev1.Secret{}
		if err := env.admin.Get(ctx, types.NamespacedName{Namespace: operatorNamespace, Name: "aes-secret-key"}, secret); err != nil {
			return err
		}
		if n := len(secret.Data["AES_SECRET_KEY"]); n != 32 {
			return fmt.Errorf("the key has %d bytes", n)
		}
		return nil
	})
}

// TestTheWebhooksCertificate: what is served is trusted by what the manager put
// into the webhook configuration.
func TestTheWebhooksCertificate(t *testing.T) {
	configuration := &admissionregistrationv1.ValidatingWebhookConfiguration{}
	if err := env.admin.Get(t.Context(), types.NamespacedName{Name: "compose-operator"}, configuration); err != nil {
		t.Fatal(err)
	}
	if want := len(manager.Kinds()); len(configuration.Webhooks) != want {
		t.Errorf("there are %d webhooks for %d kinds", len(configuration.Webhooks), want)
	}
	for _, webhook := range configuration.Webhooks {
		if policy := webhook.FailurePolicy; policy == nil || *policy != admissionregistrationv1.Ignore {
			t.Errorf("%s: an edit is refused while the operator restarts", webhook.Name)
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(webhook.ClientConfig.CABundle) {
			t.Fatalf("no CA bundle in the webhook %s", webhook.Name)
		}
		dialer := &tls.Dialer{Config: &tls.Config{RootCAs: roots, ServerName: "compose-operator-webhook.upm-system.svc"}}
		conn, err := dialer.DialContext(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", env.webhookPort))
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.Close()
	}
}

// TestMetricsAskWhoIsThere: nobody without a token, nobody whom no role lets.
func TestMetricsAskWhoIsThere(t *testing.T) {
	ctx := t.Context()
	get := func(token string) (int, string, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+env.metrics+"/metrics", nil)
		if err != nil {
			return 0, "", err
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		c := &http.Client{Timeout: time.Minute, Transport: &http.Transport{
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // made at start, signed by nobody
		}}
		res, err := c.Do(req)
		if err != nil {
			return 0, "", err
		}
		defer func() { _ = res.Body.Close() }()
		body, err := io.ReadAll(res.Body)
		return res.StatusCode, string(body), err
	}
	token := func(name string) string {
		account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}}
		if err := env.admin.Create(ctx, account); err != nil {
			t.Fatal(err)
		}
		typed, err := kubernetes.NewForConfig(env.adminREST)
		if err != nil {
			t.Fatal(err)
		}
		request, err := typed.CoreV1().ServiceAccounts("default").CreateToken(ctx, name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return request.Status.Token
	}
	prometheus, stranger := token("prometheus"), token("stranger")
	if err := env.admin.Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "prometheus-reads"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "compose-operator-metrics-reader"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: "default", Name: "prometheus"}},
	}); err != nil {
		t.Fatal(err)
	}
	// The answer to a token that means nothing is not 401 but an error of the review.
	mustEventually(t, "with a false token", func(context.Context) error {
		status, _, err := get("not-a-token")
		if err == nil && status < http.StatusBadRequest {
			t.Fatalf("a false token is let in with status %d", status)
		}
		return err
	})
	for name, test := range map[string]struct {
		token  string
		status int
	}{
		"without a token":   {"", http.StatusUnauthorized},
		"without the role":  {stranger, http.StatusForbidden},
		"as Prometheus may": {prometheus, http.StatusOK},
	} {
		mustEventually(t, name, func(context.Context) error {
			status, body, err := get(test.token)
			if err != nil {
				return err
			}
			if status != test.status {
				return fmt.Errorf("status %d, want %d", status, test.status)
			}
			if status == http.StatusOK && !strings.Contains(body, "controller_runtime_webhook_requests_total") {
				return errors.New("no metrics of the webhook")
			}
			return nil
		})
	}
}

// TestPermissionsAreSmall asks the API server what the manager may not do.
func TestPermissionsAreSmall(t *testing.T) {
	for _, question := range []struct {
		want string
		args []string
	}{
		{"yes", []string{"list", "secrets"}},
		{"no", []string{"update", "secrets"}},
		{"no", []string{"delete", "secrets"}},
		{"no", []string{"create", "secrets", "-n", "default"}},
		{"yes", []string{"create", "secrets", "-n", operatorNamespace}},
		{"yes", []string{"update", "secrets/compose-operator-webhook-cert", "-n", operatorNamespace}},
		{"no", []string{"update", "secrets/aes-secret-key", "-n", operatorNamespace}},
		{"yes", []string{"patch", "pods", "-n", "default"}},
		{"no", []string{"delete", "pods", "-n", "default"}},
		{"no", []string{"create", "pods/exec", "-n", "default"}},
		{"no", []string{"update", "mysqlreplications.upm.syntropycloud.io", "-n", "default"}},
		{"yes", []string{"patch", "mysqlreplications.upm.syntropycloud.io", "--subresource=status", "-n", "default"}},
		{"no", []string{"update", "mysqlgroupreplications.upm.syntropycloud.io", "-n", "default"}},
		{"yes", []string{"patch", "mysqlgroupreplications.upm.syntropycloud.io", "--subresource=status", "-n", "default"}},
		{"no", []string{"update", "postgresreplications.upm.syntropycloud.io", "-n", "default"}},
		{"yes", []string{"patch", "postgresreplications.upm.syntropycloud.io", "--subresource=status", "-n", "default"}},
		{"yes", []string{"patch", "validatingwebhookconfigurations/compose-operator"}},
		{"no", []string{"patch", "validatingwebhookconfigurations/another"}},
		{"yes", []string{"create", "endpointslices.discovery.k8s.io", "-n", "default"}},
		{"no", []string{"patch", "endpointslices.discovery.k8s.io", "-n", "default"}},
		{"no", []string{"deletecollection", "endpointslices.discovery.k8s.io", "-n", "default"}},
		{"no", []string{"create", "endpoints", "-n", "default"}},
		{"no", []string{"create", "clusterrolebindings"}},
		{"no", []string{"get", "leases/another", "-n", operatorNamespace}},
	} {
		args := append([]string{"auth", "can-i", "--as=" + operatorUser}, question.args...)
		out, err := env.runKubectl(t.Context(), args...)
		// "no" is exit code 1.
		if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(out), "\n")
		if got := lines[len(lines)-1]; got != question.want {
			t.Errorf("%s: %s, want %s", strings.Join(question.args, " "), got, question.want)
		}
	}
}

// TestNoPermissionIsMissing lets the manager look after a set, as far as that goes
// without databases, and finds nothing in its log that it was not allowed to do.
func TestNoPermissionIsMissing(t *testing.T) {
	namespace, err := env.namespace(t.Context(), "cared-for")
	if err != nil {
		t.Fatal(err)
	}
	for _, obj := range []*unstructured.Unstructured{set(namespace, "db"), group(namespace, "ring")} {
		if err := env.admin.Create(t.Context(), obj); err != nil {
			t.Fatal(err)
		}
	}
	ready := func(ctx context.Context, obj client.Object, conditions *[]metav1.Condition) error {
		name := obj.GetName()
		if err := env.admin.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, obj); err != nil {
			return err
		}
		ready := meta.FindStatusCondition(*conditions, v1alpha1.ConditionReady)
		if ready == nil || ready.Status == metav1.ConditionTrue || ready.Message == "" {
			return fmt.Errorf("the condition Ready of %s does not say that the Secret is missing: %v", name, ready)
		}
		var events eventsv1.EventList
		if err := env.admin.List(ctx, &events, client.InNamespace(namespace)); err != nil {
			return err
		}
		for _, event := range events.Items {
			if event.Regarding.Name == name && event.Type == corev1.EventTypeWarning {
				return nil
			}
		}
		return fmt.Errorf("no warning about %s among %d events", name, len(events.Items))
	}
	err = eventually(t.Context(), "status and events", func(ctx context.Context) error {
		a := &v1alpha1.MysqlReplication{ObjectMeta: metav1.ObjectMeta{Name: "db"}}
		b := &v1alpha1.MysqlGroupReplication{ObjectMeta: metav1.ObjectMeta{Name: "ring"}}
		return errors.Join(ready(ctx, a, &a.Status.Conditions), ready(ctx, b, &b.Status.Conditions))
	})
	log := env.managerLog.take()
	if err != nil {
		t.Errorf("%v; the manager's log:\n%s", err, strings.Join(log, "\n"))
	}
	for _, line := range log {
		if strings.Contains(line, "forbidden") {
			t.Errorf("the manager was refused: %s", line)
		}
	}
}

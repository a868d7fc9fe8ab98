// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build admission

package admission

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestInstallPage runs the commands of docs/install.md that a plain installation on an API
// server without nodes can answer. Those that remove something are only tried.
func TestInstallPage(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs/install.md"))
	if err != nil {
		t.Fatal(err)
	}
	namespace, err := env.namespace(t.Context(), "page")
	if err != nil {
		t.Fatal(err)
	}
	if err := env.admin.Create(t.Context(), set(namespace, "shown")); err != nil {
		t.Fatal(err)
	}
	const trying = " --dry-run=server"
	for _, c := range []struct {
		command, with string
		want          []string
	}{
		{`kubectl -n upm-system get deployment compose-operator -o jsonpath='{.spec.template.spec.containers[0].image}{"\n"}'`, "", []string{"upmio/compose-operator:"}},
		{`kubectl api-resources --categories=compose`, "", []string{"mysqlreplications", "upm.syntropycloud.io/v1alpha1", "MysqlReplication", "mysqlgroupreplications", "MysqlGroupReplication"}},
		{`kubectl -n upm-system get secret aes-secret-key`, "", []string{"aes-secret-key"}},
		{`kubectl -n upm-system get lease compose-operator.upm.syntropycloud.io -o jsonpath='{.spec.holderIdentity}{"\n"}'`, "", []string{"_"}},
		{`kubectl get validatingwebhookconfigurations -o jsonpath='{range .items[*].webhooks[*]}{.name} {.clientConfig.caBundle}{"\n"}{end}' | grep upm.syntropycloud.io | cut -c1-70`, "", []string{"mysqlreplication.upm.syntropycloud.io LS0t", "mysqlgroupreplication.upm.syntropycloud.io LS0t"}},
		{`kubectl get compose --all-namespaces`, "", []string{"shown"}},
		{`kubectl get compose --all-namespaces -o jsonpath='{range .items[*]}{.metadata.namespace}/{.metadata.name} {.status.switchover.phase}{"\n"}{end}'`, "", []string{namespace + "/shown \n"}},
		{`kubectl apply -f config/olm-v1/installer.yaml`, trying, []string{"clusterrole.rbac.authorization.k8s.io/compose-operator-installer created"}},
		{`kubectl delete compose --all --all-namespaces`, trying, []string{`"shown" deleted`}},
		{`kubectl delete clusterrole --selector=app.kubernetes.io/part-of=compose-operator`, trying, []string{"compose-operator-metrics-reader", "compose-operator-mysqlreplication-editor", "compose-operator-mysqlreplication-viewer"}},
		{`kubectl -n upm-system delete role,rolebinding --selector=app.kubernetes.io/part-of=compose-operator`, trying, []string{"compose-operator-own"}},
		{`kubectl delete crd --selector=app.kubernetes.io/part-of=compose-operator`, trying, []string{crdName, groupCRDName}},
		{`kubectl -n upm-system delete deployment compose-operator`, trying, []string{`"compose-operator" deleted`}},
		{`kubectl delete validatingwebhookconfiguration compose-operator`, trying, []string{`"compose-operator" deleted`}},
		{`kubectl delete -f dist/install.yaml`, trying, []string{`namespace "upm-system" deleted`, crdName, groupCRDName}},
	} {
		t.Run(c.command, func(t *testing.T) {
			if !strings.Contains(string(page), "\n"+c.command) {
				t.Fatal("docs/install.md does not have this any more: correct the test with it")
			}
			mustEventually(t, "an answer", func(ctx context.Context) error {
				out, err := env.shell(ctx, c.command+c.with)
				if err != nil {
					return err
				}
				for _, want := range c.want {
					if !strings.Contains(out, want) {
						return &unexpected{out, want}
					}
				}
				return nil
			})
		})
	}
}

// unexpected is an answer that lacks something.
type unexpected struct{ out, want string }

func (u *unexpected) Error() string { return "there is no " + u.want + " in\n" + u.out }

// shell runs a command line in the root of the repository, with the kubectl of the tests.
func (e *environment) shell(ctx context.Context, line string) (string, error) {
	cmd := exec.CommandContext(ctx, "bash", "-c", "set -o pipefail; "+line)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "KUBECONFIG="+e.kubeconfig, "PATH="+filepath.Dir(e.kubectl)+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", &unexpected{string(out), "success: " + err.Error()}
	}
	return string(out), nil
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/e2e/kit"
)

var _ = Describe("Fresh, empty pods", Label("installation"), func() {
	// The semi-sync plugins are missing on purpose: the asynchronous mode must not need them.
	s := onOwnSet(func(ctx SpecContext) (*kit.Set, error) {
		theOperator(ctx)
		return newSet(ctx, kit.SetOptions{Name: "fresh", Pods: 2, WithoutSemiSync: true}), nil
	})

	It("become a replication topology, and a replica can be added", func(ctx SpecContext) {
		Expect(s.Create(ctx, s.Resource("", pods[0], pods[1]))).To(Succeed())
		s.ready(ctx)

		By("looking at the servers")
		Expect(s.value(ctx, pods[0], "SELECT CONCAT(@@read_only, @@super_read_only)")).To(Equal("00"))
		Expect(s.value(ctx, pods[1], "SELECT CONCAT(@@read_only, @@super_read_only)")).To(Equal("11"))

		By("looking at labels, Services and status")
		expectRouted(ctx, s, pods[0], pods[1])
		for _, name := range []string{s.ReadWriteService(), s.ReadOnlyService()} {
			svc := &corev1.Service{}
			Expect(suite.cluster.Client.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: name}, svc)).To(Succeed())
			Expect(metav1.GetControllerOf(svc)).NotTo(BeNil(), "controller of %s", name)
			Expect(svc.Spec.Selector).To(HaveLen(2))
			Expect(svc.Spec.Ports).To(HaveLen(1))
			Expect(svc.Spec.Ports[0].Name).To(Equal("mysql"))
		}
		r, err := s.Get(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(r.Spec.Mode).To(Equal(v1alpha1.MysqlAsync), "the default")
		Expect(r.Status.ReadWriteService).To(Equal(s.ReadWriteService()))
		Expect(r.Status.ReadOnlyService).To(Equal(s.ReadOnlyService()))
		Expect(r.Status.Replicas).To(Equal("1/1"))
		Expect(r.Status.Topology[pods[0]].Role).To(Equal(v1alpha1.MysqlRoleSource))
		Expect(r.Status.Topology[pods[1]].Role).To(Equal(v1alpha1.MysqlRoleReplica))
		Expect(r.Status.Topology[pods[1]].ReplicaIO).To(Equal("Yes"))
		Expect(r.Status.Topology[pods[1]].ReplicaSQL).To(Equal("Yes"))

		By("looking at it as kubectl get does")
		columns, cells := table(ctx, s.Set)
		Expect(columns).To(ContainElements("Ready", "Source", "Replicas", "Mode", "Age"))
		Expect(cells["Ready"]).To(Equal("True"))
		Expect(cells["Source"]).To(Equal(pods[0]))
		Expect(cells["Replicas"]).To(Equal("1/1"))
		Expect(cells["Mode"]).To(Equal("rpl_async"))
		kubectlWait(ctx, s.Set)

		By("adding a fresh pod while clients write")
		s.write(ctx)
		Expect(s.Scale(ctx, 3)).To(Succeed())
		s.edit(ctx, func(r *v1alpha1.MysqlReplication) {
			r.Spec.Replica = append(r.Spec.Replica, v1alpha1.ReplicaNode{Node: s.Node(pods[2])})
		})
		s.ready(ctx)
		expectRouted(ctx, s, pods[0], pods[1], pods[2])
		s.served(ctx)
	})
})

var _ = Describe("A semi-synchronous set", func() {
	s := onSet(semiSync)

	It("waits for a replica before it acknowledges", func(ctx SpecContext) {
		source := s.source(ctx)
		Expect(s.value(ctx, source, "SELECT @@rpl_semi_sync_source_enabled")).To(Equal("1"))
		Expect(s.value(ctx, source, "SELECT VARIABLE_VALUE FROM performance_schema.global_status WHERE VARIABLE_NAME = 'Rpl_semi_sync_source_status'")).To(Equal("ON"))
		for _, replica := range s.others(ctx) {
			Expect(s.value(ctx, replica, "SELECT VARIABLE_VALUE FROM performance_schema.global_status WHERE VARIABLE_NAME = 'Rpl_semi_sync_replica_status'")).To(Equal("ON"), replica)
		}
	})
})

// expectRouted expects the source behind -readwrite alone and the replicas behind -readonly.
func expectRouted(ctx SpecContext, s *scene, source string, replicas ...string) {
	GinkgoHelper()
	Eventually(ctx, func(g Gomega, ctx context.Context) {
		behind, err := s.Routed(ctx, s.ReadWriteService())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(behind).To(Equal([]string{source}), s.ReadWriteService())
		behind, err = s.Routed(ctx, s.ReadOnlyService())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(behind).To(ConsistOf(replicas), s.ReadOnlyService())
		labels, err := s.ManagedLabels(ctx, source)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(labels).To(Equal(s.Name + "/false"))
		for _, replica := range replicas {
			labels, err := s.ManagedLabels(ctx, replica)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(labels).To(Equal(s.Name + "/true"))
		}
	}).Should(Succeed())
}

// table asks the API server for what kubectl get prints.
func table(ctx context.Context, s *kit.Set) (columns []string, cells map[string]string) {
	GinkgoHelper()
	config := rest.CopyConfig(suite.cluster.Config)
	config.APIPath = "/apis"
	config.GroupVersion = &v1alpha1.GroupVersion
	config.NegotiatedSerializer = metaCodecs()
	rc, err := rest.RESTClientFor(config)
	Expect(err).NotTo(HaveOccurred())
	t := &metav1.Table{}
	Expect(rc.Get().Namespace(s.Namespace).Resource("mysqlreplications").Name(s.Name).
		SetHeader("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io").Do(ctx).Into(t)).To(Succeed())
	Expect(t.Rows).To(HaveLen(1))
	cells = map[string]string{}
	for i, c := range t.ColumnDefinitions {
		columns = append(columns, c.Name)
		cells[c.Name] = fmt.Sprint(t.Rows[0].Cells[i])
	}
	return columns, cells
}

// kubectlWait runs the command that people put into scripts, where there is a kubectl.
func kubectlWait(ctx context.Context, s *kit.Set) {
	GinkgoHelper()
	if _, err := exec.LookPath("kubectl"); err != nil {
		GinkgoWriter.Println("no kubectl in PATH: kubectl wait is not tried")
		return
	}
	run := func(args ...string) string {
		GinkgoHelper()
		args = append([]string{"--kubeconfig", suite.cluster.Settings.Kubeconfig, "--namespace", s.Namespace}, args...)
		out, err := exec.CommandContext(ctx, "kubectl", args...).CombinedOutput()
		Expect(err).NotTo(HaveOccurred(), string(out))
		return string(out)
	}
	run("wait", "--for=condition=Ready", "--timeout=60s", "mysqlreplication/"+s.Name)
	for _, word := range []string{"mysqlreplication", "mr", "myrepl", "compose"} {
		Expect(strings.Contains(run("get", word), s.Name)).To(BeTrue(), word)
	}
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package live

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/test/e2e/kit"
)

const testNamespace = "scorecard"

// world is a cluster in memory: pods run as soon as they exist, and a model of the
// operator does its work as soon as somebody writes a resource.
type world struct {
	client client.WithWatch
	// flaws that a test puts in; each may be nil.
	pod    func(*corev1.Pod)
	status func(*v1alpha1.MysqlReplication)
	group  func(*v1alpha1.MysqlGroupReplication)
	redis  func(*v1alpha1.RedisReplication)
	sync   func(*v1alpha1.ProxysqlSync)
	// cluster is a RedisCluster.
	cluster  func(*v1alpha1.RedisCluster)
	postgres func(*v1alpha1.PostgresReplication)
	routes   func(map[string][]string)
	labels   func(pod string, labels map[string]string)
	create   func(client.Object) error
	// absent: nobody acts on resources.
	absent bool
	// seen are the names of everything that was created.
	seen []string
}

func newWorld(t *testing.T, existing ...client.Object) *world {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	w := &world{}
	w.client = fake.NewClientBuilder().WithScheme(scheme).WithObjects(existing...).
		WithStatusSubresource(&v1alpha1.MysqlReplication{}, &v1alpha1.MysqlGroupReplication{}, &v1alpha1.RedisReplication{}, &v1alpha1.RedisCluster{}, &v1alpha1.ProxysqlSync{}, &v1alpha1.PostgresReplication{}, &corev1.Pod{}).
		WithInterceptorFuncs(interceptor.Funcs{Create: w.onCreate, Update: w.onUpdate, Delete: w.onDelete}).Build()
	return w
}

func (w *world) onCreate(ctx context.Context, c client.WithWatch, object client.Object, options ...client.CreateOption) error {
	if w.create != nil {
		if err := w.create(object); err != nil {
			return err
		}
	}
	switch o := object.(type) {
	case *v1alpha1.MysqlReplication, *v1alpha1.MysqlGroupReplication, *v1alpha1.RedisReplication, *v1alpha1.RedisCluster, *v1alpha1.ProxysqlSync, *v1alpha1.PostgresReplication:
		o.SetUID(types.UID("uid-of-" + o.GetName()))
		o.SetGeneration(1)
	case *corev1.Pod:
		o.Status = corev1.PodStatus{PodIP: "10.0.0.1", Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}}
		if w.pod != nil {
			w.pod(o)
		}
	}
	if err := c.Create(ctx, object, options...); err != nil {
		return err
	}
	w.seen = append(w.seen, object.GetName())
	return w.operated(ctx, c, object)
}

// operated: what the operator does about an object that was written.
func (w *world) operated(ctx context.Context, c client.WithWatch, object client.Object) error {
	switch r := object.(type) {
	case *v1alpha1.MysqlReplication:
		return errors.Join(w.operate(ctx, c, r.DeepCopy()), w.operateProxysqlOf(ctx, c, r.Name))
	case *v1alpha1.MysqlGroupReplication:
		return w.operateGroup(ctx, c, r.DeepCopy())
	case *v1alpha1.RedisReplication:
		return w.operateRedis(ctx, c, r.DeepCopy())
	case *v1alpha1.RedisCluster:
		return w.operateCluster(ctx, c, r.DeepCopy())
	case *v1alpha1.ProxysqlSync:
		return w.operateProxysql(ctx, c, r.DeepCopy())
	case *v1alpha1.PostgresReplication:
		return w.operatePostgres(ctx, c, r.DeepCopy())
	}
	return nil
}

func (w *world) onUpdate(ctx context.Context, c client.WithWatch, object client.Object, options ...client.UpdateOption) error {
	switch object.(type) {
	case *v1alpha1.MysqlReplication, *v1alpha1.MysqlGroupReplication, *v1alpha1.RedisReplication, *v1alpha1.RedisCluster, *v1alpha1.ProxysqlSync, *v1alpha1.PostgresReplication:
		object.SetGeneration(object.GetGeneration() + 1)
	}
	if err := c.Update(ctx, object, options...); err != nil {
		return err
	}
	return w.operated(ctx, c, object)
}

// onDelete of a resource takes the operator's Services with it, as the garbage collector does.
func (w *world) onDelete(ctx context.Context, c client.WithWatch, object client.Object, options ...client.DeleteOption) error {
	if object.GetObjectKind().GroupVersionKind().Group == v1alpha1.GroupVersion.Group {
		for _, suffix := range serviceSuffixes {
			svc := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: object.GetName() + suffix}}
			if err := client.IgnoreNotFound(c.Delete(ctx, svc)); err != nil {
				return err
			}
		}
	}
	return c.Delete(ctx, object, options...)
}

// operate as the operator does, with the flaws that the test wants.
func (w *world) operate(ctx context.Context, c client.WithWatch, r *v1alpha1.MysqlReplication) error {
	if w.absent {
		return nil
	}
	before := r.Status.Source
	replicas := []string{}
	for _, replica := range r.Spec.Replica {
		replicas = append(replicas, replica.Name)
	}
	err := w.lead(ctx, c, r, "MysqlReplication", r.Spec.Source.Name, replicas, v1alpha1.LabelMysqlReplicationName, v1alpha1.LabelMysqlReplicationReadonly)
	if err != nil {
		return err
	}
	r.Status = reported(r)
	if before != "" {
		r.Status.LastSwitchover = &v1alpha1.LastSwitchover{From: before, To: r.Spec.Source.Name}
	}
	if w.status != nil {
		w.status(r)
	}
	return c.Status().Update(ctx, r)
}

// lead clients by labels and Services, with the flaws that the test wants.
func (w *world) lead(ctx context.Context, c client.WithWatch, r client.Object, kind, writable string, others []string, nameKey, readonlyKey string) error {
	readonly := map[string]bool{writable: false}
	for _, name := range others {
		readonly[name] = true
	}
	return w.steer(ctx, c, r, kind, map[string][]string{r.GetName() + "-readwrite": {writable}, r.GetName() + "-readonly": others}, readonly, nameKey, readonlyKey)
}

// steer clients by these Services, and labels that say which pods are read-only.
func (w *world) steer(ctx context.Context, c client.WithWatch, r client.Object, kind string, routes map[string][]string, readonly map[string]bool, nameKey, readonlyKey string) error {
	if w.routes != nil {
		w.routes(routes)
	}
	for name, pods := range routes {
		if err := w.route(ctx, c, r, kind, name, pods); err != nil {
			return err
		}
	}
	for name, is := range readonly {
		pod := &corev1.Pod{}
		if err := c.Get(ctx, client.ObjectKey{Namespace: r.GetNamespace(), Name: name}, pod); err != nil {
			return err
		}
		pod.Labels[nameKey] = r.GetName()
		pod.Labels[readonlyKey] = fmt.Sprint(is)
		if w.labels != nil {
			w.labels(name, pod.Labels)
		}
		if err := c.Update(ctx, pod); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) route(ctx context.Context, c client.WithWatch, r client.Object, kind, name string, pods []string) error {
	owner := *metav1.NewControllerRef(r, v1alpha1.GroupVersion.WithKind(kind))
	port := corev1.ServicePort{Name: "mysql", Port: mysqlPort}
	switch kind {
	case "RedisReplication", "RedisCluster":
		port = corev1.ServicePort{Name: "redis", Port: redisPort}
	case "PostgresReplication":
		port = corev1.ServicePort{Name: "postgresql", Port: postgresPort}
	}
	svc := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: r.GetNamespace(), Name: name, OwnerReferences: []metav1.OwnerReference{owner}},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeClusterIP, Ports: []corev1.ServicePort{port}},
	}
	slice := &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Namespace: r.GetNamespace(), Name: name, Labels: map[string]string{discoveryv1.LabelServiceName: name}}}
	for _, pod := range pods {
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{TargetRef: &corev1.ObjectReference{Name: pod}, Conditions: discoveryv1.EndpointConditions{Ready: ptr.To(true)}})
	}
	for _, object := range []client.Object{svc, slice} {
		if err := client.IgnoreNotFound(c.Delete(ctx, object.DeepCopyObject().(client.Object))); err != nil {
			return err
		}
		if err := c.Create(ctx, object); err != nil {
			return err
		}
	}
	return nil
}

// reported is the status of a set that is as wanted.
func reported(r *v1alpha1.MysqlReplication) v1alpha1.MysqlReplicationStatus {
	n := len(r.Spec.Replica)
	status := v1alpha1.MysqlReplicationStatus{
		Ready: true, ObservedGeneration: r.Generation, Source: r.Spec.Source.Name, SourceUUID: "uuid", Replicas: fmt.Sprintf("%d/%d", n, n),
		ReadWriteService: r.Name + "-readwrite", ReadOnlyService: r.Name + "-readonly",
		Topology: map[string]*v1alpha1.MysqlReplicationNode{
			r.Spec.Source.Name: {Host: r.Spec.Source.Host, Port: r.Spec.Source.Port, Role: v1alpha1.MysqlRoleSource, Status: v1alpha1.NodeHealthy, Ready: true, ServerUUID: "uuid"},
		},
	}
	for _, replica := range r.Spec.Replica {
		status.Topology[replica.Name] = &v1alpha1.MysqlReplicationNode{
			Host: replica.Host, Port: replica.Port, Role: v1alpha1.MysqlRoleReplica, Status: v1alpha1.NodeHealthy, Ready: true, ServerUUID: "uuid",
			Readonly: true, SuperReadonly: true, SourceHost: r.Spec.Source.Host, SourcePort: r.Spec.Source.Port, ReplicaIO: "Yes", ReplicaSQL: "Yes",
		}
	}
	status.Conditions = allTrue(r.Generation)
	return status
}

// allTrue are the conditions of a resource that is as wanted.
func allTrue(generation int64) []metav1.Condition {
	var conditions []metav1.Condition
	for condition, value := range map[string]metav1.ConditionStatus{"Ready": "True", "TopologyReady": "True", "ResourceReady": "True", "Reconciling": "False", "Stalled": "False"} {
		conditions = append(conditions, metav1.Condition{Type: condition, Status: value, ObservedGeneration: generation, Reason: "Because", LastTransitionTime: metav1.Now()})
	}
	return conditions
}

// run of the test in this world, with waits that a test can wait for.
func (w *world) run(t *testing.T) *run {
	t.Helper()
	node := func(name string) map[string]any {
		return map[string]any{"name": name, "host": name, "port": int64(3306)}
	}
	r := &run{
		Options: Options{Namespace: testNamespace, MySQLImage: "mysql:test", Timeout: time.Minute, OperatorTimeout: 300 * time.Millisecond},
		cluster: &kit.Cluster{Client: w.client}, kind: Kinds()[0], name: "scorecard-mysqlreplication", plural: "mysqlreplications",
		gvk:    schema.GroupVersionKind{Group: "upm.syntropycloud.io", Version: "v1alpha1", Kind: "MysqlReplication"},
		settle: 300 * time.Millisecond,
		example: &unstructured.Unstructured{Object: map[string]any{
			"metadata": map[string]any{"name": "orders"},
			"spec": map[string]any{
				"mode": "rpl_semi_sync", "secret": map[string]any{"name": "elsewhere"}, "source": node("a"), "replica": []any{node("b"), node("c")},
				"service": map[string]any{"type": "ClusterIP"},
			},
			"status": map[string]any{"ready": true},
		}},
	}
	r.table = func(ctx context.Context) (*metav1.Table, error) {
		resource := &v1alpha1.MysqlReplication{}
		if err := w.client.Get(ctx, client.ObjectKey{Namespace: testNamespace, Name: r.name}, resource); err != nil {
			return nil, err
		}
		cells := []any{resource.Name, "True", resource.Status.Source, resource.Status.Replicas, string(resource.Spec.Mode), "1s", nil}
		table := &metav1.Table{Rows: []metav1.TableRow{{Cells: cells}}}
		for i, name := range []string{"Name", "Ready", "Source", "Replicas", "Mode", "Age", "Message"} {
			table.ColumnDefinitions = append(table.ColumnDefinitions, metav1.TableColumnDefinition{Name: name, Priority: int32(i / 6)})
		}
		return table, nil
	}
	return r
}

// left are the names of what still exists in the test's namespace.
func (w *world) left(t *testing.T) []string {
	t.Helper()
	names := []string{}
	for _, list := range []client.ObjectList{&v1alpha1.MysqlReplicationList{}, &v1alpha1.MysqlGroupReplicationList{}, &v1alpha1.RedisReplicationList{}, &v1alpha1.RedisClusterList{}, &v1alpha1.ProxysqlSyncList{}, &v1alpha1.PostgresReplicationList{}, &corev1.PodList{}, &corev1.ServiceList{}, &corev1.SecretList{}, &corev1.ConfigMapList{}} {
		if err := w.client.List(t.Context(), list, client.InNamespace(testNamespace)); err != nil {
			t.Fatal(err)
		}
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(list)
		if err != nil {
			t.Fatal(err)
		}
		items, _, err := unstructured.NestedSlice(content, "items")
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range items {
			names = append(names, (&unstructured.Unstructured{Object: item.(map[string]any)}).GetName())
		}
	}
	slices.Sort(names)
	return names
}

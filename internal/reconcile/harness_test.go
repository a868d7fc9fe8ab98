// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	ctrlreconcile "sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/credential"
	"github.com/upmio/compose-operator/internal/credential/aesctr"
	"github.com/upmio/compose-operator/internal/kube"
)

type (
	set     = v1alpha1.MysqlReplication
	testKit = Reconciler[*set, *testState, string]
	// testPlan's Data is put into status.source.
	testPlan = Plan[string]
)

type testState struct{ observation int }

type testAction struct {
	node, about string
	run         func(context.Context) (Facts, error)
	deadline    time.Duration
}

func (a testAction) Node() string            { return a.node }
func (a testAction) About() string           { return a.about }
func (a testAction) Deadline() time.Duration { return a.deadline }

// testEngine is an engine whose planner a test writes.
type testEngine struct {
	mu sync.Mutex
	// journal of what happened, also in the API.
	journal []string
	// plan is called with the number of the observation, from 1.
	plan      func(scene Scene[*set], observation int) testPlan
	onObserve func(context.Context)
	// lag is a figure that moves by itself.
	lag      int64
	observed int
	measured int
	services []ServiceWant
	seen     []Scene[*set]
	facts    []Facts
	// underWay and inFlight of the description; nil: never.
	underWay, inFlight func(*set) bool
	// leaving pods that the description has beside those of the spec.
	leaving []string
	// leavingOutside are the same that are external.
	leavingOutside []ExternalNode
}

func (e *testEngine) note(format string, args ...any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.journal = append(e.journal, fmt.Sprintf(format, args...))
}

func (*testEngine) Kind() string               { return "MysqlReplication" }
func (*testEngine) New() *set                  { return &set{} }
func (*testEngine) NewList() client.ObjectList { return &v1alpha1.MysqlReplicationList{} }

func (e *testEngine) Describe(o *set) Description {
	d := Description{
		SecretName: o.Spec.Secret.Name, SecretKeys: []string{"mysql"}, TLS: credential.NewTLSRef(o.Spec.TLS),
		LabelName: v1alpha1.LabelMysqlReplicationName, LabelReadonly: v1alpha1.LabelMysqlReplicationReadonly,
		Services: e.services,
	}
	add := func(n v1alpha1.Node) {
		if n.External {
			d.External = append(d.External, ExternalNode{Name: n.Name, Host: n.Host, Port: n.Port})
		} else {
			d.Pods = append(d.Pods, n.Name)
		}
	}
	if o.Spec.Source != nil {
		add(*o.Spec.Source)
	}
	for _, replica := range o.Spec.Replica {
		add(replica.Node)
	}
	d.Pods, d.Leaving = append(d.Pods, e.leaving...), slices.Clone(e.leaving)
	for _, node := range e.leavingOutside {
		d.External, d.Leaving = append(d.External, node), append(d.Leaving, node.Name)
	}
	d.UnderWay = e.underWay != nil && e.underWay(o)
	d.InFlight = e.inFlight != nil && e.inFlight(o)
	return d
}

// cancelling is a testEngine that can take a change back: the source that the
// status names is wanted again.
type cancelling struct{ *testEngine }

func (e cancelling) Cancel(o *set) {
	e.note("cancel")
	if o.Status.Source != "" {
		o.Spec.Source.Name = o.Status.Source
	}
}

func (e *testEngine) Observe(ctx context.Context, _ Scene[*set]) *testState {
	e.observed++
	if e.onObserve != nil {
		e.onObserve(ctx)
	}
	return &testState{observation: e.observed}
}

func (e *testEngine) Plan(scene Scene[*set], s *testState) testPlan {
	e.seen = append(e.seen, scene)
	if e.plan == nil {
		return testPlan{Conditions: topology(metav1.ConditionTrue, "Replicating", "all replicas replicate")}
	}
	return e.plan(scene, s.observation)
}

func (e *testEngine) Act(ctx context.Context, _ Scene[*set], action Action, facts Facts) (Facts, error) {
	e.note("act %s %s", action.About(), action.Node())
	e.mu.Lock()
	e.facts = append(e.facts, facts)
	e.mu.Unlock()
	if run := action.(testAction).run; run != nil {
		return run(ctx)
	}
	return nil, nil
}

func (e *testEngine) Project(scene Scene[*set], _ *testState, plan testPlan) {
	status := &scene.Object.Status
	status.Source = plan.Data
	lag := e.lag
	status.Topology = map[string]*v1alpha1.MysqlReplicationNode{"mysql-0": {
		Role: v1alpha1.MysqlRoleReplica, Status: v1alpha1.NodeHealthy, SecondsBehindSource: &lag,
	}}
}

func (*testEngine) StatusOf(o *set) CommonStatus {
	return CommonStatus{
		Conditions: &o.Status.Conditions, Ready: &o.Status.Ready, ObservedGeneration: &o.Status.ObservedGeneration,
		ReadWriteService: &o.Status.ReadWriteService, ReadOnlyService: &o.Status.ReadOnlyService,
	}
}

func (*testEngine) Calm(o *set) any {
	status := o.Status.DeepCopy()
	for _, node := range status.Topology {
		node.SecondsBehindSource = nil
	}
	return status
}

func (e *testEngine) Measure(Scene[*set], *testState, testPlan) { e.measured++ }
func (e *testEngine) Forget(key types.NamespacedName)           { e.note("forget %s", key.Name) }

func topology(status metav1.ConditionStatus, reason, message string) []metav1.Condition {
	return []metav1.Condition{{Type: v1alpha1.ConditionTopologyReady, Status: status, Reason: reason, Message: message}}
}

// recorder is an events.EventRecorder that keeps what it is told.
type recorder struct{ told []string }

func (r *recorder) Eventf(_, _ runtime.Object, kind, reason, _, note string, args ...any) {
	r.told = append(r.told, kind+" "+reason+": "+fmt.Sprintf(note, args...))
}

// kit is a kernel over a fake API server, and hands on what surrounds it.
type kit struct {
	*testKit
	t      *testing.T
	engine *testEngine
	api    client.WithWatch
	events *recorder
	clock  time.Time
	// frozen is what the cache says of the resource while it lags behind.
	frozen *set
	// frozenPods is what it says of pods.
	frozenPods map[string]*metav1.PartialObjectMetadata
	// Hooks before a call; an error is its answer.
	onStatusPatch, onPodPatch func(name string) error
	// onFinalizers is called before the finalizers of a resource are written.
	onFinalizers              func() error
	statusPatches, podPatches int
	applies                   int
	// slices that the cache says there are while it lags behind; nil: it does not.
	frozenSlices *discoveryv1.EndpointSliceList
	// slicesMade counts them, for their UIDs.
	slicesMade int
	// hosts that DNS knows; an error for any other.
	hosts map[string][]string
}

const testNamespace = "one"

var testKey = types.NamespacedName{Namespace: testNamespace, Name: "orders"}

func newSet() *set {
	return &set{
		ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: "orders", UID: "u-orders", Generation: 1},
		Spec: v1alpha1.MysqlReplicationSpec{
			Secret:  v1alpha1.MysqlReplicationSecret{Name: "passwords"},
			Source:  &v1alpha1.Node{Name: "mysql-0", Host: "10.0.0.1", Port: 3306},
			Replica: []v1alpha1.ReplicaNode{{Node: v1alpha1.Node{Name: "mysql-1", Host: "10.0.0.2", Port: 3306}}},
		},
	}
}

func newPodNamed(name string, labels map[string]string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: testNamespace, Name: name, UID: types.UID("u-" + name), Labels: labels,
	}}
}

func secrets(t *testing.T) []client.Object {
	t.Helper()
	const key = "0123456789abcdef0123456789abcdef"
	value, err := aesctr.Encrypt([]byte(key), []byte("a-password"))
	if err != nil {
		t.Fatal(err)
	}
	secret := func(name string, data map[string][]byte) *corev1.Secret {
		return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: name, UID: types.UID("u-" + name)}, Data: data}
	}
	return []client.Object{
		secret("passwords", map[string][]byte{"mysql": value}),
		secret(credential.DefaultAESSecretName, map[string][]byte{credential.DefaultAESSecretKey: []byte(key)}),
	}
}

func setObjects(t *testing.T) []client.Object {
	t.Helper()
	return append(secrets(t), newSet(), newPodNamed("mysql-0", nil), newPodNamed("mysql-1", nil))
}

// newKit has the set, its two pods and its Secrets, and more objects.
func newKit(t *testing.T, engine *testEngine, more ...client.Object) *kit {
	t.Helper()
	return bareKit(t, engine, append(setObjects(t), more...)...)
}

func bareKit(t *testing.T, engine *testEngine, objects ...client.Object) *kit {
	t.Helper()
	return kitOf(t, engine, engine, objects...)
}

// kitOf runs the kernel with what is wrapped around a testEngine.
func kitOf(t *testing.T, wrapped Engine[*set, *testState, string], engine *testEngine, objects ...client.Object) *kit {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	k := &kit{t: t, engine: engine, events: &recorder{}, clock: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	services, pods := kube.ServiceIndex(), kube.PodIndex(kube.LabelKeys{Name: v1alpha1.LabelMysqlReplicationName, Readonly: v1alpha1.LabelMysqlReplicationReadonly})
	groupPods := kube.PodIndex(kube.LabelKeys{Name: v1alpha1.LabelMysqlGroupReplicationName, Readonly: v1alpha1.LabelMysqlGroupReplicationReadonly})
	k.api = fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(&set{}, &v1alpha1.MysqlGroupReplication{}).WithObjects(objects...).
		WithIndex(&corev1.Service{}, services.Field, services.Values).
		WithIndex(pods.Object, pods.Field, pods.Values).
		WithIndex(groupPods.Object, groupPods.Field, groupPods.Values).Build()
	var mu sync.Mutex
	cached := interceptor.NewClient(k.api, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, object client.Object, opts ...client.GetOption) error {
			if into, isSet := object.(*set); isSet && k.frozen != nil {
				k.frozen.DeepCopyInto(into)
				return nil
			}
			if into, isMetadata := object.(*metav1.PartialObjectMetadata); isMetadata && into.Kind == "Pod" && k.frozenPods[key.Name] != nil {
				k.frozenPods[key.Name].DeepCopyInto(into)
				return nil
			}
			return c.Get(ctx, key, object, opts...)
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, object client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
			k.statusPatches++
			if k.onStatusPatch != nil {
				if err := k.onStatusPatch(object.GetName()); err != nil {
					return err
				}
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			engine.note("status source=%s", object.(*set).Status.Source)
			return c.SubResource(sub).Patch(ctx, object, patch, opts...)
		},
		Patch: func(ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, opts ...client.PatchOption) error {
			mu.Lock()
			defer mu.Unlock()
			if _, isSet := object.(*set); isSet {
				if k.onFinalizers != nil {
					if err := k.onFinalizers(); err != nil {
						return err
					}
				}
				err := c.Patch(ctx, object, patch, opts...)
				engine.note("finalizers %v", object.GetFinalizers())
				return err
			}
			k.podPatches++
			if k.onPodPatch != nil {
				if err := k.onPodPatch(object.GetName()); err != nil {
					return err
				}
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			engine.note("label %s", object.GetName())
			return c.Patch(ctx, object, patch, opts...)
		},
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			if into, areSlices := list.(*discoveryv1.EndpointSliceList); areSlices && k.frozenSlices != nil {
				k.frozenSlices.DeepCopyInto(into)
				return nil
			}
			return c.List(ctx, list, opts...)
		},
		Create: func(ctx context.Context, c client.WithWatch, object client.Object, opts ...client.CreateOption) error {
			mu.Lock()
			defer mu.Unlock()
			k.slicesMade++
			object.SetUID(types.UID(fmt.Sprintf("u-slice-%d", k.slicesMade)))
			engine.note("create %s", sliceWords(object))
			return c.Create(ctx, object, opts...)
		},
		Update: func(ctx context.Context, c client.WithWatch, object client.Object, opts ...client.UpdateOption) error {
			engine.note("update %s", sliceWords(object))
			return c.Update(ctx, object, opts...)
		},
		Delete: func(ctx context.Context, c client.WithWatch, object client.Object, opts ...client.DeleteOption) error {
			if _, isSlice := object.(*discoveryv1.EndpointSlice); isSlice {
				engine.note("delete %s", sliceWords(object))
			}
			return c.Delete(ctx, object, opts...)
		},
		Apply: func(ctx context.Context, c client.WithWatch, object runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
			k.applies++
			return c.Apply(ctx, object, opts...)
		},
	})
	r, err := newReconciler(wrapped, dependencies{
		client: cached, live: k.api, recorder: k.events, resolver: &credential.Resolver{Reader: k.api}, lookup: k.lookUp,
		now: func() time.Time { return k.clock }, random: func() float64 { return 0.5 },
	})
	if err != nil {
		t.Fatal(err)
	}
	k.testKit = r
	return k
}

// sliceWords say of which Service, node and addresses a slice is.
func sliceWords(object client.Object) string {
	slice, is := object.(*discoveryv1.EndpointSlice)
	if !is {
		return fmt.Sprintf("%T %s", object, object.GetName())
	}
	var addresses []string
	for _, endpoint := range slice.Endpoints {
		addresses = append(addresses, endpoint.Addresses...)
	}
	return fmt.Sprintf("%s to %s %s:%d", slice.Labels[discoveryv1.LabelServiceName], slice.Annotations[kube.AnnotationNode], strings.Join(addresses, ","), *slice.Ports[0].Port)
}

// lookUp is the DNS of a kit.
func (k *kit) lookUp(_ context.Context, host string) ([]netip.Addr, error) {
	texts, known := k.hosts[host]
	if !known {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	var out []netip.Addr
	for _, text := range texts {
		out = append(out, netip.MustParseAddr(text))
	}
	return out, nil
}

func (k *kit) passWith(ctx context.Context) time.Duration {
	k.t.Helper()
	return k.passOver(ctx, testKey)
}

func (k *kit) passOver(ctx context.Context, key types.NamespacedName) time.Duration {
	k.t.Helper()
	result, err := k.Reconcile(ctx, ctrlreconcile.Request{NamespacedName: key})
	if err != nil {
		k.t.Fatal(err)
	}
	return result.RequeueAfter
}

func (k *kit) pass() time.Duration {
	k.t.Helper()
	return k.passWith(k.t.Context())
}

// settle makes passes until nothing is left to write.
func (k *kit) settle() {
	k.t.Helper()
	for range 3 {
		k.pass()
	}
	k.statusPatches, k.podPatches, k.applies = 0, 0, 0
	k.engine.journal = nil
}

func (k *kit) get() *set {
	k.t.Helper()
	object := &set{}
	if err := k.api.Get(k.t.Context(), testKey, object); err != nil {
		k.t.Fatal(err)
	}
	return object
}

// edit changes the resource as a user would.
func (k *kit) edit(change func(*set)) {
	k.t.Helper()
	object := k.get()
	change(object)
	object.Generation++
	if err := k.api.Update(context.WithoutCancel(k.t.Context()), object); err != nil {
		k.t.Fatal(err)
	}
}

func (k *kit) labels(pod string) string {
	k.t.Helper()
	object := &corev1.Pod{}
	if err := k.api.Get(k.t.Context(), types.NamespacedName{Namespace: testNamespace, Name: pod}, object); err != nil {
		k.t.Fatal(err)
	}
	return strings.Trim(object.Labels[v1alpha1.LabelMysqlReplicationName]+"/"+object.Labels[v1alpha1.LabelMysqlReplicationReadonly], "/")
}

func (k *kit) wantLabels(pod, want string) {
	k.t.Helper()
	if got := k.labels(pod); got != want {
		k.t.Errorf("labels of %s = %q, want %q", pod, got, want)
	}
}

func (k *kit) wantJournal(want ...string) {
	k.t.Helper()
	if !slices.Equal(k.engine.journal, want) {
		k.t.Errorf("what happened:\n  %s\nwant:\n  %s", strings.Join(k.engine.journal, "\n  "), strings.Join(want, "\n  "))
	}
}

func (k *kit) wantCondition(kind string, status metav1.ConditionStatus, reason string) *metav1.Condition {
	k.t.Helper()
	object := k.get()
	condition := meta.FindStatusCondition(object.Status.Conditions, kind)
	if condition == nil {
		k.t.Errorf("there is no condition %s", kind)
		return &metav1.Condition{}
	}
	if condition.Status != status || condition.Reason != reason {
		k.t.Errorf("condition %s = %s %s (%s), want %s %s", kind, condition.Status, condition.Reason, condition.Message, status, reason)
	}
	if condition.ObservedGeneration != object.Status.ObservedGeneration {
		k.t.Errorf("condition %s is of generation %d, the status of %d", kind, condition.ObservedGeneration, object.Status.ObservedGeneration)
	}
	return condition
}

func (k *kit) wantEvents(want ...string) {
	k.t.Helper()
	if !slices.Equal(k.events.told, want) {
		k.t.Errorf("events:\n  %s\nwant:\n  %s", strings.Join(k.events.told, "\n  "), strings.Join(want, "\n  "))
	}
}

func do(about, node string) Action {
	return testAction{node: node, about: about, deadline: time.Minute}
}

func doFunc(about, node string, run func(context.Context) (Facts, error)) Action {
	return testAction{node: node, about: about, deadline: time.Minute, run: run}
}

func failing(about, node, why string) Action {
	return doFunc(about, node, func(context.Context) (Facts, error) { return nil, errors.New(why) })
}

func conflict() error {
	return apierrors.NewConflict(v1alpha1.GroupVersion.WithResource("mysqlreplications").GroupResource(), "orders", errors.New("changed"))
}

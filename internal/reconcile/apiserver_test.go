//go:build admission

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/wait"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/kube"
)

// The kernel against a real API server: what a fake one cannot show is whether
// the watches wake it, whether the API server refuses what it should, and whether
// Services can change their type.

func startAPIServer(t *testing.T) (*rest.Config, *runtime.Scheme) {
	t.Helper()
	ctrl.SetLogger(testr.New(t))
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		t.Fatal("KUBEBUILDER_ASSETS must name the directory that has etcd and kube-apiserver")
	}
	environment := &envtest.Environment{
		CRDDirectoryPaths: []string{"../../config/crd/bases"}, ErrorIfCRDPathMissing: true,
		ControlPlaneStopTimeout: time.Minute, ControlPlaneStartTimeout: 2 * time.Minute,
	}
	config, err := environment.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := environment.Stop(); err != nil {
			t.Log(err)
		}
	})
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	return config, scheme
}

// live is a kernel that runs in a manager, with a poll so rare that only watches
// can have woken it.
type live struct {
	t      *testing.T
	api    client.Client
	engine *liveEngine
}

// liveEngine takes its Services and its routing from annotations, so that a test
// can change them as a user would.
type liveEngine struct {
	*testEngine
	passes chan struct{}
}

const externalName = "db.example.com"

func (e *liveEngine) Describe(o *set) Description {
	d := e.testEngine.Describe(o)
	kind := corev1.ServiceType("")
	if o.Spec.Service != nil {
		kind = o.Spec.Service.Type
	}
	want := ServiceWant{Name: "orders-readwrite", Type: kind, PortName: "mysql", Port: 3306}
	if kind == corev1.ServiceTypeExternalName {
		want.ExternalName = externalName
	}
	if o.Spec.Source != nil {
		want.Port = o.Spec.Source.Port
	}
	d.Services = []ServiceWant{want}
	return d
}

func (e *liveEngine) Plan(scene Scene[*set], _ *testState) testPlan {
	defer func() {
		select {
		case e.passes <- struct{}{}:
		default:
		}
	}()
	return testPlan{
		Data:       scene.Object.Spec.Source.Name,
		Conditions: topology(metav1.ConditionTrue, "Replicating", "all replicas replicate"),
		Steps:      []Step{{Name: "route", Routing: Routing{"mysql-0": AccessReadWrite, "mysql-1": AccessReadOnly}}},
		Events:     []Event{{Reason: "Adopted", Message: "the set replicates"}},
	}
}

func startKernel(t *testing.T) *live {
	t.Helper()
	config, scheme := startAPIServer(t)
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme: scheme, Metrics: server.Options{BindAddress: "0"},
		Cache: cache.Options{ByObject: kube.CacheByObject()},
	})
	if err != nil {
		t.Fatal(err)
	}
	api, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	l := &live{t: t, api: api, engine: &liveEngine{testEngine: &testEngine{}, passes: make(chan struct{}, 1)}}
	if err := kube.ServiceIndex().Add(t.Context(), mgr.GetFieldIndexer()); err != nil {
		t.Fatal(err)
	}
	if err := Setup(mgr, Engine[*set, *testState, string](l.engine), Options{Poll: time.Hour}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	l.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: testNamespace}})
	return l
}

func (l *live) create(object client.Object) {
	l.t.Helper()
	object.SetUID("")
	if err := l.api.Create(l.t.Context(), object); err != nil {
		l.t.Fatal(err)
	}
}

func (l *live) createPod(name string) {
	l.t.Helper()
	l.create(&corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: name},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "mysql", Image: "mysql"}}},
	})
}

func (l *live) eventually(what string, holds func(context.Context) error) {
	l.t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(l.t.Context(), 20*time.Millisecond, 60*time.Second, true, func(ctx context.Context) (bool, error) {
		err := holds(ctx)
		if ctx.Err() == nil {
			last = err
		}
		return err == nil, nil
	})
	if err != nil {
		l.t.Fatalf("%s: %v", what, last)
	}
}

// quiet waits until no pass has been made for half a second.
func (l *live) quiet() {
	l.t.Helper()
	for {
		select {
		case <-l.engine.passes:
		case <-time.After(500 * time.Millisecond):
			return
		}
	}
}

func (l *live) wakes(what string, change func(ctx context.Context) error) {
	l.t.Helper()
	l.quiet()
	if err := change(l.t.Context()); err != nil {
		l.t.Fatal(err)
	}
	select {
	case <-l.engine.passes:
	case <-time.After(60 * time.Second):
		l.t.Errorf("not woken by %s", what)
	}
}

func (l *live) hasLabels(pod, name string) func(context.Context) error {
	return func(ctx context.Context) error {
		object := &corev1.Pod{}
		if err := l.api.Get(ctx, types.NamespacedName{Namespace: testNamespace, Name: pod}, object); err != nil {
			return err
		}
		if got := object.Labels[v1alpha1.LabelMysqlReplicationName]; got != name {
			return fmt.Errorf("label = %q, want %q", got, name)
		}
		return nil
	}
}

func (l *live) service(ctx context.Context) (*corev1.Service, error) {
	object := &corev1.Service{}
	return object, l.api.Get(ctx, types.NamespacedName{Namespace: testNamespace, Name: "orders-readwrite"}, object)
}

func (l *live) set(ctx context.Context) (*set, error) {
	object := &set{}
	return object, l.api.Get(ctx, testKey, object)
}

func TestOnARealAPIServer(t *testing.T) {
	l := startKernel(t)
	for _, secret := range secrets(t) {
		l.create(secret)
	}
	l.createPod("mysql-0")
	l.createPod("mysql-1")
	object := newSet()
	object.Generation = 0
	l.create(object)

	l.eventually("the status is written", func(ctx context.Context) error {
		object, err := l.set(ctx)
		if err == nil && (!object.Status.Ready || object.Status.ReadWriteService != "orders-readwrite") {
			err = fmt.Errorf("status %+v", object.Status)
		}
		return err
	})
	l.eventually("the source is labeled", l.hasLabels("mysql-0", "orders"))
	l.eventually("the event is told", func(ctx context.Context) error {
		var list eventsv1.EventList
		if err := l.api.List(ctx, &list, client.InNamespace(testNamespace)); err != nil {
			return err
		}
		for _, event := range list.Items {
			if event.Reason == "Adopted" && event.Regarding.Name == "orders" && event.Regarding.Kind == "MysqlReplication" {
				return nil
			}
		}
		return fmt.Errorf("%d events, none of it", len(list.Items))
	})

	t.Run("watches", l.testWatches)
	t.Run("quiet", l.testQuiet)
	t.Run("services", l.testServiceTypes)
	t.Run("service repair", l.testServiceRepair)
	t.Run("uid", l.testPodMadeAnew)
	t.Run("external", l.testExternal)
	t.Run("addresses", l.testAddresses)
	t.Run("claims", l.testClaims)
	t.Run("deletion", l.testDeletion)
}

func (l *live) on(t *testing.T) *live { return &live{t: t, api: l.api, engine: l.engine} }

func (l *live) testWatches(t *testing.T) {
	l = l.on(t)
	l.wakes("a pod's status", func(ctx context.Context) error {
		pod := &corev1.Pod{}
		if err := l.api.Get(ctx, types.NamespacedName{Namespace: testNamespace, Name: "mysql-1"}, pod); err != nil {
			return err
		}
		pod.Status.PodIP = "10.0.0.9"
		return l.api.Status().Update(ctx, pod)
	})
	l.wakes("a Secret", func(ctx context.Context) error {
		secret := &corev1.Secret{}
		if err := l.api.Get(ctx, types.NamespacedName{Namespace: testNamespace, Name: "passwords"}, secret); err != nil {
			return err
		}
		secret.Data["other"] = []byte("x")
		return l.api.Update(ctx, secret)
	})
	l.wakes("an annotation", func(ctx context.Context) error {
		object, err := l.set(ctx)
		if err != nil {
			return err
		}
		object.Annotations = map[string]string{v1alpha1.AnnotationSkipReconcile: "true"}
		return l.api.Update(ctx, object)
	})
	l.wakes("a Service that is deleted", func(ctx context.Context) error {
		service, err := l.service(ctx)
		if err != nil {
			return err
		}
		return l.api.Delete(ctx, service)
	})
	l.eventually("the Service is made again", func(ctx context.Context) error {
		_, err := l.service(ctx)
		return err
	})
	l.wakes("a pod that is deleted", func(ctx context.Context) error {
		zero := int64(0)
		return l.api.Delete(ctx, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: "mysql-1"}},
			&client.DeleteOptions{GracePeriodSeconds: &zero})
	})
	l.wakes("a pod that is made", func(context.Context) error { l.createPod("mysql-1"); return nil })
	l.eventually("the new pod is labeled", l.hasLabels("mysql-1", "orders"))
}

// testQuiet shows that a pass with nothing new writes nothing at all.
func (l *live) testQuiet(t *testing.T) {
	l = l.on(t)
	l.quiet()
	versions := func() []string {
		object, err := l.set(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		service, err := l.service(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return []string{object.ResourceVersion, service.ResourceVersion}
	}
	before := versions()
	// A Secret change wakes a pass and leaves both alone.
	l.wakes("a Secret", func(ctx context.Context) error {
		return l.api.Patch(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: "passwords"}},
			client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"touched":"yes"}}}`)))
	})
	l.quiet()
	if after := versions(); !slices.Equal(before, after) {
		t.Errorf("something was written: %v, then %v", before, after)
	}
}

func (l *live) testServiceTypes(t *testing.T) {
	l = l.on(t)
	for _, kind := range []corev1.ServiceType{
		corev1.ServiceTypeNodePort, corev1.ServiceTypeClusterIP, corev1.ServiceTypeExternalName,
		corev1.ServiceTypeLoadBalancer, corev1.ServiceTypeExternalName, corev1.ServiceTypeClusterIP,
	} {
		l.eventually("edit", func(ctx context.Context) error {
			object, err := l.set(ctx)
			if err != nil {
				return err
			}
			object.Spec.Service = &v1alpha1.ServiceSpec{Type: kind}
			if kind == corev1.ServiceTypeExternalName {
				object.Spec.Service.ExternalName = externalName
			}
			object.Spec.Source.Port++
			return l.api.Update(ctx, object)
		})
		l.eventually("type "+string(kind), func(ctx context.Context) error {
			service, err := l.service(ctx)
			if err != nil {
				return err
			}
			object, err := l.set(ctx)
			if err != nil {
				return err
			}
			if service.Spec.Type != kind || len(service.Spec.Ports) != 1 || service.Spec.Ports[0].Port != object.Spec.Source.Port ||
				(service.Spec.ExternalName != "") != (kind == corev1.ServiceTypeExternalName) {
				return fmt.Errorf("spec %+v; conditions %+v", service.Spec, object.Status.Conditions)
			}
			return nil
		})
	}
}

// testServiceRepair is about a Service that others changed, and about one that a
// resource of the same name has left behind.
func (l *live) testServiceRepair(t *testing.T) {
	l = l.on(t)
	// Of a kind that no kernel looks after, so that none takes it for an orphan.
	owner := kube.Owner{GVK: v1alpha1.GroupVersion.WithKind("Nobody"), Namespace: testNamespace, Name: "left", UID: "u-first"}
	keys := kube.LabelKeys{Name: "example.com/name", Readonly: "example.com/readonly"}
	want := ServiceWant{Name: "left-readwrite", PortName: "mysql", Port: 3306}
	ensure := func() *corev1.Service {
		t.Helper()
		if err := kube.EnsureService(t.Context(), l.api, l.api, owner, keys, want); err != nil {
			t.Fatal(err)
		}
		service := &corev1.Service{}
		if err := l.api.Get(t.Context(), types.NamespacedName{Namespace: testNamespace, Name: want.Name}, service); err != nil {
			t.Fatal(err)
		}
		return service
	}
	made := ensure()
	changed := made.DeepCopy()
	changed.Spec.PublishNotReadyAddresses = true
	changed.Spec.Selector = map[string]string{"app": "wrong"}
	changed.Spec.Ports[0].TargetPort = intstr.FromInt32(1)
	changed.Annotations = map[string]string{"theirs": "stays"}
	if err := l.api.Update(t.Context(), changed); err != nil {
		t.Fatal(err)
	}
	repaired := ensure()
	if repaired.Spec.PublishNotReadyAddresses || len(repaired.Spec.Selector) != 2 || repaired.Spec.Ports[0].TargetPort.IntVal != 3306 || repaired.Annotations["theirs"] == "" {
		t.Errorf("repaired: %+v", repaired)
	}
	if again := ensure(); again.ResourceVersion != repaired.ResourceVersion {
		t.Error("a Service that is right was written")
	}

	owner.UID = "u-second"
	adopted := ensure()
	if len(adopted.OwnerReferences) != 1 || adopted.OwnerReferences[0].UID != "u-second" || adopted.UID != made.UID || adopted.Spec.ClusterIP != made.Spec.ClusterIP {
		t.Errorf("adopted: %+v", adopted)
	}
}

func (l *live) testPodMadeAnew(t *testing.T) {
	l = l.on(t)
	stale := kube.NewPod()
	stale.SetNamespace(testNamespace)
	stale.SetName("mysql-0")
	stale.SetUID("another")
	keys := kube.LabelKeys{Name: "example.com/name", Readonly: "example.com/readonly"}
	_, err := kube.PatchPodLabels(t.Context(), l.api, stale, keys, kube.PodLabels{Name: "x", Readonly: "true"})
	if !errors.Is(err, kube.ErrPodChanged) {
		t.Errorf("the patch of a pod with another UID: %v", err)
	}
	if err := l.api.Get(t.Context(), client.ObjectKeyFromObject(stale), stale); err != nil {
		t.Fatal(err)
	}
	if _, err := kube.PatchPodLabels(t.Context(), l.api, stale, keys, kube.PodLabels{Name: "not valid!"}); err == nil || errors.Is(err, kube.ErrPodChanged) {
		t.Errorf("a value that is not valid: %v", err)
	}
	patched, err := kube.PatchPodLabels(t.Context(), l.api, stale, keys, kube.PodLabels{Name: "x", Readonly: "true"})
	if err != nil {
		t.Fatal(err)
	}
	if patched.GetUID() != stale.GetUID() || keys.Of(patched).Name != "x" || !newer(patched, stale) {
		t.Errorf("patched: %+v", patched.ObjectMeta)
	}
}

// testExternal makes the source a server outside, and a pod again.
func (l *live) testExternal(t *testing.T) {
	l = l.on(t)
	outside := func(is bool) {
		l.eventually("edit", func(ctx context.Context) error {
			object, err := l.set(ctx)
			if err != nil {
				return err
			}
			object.Spec.Source.External = is
			return l.api.Update(ctx, object)
		})
	}
	slices := func(ctx context.Context) (*discoveryv1.EndpointSliceList, error) {
		list := &discoveryv1.EndpointSliceList{}
		return list, l.api.List(ctx, list, client.InNamespace(testNamespace), client.MatchingLabels{discoveryv1.LabelServiceName: "orders-readwrite"})
	}
	leads := func(ctx context.Context) error {
		list, err := slices(ctx)
		if err != nil {
			return err
		}
		if len(list.Items) != 1 || list.Items[0].Endpoints[0].Addresses[0] != "10.0.0.1" {
			return fmt.Errorf("slices: %+v", list.Items)
		}
		return l.hasLabels("mysql-0", "")(ctx)
	}
	outside(true)
	l.eventually("a slice leads to the server, and the pod of its name has no label", leads)
	l.wakes("a slice that is deleted", func(ctx context.Context) error {
		list, err := slices(ctx)
		if err != nil || len(list.Items) != 1 {
			return fmt.Errorf("slices: %+v, %w", list.Items, err)
		}
		return l.api.Delete(ctx, &list.Items[0])
	})
	l.eventually("it is made again", leads)
	outside(false)
	l.eventually("the pod is labeled", l.hasLabels("mysql-0", "orders"))
	l.eventually("the slice is gone", func(ctx context.Context) error {
		list, err := slices(ctx)
		if err == nil && len(list.Items) > 0 {
			err = fmt.Errorf("slices: %+v", list.Items)
		}
		return err
	})
}

// testAddresses asks the API server which addresses it takes into a slice.
func (l *live) testAddresses(t *testing.T) {
	owner := kube.Owner{GVK: v1alpha1.GroupVersion.WithKind("Nobody"), Namespace: testNamespace, Name: "asks", UID: "u-asks"}
	for _, text := range []string{
		"192.0.2.7", "10.127.0.1", "255.255.255.255", "224.0.1.1", "2001:db8::7", "fd00::1", "ff0e::1",
		"127.0.0.1", "127.1.2.3", "169.254.1.1", "224.0.0.5", "0.0.0.0", "::1", "::", "fe80::1", "ff02::1",
	} {
		address := netip.MustParseAddr(text)
		slice := kube.EndpointSliceFor(owner, kube.SliceWant{Service: "asks", Node: "n", Host: text, PortName: "mysql", Port: 1, Address: address})
		err := l.api.Create(t.Context(), slice, client.DryRunAll)
		if why := kube.RefusedAddress(address); (why != "") != (err != nil) {
			t.Errorf("%s: refused as %q; the API server says %v", text, why, err)
		}
	}
}

// testClaims shows that a second resource over the same pods stays out, whatever
// the cache knew when it came.
func (l *live) testClaims(t *testing.T) {
	l = l.on(t)
	second := newSet()
	second.Name, second.Generation = "a-copy", 0
	l.create(second)
	l.eventually("the second one is stopped", func(ctx context.Context) error {
		object := &set{}
		if err := l.api.Get(ctx, client.ObjectKeyFromObject(second), object); err != nil {
			return err
		}
		if c := meta.FindStatusCondition(object.Status.Conditions, v1alpha1.ConditionReady); c == nil || c.Reason != reasonPodClaimed {
			return fmt.Errorf("condition Ready: %+v", c)
		}
		return l.hasLabels("mysql-0", "orders")(ctx)
	})
	if err := l.api.Delete(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	l.eventually("the first one keeps its pods", l.hasLabels("mysql-0", "orders"))
}

func (l *live) testDeletion(t *testing.T) {
	l = l.on(t)
	object, err := l.set(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.api.Delete(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	l.eventually("the label is gone", l.hasLabels("mysql-0", ""))
	l.eventually("the Service is gone", func(ctx context.Context) error {
		if _, err := l.service(ctx); client.IgnoreNotFound(err) != nil || err == nil {
			return fmt.Errorf("it is there: %w", err)
		}
		return nil
	})
}

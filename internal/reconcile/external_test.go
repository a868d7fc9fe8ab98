// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/kube"
)

// outside makes nodes of a set external.
func outside(o *set, host string, names ...string) {
	nodes := []*v1alpha1.Node{o.Spec.Source}
	for i := range o.Spec.Replica {
		nodes = append(nodes, &o.Spec.Replica[i].Node)
	}
	for _, node := range nodes {
		if slices.Contains(names, node.Name) {
			node.External, node.Host = true, host
		}
	}
}

// routed is an engine that routes as it is told, with both Services.
func routed(routing *Routing) *testEngine {
	return &testEngine{
		services: []ServiceWant{
			{Name: "orders-readwrite", PortName: "mysql", Port: 3306},
			{Name: "orders-readonly", PortName: "mysql", Port: 3306, Readonly: true},
		},
		plan: func(Scene[*set], int) testPlan {
			return testPlan{
				Conditions: topology(metav1.ConditionTrue, "Replicating", "all replicas replicate"),
				Steps:      []Step{{Name: "route", Routing: *routing}},
			}
		},
	}
}

// externalKit has the source on a pod and mysql-1 outside; a pod has that name all the same.
func externalKit(t *testing.T, routing *Routing, more ...client.Object) *kit {
	t.Helper()
	object := newSet()
	outside(object, "db.example.com", "mysql-1")
	object.Spec.Replica[0].Port = 3307
	objects := append(secrets(t), object, newPodNamed("mysql-0", nil), newPodNamed("mysql-1", map[string]string{"app": "other"}))
	k := bareKit(t, routed(routing), append(objects, more...)...)
	k.hosts = map[string][]string{"db.example.com": {"192.0.2.7"}}
	return k
}

func (k *kit) wantSlices(want ...string) {
	k.t.Helper()
	var list discoveryv1.EndpointSliceList
	if err := k.api.List(k.t.Context(), &list); err != nil {
		k.t.Fatal(err)
	}
	var got []string
	for i := range list.Items {
		got = append(got, sliceWords(&list.Items[i]))
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		k.t.Errorf("slices:\n  %s\nwant:\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func (k *kit) lastPod(node string) Pod { return k.engine.seen[len(k.engine.seen)-1].Pods[node] }

func TestAnExternalNodeGetsSlicesAndNoLabels(t *testing.T) {
	routing := Routing{"mysql-0": AccessReadWrite, "mysql-1": AccessReadOnly}
	k := externalKit(t, &routing)
	k.settle()
	k.wantSlices("orders-readonly to mysql-1 192.0.2.7:3307")
	k.wantLabels("mysql-0", "orders/false")
	k.wantLabels("mysql-1", "")
	k.wantCondition(v1alpha1.ConditionResourceReady, metav1.ConditionTrue, reasonResourcesReady)
	if pod := k.lastPod("mysql-1"); !pod.External || pod.Exists || pod.UID != "" || pod.Readonly != "true" || pod.Name != "orders" || len(pod.Addresses) != 1 || pod.Gone() {
		t.Errorf("the planner sees %+v", pod)
	}
	k.pass()
	k.wantJournal()
	if k.statusPatches+k.podPatches+k.applies > 0 {
		t.Error("a quiet pass writes")
	}

	routing["mysql-1"] = AccessNone
	k.pass()
	k.wantSlices()
	delete(routing, "mysql-1")
	k.pass()
	if pod := k.lastPod("mysql-1"); pod.Readonly != "" || pod.Name != "" {
		t.Errorf("the planner sees %+v", pod)
	}
}

func TestANodeThatThePlanDoesNotNameKeepsItsSlices(t *testing.T) {
	routing := Routing{"mysql-1": AccessReadWrite}
	k := externalKit(t, &routing)
	k.settle()
	routing = Routing{}
	// Its address may be another server by now, which was not seen.
	k.hosts["db.example.com"] = []string{"192.0.2.8"}
	k.pass()
	k.wantSlices("orders-readwrite to mysql-1 192.0.2.7:3307")
	routing = Routing{"mysql-1": AccessReadWrite}
	k.pass()
	k.wantSlices("orders-readwrite to mysql-1 192.0.2.8:3307")
}

// Who comes to -readwrite comes first, whether it is a pod or outside.
func TestTheSourceMovesBetweenAPodAndOutside(t *testing.T) {
	routing := Routing{"mysql-0": AccessReadWrite, "mysql-1": AccessReadOnly}
	k := externalKit(t, &routing)
	k.settle()
	routing = Routing{"mysql-0": AccessNone, "mysql-1": AccessReadWrite}
	k.pass()
	k.wantSlices("orders-readwrite to mysql-1 192.0.2.7:3307")
	if got := k.engine.journal; len(got) < 3 || got[0] != "create orders-readwrite to mysql-1 192.0.2.7:3307" || !slices.Contains(got[1:], "label mysql-0") {
		t.Errorf("what happened: %q", got)
	}
	if pod := k.lastPod("mysql-1"); pod.Readonly != "true" {
		t.Errorf("the planner saw %+v", pod)
	}
	k.pass()
	if pod := k.lastPod("mysql-1"); pod.Readonly != "false" {
		t.Errorf("the planner sees %+v", pod)
	}
	k.engine.journal = nil
	routing = Routing{"mysql-0": AccessReadWrite, "mysql-1": AccessNone}
	k.pass()
	k.wantSlices()
	k.wantJournal("label mysql-0", "delete orders-readwrite to mysql-1 192.0.2.7:3307")
}

func TestANodeBecomesExternalAndAPodAgain(t *testing.T) {
	routing := Routing{"mysql-0": AccessReadWrite, "mysql-1": AccessReadOnly}
	k := newKit(t, routed(&routing))
	k.hosts = map[string][]string{"db.example.com": {"192.0.2.7"}}
	k.settle()
	k.wantLabels("mysql-0", "orders/false")
	k.edit(func(o *set) { outside(o, "db.example.com", "mysql-0") })
	k.pass()
	k.wantSlices("orders-readwrite to mysql-0 192.0.2.7:3306")
	k.wantLabels("mysql-0", "")
	if got := k.engine.journal; len(got) < 2 || got[0] != "create orders-readwrite to mysql-0 192.0.2.7:3306" || got[1] != "label mysql-0" {
		t.Errorf("what happened: %q", got)
	}

	k.engine.journal = nil
	k.edit(func(o *set) { o.Spec.Source.External = false })
	k.pass()
	k.wantSlices()
	k.wantLabels("mysql-0", "orders/false")
	if got := k.engine.journal; len(got) < 2 || got[0] != "label mysql-0" || !strings.HasPrefix(got[1], "delete ") {
		t.Errorf("what happened: %q", got)
	}
}

// A node that is not routed loses what it had as the other kind all the same.
func TestWhatANodeHadAsTheOtherKindGoes(t *testing.T) {
	routing := Routing{"mysql-0": AccessReadWrite, "mysql-1": AccessReadOnly}
	k := newKit(t, routed(&routing))
	k.hosts = map[string][]string{"db.example.com": {"192.0.2.7"}}
	k.settle()
	routing = Routing{}
	k.edit(func(o *set) { outside(o, "db.example.com", "mysql-1") })
	k.pass()
	k.wantLabels("mysql-1", "")
	routing = Routing{"mysql-1": AccessReadOnly}
	k.pass()
	k.wantSlices("orders-readonly to mysql-1 192.0.2.7:3306")
	routing = Routing{}
	k.edit(func(o *set) { o.Spec.Replica[0].External = false })
	k.pass()
	k.wantSlices()
}

func TestSlicesOfANodeThatLeftAreDeleted(t *testing.T) {
	routing := Routing{"mysql-1": AccessReadOnly}
	k := externalKit(t, &routing)
	k.settle()
	k.wantSlices("orders-readonly to mysql-1 192.0.2.7:3307")
	routing = Routing{}
	k.edit(func(o *set) { o.Spec.Replica = nil })
	k.pass()
	k.wantSlices()
}

func TestSlicesOfAServiceThatIsNotWantedAreDeleted(t *testing.T) {
	routing := Routing{"mysql-1": AccessReadOnly}
	k := externalKit(t, &routing)
	k.settle()
	routing = Routing{}
	k.engine.services = k.engine.services[:1]
	k.pass()
	k.wantSlices()
}

func TestDeletionTakesTheSlices(t *testing.T) {
	routing := Routing{"mysql-1": AccessReadWrite}
	k := externalKit(t, &routing)
	k.settle()
	if err := k.api.Delete(t.Context(), k.get()); err != nil {
		t.Fatal(err)
	}
	k.pass()
	k.wantSlices()
}

func TestEachFamilyHasASlice(t *testing.T) {
	routing := Routing{"mysql-1": AccessReadWrite}
	k := externalKit(t, &routing)
	k.hosts["db.example.com"] = []string{"2001:db8::7", "::ffff:192.0.2.7"}
	k.settle()
	k.wantSlices("orders-readwrite to mysql-1 192.0.2.7:3307", "orders-readwrite to mysql-1 2001:db8::7:3307")
	k.hosts["db.example.com"] = []string{"2001:db8::7"}
	k.pass()
	k.wantSlices("orders-readwrite to mysql-1 2001:db8::7:3307")
}

func TestANameThatCannotBeLookedUpHasItsLastAddress(t *testing.T) {
	routing := Routing{"mysql-1": AccessReadWrite}
	k := externalKit(t, &routing)
	k.settle()
	k.hosts = nil
	k.pass()
	k.wantSlices("orders-readwrite to mysql-1 192.0.2.7:3307")
	c := k.wantCondition(v1alpha1.ConditionResourceReady, metav1.ConditionFalse, reasonExternalHost)
	if !strings.Contains(c.Message, "db.example.com of the external node mysql-1") || !strings.Contains(c.Message, "192.0.2.7") {
		t.Errorf("message: %s", c.Message)
	}
	// Another process has it from the slice.
	k.memories = newMemories[*set]()
	k.pass()
	if pod := k.lastPod("mysql-1"); len(pod.Addresses) != 1 || pod.Addresses[0].String() != "192.0.2.7" {
		t.Errorf("after a restart: %+v", pod)
	}
	// Of another host it is not the address.
	routing = Routing{}
	k.edit(func(o *set) { o.Spec.Replica[0].Host = "other.example.com" })
	k.pass()
	if pod := k.lastPod("mysql-1"); len(pod.Addresses) != 0 || !strings.Contains(pod.Unresolved, "other.example.com") {
		t.Errorf("another host: %+v", pod)
	}
}

func TestHostsThatNoServiceCanLeadTo(t *testing.T) {
	for name, test := range map[string]struct {
		addresses []string
		want      string
	}{
		"two servers":        {[]string{"192.0.2.8", "192.0.2.7"}, "192.0.2.7 and 192.0.2.8, which may be two servers"},
		"two of IPv6":        {[]string{"2001:db8::1", "192.0.2.7", "2001:db8::2"}, "2001:db8::1 and 2001:db8::2"},
		"loopback":           {[]string{"127.0.0.1"}, "127.0.0.1 is a loopback address"},
		"loopback, IPv6":     {[]string{"192.0.2.7", "::1"}, "::1 is a loopback address"},
		"link-local":         {[]string{"169.254.1.1"}, "169.254.1.1 is a link-local address"},
		"link-local, mapped": {[]string{"::ffff:169.254.1.1"}, "169.254.1.1 is a link-local address"},
		"link-local, IPv6":   {[]string{"fe80::1"}, "fe80::1 is a link-local address"},
		"unspecified":        {[]string{"0.0.0.0"}, "0.0.0.0 is the unspecified address"},
		"nothing":            {nil, "DNS has no address for it"},
	} {
		t.Run(name, func(t *testing.T) {
			routing := Routing{}
			k := externalKit(t, &routing)
			k.hosts["db.example.com"] = test.addresses
			k.pass()
			if pod := k.lastPod("mysql-1"); len(pod.Addresses) != 0 || !strings.Contains(pod.Unresolved, test.want) {
				t.Errorf("the planner sees %+v", pod)
			}
			c := k.wantCondition(v1alpha1.ConditionResourceReady, metav1.ConditionFalse, reasonExternalHost)
			if !strings.Contains(c.Message, test.want) {
				t.Errorf("message: %s", c.Message)
			}
		})
	}
	t.Run("an address needs no DNS", func(t *testing.T) {
		routing := Routing{"mysql-1": AccessReadWrite}
		k := externalKit(t, &routing)
		k.hosts = nil
		k.edit(func(o *set) { o.Spec.Replica[0].Host = "2001:db8::9" })
		k.settle()
		k.wantSlices("orders-readwrite to mysql-1 2001:db8::9:3307")
	})
}

// A slice belongs to its Service by name: one that somebody else made gets none.
func TestAServiceOfOthersGetsNoSlices(t *testing.T) {
	theirs := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: testNamespace, Name: "orders-readwrite", UID: "u-theirs"}}
	routing := Routing{"mysql-1": AccessReadWrite}
	k := externalKit(t, &routing, theirs)
	k.settle()
	k.wantSlices()
	k.wantCondition(v1alpha1.ConditionResourceReady, metav1.ConditionFalse, reasonServiceNotOwned)

	// It may come later.
	k = externalKit(t, &routing)
	k.settle()
	service := &corev1.Service{}
	if err := k.api.Get(t.Context(), types.NamespacedName{Namespace: testNamespace, Name: "orders-readwrite"}, service); err != nil {
		t.Fatal(err)
	}
	service.OwnerReferences = nil
	if err := k.api.Update(t.Context(), service); err != nil {
		t.Fatal(err)
	}
	k.pass()
	k.wantSlices()
}

func TestASliceOfOthersIsLeftAlone(t *testing.T) {
	want := kube.SliceWant{Service: "orders-readwrite", Node: "mysql-1", PortName: "mysql", Port: 1, Address: netip.MustParseAddr("192.0.2.99")}
	theirs := kube.EndpointSliceFor(kube.Owner{Namespace: testNamespace, Name: "nobody"}, want)
	theirs.OwnerReferences = nil
	routing := Routing{"mysql-1": AccessReadWrite}
	k := externalKit(t, &routing, theirs)
	k.settle()
	k.wantSlices("orders-readwrite to mysql-1 192.0.2.99:1")
	c := k.wantCondition(v1alpha1.ConditionResourceReady, metav1.ConditionFalse, reasonLabelsFailed)
	if !strings.Contains(c.Message, kube.ErrSliceNotOwned.Error()) {
		t.Errorf("message: %s", c.Message)
	}
}

// The cache can lag behind what this process has written.
func TestWrittenSlicesCountBeforeTheCacheHasThem(t *testing.T) {
	routing := Routing{"mysql-1": AccessReadWrite}
	k := externalKit(t, &routing)
	k.frozenSlices = &discoveryv1.EndpointSliceList{}
	k.settle()
	k.pass()
	k.wantJournal()
	if pod := k.lastPod("mysql-1"); pod.Readonly != "false" {
		t.Errorf("made: the planner sees %+v", pod)
	}

	k.frozenSlices = nil
	var list discoveryv1.EndpointSliceList
	if err := k.api.List(t.Context(), &list); err != nil {
		t.Fatal(err)
	}
	k.pass()
	k.frozenSlices = &list
	k.hosts["db.example.com"] = []string{"192.0.2.8"}
	k.pass()
	k.engine.journal = nil
	k.pass()
	k.wantJournal()
	k.wantSlices("orders-readwrite to mysql-1 192.0.2.8:3307")

	routing = Routing{"mysql-1": AccessNone}
	k.pass()
	k.engine.journal = nil
	k.pass()
	k.wantJournal()
	if pod := k.lastPod("mysql-1"); pod.Readonly != "" {
		t.Errorf("deleted: the planner sees %+v", pod)
	}
	k.frozenSlices = nil
	routing = Routing{"mysql-1": AccessReadWrite}
	k.pass()
	k.wantSlices("orders-readwrite to mysql-1 192.0.2.8:3307")
}

// What somebody else deletes or changes is put right.
func TestSlicesAreRepaired(t *testing.T) {
	routing := Routing{"mysql-1": AccessReadWrite}
	k := externalKit(t, &routing)
	k.settle()
	var list discoveryv1.EndpointSliceList
	if err := k.api.List(t.Context(), &list); err != nil {
		t.Fatal(err)
	}
	list.Items[0].Endpoints[0].Addresses = []string{"192.0.2.66"}
	if err := k.api.Update(t.Context(), &list.Items[0]); err != nil {
		t.Fatal(err)
	}
	k.pass()
	k.wantSlices("orders-readwrite to mysql-1 192.0.2.7:3307")
	if err := k.api.Delete(t.Context(), &list.Items[0]); err != nil {
		t.Fatal(err)
	}
	k.pass()
	k.wantSlices("orders-readwrite to mysql-1 192.0.2.7:3307")
}

func TestOneResourceToAnExternalServer(t *testing.T) {
	older := elsewhere()
	routing := Routing{"mysql-1": AccessReadWrite}
	k := externalKit(t, &routing, older)
	object := k.get()
	object.CreationTimestamp = metav1.NewTime(older.CreationTimestamp.Add(time.Hour))
	if err := k.api.Update(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	k.pass()
	k.wantSlices()
	c := k.wantCondition(v1alpha1.ConditionReady, metav1.ConditionFalse, reasonPodClaimed)
	if !strings.Contains(c.Message, "the server db.example.com:3307 of the external node mysql-1 belongs to MysqlReplication two/elsewhere") {
		t.Errorf("message: %s", c.Message)
	}
	// A pod of that name in another namespace, and another port, are nobody's business.
	if err := k.api.Delete(t.Context(), older); err != nil {
		t.Fatal(err)
	}
	k.pass()
	k.wantSlices("orders-readwrite to mysql-1 192.0.2.7:3307")
}

// elsewhere is a resource of another namespace, and older, whose source is the server
// that orders has as mysql-1.
func elsewhere() *set {
	older := newSet()
	older.Namespace, older.Name, older.UID = "two", "elsewhere", "u-elsewhere"
	older.CreationTimestamp = metav1.NewTime(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	outside(older, "DB.example.com.", "mysql-0")
	older.Spec.Source.Port = 3307
	return older
}

// A resource that leads clients to an external server keeps it when the operator restarts,
// whoever is older and comes first.
func TestAnExternalServerStaysWithWhoLeadsToIt(t *testing.T) {
	routing := Routing{"mysql-1": AccessReadWrite}
	k := externalKit(t, &routing)
	object := k.get()
	object.CreationTimestamp = metav1.NewTime(elsewhere().CreationTimestamp.Add(time.Hour))
	if err := k.api.Update(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	k.settle()
	k.wantSlices("orders-readwrite to mysql-1 192.0.2.7:3307")
	if err := k.api.Create(t.Context(), elsewhere()); err != nil {
		t.Fatal(err)
	}
	k.memories, k.claims = newMemories[*set](), NewClaims()
	k.claims.know(k.claiming())
	other := client.ObjectKeyFromObject(elsewhere())
	server := types.NamespacedName{Name: "db.example.com:3307"}
	k.passOver(t.Context(), other)
	if by, held := k.claims.holder(server); held {
		t.Errorf("%v has taken it", by)
	}
	k.pass()
	k.wantSlices("orders-readwrite to mysql-1 192.0.2.7:3307")
	k.wantCondition(v1alpha1.ConditionResourceReady, metav1.ConditionTrue, reasonResourcesReady)

	// Once it is let go of, the other one has it.
	routing = Routing{}
	k.edit(func(o *set) { o.Spec.Replica = nil })
	k.pass()
	k.passOver(t.Context(), other)
	if by, _ := k.claims.holder(server); by.key != other {
		t.Errorf("it is of %v", by)
	}
}

// An external node that left a resource is not touched by it once it is another one's.
func TestAnExternalNodeThatWasGivenAwayIsLeftAlone(t *testing.T) {
	routing := Routing{}
	k := externalKit(t, &routing)
	k.engine.leavingOutside = []ExternalNode{{Name: "mysql-9", Host: "nine.example.com", Port: 3306}}
	k.engine.plan = func(Scene[*set], int) testPlan {
		return testPlan{
			Conditions: topology(metav1.ConditionTrue, "Replicating", ""),
			Steps:      []Step{{Name: "fence-old-source", Optional: true, Actions: []Action{do("fence", "mysql-9")}}},
		}
	}
	k.pass()
	if !slices.Contains(k.engine.journal, "act fence mysql-9") {
		t.Errorf("nobody's yet, what happened: %q", k.engine.journal)
	}
	k.engine.journal = nil
	k.claims.take(claimant{k.engine.Kind(), types.NamespacedName{Namespace: "two", Name: "elsewhere"}}, []types.NamespacedName{{Name: "nine.example.com:3306"}})
	k.pass()
	k.wantJournal()
}

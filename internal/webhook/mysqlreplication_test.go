// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

type edit func(*v1alpha1.MysqlReplication)

// set makes a good semi-sync set: db-0 is the source, db-1 and db-2 replicate.
func set(name string, edits ...edit) *v1alpha1.MysqlReplication {
	obj := &v1alpha1.MysqlReplication{
		ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: name},
		Spec: v1alpha1.MysqlReplicationSpec{
			Mode:    v1alpha1.MysqlSemiSync,
			Secret:  v1alpha1.MysqlReplicationSecret{Name: "db", Mysql: "mysql", Replication: "replication"},
			Source:  &v1alpha1.Node{Name: "db-0", Host: "db-0.db.team.svc", Port: 3306},
			Replica: []v1alpha1.ReplicaNode{replica("db-1", "10.0.0.1"), replica("db-2", "fd00::2")},
		},
	}
	for _, edit := range edits {
		edit(obj)
	}
	return obj
}

func replica(name, host string) v1alpha1.ReplicaNode {
	return v1alpha1.ReplicaNode{Node: v1alpha1.Node{Name: name, Host: host, Port: 3306}}
}

func secured(tls v1alpha1.DatabaseTLS) edit {
	return func(o *v1alpha1.MysqlReplication) { o.Spec.TLS = &tls }
}

// waiting sets spec.semiSync; a timeout of zero is none.
func waiting(count int32, timeout time.Duration) edit {
	return func(o *v1alpha1.MysqlReplication) {
		o.Spec.SemiSync = &v1alpha1.MysqlSemiSyncSettings{WaitForReplicaCount: count}
		if timeout > 0 {
			o.Spec.SemiSync.Timeout = &metav1.Duration{Duration: timeout}
		}
	}
}

func TestStructuralRules(t *testing.T) {
	for name, test := range map[string]struct {
		edit edit
		want []string // each a part of the error at the same place; none: allowed
	}{
		"as it should be":   {edit: func(*v1alpha1.MysqlReplication) {}},
		"defaults left out": {edit: func(o *v1alpha1.MysqlReplication) { o.Spec.Mode, o.Spec.Secret.Mysql = "", "" }},
		"no source": {
			edit: func(o *v1alpha1.MysqlReplication) { o.Spec.Source = nil },
			want: []string{"spec.source: Required value: name the node that takes writes"},
		},
		"no name": {
			edit: func(o *v1alpha1.MysqlReplication) { o.Spec.Source.Name = "" },
			want: []string{"spec.source.name: Required value: name the pod"},
		},
		"capital letters in a name": {
			edit: func(o *v1alpha1.MysqlReplication) { o.Spec.Replica[1].Name = "Db-2" },
			want: []string{`spec.replica[1].name: Invalid value: "Db-2": must be the name of a pod`},
		},
		"a name that is too long": {
			edit: func(o *v1alpha1.MysqlReplication) { o.Spec.Source.Name = strings.Repeat("a", 254) },
			want: []string{"spec.source.name: Invalid value"},
		},
		"no host": {
			edit: func(o *v1alpha1.MysqlReplication) { o.Spec.Replica[0].Host = "" },
			want: []string{"spec.replica[0].host: Required value: give the IP address or DNS name"},
		},
		"a host with a scheme": {
			edit: func(o *v1alpha1.MysqlReplication) { o.Spec.Source.Host = "mysql://db-0" },
			want: []string{`spec.source.host: Invalid value: "mysql://db-0": must be an IP address or a DNS name, without a scheme or a port`},
		},
		"a host with a port": {
			edit: func(o *v1alpha1.MysqlReplication) { o.Spec.Source.Host = "db-0:3306" },
			want: []string{"spec.source.host: Invalid value"},
		},
		"a host with an underscore and a final dot": {
			edit: func(o *v1alpha1.MysqlReplication) { o.Spec.Source.Host = "db_0.Example." },
		},
		"port 0": {
			edit: func(o *v1alpha1.MysqlReplication) { o.Spec.Source.Port = 0 },
			want: []string{"spec.source.port: Invalid value: 0: must be between 1 and 65535"},
		},
		"port 65536": {
			edit: func(o *v1alpha1.MysqlReplication) { o.Spec.Replica[0].Port = 65536 },
			want: []string{"spec.replica[0].port: Invalid value: 65536"},
		},
		"the source is a replica as well": {
			edit: func(o *v1alpha1.MysqlReplication) { o.Spec.Replica[0].Name = "db-0" },
			want: []string{`spec.replica[0].name: Duplicate value: "db-0": spec.source.name has it already; a pod is one node: remove one of the two`},
		},
		"a replica twice": {
			edit: func(o *v1alpha1.MysqlReplication) { o.Spec.Replica[1] = o.Spec.Replica[0] },
			want: []string{
				`spec.replica[1].name: Duplicate value: "db-1": spec.replica[0].name has it already`,
				`spec.replica[1].host: Duplicate value: "10.0.0.1:3306": spec.replica[0].host has it already; every node needs its own host and port`,
			},
		},
		"two servers on one host": {
			edit: func(o *v1alpha1.MysqlReplication) { o.Spec.Replica[1].Host, o.Spec.Replica[1].Port = "10.0.0.1", 3307 },
		},
		"an unknown mode": {
			edit: func(o *v1alpha1.MysqlReplication) { o.Spec.Mode = "rpl_sync" },
			want: []string{`spec.mode: Unsupported value: "rpl_sync": supported values: "rpl_async", "rpl_semi_sync"`},
		},
		"no Secret": {
			edit: func(o *v1alpha1.MysqlReplication) { o.Spec.Secret.Name = "" },
			want: []string{"spec.secret.name: Required value: name the Secret"},
		},
		"an unknown type of Service": {
			edit: func(o *v1alpha1.MysqlReplication) { o.Spec.Service = &v1alpha1.ServiceSpec{Type: "Headless"} },
			want: []string{`spec.service.type: Unsupported value: "Headless": supported values: "ClusterIP"`},
		},
		"ExternalName without a name": {
			edit: func(o *v1alpha1.MysqlReplication) { o.Spec.Service = &v1alpha1.ServiceSpec{Type: "ExternalName"} },
			want: []string{"spec.service.externalName: Required value: type ExternalName needs the DNS name to point at"},
		},
		"ExternalName with a name": {
			edit: func(o *v1alpha1.MysqlReplication) {
				o.Spec.Service = &v1alpha1.ServiceSpec{Type: "ExternalName", ExternalName: "db.example.com"}
			},
		},
		"an external node": {
			edit: func(o *v1alpha1.MysqlReplication) { o.Spec.Source.External = true },
		},
		"an external node at a loopback address": {
			edit: func(o *v1alpha1.MysqlReplication) {
				o.Spec.Replica[0].External, o.Spec.Replica[0].Host = true, "127.0.0.1"
			},
			want: []string{`spec.replica[0].host: Invalid value: "127.0.0.1": of an external node must not be a loopback or link-local address`},
		},
		"an external node at localhost": {
			edit: func(o *v1alpha1.MysqlReplication) { o.Spec.Source.External, o.Spec.Source.Host = true, "localhost" },
			want: []string{`spec.source.host: Invalid value: "localhost": of an external node`},
		},
		"an external node at a link-local address": {
			edit: func(o *v1alpha1.MysqlReplication) { o.Spec.Source.External, o.Spec.Source.Host = true, "fe80::1" },
			want: []string{`spec.source.host: Invalid value: "fe80::1": of an external node`},
		},
		"a pod at a loopback address": {
			edit: func(o *v1alpha1.MysqlReplication) { o.Spec.Source.Host = "127.0.0.1" },
		},
		"an unknown mode of TLS": {
			edit: secured(v1alpha1.DatabaseTLS{Mode: "always"}),
			want: []string{`spec.tls.mode: Unsupported value: "always": supported values: "disable", "preferred", "required", "verify-ca", "verify-full"`},
		},
		"verify-ca without a Secret": {
			edit: secured(v1alpha1.DatabaseTLS{Mode: v1alpha1.TLSVerifyCA}),
			want: []string{"spec.tls.secretName: Required value: mode verify-ca needs the Secret with the CA under ca.crt; set it or use required"},
		},
		"verify-full with a Secret":    {edit: secured(v1alpha1.DatabaseTLS{Mode: v1alpha1.TLSVerifyFull, SecretName: "tls"})},
		"required without a Secret":    {edit: secured(v1alpha1.DatabaseTLS{Mode: v1alpha1.TLSRequired})},
		"TLS of which nothing is said": {edit: secured(v1alpha1.DatabaseTLS{})},
		"a certificate file without its key": {
			edit: secured(v1alpha1.DatabaseTLS{Mode: v1alpha1.TLSRequired, ServerFiles: &v1alpha1.DatabaseTLSFiles{Cert: "/tls/tls.crt"}}),
			want: []string{"spec.tls.serverFiles.key: Required value: cert and key belong together"},
		},
		"as many acknowledgements as replicas": {edit: waiting(2, 0)},
		"more acknowledgements than replicas": {
			edit: waiting(3, 0),
			want: []string{"spec.semiSync.waitForReplicaCount: Invalid value: 3: spec.replica has 2 node(s) that are not isolated, so that every commit would wait for ever: lower it, or add or return replicas"},
		},
		"as many acknowledgements as replicas, one of them isolated": {
			edit: func(o *v1alpha1.MysqlReplication) { waiting(2, 0)(o); o.Spec.Replica[0].Isolated = true },
			want: []string{"spec.semiSync.waitForReplicaCount: Invalid value: 2: spec.replica has 1 node(s)"},
		},
		"more acknowledgements than replicas in asynchronous mode": {
			edit: func(o *v1alpha1.MysqlReplication) { waiting(3, 0)(o); o.Spec.Mode = v1alpha1.MysqlAsync },
		},
		"one acknowledgement and no replica": {
			edit: func(o *v1alpha1.MysqlReplication) { waiting(1, 0)(o); o.Spec.Replica = nil },
		},
		"no acknowledgement": {
			edit: waiting(-1, 0),
			want: []string{"spec.semiSync.waitForReplicaCount: Invalid value: -1: must be 1 or more"},
		},
		"the shortest timeout": {edit: waiting(1, 5*time.Second)},
		"a timeout that is too short": {
			edit: waiting(1, 4999*time.Millisecond),
			want: []string{`spec.semiSync.timeout: Invalid value: "4.999s": must be 5s or more: a replica that is pointed at a new source may need that long`},
		},
		"two mistakes": {
			edit: func(o *v1alpha1.MysqlReplication) { o.Spec.Source.Port, o.Spec.Replica[1].Host = 0, "a b" },
			want: []string{"spec.source.port", "spec.replica[1].host"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			errs := ValidateMysqlReplication(&set("one", test.edit).Spec)
			if len(errs) != len(test.want) {
				t.Fatalf("got %v, want %d error(s)", errs, len(test.want))
			}
			for i, want := range test.want {
				if got := errs[i].Error(); !strings.HasPrefix(got, want) {
					t.Errorf("got  %s\nwant %s…", got, want)
				}
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	isolate := func(n int) edit {
		return func(o *v1alpha1.MysqlReplication) {
			for i := range n {
				o.Spec.Replica[i].Isolated = true
			}
		}
	}
	async := func(o *v1alpha1.MysqlReplication) { o.Spec.Mode = v1alpha1.MysqlAsync }
	alone := func(o *v1alpha1.MysqlReplication) { o.Spec.Replica = nil }
	for name, test := range map[string]struct {
		obj  *v1alpha1.MysqlReplication
		want []string
	}{
		"two replicas":                   {obj: set("one")},
		"a Secret that is used":          {obj: set("one", secured(v1alpha1.DatabaseTLS{Mode: v1alpha1.TLSRequired, SecretName: "tls"}))},
		"a Secret that is not used":      {obj: set("one", secured(v1alpha1.DatabaseTLS{SecretName: "tls"})), want: []string{"spec.tls.mode is preferred: secretName and serverFiles are not used"}},
		"semi-sync, one of two isolated": {obj: set("one", isolate(1)), want: []string{"spec.mode is rpl_semi_sync and spec.replica has 1 node(s)"}},
		"async, one of two isolated":     {obj: set("one", isolate(1), async)},
		"async, all isolated":            {obj: set("one", isolate(2), async), want: []string{"spec.replica has isolated nodes only"}},
		"ExternalName, an external node": {obj: set("one", func(o *v1alpha1.MysqlReplication) {
			o.Spec.Service = &v1alpha1.ServiceSpec{Type: "ExternalName", ExternalName: "db.example.com"}
			o.Spec.Source.External = true
		}), want: []string{"spec.service.type is ExternalName"}},
		"as many acknowledgements as replicas": {obj: set("one", waiting(2, 0)), want: []string{"spec.semiSync.waitForReplicaCount is 2 and spec.replica has 2 node(s) that are not isolated: when one replica is away, and after a failover, commits wait until it is back; have 3 or more"}},
		"a timeout":                            {obj: set("one", waiting(1, time.Minute)), want: []string{"spec.semiSync.timeout is 1m0s: a commit that too few replicas have received by then is acknowledged all the same, and a failover can lose it"}},
		"settings without the mode":            {obj: set("one", waiting(1, 0), async), want: []string{"spec.semiSync is given and spec.mode is not rpl_semi_sync"}},
		"async, no replicas":                   {obj: set("one", alone, async), want: []string{"spec.replica is empty"}},
		"semi-sync, no replicas":               {obj: set("one", alone), want: []string{"spec.replica is empty", "spec.mode is rpl_semi_sync and spec.replica has 0"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := WarnMysqlReplication(&test.obj.Spec)
			if len(got) != len(test.want) {
				t.Fatalf("got %q, want %d warning(s)", got, len(test.want))
			}
			for i, want := range test.want {
				if !strings.HasPrefix(got[i], want) {
					t.Errorf("got %q, want %q…", got[i], want)
				}
			}
		})
	}
}

// validator knows the given resources.
func validator(t *testing.T, existing ...client.Object) *Validator[*v1alpha1.MysqlReplication] {
	t.Helper()
	return &Validator[*v1alpha1.MysqlReplication]{Reader: knowing(t, existing...), rules: mysqlReplication}
}

// knowing reads the given resources.
func knowing(t *testing.T, existing ...client.Object) client.Reader {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(existing...).Build()
}

func others(hosts string) edit {
	return func(o *v1alpha1.MysqlReplication) {
		o.Spec.Source.Name, o.Spec.Source.Host = hosts+"-0", hosts+"-0"
		o.Spec.Replica = []v1alpha1.ReplicaNode{replica(hosts+"-1", hosts+"-1"), replica(hosts+"-2", hosts+"-2")}
	}
}

func with(name string) edit {
	return func(o *v1alpha1.MysqlReplication) { o.Spec.Replica = append(o.Spec.Replica, replica(name, name)) }
}

func outside(name string) edit {
	return func(o *v1alpha1.MysqlReplication) {
		for i := range o.Spec.Replica {
			o.Spec.Replica[i].External = o.Spec.Replica[i].External || o.Spec.Replica[i].Name == name
		}
	}
}

func TestClaimsOnCreate(t *testing.T) {
	for name, test := range map[string]struct {
		existing []client.Object
		obj      *v1alpha1.MysqlReplication
		want     string
	}{
		"nothing else": {obj: set("one")},
		"other pods":   {existing: []client.Object{set("two", others("x"))}, obj: set("one")},
		"another's source as a replica": {
			existing: []client.Object{set("two", others("x"))}, obj: set("one", with("x-0")),
			want: `spec.replica[2].name: Forbidden: pod "x-0" belongs to MysqlReplication "two" of this namespace; a pod can be in one set only: ` +
				`remove it from the spec of MysqlReplication "two", or delete that, and try again`,
		},
		"another's replica as the source": {
			existing: []client.Object{set("two", others("x"), with("db-0"))}, obj: set("one"),
			want: `spec.source.name: Forbidden: pod "db-0" belongs to MysqlReplication "two"`,
		},
		"another's isolated replica": {
			existing: []client.Object{set("two", others("x"), with("db-1"), func(o *v1alpha1.MysqlReplication) { o.Spec.Replica[2].Isolated = true })},
			obj:      set("one"),
			want:     `spec.replica[0].name: Forbidden: pod "db-1" belongs to MysqlReplication "two"`,
		},
		"the same pod names in another namespace": {
			existing: []client.Object{set("two", func(o *v1alpha1.MysqlReplication) { o.Namespace = "other" })}, obj: set("one"),
		},
		"another's external server": {
			existing: []client.Object{set("two", others("x"), outside("x-1"))}, obj: set("one", with("y-1"), outside("y-1"), func(o *v1alpha1.MysqlReplication) { o.Spec.Replica[2].Host = "X-1." }),
			want: `spec.replica[2].host: Forbidden: server x-1:3306 belongs to MysqlReplication "two" of this namespace; a server can be in one set only: ` +
				`remove it from the spec of MysqlReplication "two", or delete that, and try again`,
		},
		"another server on the same host": {
			existing: []client.Object{set("two", others("x"), outside("x-1"))}, obj: set("one", with("x-1"), outside("x-1"), func(o *v1alpha1.MysqlReplication) { o.Spec.Replica[2].Port = 3307 }),
		},
		"a pod of the name of another's external node": {
			existing: []client.Object{set("two", others("x"), with("db-1"), outside("db-1"))}, obj: set("one"),
		},
		"another that is being deleted": {
			existing: []client.Object{set("two", func(o *v1alpha1.MysqlReplication) {
				now := metav1.Now()
				o.DeletionTimestamp, o.Finalizers = &now, []string{"upm.syntropycloud.io/x"}
			})},
			obj: set("one"),
		},
		"a structural mistake is refused too": {
			obj:  set("one", func(o *v1alpha1.MysqlReplication) { o.Spec.Source.Port = 0 }),
			want: "spec.source.port: Invalid value: 0",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := validator(t, test.existing...).ValidateCreate(t.Context(), test.obj)
			check(t, err, test.want)
		})
	}
}

func TestUpdateRefusesOnlyNewMistakes(t *testing.T) {
	badHost := func(o *v1alpha1.MysqlReplication) { o.Spec.Replica[1].Host = "a b" }
	async := func(o *v1alpha1.MysqlReplication) { o.Spec.Mode = v1alpha1.MysqlAsync }
	switchover := func(o *v1alpha1.MysqlReplication) {
		source, candidate := *o.Spec.Source, o.Spec.Replica[0].Node
		o.Spec.Source, o.Spec.Replica[0].Node = &candidate, source
	}
	conflict := set("two", others("x"), with("db-0"))
	for name, test := range map[string]struct {
		existing     []client.Object
		old, updated *v1alpha1.MysqlReplication
		want         string
	}{
		"a switchover":                       {old: set("one"), updated: set("one", switchover)},
		"a new mistake":                      {old: set("one"), updated: set("one", badHost), want: `spec.replica[1].host: Invalid value: "a b"`},
		"an old mistake":                     {old: set("one", badHost), updated: set("one", badHost, async)},
		"an old mistake that has moved":      {old: set("one", badHost), updated: set("one", badHost, func(o *v1alpha1.MysqlReplication) { o.Spec.Replica = o.Spec.Replica[1:] })},
		"an old mistake made a second time":  {old: set("one", badHost), updated: set("one", badHost, func(o *v1alpha1.MysqlReplication) { o.Spec.Replica[0].Host = "a b" }), want: `Invalid value: "a b"`},
		"an old mistake mended":              {old: set("one", badHost), updated: set("one")},
		"another mistake beside an old one":  {old: set("one", badHost), updated: set("one", badHost, func(o *v1alpha1.MysqlReplication) { o.Spec.Source.Port = 0 }), want: "spec.source.port: Invalid value: 0"},
		"a pod that another set names":       {existing: []client.Object{set("two", others("x"))}, old: set("one"), updated: set("one", with("x-1")), want: `pod "x-1" belongs to MysqlReplication "two"`},
		"an old conflict, and a switchover":  {existing: []client.Object{conflict}, old: set("one"), updated: set("one", switchover)},
		"an old conflict, and a further one": {existing: []client.Object{conflict}, old: set("one"), updated: set("one", with("x-2")), want: `pod "x-2" belongs to MysqlReplication "two"`},
		"its own pods":                       {existing: []client.Object{set("one")}, old: set("one"), updated: set("one", async)},
		"nothing of the spec": {
			old: set("one", badHost), updated: set("one", badHost, func(o *v1alpha1.MysqlReplication) { o.Labels = map[string]string{"a": "b"} }),
		},
		"a finalizer of an object on its way out": {
			old: set("one"), updated: set("one", badHost, func(o *v1alpha1.MysqlReplication) { now := metav1.Now(); o.DeletionTimestamp = &now }),
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := validator(t, test.existing...).ValidateUpdate(t.Context(), test.old, test.updated)
			check(t, err, test.want)
		})
	}
}

func TestWarningsComeWithChangesOfTheSpecOnly(t *testing.T) {
	alone := func(o *v1alpha1.MysqlReplication) { o.Spec.Replica = nil }
	v := validator(t)
	if warnings, err := v.ValidateCreate(t.Context(), set("one", alone)); err != nil || len(warnings) != 2 {
		t.Errorf("create: %q, %v", warnings, err)
	}
	if warnings, err := v.ValidateUpdate(t.Context(), set("one"), set("one", alone)); err != nil || len(warnings) != 2 {
		t.Errorf("update of the spec: %q, %v", warnings, err)
	}
	if warnings, err := v.ValidateUpdate(t.Context(), set("one", alone), set("one", alone)); err != nil || len(warnings) != 0 {
		t.Errorf("update of something else: %q, %v", warnings, err)
	}
	if warnings, err := v.ValidateDelete(t.Context(), set("one", alone)); err != nil || len(warnings) != 0 {
		t.Errorf("delete: %q, %v", warnings, err)
	}
}

func TestAnEditPassesWhenTheOthersCannotBeListed(t *testing.T) {
	v := &Validator[*v1alpha1.MysqlReplication]{rules: mysqlReplication, Reader: interceptor.NewClient(fake.NewClientBuilder().Build(), interceptor.Funcs{
		List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error {
			return errors.New("the cache is not there")
		},
	})}
	warnings, err := v.ValidateCreate(t.Context(), set("one"))
	if err != nil {
		t.Error(err)
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], "could not be checked") {
		t.Errorf("warnings %q", warnings)
	}
}

// check compares an admission error with a part of the expected message; "" means allowed.
func check(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "":
		if err != nil {
			t.Errorf("refused: %v", err)
		}
	case err == nil:
		t.Errorf("allowed; want %q", want)
	case !apierrors.IsInvalid(err):
		t.Errorf("not the API server's kind of refusal: %v", err)
	case !strings.Contains(err.Error(), want):
		t.Errorf("got  %v\nwant …%s…", err, want)
	}
}

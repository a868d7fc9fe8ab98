// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/upmio/compose-operator/api/v1alpha1"
)

func postgresNode(name string) v1alpha1.Node {
	return v1alpha1.Node{Name: name, Host: name + ".team.svc", Port: 5432}
}

// postgresSet makes a good set: p-0 is the primary, p-1 and p-2 are standbys.
func postgresSet(edits ...func(*v1alpha1.PostgresReplication)) *v1alpha1.PostgresReplication {
	primary := postgresNode("p-0")
	obj := &v1alpha1.PostgresReplication{
		ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "orders"},
		Spec: v1alpha1.PostgresReplicationSpec{
			Mode:    v1alpha1.PostgresAsync,
			Secret:  v1alpha1.PostgresReplicationSecret{Name: "postgres", Postgres: "postgres", Replication: "replication"},
			Primary: &primary,
			Standby: []v1alpha1.ReplicaNode{{Node: postgresNode("p-1")}, {Node: postgresNode("p-2")}},
		},
	}
	for _, edit := range edits {
		edit(obj)
	}
	return obj
}

func TestPostgresReplicationRules(t *testing.T) {
	type edit = func(*v1alpha1.PostgresReplication)
	for name, test := range map[string]struct {
		edit edit
		want []string // each a part of the error at the same place; none: allowed
	}{
		"as it should be": {edit: func(*v1alpha1.PostgresReplication) {}},
		"defaults left out": {edit: func(o *v1alpha1.PostgresReplication) {
			o.Spec.Mode, o.Spec.Secret = "", v1alpha1.PostgresReplicationSecret{Name: "postgres"}
		}},
		"synchronous": {edit: func(o *v1alpha1.PostgresReplication) {
			o.Spec.Mode, o.Spec.Synchronous = v1alpha1.PostgresSync, &v1alpha1.PostgresSyncSettings{NoStandby: v1alpha1.PostgresDegrade}
		}},
		"files on the servers": {edit: func(o *v1alpha1.PostgresReplication) {
			o.Spec.TLS = &v1alpha1.DatabaseTLS{Mode: v1alpha1.TLSRequired, ServerFiles: &v1alpha1.DatabaseTLSFiles{CA: "/ca"}}
		}},
		"no primary": {
			edit: func(o *v1alpha1.PostgresReplication) { o.Spec.Primary = nil },
			want: []string{"spec.primary: Required value: name the node that takes writes"},
		},
		"no secret": {
			edit: func(o *v1alpha1.PostgresReplication) { o.Spec.Secret.Name = "" },
			want: []string{"spec.secret.name: Required value: name the Secret that holds the passwords"},
		},
		"a node twice": {
			edit: func(o *v1alpha1.PostgresReplication) { o.Spec.Standby[0].Name = "p-0" },
			want: []string{`spec.standby[0].name: Duplicate value: "p-0": spec.primary.name has it already; a pod is one node: remove one of the two`},
		},
		"an address twice": {
			edit: func(o *v1alpha1.PostgresReplication) { o.Spec.Standby[1].Host = o.Spec.Standby[0].Host },
			want: []string{`spec.standby[1].host: Duplicate value: "p-1.team.svc:5432"`},
		},
		"an unknown mode": {
			edit: func(o *v1alpha1.PostgresReplication) { o.Spec.Mode = "rpl_semi_sync" },
			want: []string{`spec.mode: Unsupported value: "rpl_semi_sync": supported values: "rpl_async", "rpl_sync"`},
		},
		"an unknown policy": {
			edit: func(o *v1alpha1.PostgresReplication) {
				o.Spec.Synchronous = &v1alpha1.PostgresSyncSettings{NoStandby: "fail"}
			},
			want: []string{`spec.synchronous.noStandby: Unsupported value: "fail"`},
		},
		"verify-ca without a CA": {
			edit: func(o *v1alpha1.PostgresReplication) {
				o.Spec.TLS = &v1alpha1.DatabaseTLS{Mode: v1alpha1.TLSVerifyCA}
			},
			want: []string{"spec.tls.secretName: Required value"},
		},
		"ExternalName without a name": {
			edit: func(o *v1alpha1.PostgresReplication) {
				o.Spec.Service = &v1alpha1.ServiceSpec{Type: corev1.ServiceTypeExternalName}
			},
			want: []string{"spec.service.externalName: Required value"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			errs := ValidatePostgresReplication(&postgresSet(test.edit).Spec)
			if len(errs) != len(test.want) {
				t.Fatalf("got %v, want %d error(s)", errs, len(test.want))
			}
			for i, want := range test.want {
				if !strings.Contains(errs[i].Error(), want) {
					t.Errorf("got %q, want it to have %q", errs[i], want)
				}
			}
		})
	}
}

func TestPostgresReplicationWarnings(t *testing.T) {
	for name, test := range map[string]struct {
		edit func(*v1alpha1.PostgresReplication)
		want string // none: no warning
	}{
		"as it should be": {edit: func(*v1alpha1.PostgresReplication) {}},
		"synchronous":     {edit: func(o *v1alpha1.PostgresReplication) { o.Spec.Mode = v1alpha1.PostgresSync }},
		"no standbys":     {func(o *v1alpha1.PostgresReplication) { o.Spec.Standby = nil }, "spec.standby is empty: there is nothing to switch over to when the primary fails; add a standby"},
		"isolated only": {func(o *v1alpha1.PostgresReplication) {
			o.Spec.Standby[0].Isolated, o.Spec.Standby[1].Isolated = true, true
		}, "spec.standby has isolated nodes only"},
		"synchronous with one standby": {func(o *v1alpha1.PostgresReplication) {
			o.Spec.Mode, o.Spec.Standby[0].Isolated = v1alpha1.PostgresSync, true
		}, "spec.standby has 1 node(s) that are not isolated: when one standby is away, commits wait"},
		"synchronous, degrading": {func(o *v1alpha1.PostgresReplication) {
			o.Spec.Mode, o.Spec.Synchronous = v1alpha1.PostgresSync, &v1alpha1.PostgresSyncSettings{NoStandby: v1alpha1.PostgresDegrade}
		}, "spec.synchronous.noStandby is degrade: what is acknowledged while no standby streams is on the primary alone"},
		"settings without the mode": {func(o *v1alpha1.PostgresReplication) {
			o.Spec.Synchronous = &v1alpha1.PostgresSyncSettings{}
		}, "spec.synchronous is given and spec.mode is not rpl_sync"},
		"an external node and ExternalName": {func(o *v1alpha1.PostgresReplication) {
			o.Spec.Standby[0].External, o.Spec.Service = true, &v1alpha1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "pg.example.com"}
		}, "use another type for Services that follow the primary"},
		"a TLS secret that is not read": {func(o *v1alpha1.PostgresReplication) {
			o.Spec.TLS = &v1alpha1.DatabaseTLS{SecretName: "tls"}
		}, "spec.tls.mode is preferred: secretName and serverFiles are not used"},
	} {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(WarnPostgresReplication(&postgresSet(test.edit).Spec), "\n")
			if !strings.Contains(got, test.want) || test.want == "" && got != "" {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestPostgresReplicationClaims: a pod of another kind's resource is refused, and an old
// mistake can be kept.
func TestPostgresReplicationClaims(t *testing.T) {
	other := redisSet(func(o *v1alpha1.RedisReplication) { o.Spec.Source.Name = "p-1" })
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	v := &Validator[*v1alpha1.PostgresReplication]{rules: postgresReplication, Reader: fake.NewClientBuilder().
		WithScheme(scheme).WithObjects(client.Object(other)).Build()}
	_, err := v.ValidateCreate(context.Background(), postgresSet())
	if err == nil || !strings.Contains(err.Error(), `pod "p-1" belongs to RedisReplication "cache"`) {
		t.Errorf("got %v", err)
	}
	broken := postgresSet(func(o *v1alpha1.PostgresReplication) { o.Spec.Secret.Name = "" })
	edited := broken.DeepCopy()
	edited.Spec.Mode = v1alpha1.PostgresSync
	if _, err := v.ValidateUpdate(context.Background(), broken, edited); err != nil {
		t.Errorf("an old mistake cannot be kept: %v", err)
	}
}

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

func redisNode(name string) v1alpha1.RedisNode {
	return v1alpha1.RedisNode{Node: v1alpha1.Node{Name: name, Host: name + ".team.svc", Port: 6379}}
}

// redisSet makes a good set: r-0 is the source, r-1 and r-2 replicate.
func redisSet(edits ...func(*v1alpha1.RedisReplication)) *v1alpha1.RedisReplication {
	source := redisNode("r-0")
	obj := &v1alpha1.RedisReplication{
		ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "cache"},
		Spec: v1alpha1.RedisReplicationSpec{
			Secret:  v1alpha1.RedisReplicationSecret{Name: "redis", Redis: "redis"},
			Source:  &source,
			Replica: []v1alpha1.RedisReplicaNode{{RedisNode: redisNode("r-1")}, {RedisNode: redisNode("r-2")}},
		},
	}
	for _, edit := range edits {
		edit(obj)
	}
	return obj
}

func TestRedisReplicationRules(t *testing.T) {
	type edit = func(*v1alpha1.RedisReplication)
	for name, test := range map[string]struct {
		edit edit
		want []string // each a part of the error at the same place; none: allowed
	}{
		"as it should be":   {edit: func(*v1alpha1.RedisReplication) {}},
		"defaults left out": {edit: func(o *v1alpha1.RedisReplication) { o.Spec.Secret.Redis = "" }},
		"announced": {edit: func(o *v1alpha1.RedisReplication) {
			o.Spec.Source.AnnounceHost, o.Spec.Source.AnnouncePort = "203.0.113.7", 30379
		}},
		"sentinels":   {edit: func(o *v1alpha1.RedisReplication) { o.Spec.Sentinel = []string{"s-0", "s-1", "s-2"} }},
		"an ACL user": {edit: func(o *v1alpha1.RedisReplication) { o.Spec.Secret.User = "replicator" }},
		"no source": {
			edit: func(o *v1alpha1.RedisReplication) { o.Spec.Source = nil },
			want: []string{"spec.source: Required value: name the node that takes writes"},
		},
		"no secret": {
			edit: func(o *v1alpha1.RedisReplication) { o.Spec.Secret.Name = "" },
			want: []string{"spec.secret.name: Required value: name the Secret that holds the password"},
		},
		"a user with a space": {
			edit: func(o *v1alpha1.RedisReplication) { o.Spec.Secret.User = "a b" },
			want: []string{`spec.secret.user: Invalid value: "a b": an ACL user's name has no spaces`},
		},
		"a node twice": {
			edit: func(o *v1alpha1.RedisReplication) { o.Spec.Replica[0].Name = "r-0" },
			want: []string{`spec.replica[0].name: Duplicate value: "r-0": spec.source.name has it already; a pod is one node: remove one of the two`},
		},
		"an address twice": {
			edit: func(o *v1alpha1.RedisReplication) { o.Spec.Replica[1].Host = o.Spec.Replica[0].Host },
			want: []string{`spec.replica[1].host: Duplicate value: "r-1.team.svc:6379"`},
		},
		"an announced host with a scheme": {
			edit: func(o *v1alpha1.RedisReplication) { o.Spec.Replica[0].AnnounceHost = "redis://a" },
			want: []string{"spec.replica[0].announceHost: Invalid value"},
		},
		"two nodes announced under one address": {
			edit: func(o *v1alpha1.RedisReplication) {
				o.Spec.Source.AnnounceHost, o.Spec.Replica[0].AnnounceHost = "10.0.0.1", "10.0.0.1"
			},
			want: []string{"spec.replica[0].announceHost: Duplicate value"},
		},
		"an announced port": {
			edit: func(o *v1alpha1.RedisReplication) { o.Spec.Source.AnnouncePort = 70000 },
			want: []string{"spec.source.announcePort: Invalid value: 70000: must be between 1 and 65535, or left out"},
		},
		"a sentinel twice": {
			edit: func(o *v1alpha1.RedisReplication) { o.Spec.Sentinel = []string{"s-0", "s-0"} },
			want: []string{`spec.sentinel[1]: Duplicate value: "s-0": spec.sentinel[0] has it already`},
		},
		"a sentinel that is a data node": {
			edit: func(o *v1alpha1.RedisReplication) { o.Spec.Sentinel = []string{"r-1"} },
			want: []string{`spec.sentinel[0]: Duplicate value: "r-1": spec.replica[0].name has it already`},
		},
		"a sentinel that is no pod": {
			edit: func(o *v1alpha1.RedisReplication) { o.Spec.Sentinel = []string{"S_0"} },
			want: []string{`spec.sentinel[0]: Invalid value: "S_0": must be the name of a pod that runs Sentinel`},
		},
		"an unknown policy": {
			edit: func(o *v1alpha1.RedisReplication) { o.Spec.RejoinPolicy = "Clone" },
			want: []string{`spec.rejoinPolicy: Unsupported value: "Clone"`},
		},
		"verify-ca without a CA": {
			edit: func(o *v1alpha1.RedisReplication) { o.Spec.TLS = &v1alpha1.DatabaseTLS{Mode: v1alpha1.TLSVerifyCA} },
			want: []string{"spec.tls.secretName: Required value"},
		},
		"files on the servers": {
			edit: func(o *v1alpha1.RedisReplication) {
				o.Spec.TLS = &v1alpha1.DatabaseTLS{Mode: v1alpha1.TLSRequired, ServerFiles: &v1alpha1.DatabaseTLSFiles{CA: "/ca"}}
			},
			want: []string{"spec.tls.serverFiles: Forbidden: is not used with Redis"},
		},
		"ExternalName without a name": {
			edit: func(o *v1alpha1.RedisReplication) {
				o.Spec.Service = &v1alpha1.ServiceSpec{Type: corev1.ServiceTypeExternalName}
			},
			want: []string{"spec.service.externalName: Required value"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			errs := ValidateRedisReplication(&redisSet(test.edit).Spec)
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

func TestRedisReplicationWarnings(t *testing.T) {
	for name, test := range map[string]struct {
		edit func(*v1alpha1.RedisReplication)
		want string // none: no warning
	}{
		"as it should be": {edit: func(*v1alpha1.RedisReplication) {}},
		"no replicas":     {func(o *v1alpha1.RedisReplication) { o.Spec.Replica = nil }, "spec.replica is empty"},
		"isolated only": {func(o *v1alpha1.RedisReplication) {
			o.Spec.Replica[0].Isolated, o.Spec.Replica[1].Isolated = true, true
		}, "spec.replica has isolated nodes only"},
		"Resync":    {func(o *v1alpha1.RedisReplication) { o.Spec.RejoinPolicy = v1alpha1.RedisRejoinResync }, "is thrown away without a further question"},
		"preferred": {func(o *v1alpha1.RedisReplication) { o.Spec.TLS = &v1alpha1.DatabaseTLS{Mode: v1alpha1.TLSPreferred} }, "so that none is used"},
		"isolated with Sentinel": {func(o *v1alpha1.RedisReplication) {
			o.Spec.Sentinel, o.Spec.Replica[0].Isolated = []string{"s-0"}, true
		}, "Sentinel decides who replicates"},
	} {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(WarnRedisReplication(&redisSet(test.edit).Spec), "\n")
			if !strings.Contains(got, test.want) || test.want == "" && got != "" {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestRedisReplicationClaims: a pod of another kind's resource is refused, and an old
// mistake can be kept.
func TestRedisReplicationClaims(t *testing.T) {
	other := set("mysql", func(o *v1alpha1.MysqlReplication) { o.Spec.Source.Name = "r-1" })
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	v := &Validator[*v1alpha1.RedisReplication]{rules: redisReplication, Reader: fake.NewClientBuilder().
		WithScheme(scheme).WithObjects(client.Object(other)).Build()}
	_, err := v.ValidateCreate(context.Background(), redisSet())
	if err == nil || !strings.Contains(err.Error(), `pod "r-1" belongs to MysqlReplication "mysql"`) {
		t.Errorf("got %v", err)
	}
	broken := redisSet(func(o *v1alpha1.RedisReplication) { o.Spec.Secret.Name = "" })
	edited := broken.DeepCopy()
	edited.Spec.RejoinPolicy = v1alpha1.RedisRejoinResync
	if _, err := v.ValidateUpdate(context.Background(), broken, edited); err != nil {
		t.Errorf("an old mistake cannot be kept: %v", err)
	}
}

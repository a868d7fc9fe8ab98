// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package live

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/credential/aesctr"
	"github.com/upmio/compose-operator/test/e2e/kit"
)

const (
	mysqlPort = 3306
	// The users of the servers. Their names are keys of the Secret as well.
	mysqlAdmin      = "mysql"
	mysqlReplicator = "replication"
	// serversTimeout for pulling the image and starting the pods.
	serversTimeout = 3 * time.Minute
)

// mysqlServers of the test of a kind.
type mysqlServers struct {
	*run
	// conf is what the servers have beside the image's own configuration.
	conf string
	// prepare a pod further; nil: nothing.
	prepare func(*corev1.PodSpec)
}

// object is the name of a Secret or ConfigMap of this test.
func (t *mysqlServers) object(what string) string { return t.name + "-" + what }

// pod is the name of the i-th one.
func (t *mysqlServers) pod(i int) string { return t.name + "-" + strconv.Itoa(i) }

// node is how the operator reaches the i-th pod: a name that stays when its IP changes.
func (t *mysqlServers) node(i int) v1alpha1.Node {
	return v1alpha1.Node{Name: t.pod(i), Host: t.pod(i) + "." + t.domain(), Port: mysqlPort}
}

// domain that the DNS names of the pods are below.
func (t *mysqlServers) domain() string { return fmt.Sprintf("%s.%s.svc", t.name, t.Namespace) }

// start brings up so many fresh MySQL pods: nothing replicates yet.
func (t *mysqlServers) start(ctx context.Context, count int) error {
	if err := t.passwords(ctx); err != nil {
		return err
	}
	err := t.create(ctx,
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: t.object("conf")}, Data: map[string]string{"my.cnf": "[mysqld]\n" + t.conf}},
		&corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Name: t.name},
			Spec: corev1.ServiceSpec{
				ClusterIP: corev1.ClusterIPNone, PublishNotReadyAddresses: true, Selector: t.labels(),
				Ports: []corev1.ServicePort{{Name: "mysql", Port: mysqlPort, TargetPort: intstr.FromInt32(mysqlPort)}},
			},
		})
	if err != nil {
		return err
	}
	names := []string{}
	for i := range count {
		spec := kit.MySQLPod(t.MySQLImage, t.object("users"), t.object("conf"))
		spec.Hostname, spec.Subdomain = t.pod(i), t.name
		spec.EnableServiceLinks = ptr.To(false)
		if t.prepare != nil {
			t.prepare(&spec)
		}
		spec.Volumes = append(spec.Volumes, corev1.Volume{Name: "data", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
		if err := t.create(ctx, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: t.pod(i)}, Spec: spec}); err != nil {
			return err
		}
		names = append(names, t.pod(i))
	}
	return t.waitPods(ctx, serversTimeout, names, "--mysql-image=NAME")
}

// credential is the spec's part that names the users and where their passwords are.
func (t *mysqlServers) credential() (v1alpha1.MysqlReplicationSecret, *v1alpha1.AESSecret) {
	// A key of the test's own: in the operator's namespace, too, the operator's stays as it is.
	return v1alpha1.MysqlReplicationSecret{Name: t.object("credentials"), Mysql: mysqlAdmin, Replication: mysqlReplicator},
		&v1alpha1.AESSecret{Name: t.object("aes"), Key: v1alpha1.DefaultAESSecretKey}
}

// passwords: those that the pods make their users with, and the same encrypted for
// the operator. They are new in each run and known to nobody else.
func (t *mysqlServers) passwords(ctx context.Context) error {
	key := []byte((rand.Text() + rand.Text())[:aesctr.KeySize])
	users, sealed := map[string][]byte{}, map[string][]byte{}
	for _, user := range []string{mysqlAdmin, mysqlReplicator} {
		users[user] = []byte(rand.Text())
		secret, err := aesctr.Encrypt(key, users[user])
		if err != nil {
			return fmt.Errorf("encrypt the password of %s: %w", user, err)
		}
		sealed[user] = secret
	}
	return t.create(ctx,
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: t.object("users")}, Data: users},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: t.object("aes")}, Data: map[string][]byte{v1alpha1.DefaultAESSecretKey: key}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: t.object("credentials")}, Data: sealed})
}

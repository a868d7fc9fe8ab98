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

// mysqlConf of the servers: what the operator needs and the semi-synchronous mode.
const mysqlConf = `[mysqld]
plugin_load_add=semisync_source.so
plugin_load_add=semisync_replica.so
`

// object is the name of a Secret or ConfigMap of this test.
func (t *mysqlReplication) object(what string) string { return t.name + "-" + what }

// pod is the name of the i-th one.
func (t *mysqlReplication) pod(i int) string { return t.name + "-" + strconv.Itoa(i) }

// node is how the operator reaches the i-th pod: a name that stays when its IP changes.
func (t *mysqlReplication) node(i int) v1alpha1.Node {
	return v1alpha1.Node{Name: t.pod(i), Host: fmt.Sprintf("%s.%s.%s.svc", t.pod(i), t.name, t.Namespace), Port: mysqlPort}
}

// servers brings up fresh MySQL pods: nothing replicates yet.
func (t *mysqlReplication) servers(ctx context.Context) error {
	if err := t.passwords(ctx); err != nil {
		return err
	}
	err := t.create(ctx,
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: t.object("conf")}, Data: map[string]string{"my.cnf": mysqlConf}},
		&corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Name: t.name},
			Spec: corev1.ServiceSpec{
				ClusterIP: corev1.ClusterIPNone, PublishNotReadyAddresses: true, Selector: t.run.labels(),
				Ports: []corev1.ServicePort{{Name: "mysql", Port: mysqlPort, TargetPort: intstr.FromInt32(mysqlPort)}},
			},
		})
	if err != nil {
		return err
	}
	names := []string{}
	for i := range 1 + len(t.resource.Spec.Replica) {
		spec := kit.MySQLPod(t.MySQLImage, t.object("users"), t.object("conf"))
		spec.Hostname, spec.Subdomain = t.pod(i), t.name
		spec.EnableServiceLinks = ptr.To(false)
		spec.Volumes = append(spec.Volumes, corev1.Volume{Name: "data", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
		if err := t.create(ctx, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: t.pod(i)}, Spec: spec}); err != nil {
			return err
		}
		names = append(names, t.pod(i))
	}
	return t.waitPods(ctx, serversTimeout, names, "--mysql-image=NAME")
}

// passwords: those that the pods make their users with, and the same encrypted for
// the operator. They are new in each run and known to nobody else.
func (t *mysqlReplication) passwords(ctx context.Context) error {
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

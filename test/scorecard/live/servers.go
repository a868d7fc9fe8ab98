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
)

// serversTimeout for pulling the image and starting the pods.
const serversTimeout = 3 * time.Minute

// servers of the test of a kind, whatever runs in their pods.
type servers struct {
	*run
	// database names the port of the pods.
	database string
	port     int32
	// users of the servers. Their names are keys of the Secret as well.
	users []string
	// passwords of the users, made when the pods are. One that is there before is kept.
	passwords map[string][]byte
	// files that the pods find beside the passwords of their users, made of these; nil: none.
	files func(passwords map[string][]byte) map[string][]byte
	// conf is what the servers have beside the image's own configuration, in a file of this name.
	conf, confFile string
	// spec of a pod that reads these: the Secret of the users' passwords and the ConfigMap.
	spec func(users, conf string) corev1.PodSpec
	// imageFlag is how another image is named.
	imageFlag string
}

// object is the name of a Secret or ConfigMap of this test.
func (t *servers) object(what string) string { return t.name + "-" + what }

// pod is the name of the i-th one.
func (t *servers) pod(i int) string { return t.name + "-" + strconv.Itoa(i) }

// node is how the operator reaches the i-th pod: a name that stays when its IP changes.
func (t *servers) node(i int) v1alpha1.Node {
	return v1alpha1.Node{Name: t.pod(i), Host: t.pod(i) + "." + t.domain(), Port: t.port}
}

// domain that the DNS names of the pods are below.
func (t *servers) domain() string { return fmt.Sprintf("%s.%s.svc", t.name, t.Namespace) }

// start brings up so many fresh pods: nothing replicates yet.
func (t *servers) start(ctx context.Context, count int) error {
	if err := t.writePasswords(ctx); err != nil {
		return err
	}
	err := t.create(ctx,
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: t.object("conf")}, Data: map[string]string{t.confFile: t.conf}},
		&corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Name: t.name},
			Spec: corev1.ServiceSpec{
				ClusterIP: corev1.ClusterIPNone, PublishNotReadyAddresses: true, Selector: t.labels(),
				Ports: []corev1.ServicePort{{Name: t.database, Port: t.port, TargetPort: intstr.FromInt32(t.port)}},
			},
		})
	if err != nil {
		return err
	}
	names := []string{}
	for i := range count {
		spec := t.spec(t.object("users"), t.object("conf"))
		spec.Hostname, spec.Subdomain = t.pod(i), t.name
		spec.EnableServiceLinks = ptr.To(false)
		spec.Volumes = append(spec.Volumes, corev1.Volume{Name: "data", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
		if err := t.create(ctx, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: t.pod(i)}, Spec: spec}); err != nil {
			return err
		}
		names = append(names, t.pod(i))
	}
	return t.waitPods(ctx, serversTimeout, names, t.imageFlag)
}

// aes names the key of the credentials. It is the test's own: in the operator's namespace,
// too, the operator's stays as it is.
func (t *servers) aes() *v1alpha1.AESSecret {
	return &v1alpha1.AESSecret{Name: t.object("aes"), Key: v1alpha1.DefaultAESSecretKey}
}

// writePasswords: those that the pods make their users with, and the same encrypted for
// the operator. They are new in each run and known to nobody else.
func (t *servers) writePasswords(ctx context.Context) error {
	key := []byte((rand.Text() + rand.Text())[:aesctr.KeySize])
	users, sealed := map[string][]byte{}, map[string][]byte{}
	if t.passwords == nil {
		t.passwords = map[string][]byte{}
	}
	for _, user := range t.users {
		if t.passwords[user] == nil {
			t.passwords[user] = []byte(rand.Text())
		}
		users[user] = t.passwords[user]
		secret, err := aesctr.Encrypt(key, users[user])
		if err != nil {
			return fmt.Errorf("encrypt the password of %s: %w", user, err)
		}
		sealed[user] = secret
	}
	if t.files != nil {
		users = t.files(users)
	}
	return t.create(ctx,
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: t.object("users")}, Data: users},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: t.object("aes")}, Data: map[string][]byte{v1alpha1.DefaultAESSecretKey: key}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: t.object("credentials")}, Data: sealed})
}

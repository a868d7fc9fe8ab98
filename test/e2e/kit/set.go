// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/credential/aesctr"
	"github.com/upmio/compose-operator/test/load"
)

// Users of a set. The operator's and the second one are also the keys of its Secret.
const (
	userAdmin       = "mysql"
	userReplication = "replication"
	userApplication = "app"
	// userOperator is the operator's, in a set with LeastPrivileges.
	userOperator = "operator"
)

// CredentialSecret holds the encrypted passwords that the operator reads.
const CredentialSecret = "mysql-credentials"

// Set is a StatefulSet of MySQL pods in a namespace, and the MysqlReplication
// over them when it was made.
type Set struct {
	Cluster   *Cluster
	Namespace string
	// Name of the MysqlReplication.
	Name string

	// operator is the user that the operator connects as.
	operator  string
	passwords map[string]string
	aesKey    []byte
	servers   serverCache
	disks     disks
}

// SetOptions of a new set.
type SetOptions struct {
	// Name of the MysqlReplication; "orders".
	Name string
	// Pods to start with; 3.
	Pods int
	// LeastPrivileges gives the operator a user of its own with the privileges that
	// the documentation asks for, which cannot end the administrator's sessions.
	LeastPrivileges bool
	// WithoutSemiSync leaves the semi-sync plugins out.
	WithoutSemiSync bool
	// DiskBytes limits the size of each pod's disk, which works on the node's own
	// machine only; zero: as large as the machine's.
	DiskBytes int64
	// OwnClocks lets SkewClock change each pod's time, which works on the node's own
	// machine only.
	OwnClocks bool
	// group: the servers have Group Replication; see NewGroup.
	group bool
}

// NewSet makes the Secrets and the pods in a namespace and waits until they are
// ready. The pods are fresh and empty: nothing replicates.
func (c *Cluster) NewSet(ctx context.Context, namespace string, options SetOptions) (*Set, error) {
	if options.Name == "" {
		options.Name = "orders"
	}
	if options.Pods == 0 {
		options.Pods = 3
	}
	if err := c.ensureNamespace(ctx, namespace); err != nil {
		return nil, err
	}
	s := &Set{Cluster: c, Namespace: namespace, Name: options.Name, operator: userAdmin, passwords: map[string]string{}}
	if options.LeastPrivileges {
		s.operator = userOperator
	}
	for _, user := range []string{userAdmin, s.operator, userReplication, userApplication} {
		s.passwords[user] = rand.Text()
	}
	s.aesKey = []byte((rand.Text() + rand.Text())[:aesctr.KeySize])
	if err := s.writeSecrets(ctx); err != nil {
		return nil, err
	}
	if options.DiskBytes > 0 {
		if err := s.limitDisks(ctx, options.Pods, c.Settings.StorageClass, options.DiskBytes); err != nil {
			s.disks.release()
			return s, err
		}
	}
	pod := MySQLPod(c.Settings.MySQLImage, usersSecret, confMap)
	if options.group {
		ReportHost(&pod, s.domain())
	}
	if options.OwnClocks {
		if err := s.giveClocks(ctx, &pod); err != nil {
			return nil, err
		}
	}
	for _, obj := range []client.Object{
		configuration(namespace, options), headlessService(namespace), statefulSet(namespace, c.Settings.StorageClass, int32(options.Pods), pod),
	} {
		if err := c.apply(ctx, obj); err != nil {
			return nil, err
		}
	}
	if err := s.WaitPods(ctx, options.Pods); err != nil || !options.LeastPrivileges {
		return s, err
	}
	for i := range options.Pods {
		if err := s.grantLeast(ctx, PodName(i)); err != nil {
			return s, err
		}
	}
	return s, nil
}

// grantLeast gives the operator's user on a fresh pod what the example says.
func (s *Set) grantLeast(ctx context.Context, pod string) error {
	root, err := RepositoryRoot()
	if err != nil {
		return err
	}
	const example, grantee = "examples/mysql/grants.sql", "'" + userAdmin + "'@'%'"
	text, err := os.ReadFile(filepath.Join(root, example))
	if err != nil {
		return fmt.Errorf("the operator's privileges: %w", err)
	}
	statements := []string{"SET SESSION sql_log_bin = 0"}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(strings.TrimSpace(line), ";")
		if strings.HasPrefix(line, "GRANT ") && strings.HasSuffix(line, grantee) {
			statements = append(statements, strings.TrimSuffix(line, grantee)+"'"+userOperator+"'@'%'")
		}
	}
	if len(statements) == 1 {
		return fmt.Errorf("%s grants nothing to %s", example, grantee)
	}
	return s.Exec(ctx, pod, statements...)
}

func (s *Set) writeSecrets(ctx context.Context) error {
	users := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: usersSecret}, Data: map[string][]byte{}}
	for user, password := range s.passwords {
		users.Data[user] = []byte(password)
	}
	if err := s.Cluster.apply(ctx, users); err != nil {
		return err
	}
	if err := s.WriteAESKey(ctx, s.aesKey); err != nil {
		return err
	}
	return s.WriteCredentials(ctx, nil)
}

// AESKey that the credentials are encrypted with.
func (s *Set) AESKey() []byte { return s.aesKey }

// WriteAESKey writes the Secret of the AES key.
func (s *Set) WriteAESKey(ctx context.Context, key []byte) error {
	return s.Cluster.apply(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: v1alpha1.DefaultAESSecretName},
		Data:       map[string][]byte{v1alpha1.DefaultAESSecretKey: key},
	})
}

// WriteCredentials writes the operator's Secret; passwords in instead replace the right ones.
func (s *Set) WriteCredentials(ctx context.Context, instead map[string]string) error {
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: CredentialSecret}, Data: map[string][]byte{}}
	for _, user := range []string{s.operator, userReplication} {
		password := s.passwords[user]
		if other, ok := instead[user]; ok {
			password = other
		}
		sealed, err := aesctr.Encrypt(s.aesKey, []byte(password))
		if err != nil {
			return fmt.Errorf("encrypt the password of %s: %w", user, err)
		}
		secret.Data[user] = sealed
	}
	return s.Cluster.apply(ctx, secret)
}

// Delete the resource and the pods with their data, of a set in a namespace that stays.
func (s *Set) Delete(ctx context.Context) error {
	selector := client.MatchingLabels{"app": mysqlName}
	for _, obj := range []client.Object{
		&v1alpha1.MysqlReplication{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: s.Name}},
		&appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: mysqlName}},
		&corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: mysqlName}},
	} {
		if err := client.IgnoreNotFound(s.Cluster.Client.Delete(ctx, obj)); err != nil {
			return fmt.Errorf("delete %T %s: %w", obj, obj.GetName(), err)
		}
	}
	if err := s.WaitPods(ctx, 0); err != nil {
		return err
	}
	if err := s.Cluster.Client.DeleteAllOf(ctx, &corev1.PersistentVolumeClaim{}, client.InNamespace(s.Namespace), selector); err != nil {
		return fmt.Errorf("delete the data in %s: %w", s.Namespace, err)
	}
	return nil
}

// Scale the StatefulSet and wait until it has so many ready pods. A pod that goes keeps its data.
func (s *Set) Scale(ctx context.Context, pods int) error {
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		sts := &appsv1.StatefulSet{}
		if err := s.Cluster.Client.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: mysqlName}, sts); err != nil {
			return err
		}
		n := int32(pods)
		sts.Spec.Replicas = &n
		return s.Cluster.Client.Update(ctx, sts)
	})
	if err != nil {
		return fmt.Errorf("scale the MySQL pods to %d: %w", pods, err)
	}
	return s.WaitPods(ctx, pods)
}

// WaitPods waits until exactly so many pods exist and all are ready.
func (s *Set) WaitPods(ctx context.Context, want int) error {
	return Wait(ctx, 3*time.Minute, func(ctx context.Context) error {
		var list corev1.PodList
		if err := s.Cluster.Client.List(ctx, &list, client.InNamespace(s.Namespace), client.MatchingLabels{"app": mysqlName}); err != nil {
			return err
		}
		ready := 0
		for i := range list.Items {
			if podReady(&list.Items[i]) {
				ready++
			}
		}
		if ready != want || len(list.Items) != want {
			return fmt.Errorf("%d MySQL pods exist and %d are ready, %d are wanted", len(list.Items), ready, want)
		}
		return nil
	})
}

func podReady(p *corev1.Pod) bool {
	if p.DeletionTimestamp != nil || p.Status.PodIP == "" {
		return false
	}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// Pod returns a pod by name.
func (s *Set) Pod(ctx context.Context, name string) (*corev1.Pod, error) {
	pod := &corev1.Pod{}
	if err := s.Cluster.Client.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: name}, pod); err != nil {
		return nil, fmt.Errorf("pod %s: %w", name, err)
	}
	return pod, nil
}

// DeletePod deletes a pod and waits until another one of that name is ready.
func (s *Set) DeletePod(ctx context.Context, name string, grace time.Duration) error {
	before, err := s.Pod(ctx, name)
	if err != nil {
		return err
	}
	if err := s.Cluster.Client.Delete(ctx, before, client.GracePeriodSeconds(int64(grace.Seconds()))); err != nil {
		return fmt.Errorf("delete pod %s: %w", name, err)
	}
	return Wait(ctx, 2*time.Minute, func(ctx context.Context) error {
		now, err := s.Pod(ctx, name)
		if err != nil {
			return err
		}
		if now.UID == before.UID || !podReady(now) {
			return fmt.Errorf("pod %s is not back", name)
		}
		return nil
	})
}

// KillPods deletes pods without a grace period, all at once, and waits until the set has
// as many ready pods again. Their data stays.
func (s *Set) KillPods(ctx context.Context, names ...string) error {
	var list corev1.PodList
	if err := s.Cluster.Client.List(ctx, &list, client.InNamespace(s.Namespace), client.MatchingLabels{"app": mysqlName}); err != nil {
		return fmt.Errorf("the MySQL pods: %w", err)
	}
	killed := map[string]types.UID{}
	for i := range list.Items {
		pod := &list.Items[i]
		if !slices.Contains(names, pod.Name) {
			continue
		}
		killed[pod.Name] = pod.UID
		if err := s.Cluster.Client.Delete(ctx, pod, client.GracePeriodSeconds(0)); err != nil {
			return fmt.Errorf("delete pod %s: %w", pod.Name, err)
		}
	}
	if len(killed) != len(names) {
		return fmt.Errorf("of the pods %v only %d exist", names, len(killed))
	}
	return Wait(ctx, 3*time.Minute, func(ctx context.Context) error {
		for name, uid := range killed {
			if now, err := s.Pod(ctx, name); err != nil || now.UID == uid || !podReady(now) {
				return fmt.Errorf("pod %s is not back %s", name, errorText(err))
			}
		}
		return nil
	})
}

// Empty replaces the last of so many pods by one without data.
func (s *Set) Empty(ctx context.Context, pods int) error {
	if err := s.Scale(ctx, pods-1); err != nil {
		return err
	}
	data := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "data-" + PodName(pods-1)}}
	if err := s.Cluster.Client.Delete(ctx, data); err != nil {
		return fmt.Errorf("delete the data of %s: %w", PodName(pods-1), err)
	}
	err := Wait(ctx, time.Minute, func(ctx context.Context) error {
		err := s.Cluster.Client.Get(ctx, client.ObjectKeyFromObject(data), &corev1.PersistentVolumeClaim{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("the data of %s is still there %s", PodName(pods-1), errorText(err))
	})
	if err != nil {
		return err
	}
	return s.Scale(ctx, pods)
}

// Host is the DNS name of a pod.
func (s *Set) Host(pod string) string { return pod + "." + s.domain() }

// domain that the DNS names of the pods are below.
func (s *Set) domain() string {
	return fmt.Sprintf("%s.%s.svc.%s", mysqlName, s.Namespace, s.Cluster.Settings.ClusterDomain)
}

// Application is the login of ordinary clients.
func (s *Set) Application() load.Login {
	return load.Login{User: userApplication, Password: s.passwords[userApplication]}
}

// Admin is the login of the administrator, which the operator uses too unless it has
// LeastPrivileges.
func (s *Set) Admin() load.Login {
	return load.Login{User: userAdmin, Password: s.passwords[userAdmin]}
}

// Close releases the connections to the servers, and limited disks.
func (s *Set) Close() {
	s.servers.close()
	s.disks.release()
}

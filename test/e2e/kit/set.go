// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
	*Pods

	// operator is the user that the operator connects as.
	operator  string
	passwords map[string]string
	aesKey    []byte
	servers   serverCache
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

// Set is one that somebody else has made. It has no passwords.
func (c *Cluster) Set(namespace, name string) *Set {
	return &Set{Pods: &Pods{Cluster: c, Namespace: namespace, Name: name, app: mysqlName, process: "mysqld", port: mysqlPort}}
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
	if err := c.EnsureNamespace(ctx, namespace); err != nil {
		return nil, err
	}
	s := c.Set(namespace, options.Name)
	s.operator, s.passwords = userAdmin, map[string]string{}
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
		configuration(namespace, options), s.headlessService(), s.statefulSet(c.Settings.StorageClass, options.Pods, pod),
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

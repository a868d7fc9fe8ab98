// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/upmio/compose-operator/api/v1alpha1"
	"github.com/upmio/compose-operator/internal/credential/aesctr"
	"github.com/upmio/compose-operator/test/load"
)

// Names of the objects of ProxySQL pods, within their namespace.
const (
	proxysqlName   = "proxysql"
	proxysqlConfig = "proxysql-config"
	// ProxysqlConfigKey is the key of the configuration in its Secret.
	ProxysqlConfigKey = "proxysql.cnf"
	proxysqlUID       = 999
	// ProxysqlAdminPort is the port of the admin interface, proxysqlTrafficPort the clients'.
	ProxysqlAdminPort   = 6032
	proxysqlTrafficPort = 6033
	// proxysqlData is where the volume of a pod is: proxysql.db keeps there what was saved to disk.
	proxysqlData = "/var/lib/proxysql"
)

// ProxysqlCredentialSecret holds the encrypted passwords that the operator reads.
const ProxysqlCredentialSecret = "proxysql-credentials"

// Proxysql are the pods of ProxySQL servers before a MySQL set, one StatefulSet, and the
// ProxysqlSync over them when it was made.
type Proxysql struct {
	*Pods
	of       *Set
	password string
	servers  serverCache
}

// ProxysqlPodName of the i-th pod.
func ProxysqlPodName(i int) string { return proxysqlName + "-" + strconv.Itoa(i) }

// Proxysql of this name in a namespace, over pods that somebody else makes. It has no password.
func (c *Cluster) Proxysql(namespace, name string) *Proxysql {
	return &Proxysql{Pods: &Pods{Cluster: c, Namespace: namespace, Name: name, app: proxysqlName, process: "proxysql", port: ProxysqlAdminPort}}
}

// NewProxysql makes ProxySQL pods in the namespace of a set and waits until they are ready.
// They know no servers and no users.
func (s *Set) NewProxysql(ctx context.Context, pods int) (*Proxysql, error) {
	p := s.Cluster.Proxysql(s.Namespace, s.Name)
	p.of, p.password = s, rand.Text()
	if err := p.writeCredentials(ctx); err != nil {
		return p, err
	}
	for _, obj := range []client.Object{
		&corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: proxysqlConfig},
			Data:       map[string][]byte{ProxysqlConfigKey: ProxysqlConfiguration(p.password)},
		},
		p.headlessService(), p.statefulSet(s.Cluster.Settings.StorageClass, pods, ProxysqlPod(s.Cluster.Settings.ProxysqlImage, proxysqlConfig)),
	} {
		if err := s.Cluster.apply(ctx, obj); err != nil {
			return p, err
		}
	}
	return p, p.WaitPods(ctx, pods)
}

// writeCredentials writes the operator's Secret.
func (p *Proxysql) writeCredentials(ctx context.Context) error {
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: ProxysqlCredentialSecret}, Data: map[string][]byte{}}
	for user, password := range map[string]string{proxysqlName: p.password, userAdmin: p.of.passwords[userAdmin]} {
		sealed, err := aesctr.Encrypt(p.of.aesKey, []byte(password))
		if err != nil {
			return fmt.Errorf("encrypt the password of %s: %w", user, err)
		}
		secret.Data[user] = sealed
	}
	return p.Cluster.apply(ctx, secret)
}

// ProxysqlConfiguration is what a ProxySQL starts with that has no proxysql.db: the admin
// interface for everybody who has the password, and no servers. The password has letters and digits only.
func ProxysqlConfiguration(password string) []byte {
	return fmt.Appendf(nil, `datadir="%s"
admin_variables=
{
  admin_credentials="admin:%s;%s:%s"
  mysql_ifaces="0.0.0.0:%d"
}
mysql_variables=
{
  interfaces="0.0.0.0:%d"
  monitor_enabled="false"
}
`, proxysqlData, rand.Text(), proxysqlName, password, ProxysqlAdminPort, proxysqlTrafficPort)
}

// ProxysqlPod is a pod of one ProxySQL, without its volume "data". config is the name of the
// Secret of its configuration.
func ProxysqlPod(image, config string) corev1.PodSpec {
	return corev1.PodSpec{
		TerminationGracePeriodSeconds: ptr.To[int64](5),
		AutomountServiceAccountToken:  ptr.To(false),
		SecurityContext: &corev1.PodSecurityContext{
			RunAsNonRoot: ptr.To(true), RunAsUser: ptr.To[int64](proxysqlUID), RunAsGroup: ptr.To[int64](proxysqlUID), FSGroup: ptr.To[int64](proxysqlUID),
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		Containers: []corev1.Container{{
			Name: proxysqlName, Image: image, ImagePullPolicy: corev1.PullIfNotPresent,
			Command: []string{"proxysql", "-f", "-c", "/etc/proxysql/" + ProxysqlConfigKey, "-D", proxysqlData},
			Ports: []corev1.ContainerPort{
				{Name: "admin", ContainerPort: ProxysqlAdminPort, Protocol: corev1.ProtocolTCP},
				{Name: mysqlName, ContainerPort: proxysqlTrafficPort, Protocol: corev1.ProtocolTCP},
			},
			SecurityContext: &corev1.SecurityContext{
				AllowPrivilegeEscalation: ptr.To(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			},
			Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
				corev1.ResourceCPU: resource.MustParse("10m"), corev1.ResourceMemory: resource.MustParse("32Mi"),
			}},
			ReadinessProbe: &corev1.Probe{
				ProbeHandler:  corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(ProxysqlAdminPort)}},
				PeriodSeconds: 1, TimeoutSeconds: 2, FailureThreshold: 3,
			},
			VolumeMounts: []corev1.VolumeMount{
				{Name: "data", MountPath: proxysqlData},
				{Name: "config", MountPath: "/etc/proxysql", ReadOnly: true},
			},
		}},
		Volumes: []corev1.Volume{{Name: "config", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: config}}}},
	}
}

// Resource returns a ProxysqlSync of these pods to the set.
func (p *Proxysql) Resource(pods ...string) *v1alpha1.ProxysqlSync {
	r := &v1alpha1.ProxysqlSync{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "ProxysqlSync"},
		ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: p.Name},
		Spec: v1alpha1.ProxysqlSyncSpec{
			Secret:           v1alpha1.ProxysqlSyncSecret{Name: ProxysqlCredentialSecret, Proxysql: proxysqlName, Mysql: userAdmin},
			MysqlReplication: p.of.Name,
		},
	}
	for _, pod := range pods {
		r.Spec.Proxysql = append(r.Spec.Proxysql, v1alpha1.Node{Name: pod, Host: p.Host(pod), Port: p.port})
	}
	return r
}

// Create a ProxysqlSync.
func (p *Proxysql) Create(ctx context.Context, r *v1alpha1.ProxysqlSync) error {
	return p.Cluster.create(ctx, r)
}

// Get the ProxysqlSync.
func (p *Proxysql) Get(ctx context.Context) (*v1alpha1.ProxysqlSync, error) {
	r := &v1alpha1.ProxysqlSync{}
	return r, p.get(ctx, "ProxysqlSync", r)
}

// Edit the ProxysqlSync, as kubectl edit does. It returns what was written.
func (p *Proxysql) Edit(ctx context.Context, change func(*v1alpha1.ProxysqlSync)) (*v1alpha1.ProxysqlSync, error) {
	return edit(ctx, p.Cluster, p.Get, change)
}

// WaitReady waits until the resource is Ready as its spec says now.
func (p *Proxysql) WaitReady(ctx context.Context, timeout time.Duration) error {
	return Wait(ctx, timeout, func(ctx context.Context) error {
		r, err := p.Get(ctx)
		if err != nil {
			return err
		}
		return ProxysqlReady(r)
	})
}

// ProxysqlReady says why a resource is not Ready for its present spec.
func ProxysqlReady(r *v1alpha1.ProxysqlSync) error {
	ready := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionReady)
	switch {
	case ready == nil:
		return errors.New("the condition Ready is missing")
	case ready.ObservedGeneration != r.Generation || r.Status.ObservedGeneration != r.Generation:
		return fmt.Errorf("generation %d is not observed yet: %s", r.Generation, DescribeProxysql(r))
	case ready.Status != metav1.ConditionTrue || !r.Status.Ready:
		return fmt.Errorf("not Ready: %s", DescribeProxysql(r))
	}
	return nil
}

// DescribeProxysql describes a resource's status in a line or a few.
func DescribeProxysql(r *v1alpha1.ProxysqlSync) string {
	var b strings.Builder
	fmt.Fprintf(&b, "source %q, MySQL %s, %d users, synced %s", r.Status.Source, r.Status.MysqlVersion, r.Status.Users, r.Status.Synced)
	for _, c := range r.Status.Conditions {
		fmt.Fprintf(&b, "\n  %s=%s %s: %s", c.Type, c.Status, c.Reason, c.Message)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Status.Topology)) {
		n := r.Status.Topology[name]
		fmt.Fprintf(&b, "\n  %s: %s synced=%t writer %q readers %v users %v %s %s", name, n.Status, n.Synced, n.Writer, n.Readers, n.Users, n.LastError, n.Message)
	}
	return b.String()
}

// Admin runs a statement of the admin interface of a pod's ProxySQL and returns its rows,
// the columns of each with "|" between.
func (p *Proxysql) Admin(ctx context.Context, pod, statement string) (out []string, err error) {
	address, err := p.Address(ctx, pod)
	if err != nil {
		return nil, err
	}
	db, err := p.servers.get(address, load.Login{User: proxysqlName, Password: p.password})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	rows, err := db.QueryContext(ctx, statement)
	if err != nil {
		return nil, fmt.Errorf("%s on %s: %w", statement, pod, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	columns, err := rows.Columns()
	if err != nil {
		return nil, fmt.Errorf("%s on %s: %w", statement, pod, err)
	}
	for rows.Next() {
		values, targets := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, fmt.Errorf("%s on %s: %w", statement, pod, err)
		}
		texts := make([]string, 0, len(values))
		for _, value := range values {
			texts = append(texts, value.String)
		}
		out = append(out, strings.Join(texts, "|"))
	}
	return out, rows.Err()
}

// Hostgroup are the MySQL pods that a pod's ProxySQL goes by in a hostgroup, in order.
func (p *Proxysql) Hostgroup(ctx context.Context, pod string, hostgroup int) ([]string, error) {
	rows, err := p.Admin(ctx, pod, fmt.Sprintf("SELECT hostname FROM runtime_mysql_servers WHERE hostgroup_id = %d AND status = 'ONLINE' ORDER BY hostname", hostgroup))
	for i, host := range rows {
		rows[i], _, _ = strings.Cut(host, ".")
	}
	return rows, err
}

// HashOf a user as a pod's ProxySQL goes by, in hexadecimal digits; empty when it does not know the user.
func (p *Proxysql) HashOf(ctx context.Context, pod, user string) (string, error) {
	rows, err := p.Admin(ctx, pod, "SELECT DISTINCT hex(password) FROM runtime_mysql_users WHERE username = "+literal(user))
	return strings.Join(rows, ","), err
}

// literal of SQLite: a quote is doubled, and a backslash is no escape.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// CreateUser makes an account of every host on a pod's MySQL server, whatever its name and
// password are, and returns its hash in hexadecimal digits.
func (s *Set) CreateUser(ctx context.Context, pod string, login load.Login) (string, error) {
	quoted := func(text string) string {
		return "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(text) + "'"
	}
	if err := s.Exec(ctx, pod, "CREATE USER "+quoted(login.User)+"@'%' IDENTIFIED BY "+quoted(login.Password)); err != nil {
		return "", err
	}
	return s.Query(ctx, pod, "SELECT HEX(authentication_string) FROM mysql.user WHERE host = '%' AND user = X'"+hex.EncodeToString([]byte(login.User))+"'")
}

// DropUser drops what CreateUser has made.
func (s *Set) DropUser(ctx context.Context, pod, user string) error {
	return s.Exec(ctx, pod, "DROP USER '"+strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(user)+"'@'%'")
}

// StartTraffic sets clients to work that write through a pod's ProxySQL.
func (p *Proxysql) StartTraffic(ctx context.Context, pod string, options load.Options) (*load.Run, error) {
	of, err := p.Pod(ctx, pod)
	if err != nil {
		return nil, err
	}
	options.ReadWrite, options.Login, options.Readers = net.JoinHostPort(of.Status.PodIP, strconv.Itoa(proxysqlTrafficPort)), p.of.Application(), 0
	err = Wait(ctx, 30*time.Second, func(ctx context.Context) error { return load.Prepare(ctx, options.ReadWrite, options.Login) })
	if err != nil {
		return nil, err
	}
	r, err := load.Start(context.WithoutCancel(ctx), options)
	if err != nil {
		return nil, err
	}
	return r, WaitWrites(ctx, r, 20, 30*time.Second)
}

// Close releases the connections to the servers.
func (p *Proxysql) Close() { p.servers.close() }

// Diagnose returns everything that explains a failure.
func (p *Proxysql) Diagnose(ctx context.Context, operator *Operator) string {
	return p.diagnose(ctx, operator, &v1alpha1.ProxysqlSync{}, p.describeServer)
}

func (p *Proxysql) describeServer(ctx context.Context, pod corev1.Pod) string {
	var b strings.Builder
	fmt.Fprintf(&b, "IP %s, ready %t\n", pod.Status.PodIP, podReady(&pod))
	if pod.Labels["app"] != p.app || pod.Status.PodIP == "" {
		return b.String()
	}
	for _, table := range []string{"mysql_servers", "runtime_mysql_servers", "mysql_replication_hostgroups"} {
		rows, err := p.Admin(ctx, pod.Name, "SELECT * FROM "+table)
		fmt.Fprintf(&b, "%s: %s %s\n", table, strings.Join(rows, "\n  "), errorText(err))
	}
	rows, err := p.Admin(ctx, pod.Name, "SELECT username, active, default_hostgroup, comment FROM runtime_mysql_users")
	fmt.Fprintf(&b, "runtime_mysql_users: %s %s\n", strings.Join(rows, "\n  "), errorText(err))
	lines := int64(15)
	if text, err := p.Cluster.Typed.CoreV1().Pods(p.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{TailLines: &lines}).DoRaw(ctx); err == nil {
		fmt.Fprintf(&b, "log:\n%s", text)
	}
	return b.String()
}

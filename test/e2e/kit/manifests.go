// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Names of the objects of a set of MySQL pods, within its namespace.
const (
	mysqlName = "mysql"
	// usersSecret holds clear-text passwords for the pods, which make the users.
	usersSecret = "mysql-users"
	confMap     = "mysql-conf"
	mysqlPort   = 3306
	// dataMount is where the volume of a pod is.
	dataMount = "/var/lib/mysql"
)

// PodName of the i-th pod of a set.
func PodName(i int) string { return mysqlName + "-" + strconv.Itoa(i) }

// What a set's servers have beside the image's own configuration.
const (
	baseConf = "[mysqld]\nmax_connections=300\n"
	// SemiSyncConf is what a server needs for the semi-synchronous mode.
	SemiSyncConf = "plugin_load_add=semisync_source.so\nplugin_load_add=semisync_replica.so\n"
	// GroupConf is what a server needs for Group Replication, and the smallest cache of
	// messages that there can be. Which group it belongs to, the operator tells it.
	GroupConf = "plugin_load_add=group_replication.so\nplugin_load_add=mysql_clone.so\n" +
		"loose_group_replication_start_on_boot=OFF\nloose_group_replication_message_cache_size=134217728\n"
)

func configuration(namespace string, options SetOptions) *corev1.ConfigMap {
	conf := baseConf
	switch {
	case options.group:
		conf += GroupConf
	case !options.WithoutSemiSync:
		conf += SemiSyncConf
	}
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: confMap},
		Data:       map[string]string{"my.cnf": conf},
	}
}

// ReportHost has the server of a pod tell the others of its group the name that they
// reach it by: the pod's, below a domain. A group's members find one another by that.
func ReportHost(pod *corev1.PodSpec, domain string) {
	const name = "POD_NAME"
	server := &pod.Containers[0]
	server.Env = append(server.Env, corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{
		FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"},
	}})
	server.Args = append(server.Args, "--report-host=$("+name+")."+domain)
}

// MySQLPod is the specification of a pod with an image that keeps the contract of
// test/testbed/images/mysql: users is the Secret with the clear-text password of each
// user, conf the ConfigMap with *.cnf files. The caller adds the volume "data".
func MySQLPod(image, users, conf string) corev1.PodSpec {
	return server{
		name: mysqlName, image: image, port: mysqlPort, grace: 20, cpu: "20m", memory: "200Mi", data: dataMount, users: users, conf: conf,
	}.pod()
}

// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// up brings the testbed up. What is up already stays as it is; what has died starts again.
func up(ctx context.Context, l layout, p *progress) error {
	if err := clearRemains(ctx, l, p); err != nil {
		return err
	}
	if err := checkMachine(l); err != nil {
		return err
	}
	unlock, err := lock(l)
	if err != nil {
		return err
	}
	defer unlock()

	if err := installPackages(ctx, l, p); err != nil {
		return err
	}
	archives, err := prepare(ctx, l, p)
	if err != nil {
		return err
	}
	r, err := readRecord(l)
	if err != nil {
		return err
	}
	err = p.do("preparing the machine", func(*step) error { return prepareMachine(ctx, l, r) })
	if err != nil {
		return err
	}
	if err := startCluster(ctx, l, p, r, archives); err != nil {
		return err
	}
	p.printf("the cluster is up: export KUBECONFIG=%s, and run things with: testbed exec -- COMMAND", l.kubeconfig())
	return nil
}

// checkMachine refuses where the testbed cannot work, before anything is changed.
func checkMachine(l layout) error {
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		return errors.New("the testbed makes namespaces, mounts and cgroups: run it as root on Linux")
	}
	owner, err := os.ReadFile(ownerFile)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("testbed's owner: %w", err)
	}
	if string(owner) != l.repo {
		return fmt.Errorf("the testbed of %s is up, and a machine has one: take it down with: testbed --dir %s down", owner, owner)
	}
	return nil
}

// ownerFile names the repository that the machine's testbed belongs to.
const ownerFile = runDir + "/owner"

// nodeImageCount is how many of the images to load, the first ones, the node itself needs.
const nodeImageCount = 2

// prepare builds whatever the cache lacks and returns the archives of the images to load. Root file
// systems come from the network while the compiler has the processors.
func prepare(ctx context.Context, l layout, p *progress) ([]string, error) {
	group, ctx := errgroup.WithContext(ctx)
	archives := make([]string, nodeImageCount+len(databases))
	group.Go(func() (err error) {
		for _, c := range components {
			if c.binary == "" {
				continue
			}
			if _, err := tool(ctx, l, p, c.binary); err != nil {
				return err
			}
		}
		if _, err := tool(ctx, l, p, "kubectl"); err != nil {
			return err
		}
		if archives[0], err = pauseArchive(ctx, l); err != nil {
			return err
		}
		archives[1], err = corednsArchive(ctx, l, p)
		return err
	})
	group.Go(func() (err error) {
		for i, d := range databases {
			if archives[nodeImageCount+i], err = databaseImage(ctx, l, p, d); err != nil {
				return err
			}
		}
		return nil
	})
	return archives, group.Wait()
}

func prepareMachine(ctx context.Context, l layout, r *record) error {
	// At once or not at all: others act on what it says.
	if err := writeFile(ownerFile+".tmp", []byte(l.repo), 0o644); err != nil {
		return err
	}
	if err := os.Rename(ownerFile+".tmp", ownerFile); err != nil {
		return fmt.Errorf("testbed's owner: %w", err)
	}
	if err := r.rememberSysctls(); err != nil {
		return err
	}
	if err := createCgroups(); err != nil {
		return err
	}
	if err := createNetwork(ctx); err != nil {
		return err
	}
	if err := createCertificates(l); err != nil {
		return err
	}
	if err := writeConfiguration(ctx, l, r); err != nil {
		return err
	}
	return writeClients(ctx, l)
}

// writeClients fills the directory that `testbed exec` puts first in PATH: kubectl, ctr for the
// testbed's containerd, and the databases' own clients.
func writeClients(ctx context.Context, l layout) error {
	kubectl, err := tool(ctx, l, nil, "kubectl")
	if err != nil {
		return err
	}
	link := l.in("bin", "kubectl")
	if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
		return fmt.Errorf("clients: %w", err)
	}
	_ = os.Remove(link)
	if err := os.Symlink(kubectl, link); err != nil {
		return fmt.Errorf("clients: %w", err)
	}
	script := "#!/bin/sh\nexec /usr/bin/ctr " + strings.Join(ctrArgs(), " ") + " \"$@\"\n"
	if err := writeFile(l.in("bin", "ctr"), []byte(script), 0o755); err != nil {
		return err
	}
	for _, d := range databases {
		root := rootfsDir(l, d)
		for _, client := range d.clients {
			if err := writeFile(l.in("bin", filepath.Base(client)), []byte(clientWrapper(root, client)), 0o755); err != nil {
				return err
			}
		}
	}
	return nil
}

func startCluster(ctx context.Context, l layout, p *progress, r *record, archives []string) error {
	start := func(ctx context.Context, names ...string) error {
		for _, name := range names {
			c, err := findComponent(name)
			if err != nil {
				return err
			}
			if err := p.do("starting "+name, func(*step) error { return c.start(ctx, l, p, r) }); err != nil {
				return err
			}
		}
		return nil
	}
	load := func(ctx context.Context, what string, archives []string) error {
		return p.do("loading "+what, func(s *step) error {
			for i, archive := range archives {
				s.progress("%d of %d images", i, len(archives))
				if err := loadCachedImage(ctx, l, archive); err != nil {
					return err
				}
			}
			return nil
		})
	}
	group, ctx := errgroup.WithContext(ctx)
	nodeImages := make(chan struct{})
	group.Go(func() error {
		if err := start(ctx, "containerd"); err != nil {
			return err
		}
		if err := load(ctx, "the node's images", archives[:nodeImageCount]); err != nil {
			return err
		}
		close(nodeImages)
		return load(ctx, "the databases' images", archives[nodeImageCount:])
	})
	group.Go(func() error {
		if err := start(ctx, "etcd", "kube-apiserver"); err != nil {
			return err
		}
		if err := p.do("applying the cluster's own objects", func(*step) error { return apply(ctx, l, l.in("config", "cluster.yaml")) }); err != nil {
			return err
		}
		if err := start(ctx, "kube-controller-manager", "kube-scheduler", "kube-proxy", "provisioner", "registry"); err != nil {
			return err
		}
		select {
		case <-nodeImages:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := start(ctx, "kubelet"); err != nil {
			return err
		}
		return p.do("waiting for the node, DNS and the default ServiceAccount", func(s *step) error { return waitCluster(ctx, l, s, r) })
	})
	return group.Wait()
}

// waitCluster waits until a pod could be created and would work. It fails at once when a component dies.
func waitCluster(ctx context.Context, l layout, s *step, r *record) error {
	client, err := newClient(l)
	if err != nil {
		return err
	}
	gone := make(chan struct{})
	var dead string
	err = poll(ctx, 3*time.Minute, gone, func(ctx context.Context) error {
		for _, c := range components {
			if proc, ok := r.get(c.name); (!ok || !proc.alive()) && dead == "" {
				dead = c.name
				close(gone)
			}
		}
		err := clusterReady(ctx, client)
		if err != nil {
			s.progress("%v", err)
		}
		return err
	})
	if dead != "" {
		return withTail(fmt.Errorf("%s ended", dead), l.log(dead))
	}
	if err != nil {
		return withTail(err, l.log("kubelet"))
	}
	return nil
}

// clusterReady says what is still missing.
func clusterReady(ctx context.Context, client kubernetes.Interface) error {
	node, err := client.CoreV1().Nodes().Get(ctx, nodeName, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("node: %w", err)
	}
	for _, c := range node.Status.Conditions {
		if c.Type == "Ready" && c.Status != "True" {
			return fmt.Errorf("node is not ready: %s", c.Message)
		}
	}
	dns, err := client.AppsV1().Deployments("kube-system").Get(ctx, "coredns", metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("DNS: %w", err)
	}
	if dns.Status.ReadyReplicas == 0 {
		return errors.New("DNS is not ready")
	}
	if _, err := client.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{}); err != nil {
		return fmt.Errorf("default ServiceAccount: %w", err)
	}
	return nil
}

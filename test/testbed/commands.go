// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// command is a subcommand. One without help is for the testbed itself.
type command struct {
	name, args, help string
	run              func(ctx context.Context, l layout, args []string) error
}

func commands() []command {
	return []command{
		{"up", "", "bring the cluster up; what is up stays", noArgs(withProgress(up))},
		{"down", "", "take it down and leave nothing behind but logs and the cache", noArgs(withProgress(down))},
		{"status", "", "show what runs", noArgs(status)},
		{"logs", "COMPONENT", "print a component's log", logs},
		{"exec", "-- COMMAND…", "run a command inside the cluster's network, with KUBECONFIG set", execCommand},
		{"kubectl", "ARGUMENTS…", "run kubectl", kubectlCommand},
		{"load", "IMAGE.tar…", "load image archives into the node", load},
		{"images", "", "build the database images, and load them when the cluster is up", noArgs(withProgress(databaseImages))},
		{"build-image", "NAME[:TAG] --binary PATH …", "make an image from a static binary and load it (see --help)", buildImageCommand},
		{"bundle-image", "DIR --tag NAME:TAG", "make the image of an OLM bundle and push it into the testbed's registry", bundleImageCommand},
		{"catalog-image", "DIR --tag NAME:TAG", "make an image that serves an OLM catalog and push it", catalogImageCommand},
		{"olm", "", "install the Operator Lifecycle Manager; what is there stays", noArgs(withProgress(installOLM))},
		{"assets", "", "print a directory with etcd, kube-apiserver and kubectl (KUBEBUILDER_ASSETS)", noArgs(printAssets)},
		{"rootfs", databaseNames("|"), "print the directory of a database's unpacked root file system", printRootfs},
		{"tool", "NAME", "print the path of a pinned tool, e.g. controller-gen, golangci-lint, opm, operator-sdk", printTool},
		{"sources", "NAME", "print the directory with the sources of a module below test/tools, e.g. prometheus-operator", printSources},
		{"provisioner", "", "", noArgs(runProvisioner)},
		{"registry", "", "", noArgs(func(ctx context.Context, l layout) error { return serveRegistry(ctx, l.in("registry")) })},
	}
}

func findCommand(name string) (command, bool) {
	for _, c := range commands() {
		if c.name == name {
			return c, true
		}
	}
	return command{}, false
}

func noArgs(f func(context.Context, layout) error) func(context.Context, layout, []string) error {
	return func(ctx context.Context, l layout, args []string) error {
		if len(args) > 0 {
			return fmt.Errorf("unexpected argument %q", args[0])
		}
		return f(ctx, l)
	}
}

// withProgress runs f with progress on standard error, so that standard output holds answers only.
func withProgress(f func(context.Context, layout, *progress) error) func(context.Context, layout) error {
	return func(ctx context.Context, l layout) error {
		p := newProgress(os.Stderr)
		defer p.stop()
		return f(ctx, l, p)
	}
}

func status(ctx context.Context, l layout) error {
	r, err := readRecord(l)
	if err != nil {
		return err
	}
	dead := 0
	for _, c := range components {
		state := "not started"
		if proc, ok := r.get(c.name); ok && proc.alive() {
			state = fmt.Sprintf("running (pid %d)", proc.PID)
		} else {
			dead++
			if ok {
				state = "ended; see: testbed logs " + c.name
			}
		}
		fmt.Printf("%-24s %s\n", c.name, state)
	}
	if dead == len(components) {
		return errors.New("the testbed is down: testbed up")
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	client, err := newClient(l)
	if err != nil {
		return err
	}
	if err := clusterReady(ctx, client); err != nil {
		return err
	}
	pods, err := client.CoreV1().Pods("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("pods: %w", err)
	}
	fmt.Printf("%-24s Ready, %d pods\n%-24s %s\n", "node "+nodeName, len(pods.Items), "kubeconfig", l.kubeconfig())
	if dead > 0 {
		return errors.New("some components have ended: testbed up starts them again")
	}
	return nil
}

func logs(_ context.Context, l layout, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: testbed logs COMPONENT")
	}
	f, err := os.Open(l.log(filepath.Base(args[0])))
	if err != nil {
		var names []string
		entries, _ := os.ReadDir(l.in("logs"))
		for _, e := range entries {
			names = append(names, strings.TrimSuffix(e.Name(), ".log"))
		}
		return fmt.Errorf("no log of %q; there are: %s", args[0], strings.Join(names, " "))
	}
	defer func() { _ = f.Close() }()
	if _, err := io.Copy(os.Stdout, f); err != nil {
		return fmt.Errorf("log: %w", err)
	}
	return nil
}

func load(ctx context.Context, _ layout, args []string) error {
	if len(args) == 0 {
		return errors.New("usage: testbed load IMAGE.tar…")
	}
	for _, archive := range args {
		if err := loadImage(ctx, archive); err != nil {
			return err
		}
	}
	return nil
}

func databaseImages(ctx context.Context, l layout, p *progress) error {
	if err := installPackages(ctx, l, p); err != nil {
		return err
	}
	for _, d := range databases {
		archive, err := databaseImage(ctx, l, p, d)
		if err != nil {
			return err
		}
		if exists(containerdSocket) {
			if err := loadCachedImage(ctx, l, archive); err != nil {
				return err
			}
		}
		fmt.Println(d.image(), archive)
	}
	return nil
}

func printAssets(ctx context.Context, l layout) error {
	return withProgress(func(ctx context.Context, l layout, p *progress) error {
		dir, err := assets(ctx, l, p)
		if err == nil {
			fmt.Println(dir)
		}
		return err
	})(ctx, l)
}

func printRootfs(ctx context.Context, l layout, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: testbed rootfs " + databaseNames("|"))
	}
	d, err := findDatabase(args[0])
	if err != nil {
		return err
	}
	return withProgress(func(ctx context.Context, l layout, p *progress) error {
		if !exists(rootfsDir(l, d)) {
			if err := installPackages(ctx, l, p); err != nil {
				return err
			}
		}
		dir, err := rootfs(ctx, l, p, d)
		if err == nil {
			fmt.Println(dir)
		}
		return err
	})(ctx, l)
}

func printTool(ctx context.Context, l layout, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: testbed tool NAME")
	}
	return withProgress(func(ctx context.Context, l layout, p *progress) error {
		path, err := tool(ctx, l, p, args[0])
		if err == nil {
			fmt.Println(path)
		}
		return err
	})(ctx, l)
}

func printSources(ctx context.Context, l layout, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: testbed sources NAME")
	}
	for _, m := range toolModules {
		if m.dir == args[0] {
			dir, err := m.sources(ctx, l)
			if err == nil {
				fmt.Println(dir)
			}
			return err
		}
	}
	return fmt.Errorf("no module test/tools/%s", args[0])
}

func runProvisioner(ctx context.Context, l layout) error {
	client, err := newClient(l)
	if err != nil {
		return err
	}
	p := &provisioner{client: client, dir: l.in("volumes"), out: func(format string, args ...any) {
		fmt.Printf(time.Now().Format(time.TimeOnly)+" "+format+"\n", args...)
	}}
	return p.run(ctx)
}

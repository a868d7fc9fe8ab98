// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/upmio/compose-operator/test/e2e/kit"
)

// quickStartNamespace is the one that the README makes.
const quickStartNamespace = "shop"

var _ = Describe("The README's quick start", Ordered, func() {
	It("works as it is written", func(ctx SpecContext) {
		script := onQuickStart(ctx)
		Expect(script).To(ContainSubstring("mysql:8.4"))
		out := written(ctx, script)

		// What the comments behind the two questions say that the answers are.
		Expect(out).To(MatchRegexp(`\| mysql-0 +\| +3 \|(?s:.*)\| mysql-1 +\| +3 \|`))
		Expect(out).To(MatchRegexp(`(?m)^orders +True +mysql-0 +2/2 +rpl_async`))
		Eventually(ctx, func() int { return told(ctx, quickStartNamespace, "orders", "SwitchoverFinished") }).Should(Equal(1), out)
	}, SpecTimeout(6*time.Minute))

	It("is where the example of ProxySQL goes on, which works as it is written", Label("long", proxysqlSpecs), func(ctx SpecContext) {
		script, _, found := strings.Cut(onQuickStart(ctx), "kubectl -n shop patch mysqlreplication")
		Expect(found).To(BeTrue())
		root, err := kit.RepositoryRoot()
		Expect(err).NotTo(HaveOccurred())
		example := filepath.Join(root, "examples", "proxysql")
		page, err := os.ReadFile(filepath.Join(example, "README.md"))
		Expect(err).NotTo(HaveOccurred())
		script += "export AES_TOOL=$PWD/aes-tool; cd '" + example + "'\n"
		for _, chapter := range []string{"## Set it up", "## See it follow", "## Take it away"} {
			script += shellBlocks(string(page), chapter)
		}
		out := written(ctx, script)
		Expect(out).To(MatchRegexp(`(?m)^orders +True +2/2 +mysql-0 +1 `))
		Expect(out).To(ContainSubstring(`["app","report"]`))
	}, SpecTimeout(8*time.Minute))
})

// onQuickStart makes room for the quick start, and returns its commands.
func onQuickStart(ctx SpecContext) string {
	GinkgoHelper()
	root, err := kit.RepositoryRoot()
	Expect(err).NotTo(HaveOccurred())
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	Expect(err).NotTo(HaveOccurred())
	theOperator(ctx)
	Expect(suite.cluster.RemoveNamespace(ctx, quickStartNamespace)).To(Succeed())
	DeferCleanup(func(ctx SpecContext) {
		Expect(suite.cluster.DeleteNamespace(ctx, quickStartNamespace)).To(Succeed())
	}, NodeTimeout(settleTimeout))
	return shellBlocks(string(readme), "## Quick start")
}

// written runs commands as a page has them, and returns what they say.
func written(ctx SpecContext, script string) string {
	GinkgoHelper()
	root, err := kit.RepositoryRoot()
	Expect(err).NotTo(HaveOccurred())
	// Its aes-tool and password files go into the working directory.
	work := GinkgoT().TempDir()
	script = strings.Replace(script, "go build -o aes-tool ./tool", "go build -C '"+root+"' -o '"+work+"/aes-tool' ./tool", 1)
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script)
	cmd.Dir, cmd.WaitDelay = work, time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	Expect(cmd.Run()).To(Succeed(), "%s", &out)
	return out.String()
}

// shellBlocks are the commands of a chapter of a Markdown page, one after the other.
func shellBlocks(page, chapter string) string {
	text := page[strings.Index(page, chapter+"\n")+len(chapter):]
	if end := strings.Index(text, "\n## "); end >= 0 {
		text = text[:end]
	}
	var script strings.Builder
	for rest := text; ; {
		_, after, found := strings.Cut(rest, "\n```sh\n")
		if !found {
			return script.String()
		}
		block, more, _ := strings.Cut(after, "\n```")
		script.WriteString(block + "\n")
		rest = more
	}
}

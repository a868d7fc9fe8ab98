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

var _ = Describe("The README's quick start", func() {
	It("works as it is written", func(ctx SpecContext) {
		root, err := kit.RepositoryRoot()
		Expect(err).NotTo(HaveOccurred())
		readme, err := os.ReadFile(filepath.Join(root, "README.md"))
		Expect(err).NotTo(HaveOccurred())
		theOperator(ctx)
		Expect(suite.cluster.RemoveNamespace(ctx, quickStartNamespace)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) {
			Expect(suite.cluster.DeleteNamespace(ctx, quickStartNamespace)).To(Succeed())
		}, NodeTimeout(settleTimeout))

		script := shellBlocks(string(readme), "## Quick start")
		Expect(script).To(ContainSubstring("mysql:8.4"))
		// Its aes-tool and password files go into the working directory.
		work := GinkgoT().TempDir()
		script = strings.Replace(script, "go build -o aes-tool ./tool", "go build -C '"+root+"' -o '"+work+"/aes-tool' ./tool", 1)
		cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script)
		cmd.Dir, cmd.WaitDelay = work, time.Second
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		Expect(cmd.Run()).To(Succeed(), "%s", &out)

		// What the comments behind the two questions say that the answers are.
		Expect(out.String()).To(MatchRegexp(`\| mysql-0 +\| +3 \|(?s:.*)\| mysql-1 +\| +3 \|`))
		Expect(out.String()).To(MatchRegexp(`(?m)^orders +True +mysql-0 +2/2 +rpl_async`))
		Eventually(ctx, func() int { return told(ctx, quickStartNamespace, "orders", "SwitchoverFinished") }).Should(Equal(1), "%s", &out)
	}, SpecTimeout(6*time.Minute))
})

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

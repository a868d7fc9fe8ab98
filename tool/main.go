// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

// Command aes-tool encrypts the passwords that the operator reads from
// Secrets, and decrypts them again. "aes-tool -h" says how.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.LookupEnv))
}

// run does what args ask for and returns the exit code: 0, or 1 after it has
// said on stderr what is wrong.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer, lookupEnv func(string) (string, bool)) int {
	err := execute(args, stdin, stdout, lookupEnv)
	if errors.Is(err, flag.ErrHelp) {
		_, _ = io.WriteString(stdout, usage)
		return 0
	}
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "aes-tool: %v\n", err)
		return 1
	}
	return 0
}

func execute(args []string, stdin io.Reader, stdout io.Writer, lookupEnv func(string) (string, bool)) error {
	opts, err := parseOptions(args)
	if err != nil {
		return err
	}
	in := inputs{stdin: stdin, lookupEnv: lookupEnv}
	if opts.decrypt {
		return decrypt(opts, in, stdout)
	}
	return encrypt(opts, in, stdout)
}

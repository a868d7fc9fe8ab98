// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// option is a flag's value, and whether it was given at all.
type option struct {
	value string
	given bool
}

// String is the default value in a usage text, which has none.
func (o *option) String() string { return "" }

// Set is called by package flag.
func (o *option) Set(value string) error {
	*o = option{value: value, given: true}
	return nil
}

type options struct {
	decrypt bool

	key, plaintext   option
	username, output option
	file             option
}

// parseOptions reads the command line and refuses what does not fit together.
// Its errors name flags and never repeat a value, which may be a secret.
func parseOptions(args []string) (options, error) {
	var opts options
	word := ""
	if len(args) > 0 && (args[0] == "encrypt" || args[0] == "decrypt") {
		word, args = args[0], args[1:]
	}
	flags := flag.NewFlagSet("aes-tool", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Var(&opts.key, "key", "")
	flags.Var(&opts.plaintext, "plaintext", "")
	flags.Var(&opts.username, "username", "")
	flags.Var(&opts.output, "output", "")
	flags.Var(&opts.output, "out", "")
	flags.Var(&opts.file, "file", "")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return options{}, err
		}
		return options{}, fmt.Errorf("%w (\"aes-tool -h\" lists the options)", err)
	}
	if flags.NArg() > 0 {
		return options{}, fmt.Errorf("there are %d words too many: quote a value that has spaces in it, and put \"encrypt\" or \"decrypt\" first", flags.NArg())
	}
	opts.decrypt = word == "decrypt" || (word == "" && opts.file.given)
	if opts.decrypt {
		return opts, opts.checkDecrypt()
	}
	if word == "" && !opts.plaintext.given && !opts.username.given && !opts.output.given {
		return options{}, errors.New("nothing to do: give -username to encrypt or -file to decrypt (\"aes-tool -h\" shows how)")
	}
	return opts, opts.checkEncrypt()
}

func (o *options) checkDecrypt() error {
	switch {
	case o.file.value == "":
		return errors.New("-file is missing: name the file to decrypt")
	case o.plaintext.given || o.username.given || o.output.given:
		return errors.New("-plaintext, -username and -output are for encrypting, and -file is for decrypting: leave one side out")
	}
	return nil
}

func (o *options) checkEncrypt() error {
	switch {
	case o.file.given:
		return errors.New("-file is for decrypting: use -output to say where the encrypted password goes")
	case o.key.value == "-" && o.plaintext.value == "-":
		return errors.New("-key and -plaintext cannot both come from standard input: use AES_SECRET_KEY for the key")
	case o.output.given && o.output.value == "":
		return errors.New("-output is empty: name a file")
	case o.username.given:
		return checkUsername(o.username.value)
	case !o.output.given:
		return errors.New("-username is missing: the encrypted password goes to NAME.bin")
	}
	return nil
}

// checkUsername makes sure that NAME.bin is a file in the current directory.
func checkUsername(name string) error {
	switch {
	case strings.TrimSpace(name) == "":
		return errors.New("-username is empty: name the database user")
	case strings.ContainsAny(name, `/\`):
		return errors.New("-username must not contain a path separator: use -output to write to another directory")
	case strings.ContainsFunc(name, unicode.IsControl):
		return errors.New("-username must not contain control characters")
	case len(name) > maxUsernameBytes:
		return fmt.Errorf("-username is longer than %d bytes: a Secret's key cannot be", maxUsernameBytes)
	}
	return nil
}

// maxUsernameBytes leaves room for ".bin" and the temporary file's additions
// within the 255 bytes that a file name can have.
const maxUsernameBytes = 200

// path is the file that the encrypted password goes to.
func (o *options) path() string {
	if o.output.given {
		return o.output.value
	}
	return o.username.value + ".bin"
}

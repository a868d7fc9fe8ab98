// Copyright 2026 The Compose Operator Authors
// SPDX-License-Identifier: Apache-2.0

package main

const usage = `aes-tool encrypts the passwords that Compose Operator reads from Secrets.

Usage:
  aes-tool [encrypt] -key KEY -plaintext TEXT -username NAME   write NAME.bin
  aes-tool [decrypt] -key KEY -file NAME.bin                   print the plaintext

Options (one dash or two):
  -key KEY         the AES key, 32 characters; "-" reads it from standard input
  -plaintext TEXT  the password to encrypt; "-" reads it from standard input
  -username NAME   the database user; the file is NAME.bin in the current directory
  -output FILE     write to FILE instead (also -out)
  -file FILE       the file to decrypt
  -h, -help        show this text

What stands on a command line ends up in the shell's history and in the list of
processes. A secret that is not given there is taken from the environment:
  AES_TOOL_KEY, or else AES_SECRET_KEY    the key
  AES_TOOL_PLAINTEXT                      the password to encrypt

A line end after a secret from standard input is dropped. The file is readable
by its owner only and is put in place when it is complete: after an error there
is none, and one that was there before is as it was. The exit code is 0, or 1
after an error.

Example:
  export AES_SECRET_KEY="$(kubectl -n upm-system get secret aes-secret-key \
      -o go-template='{{index .data "AES_SECRET_KEY" | base64decode}}')"
  aes-tool -username mysql -plaintext - <password.txt
  aes-tool -username replication -plaintext - <replication-password.txt
  kubectl create secret generic mysql-credentials \
      --from-file=mysql=mysql.bin --from-file=replication=replication.bin
`

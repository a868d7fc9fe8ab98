package main

import (
	_ "vitess.io/vitess/go/mysql"
	_ "modernc.org/sqlite"
)

func main() {}

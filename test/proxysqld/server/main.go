package main

import (
	_ "modernc.org/sqlite"
	_ "vitess.io/vitess/go/mysql"
)

func main() {}

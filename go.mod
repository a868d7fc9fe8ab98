module github.com/upmio/compose-operator

go 1.26

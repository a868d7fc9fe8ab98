// The definitions of the Prometheus Operator's kinds, which tests install. Nothing is built,
// so the module has this one requirement; after a change of it: go mod download -json, and not tidy.
module github.com/upmio/compose-operator/test/tools/prometheus-operator

go 1.26.0

require github.com/prometheus-operator/prometheus-operator v0.85.0

# Copyright 2026 The Compose Operator Authors
# SPDX-License-Identifier: Apache-2.0

SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
# A recipe line with $(MAKE) in it is run even by make -n, with all that stands beside it
# on the line: bringing the testbed up and down, for one. Through another name it is not.
SUBMAKE = $(MAKE)

# The version that is built into the manager, and the image that the manifests name.
VERSION ?= 0.2.0
IMG ?= upmio/compose-operator:$(VERSION)
# The bundles' image in the catalog, without its tag.
BUNDLE_IMG ?= upmio/compose-operator-bundle
# The images that the tests on the testbed run.
DEV_IMG ?= upmio/compose-operator:dev
FAULTS_IMG ?= upmio/compose-operator:faults
# What stands in for ProxySQL on the testbed, where no package of it can be had.
PROXYSQL_IMG := compose-testbed/proxysql:stand-in
EXAMPLE_PROXYSQL_IMG := docker.io/proxysql/proxysql:3.0.9
# The MySQL image of the README's quick start, which the testbed has a stand-in for.
QUICKSTART_IMG := docker.io/library/mysql:8.4
# More arguments for go test, e.g. TESTARGS='-run TestPlan -v'.
TESTARGS ?=
# Runs of make bench-switchover, bench-group, bench-redis and bench-postgres.
BENCH_RUNS ?= 20
# Failovers of each kind of make bench-failover.
BENCH_ROUNDS ?= 5
# Keys of make bench-reshard.
RESHARD_KEYS ?= 100000
# Rounds and schedules of make soak.
SOAK_ROUNDS ?= 50
SOAK_SCHEDULES ?= 100000
# What make demo shows: mysql, mysqlgroup, redis, rediscluster, postgres or proxysql.
KIND ?= mysql
# Processes that run end-to-end specs side by side.
E2E_PROCS ?= 2

GO_BUILD := CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$(VERSION)"
# Everything that is compiled under a tag, for what looks at all code.
TAGS := admission,mysqld,redisd,postgresd,proxysqld,e2e

# The tools are pinned in test/tools and built when they are first used. These are
# evaluated in the recipe that needs them and nowhere else.
tool = $$(bin/testbed tool $(1))
CONTROLLER_GEN = $(call tool,controller-gen)
KUSTOMIZE = $(call tool,kustomize)
GOLANGCI_LINT = $(call tool,golangci-lint)
OPERATOR_SDK = $(call tool,operator-sdk)
OPM = $(call tool,opm)
PROMTOOL = $(call tool,promtool)
WITH_REDIS = REDIS_ROOTFS="$${REDIS_ROOTFS:-$$(bin/testbed rootfs redis)}"
WITH_POSTGRES = POSTGRES_ROOTFS="$${POSTGRES_ROOTFS:-$$(bin/testbed rootfs postgres)}"
WITH_MYSQL = MYSQL_ROOTFS="$${MYSQL_ROOTFS:-$$(bin/testbed rootfs mysql)}"
WITH_ASSETS = KUBEBUILDER_ASSETS="$${KUBEBUILDER_ASSETS:-$$(bin/testbed assets)}" \
  PROMETHEUS_OPERATOR_CRDS="$${PROMETHEUS_OPERATOR_CRDS:-$$(bin/testbed sources prometheus-operator)/example/prometheus-operator-crd}"

##@ Help

.PHONY: help
help: ## Show this list.
	@awk 'BEGIN {FS = ":.*## "} \
	  /^##@ / {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z0-9-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Build

.PHONY: build
build: ## Build bin/manager and bin/aes-tool.
	$(GO_BUILD) -o bin/manager ./cmd
	$(GO_BUILD) -o bin/aes-tool ./tool

.PHONY: docker-build
docker-build: ## Build the image IMG with docker.
	docker build --build-arg VERSION=$(VERSION) -t $(IMG) .

.PHONY: image
image: bin/testbed ## Build the manager and load it into the running testbed, as DEV_IMG and (with fault points) FAULTS_IMG.
	$(GO_BUILD) -o bin/image/manager ./cmd
	$(GO_BUILD) -tags faults -o bin/image-faults/manager ./cmd
	bin/testbed build-image $(DEV_IMG) --binary bin/image/manager
	bin/testbed build-image $(FAULTS_IMG) --binary bin/image-faults/manager
	@$(SUBMAKE) proxysql-image
	bin/testbed build-image $(QUICKSTART_IMG) --base mysql --add test/e2e/quickstart/docker-entrypoint.sh:/usr/bin/docker-entrypoint.sh --entrypoint docker-entrypoint.sh

.PHONY: proxysql-image
proxysql-image: bin/testbed
	cd test/proxysqld/standin && CGO_ENABLED=0 go build -buildvcs=false -o ../../../bin/image/proxysql .
	for image in $(PROXYSQL_IMG) $(EXAMPLE_PROXYSQL_IMG); do \
	  bin/testbed build-image "$$image" --add bin/image/proxysql:/usr/bin/proxysql --entrypoint proxysql; \
	done

# What OLM installs: the images of this version and of the one before it, both bundles,
# the catalog, and the catalog as it was before. The older operator is built of this
# source as well, under its own version, with rights and definitions to match: its image
# is not published anywhere.
.PHONY: olm-images
olm-images: bin/testbed ## Build and push what OLM pulls on the testbed: operator, bundles, catalogs, scorecard tests.
	$(GO_BUILD) -o bin/image/manager ./cmd
	bin/testbed build-image $(IMG) --binary bin/image/manager
	@for bundle in catalog/bundles/v*; do \
	  version="$$(basename "$$bundle")"; \
	  $(SUBMAKE) previous-image VERSION="$${version#v}"; \
	  catalog/previous-bundle.sh "$${version#v}" "bin/bundle-$$version"; \
	  bin/testbed bundle-image "bin/bundle-$$version" --tag "upmio/compose-operator-bundle:$$version"; \
	done
	bin/testbed bundle-image bundle --tag upmio/compose-operator-bundle:v$(VERSION)
	bin/testbed catalog-image catalog/compose-operator --tag upmio/compose-operator-catalog:latest
	rm -rf bin/catalog-previous && catalog/previous.sh bin/catalog-previous
	bin/testbed catalog-image bin/catalog-previous/compose-operator --tag upmio/compose-operator-catalog:previous
	$(GO_BUILD) -o bin/image/compose-operator-scorecard ./test/scorecard
	bin/testbed build-image upmio/compose-operator-scorecard:$(VERSION) --add bin/image/compose-operator-scorecard:/usr/bin/compose-operator-scorecard --entrypoint /usr/bin/compose-operator-scorecard

.PHONY: previous-image
previous-image:
	$(GO_BUILD) -o bin/image-$(VERSION)/manager ./cmd
	bin/testbed build-image $(IMG) --binary bin/image-$(VERSION)/manager

.PHONY: clean
clean: ## Remove what was built. The testbed and the cache of tools stay.
	rm -rf bin

# Rebuilt when its sources change; Go's build cache makes that a second.
bin/testbed: $(shell find test/testbed -type f -not -name '*_test.go' 2>/dev/null)
	@mkdir -p bin
	@cd test/testbed && CGO_ENABLED=0 go build -buildvcs=false -o ../../bin/testbed .
	@touch $@

##@ Generated files

.PHONY: generate
generate: bin/testbed ## Make what follows from PROJECT, deep copies, the CRDs, the RBAC role, the webhook configuration and dist/.
	@$(SUBMAKE) generate-into OUT=.

.PHONY: manifests
manifests: generate ## The same as generate.

.PHONY: dist
dist: bin/testbed ## Make dist/install.yaml and dist/crds.yaml with the image IMG.
	@$(SUBMAKE) dist-into OUT=.

# Everything that is generated, from the sources below OUT into the same tree.
.PHONY: generate-into
generate-into:
	@gen="$(CONTROLLER_GEN)"; cd "$(OUT)"; \
	yaml=headerFile=config/boilerplate.yaml.txt; \
	go run ./config/kinds/generate; \
	"$$gen" object:headerFile=config/boilerplate.go.txt paths=./api/...; \
	"$$gen" crd:$$yaml paths=./api/... output:crd:dir=config/crd/bases; \
	"$$gen" rbac:roleName=compose-operator-manager,$$yaml paths=./internal/manager/... output:rbac:dir=config/rbac; \
	"$$gen" webhook:$$yaml paths=./internal/webhook/... output:webhook:dir=config/webhook
	@$(SUBMAKE) dist-into OUT="$(OUT)"

.PHONY: dist-into
dist-into:
	@kustomize="$(KUSTOMIZE)"; cd "$(OUT)"; mkdir -p dist; \
	{ cat config/boilerplate.yaml.txt; echo ---; "$$kustomize" build config/crd; } >dist/crds.yaml; \
	{ cat config/boilerplate.yaml.txt; echo ---; "$$kustomize" build config/default \
	  | sed 's|image: upmio/compose-operator:.*|image: $(IMG)|'; } >dist/install.yaml

# OLM's package: what is installed, and the catalog that offers it.
.PHONY: bundle
bundle: bin/testbed ## Make bundle/ and bundle.Dockerfile, the OLM bundle of VERSION with the image IMG.
	@$(SUBMAKE) bundle-into OUT=.

.PHONY: catalog
catalog: bin/testbed ## Render catalog/ from its template, catalog/bundles and bundle/, and docs/catalog-graph.md.
	@$(SUBMAKE) catalog-into OUT=.

.PHONY: bundle-into
bundle-into:
	@sdk="$(OPERATOR_SDK)"; kustomize="$(KUSTOMIZE)"; cd "$(OUT)"; \
	OPERATOR_SDK="$$sdk" KUSTOMIZE="$$kustomize" VERSION=$(VERSION) IMG=$(IMG) config/manifests/generate.sh

.PHONY: catalog-into
catalog-into:
	@opm="$(OPM)"; cd "$(OUT)"; OPM="$$opm" BUNDLE_IMG=$(BUNDLE_IMG) catalog/render.sh

##@ Checks

.PHONY: verify
verify: bin/testbed verify-generated verify-source ## Check generated files, formatting, go vet, license headers, go.mod.

.PHONY: verify-generated
verify-generated: bin/testbed
	@work="$$(mktemp -d)"; trap 'rm -rf "$$work"' EXIT; \
	cp -r go.mod go.sum PROJECT api internal config catalog "$$work"; mkdir "$$work/docs"; \
	compare() { diff -ruN "$$1" "$$work/$$1" || { echo "verify: $$1 is not what its sources make of it: run $$2 and commit the result" >&2; exit 1; }; }; \
	$(SUBMAKE) generate-into OUT="$$work"; \
	for path in api config dist internal/manager/zz_generated.rbac.go test/scorecard/rbac.yaml; do compare "$$path" "make generate"; done; \
	$(SUBMAKE) bundle-into OUT="$$work"; \
	for path in config/manifests config/olm-v1 bundle bundle.Dockerfile; do compare "$$path" "make bundle"; done; \
	$(SUBMAKE) catalog-into OUT="$$work"; \
	for path in catalog docs/catalog-graph.md; do compare "$$path" "make catalog"; done
	@for overlay in config/*/kustomization.yaml; do \
	  "$(KUSTOMIZE)" build "$$(dirname "$$overlay")" >/dev/null || { echo "verify: $$overlay does not build" >&2; exit 1; }; \
	done

.PHONY: bundle-validate
bundle-validate: bin/testbed ## Ask operator-sdk and opm about the bundles and the catalog.
	@sdk="$(OPERATOR_SDK)"; for bundle in catalog/bundles/* bundle; do \
	  echo "operator-sdk bundle validate $$bundle"; \
	  "$$sdk" bundle validate "./$$bundle" --select-optional suite=operatorframework; \
	done
	"$(OPM)" validate catalog

.PHONY: verify-source
verify-source:
	@files="$$(gofmt -l api cmd config internal test tool)"; \
	[[ -z "$$files" ]] || { echo "verify: run gofmt -w on:" $$files >&2; exit 1; }
	@missing=0; while IFS= read -r file; do \
	  head -4 "$$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' || { echo "verify: $$file has no license header: copy the two lines from any other file" >&2; missing=1; }; \
	done < <(find . \( -name .git -o -path ./bin -o -path ./.testbed \) -prune -o -type f \
	  \( -name '*.go' -o -name '*.sh' -o -name '*.yaml' -o -name '*.yml' -o -name '*.sql' -o -name Makefile -o -name Dockerfile -o -path './.ci/*' \) -print); \
	exit $$missing
	@! grep -rn --include='*.go' --exclude='*_test.go' 'time\.Sleep(' api cmd internal tool || { echo "verify: time.Sleep outside tests: wait for a condition with a deadline, or requeue" >&2; exit 1; }
	go vet -tags $(TAGS) ./...
	go vet -tags faults ./cmd/... ./internal/...
	cd test/testbed && go vet ./...
	cd test/scale/standin && go vet ./...
	cd test/proxysqld/standin && CGO_ENABLED=0 go vet ./...
	@go mod tidy -diff >/dev/null || { echo "verify: go.mod and go.sum are not tidy: run go mod tidy and commit the result" >&2; exit 1; }

.PHONY: lint
lint: bin/testbed ## Run the linters of .golangci.yml.
	"$(GOLANGCI_LINT)" run --build-tags $(TAGS) ./...
	lint="$(GOLANGCI_LINT)"; cd test/testbed && "$$lint" run --config ../../.golangci.yml ./...

##@ Tests

.PHONY: test
test: ## Run every check and every test, and say how long each stage took.
	test/all.sh

.PHONY: test-unit
test-unit: ## Tests that need nothing but Go.
	go test -short $(TESTARGS) ./...
	cd test/testbed && go test -short ./...

.PHONY: test-bundle
test-bundle: ## The OLM bundles and the catalog: validators, sizes, and what agrees with what.
	go test -count=1 $(TESTARGS) ./test/bundle/...

# promtool wants the rules without the object around them.
.PHONY: test-alerts
test-alerts: bin/testbed ## The alerts: promtool checks them, and tests when they fire.
	@rm -rf bin/alerts && mkdir -p bin/alerts && cp test/monitoring/alerts/*.yaml bin/alerts/
	@sed -e '1,/^spec:$$/d' -e 's/^  //' config/prometheus/rules.yaml >bin/alerts/rules.yaml
	"$(PROMTOOL)" check rules --lint=all --lint-fatal bin/alerts/rules.yaml
	"$(PROMTOOL)" test rules $(patsubst test/monitoring/alerts/%,bin/alerts/%,$(wildcard test/monitoring/alerts/*.yaml))

.PHONY: test-admission
test-admission: bin/testbed ## CEL rules, webhook and CRD against a real API server.
	$(WITH_ASSETS) go test -p 1 -tags admission -count=1 -timeout 15m $(TESTARGS) ./test/admission/... ./internal/reconcile/

.PHONY: test-redis
test-redis: bin/testbed ## The Redis client, observe, plan and act against real servers: those of REDIS_ROOTFS, or of the testbed's Redis 8. (The model is in test-unit.)
	$(WITH_REDIS) go test -tags redisd -count=1 -timeout 25m -parallel 4 -skip '^TestModel$$' $(TESTARGS) ./internal/redis/...

.PHONY: test-rediscluster
test-rediscluster: bin/testbed ## The same of RedisCluster; no part of make test (docs/rediscluster.md).
	$(WITH_REDIS) go test -tags redisd -count=1 -timeout 25m -parallel 4 -skip '^TestModel$$' $(TESTARGS) ./internal/rediscluster/

.PHONY: test-redis-all
test-redis-all: bin/testbed ## The same on every server that is supported: Redis 8, Redis 7.0 and Valkey.
	@unset REDIS_ROOTFS; $(SUBMAKE) test-redis; \
	for server in redis-7.0 valkey; do \
	  echo "--> make test-redis, $$server"; \
	  root="$$(bin/testbed rootfs "$$server")"; \
	  REDIS_ROOTFS="$$root" $(SUBMAKE) test-redis; \
	done

.PHONY: test-postgres
test-postgres: bin/testbed ## The PostgreSQL engine against real servers: those of POSTGRES_ROOTFS, or of the testbed's PostgreSQL 18. (The model is in test-unit.)
	$(WITH_POSTGRES) go test -p 1 -tags postgresd -count=1 -timeout 25m -parallel 4 -skip '^TestModel$$' $(TESTARGS) ./test/postgresd/... ./internal/postgres/...

.PHONY: test-postgres-all
test-postgres-all: bin/testbed ## The same on PostgreSQL 15, 17 and 18.
	@unset POSTGRES_ROOTFS; $(SUBMAKE) test-postgres; \
	for server in postgres-15 postgres-17; do \
	  echo "--> make test-postgres, $$server"; \
	  root="$$(bin/testbed rootfs "$$server")"; \
	  POSTGRES_ROOTFS="$$root" $(SUBMAKE) test-postgres; \
	done

.PHONY: test-mysql
test-mysql: bin/testbed ## The MySQL client, observe, plan and act against real mysqld processes. (The model is in test-unit.)
	$(WITH_MYSQL) go test -p 2 -tags mysqld -count=1 -timeout 25m -parallel 4 -skip '^(TestModel.*|TestPlanKeepsTheLawsEverywhere)$$' $(TESTARGS) ./test/mysqld/... ./internal/mysql/... ./internal/mysqlgroup/

# PROXYSQL_BIN=/usr/bin/proxysql runs the same against that program.
.PHONY: test-proxysql
test-proxysql: ## The contract of ProxySQL's admin interface, and what observes and acts, against stand-ins, or the real program that PROXYSQL_BIN names. No cluster and no database is needed.
	cd test/proxysqld/standin && CGO_ENABLED=0 go build -buildvcs=false -o ../../../bin/proxysql-standin .
	PROXYSQL_STANDIN=$(CURDIR)/bin/proxysql-standin go test -tags proxysqld -count=1 -timeout 25m -skip '^TestModel$$' $(TESTARGS) ./internal/proxysql/...

.PHONY: soak
soak: bin/testbed ## The long forms of tests: SOAK_ROUNDS kills of the source under load (50), a crash after every step of set-up and switchover, all that the tests of groups have, and SOAK_SCHEDULES schedules of the model (100000).
	$(WITH_MYSQL) FAILOVER_ROUNDS=$(SOAK_ROUNDS) EVERY_CRASH=1 go test -parallel 1 -tags mysqld -count=1 -timeout 3h -v -run '^(TestFailoverLosesNothing|TestCrashesDuring.*|TestOperatorDiesDuringFailover)$$' ./internal/mysql/
	$(WITH_MYSQL) LONG_GROUPS=1 go test -tags mysqld -count=1 -timeout 30m -v ./internal/mysqlgroup/
	MODEL_RUNS=$(SOAK_SCHEDULES) go test -count=1 -timeout 12h -v -run '^TestModel$$' ./internal/mysql/ ./internal/mysqlgroup/ ./internal/redis/ ./internal/rediscluster/ ./internal/postgres/ ./internal/proxysql/

.PHONY: test-engine
test-engine: test-mysql ## The same as test-mysql.

# The clients of the suites use cluster IPs, so their programs run inside the testbed's
# network; they are compiled outside, where modules can be had.
ON_TESTBED = bin/testbed exec -- env OPERATOR_FAULTS_IMAGE=$(FAULTS_IMG)

.PHONY: test-e2e
test-e2e: bin/testbed ## Everything on a real cluster: installation and upgrade by OLM, the scorecard, and all that the operator does. The testbed comes up for it and goes down after it (KEEP_TESTBED=1: stays up).
	@trap '[[ -n "$${KEEP_TESTBED:-}" ]] || bin/testbed down' EXIT; \
	for part in up olm scorecard e2e plain; do echo "--> make on-testbed-$$part"; $(SUBMAKE) on-testbed-$$part; done

# The parts of test-e2e, on a testbed that is up and has the images.
.PHONY: on-testbed-up
on-testbed-up: bin/testbed ## A part of test-e2e: the testbed with OLM and all images.
	bin/testbed up
	bin/testbed olm
	$(SUBMAKE) image olm-images

.PHONY: on-testbed-olm
on-testbed-olm: ## A part of test-e2e: Subscription, install modes, upgrade, removal.
	go test -c -tags e2e -o bin/olm.test ./test/olm
	$(ON_TESTBED) OPERATOR_IMAGE=$(IMG) bin/olm.test -test.timeout 30m -ginkgo.json-report=$(CURDIR)/bin/olm-report.json $(TESTARGS)

# The namespace is the scorecard's; what it makes there goes with it.
.PHONY: on-testbed-scorecard
on-testbed-scorecard: ## A part of test-e2e: operator-sdk scorecard in pods, with the operator that OLM has installed.
	go build -o bin/subscribe ./test/olm/subscribe
	$(ON_TESTBED) bin/subscribe
	-@bin/testbed kubectl create namespace scorecard
	bin/testbed kubectl label --overwrite namespace scorecard pod-security.kubernetes.io/enforce=restricted
	bin/testbed kubectl apply -n scorecard -f test/scorecard/rbac.yaml
	bin/testbed exec -- "$(OPERATOR_SDK)" scorecard ./bundle -n scorecard --service-account compose-operator-scorecard --pod-security restricted \
	  --untar-image compose-testbed/busybox:1 --storage-image compose-testbed/busybox:1 --wait-time 10m --output text
	bin/testbed kubectl delete namespace scorecard --wait=false

.PHONY: on-testbed-e2e
on-testbed-e2e: ## A part of test-e2e: the operator at work, installed by OLM.
	go test -c -tags e2e -o bin/e2e.test ./test/e2e
	go build -o bin/ginkgo github.com/onsi/ginkgo/v2/ginkgo
	$(ON_TESTBED) INSTALL=olm OPERATOR_IMAGE=$(IMG) bin/ginkgo --procs=$(E2E_PROCS) --timeout=50m --no-color --json-report=e2e-report.json --output-dir=bin --label-filter='!long' bin/e2e.test -- $(TESTARGS)

.PHONY: on-testbed-plain
on-testbed-plain: ## A part of test-e2e: the same from dist/install.yaml, the specs that depend on the installation.
	go test -c -tags e2e -o bin/e2e.test ./test/e2e
	$(ON_TESTBED) INSTALL=manifest OPERATOR_IMAGE=$(DEV_IMG) bin/e2e.test -test.timeout 20m -ginkgo.label-filter=installation $(TESTARGS)

.PHONY: fault-matrix
fault-matrix: bin/testbed ## Every fault of a set and of a group, at rest, in a planned change and in a failover, on the testbed, which stays up; writes docs/fault-matrix.md.
	bin/testbed up
	$(SUBMAKE) image
	$(SUBMAKE) on-testbed-matrix

.PHONY: fault-matrix-redis
fault-matrix-redis: bin/testbed ## The same for a RedisReplication; writes docs/fault-matrix-redis.md.
	bin/testbed up
	$(SUBMAKE) image
	$(SUBMAKE) on-testbed-matrix-redis

.PHONY: on-testbed-matrix
on-testbed-matrix: ## A part of fault-matrix: the specs, on a testbed that is up and has the images.
	@$(SUBMAKE) matrix-of PAGE=FAULT_MATRIX_PAGE=$(CURDIR)/docs/fault-matrix.md OF='matrix && !redis'

.PHONY: on-testbed-matrix-redis
on-testbed-matrix-redis: ## A part of fault-matrix-redis: the same.
	@$(SUBMAKE) matrix-of PAGE=FAULT_MATRIX_REDIS_PAGE=$(CURDIR)/docs/fault-matrix-redis.md OF='matrix && redis'

.PHONY: matrix-of
matrix-of:
	go test -c -tags e2e -o bin/e2e.test ./test/e2e
	go build -o bin/ginkgo github.com/onsi/ginkgo/v2/ginkgo
	$(ON_TESTBED) $(PAGE) INSTALL=manifest OPERATOR_IMAGE=$(DEV_IMG) bin/ginkgo --procs=$(E2E_PROCS) --timeout=90m --no-color --label-filter='$(OF)' bin/e2e.test -- $(TESTARGS)

.PHONY: test-e2e-cluster
test-e2e-cluster: ## The same suite on the cluster of KUBECONFIG, from inside its network, with OPERATOR_IMAGE and MYSQL_IMAGE.
	go test -tags e2e -count=1 -timeout 50m ./test/e2e -ginkgo.label-filter='!long && !node' $(TESTARGS)

##@ A real cluster

.PHONY: testbed
testbed: bin/testbed ## Bring up a single-node Kubernetes in a network of its own.
	bin/testbed up

.PHONY: testbed-down
testbed-down: bin/testbed ## Take it down and leave nothing behind.
	bin/testbed down

.PHONY: testbed-olm
testbed-olm: bin/testbed ## The testbed with the Operator Lifecycle Manager on it.
	bin/testbed up
	bin/testbed olm

.PHONY: demo
demo: bin/testbed ## Testbed, operator, three MySQL pods, writers, a switchover and a report; it stays up. KIND=mysqlgroup, redis, rediscluster, postgres or proxysql shows that.
	go build -o bin/demo ./test/demo
	bin/testbed up
	bin/testbed olm
	@$(SUBMAKE) olm-images $(if $(filter proxysql,$(KIND)),proxysql-image)
	bin/testbed exec -- env INSTALL=olm OPERATOR_IMAGE=$(IMG) bin/demo -kind $(KIND) $(TESTARGS)

.PHONY: demo-down
demo-down: testbed-down ## Take the demo down.

.PHONY: bench-failover
bench-failover: bin/testbed ## Measure from the edit to the first acknowledged write of BENCH_ROUNDS failovers of each kind (5), over real mysqld processes; no cluster is needed.
	$(WITH_MYSQL) BENCH_ROUNDS=$(BENCH_ROUNDS) go test -p 1 -tags mysqld -count=1 -timeout 60m -v -run '^TestBenchFailover$$' $(TESTARGS) ./internal/mysql/

.PHONY: bench-failover-cluster
bench-failover-cluster: bin/testbed ## The same on the testbed: source dead, hung and cut off, BENCH_ROUNDS of each.
	go build -o bin/bench ./test/bench
	bin/testbed up
	@$(SUBMAKE) image
	bin/testbed exec -- bin/bench -failover -runs $(BENCH_ROUNDS) $(TESTARGS)

.PHONY: bench-switchover
bench-switchover: bin/testbed ## Measure the write outage of BENCH_RUNS planned switchovers (20).
	go build -o bin/bench ./test/bench
	bin/testbed up
	@$(SUBMAKE) image
	bin/testbed exec -- bin/bench -runs $(BENCH_RUNS) $(TESTARGS)

.PHONY: bench-group
bench-group: bin/testbed ## The same for BENCH_RUNS planned changes of the primary of a MysqlGroupReplication.
	go build -o bin/bench ./test/bench
	bin/testbed up
	@$(SUBMAKE) image
	bin/testbed exec -- bin/bench -group -runs $(BENCH_RUNS) $(TESTARGS)

.PHONY: bench-redis
bench-redis: bin/testbed ## The same for BENCH_RUNS planned switchovers of a RedisReplication.
	go build -o bin/bench ./test/bench
	bin/testbed up
	@$(SUBMAKE) image
	bin/testbed exec -- bin/bench -redis -runs $(BENCH_RUNS) $(TESTARGS)

.PHONY: bench-postgres
bench-postgres: BENCH_RUNS = 6
bench-postgres: bin/testbed ## The same for six planned switchovers of a PostgresReplication: the kubelet starts the old primary again later each time.
	go build -o bin/bench ./test/bench
	bin/testbed up
	@$(SUBMAKE) image
	bin/testbed exec -- bin/bench -postgres -runs $(BENCH_RUNS) $(TESTARGS)

.PHONY: bench-reshard
bench-reshard: bin/testbed ## How fast slots are moved, beside redis-cli --cluster rebalance in the same run; fails when that is faster. Writes docs/benchmarks/reshard.md.
	RESHARD_KEYS=$(RESHARD_KEYS) RESHARD_RUNS=3 RESHARD_PAGE=$(CURDIR)/docs/benchmarks/reshard.md \
	$(WITH_REDIS) go test -tags redisd -count=1 -timeout 60m -v -run '^TestReshardBesideRedisCli$$' $(TESTARGS) ./internal/rediscluster/

bin/standin: $(shell find test/scale/standin -type f 2>/dev/null)
	@mkdir -p bin
	cd test/scale/standin && CGO_ENABLED=0 go build -buildvcs=false -o ../../../bin/standin .
	@touch $@

.PHONY: bench-scale
bench-scale: bin/testbed bin/standin ## Measure what 1,000 resources cost the operator, with stand-ins for the MySQL servers.
	$(GO_BUILD) -o bin/manager ./cmd
	go build -o bin/scale ./test/scale
	$(WITH_ASSETS) bin/scale $(TESTARGS)
